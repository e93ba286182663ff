"""Return the transactions of one wave, merged, in the order of sending."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.load.plan.given import given_entries
from fhir_case.load.plan.merge import Packer
from fhir_case.load.plan.plan import planned
from fhir_case.load.plan.transaction import Transaction, names_for_later
from fhir_case.load.survey.survey import plan_document
from fhir_case.server.quirks import Caps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.load.plan.given import Given
    from fhir_case.load.plan.plan import Plan
    from fhir_case.load.survey.index import Index
    from fhir_case.load.survey.survey import Rules, Survey

__all__ = ["COMFORTABLE", "Job", "jobs_of_wave"]

COMFORTABLE = Caps(entries=200, bytes=4_000_000)
"""Up to which size transactions are merged: HAPI FHIR stores 120 to 400 entries at once faster than fewer or more."""

Job = tuple[Transaction, ...]
"""A series of transactions to be sent in order."""


def jobs_of_wave(
    wave: int,
    files: Iterable[tuple[str, Iterable[Document]]],
    survey: Survey,
    rules: Rules,
    index: Index,
    *,
    merge: Caps = COMFORTABLE,
    on_earlier: Callable[[int], None] = lambda _: None,
) -> Iterator[Job]:
    """
    Return the transactions of one wave, merged, each job a series to be sent in order.

    Args:
        files: The name of each file, and its documents, in the same order as in the survey.
        merge: Up to which size to merge.
        on_earlier: Told how many resources of a document are left out, since an earlier run stored them.

    Raises:
        BundleError: Documents that refer to each other in a circle are more than the server takes at once.
    """
    packer = Packer(merge.within(rules.caps))
    circles: dict[int, list[Given]] = {}
    waiting = dict.fromkeys(survey.circle.values(), 0)
    for number in survey.circle:
        waiting[survey.circle[number]] += number not in survey.left_out
    for number, name, size, entries, ready in _of_wave(wave, files, survey, rules):
        given, done = entries, index.done(name)
        if done:
            _remember(given, done, rules, index)
            on_earlier(len(done))
            given = tuple(each for each in given if each.position not in done)
            if not given:
                continue
        circle = survey.circle.get(number)
        if circle is not None:
            circles.setdefault(circle, []).extend(given)
            waiting[circle] -= 1
            if not waiting[circle]:
                yield from _of_circle(circles.pop(circle), rules)
            continue
        yield from _merged(_rest(given, rules) if done else ready(), packer, size)
    for transaction in packer.rest():
        yield (transaction,)
    for members in circles.values():  # of which an earlier run had stored some
        yield from _of_circle(members, rules)


class _Read(NamedTuple):
    """A document of a wave: its number, name and bytes, its entries, and how it is planned."""

    number: int
    name: str
    size: int
    given: tuple[Given, ...]
    plan: Callable[[], Plan]


def _of_wave(
    wave: int, files: Iterable[tuple[str, Iterable[Document]]], survey: Survey, rules: Rules
) -> Iterator[_Read]:
    if survey.plans is not None:
        for number, kept in survey.plans.items():
            if survey.wave[number] == wave and number not in survey.left_out:
                given = tuple(entry.given for entry in kept.plan.entries)
                yield _Read(number, kept.name, kept.size, given, partial(_same, kept.plan))
        return
    for name, documents in files:
        first, end = survey.files.get(name, (0, 0))
        if not any(survey.wave[number] == wave for number in range(first, end)):
            continue
        for number, document in zip(range(first, end), documents, strict=False):
            if survey.wave[number] == wave and number not in survey.left_out:
                given, _ = given_entries(document.content or {}, source=document.name)
                plan = partial(plan_document, document, given, rules)
                yield _Read(number, document.name, len(document.raw), given, plan)


def _same(plan: Plan) -> Plan:
    return plan


def _remember(given: Sequence[Given], done: dict[int, str], rules: Rules, index: Index) -> None:
    """Note where the resources are that an earlier run stored, for what refers to them."""
    plan = _rest([each for each in given if done.get(each.position)], rules)
    index.put_places(
        (name, done[entry.given.position])
        for entry in plan.entries
        for name in (*names_for_later(entry), entry.identity)
        if name and not entry.by_id
    )


def _rest(given: Sequence[Given], rules: Rules) -> Plan:
    return planned(given, rules.capabilities, caps=rules.caps, ids=rules.ids, deletions=rules.as_is)


def _of_circle(given: list[Given], rules: Rules) -> Iterator[Job]:
    for job in _rest(given, rules).jobs:
        yield tuple(replace(transaction, indivisible=True) for transaction in job)


def _merged(plan: Plan, packer: Packer, size: int) -> Iterator[Job]:
    if len(plan.transactions) == 1 and not plan.transactions[0].raw:
        for transaction in packer.add(plan.transactions[0], size):
            yield (transaction,)
    else:
        yield from plan.jobs
