"""Read all inputs once before anything is sent: find what cannot be loaded, and in which order the rest has to go."""

from __future__ import annotations

from array import array
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fhir_case.errors import FhirCaseError
from fhir_case.fhir.links import TEMPORARY
from fhir_case.fhir.references import (
    addresses_in,
    is_stored_name,
    location_of,
    pointers_in,
    references_in,
    unversioned,
    without_part,
)
from fhir_case.load.plan.plan import entries_of, plan_document, unresolved_warning
from fhir_case.load.plan.unresolved import may_be_left
from fhir_case.load.survey.checks import check_release, check_text, check_writable, entry_place, guard
from fhir_case.load.survey.conditional import add_conditional_needs, levels_with_searches
from fhir_case.load.survey.identity import asked_of_server, is_ours, named, relation
from fhir_case.load.survey.result import Problem, Survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.documents import Document
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.load.plan.plan import Plan, Rules
    from fhir_case.load.survey.index import Index

__all__ = ["place_of", "survey", "unanswered"]

_VERSIONED = "a version is that of another server: a reference to what is loaded too is sent without it"
_UPDATED_TWICE = "which of the two would stay is left to chance; leave one out, or send both with --as-is"
_UNDER_ONE_IDENTIFIER = (
    "under an identifier that an earlier one has too it would not be stored; leave one out, or give each its own "
    "identifier, or a request of a transaction"
)


def survey(files: Iterable[tuple[str, Iterable[Document]]], index: Index, rules: Rules) -> Survey:
    """
    Read all documents, note their names and references in an index, and find the order of sending.

    Args:
        files: The name of each file, and its documents, in order.
        index: An empty index, which is filled.
        rules: How documents become transactions.
    """
    found = Survey()
    count = 0
    for name, documents in files:
        first = count
        for document in documents:
            found.files[name] = (first, count + 1)
            before = found.resources
            _look_at(count, document, found, index, rules)
            found.counts.append(found.resources - before)
            found.note(document)
            count += 1
        found.files[name] = (first, count)
    index.join_links()
    for number, name in index.nowhere():
        found.warn("attachments lead to nothing in the files", f"{found.name_of(number)}: {name}")
    searches = add_conditional_needs(index)
    order = partial(levels_with_searches, count, searches=searches, documents_of=found.documents_of)
    found.level, cycles = order(index.crossing)
    if found.levels > 1 or cycles:  # else the order of the documents is kept anyway
        in_order = [(number, earlier) for number, earlier, _ in index.in_order()]
        found.level, cycles = order(lambda: chain(index.crossing(), in_order))
    found.cycle = {member: number for number, cycle in enumerate(cycles) for member in cycle}
    _refuse_out_of_order(found, index)
    found.crossing = found.levels > 1 or bool(cycles)
    return found


def _refuse_out_of_order(found: Survey, index: Index) -> None:
    """Refuse what would have to follow an earlier document that itself refers to it, or to what does."""
    refused: dict[int, tuple[int, str]] = {}
    for number, earlier, name in index.in_order() if found.cycle else ():
        if found.cycle.get(number, -1) == found.cycle.get(earlier, -2):
            refused.setdefault(number, (earlier, name))
    for number, (earlier, name) in refused.items():
        message = f"{name} is in {found.name_of(earlier)} too, which comes first, but refers to what is in this one"
        found.refuse(number, Problem(found.name_of(number), message, "put that into a document of its own"))
    index.forget(refused)


def _look_at(number: int, document: Document, found: Survey, index: Index, rules: Rules) -> None:
    errors = [issue for issue in document.issues if issue.severity == "error"]
    if document.content is None or errors:
        message = errors[0].message if errors else document.unread or "this is not a FHIR resource"
        found.refuse(number, Problem(document.name, message))
        return
    if not isinstance(document.content.get("resourceType"), str):
        what = " that is text" if "resourceType" in document.content else ""
        found.refuse(number, Problem(document.name, f"this is not a FHIR resource: it has no resourceType{what}"))
        return
    try:
        check_text(document)
        originals, remarks = entries_of(document, rules)
        if not originals:
            for remark in remarks:
                found.warn(remark, document.name or "the resource")
            return
        check_release(originals, rules)
        guard(document, originals, rules)
        plan = plan_document(document, originals, rules)
        check_writable(plan)
        claims = list(named(plan.entries))
    except FhirCaseError as error:
        where = ": ".join(filter(None, (document.name, error.where)))
        found.refuse(number, Problem(where, error.message, error.hint))
        return
    entries = plan.entries
    names = {name for entry in entries for name in entry.names}
    clashes = index.add_names(number, claims, partial(relation, as_is=rules.as_is))
    if clashes:
        name, other = clashes[0]
        message = f"{name} is in an earlier document with other content ({found.name_of(other)})"
        hint = _UNDER_ONE_IDENTIFIER if is_ours(dict(claims)[name]) else _UPDATED_TWICE
        found.refuse(number, Problem(document.name, message, hint))
        return
    _warn(document, remarks, plan, found, rules)
    links = set(_links(plan, names))
    addresses = _addresses(plan, links)
    index.add_needs(number, _needs(plan, names, addresses))
    index.add_links(number, links)
    index.add_addresses(number, (each for each in addresses if not each.startswith(TEMPORARY)))
    index.add_conditions(number, asked_of_server(entries))
    found.keep(number, document, plan)
    found.resources += len(entries)
    found.kinds.update(entry.original.type for entry in entries)
    for kind in {entry.original.type for entry in entries if not entry.deletes}:
        found.documents_of.setdefault(kind, array("I")).append(number)


def _needs(plan: Plan, names: set[str], addresses: set[str]) -> set[str]:
    """Return what other documents, or the server, have to answer: ``Type/id``, ``urn:…``, ``Type?identifier=…``."""
    pointers = plan.transactions[0].pointers
    # A Bundle that is stored as a resource is content: no server follows the references in it.
    inner = any(entry.original.type == "Bundle" for entry in plan.entries)
    found = (
        pointers.references
        if pointers and not inner
        else {text for entry in plan.entries for text in _references(entry.original)}
    ) | {text for text in addresses if text.startswith(TEMPORARY)}
    needed = (_needed(reference) for reference in found - names)
    return {name for name in needed if name and name not in names}


def _references(entry: BundleEntry) -> list[str]:
    return [] if entry.type == "Bundle" else references_in(entry.resource)


def _needed(reference: str) -> str:
    """Return what a reference needs, by its name in the index; empty when it is to something contained."""
    kind, conditional, query = reference.partition("?")
    if conditional:
        return f"{kind}?{unquote(query)}"
    return unversioned(reference.partition("#")[0])


def place_of(name: str, entries: Iterable[BundleEntry], document: str) -> str:
    """Return the document and the entry in it that has a reference."""
    for entry in entries:
        if name in map(_needed, (*_references(entry), *addresses_in(entry.resource))):
            return f"{document}: {entry_place(entry)}" if document else entry_place(entry)
    return document


def _addresses(plan: Plan, links: set[str]) -> set[str]:
    """Return which of the links of a document say where something of this load is, as attachments do."""
    if not any(each.startswith(TEMPORARY) or is_stored_name(each) for each in links):
        return set()
    found = (text for entry in plan.entries for text in addresses_in(entry.original.resource))
    plain = {unversioned(text.partition("#")[0]) for text in found}
    return {each for each in plain & links if each.startswith(TEMPORARY) or is_stored_name(each)}


def _links(plan: Plan, names: set[str]) -> Iterator[str]:
    """Return what the other links of a document may mean in another one."""
    pointers = plan.transactions[0].pointers
    texts = (
        pointers.links
        if pointers
        else {text for entry in plan.entries for text in pointers_in(entry.original.resource)}
    )
    for text in texts - names:
        plain = unversioned(without_part(text)[0])
        if plain in names:
            continue
        if plain.startswith(TEMPORARY) or ("/StructureDefinition/" not in plain and location_of(plain)):
            yield plain


def _warn(document: Document, remarks: Iterable[str], plan: Plan, found: Survey, rules: Rules) -> None:
    for remark in remarks if not plan.transactions[0].raw else ():  # they are about what is sent otherwise
        found.warn(remark, document.name or "the Bundle")
    found.warn(
        "loading twice will duplicate what has no condition",
        *(entry.original.name for entry in plan.entries if not entry.repeatable and entry.method == "POST"),
    )
    found.warn(
        "the server does not list these types",
        *dict.fromkeys(
            kind
            for kind in {entry.original.type: None for entry in plan.entries}
            if not rules.capabilities.lists(kind) and kind not in found.kinds
        ),
    )
    if not plan.transactions[0].raw and (not document.raw or b"/_history/" in document.raw):
        versioned = (
            f"{entry.original.name}: {text}"
            for entry in plan.entries
            for text in references_in(entry.original.resource)
            if "/_history/" in text and "://" not in text
        )
        found.warn(_VERSIONED, *versioned)
    if may_be_left(document.raw, plan.transactions[0].pointers, plan.entries):
        words, left = unresolved_warning(plan, certain=rules.leaves_references)
        found.warn(words, *(entry.original.name for entry in left))
    if len(plan.transactions) > 1 and (rules.whole or (document.content or {}).get("type") == "transaction"):
        name = document.name or f"{len(plan.entries)} entries are sent as {len(plan.transactions)} transactions"
        found.warn(f"not all or nothing, since the server takes {rules.caps} at once", name)
        split = [entry.original.name for job in plan.jobs if len(job) > 1 for each in job for entry in each.entries]
        if rules.whole:
            found.warn("refer to each other and are sent in different transactions", *split)


def unanswered(index: Index, most: int | None = None) -> Iterator[str]:
    """Return the references that no document answers, and that name no other server, up to a number."""
    # What names another server is not ours, and what asks for a search is for the server to answer.
    names = (name for name, _ in index.unanswered() if "://" not in name and "?" not in name)
    return islice(names, most)
