"""The index remembers names, references and places of inputs of any size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from fhir_case.load.survey.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, OTHER = b"4111", b"4222"  # both an update


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as made:
        yield made


def test_a_name_with_the_same_content_is_no_clash(index: Index) -> None:
    assert [] == index.add_names(0, [("Patient/a", ONE), ("Patient/b", OTHER)])
    assert [] == index.add_names(1, [("Patient/a", ONE)])


def test_a_name_with_other_content_is_a_clash_with_the_document_that_has_it(index: Index) -> None:
    index.add_names(4, [("Patient/a", ONE), ("Patient/b", ONE)])

    assert [("Patient/a", 4), ("Patient/b", 4)] == index.add_names(7, [("Patient/a", OTHER), ("Patient/b", OTHER)])


@pytest.mark.parametrize("order", [[b"", ONE, OTHER], [ONE, b"", OTHER], [ONE, OTHER, b""]])
def test_a_name_without_content_is_no_clash_and_hides_none(index: Index, order: list[bytes]) -> None:
    clashes = [index.add_names(unit, [("Patient/a", digest)]) for unit, digest in enumerate(order)]

    assert [OTHER] == [digest for digest, clash in zip(order, clashes, strict=True) if clash]


def test_a_document_that_clashes_answers_no_reference(index: Index) -> None:
    index.add_names(0, [("Patient/a", ONE)])
    index.add_names(1, [("Patient/b", ONE), ("Patient/a", OTHER)])
    index.add_needs(2, ["Patient/a", "Patient/b"])

    assert [("Patient/b", 2)] == list(index.unanswered())
    assert [(2, 0)] == list(index.crossing())


def test_an_unanswered_reference_is_returned_once_with_the_first_document_that_needs_it(index: Index) -> None:
    index.add_names(0, [("Patient/a", ONE)])
    index.add_needs(5, ["Patient/z", "Patient/a"])
    index.add_needs(3, ["Patient/z", "Patient/y"])

    assert [("Patient/y", 3), ("Patient/z", 3)] == list(index.unanswered())


def test_a_document_that_answers_itself_does_not_cross(index: Index) -> None:
    index.add_names(0, [("Patient/a", ONE)])
    index.add_needs(0, ["Patient/a"])

    assert [] == list(index.crossing())


def test_the_last_place_counts(index: Index) -> None:
    index.put_locations([("urn:uuid:1", "Patient/1"), ("Patient?identifier=x", "Patient/2")])
    index.put_locations([("urn:uuid:1", "Patient/3")])

    assert ["Patient/3", "Patient/2", ""] == [
        index.location(name) for name in ("urn:uuid:1", "Patient?identifier=x", "Patient/1")
    ]


def test_what_failed_is_remembered(index: Index) -> None:
    index.put_failed(["Patient/a", "Patient/a"])

    assert (True, False) == (index.has_failed("Patient/a"), index.has_failed("Patient/b"))


def test_what_is_done_is_known_by_document_and_position(index: Index) -> None:
    index.put_done([("a.json", 0, "Patient/1"), ("a.json", 2, ""), ("b.json", 0, "Patient/9")])

    assert {0: "Patient/1", 2: ""} == index.done("a.json")
    assert {} == index.done("c.json")


def test_many_names_and_references_are_held(index: Index) -> None:
    count = 60_000
    for unit in range(0, count, 1000):
        index.add_names(unit, [(f"Patient/{number}", ONE) for number in range(unit, unit + 1000)])
    index.add_needs(1, (f"Patient/{number}" for number in range(count)))

    assert count == sum(1 for _ in index.crossing())
    assert [] == list(index.unanswered())


def test_several_threads_may_use_it_at_once(index: Index) -> None:
    def work(number: int) -> str:
        index.put_locations([(f"name-{number}", f"Patient/{number}")])
        index.put_failed([f"name-{number}"])
        return index.location(f"name-{number}") if index.has_failed(f"name-{number}") else ""

    with ThreadPoolExecutor(8) as pool:
        assert [f"Patient/{number}" for number in range(400)] == list(pool.map(work, range(400)))


def test_a_document_that_clashes_leaves_no_name_behind_and_takes_none_away(index: Index) -> None:
    index.add_names(0, [("Patient/a", ONE)])
    index.add_names(1, [("Patient/b", ONE), ("Patient/a", OTHER), ("Patient/c", ONE)])

    assert ["Patient/a"] == list(index.names_from("Patient/"))


def test_a_place_that_is_claimed_again_is_told_in_the_same_answer_and_in_a_later_one(index: Index) -> None:
    assert set() == index.claim(["Patient/1", "Patient/2"])
    assert {"Patient/2"} == index.claim(["Patient/2", "Patient/3"])
    assert {"Patient/4"} == index.claim(["Patient/4", "Patient/4", "Patient/5"])
    assert set() == index.claim([])
