"""Photographs with soft labels, from which networks learn to find the subject.

The folder of a run's `[subjects]` holds `sources.json`, a list of photographs (`file`, `label`, `kind`, `agreement`), as its README.md
says. A label is the prediction of two teacher networks at 256 pixels. `sharpen` makes a matte of it once: a trimap with a wide band
around the label, matted by this project's trimap network, stored with the photograph's colours as one RGBA picture of at most SIDE
pixels.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.core.registry import registry
from mattecli.core.runtime import LoadedModel, open_model, pick_device, to_array, to_tensor
from mattecli.errors import InputError
from mattecli.matting.trimap import trimap_from_alpha
from mattecli.pipelines.refine import tells_apart
from mattecli.pipelines.tensors import guide_tensor

Levels = NDArray[np.uint8]

SIDE = 416
"""The longest side of what is kept, in pixels."""

SAME = 0.8
"""A sharpened matte that overlaps its label less than this (intersection over union) has gone astray; the label is kept instead."""


@dataclass(frozen=True)
class Photo:
    """A photograph and its matte: `path` of the RGBA picture, `kind` "person" or another, `agreement` of the teachers in 0..1."""

    path: Path
    kind: str
    agreement: float

    def read(self) -> Levels:
        """Its pixels [H, W, 4], RGBA, straight colours."""
        return read_rgba(self.path)


@lru_cache(maxsize=2048)
def read_rgba(path: Path) -> Levels:
    """A picture [H, W, 4] with straight colours, kept in memory and not to be written to; an opaque one has an alpha of 255.

    Raises InputError where there is none.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise InputError(f"{path} is no picture; mend the list that names it")
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    pixels: Levels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGBA), np.uint8)
    pixels.flags.writeable = False
    return pixels


@cache
def photos(people: Path, kept: Path) -> tuple[Photo, ...]:
    """All sharpened photographs, in the order of their list. Raises InputError where `sharpen` has not made them."""
    found = [Photo(_kept_as(kept, entry), str(entry["kind"]), float(entry["agreement"])) for entry in listed(people)]
    if not all(photo.path.exists() for photo in found):
        raise InputError(f"{kept} lacks sharpened photographs; make them with `python -m training sharpen {people} {kept}`")
    return tuple(found)


def listed(people: Path) -> list[Mapping[str, Any]]:
    """The photographs with labels in sources.json."""
    try:
        entries = json.loads((people / "sources.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{people}/sources.json cannot be read ({error.strerror}); give the folder of photographs") from error
    return [entry for entry in entries if entry.get("label")]


def _kept_as(kept: Path, entry: Mapping[str, Any]) -> Path:
    return kept / (Path(entry["file"]).stem + ".png")


def sharpen(people: Path, kept: Path, report: Callable[[int, int], None]) -> int:
    """Make the missing sharpened photographs; returns their total. `report` is called with the number done and the total."""
    kept.mkdir(parents=True, exist_ok=True)
    model = open_model(registry().find("fusion"), device=pick_device("cpu"))
    entries = listed(people)
    for number, entry in enumerate(entries, 1):
        path = _kept_as(kept, entry)
        if not path.exists():
            part = path.with_suffix(".part.png")
            cv2.imwrite(str(part), cv2.cvtColor(_sharpened(people, entry, model), cv2.COLOR_RGBA2BGRA))
            part.replace(path)
        report(number, len(entries))
    return len(entries)


def _sharpened(people: Path, entry: Mapping[str, Any], model: LoadedModel) -> Levels:
    colours = read_rgba(people / entry["file"])[..., :3]
    height, width = colours.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = round(width * scale), round(height * scale)
    colours = np.ascontiguousarray(cv2.resize(colours, size, interpolation=cv2.INTER_AREA))
    label = label_of(people / entry["label"], person=entry["kind"] == "person", size=size)
    return np.dstack((colours, np.rint(matte_of(colours, label, model) * 255).astype(np.uint8)))


def label_of(path: Path, *, person: bool, size: tuple[int, int]) -> NDArray[np.float32]:
    """A soft label [height, width] in 0..1 at `size` (width, height): both teachers' mean for people, else that of the one for objects."""
    teachers = read_rgba(path)[..., 1 if person else 0]
    levels = cv2.resize(teachers, size, interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    return np.clip((levels - 0.02) / 0.96, 0.0, 1.0)  # labels are in steps of 4 levels


def matte_of(colours: Levels, label: NDArray[np.float32], model: LoadedModel) -> NDArray[np.float32]:
    """The matte within a band around a label; the label itself where it gives no usable trimap, or where the matte departs from it."""
    trimap = trimap_from_alpha(label)
    if not tells_apart(trimap):
        return label
    guides = {"trimap": guide_tensor("trimap", trimap, model)}
    matte = to_array(model(to_tensor(colours, model.device), guides, model.info.lossy_options)[0])
    return matte if overlap(matte, label) >= SAME else label


def overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Intersection over union of the pixels above one half."""
    one, other = first > 0.5, second > 0.5
    return float((one & other).sum()) / max(int((one | other).sum()), 1)
