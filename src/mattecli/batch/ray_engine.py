"""The same items on a Ray cluster: Ray Data hands them to actors that hold a loaded model each, and a lost actor's items to others, once.

Ray is an extra (mattecli[ray]) and is imported when it is used.
"""

import base64
import contextlib
import json
import logging
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from mattecli.batch import storage
from mattecli.batch.items import Item
from mattecli.batch.journal import blank_record, failure
from mattecli.batch.processes.worker import Plan, Ready
from mattecli.errors import MatteError, UsageError

Record = dict[str, Any]
MOST_BLOCKS = 10_000
"""Each item is a block, which Ray schedules, stores and repeats as a whole; above this number a block holds several items."""
RETRIES = 1


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster and the resources to use. address: of a running cluster, `auto` for this machine's, None to start one here.

    fewest, most: the limits of the number of actors, which Ray scales with the queue. cpus, gpus: of one actor; fractions share a GPU.
    """

    address: str | None = None
    fewest: int = 1
    most: int = 1
    cpus: float = 1
    gpus: float = 0


class RayEngine:
    """Makes the items of one batch on Ray; an Executor, used as a context manager. tell: called with each note for the user."""

    def __init__(self, plan: Plan, cluster: Cluster, tell: Any = lambda text: None) -> None:
        self._plan = replace(plan, environment=None, scratch=None)
        self._cluster = cluster
        self._tell = tell
        self._ray = _imported()

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ray.shutdown()

    def run(self, items: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]:
        """Each item with its record, as it ends. All items are read before the first is started."""
        waiting = dict(enumerate(item for item in items if item is not None))
        if not waiting:
            return
        self._connect()
        self._check()
        for row in self._made(waiting).iter_rows():
            item = waiting.pop(int(row["number"]), None)
            if item is not None:
                yield item, json.loads(row["record"]) | blank_record(item, self._plan.run)
        for item in waiting.values():
            said = f"{item.input} ended its actor {RETRIES + 1} times, or its node was lost as often"
            yield item, blank_record(item, self._plan.run) | failure("WorkerDied", said)

    def drain(self) -> Iterator[tuple[Item, Record]]:
        """Yields nothing: an interrupted dataset is cancelled as a whole."""
        return iter(())

    def _connect(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            self._ray.init(
                address=self._cluster.address or "local",  # None would join what this machine ran before
                include_dashboard=False if self._cluster.address is None else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UsageError(f"Ray cannot be reached at {self._cluster.address} ({error}); start it, or give another --address") from error

    def _check(self) -> None:
        """Open the models once, in a task, so that an error is one sentence before the work."""
        resources = {"num_cpus": self._cluster.cpus, "num_gpus": self._cluster.gpus, "max_retries": RETRIES}
        task = self._ray.remote(**resources)(_opened)
        try:
            self._ray.get(task.remote(self._plan))
        except self._ray.exceptions.RayTaskError as error:
            raise (
                error.cause if isinstance(error.cause, MatteError) else MatteError(f"Ray could not open the model ({error.cause})")
            ) from error

    def _made(self, items: dict[int, Item]) -> Any:
        """A dataset of rows (number, record), computed as it is read."""
        from ray import data

        _quieten(data)
        rows = [{"number": number, "item": _packed(_absolute(item))} for number, item in items.items()]
        cluster, slots = self._cluster, max(1, int(self._cluster.cpus))
        return data.from_items(rows, override_num_blocks=min(len(rows), MOST_BLOCKS)).map_batches(
            Actor,
            fn_constructor_args=(replace(self._plan, workers=slots),),
            batch_size=slots,
            compute=data.ActorPoolStrategy(min_size=cluster.fewest, max_size=cluster.most),
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus,
            max_restarts=-1,
            max_task_retries=RETRIES,
        )


class Actor:
    """Holds a plan's models on a node of the cluster and makes the items of a batch of rows."""

    def __init__(self, plan: Plan) -> None:
        self._make, ready = plan.opener(plan, lambda message: None)
        self._threads = ThreadPoolExecutor(ready.slots)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        records = self._threads.map(self._make, map(_unpacked, rows["item"]))
        return {"number": rows["number"], "record": [json.dumps(record) for record in records]}


def _opened(plan: Plan) -> Ready:
    return plan.opener(plan, lambda message: None)[1]


def _imported() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UsageError(f"--engine ray needs Ray ({error}); pip install 'mattecli[ray]'") from error
    return ray


def _quieten(data: Any) -> None:
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # what never came back is found by its number
    with contextlib.suppress(AttributeError):
        context.print_on_execution_start = False
    for name in ("ray.data", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _absolute(item: Item) -> Item:
    """The item with local paths that hold in any process of this machine, or of machines that share its disks."""
    settings = item.settings
    guides = {name: _place(file) for name, file in settings.guides.items()}
    over = settings.over if settings.over is None or not os.path.exists(settings.over) else os.path.abspath(settings.over)
    return replace(item, input=_place(item.input), output=_place(item.output), settings=replace(settings, guides=guides, over=over))


def _place(path: str) -> str:
    return path if storage.is_url(path) else os.path.abspath(path)


def _packed(item: Item) -> str:
    return base64.b64encode(pickle.dumps(item)).decode()


def _unpacked(text: str) -> Item:
    item: Item = pickle.loads(base64.b64decode(text))
    return item
