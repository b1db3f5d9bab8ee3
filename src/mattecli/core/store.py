"""The weight cache: paths, downloads and verification by sha256. No torch here.

Layout under `home()`:
    checkpoints/<model>/<file name as published>      verified against models.toml before it gets this name
    checkpoints/<model>/<file name>.sha256            the hash recorded at the first download, where no hash is public
    exports/<model>-<key>.pt                          TorchScript made from them; safe to delete, remade when needed
    exports/<model>-<key>.pt.sha256                   the hash recorded when it was made, verified whenever it is loaded
    exports/<model>-<key>.pt.quick                    the same, frozen and fused for a CPU, with a hash of its own
    random/<model>-<key>.pt                           networks with random weights, to measure speed; safe to delete

Files that models.toml calls shipped are part of the package, in mattecli/weights. They are verified like all others before use, and never
written or deleted here.

MATTE_HOME moves the cache. MATTE_MIRROR (a folder or URL) is tried before the published URLs, file by file, as
<mirror>/<model>/<file name>.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mattecli.core.download import Progress, SourceError, download
from mattecli.core.registry import ModelSpec, WeightFile, registry
from mattecli.errors import InputError, ModelError, OutputError, UsageError
from mattecli.io.files import written_whole

CHUNK = 1 << 18


def home() -> Path:
    """The cache folder: MATTE_HOME, else the platform's cache folder."""
    if chosen := os.environ.get("MATTE_HOME"):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("matte", appauthor=False)


def weights_folder() -> Path:
    """The folder of the weights that come with the package."""
    return Path(__file__).parents[1] / "weights"


def mirror() -> str | None:
    """MATTE_MIRROR, a folder or URL that is tried first, or None."""
    return os.environ.get("MATTE_MIRROR") or None


def checkpoint_path(spec: ModelSpec, file: WeightFile) -> Path:
    """The path of a file: in the package if it is shipped, else in the cache."""
    return weights_folder() / file.name if file.shipped else home() / "checkpoints" / spec.name / file.name


def is_installed(spec: ModelSpec) -> bool:
    """Whether every file of the model is present, in the package or in the cache; True for a model without files."""
    return all(checkpoint_path(spec, file).is_file() for file in spec.files)


def runnable(spec: ModelSpec) -> ModelSpec:
    """The model with the weights that run: the authors' where they are here, else this project's where it has some."""
    return spec.ours if spec.ours is not None and not is_installed(spec) else spec


def is_runnable(spec: ModelSpec) -> bool:
    """Whether the model runs without a download, with the authors' weights or this project's."""
    return is_installed(runnable(spec))


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def expected_sha256(spec: ModelSpec, file: WeightFile) -> str | None:
    """The required hash of a file: from models.toml, else as recorded at its first download, else None."""
    if file.sha256:
        return file.sha256
    return _recorded_sha256(checkpoint_path(spec, file))


def verified(spec: ModelSpec, file: WeightFile) -> Path:
    """The path of a file, verified by its hash now; ModelError when it is missing or altered."""
    path = checkpoint_path(spec, file)
    again = "it comes with mattecli, so install that again" if file.shipped else how_to_get(spec)
    if not path.is_file():
        raise ModelError(f"{path} is missing; {again}" if file.shipped else f"{spec.name} is not installed; {again}")
    if sha256_of(path) != expected_sha256(spec, file):
        raise ModelError(f"{path} does not have the sha256 it should have; {again}")
    return path


def how_to_get(spec: ModelSpec) -> str:
    """How to get a model's missing files: by a pull where there is a source, else what the user has to do."""
    missing = [file for file in spec.files if not checkpoint_path(spec, file).is_file()] or list(spec.files)
    if all(file.urls or _is_mirrored(spec, file) for file in missing):
        return f"get it with `matte models pull {spec.name}`"
    return next(file.by_hand for file in missing if not file.urls) or "put its files into a mirror and set MATTE_MIRROR"


def _is_mirrored(spec: ModelSpec, file: WeightFile) -> bool:
    """Whether the mirror may have a file; for a URL this is unknown, so True."""
    place = mirror()
    return place is not None and ("://" in place or (Path(place) / spec.name / file.name).is_file())


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
    with _locked(path):
        part = _part_path(path)
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


def remove(spec: ModelSpec) -> list[Path]:
    """Delete the model's checkpoints and exports from the cache; returns the deleted paths. Shipped files stay."""
    paths = [path for path in (home() / "checkpoints" / spec.name).glob("*") if path.is_file()]
    paths += exports_of(spec)
    for path in paths:
        for file in (path, quick_path(path)):
            for beside in (file, _record_path(file), _lock_path(file)):
                beside.unlink(missing_ok=True)
    return [path for path in paths if path.suffix not in (".lock", ".sha256")]


def exports_of(spec: ModelSpec) -> list[Path]:
    """The model's TorchScript files in the cache, of any version, also those with random weights."""
    return sorted(path for folder in ("exports", "random") for path in (home() / folder).glob(f"{spec.name}-????????????????.pt"))


def export_is_sound(path: Path) -> bool:
    """Whether an export in the cache exists and has its recorded sha256."""
    return path.is_file() and sha256_of(path) == _recorded_sha256(path)


def kept_export(path: Path, make: Callable[[], str]) -> Path:
    """The export at `path` in the cache; where it is missing or altered, `make` writes it first and returns its sha256.

    Safe in several processes at once: one makes it, the others wait.
    """
    if export_is_sound(path):
        return path
    with _locked(path):
        if not export_is_sound(path):
            _record(path, make())
    return path


def quick_path(path: Path) -> Path:
    """Where the frozen and fused form of an export is cached."""
    return path.with_name(path.name + ".quick")


def _part_path(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _recorded_sha256(path: Path) -> str | None:
    """The hash recorded beside a file, or None."""
    try:
        return _record_path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _record(path: Path, sha256: str) -> None:
    with written_whole(_record_path(path), advice="point MATTE_HOME to another folder") as stream:
        stream.write(sha256.encode() + b"\n")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(_lock_path(path)):
            yield
    except OSError as error:
        raise OutputError(f"the model cache {home()} cannot be written ({error.strerror}); point MATTE_HOME to another folder") from error


def _pull_file(spec: ModelSpec, file: WeightFile, *, offline: bool, on_progress: Progress | None) -> Path:
    if file.shipped:
        return verified(spec, file)
    path = checkpoint_path(spec, file)
    if _is_good(spec, file):
        return path
    with _locked(path):
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
        return f"{spec.name} is not in the cache and --offline forbids fetching it; {pull}{_instead(spec)}"
    if not answers:
        return f"{file.name} of {spec.name} has no download: {file.by_hand}{_instead(spec)}"
    advice = file.by_hand or "set MATTE_MIRROR, or import a copy with `matte models import`"
    return f"{file.name} of {spec.name} could not be fetched: {advice} (tried {'; '.join(answers)})"


def _instead(spec: ModelSpec) -> str:
    """The end of a sentence that names another available model with the same guides, or ""."""
    here = [one for one in registry().models.values() if one.name != spec.name and is_runnable(one)]
    alike = (one.name for one in here if one.guides == spec.guides or {*spec.guides} == {*one.guides} - {"trimap"} != set())
    return f", or use --model {name}, which is here and takes the same" if (name := next(alike, None)) else ""


def _fetch(source: str, path: Path, spec: ModelSpec, file: WeightFile, *, on_progress: Progress | None) -> None:
    part = _part_path(path)
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
            _record(path, found)
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
    recorded = _recorded_sha256(path)
    if recorded is not None and found != recorded:
        raise ModelError(
            f"wrong sha256 {found[:12]}…, the first download had {recorded[:12]}…; `matte models rm {spec.name}` forgets that one"
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
        download(source, part, file, report)
        return
    local = Path(source.removeprefix("file://"))
    if not local.is_file():
        raise SourceError("no such file")
    part.unlink(missing_ok=True)
    shutil.copyfile(local, part)
    report(file.name, local.stat().st_size, local.stat().st_size)
