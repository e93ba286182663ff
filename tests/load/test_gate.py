"""So many transactions are under way at once as the server takes well, and never two about the same resource."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import pytest

from fhir_case.load.run.concurrency import Gate

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


def leave(
    gate: Gate, keys: frozenset[str] = NONE, *, now_s: float = 0, resources: int = 1, overloaded: bool = False
) -> None:
    gate.leave(keys, now_s=now_s, resources=resources, overloaded=overloaded)


def rounds(gate: Gate, number: int, rate: Callable[[int], float], now_s: float = 0.0) -> float:
    """Let transactions of one resource pass one by one, at a speed that depends on the limit; give the time after."""
    for _ in range(number):
        gate.enter(NONE)
        now_s += 1 / rate(gate.limit)
        leave(gate, now_s=now_s)
    return now_s


def test_no_more_than_the_limit_are_under_way() -> None:
    gate = Gate(3)
    lock = Lock()
    under_way = [0]
    most = [0]

    def work(_: int) -> None:
        gate.enter(NONE)
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.002)
        with lock:
            under_way[0] -= 1
        leave(gate)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))

    assert 3 == most[0]
    assert (3, 3) == (gate.limit, gate.most)


def test_two_about_the_same_resource_wait_for_each_other() -> None:
    gate = Gate(8)
    gate.enter(frozenset({"Patient/a", "Patient/b"}))
    _, other = started(lambda: gate.enter(frozenset({"Patient/c"})))
    assert other.wait(LONG_S)
    _, same = started(lambda: gate.enter(frozenset({"Patient/b", "Patient/d"})))

    assert not same.wait(0.05)
    leave(gate, frozenset({"Patient/a", "Patient/b"}))
    assert same.wait(LONG_S)


def test_nothing_is_under_way_only_after_the_last_has_left() -> None:
    gate = Gate(2)
    gate.wait_until_empty()
    gate.enter(NONE)
    gate.enter(NONE)
    _, empty = started(gate.wait_until_empty)

    leave(gate)
    assert not empty.wait(0.05)
    leave(gate)
    assert empty.wait(LONG_S)


def test_a_fixed_limit_stays_whatever_happens() -> None:
    gate = Gate(5)
    for number in range(100):
        gate.enter(NONE)
        leave(gate, now_s=number, overloaded=bool(number % 2))

    assert 5 == gate.limit


@pytest.mark.parametrize("number", [1000, 20_000])
def test_the_limit_grows_while_that_makes_it_faster_and_stays_there(number: int) -> None:
    gate = Gate()
    rounds(gate, number, lambda limit: 10.0 * limit)

    assert gate.most - 1 <= gate.limit <= gate.most


@pytest.mark.parametrize("number", [500, 20_000])
def test_the_limit_stays_where_more_at_once_is_no_faster(number: int) -> None:
    gate = Gate()
    rounds(gate, number, lambda limit: 10.0 * min(limit, 4))

    assert 3 <= gate.limit <= 5


def test_the_limit_shrinks_when_the_server_no_longer_does_so_much_at_once() -> None:
    gate = Gate()
    now_s = rounds(gate, 1000, lambda limit: 10.0 * limit)
    rounds(gate, 20_000, lambda limit: 10.0 * min(limit, 4), now_s)

    assert 3 <= gate.limit <= 5


def test_the_limit_is_halved_when_the_server_is_overloaded_and_never_none() -> None:
    gate = Gate()
    now_s = rounds(gate, 1000, lambda limit: 10.0 * limit)
    before = gate.limit
    limits = []
    for _ in range(6):
        gate.enter(NONE)
        leave(gate, now_s=now_s, overloaded=True)
        limits.append(gate.limit)

    assert [max(1, before // 2**times) for times in range(1, 7)] == limits


def test_the_limit_grows_again_after_the_trouble_is_over() -> None:
    gate = Gate()
    gate.enter(NONE)
    leave(gate, overloaded=True)
    assert 1 == gate.limit
    rounds(gate, 3000, lambda limit: 10.0 * limit)

    assert gate.limit > 8


@pytest.mark.parametrize("resources", [0, 1, 200])
def test_answers_that_all_come_at_the_same_moment_do_no_harm(resources: int) -> None:
    gate = Gate()
    for _ in range(500):
        gate.enter(NONE)
        leave(gate, resources=resources)

    assert 1 <= gate.limit <= gate.most
