"""How true the mattes of the models that come with matte are: those that work from a trimap, and those that work from a clean plate.

- From a trimap: the 16 training pictures of alphamatting.com (shared data, those of index.json's kind "eval" with a true alpha), with
  the narrow and the wide trimap. SAD, MSE, Grad and Conn as `matte eval --convention dim` counts them, in the unknown pixels.
- From a plate: a clip with exact alpha for each frame (synth_swing), and the photos of index.json's kind "plates" with a true alpha,
  which is exact where they were composited from it and approximate where it was measured. MAD, Grad and, of the clip, dtSSD as
  `matte eval --convention rvm` counts them, over whole pictures. A model that takes a trimap gets one made from the plate, so
  closed-form's row is the way without weights.

Everything goes through the code that `matte image` and `matte video` run. Without names: the installed models of models.toml's defaults
for trimaps and plates. Tables in Markdown on stdout, progress on stderr.

Usage: python benchmarks/weights.py [MODEL ...] [--data FOLDER] [--json benchmarks/results/weights.json]
FOLDER holds index.json (default: $MATTE_SHARED/data, else ../shared/data).
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from mattecli.cli import process
from mattecli.core import machine
from mattecli.core.clock import Clock
from mattecli.core.registry import registry
from mattecli.core.runtime import to_array
from mattecli.core.store import is_runnable
from mattecli.errors import UsageError
from mattecli.evaluation.metrics import CONVENTIONS, Sample, measure, prepared
from mattecli.guides.derive import guides_for_photo
from mattecli.io.images import read_levels, read_photo
from mattecli.matting.given_trimap import read_trimap_levels
from mattecli.pipelines.matte import matte_photo
from mattecli.pipelines.recipe import Recipe
from swing import Matte, clip_scores, matted_clip, read_mattes, recipe_for

Scores = dict[str, float]
TRIMAPS = {"narrow": "trimap", "wide": "trimap_wide"}
CLIP = "synth_swing"
FROM_TRIMAP = {"sad": "SAD", "mse": "MSE", "grad": "Grad", "conn": "Conn"}
FROM_PLATE = {"mad": "MAD", "grad": "Grad", "dtssd": "dtSSD"}
PLACES = {"mse": 5}  # digits after the point; of all others three


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="names of `matte models list`")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATTE_SHARED", "../shared")) / "data")
    parser.add_argument("--json", type=Path, help="write the results there")
    arguments = parser.parse_args()
    entries = json.loads((arguments.data / "index.json").read_text())["entries"]
    names = arguments.models or default_models()
    results = {"machine": machine.describe(), **from_trimaps(names, arguments.data, entries), **from_plates(names, arguments.data, entries)}
    print(markdown(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


def default_models() -> list[str]:
    known = registry()
    names = dict.fromkeys((*known.defaults["trimap"], *known.defaults["background"]))
    return [name for name in names if is_runnable(known.find(name))]


def recipes(names: Sequence[str], guide: str) -> Iterator[tuple[str, Recipe]]:
    """The models that can work from a guide, each loaded once."""
    for name in names:
        try:
            yield name, recipe_for(name, {guide: "any"})
        except UsageError as error:
            print(error, file=sys.stderr)


def from_trimaps(names: Sequence[str], data: Path, entries: Sequence[dict]) -> dict[str, object]:
    """{"trimap": {narrow or wide: {model: {"mean": scores, "images": {id: scores}}}}}"""
    chosen = [entry for entry in entries if entry["kind"] == "eval" and {"alpha", *TRIMAPS.values()} <= set(entry["files"])]
    found: dict[str, dict[str, object]] = {kind: {} for kind in TRIMAPS}
    for name, recipe in recipes(names, "trimap"):
        for kind, key in TRIMAPS.items():
            images = {entry["id"]: trimap_scores(files_of(entry, data), key, recipe) for entry in chosen}
            mean = {metric: fmean(scores[metric] for scores in images.values()) for metric in FROM_TRIMAP}
            found[kind][name] = {"mean": rounded(mean), "images": {image: rounded(scores) for image, scores in images.items()}}
            print(name, kind, rounded(mean), file=sys.stderr)
    return {"trimap": found}


def trimap_scores(files: Mapping[str, str], key: str, recipe: Recipe) -> Scores:
    trimap = read_trimap_levels(read_levels(files[key]))
    sample = Sample(matted_photo(files["image"], {"trimap": files[key]}, recipe), read_matte(files["alpha"]), trimap)
    return {name: value for name, value in measure(prepared(sample, CONVENTIONS["dim"]), CONVENTIONS["dim"]).items() if value is not None}


def from_plates(names: Sequence[str], data: Path, entries: Sequence[dict]) -> dict[str, object]:
    """{"plate": {scene: {"truth": exact or approximate, "models": {model: scores}}}}"""
    chosen = [entry for entry in entries if entry["id"] == CLIP or (entry["kind"] == "plates" and "alpha" in entry["files"])]
    truths = {entry["id"]: "exact" if entry["ground_truth"].startswith("exact") else "approximate" for entry in chosen}
    found: dict[str, dict] = {scene: {"truth": truth, "models": {}} for scene, truth in truths.items()}
    for name, recipe in recipes(names, "background"):
        for entry in chosen:
            scores = rounded(plate_scores(files_of(entry, data), recipe))
            found[entry["id"]]["models"][name] = scores
            print(name, entry["id"], scores, file=sys.stderr)
    return {"plate": found}


def plate_scores(files: Mapping[str, str], recipe: Recipe) -> Scores:
    given = {"background": files["plate"]}
    if "video" not in files:
        return clip_scores([matted_photo(files["image"], given, recipe)], [read_matte(files["alpha"])], "mad", "grad")
    folder = Path(files["video"]).parent
    found, _ = matted_clip(folder, given, recipe)
    return clip_scores(found, read_mattes(folder, "alpha_*.png"), *FROM_PLATE)


def matted_photo(file: str, given: Mapping[str, str], recipe: Recipe) -> Matte:
    """The matte [H, W] that `matte image` finds, before it is rounded to 8 bits."""
    photo = read_photo(file)
    return to_array(matte_photo(photo, guides_for_photo(photo, given, recipe.choice).guides, recipe, clock=Clock()).alpha)


def read_matte(file: str) -> Matte:
    return read_photo(file).pixels[..., 0].astype(np.float32) / 255


def files_of(entry: dict, data: Path) -> dict[str, str]:
    return {key: str(data / file) for key, file in entry["files"].items() if isinstance(file, str)}


def rounded(scores: Scores) -> Scores:
    return {name: round(value, PLACES.get(name, 3)) for name, value in scores.items()}


def markdown(results: dict) -> str:
    """The means, each picture's SAD and MSE, and the scenes with a plate."""
    trimaps, scenes = results["trimap"], results["plate"]
    means = [
        [kind, f"`{name}`", *cells(scores["mean"], FROM_TRIMAP)] for kind, models in trimaps.items() for name, scores in models.items()
    ]
    columns = {f"{kind}, `{name}`": scores["images"] for kind, models in trimaps.items() for name, scores in models.items()}
    pictures = next(iter(columns.values()), {})
    each = [[picture, *("; ".join(cells(column[picture], ("sad", "mse"))) for column in columns.values())] for picture in pictures]
    plates = [
        [scene, about["truth"], f"`{name}`", *cells(scores, FROM_PLATE)]
        for scene, about in scenes.items()
        for name, scores in about["models"].items()
    ]
    tables = [
        table(["trimap", "model", *FROM_TRIMAP.values()], means),
        table(["SAD; MSE", *columns], each),
        table(["scene", "true alpha", "model", *FROM_PLATE.values()], plates),
    ]
    return "\n".join(filter(None, tables))


def cells(scores: Scores, metrics: Sequence[str] | Mapping[str, str]) -> list[str]:
    return [f"{scores[name]:.{PLACES.get(name, 3)}f}" if name in scores else "-" for name in metrics]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines) if rows else ""


if __name__ == "__main__":
    main()
