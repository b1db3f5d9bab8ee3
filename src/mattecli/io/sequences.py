"""Pictures as the frames of a clip: a folder of them, or a pattern such as frames/%05d.png or 'frames/*.png'."""

import fnmatch
import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Clip, Colour, Frame, Span
from mattecli.io.icc import converted
from mattecli.io.images import read_photo
from mattecli.io.pictures.formats import READ_SUFFIXES, is_picture
from mattecli.io.pictures.light import counted
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.io.video.numbering import missing_note, numbers_of, places_of

DEFAULT_RATE = Fraction(25)
GREY_FLOATS = "are grey floats, which are taken as plain numbers in 16 bits, as mattes have them"
COLOUR_FLOATS = "are floats, which clips take as sRGB in 16 bits; what is brighter than white is white"
PICTURE_COLOUR = Colour(matrix=0, primaries=1, transfer=13, full_range=True)
"""R'G'B' with the primaries and transfer of sRGB (H.273)."""

_NUMBER = re.compile(r"%(?:0([0-9]{1,2}))?d")


def is_sequence(source: str) -> bool:
    """Whether `source` names pictures by the folder they are in or by a pattern. A file of that very name is no pattern."""
    if os.path.exists(source):  # unlike Path's, False for names longer than the system allows
        return os.path.isdir(source)
    path = Path(source)
    is_named_so = path.suffix.lower() in READ_SUFFIXES
    return "*" in path.name or (is_named_so and bool(_NUMBER.search(path.name) or set(path.name) & set("?[")))


class SequenceReader:
    """Reads pictures as a clip of `rate` frames a second; a Reader. Time stamps count the pictures: 0, 1, 2 and so on.

    Pictures of a folder are read in natural order (2 before 10); hidden files and other files are ignored. Raises InputError where there
    are no pictures, and while reading for one that is broken or of another size or depth than the first. A missing number is a missing
    frame: the one before it lasts longer.
    """

    damage: str | None = None

    def __init__(self, source: str, *, rate: Fraction, span: Span) -> None:
        if rate <= 0:
            raise UsageError(f"{float(rate):g} frames a second is no rate; give a positive one, such as 25 or 30000/1001")
        self._pictures = listed(source)
        self._span = span
        numbers = numbers_of(self._pictures)
        self._places = places_of(numbers) if numbers else list(range(len(self._pictures)))
        self._chosen = list(span.pick((place / rate, index) for index, place in enumerate(self._places)))
        self.notes = missing_note(self._pictures, numbers) if numbers else ()
        first = read_photo(self._pictures[0])
        self._are_numbers = _is_grey_light(first)
        if first.light is not None:
            self.notes = (*self.notes, f"the pictures of {source} {GREY_FLOATS if self._are_numbers else COLOUR_FLOATS}")
        self.clip = Clip(
            source=source,
            size=first.size,
            time_base=1 / rate,
            rate=rate / span.every,
            frames=len(self._chosen),
            bits=8 if first.top == 255 else 16,
            colour=PICTURE_COLOUR,
            lossy=first.lossy,
            alpha=first.alpha is not None or first.opaque,
            numbers=[numbers[index] for index in self._chosen] if numbers else None,
            icc=first.icc,
        )

    def __enter__(self) -> "SequenceReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """No effect: no file is open between two pictures."""

    def __iter__(self) -> Iterator[Frame]:
        ends = [self._places[index] for index in self._chosen[1:]]
        for index, chosen in enumerate(self._chosen):
            photo = read_photo(self._pictures[chosen])
            self._check(photo, self._pictures[chosen])
            place = self._places[chosen]
            duration = ends[index] - place if index < len(ends) else self._span.every
            pixels = counted(photo.light)[..., :3] if self._are_numbers and photo.light is not None else photo.pixels
            yield Frame(converted(pixels, photo.icc, self.clip.icc), place, duration, index, self._alpha(photo))

    def _alpha(self, photo: Photo) -> Pixels | None:
        """A picture's alpha; opaque for one without, if the others have alpha."""
        if photo.alpha is None and self.clip.alpha:
            return np.full(photo.size, photo.top, photo.pixels.dtype)
        return photo.alpha

    def _check(self, photo: Photo, path: Path) -> None:
        if (photo.size, photo.top) != (self.clip.size, self.clip.top):
            (height, width), (rows, columns) = self.clip.size, photo.size
            raise InputError(
                f"{path} is {columns}x{rows} of {_depth(photo.top)} but {self._pictures[0].name} is {width}x{height} of "
                f"{_depth(self.clip.top)}; give frames of one size and depth"
            )


def _is_grey_light(photo: Photo) -> bool:
    """Whether a picture is of floats without a colour and without alpha, as mattes are."""
    return photo.light is not None and photo.light.alpha is None and bool((photo.light.colours == photo.light.colours[..., :1]).all())


def _depth(top: int) -> str:
    return "8 bits" if top == 255 else "16 bits"


def listed(source: str) -> list[Path]:
    """The pictures that a folder or a pattern stands for, in order. Raises InputError when there are none."""
    path = Path(source)
    is_folder = os.path.isdir(path)
    folder = path if is_folder else path.parent
    pattern = None if is_folder else _NUMBER.search(path.name)
    names = _picture_names(folder, source)
    if pattern:
        return _numbered(folder, path.name, pattern, names)
    if not is_folder:
        names = [name for name in names if fnmatch.fnmatch(name, path.name)]
    if not names:
        raise InputError(f"{source} holds no pictures; give a folder or a pattern of {', '.join(READ_SUFFIXES)} files")
    return [folder / name for name in sorted(names, key=natural)]


def _picture_names(folder: Path, source: str) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and is_picture(entry)]
    except OSError as error:
        raise InputError(f"{source} cannot be listed ({error.strerror}); check the path and its permissions") from error


def _numbered(folder: Path, name: str, pattern: re.Match[str], names: list[str]) -> list[Path]:
    """The pictures that a name with one %d or %05d stands for, by number."""
    width = int(pattern[1] or 1)
    wanted = re.compile(re.escape(name[: pattern.start()]) + r"(\d+)" + re.escape(name[pattern.end() :]))
    matches = [match for match in map(wanted.fullmatch, names) if match and match[1] == f"{int(match[1]):0{width}d}"]
    if not matches:
        raise InputError(f"{folder / name} stands for no picture that is there; check the folder and how many digits its names have")
    by_number = {int(match[1]): folder / match[0] for match in matches}
    return [by_number[number] for number in sorted(by_number)]


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which frame2 comes before frame10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part) if part.isdecimal() else -1, part) for part in parts]
