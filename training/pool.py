"""The examples of a training, drawn beforehand into a folder or on the fly, as arrays of integers.

An example is a table name -> array: colours uint8 [H, W, 3] in steps of 1/255, the trimap uint8 [H, W] in steps of 1/2, other planes
uint16 [H, W] in steps of 1/65535. The network's task decides which names it has. Example `index` of a run is reproducible, in any
process. A pool's files are complete once they have their names, so a training may read it while it grows.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mattecli.errors import InputError
from training.coarse import coarse_matte
from training.engine import Example, Sources, draw
from training.engine.sources import surface
from training.networks import task_of
from training.scenes import Scene, draw_scene, draw_subject, library
from training.settings import Run, as_table

Arrays = dict[str, NDArray[Any]]

HELD_OUT = 1 << 31
"""Added to an index, so that validation and training never share a seed."""

REFRESH = 500
"""Batches after which a training counts the examples of a growing pool again."""

READERS = 8
"""Threads that read a pool into device memory."""

PARTS = ("foreground", "alpha", "background")
"""The parts of an example that are kept for recomposition (recompose.py)."""


@cache
def sources_of(folder: str, hold_out: int, held_out: bool, leave_out: tuple[str, ...] = ()) -> Sources:
    """The pictures for training, or those held out: of each list every `hold_out`-th (a list with fewer is shared).

    Raises InputError when a name in `leave_out` is none of theirs.
    """
    sources = Sources.read(Path(folder)) if folder else Sources()
    lists = {entry.name: getattr(sources, entry.name) for entry in fields(sources)}
    strange = set(leave_out) - {file.name for files in lists.values() for file in files}
    if folder and strange:
        raise InputError(f"data.leave_out names {min(strange)}, which is no picture of {folder}; mend the name")
    kept = {name: tuple(file for file in files if file.name not in leave_out) for name, files in lists.items()}
    return replace(sources, **{name: _part(files, hold_out, held_out) for name, files in kept.items()})


def _part(files: tuple[Path, ...], hold_out: int, held_out: bool) -> tuple[Path, ...]:
    if hold_out == 0 or len(files) < hold_out:
        return files
    return tuple(file for place, file in enumerate(files) if (place % hold_out == 0) == held_out)


@dataclass(frozen=True)
class ExamplePool:
    """The examples of a run, for training or held out; calling it with an index draws one. Cheap to send to another process."""

    run: Run
    held_out: bool = False

    def __call__(self, index: int) -> Arrays:
        run = self.run
        seed = (run.seed << 32) + index + HELD_OUT * self.held_out
        if task_of(run.network).scenes:
            pictures = library(run.subjects, run.sources, run.data.hold_out, self.held_out)
            size = run.data.size if self.held_out or index >= self.early_examples else run.data.early_size
            return as_arrays(draw_scene(seed, size=size, pictures=pictures, settings=run.subjects))
        sources = sources_of(run.sources, run.data.hold_out, self.held_out, run.data.leave_out)
        if self.in_parts and np.random.default_rng((seed, 1)).random() < run.mix.subjects:
            return subject_parts(seed, run, sources)
        example = draw(seed, size=run.data.size, sources=sources, settings=run.engine)
        return parts(example) if self.in_parts else packed(example, run.network, coarse=not self.coarse_is_made_later)

    @property
    def early_examples(self) -> int:
        """The number of examples, from the first on, that are drawn at the early size."""
        run = self.run
        return int(run.data.early * run.steps) * run.batch * run.optimiser.accumulate

    @property
    def in_parts(self) -> bool:
        """Whether only the parts for recomposition are kept."""
        return self.run.mix.size > 0 and not self.held_out

    @property
    def on_device(self) -> bool:
        """Whether they stay in device memory once they are read."""
        return self.run.data.on_device and not self.held_out

    @property
    def coarse_is_made_later(self) -> bool:
        """Whether the closed-form mattes are made on the device later."""
        return self.on_device and task_of(self.run.network).coarse

    @property
    def folder(self) -> Path:
        """The folder they are kept in."""
        return Path(self.run.folder) / ("validation" if self.held_out else "pool")

    def path(self, index: int) -> Path:
        """The file of an example."""
        return self.folder / f"{index:06d}.npz"

    def keep(self, index: int) -> int:
        """Draw an example and write it; the file is complete once it has its name."""
        part = self.path(index).with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as stream:
            write = np.savez if self.in_parts or self.on_device else np.savez_compressed  # those are read once, and all of them
            write(stream, **self(index))  # type: ignore[arg-type]
        part.replace(self.path(index))
        return index


def as_arrays(scene: Scene) -> Arrays:
    """The arrays of a scene as integers; its facts (`present`, `person`) as arrays [1, 1]."""
    planes = {"image": scene.image, "alpha": scene.alpha, "weight": scene.weight}
    facts = {name: np.full((1, 1), getattr(scene, name), np.float32) for name in ("present", "person")}
    return {name: _rounded(array, name) for name, array in (planes | facts).items()}


def packed(example: Example, network: str, *, coarse: bool = True) -> Arrays:
    """The arrays of an example that a network's task needs, with those it prepares itself, as integers.

    The closed-form matte, if the task has one, is left out unless `coarse`.
    """
    task = task_of(network)
    colours = {name: _rounded(getattr(example, name), name) for name in ("image", "foreground", "background", "plate")}
    from_file: dict[str, Any] = {name: (levels / 255).astype(np.float32) for name, levels in colours.items()}  # one of 8 bits
    seen = replace(example, **from_file)
    arrays = {name: getattr(seen, name) for name in task.fields if hasattr(seen, name)} | task.prepare(seen)
    if coarse and task.coarse:
        arrays["coarse"] = coarse_matte(arrays["image"], arrays["trimap"])
    return {name: _rounded(array, name) for name, array in arrays.items()}


def parts(example: Example) -> Arrays:
    """The parts of an example for recomposition, as integers."""
    return {name: _rounded(getattr(example, name), name) for name in PARTS}


def subject_parts(seed: int, run: Run, sources: Sources) -> Arrays:
    """The parts of an example whose foreground is a whole subject of the run's [subjects]."""
    rng = np.random.default_rng(seed)
    pictures = library(run.subjects, run.sources, run.data.hold_out, held_out=False)
    placed = draw_subject(rng, size=run.data.size, pictures=pictures)
    behind = surface(rng, run.data.size, sources, made_up=run.engine.painted)
    arrays = {"foreground": placed[..., :3], "alpha": placed[..., 3], "background": behind}
    return {name: _rounded(array, name) for name, array in arrays.items()}


def _rounded(array: NDArray[np.float32], name: str) -> NDArray[Any]:
    if name == "trimap":
        return np.rint(array * 2).astype(np.uint8)
    if array.ndim == 3:
        return np.rint(array.clip(0, 1) * 255).astype(np.uint8)
    return np.rint(array.clip(0, 1) * 65535).astype(np.uint16)


def fill(pool: ExamplePool, count: int, *, workers: int, report: Callable[[int, int], None]) -> None:
    """Draw the missing ones of the first `count` examples; `report` is called with the number present and the total.

    Raises InputError when the folder holds examples of other settings.
    """
    pool.folder.mkdir(parents=True, exist_ok=True)
    _check_same(pool)
    missing = [index for index in range(count) if not pool.path(index).exists()]
    for done, _ in enumerate(_kept(pool, missing, workers), count - len(missing) + 1):
        report(done, count)


def _kept(pool: ExamplePool, indices: list[int], workers: int) -> Iterator[int]:
    if workers == 0 or len(indices) < 2:
        yield from map(pool.keep, indices)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=alone_on_a_core) as processes:
        try:
            yield from processes.map(pool.keep, indices)
        finally:
            processes.shutdown(wait=True, cancel_futures=True)


def alone_on_a_core(number: int = 0) -> None:
    """Set up a worker process: one core, and interruptions are left to the parent process."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _check_same(pool: ExamplePool) -> None:
    """Record a new pool's settings beside it; InputError for a pool of other settings."""
    run, note = pool.run, pool.folder / "drawn-with.json"
    made_of = {
        "network": run.network,
        "seed": run.seed,
        "size": run.data.size,
        "hold_out": run.data.hold_out,
        "leave_out": run.data.leave_out,
        "in_parts": pool.in_parts,
        "coarse": not pool.coarse_is_made_later,
        "engine": as_table(run.engine),
        **({"subjects": as_table(run.subjects), "share": run.mix.subjects} if run.mix.subjects else {}),
    }
    text = json.dumps({**made_of, "sources": Path(run.sources).name}, indent=1, sort_keys=True, default=str)
    if not note.exists():
        note.write_text(text + "\n", encoding="utf-8")
    elif note.read_text(encoding="utf-8").strip() != text:
        raise InputError(f"{pool.folder} holds examples drawn with other settings (see {note.name} there); remove it or set another folder")


def available(pool: ExamplePool) -> int:
    """The number of examples present, without a gap from the first."""
    index = 0
    while pool.path(index).exists():
        index += 1
    return index


def opened(pool: ExamplePool, index: int) -> Arrays:
    """An example from its file. Raises InputError when that is damaged."""
    try:
        with pool.path(index).open("rb") as stream, np.load(stream) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(f"{pool.path(index)} is damaged ({error}); remove it and draw again") from error


class Batches(Dataset[dict[str, Tensor]]):
    """Batch `number` of a run: examples `known` of the pool in an order given by seed and number, or, without any, newly drawn ones."""

    def __init__(self, pool: ExamplePool, known: int) -> None:
        self.pool, self.known = pool, known

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        run = self.pool.run
        if self.known == 0:
            return stacked([self.pool(number * run.batch + place) for place in range(run.batch)])
        return stacked([opened(self.pool, int(index)) for index in picked(run, number, self.known)])


def picked(run: Run, number: int, known: int) -> NDArray[np.int64]:
    """The indices, below `known`, of the examples in batch `number`: [batch]."""
    return np.random.default_rng((run.seed, number)).choice(known, run.batch, replace=known < run.batch)


def stacked(examples: list[Arrays]) -> dict[str, Tensor]:
    """Examples stacked to a batch: name -> uint8 or int32 [B, C, H, W]."""
    return {name: torch.from_numpy(np.stack([_channels_first(example[name]) for example in examples])) for name in examples[0]}


def _channels_first(array: NDArray[Any]) -> NDArray[Any]:
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return planes.astype(np.int32) if planes.dtype == np.uint16 else planes


def unpacked(batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """A batch as float32 in 0..1 on the device."""
    scales = {torch.uint8: 255.0, torch.int32: 65535.0, torch.float16: 1.0}
    return {name: levels.to(device).float() / (2.0 if name == "trimap" else scales[levels.dtype]) for name, levels in batch.items()}


def batches(pool: ExamplePool, numbers: range, known: int) -> Iterator[dict[str, Tensor]]:
    """The batches of these numbers, in this order, read or drawn by the run's workers."""
    workers = pool.run.data.workers
    loader = DataLoader(
        Batches(pool, known),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        multiprocessing_context=get_context("spawn") if workers else None,
        worker_init_fn=alone_on_a_core if workers else None,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)
