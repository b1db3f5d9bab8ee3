"""How good `matte image` is with no guide and no model pulled, beside what people would use instead, in one run on the same photos.

For every photo of the data index's kinds "eval" and "portraits" with a true alpha, a reference alpha or a mask: intersection over union
at alpha 0.5 and mean absolute difference, of what `matte image photo.jpg` makes (`mattecli.load()`), of its network's matte before
refinement, and of three peers as their users run them: u2netp (rembg's light model; 320 x 320, min-max normalised) and the two
segmentation networks of MediaPipe (256 x 256, and 144 x 256 for landscapes). Masks and reference alphas are not ground truth: the
latter are other networks' results, checked by eye. A photo that is refused counts with an empty matte.

Usage: python benchmarks/subject.py [--data FOLDER] [--teachers FOLDER] [--json benchmarks/results/subject.json]
FOLDER holds index.json (default: $MATTE_SHARED/data), or the peers' files (default: $MATTE_SHARED/training/people/teachers); the peers
need the packages onnxruntime and ai-edge-litert.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

import mattecli
from mattecli.core import machine
from mattecli.io.images import read_photo
from weights import files_of

Plane = NDArray[np.float32]
Levels = NDArray[np.uint8]
Peer = Callable[[Levels], Plane]

SHARED = Path(os.environ.get("MATTE_SHARED", "../shared"))
REFERENCES = "alpha", "reference_alpha", "mask"
GROUPS = {
    "people": ("people_", "p3m_"),
    "animals and plants": ("animal_", "natural_"),
    "objects with true mattes": ("alphamatting_", "pymatting_"),
}


def u2netp(file: Path) -> Peer:
    """The small U2-Net behind rembg's pre- and post-processing."""
    session = onnxruntime.InferenceSession(str(file))

    def found(photo: Levels) -> Plane:
        small = cv2.resize(photo, (320, 320), interpolation=cv2.INTER_AREA).astype(np.float32)
        standard = (small / max(small.max(), 1) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        answer = session.run(None, {"input.1": standard.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
        return stretched((answer - answer.min()) / max(float(answer.max() - answer.min()), 1e-6), photo)

    return found


def selfie(file: Path) -> Peer:
    """A segmentation network of MediaPipe."""
    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    given, answered = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    height, width = given["shape"][1:3]

    def found(photo: Levels) -> Plane:
        small = cv2.resize(photo, (int(width), int(height)), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        interpreter.set_tensor(given["index"], small[None])
        interpreter.invoke()
        return stretched(interpreter.get_tensor(answered["index"])[0, ..., 0], photo)

    return found


def stretched(answer: Plane, photo: Levels) -> Plane:
    return np.asarray(cv2.resize(answer, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32).clip(0, 1)


def ours(model: mattecli.Model, file: Path, refine: str | None) -> tuple[Plane, list[str]]:
    """The matte and its notes; an empty matte where the photo is refused."""
    try:
        matte = model(str(file), refine=refine)
    except mattecli.MatteError as error:
        return np.zeros(read_photo(str(file)).size, np.float32), [str(error)]
    return np.asarray(matte.alpha, np.float32), list(matte.notes)


def score(found: Plane, reference: Plane) -> dict[str, float]:
    solid, true = found > 0.5, reference > 0.5
    overlap = (solid & true).sum() / max((solid | true).sum(), 1)
    return {"iou": round(float(overlap), 4), "mad": round(float(np.abs(found - reference).mean()), 5)}


def measured(data: Path, model: mattecli.Model, peers: dict[str, Peer]) -> Iterable[dict[str, object]]:
    """The scores of one photo after the other."""
    for entry in json.loads((data / "index.json").read_text())["entries"]:
        kind = next((name for name in REFERENCES if name in entry["files"]), None)
        if entry["kind"] not in ("eval", "portraits") or kind is None:
            continue
        files = files_of(entry, data)
        reference = read_photo(files[kind]).pixels[..., 0].astype(np.float32) / 255
        photo = np.ascontiguousarray(read_photo(files["image"]).pixels)
        alpha, notes = ours(model, Path(files["image"]), None)
        scores = {"matte": score(alpha, reference), "unrefined": score(ours(model, Path(files["image"]), "none")[0], reference)}
        scores |= {name: score(peer(photo), reference) for name, peer in peers.items()}
        yield {"id": entry["id"], "reference": kind, "notes": notes, **scores}


def means(rows: list[dict], ways: Iterable[str]) -> dict[str, object]:
    """Of each group and of all the mean scores of each way."""
    groups = {name: [row for row in rows if row["id"].startswith(prefixes)] for name, prefixes in GROUPS.items()}
    groups = {name: group for name, group in {**groups, "all": rows}.items() if group}
    return {
        name: {
            "photos": len(group),
            **{way: {key: round(float(np.mean([row[way][key] for row in group])), 4) for key in ("iou", "mad")} for way in ways},
        }
        for name, group in groups.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--teachers", type=Path, default=SHARED / "training" / "people" / "teachers")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    peers = {
        "u2netp": u2netp(arguments.teachers / "u2netp.onnx"),
        "selfie": selfie(arguments.teachers / "selfie_segmentation.tflite"),
        "selfie_landscape": selfie(arguments.teachers / "selfie_segmentation_landscape.tflite"),
    }
    model = mattecli.load()
    rows = []
    for row in measured(arguments.data, model, peers):
        rows.append(row)
        print(json.dumps(row), flush=True)
    summary = means(rows, ("matte", "unrefined", *peers))
    print(json.dumps(summary, indent=1))
    if arguments.json:
        report = {"machine": machine.describe(), "model": model.name, "summary": summary, "photos": rows}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
