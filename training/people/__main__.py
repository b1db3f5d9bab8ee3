"""Renders people into a folder, one after another, from their seeds: PYTHON -m training.people FOLDER SEED [SEED ...] [--size ...].

One line of JSON on stdout for each person that is rendered. Started by `python -m training people`.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.people import scene as stage
from training.people.body import Bodies, Body, Template, read_template
from training.people.shell import draw_clothes, draw_hair, hidden

FAINT = 0.15
"""Below this alpha a pixel takes its colour from its neighbours, because dividing by a small alpha amplifies noise."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.people", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seeds", type=int, nargs="+", help="of the people to render")
    parser.add_argument("--size", type=int, default=512, help="pixels a side")
    parser.add_argument("--samples", type=int, default=16, help="of light a pixel; alpha takes four times as many")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    bodies, template = Bodies(), read_template()
    for seed in asked.seeds:
        print(json.dumps(make(seed, bodies, template, asked)), flush=True, file=REPORT)


def make(seed: int, bodies: Bodies, template: Template, asked: argparse.Namespace) -> dict[str, object]:
    """Render the person of a seed and write its three files; the .json, which marks it as complete, last."""
    rng = np.random.default_rng(seed)
    body = bodies.draw(rng)
    scene = stage.empty_scene(asked.size, asked.threads)
    told = _build(rng, scene, body, template)
    light = stage.add_light(rng, scene)
    scene.cycles.seed = seed
    with tempfile.TemporaryDirectory() as folder:
        colours = stage.rendered_colours(scene, asked.samples, Path(folder) / "colours.exr")
        alpha = stage.rendered_alpha(scene, 4 * asked.samples, Path(folder) / "alpha.exr")
    exposed = colours[..., :3] * (rng.uniform(0.75, 1.1) / light)
    record = {"seed": seed, "kind": body.kind, "male": body.male, **told, "covered": round(float(alpha.mean()), 3)}
    _write(asked.folder / f"person_{seed:06d}", encoded(straight(exposed, alpha)), alpha, record)
    return record


def _build(rng: np.random.Generator, scene: object, body: Body, template: Template) -> dict[str, object]:
    """Build the person and the camera; returns the properties that were drawn."""
    clothes = draw_clothes(rng, body, template)
    skin = hidden(body, template, clothes)
    stage.add_mesh("skin", skin, template.parts["body"], stage.skin(rng, body), body.rest[: len(skin)])
    for garment in clothes:
        stage.add_mesh(garment.kind, garment.points, garment.faces, stage.fabric(rng, garment.kind), garment.rest)
    stage.add_eyes(body, template)
    hair, strands = draw_hair(rng, body, template)
    if len(strands):
        stage.add_strands("hair", strands, 0.0004, stage.material("hair", stage.hair_colour(rng, body), 0.4))
    points = np.concatenate((skin, *(garment.points for garment in clothes), strands.reshape(-1, 3)))
    camera = stage.add_camera(rng, scene, points)
    return {"clothes": [garment.kind for garment in clothes], "hair": hair, **camera}


def straight(light: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float64]:
    """Colours [H, W, 3] divided by their alpha; where that is below FAINT, continued from the nearest pixels."""
    known = np.where(alpha > FAINT, alpha, 0.0)[..., None].astype(np.float64)
    colours = np.where(known > 0, light / np.maximum(alpha, FAINT)[..., None], 0.0)
    weights = known
    while (weights == 0).any() and weights.any():
        spread, weight = _around(colours * weights), _around(weights)
        colours = np.where(weights > 0, colours, spread / np.maximum(weight, 1e-9))
        weights = np.where((weights > 0) | (weight == 0), weights, 1.0)
    return colours


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each pixel and its eight neighbours."""
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    height, width = values.shape[:2]
    parts = [padded[row : row + height, column : column + width] for row in range(3) for column in range(3)]
    mean: NDArray[np.float64] = np.mean(parts, axis=0)
    return mean


def encoded(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Linear light as 8 bits of sRGB; values above 0.7 are compressed instead of clipped."""
    soft = np.where(light > 0.7, 0.7 + 0.3 * (1 - np.exp(-(light - 0.7) / 0.3)), np.maximum(light, 0))
    srgb = np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * np.maximum(soft, 1e-9) ** (1 / 2.4) - 0.055)
    levels: NDArray[np.uint8] = np.rint(srgb.clip(0, 1) * 255).astype(np.uint8)
    return levels


def _write(stem: Path, colours: NDArray[np.uint8], alpha: NDArray[np.float32], record: dict[str, object]) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours).save(f"{stem}.webp", quality=95)
    Image.fromarray(np.rint(alpha * 255).astype(np.uint8)).save(f"{stem}_alpha.png")
    part = stem.with_suffix(".part")
    part.write_text(json.dumps(record) + "\n")
    part.rename(stem.with_suffix(".json"))


# Blender writes its own progress to stdout, below Python, so the reports keep a copy of it and stdout becomes stderr.
REPORT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

if __name__ == "__main__":
    main()
