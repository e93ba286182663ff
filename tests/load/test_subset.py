"""What is right in a refused transaction can be sent without what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_case.load.plan.bundle import BundleEntry
from fhir_case.load.plan.entry import planned_entry
from fhir_case.load.plan.subset import halves, without
from fhir_case.load.plan.transaction import Transaction
from fhir_case.server.capabilities import UNKNOWN


def transaction(*entries: tuple[str, str, list[str]], **others: Any) -> Transaction:
    """Make it of some entries, each with its document, its name, and the names that it refers to."""
    planned = []
    for position, (source, name, references) in enumerate(entries):
        kind, _, key = name.partition("/")
        pointers = [{"valueReference": {"reference": each}} for each in references]
        resource = {"resourceType": kind, "id": key, "extension": pointers}
        planned.append(planned_entry(BundleEntry(name, resource, position=position, source=source), UNKNOWN))
    return Transaction(tuple(planned), **others)


def names(made: Transaction | None) -> list[str]:
    return [entry.original.name for entry in made.entries] if made else []


def test_a_merged_transaction_is_halved_between_documents() -> None:
    made = transaction(*((source, f"Basic/{source}{n}", []) for source in "abc" for n in range(2)))
    first, second = halves(made)

    assert ["Basic/a0", "Basic/a1"] == names(first)
    assert ["Basic/b0", "Basic/b1", "Basic/c0", "Basic/c1"] == names(second)


def test_halving_ends_with_one_document() -> None:
    waiting = [transaction(*((f"{n}", f"Basic/{n}", []) for n in range(9)))]
    ends = []
    while waiting:
        made = waiting.pop()
        parts = halves(made)
        waiting += parts
        ends += [] if parts else [names(made)]

    assert sorted([f"Basic/{n}"] for n in range(9)) == sorted(ends)


@pytest.mark.parametrize("others", [{"indivisible": True}, {"raw": b"{}"}])
def test_what_must_stay_whole_is_not_halved(others: dict[str, Any]) -> None:
    assert () == halves(transaction(("a", "Basic/a", []), ("b", "Basic/b", []), **others))


def test_a_copy_is_sent_itself_when_its_original_is_in_the_other_half() -> None:
    made = transaction(("a", "Basic/x", []), ("b", "Basic/x", []), ("b", "Basic/b", []), copies={1: 0})
    _, second = halves(made)

    assert ["Basic/x", "Basic/b"] == [f"Basic/{one['resource']['id']}" for one in second.body()["entry"]]


def test_a_copy_stays_a_copy_when_both_are_in_one_half() -> None:
    made = transaction(
        ("a", "Basic/a", []), ("b", "Basic/x", []), ("c", "Basic/x", []), ("c", "Basic/c", []), copies={2: 1}
    )
    _, second = halves(made)

    assert {1: 0} == second.copies


def test_what_refers_to_the_refused_goes_too_however_far_away() -> None:
    made = transaction(
        ("a", "Basic/bad", []),
        ("a", "Basic/far", ["Basic/near/_history/2"]),
        ("a", "Basic/near", ["Basic/bad"]),
        ("a", "Basic/good", ["Basic/other", "Basic/elsewhere"]),
        ("a", "Basic/other", []),
    )
    rest, left_out = without(made, [0])

    assert ["Basic/good", "Basic/other"] == names(rest)
    assert {
        1: "not sent, since it refers to Basic/near, which was not stored",
        2: "not sent, since it refers to Basic/bad, which was not stored",
    } == left_out


def test_what_points_to_the_refused_with_an_attachment_goes_too() -> None:
    document = {"resourceType": "DocumentReference", "content": [{"attachment": {"url": "Binary/x"}}]}
    pointing = planned_entry(BundleEntry("it", document, position=1), UNKNOWN)
    binary = planned_entry(BundleEntry("Binary/x", {"resourceType": "Binary", "id": "x"}), UNKNOWN)

    rest, left_out = without(Transaction((binary, pointing)), [0])

    assert rest is None
    assert "Binary/x" in left_out[1]


def test_nothing_remains_of_a_cycle() -> None:
    made = transaction(*(("a", f"Basic/{n}", [f"Basic/{(n + 1) % 5}"]) for n in range(5)))
    rest, left_out = without(made, [3])

    assert rest is None
    assert {0, 1, 2, 4} == set(left_out)


def test_a_copy_in_another_document_keeps_what_refers_to_it() -> None:
    made = transaction(
        ("bad", "Patient/x", []),
        ("bad", "Observation/1", ["Patient/x"]),
        ("good", "Patient/x", []),
        ("good", "Observation/2", ["Patient/x"]),
        copies={2: 0},
    )
    rest, left_out = without(made, [0, 1])

    assert ["Patient/x", "Observation/2"] == names(rest)
    assert {} == left_out
    assert rest is not None
    assert {} == rest.copies


def test_a_chain_of_ten_thousand_goes_in_a_moment() -> None:
    count = 10_000
    made = transaction(*(("a", f"Basic/{n}", [f"Basic/{n + 1}"]) for n in range(count)))
    rest, left_out = without(made, [count - 1])

    assert (None, count - 1) == (rest, len(left_out))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Transaction, set[int], list[set[int]]]:
    count = draw(st.integers(1, 10))
    number = st.integers(0, count - 1)
    targets = [set(draw(st.lists(number, max_size=3))) for _ in range(count)]
    made = transaction(*(("a", f"Basic/{n}", [f"Basic/{t}" for t in sorted(targets[n])]) for n in range(count)))
    return made, draw(st.sets(number, min_size=1, max_size=3)), targets


@settings(max_examples=200, deadline=None)
@given(cases())
def test_the_rest_is_all_that_does_not_lead_to_the_refused(case: tuple[Transaction, set[int], list[set[int]]]) -> None:
    made, refused, targets = case
    bad = set(refused)
    for _ in targets:
        bad |= {number for number, others in enumerate(targets) if others & bad}
    rest, left_out = without(made, refused)

    assert [f"Basic/{number}" for number in range(len(targets)) if number not in bad] == names(rest)
    assert bad - refused == set(left_out)
