"""One network's training: a TOML file -> its stages, frozen dataclasses. A key nobody knows is refused by its name, a value of the wrong
kind by its key.

A file without [[stages]] is one stage. With them each stage is what the file says at its top, with what the stage says instead: of a
table such as [data] key by key. The stages lie in folders 1, 2, ... of the file's folder, and each begins with what the one before shipped.

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
    """Where examples come from. `size`: the side they are drawn at; `pool`: how many `draw` makes beforehand, where
    0 draws them while training; `workers`: processes that draw or read; `validation`: how many held-out ones; `hold_out`: of so many
    picture files one is kept for those (0: none is); `early_size`, `early`: the side of scenes during this share of the steps, which
    are quicker and teach what is coarse first; `on_device`: examples are read once and stay on the device, where their closed-form
    mattes are made, which suits a GPU and wants 1.4 MB of it for a side of 288; `leave_out`: names of picture files that are neither
    trained on nor held out, for they are in a set that the weights will be judged by."""

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
    """Examples of the pool taken apart and put together anew at each step, on the device (see recompose.py); how often what is done to
    them, [engine] says. `size`: side of what is put together (0: examples are taken as they were drawn); `window`: the share of a
    picture's side that is looked at, (least, most); `still`: how often the plate fits to the pixel and is in the same light, as behind
    a tripod; `clean`: how often it has no noise; `subjects`: the share of foregrounds that are whole subjects of [subjects] instead of what
    the engine draws."""

    size: int = 0
    window: tuple[float, float] = (0.5, 1.1)
    still: float = 0.4
    clean: float = 0.3
    subjects: float = 0.0


@dataclass(frozen=True)
class Augment:
    """What is done to a batch at each step. `crop`: side of the part that trains (0: all); `flip`: mirror half of them; `turn`: by
    quarters too; `colour`: how far colours are mixed, dimmed and shifted, 0 (not at all) to 1."""

    crop: int = 0
    flip: bool = True
    turn: bool = False
    colour: float = 0.3


@dataclass(frozen=True)
class Optimiser:
    """`rate` rises over `warmup` steps and falls along a cosine to `floor` times itself at the last step. `factors`: what to multiply
    it by for parameters whose name begins so. `clip`: the gradient's largest norm (0: any); `average`: the decay of the weights' moving
    average, which is what is validated and shipped; `accumulate`: batches to a step."""

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
    """`checkpoint_minutes`, `checkpoint_steps`: how often the state is kept (0: not by this clock; always at the end); `validate`, `log`:
    how often held-out examples are measured and the loss is told; `sheet`: how many mattes the picture of them shows."""

    checkpoint_minutes: float = 10.0
    checkpoint_steps: int = 0
    validate: int = 500
    log: int = 20
    sheet: int = 8


@dataclass(frozen=True)
class Run:
    """`network`: a name of training/networks.py, and `build` the options of its build(); `losses`: the weight of each of its terms, where
    one that is not named has none; `folder`: where all that the run makes lies; `sources`: the folder of pictures (empty: all examples
    are procedural); `start`: a state dict to begin with, as far as its names and shapes fit, or of a narrower network; `precision`:
    float32, bfloat16, or float16 on a GPU; `minutes`: when to checkpoint and leave (0: after the last step); `mean`: a state
    dict, the mean with which is shipped instead of the weights at the end."""

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
            raise ValueError("mix.size wants a pool to take examples from; set data.pool")
        if self.data.on_device and (self.mix.size or not self.data.pool):
            raise ValueError("data.on_device wants a pool of whole examples; set data.pool, and no mix.size")
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
    """All stages of a file. Raises InputError when it is missing, no TOML, or says something unknown."""
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
    """A table with what a stage says instead; of tables in it key by key, but for [losses], which a stage says as a whole."""
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
    except ValueError as error:  # what a dataclass finds wrong with itself
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
