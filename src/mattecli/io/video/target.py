"""Targets of an encoded clip: a temporary file that is renamed when it is complete and verified, or stdout."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av

from mattecli.errors import OutputError
from mattecli.io.images import STANDARD_STREAM
from mattecli.io.parts import part_beside
from mattecli.io.video.last_frame import end_png, end_webp
from mattecli.io.video.tags import Tags, all_tags, lost_tags


class Target(Protocol):
    """open: what PyAV writes to, held open by a stack. keep: when so many frames are written, which last `length` seconds, the last
    of them `last`: what the result lost of its source's tags."""

    named: str

    def open(self, held: ExitStack) -> Any: ...

    def keep(self, frames: int, length: Fraction, last: Fraction, tags: Tags) -> tuple[str, ...]: ...


class FileTarget:
    """A file; `keep` raises OutputError unless it can be read back and holds as many frames as were written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.named = str(path)

    def open(self, held: ExitStack) -> str:
        self._part = held.enter_context(part_beside(self._path))
        return str(self._part.path.absolute())

    def keep(self, frames: int, length: Fraction, last: Fraction, tags: Tags) -> tuple[str, ...]:
        lost = _verified(self._part.path, frames, length, last, tags)
        self._part.become(self._path)
        return lost


class StdoutTarget:
    """stdout; the result cannot be verified afterwards."""

    named = "stdout"

    def open(self, held: ExitStack) -> Any:
        return _Stdout()

    def keep(self, frames: int, length: Fraction, last: Fraction, tags: Tags) -> tuple[str, ...]:
        return all_tags(tags)


class _Stdout:
    """A file object without seeking, for PyAV."""

    def write(self, data: bytes) -> int:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return len(data)


def target_of(destination: str) -> FileTarget | StdoutTarget:
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
