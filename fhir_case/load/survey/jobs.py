"""Return the transactions of one level, merged, in the order of sending."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.load.plan.merge import Merger
from fhir_case.load.plan.plan import entries_of, plan_document, planned
from fhir_case.load.plan.transaction import Transaction, names_for_later
from fhir_case.load.survey.result import changed
from fhir_case.server.quirks import Caps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.load.plan.plan import Plan, Rules
    from fhir_case.load.survey.index import Index
    from fhir_case.load.survey.result import Survey

__all__ = ["MERGE", "Job", "jobs_of_level"]

MERGE = Caps(entries=200, bytes=4_000_000)
"""Up to which size transactions are merged: HAPI FHIR stores 120 to 400 entries at once faster than fewer or more."""

Job = tuple[Transaction, ...]
"""A series of transactions to be sent in order."""


def jobs_of_level(
    level: int,
    files: Iterable[tuple[str, Iterable[Document]]],
    survey: Survey,
    rules: Rules,
    index: Index,
    *,
    merge: Caps = MERGE,
    on_earlier: Callable[[int], None] = lambda _: None,
) -> Iterator[Job]:
    """
    Return the transactions of one level, merged, each job a series to be sent in order.

    Args:
        files: The name of each file, and its documents, in the same order as in the survey.
        merge: Up to which size to merge.
        on_earlier: Called with how many resources of a document are left out, since an earlier run stored them.

    Raises:
        BundleError: Documents that refer to each other in a cycle are more than the server takes at once, or a file has
            changed since the survey.
    """
    merger = Merger(merge.within(rules.caps))
    cycles: dict[int, list[BundleEntry]] = {}
    waiting = dict.fromkeys(survey.cycle.values(), 0)
    for number in survey.cycle:
        waiting[survey.cycle[number]] += number not in survey.left_out
    for number, name, size, entries, ready in _of_level(level, files, survey, rules):
        originals, done = entries, index.done(name)
        if done:
            _remember(originals, done, rules, index)
            on_earlier(len(done))
            originals = tuple(each for each in originals if each.position not in done)
            if not originals:
                continue
        cycle = survey.cycle.get(number)
        if cycle is not None:
            cycles.setdefault(cycle, []).extend(originals)
            waiting[cycle] -= 1
            if not waiting[cycle]:
                yield from _of_cycle(cycles.pop(cycle), rules)
            continue
        yield from _merged(_rest(originals, rules) if done else ready(), merger, size)
    for transaction in merger.flush():
        yield (transaction,)
    for members in cycles.values():  # of which an earlier run had stored some
        yield from _of_cycle(members, rules)


class _Read(NamedTuple):
    """A document of a level: its number, name and bytes, its entries, and how it is planned."""

    number: int
    name: str
    size: int
    originals: tuple[BundleEntry, ...]
    plan: Callable[[], Plan]


def _of_level(
    level: int, files: Iterable[tuple[str, Iterable[Document]]], survey: Survey, rules: Rules
) -> Iterator[_Read]:
    if survey.plans is not None:
        for number, kept in survey.kept_at(level):
            if number not in survey.left_out:
                originals = tuple(entry.original for entry in kept.plan.entries)
                yield _Read(number, kept.name, kept.size, originals, partial(_same, kept.plan))
        return
    for number, document in _read_again(level, files, survey):
        originals, _ = entries_of(document, rules)
        if originals:
            plan = partial(plan_document, document, originals, rules)
            yield _Read(number, document.name, len(document.raw), originals, plan)


def _read_again(
    level: int, files: Iterable[tuple[str, Iterable[Document]]], survey: Survey
) -> Iterator[tuple[int, Document]]:
    """Return the documents of a level with their numbers, as long as the files are as they were surveyed."""
    for name, documents in files:
        first, end = survey.files.get(name, (0, 0))
        if not any(survey.level[number] == level for number in range(first, end)):
            continue
        following = first
        for number, document in enumerate(documents, first):
            if number == end:
                raise changed(name, "there is more in it")
            following += 1
            if survey.level[number] == level and number not in survey.left_out:
                survey.check_same(number, document)
                yield number, document
        if following < end:
            raise changed(name, "there is less in it")


def _same(plan: Plan) -> Plan:
    return plan


def _remember(originals: Sequence[BundleEntry], done: dict[int, str], rules: Rules, index: Index) -> None:
    """Note where the resources are that an earlier run stored, for what refers to them; or that it is not known."""
    nowhere = [each for each in originals if done.get(each.position) == "" and each.request.get("method") != "DELETE"]
    if nowhere:
        index.put_failed(name for each in nowhere for name in (each.name, each.full_url) if name)
    plan = _rest([each for each in originals if done.get(each.position)], rules)
    index.put_locations(
        (name, done[entry.original.position])
        for entry in plan.entries
        for name in (*names_for_later(entry), entry.identity if entry.token and not entry.by_id else "")
        if name
    )


def _rest(originals: Sequence[BundleEntry], rules: Rules) -> Plan:
    return planned(originals, rules.capabilities, caps=rules.caps, ids=rules.ids, deletions=rules.as_is)


def _of_cycle(originals: list[BundleEntry], rules: Rules) -> Iterator[Job]:
    for job in _rest(originals, rules).jobs:
        yield tuple(replace(transaction, indivisible=True) for transaction in job)


def _merged(plan: Plan, merger: Merger, size: int) -> Iterator[Job]:
    if len(plan.transactions) == 1 and not plan.transactions[0].raw:
        for transaction in merger.add(plan.transactions[0], size):
            yield (transaction,)
    else:
        yield from plan.jobs
