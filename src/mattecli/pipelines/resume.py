"""Going on where an interrupted sequence of pictures stopped: a small record beside the pictures says how they were made."""

import hashlib
import json
from pathlib import Path

from mattecli.errors import UsageError
from mattecli.io.sequence_write import frames_present, sequence_pattern
from mattecli.pipelines.image import Recipe
from mattecli.pipelines.take import Take

RECORD = ".matte.json"


def frames_kept(take: Take, recipe: Recipe) -> int:
    """How many pictures of the sequence need not be made again: all that are there but the last one, which may be of a broken run.

    0 for a destination that is one file: it is made anew. Raises UsageError when the pictures there were made in another way.
    """
    pattern = sequence_pattern(take.destination)
    present = frames_present(pattern) if pattern else 0
    if present == 0:
        return 0
    try:
        record = json.loads(_record_file(take).read_text())
    except (OSError, ValueError):
        record = {}
    if record.get("made_by") != settings_hash(take, recipe):
        raise UsageError(
            f"the pictures of {take.destination} were made from another clip or with other settings; drop --resume, or give another -o"
        )
    return present - 1


def keep_record(take: Take, recipe: Recipe) -> None:
    """Note beside the pictures of a sequence how they are made; the folder must be there."""
    if sequence_pattern(take.destination) is not None:
        _record_file(take).write_text(json.dumps({"made_by": settings_hash(take, recipe), "source": take.source}) + "\n")


def settings_hash(take: Take, recipe: Recipe) -> str:
    """One word for everything that decides what the pictures look like: the files that go in, the models and their options."""
    files = {name: _identity(file) for name, file in {"source": take.source, **take.guides}.items()}
    models = [
        [one.info.name, one.info.checkpoint_sha256, one.info.options, one.info.versions, one.precision]
        for one in (recipe.matter, recipe.refiner)
        if one is not None
    ]
    guides = [recipe.choice.trimap_source, recipe.choice.screen, take.align]
    looks = [recipe.kind, repr(recipe.backdrop), recipe.linear, recipe.decontaminate, take.smooth]
    settings = [files, models, recipe.options, guides, looks]
    part = [str(value) for value in (take.span.start, take.span.end, take.span.every, take.fps)]
    return hashlib.sha256(json.dumps([settings, part], sort_keys=True).encode()).hexdigest()[:16]


def _identity(file: str) -> list[object]:
    """A file by name, size and time; hashing hours of video would cost more than it tells."""
    path = Path(file)
    if not path.exists():
        return [file]
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns] if path.is_file() else [str(path.resolve())]


def _record_file(take: Take) -> Path:
    return Path(str(sequence_pattern(take.destination))).parent / RECORD
