import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from mattecli.core.tuning.queues import WriteBehind, in_parallel, read_ahead


def _counting(made: list[int], last: int) -> Iterator[int]:
    for number in range(last):
        made.append(number)
        yield number


def test_items_come_in_order_and_never_more_than_the_depth_ahead() -> None:
    made: list[int] = []
    with read_ahead(_counting(made, 50), depth=3) as items:
        for taken, item in enumerate(items):
            assert item == taken
            assert len(made) <= taken + 1 + 3 + 1  # taken, waiting in the queue, and one in the thread's hand
    assert made == list(range(50))


def test_an_error_of_the_source_arrives_after_what_came_before_it() -> None:
    def breaking() -> Iterator[int]:
        yield 1
        raise ValueError("cut off")

    with read_ahead(breaking(), depth=2) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="cut off"):
            next(items)


def test_leaving_early_stops_the_reading_thread() -> None:
    made: list[int] = []
    with read_ahead(_counting(made, 10_000), depth=2) as items:
        next(items)
    assert len(made) < 10
    assert not any(thread.name == "read ahead" for thread in threading.enumerate())


def test_work_is_done_in_order_and_whole_before_the_block_is_left() -> None:
    done: list[int] = []
    with WriteBehind(done.append, depth=2) as behind:
        for number in range(100):
            behind.put(number)
    assert done == list(range(100))


def test_an_error_of_the_work_stops_the_rest() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise OSError("disk full")
        done.append(number)

    with pytest.raises(OSError, match="disk full"), WriteBehind(work, depth=1) as behind:
        for number in range(100):
            behind.put(number)
    assert done == [0, 1, 2]


def test_an_exception_in_the_block_drops_what_still_waits() -> None:
    gate, done = threading.Event(), []

    def work(number: int) -> None:
        gate.wait(60)
        done.append(number)

    with pytest.raises(KeyboardInterrupt), WriteBehind(work, depth=5) as behind:
        for number in range(4):
            behind.put(number)
        threading.Timer(1.0, gate.set).start()
        raise KeyboardInterrupt
    assert len(done) <= 1


@pytest.fixture
def press_ctrl_c() -> Iterator[Callable[[], None]]:
    """Ctrl-C, which a job in a shell's background would ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def _interrupted(use: Callable[[Callable[[int], int]], object], press_ctrl_c: Callable[[], None]) -> tuple[list[int], list[int]]:
    """What was begun and what was finished when `use`, given some work, was left while Ctrl-C was pressed twice in its first item."""
    begun: list[int] = []
    done: list[int] = []
    pressed, gate = threading.Event(), threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        pressed.set()
        gate.wait(60)
        done.append(number)
        return number

    def press() -> None:
        pressed.wait(60)
        for wait in (0.2, 0.2):
            threading.Event().wait(wait)
            press_ctrl_c()
        threading.Timer(0.5, gate.set).start()

    presses = threading.Thread(target=press)
    presses.start()
    with pytest.raises(KeyboardInterrupt):
        try:
            use(work)
        finally:
            presses.join()
    return begun, done


def test_ctrl_c_while_writing_waits_for_the_current_item_and_drops_the_rest(press_ctrl_c: Callable[[], None]) -> None:
    def use(work: Callable[[int], int]) -> None:
        with WriteBehind(work, depth=5) as behind:
            for number in range(4):
                behind.put(number)

    assert _interrupted(use, press_ctrl_c) == ([0], [0])


def test_ctrl_c_while_joining_threads_leaves_no_thread_running(press_ctrl_c: Callable[[], None]) -> None:
    def reading(work: Callable[[int], int]) -> None:
        with read_ahead(map(work, range(9)), depth=1):
            pass

    def working(work: Callable[[int], int]) -> None:
        next(in_parallel(range(9), work, threads=1))

    for use in (reading, working):
        begun, done = _interrupted(use, press_ctrl_c)
        assert begun == done and not any(thread.name.startswith(("read", "in para")) for thread in threading.enumerate())


def test_parallel_results_come_in_order_and_run_concurrently() -> None:
    together = threading.Barrier(3, timeout=60)  # lets nobody through until three are at work

    def work(number: int) -> int:
        together.wait()
        return number * number

    assert list(in_parallel(range(9), work, threads=3)) == [number * number for number in range(9)]


def test_a_parallel_error_comes_in_order_and_drops_the_rest() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 4:
            raise OSError("unreadable")
        return number

    results = in_parallel(range(1000), work, threads=2)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="unreadable"):
        next(results)
    assert len(begun) < 10
    assert not any(thread.name.startswith("in parallel") for thread in threading.enumerate())


def test_ctrl_c_in_the_moment_a_thread_is_started_leaves_none_behind(
    press_ctrl_c: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def started_and_interrupted(thread: threading.Thread) -> None:
        start(thread)
        press_ctrl_c()

    monkeypatch.setattr(threading.Thread, "start", started_and_interrupted)
    made: list[int] = []
    for use in (
        lambda: read_ahead(_counting(made, 10**9), depth=1).__enter__(),
        lambda: WriteBehind(made.append, depth=1).__enter__(),
        lambda: next(in_parallel(range(9), made.append, threads=1)),
    ):
        with pytest.raises(KeyboardInterrupt):
            use()
        assert not any(thread.name.startswith(("read", "write", "in para")) for thread in threading.enumerate())
