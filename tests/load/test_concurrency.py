"""So many transactions are in flight at once as the server takes well, and never two about the same resource."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from fhir_case.load.run.concurrency import Concurrency

if TYPE_CHECKING:
    from collections.abc import Callable

NONE: frozenset[str] = frozenset()
LONG_S = 10.0


def started(work: Callable[[], object]) -> tuple[Thread, Event]:
    """Do something in a thread, and tell when it is done."""
    done = Event()

    def run() -> None:
        work()
        done.set()

    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread, done


def test_no_more_than_the_limit_are_in_flight() -> None:
    concurrency = Concurrency(3)
    lock = Lock()
    in_flight = [0]
    most = [0]

    def work(_: int) -> None:
        concurrency.enter(NONE)
        with lock:
            in_flight[0] += 1
            most[0] = max(most[0], in_flight[0])
        time.sleep(0.002)
        with lock:
            in_flight[0] -= 1
        concurrency.leave(NONE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))

    assert 3 == most[0]
    assert (3, 3) == (concurrency.limit, concurrency.most)


def test_two_about_the_same_resource_wait_for_each_other() -> None:
    concurrency = Concurrency(8)
    concurrency.enter(frozenset({"Patient/a", "Patient/b"}))
    _, other = started(lambda: concurrency.enter(frozenset({"Patient/c"})))
    assert other.wait(LONG_S)
    _, same = started(lambda: concurrency.enter(frozenset({"Patient/b", "Patient/d"})))

    assert not same.wait(0.05)
    concurrency.leave(frozenset({"Patient/a", "Patient/b"}))
    assert same.wait(LONG_S)


def test_nothing_is_in_flight_only_after_the_last_has_left() -> None:
    concurrency = Concurrency(2)
    concurrency.wait_until_empty()
    concurrency.enter(NONE)
    concurrency.enter(NONE)
    _, empty = started(concurrency.wait_until_empty)

    concurrency.leave(NONE)
    assert not empty.wait(0.05)
    concurrency.leave(NONE)
    assert empty.wait(LONG_S)


def test_a_fixed_limit_stays_whatever_happens() -> None:
    concurrency = Concurrency(5)
    for number in range(100):
        concurrency.enter(NONE)
        concurrency.leave(NONE, overloaded=bool(number % 2))

    assert 5 == concurrency.limit


def trouble(concurrency: Concurrency, *overloaded: bool) -> list[int]:
    """Let transactions pass one by one; return the limit after each."""
    limits = []
    for each in overloaded:
        concurrency.enter(NONE)
        concurrency.leave(NONE, overloaded=each)
        limits.append(concurrency.limit)
    return limits


def test_the_limit_is_halved_when_the_server_is_overloaded_and_never_none() -> None:
    assert [2, 1, 1, 1] == trouble(Concurrency(), True, True, True, True)


def test_the_limit_grows_again_after_the_trouble_is_over_and_no_further() -> None:
    concurrency = Concurrency()
    trouble(concurrency, True, True)
    limits = trouble(concurrency, *[False] * 100)

    assert [2] == limits[19:20]
    assert sorted(limits) == limits
    assert {1, 2, 3, 4} == set(limits)
