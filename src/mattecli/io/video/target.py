"""Targets of an encoded clip: a temporary file that is renamed when it is complete and verified, or stdout."""

import contextlib
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import av

from mattecli.errors import OutputError
from mattecli.io.images import STANDARD_STREAM
from mattecli.io.parts import part_beside
from mattecli.io.video.last_frame import end_png, end_webp
from mattecli.io.video.tags import Tags, all_tags, lost_tags

Size = tuple[int, int]
SHOWN = "display.siz"
"""The title of a Matroska track whose room `keep` gives to the size at which it is displayed."""
_VIDEO, _UNIT = 0xE0, b"\x54\xb2\x81"
_HEAD = 1 << 16  # bytes in which the tracks lie


class Target(Protocol):
    """Where a clip is written; `named` is what messages call it."""

    named: str

    def open(self, held: ExitStack) -> Any:
        """What PyAV writes to, closed by `held`."""
        ...

    def keep(self, frames: int, length: Fraction, last: Fraction, tags: Tags, shown: Size | None = None) -> tuple[str, ...]:
        """Verify the finished clip and give it its name; returns which of its source's `tags` it lacks.

        frames: how many were written; they last `length` seconds, the last of them `last`. shown: the (height, width) at which a Matroska
        file whose track is titled SHOWN is displayed.
        """
        ...


class FileTarget:
    """A file; `keep` raises OutputError unless it can be read back and holds as many frames as were written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.named = str(path)

    def open(self, held: ExitStack) -> str:
        self._part = held.enter_context(part_beside(self._path))
        return str(self._part.path.absolute())

    def keep(self, frames: int, length: Fraction, last: Fraction, tags: Tags, shown: Size | None = None) -> tuple[str, ...]:
        shapeless = shown is not None and not self._show_at(shown)
        lost = _verified(self._part.path, frames, length, last, tags)
        self._part.become(self._path)
        return (*lost, "shape of pixels") if shapeless else lost

    def _show_at(self, shown: Size) -> bool:
        with self._part.path.open("rb+") as file:
            return show_at(file, shown)


class StdoutTarget:
    """stdout; the result cannot be verified afterwards."""

    named = "stdout"

    def open(self, held: ExitStack) -> Any:
        return _Stdout()

    def keep(self, frames: int, length: Fraction, last: Fraction, tags: Tags, shown: Size | None = None) -> tuple[str, ...]:
        return all_tags(tags)


class _Stdout:
    """A file object without seeking, for PyAV."""

    def write(self, data: bytes) -> int:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return len(data)


def show_at(file: BinaryIO, shown: Size) -> bool:
    """Let a Matroska file say that its pictures are displayed at this (height, width) (RFC 9559); False where it has no room for that.

    PyAV does not hand the shape of pixels to FFmpeg's muxer. The title SHOWN, which is as long as the two numbers, makes room for them:
    what lies between it and the end of the picture's settings moves to its place, so that no offset in the file changes.
    """
    head = file.read(_HEAD)
    title = b"\x53\x6e" + bytes([0x80 | len(SHOWN)]) + SHOWN.encode()
    begin = head.find(title)
    video = _element_after(head, begin + len(title), _VIDEO) if begin >= 0 else None
    if video is None:
        return False
    content, end = video
    size = struct.pack(">2sBI2sBI", b"\x54\xb0", 0x84, shown[1], b"\x54\xba", 0x84, shown[0])
    room = head[content:end].replace(_UNIT + b"\4", _UNIT + b"\0") + size
    file.seek(begin)
    file.write(head[begin + len(title) : content - 1] + bytes([0x80 | len(room)]) + room)
    return True


def _element_after(head: bytes, place: int, wanted: int) -> tuple[int, int] | None:
    """Where the content of the first EBML element of this ID of one byte begins and ends, among those from `place` on."""
    while place + 2 < len(head):
        after = place + 9 - head[place].bit_length()  # leading zeros tell an ID's length, and a size's
        if after >= len(head) or not head[after] & 0x80:
            return None
        content, size = after + 1, head[after] & 0x7F
        if head[place] == wanted:
            return (content, content + size) if size <= 126 - len(SHOWN) - 3 else None
        place = content + size
    return None


def target_of(destination: str) -> Target:
    """The target of a file's name, or of "-"."""
    return StdoutTarget() if destination == STANDARD_STREAM else FileTarget(Path(destination))


def _verified(path: Path, frames: int, length: Fraction, last: Fraction, tags: Tags) -> tuple[str, ...]:
    """The tags of its source that a finished file lacks; its pictures are counted without decoding."""
    with av.open(str(path.absolute())) as result:
        name = result.format.name
        found = sum(packet.size > 0 for packet in result.demux(video=0))
        lost = (*lost_tags(tags, result), *tags.left_out)
    if name.startswith("webp"):
        with path.open("rb+") as file:
            end_webp(file, length)
        return lost  # there a frame equal to the one before is merged with it
    if name == "apng":
        with path.open("rb+") as file:
            end_png(file, last)
    if found != frames:
        raise OutputError(f"only {found} of {frames} frames reached the file; it is removed, try again or choose another `codec`")
    return lost


@contextlib.contextmanager
def explained(named: str) -> Iterator[None]:
    """Convert errors of the system and FFmpeg into an OutputError; BrokenPipeError passes where the reader of stdout has closed it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, av.FFmpegError) as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{named} cannot be written ({reason}); free some space, or choose another place") from error
