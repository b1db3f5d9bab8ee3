"""How accurate models are with imperfect plates: noise, compression, hand-held cameras, other light, shadows, few pixels.

The photos of index.json's kind "plates" with an exact alpha, each with its plate unchanged and then degraded in one way; MAD (x1000) over
whole pictures, as `matte eval --convention rvm` counts it. Everything goes through the code that `matte image --bg` runs.

Usage: python benchmarks/hard_plates.py [MODEL ...] [--data FOLDER] [--json benchmarks/results/hard_plates.json]
FOLDER holds index.json (default: $MATTE_SHARED/data, else ../shared/data). Without names: closed-form, fusion and fusion-plate.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.cli import process
from mattecli.core import machine
from mattecli.io.images import read_photo, write_image
from mattecli.matting.levels import to_uint8
from mattecli.pipelines.recipe import Recipe
from swing import Matte, clip_scores
from weights import files_of, matted_photo, read_matte, recipes, table

Picture = NDArray[np.uint8]
Pixels = TypeVar("Pixels", Picture, Matte)
Spoil = Callable[[Picture, Picture, Matte], tuple[Picture, Picture]]

MODELS = ("closed-form", "fusion", "fusion-plate")


def noisy(picture: Picture, deviation: float, seed: int) -> Picture:
    grains = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(picture + grains, 0, 255).round().astype(np.uint8)


def compressed(picture: Picture, quality: int) -> Picture:
    file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def moved(picture: Picture, degrees: float, shift: tuple[float, float]) -> Picture:
    height, width = picture.shape[:2]
    onto = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    onto[:, 2] += shift
    return np.asarray(cv2.warpAffine(picture, onto, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT), np.uint8)


def shrunk(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """A picture or matte of another size (width, height), each pixel the mean of the area it covers."""
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def a_third(picture: Picture) -> Picture:
    return shrunk(picture, (round(picture.shape[1] / 3), round(picture.shape[0] / 3)))


def shaded(picture: Picture, alpha: Matte, depth: float) -> Picture:
    """The subject's soft shadow beside it, which the plate lacks."""
    height, width = alpha.shape
    shadow = cv2.GaussianBlur(np.roll(alpha, (round(0.03 * height), round(0.05 * width)), (0, 1)), (0, 0), 12) * (1 - alpha)
    return (picture * (1 - depth * shadow[..., None])).astype(np.uint8)


CASES: dict[str, Spoil] = {
    "as it is": lambda image, plate, alpha: (image, plate),
    "noise of 4 levels in both": lambda image, plate, alpha: (noisy(image, 4, 0), noisy(plate, 4, 1)),
    "noise of 8 levels in both": lambda image, plate, alpha: (noisy(image, 8, 0), noisy(plate, 8, 1)),
    "JPEG of quality 40": lambda image, plate, alpha: (compressed(image, 40), compressed(plate, 40)),
    "plate turned by 0.4 degrees and moved": lambda image, plate, alpha: (image, moved(plate, 0.4, (6, -3))),
    "plate a twelfth lighter": lambda image, plate, alpha: (image, np.clip(plate * 1.08, 0, 255).astype(np.uint8)),
    "plate out of focus": lambda image, plate, alpha: (image, np.asarray(cv2.GaussianBlur(plate, (0, 0), 1.2), np.uint8)),
    "shadow that takes a third of the light": lambda image, plate, alpha: (shaded(image, alpha, 0.35), plate),
    "a third of its size": lambda image, plate, alpha: (a_third(image), a_third(plate)),
    "a third of its size, JPEG of quality 60": lambda image, plate, alpha: (compressed(a_third(image), 60), compressed(a_third(plate), 60)),
}


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", default=MODELS, help="names of `matte models list`")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATTE_SHARED", "../shared")) / "data")
    parser.add_argument("--json", type=Path, help="write the results there")
    arguments = parser.parse_args()
    entries = json.loads((arguments.data / "index.json").read_text())["entries"]
    chosen = [entry for entry in entries if entry["kind"] == "plates" and entry.get("ground_truth", "").startswith("exact")]
    models = dict(recipes(arguments.models, "background"))
    rows = [row for entry in chosen for row in rows_for(entry["id"], files_of(entry, arguments.data), models)]
    print(table(["scene", "case", *(f"`{model}`" for model in models)], [[str(cell) for cell in row.values()] for row in rows]))
    if arguments.json:
        arguments.json.write_text(json.dumps({**machine.describe(), "rows": rows}, indent=1) + "\n")


def rows_for(scene: str, files: Mapping[str, str], models: Mapping[str, Recipe]) -> list[dict[str, object]]:
    """A row for each case: its scene, its name and each model's MAD."""
    image, plate = (to_uint8(read_photo(files[key]).pixels) for key in ("image", "plate"))
    alpha = read_matte(files["alpha"])
    rows = []
    for case, spoil in CASES.items():
        pictures = spoil(image, plate, alpha)
        true = shrunk(alpha, pictures[0].shape[1::-1])
        rows.append({"scene": scene, "case": case, **{model: error_of(recipe, pictures, true) for model, recipe in models.items()}})
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def error_of(recipe: Recipe, pictures: tuple[Picture, Picture], alpha: Matte) -> float:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("image.png", "plate.png")]
        for file, picture in zip(files, pictures, strict=True):
            write_image(picture, file)
        found = matted_photo(str(files[0]), {"background": str(files[1])}, recipe)
    return round(clip_scores([found], [alpha], "mad")["mad"], 3)


if __name__ == "__main__":
    main()
