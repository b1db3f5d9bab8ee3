"""Fetching of weights into the cache: from a mirror, the published URLs or a user's file, verified before use. No torch here."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from mattecli.core.registry import ModelSpec, WeightFile, registry
from mattecli.core.store import (
    checkpoint_path,
    expected_sha256,
    is_runnable,
    locked,
    mirror,
    part_path,
    record,
    recorded_sha256,
    sha256_of,
    verified,
)
from mattecli.errors import InputError, ModelError, UsageError

Progress = Callable[[str, int, int | None], None]
"""Called with (file name, bytes so far, bytes in all or None)."""


class SourceError(Exception):
    """One source failed; the next one is tried."""


def pull(spec: ModelSpec, *, offline: bool = False, on_progress: Progress | None = None) -> list[Path]:
    """Fetch every file of the model that is not shipped into the cache and verify it; returns the paths.

    Safe in several processes at once: one fetches under a lock, the others wait for the result. An interrupted download is resumed.
    With `offline` no socket is opened: only the cache and a mirror folder are used. Raises ModelError naming every source that was
    tried and its answer.
    """
    return [_pull_file(spec, file, offline=offline, on_progress=on_progress) for file in spec.files]


def import_file(spec: ModelSpec, source: Path) -> Path:
    """Copy a manually downloaded checkpoint into the cache, verified like a download; returns its new path."""
    if not source.is_file():
        raise InputError(f"there is no file {source}; give the checkpoint's path")
    if not spec.files:
        raise ModelError(f"{spec.name} needs no weights, so there is nothing to import")
    file = _file_for(spec, source)
    if file.shipped:
        own = f"matte models export {spec.name} --checkpoint {source} -o mine.pt"
        raise ModelError(f"{file.name} of {spec.name} comes with mattecli and is not replaced; to run weights of your own, `{own}`")
    path = checkpoint_path(spec, file)
    with locked(path):
        part = part_path(path)
        part.unlink(missing_ok=True)
        shutil.copyfile(source, part)
        _accept(part, path, spec, file)
    return path


def _file_for(spec: ModelSpec, source: Path) -> WeightFile:
    """The model's file that `source` stands for: its only file, else the one of that name."""
    if len(spec.files) == 1:
        return spec.files[0]
    for file in spec.files:
        if file.name == source.name:
            return file
    names = ", ".join(file.name for file in spec.files)
    raise UsageError(f"{spec.name} has several files, told apart by name: {names}; rename {source.name}")


def _pull_file(spec: ModelSpec, file: WeightFile, *, offline: bool, on_progress: Progress | None) -> Path:
    if file.shipped:
        return verified(spec, file)
    path = checkpoint_path(spec, file)
    if _is_good(spec, file):
        return path
    with locked(path):
        if _is_good(spec, file):
            return path
        answers = []
        for source in _sources(spec, file, offline=offline):
            try:
                _fetch(source, path, spec, file, on_progress=on_progress)
            except SourceError as failure:
                answers.append(f"{source}: {failure}")
            else:
                return path
    raise ModelError(_why_not(spec, file, answers, offline=offline))


def _is_good(spec: ModelSpec, file: WeightFile) -> bool:
    path = checkpoint_path(spec, file)
    return path.is_file() and sha256_of(path) == expected_sha256(spec, file)


def _sources(spec: ModelSpec, file: WeightFile, *, offline: bool) -> list[str]:
    first = mirror()
    sources = [f"{first.rstrip('/')}/{spec.name}/{file.name}"] if first else []
    sources += file.urls
    return [source for source in sources if not (offline and _is_remote(source))]


def _is_remote(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _why_not(spec: ModelSpec, file: WeightFile, answers: list[str], *, offline: bool) -> str:
    if offline and file.urls and not answers:
        pull = f"run `matte models pull {spec.name}` while online"
        return f"{spec.name} is not in the cache and `offline` forbids fetching it; {pull}{_instead(spec)}"
    if not answers:
        return f"{file.name} of {spec.name} has no download: {file.by_hand}{_instead(spec)}"
    advice = file.by_hand or f"check the network, set MATTE_MIRROR, or import a copy with `matte models import {spec.name} FILE`"
    return f"{file.name} of {spec.name} could not be fetched; {advice}{_instead(spec)} (tried {'; '.join(answers)})"


def _instead(spec: ModelSpec) -> str:
    """The end of a sentence that names another available model with the same guides, or ""."""
    others = [model for model in registry().models.values() if model.name != spec.name and is_runnable(model)]
    alike = (model.name for model in others if model.guides == spec.guides or {*spec.guides} == {*model.guides} - {"trimap"} != set())
    return f", or use `model` {name}, which is here and takes the same" if (name := next(alike, None)) else ""


def _fetch(source: str, path: Path, spec: ModelSpec, file: WeightFile, *, on_progress: Progress | None) -> None:
    part = part_path(path)
    report = on_progress or (lambda name, done, total: None)
    resumed = part.is_file() and part.stat().st_size > 0
    _copy(source, part, file, report)
    try:
        _accept(part, path, spec, file)
    except ModelError as error:
        if not resumed or not _is_remote(source):
            raise SourceError(str(error)) from error
        _fetch(source, path, spec, file, on_progress=on_progress)  # its beginning belongs to another file: start again


def _accept(part: Path, path: Path, spec: ModelSpec, file: WeightFile) -> None:
    """Give the file its final name if it is verified, else delete it.

    The first file without a public hash must fit its network; its hash is recorded.
    """
    try:
        found = sha256_of(part)
        _check_sha256(found, path, spec, file)
        if not file.sha256:
            _check_fits(part, spec, file)
            record(path, found)
    except ModelError:
        part.unlink()
        raise
    os.replace(part, path)


def _check_sha256(found: str, path: Path, spec: ModelSpec, file: WeightFile) -> None:
    """ModelError unless a hash is the published one, or agrees with the digits in the file's name and with the recorded one."""
    if file.sha256:
        if found != file.sha256:
            raise ModelError(f"wrong sha256 {found[:12]}…, expected {file.sha256[:12]}…; this is not the published {file.name}")
        return
    if not found.startswith(file.sha256_begins):
        raise ModelError(f"wrong sha256 {found[:12]}…, its name says {file.sha256_begins}…; this is not the published {file.name}")
    recorded = recorded_sha256(path)
    if recorded is not None and found != recorded:
        raise ModelError(
            f"wrong sha256 {found[:12]}…, the first download had {recorded[:12]}…; `matte models rm {spec.name}` removes that record"
        )


def _check_fits(part: Path, spec: ModelSpec, file: WeightFile) -> None:
    """ModelError unless a file holds weights of its network; loads torch."""
    from mattecli.core.export import check_weights

    try:
        check_weights(spec, part)
    except ModelError as error:
        told = str(error).replace(str(part), "the file")
        raise ModelError(f"it is no {file.name} of {spec.name}, so it is deleted: {told}") from error


def _copy(source: str, part: Path, file: WeightFile, report: Progress) -> None:
    if _is_remote(source):
        from mattecli.core.download import download  # HTTP takes a tenth of the time of --help to import

        download(source, part, file, report)
        return
    local = Path(source.removeprefix("file://"))
    if not local.is_file():
        raise SourceError("no such file")
    part.unlink(missing_ok=True)
    shutil.copyfile(local, part)
    report(file.name, local.stat().st_size, local.stat().st_size)
