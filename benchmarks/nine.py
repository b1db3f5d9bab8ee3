"""What each of the nine surveyed names does on a machine without a network on which nothing was pulled.

Every name runs with an empty MATTE_HOME while sockets are forbidden, through the code that `matte image` and `matte video` run, with the
guide it takes: networks for people on the photos of index.json whose names begin with people_ or p3m_ (IoU at alpha 0.5 and MAD, before
and after refinement), those for a trimap on the 16 training pictures of alphamatting.com (SAD beside closed-form's, narrow and wide),
those for a plate on arms, group, swing and flowers (MAD beside closed-form's). A name that does not run is a row with its reason.

Usage: python benchmarks/nine.py [NAME ...] [--data FOLDER] [--json benchmarks/results/nine.json]
FOLDER holds index.json (default: $MATTE_SHARED/data, else ../shared/data).
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

import mattecli
from mattecli.core import machine
from mattecli.io.images import read_photo
from portraits import intersection_over_union
from weights import files_of, from_plates, from_trimaps

Report = dict[str, Any]

PEOPLE = ("modnet", "shm", "shm-fast", "hattmatting", "mmnet", "mmnet-0.5", "fdm")
TRIMAP = ("dim", "sim")
PLATE = ("bgmv2", "bgm")
BASELINE = "closed-form"
REFERENCES = ("alpha", "reference_alpha", "mask")


def forbid_sockets() -> None:
    """Make every connection and every name lookup of this process fail."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            raise OSError(f"{event} is forbidden here")

    sys.addaudithook(refuse)


def of_people(name: str, data: Path, entries: Sequence[dict]) -> Report:
    """Mean scores of the network's own matte and of the refined one, and those of each photo."""
    model = mattecli.load(name, offline=True)
    photos = {entry["id"]: _of_person(model, files_of(entry, data)) for entry in entries if _shows_people(entry)}
    means = {way: {key: fmean(scores[way][key] for scores in photos.values()) for key in ("iou", "mad")} for way in ("own", "refined")}
    return {"weights": model.weights, **_rounded(means), "photos": {photo: _rounded(scores) for photo, scores in photos.items()}}


def _shows_people(entry: dict) -> bool:
    return (
        entry["id"].startswith(("people_", "p3m_")) and entry["kind"] in ("eval", "portraits") and bool({*REFERENCES} & set(entry["files"]))
    )


def _of_person(model: mattecli.Model, files: dict[str, str]) -> dict[str, dict[str, float]]:
    reference = read_photo(next(files[kind] for kind in REFERENCES if kind in files)).pixels[..., 0].astype(np.float32) / 255
    alphas = {way: np.asarray(model(files["image"], refine=refine).alpha) for way, refine in (("own", "none"), ("refined", "auto"))}
    return {
        way: {"iou": intersection_over_union(alpha, reference), "mad": float(np.abs(alpha - reference).mean())}
        for way, alpha in alphas.items()
    }


def of_trimap(name: str, data: Path, entries: Sequence[dict]) -> Report:
    """SAD in thousands with both trimaps, and how many of closed-form's that is."""
    found = from_trimaps([name, BASELINE], data, entries)["trimap"]
    report: Report = {"weights": mattecli.load(name, offline=True).weights}
    for kind, models in found.items():  # type: ignore[attr-defined]
        ours, base = (models[model]["mean"]["sad"] for model in (name, BASELINE))
        report[kind] = {"sad": ours, "closed_form": base, "ratio": round(ours / base, 3)}
    return report


def of_plate(name: str, data: Path, entries: Sequence[dict]) -> Report:
    """MAD x1000 of each scene, and how many of closed-form's that is."""
    found = from_plates([name, BASELINE], data, entries)["plate"]
    report: Report = {"weights": mattecli.load(name, offline=True).weights}
    for scene, about in found.items():  # type: ignore[attr-defined]
        ours, base = (about["models"][model]["mad"] for model in (name, BASELINE))
        report[scene] = {"mad": ours, "closed_form": base, "ratio": round(ours / base, 3)}
    return report


def _rounded(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {way: {key: round(value, 4) for key, value in values.items()} for way, values in scores.items()}


WAYS: dict[str, Callable[[str, Path, Sequence[dict]], Report]] = {
    **dict.fromkeys(PEOPLE, of_people),
    **dict.fromkeys(TRIMAP, of_trimap),
    **dict.fromkeys(PLATE, of_plate),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(WAYS))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATTE_SHARED", "../shared")) / "data")
    parser.add_argument("--json", type=Path, help="write the results there")
    arguments = parser.parse_args()
    entries = json.loads((arguments.data / "index.json").read_text())["entries"]
    forbid_sockets()
    report: Report = {"machine": machine.describe()}
    with tempfile.TemporaryDirectory() as empty:
        os.environ["MATTE_HOME"] = empty
        os.environ.pop("MATTE_MIRROR", None)
        for name in arguments.names or WAYS:
            try:
                report[name] = WAYS[name](name, arguments.data, entries)
            except mattecli.MatteError as error:
                report[name] = {"failed": str(error)}
            print(name, json.dumps({key: value for key, value in report[name].items() if key != "photos"}), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
