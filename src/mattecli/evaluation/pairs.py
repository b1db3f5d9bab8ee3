"""Which prediction belongs to which true matte, trimap and photo: by name. Nothing is opened."""

import os
from dataclasses import dataclass
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.pictures.formats import READ_SUFFIXES
from mattecli.io.sequences import natural
from mattecli.requests.clip import is_clip
from mattecli.requests.paths import refuse_empty

CLIP_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")


@dataclass(frozen=True)
class Pair:
    """A prediction and its true matte, both pictures or both clips; trimap and image (the photo) where they are given.

    name: what people call it: the file's name, or its path in the folder without the suffix.
    """

    name: str
    predicted: str
    true: str
    trimap: str | None = None
    image: str | None = None

    @property
    def is_clip(self) -> bool:
        return is_clip(self.predicted)


@dataclass(frozen=True)
class Pairing:
    """The pairs, the true mattes without a prediction, and the predictions without a true matte.

    The pairs come folder by folder, in the natural order of their names: 2 before 10.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def pair_up(predicted: str, true: str, *, trimap: str | None = None, images: str | None = None) -> Pairing:
    """Pair two files, or the files of two folders that have the same path in them but for the suffix.

    trimap and images are a file for all, or a folder searched for the pair's name. Raises InputError or UsageError.
    """
    for path in (predicted, true, trimap, images):
        refuse_empty("an input", path)
        if path is not None and not os.path.exists(path):
            raise InputError(f"there is no file or folder {path}; check the path")
    if Path(predicted).is_dir() != Path(true).is_dir():
        raise UsageError(f"of {predicted} and {true} one is a folder and one a file; give two files or two folders")
    if not Path(true).is_dir():
        stem = Path(true).stem
        return Pairing((_pair(Path(predicted).name, predicted, true, _found(trimap, stem), _found(images, stem)),))
    predictions, truths = _by_name(predicted), _by_name(true)
    both = [name for name in truths if name in predictions]
    if not both:
        raise InputError(f"no file in {predicted} has the name of one in {true}; a pair has the same name but for the suffix")
    trimaps, photos = _beside(trimap, both), _beside(images, both)
    return Pairing(
        tuple(_pair(name, predictions[name], truths[name], trimaps[name], photos[name]) for name in both),
        missing=tuple(truths[name] for name in truths if name not in predictions),
        extra=tuple(predictions[name] for name in predictions if name not in truths),
    )


def _pair(name: str, predicted: str, true: str, trimap: str | None, image: str | None) -> Pair:
    if is_clip(predicted) != is_clip(true):
        raise UsageError(f"of {predicted} and {true} only one is a clip; give two clips, or the frames of both as pictures")
    return Pair(name, predicted, true, trimap, image)


def _by_name(folder: str) -> dict[str, str]:
    root = Path(folder)
    found: dict[str, str] = {}
    for file in sorted(root.rglob("*"), key=lambda file: (natural(str(file.parent)), natural(file.name))):
        relative = file.relative_to(root)
        if file.suffix.lower() not in READ_SUFFIXES + CLIP_SUFFIXES or any(part.startswith(".") for part in relative.parts):
            continue
        name = relative.with_suffix("").as_posix()
        if name in found:
            raise InputError(f"{found[name]} and {file} have one name, so it is not clear which one counts; move one away")
        found[name] = str(file)
    if not found:
        raise InputError(f"the folder {folder} holds no pictures and no clips; check the path")
    return found


def _beside(given: str | None, names: list[str]) -> dict[str, str | None]:
    """For each name the file beside it; one that is missing keeps the name it should have, and its pair will say so."""
    if given is None or not Path(given).is_dir():
        return dict.fromkeys(names, given)
    files = _by_name(given)
    return {name: files.get(name, str(Path(given) / f"{name}.png")) for name in names}


def _found(given: str | None, stem: str) -> str | None:
    return _beside(given, [stem])[stem]
