"""The weight cache: paths, verification by sha256, exports; pulling.py fetches what is missing. No torch here.

Layout under `home()`:
    checkpoints/<model>/<file name as published>      verified against models.toml before it gets this name
    checkpoints/<model>/<file name>.sha256            the hash recorded at the first download, where no hash is public
    exports/<model>-<key>.pt                          TorchScript made from them; safe to delete, remade when needed
    exports/<model>-<key>.pt.sha256                   the hash recorded when it was made, verified whenever it is loaded
    exports/<model>-<key>.pt.<type>.quick             the same, frozen and fused for a CPU, with a hash of its own
    random/<model>-<key>.pt                           networks with random weights, to measure speed; safe to delete

Files that models.toml calls shipped are part of the package, in mattecli/weights. They are verified like all others before use, and never
written or deleted here.

MATTE_HOME moves the cache. MATTE_MIRROR (a folder or URL) is tried before the published URLs, file by file, as
<mirror>/<model>/<file name>.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mattecli.core.registry import ModelSpec, WeightFile
from mattecli.errors import ModelError, OutputError
from mattecli.io.files import written_whole

CHUNK = 1 << 18


def home() -> Path:
    """The cache folder: MATTE_HOME, else the platform's cache folder. ModelError where MATTE_HOME is the home of an unknown user."""
    if chosen := os.environ.get("MATTE_HOME"):
        try:
            return Path(chosen).expanduser()
        except RuntimeError as error:
            raise ModelError(f"MATTE_HOME is {chosen}, and there is no such user; point it to a folder") from error
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
    return recorded_sha256(checkpoint_path(spec, file))


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


def remove(spec: ModelSpec) -> list[Path]:
    """Delete the model's checkpoints and exports from the cache; returns the deleted paths. Shipped files stay."""
    paths = [path for path in (home() / "checkpoints" / spec.name).glob("*") if path.is_file()]
    paths += exports_of(spec)
    for path in paths:
        for file in (path, *path.parent.glob(path.name + ".*.quick")):
            for beside in (file, _record_path(file), _lock_path(file)):
                beside.unlink(missing_ok=True)
    return [path for path in paths if path.suffix not in (".lock", ".sha256")]


def exports_of(spec: ModelSpec) -> list[Path]:
    """The model's TorchScript files in the cache, of any version, also those with random weights."""
    return sorted(path for folder in ("exports", "random") for path in (home() / folder).glob(f"{spec.name}-????????????????.pt"))


def export_is_sound(path: Path) -> bool:
    """Whether an export in the cache exists and has its recorded sha256."""
    return path.is_file() and sha256_of(path) == recorded_sha256(path)


def kept_export(path: Path, make: Callable[[], str]) -> Path:
    """The export at `path` in the cache; where it is missing or altered, `make` writes it first and returns its sha256.

    Safe in several processes at once: one makes it, the others wait.
    """
    if export_is_sound(path):
        return path
    with locked(path):
        if not export_is_sound(path):
            record(path, make())
    return path


def quick_path(path: Path, kind: str) -> Path:
    """Where the frozen and fused form of an export is cached, for one type of numbers: float32 or bfloat16."""
    return path.with_name(f"{path.name}.{kind}.quick")


def part_path(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def recorded_sha256(path: Path) -> str | None:
    """The hash recorded beside a file, or None."""
    try:
        return _record_path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def record(path: Path, sha256: str) -> None:
    with written_whole(_record_path(path), advice="point MATTE_HOME to another folder") as stream:
        stream.write(sha256.encode() + b"\n")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(_lock_path(path)):
            yield
    except OSError as error:
        raise OutputError(f"the model cache {home()} cannot be written ({error.strerror}); point MATTE_HOME to another folder") from error
