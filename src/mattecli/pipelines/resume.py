"""Resuming an interrupted sequence of pictures: a hidden record beside them holds their settings and their number."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from mattecli.compositing.output import OutputOptions
from mattecli.errors import UsageError
from mattecli.io.clip_types import Clip
from mattecli.io.files import written_whole
from mattecli.io.sequence_write import frames_present, sequence_pattern
from mattecli.pipelines.recipe import Recipe
from mattecli.requests.clip import ClipRequest


@dataclass(frozen=True)
class Record:
    """The record beside the pictures of one pattern. made_by: the settings_hash of the run that makes them; source: the clip's name."""

    pattern: str
    made_by: str
    source: str

    @property
    def path(self) -> Path:
        """A hidden file for each pattern, because a folder may hold several."""
        pattern = Path(self.pattern)
        return pattern.with_name(f".{pattern.name}.matte.json")

    def frames_kept(self, clip: Clip) -> int:
        """The number of pictures that need not be made again: all that such runs have written except the last one, which may be broken.

        Pictures beyond those, which an earlier run with other settings may have left, do not count. Raises UsageError when the existing
        pictures were made with other settings.
        """
        present = frames_present(self.pattern, clip)
        if present == 0:
            return 0
        noted = self._read()
        if noted.get("made_by") != self.made_by:
            raise UsageError(
                f"the pictures of {self.pattern} were made from another clip or with other settings; "
                "drop `resume`, or give another `destination`"
            )
        written = noted.get("frames")
        return max(0, min(present, written if isinstance(written, int) else 0) - 1)

    def write(self, frames: int) -> None:
        """Record that the first `frames` pictures are written with these settings. Raises OutputError."""
        noted = {"made_by": self.made_by, "source": self.source, "frames": frames}
        with written_whole(self.path, advice="choose another place") as stream:
            stream.write(json.dumps(noted).encode() + b"\n")

    def _read(self) -> dict[str, object]:
        """The content of the record; empty where it cannot be read."""
        try:
            noted = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}


def record_of(request: ClipRequest, recipe: Recipe, output: OutputOptions) -> Record | None:
    """The record of a request's pictures; None for a destination that is one file, which is always rewritten."""
    pattern = sequence_pattern(request.destination)
    return None if pattern is None else Record(pattern, settings_hash(request, recipe, output), request.source)


def settings_hash(request: ClipRequest, recipe: Recipe, output: OutputOptions) -> str:
    """A hash of everything that determines the pictures: input files, models and options."""
    files = {name: _identity(file) for name, file in {"source": request.source, **request.guides}.items()}
    models = [
        [model.info.name, model.info.checkpoint_sha256, model.info.options, model.info.versions, model.precision]
        for model in (recipe.model, recipe.model.finder, recipe.refiner)
        if model is not None
    ]
    guides = [recipe.choice.trimap_source, recipe.choice.screen, request.align]
    looks = [
        output.kind,
        repr(output.backdrop),
        output.linear,
        output.decontaminate,
        output.keep_hidden,
        output.premultiplied,
        repr(output.framing),
        output.invert,
        request.smooth,
    ]
    settings = [files, models, dict(recipe.options), guides, looks, recipe.quality]
    part = [
        str(value)
        for value in (
            request.span.start,
            request.span.end,
            request.span.every,
            request.fps,
            request.start_number,
            request.deinterlace,
            request.tone_map,
            request.follow,
        )
    ]
    return hashlib.sha256(json.dumps([settings, part], sort_keys=True).encode()).hexdigest()[:16]


def _identity(file: str) -> list[object]:
    """A file by name, size and time; hashing hours of video would take too long."""
    path = Path(file)
    if not path.exists():
        return [file]
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns] if path.is_file() else [str(path.resolve())]
