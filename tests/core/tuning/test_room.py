"""Reservations of memory: what does not fit beside others waits, and nobody waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from mattecli.core.tuning.room import Room


def test_threads_that_hold_memory_and_need_more_continue_one_at_a_time() -> None:
    room, inside, most = Room(), [0], [0]
    both_hold = threading.Barrier(2)

    def work() -> None:
        with room.reserved(40, lambda total: total <= 100):
            both_hold.wait(300)
            with room.reserved(90, lambda total: total <= 100):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.05)  # long enough for another to come in, if it could
                inside[0] -= 1

    with ThreadPoolExecutor(2) as pool:
        for call in [pool.submit(work), pool.submit(work)]:
            call.result(timeout=300)
    assert most[0] == 1


def test_reservations_that_fit_do_not_wait() -> None:
    room = Room()
    entered = threading.Event()

    def come_in() -> None:
        with room.reserved(50, lambda total: total <= 100):
            entered.set()

    with room.reserved(50, lambda total: total <= 100), ThreadPoolExecutor(1) as pool:
        pool.submit(come_in)
        assert entered.wait(300)


def test_reservations_that_do_not_fit_wait_for_the_others() -> None:
    room, order = Room(), []

    def come_in() -> None:
        with room.reserved(80, lambda total: total <= 100):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with room.reserved(80, lambda total: total <= 100):
            call = pool.submit(come_in)
            order.append("first")
        call.result(timeout=300)
    assert order == ["first", "second"]
