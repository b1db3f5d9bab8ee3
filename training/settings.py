"""The settings of a training, read from a TOML file into frozen dataclasses. Unknown keys and values of the wrong type are errors that
name the key.

A file without [[stages]] is one stage. Otherwise each stage has the settings at the top of the file, overridden by its own, in tables such
as [data] key by key. The stages are in folders 1, 2, ... of the file's folder, and each starts from the weights shipped by the one before.

Sides are in pixels, shares 0..1, intervals in steps unless they say minutes.
"""

import difflib
import sys
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from mattecli.errors import InputError
from training.engine import EngineSettings
from training.scenes import Subjects

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = TypeVar("Table")

PRECISIONS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Data:
    """The source of examples. `size`: their side; `pool`: the number that `draw` makes beforehand, 0 to draw them while
    training; `workers`: processes that draw or read; `validation`: the number of held-out examples; `hold_out`: one of this number of
    picture files is held out (0: none); `early_size`, `early`: the side of scenes during this first share of the steps, for faster
    steps that teach coarse structure first; `on_device`: examples are read once and stay in device memory, where their closed-form
    mattes are made (for a GPU; 1.4 MB each for a side of 288); `leave_out`: names of picture files that are neither trained on nor
    held out, because they belong to a test set."""

    size: int = 288
    pool: int = 0
    workers: int = 0
    validation: int = 24
    hold_out: int = 10
    early_size: int = 0
    early: float = 0.0
    on_device: bool = False
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mix:
    """Recomposition of the pool's examples at each step, on the device (see recompose.py); chances of effects are those of [engine].
    `size`: the side of composites (0: examples are used as drawn); `window`: the limits of the share of a picture's side that is used;
    `still`: the chance of a plate that is exactly aligned and equally exposed, as from a tripod; `clean`: the chance of a plate without
    noise; `subjects`: the share of foregrounds that are whole subjects of [subjects] instead of drawings of the engine."""

    size: int = 0
    window: tuple[float, float] = (0.5, 1.1)
    still: float = 0.4
    clean: float = 0.3
    subjects: float = 0.0


@dataclass(frozen=True)
class Augment:
    """Augmentation of a batch at each step. `crop`: the side of the crop (0: none); `flip`: mirror half of the examples; `turn`: also
    rotate by quarter turns; `colour`: the strength of colour changes, 0 (none) to 1."""

    crop: int = 0
    flip: bool = True
    turn: bool = False
    colour: float = 0.3


@dataclass(frozen=True)
class Optimiser:
    """The optimiser. The learning rate rises to `rate` over `warmup` steps and falls along a cosine to `floor * rate` at the last step.
    `factors`: factors of the rate for parameters, by the beginning of their names. `clip`: the largest norm of the gradient (0: no limit);
    `average`: the decay of the weights' moving average, which is validated and shipped; `accumulate`: batches a step."""

    name: str = "adamw"
    rate: float = 3e-4
    floor: float = 0.01
    warmup: int = 200
    decay: float = 1e-4
    clip: float = 1.0
    average: float = 0.999
    accumulate: int = 1
    factors: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Keep:
    """Intervals. `checkpoint_minutes`, `checkpoint_steps`: of checkpoints (0: none; there is always one at the end); `validate`, `log`:
    steps between validations and between records of the loss; `sheet`: the number of mattes in the validation picture."""

    checkpoint_minutes: float = 10.0
    checkpoint_steps: int = 0
    validate: int = 500
    log: int = 20
    sheet: int = 8


@dataclass(frozen=True)
class Run:
    """A training. `network`: a name of training/networks.py, and `build` the options of its build(); `losses`: the weight of each of its
    terms, 0 where not named; `folder`: the output folder; `sources`: the folder of pictures (empty: all examples are procedural);
    `start`: a state dict to start from, as far as names and shapes fit, or of a narrower network; `precision`: float32, bfloat16, or
    float16 on a GPU; `minutes`: the time limit, after which a checkpoint is written (0: none); `mean`: a state dict whose mean with the
    final weights is shipped."""

    network: str
    folder: str
    steps: int
    losses: dict[str, float]
    batch: int = 8
    seed: int = 0
    sources: str = ""
    start: str = ""
    precision: str = "float32"
    minutes: float = 0.0
    mean: str = ""
    build: dict[str, Any] = field(default_factory=dict)
    data: Data = Data()
    mix: Mix = Mix()
    augment: Augment = Augment()
    optimiser: Optimiser = Optimiser()
    keep: Keep = Keep()
    engine: EngineSettings = field(default_factory=EngineSettings)
    subjects: Subjects = field(default_factory=Subjects)

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"there is no precision {self.precision!r}; there are {', '.join(PRECISIONS)}")
        if self.mix.size and not self.data.pool:
            raise ValueError("mix.size needs a pool of examples; set data.pool")
        if self.data.on_device and (self.mix.size or not self.data.pool):
            raise ValueError("data.on_device needs a pool of whole examples; set data.pool, and no mix.size")
        if min(self.steps, self.batch, self.optimiser.accumulate, self.keep.validate, self.keep.log) < 1:
            raise ValueError("steps, batch, optimiser.accumulate, keep.validate and keep.log must be 1 or more")


SHIPPED = "shipped.pt"
"""What `run` ships a stage as, in its folder."""


def read(path: Path, stage: int | None = None) -> Run:
    """One stage of a file, counted from 1; None where it is the only one. Raises InputError as `read_stages`, and for no such stage."""
    stages = read_stages(path)
    if stage is None and len(stages) > 1:
        raise InputError(f"{path} has {len(stages)} stages; say which with --stage, or `run` them all")
    if not 1 <= (stage or 1) <= len(stages):
        raise InputError(f"{path} has no stage {stage}; it has 1 to {len(stages)}")
    return stages[(stage or 1) - 1]


def read_stages(path: Path) -> list[Run]:
    """All stages of a file. Raises InputError when it is missing, not TOML, or has unknown keys."""
    table = _table(path)
    stages = table.pop("stages", None)
    if stages is None:
        return [parsed(Run, table, str(path))]
    folder = table.get("folder", "")
    runs: list[Run] = []
    for number, stage in enumerate(stages, 1):
        begins = {"folder": f"{folder}/{number}", **({"start": f"{folder}/{number - 1}/{SHIPPED}"} if runs else {})}
        runs.append(parsed(Run, _instead(table, {**begins, **stage}), f"{path}: stage {number}"))
    return runs


def _instead(table: Mapping[str, Any], stage: Mapping[str, Any]) -> dict[str, Any]:
    """A table with a stage's overrides; nested tables are merged key by key, except [losses], which a stage replaces as a whole."""
    merged = {**table, **stage}
    for name, value in stage.items():
        if isinstance(value, Mapping) and isinstance(table.get(name), Mapping) and name not in ("losses", "build"):
            merged[name] = {**table[name], **value}
    return merged


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a run's TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from error


def parsed(kind: type[Table], table: Mapping[str, Any], where: str) -> Table:
    """A dataclass from a table, its tables included. Raises InputError that names the key and its place `where`."""
    known = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise InputError(
                f"{where}: there is no setting {key!r}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}")
            )
    missing = [name for name, entry in known.items() if name not in table and entry.default is MISSING and entry.default_factory is MISSING]
    if missing:
        raise InputError(f"{where}: {', '.join(missing)} must be set")
    hints = get_type_hints(kind)
    values = {key: _converted(hints[key], value, f"{where}: {key}") for key, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:  # raised by a dataclass that checks its values
        raise InputError(f"{where}: {error}") from error


def _converted(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return parsed(hint, value, where)
    origin = get_origin(hint) or hint
    if origin is tuple and isinstance(value, list):
        inner = get_args(hint)
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else list(inner)
        if len(kinds) != len(value):
            raise InputError(f"{where} must have {len(kinds)} values, not {len(value)}")
        return tuple(_converted(kind, one, where) for kind, one in zip(kinds, value, strict=True))
    if origin is dict and isinstance(value, Mapping):
        return {key: _converted(get_args(hint)[1], one, f"{where}.{key}") for key, one in value.items()}
    if origin is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is not Any and (not isinstance(value, origin) or (isinstance(value, bool) and origin is not bool)):
        raise InputError(f"{where} must be {_said(origin)}, not {value!r}")
    return value


def _said(kind: type) -> str:
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false", tuple: "a list", dict: "a table"}.get(
        kind, "a table"
    )


def as_table(settings: Any) -> dict[str, Any]:
    """The settings as plain values, for a checkpoint or a log."""
    return asdict(settings)
