"""Read all inputs once before anything is sent: find what cannot be loaded, and in which order the rest has to go."""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

from fhir_case.errors import FhirCaseError
from fhir_case.fhir import wire
from fhir_case.fhir.identifiers import identifiers_of
from fhir_case.fhir.links import TEMPORARY
from fhir_case.fhir.references import location_of, pointers_in, references_in, unversioned
from fhir_case.load.plan.cycles import levels
from fhir_case.load.plan.plan import entries_of, plan_document, unresolved_warning
from fhir_case.load.plan.unresolved import may_be_left
from fhir_case.load.survey.checks import check_release, check_text, check_writable, entry_place, guard
from fhir_case.load.survey.conditional import add_conditional_needs
from fhir_case.load.survey.result import Problem, Survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.plan import Plan, Rules
    from fhir_case.load.survey.index import Index

__all__ = ["place_of", "survey", "unanswered"]

_VERSIONED = "a version is that of another server: a reference to what is loaded too is sent without it"
_BY_ID = b"by id"  # instead of a digest


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
    add_conditional_needs(index)
    found.level, cycles = levels(count, index.crossing())
    found.cycle = {member: number for number, cycle in enumerate(cycles) for member in cycle}
    found.crossing = found.levels > 1 or bool(cycles)
    return found


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
        named = list(_named(plan.entries, digests=not rules.as_is))
    except FhirCaseError as error:
        where = ": ".join(filter(None, (document.name, error.where)))
        found.refuse(number, Problem(where, error.message, error.hint))
        return
    entries = plan.entries
    names = {name for entry in entries for name in entry.names}
    clashes = index.add_names(number, named)
    if clashes:
        name, other = clashes[0]
        found.refuse(
            number,
            Problem(document.name, f"{name} is in an earlier document with other content ({found.name_of(other)})",
                    "which of the two would stay is left to chance; leave one out, or send both with --as-is"),
        )  # fmt: skip
        return
    _warn(document, remarks, plan, found, rules)
    index.add_needs(number, _needs(plan, names))
    index.add_links(number, _links(plan, names))
    found.keep(number, document, plan)
    found.resources += len(entries)
    found.kinds.update(entry.original.type for entry in entries)


def _needs(plan: Plan, names: set[str]) -> set[str]:
    """Return what other documents, or the server, have to answer: ``Type/id``, ``urn:…``, ``Type?identifier=…``."""
    pointers = plan.transactions[0].pointers
    # A Bundle that is stored as a resource is content: no server follows the references in it.
    inner = any(entry.original.type == "Bundle" for entry in plan.entries)
    found = (
        pointers.references
        if pointers and not inner
        else {text for entry in plan.entries for text in _references(entry.original)}
    )
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
        if name in map(_needed, _references(entry)):
            return f"{document}: {entry_place(entry)}" if document else entry_place(entry)
    return document


def _links(plan: Plan, names: set[str]) -> Iterator[str]:
    """Return what the other links of a document may mean in another one."""
    pointers = plan.transactions[0].pointers
    texts = (
        pointers.links
        if pointers
        else {text for entry in plan.entries for text in pointers_in(entry.original.resource)}
    )
    for text in texts - names:
        plain = unversioned(text.partition("#")[0])
        if plain.startswith(TEMPORARY) or ("/StructureDefinition/" not in plain and location_of(plain)):
            yield plain


def _named(entries: Sequence[PlannedEntry], *, digests: bool) -> Iterator[tuple[str, bytes]]:
    """
    Return each name, and a digest of what is sent to a place that we choose, or that is updated by a condition.

    An update by id and one by a condition that finds the same resource differ in any case: either may come last.
    """
    updates = digests and any(entry.method == "PUT" and entry.condition for entry in entries)
    for entry in entries if updates else ():
        if entry.method == "PUT" and entry.condition:
            kind, _, query = entry.identity.partition("?")
            yield f"{kind}?{unquote_plus(query)}", _digest(entry.original.resource)
    for entry in entries:
        if entry.deletes:
            continue
        if entry.original.id:
            yield entry.original.name, _digest(entry.original.resource) if digests and entry.by_id else b""
        if entry.original.full_url:
            yield entry.original.full_url, b""
        for token in identifiers_of(entry.original.resource):
            yield f"{entry.original.type}?identifier={token}", _BY_ID if digests and entry.by_id else b""


def _digest(resource: Resource) -> bytes:
    return blake2b(wire.dump(resource, sort=True), digest_size=16).digest()


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
            entry.original.type
            for entry in plan.entries
            if not rules.capabilities.lists(entry.original.type) and entry.original.type not in found.kinds
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
    if not document.raw or may_be_left(document.raw):
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
