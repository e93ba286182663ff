"""What happens while something is loaded is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from fhir_case.errors import FhirCaseError, RejectedError, ServerError
from fhir_case.load.journal.entry import STATES, JournalEntry
from fhir_case.load.send.tally import Tally

if TYPE_CHECKING:
    from fhir_case.load.journal.entry import State


def entry(state: State) -> JournalEntry:
    return JournalEntry("Patient/a", "PUT", 200, state)


def of_latencies(*latencies_s: float) -> Tally:
    tally = Tally()
    for each in latencies_s:
        tally.answered(200, each, 10)
    return tally


@pytest.mark.parametrize(
    ("latencies_s", "expected"),
    [
        ([3.0], (3.0, 3.0, 3.0, 3.0)),
        ([2.0, 1.0], (1.0, 2.0, 2.0, 2.0)),
        ([3.0, 1.0, 2.0], (2.0, 3.0, 3.0, 3.0)),
        ([float(each) for each in range(100, 0, -1)], (50.0, 95.0, 99.0, 100.0)),
        ([float(each) for each in range(1, 201)], (100.0, 190.0, 198.0, 200.0)),
        ([float(each) for each in range(1, 102)], (51.0, 96.0, 100.0, 101.0)),
        ([0.25, 0.5, 0.125, 8.0], (0.25, 8.0, 8.0, 8.0)),
    ],
)
def test_percentiles_are_those_that_one_finds_by_hand(
    latencies_s: list[float], expected: tuple[float, float, float, float]
) -> None:
    found = of_latencies(*latencies_s).to_dict()["latency_s"]

    assert dict(zip(("p50", "p95", "p99", "max"), expected, strict=True)) == found


def test_there_is_no_latency_without_an_answer() -> None:
    tally = Tally()
    tally.answered(0, 60.0, 100)

    assert {"p50": None, "p95": None, "p99": None, "max": None} == tally.to_dict()["latency_s"]
    assert {"no answer": 1} == tally.to_dict()["requests"]
    assert (0.0, 100) == (tally.longest_s, tally.bytes)


def test_a_latency_is_reported_in_tenths_of_a_millisecond() -> None:
    assert 0.1234 == of_latencies(0.12344).to_dict()["latency_s"]["max"]


def test_the_slowest_answer_is_known() -> None:
    assert 8.0 == of_latencies(0.5, 8.0, 2.0).longest_s


def test_requests_are_counted_by_their_status_and_bytes_are_added() -> None:
    tally = Tally()
    for status, size in ((503, 5), (200, 7), (0, 11), (200, 13)):
        tally.answered(status, 1.0, size)

    assert {"no answer": 1, "200": 2, "503": 1} == tally.to_dict()["requests"]
    assert 36 == tally.to_dict()["bytes_sent"]


def test_every_state_is_reported_also_when_no_resource_is_in_it() -> None:
    tally = Tally()
    tally.stored([entry("created"), entry("failed"), entry("created")])
    tally.stored([entry("updated or unchanged")])

    expected = dict.fromkeys(STATES, 0) | {"created": 2, "failed": 1, "updated or unchanged": 1}
    assert expected == tally.to_dict()["resources"]


def test_retries_are_counted_by_their_cause() -> None:
    tally = Tally()
    errors: list[FhirCaseError] = [
        ServerError("the server is overloaded", status=503),
        RejectedError("a conflict", status=409),
        ServerError("no answer within 60 s", cause="timed out"),
        ServerError("no answer within 30 s", cause="timed out"),
        ServerError("broken off"),
    ]
    assert [True] * 5 == [tally.retry(each, 100) for each in errors]

    assert {"HTTP 409": 1, "HTTP 503": 1, "no answer": 1, "timed out": 2} == tally.to_dict()["retries"]


def test_there_are_no_more_retries_than_the_run_may_have() -> None:
    tally = Tally()
    error = ServerError("overloaded", status=503)

    assert [True, True, False, False] == [tally.retry(error, 2) for _ in range(4)]
    assert {"HTTP 503": 2} == tally.to_dict()["retries"]
    assert not Tally().retry(error, 0)


def test_several_threads_share_the_retries_that_a_run_may_have() -> None:
    tally = Tally()
    error = ServerError("overloaded", status=503)
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: tally.retry(error, 100), range(400)))

    assert 100 == sum(granted) == tally.retries.total()


def test_several_threads_count_together() -> None:
    tally = Tally()

    def work(_: int) -> None:
        tally.answered(200, 1.0, 2)
        tally.stored([entry("created")])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(2000)))

    assert (2000, 4000, 2000) == (tally.statuses[200], tally.bytes, tally.states["created"])
