"""The queue of computations, with computations that wait for a word."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from mattecli.serve.problems import RequestError
from mattecli.serve.queue import WorkQueue
from mattecli.serve.workspace import Workspace


class Computations:
    """Records what was made; each computation waits until `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.made: list[list[str]] = []

    def __call__(self, works: Sequence[str]) -> "list[str | Exception]":
        self.made.append(list(works))
        self.go.wait(60)
        return [ValueError(work) if work == "bad" else work.upper() for work in works]


def run(root: Path, test: Callable[["WorkQueue[str, str]", Computations, Workspace], Awaitable[None]], **settings: object) -> None:
    async def main() -> None:
        computations = Computations()
        queue: WorkQueue[str, str] = WorkQueue(computations, **settings)  # type: ignore[arg-type]
        with Workspace(root) as workspace:
            try:
                await asyncio.wait_for(test(queue, computations, workspace), 10)
            finally:
                computations.go.set()
                queue.close()

    asyncio.run(main())


async def started(computations: Computations) -> None:
    while not computations.made:
        await asyncio.sleep(0.005)


def test_requests_run_in_order_and_errors_reach_their_own_request(tmp_path: Path) -> None:
    async def test(queue: "WorkQueue[str, str]", computations: Computations, workspace: Workspace) -> None:
        computations.go.set()
        works = [queue.run(work, workspace, timeout=60) for work in ("one", "bad", "two")]
        one, bad, two = await asyncio.gather(*works, return_exceptions=True)
        assert (one, two) == ("ONE", "TWO") and isinstance(bad, ValueError)
        assert computations.made == [["one"], ["bad"], ["two"]]

    run(tmp_path, test, most=5)


def test_a_full_queue_answers_429_with_retry_after(tmp_path: Path) -> None:
    async def test(queue: "WorkQueue[str, str]", computations: Computations, workspace: Workspace) -> None:
        tasks = [asyncio.create_task(queue.run(str(number), workspace, timeout=60)) for number in range(3)]
        await started(computations)
        with pytest.raises(RequestError) as refusal:
            await queue.run("more", workspace, timeout=60)
        assert refusal.value.status == 429 and int(refusal.value.headers["Retry-After"]) >= 1
        computations.go.set()
        assert await asyncio.gather(*tasks) == ["0", "1", "2"]

    run(tmp_path, test, most=2)


def test_a_request_cancelled_while_queued_is_never_run(tmp_path: Path) -> None:
    async def test(queue: "WorkQueue[str, str]", computations: Computations, workspace: Workspace) -> None:
        first = asyncio.create_task(queue.run("first", workspace, timeout=60))
        await started(computations)
        waiting = asyncio.create_task(queue.run("waiting", workspace, timeout=60))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(RequestError) as refusal:
            await queue.run("late", workspace, timeout=0.01)
        assert refusal.value.status == 503
        computations.go.set()
        await first
        while not queue.is_idle:
            await asyncio.sleep(0.005)
        assert computations.made == [["first"]]

    run(tmp_path, test, most=5)


def test_a_timed_out_computation_keeps_its_files_until_it_ends(tmp_path: Path) -> None:
    async def test(queue: "WorkQueue[str, str]", computations: Computations, workspace: Workspace) -> None:
        with Workspace(tmp_path) as its_own:
            with pytest.raises(RequestError) as refusal:
                await queue.run("long", its_own, timeout=0.05)
            assert refusal.value.status == 504
        assert its_own.path.is_dir()
        computations.go.set()
        while not queue.is_idle:
            await asyncio.sleep(0.005)
        assert not its_own.path.exists()

    run(tmp_path, test, most=5)


def test_similar_requests_run_together(tmp_path: Path) -> None:
    def together(works: Sequence[str]) -> int:
        return len(works) if works[0].startswith("a") else 1

    async def test(queue: "WorkQueue[str, str]", computations: Computations, workspace: Workspace) -> None:
        first = asyncio.create_task(queue.run("b", workspace, timeout=60))
        await started(computations)
        others = [asyncio.create_task(queue.run(work, workspace, timeout=60)) for work in ("a1", "a2", "a3")]
        await asyncio.sleep(0.01)
        computations.go.set()
        assert await asyncio.gather(first, *others) == ["B", "A1", "A2", "A3"]
        assert computations.made == [["b"], ["a1", "a2", "a3"]]

    run(tmp_path, test, most=5, together=together)
