"""Decide what to send to a server for one Bundle; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError, RejectedError
from fhir_case.fhir import wire
from fhir_case.fhir.references import pointers_of_text, references_in, unversioned
from fhir_case.load.plan.bundle import bundle_entries
from fhir_case.load.plan.entry import planned_entry
from fhir_case.load.plan.split import split
from fhir_case.load.plan.transaction import Transaction, refuse_clashes
from fhir_case.load.plan.unresolved import unresolved_as_is, unresolved_in_plan
from fhir_case.server.quirks import Caps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.fhir.references import Pointers
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.load.plan.entry import Ids, PlannedEntry
    from fhir_case.server.capabilities import Capabilities

__all__ = [
    "Plan",
    "Rules",
    "abbreviated",
    "check_server",
    "dangling_references",
    "entries_of",
    "is_sent_as_it_came",
    "plan_document",
    "planned",
    "unresolved_warning",
]

_NAMED_IN_A_WARNING = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is sent for one Bundle.

    Args:
        jobs: Each a series of transactions to be sent one after the other; jobs do not depend on each other.
    """

    jobs: tuple[tuple[Transaction, ...], ...]
    transactions: tuple[Transaction, ...] = field(init=False, repr=False, compare=False)
    """All transactions in their order."""
    entries: tuple[PlannedEntry, ...] = field(init=False, repr=False, compare=False)
    """What is sent for each resource, in the order of sending."""

    def __post_init__(self) -> None:
        """Note what is asked for many times."""
        transactions = tuple(transaction for job in self.jobs for transaction in job)
        object.__setattr__(self, "transactions", transactions)
        object.__setattr__(self, "entries", tuple(entry for each in transactions for entry in each.entries))


def planned(
    originals: Sequence[BundleEntry],
    capabilities: Capabilities,
    *,
    caps: Caps,
    ids: Ids = "given",
    pointers: Pointers | None = None,
    deletions: bool = False,
) -> Plan:
    """
    Return the transactions for some entries of one Bundle.

    It is one transaction, unless the server is known to take less at once: then what refers to each other stays
    together where it fits.

    Args:
        caps: What the server takes at most.
        pointers: What may point to another entry, where that is known.
        deletions: Whether some may ask for a resource to be deleted.

    Raises:
        BundleError: Two entries clash, or do not fit the server.
    """
    for each in () if deletions else originals:
        if each.request.get("method") == "DELETE":
            raise BundleError(
                f"the request is DELETE {each.name}; what is loaded is PUT or POST",
                where=f"Bundle.entry[{each.position}].request",
                hint="--as-is sends a transaction or batch with its deletions, and these cannot be undone",
            )
    entries = tuple(planned_entry(each, capabilities, ids=ids) for each in originals)
    refuse_clashes(entries)
    return Plan(
        tuple(
            tuple(
                Transaction(
                    tuple(entries[position] for position in chunk), followed=part.is_split, size=size, pointers=pointers
                )
                for chunk, size in zip(part.chunks, part.sizes, strict=True)
            )
            for part in split(entries, caps)
        )
    )


def unresolved_warning(made: Plan, *, certain: bool) -> tuple[str, list[PlannedEntry]]:
    """
    Return a warning of references that the server may leave unresolved, and the entries that have them.

    Args:
        certain: Whether the server is known to leave them unresolved.
    """
    where = "references to new resources inside the extensions of primitive values, in narratives or in canonicals"
    does = "leaves" if certain else "may leave"
    if any(transaction.raw for transaction in made.transactions):
        return f"the server {does} {where} unresolved, and --as-is forbids to resolve them", unresolved_as_is(
            made.entries
        )
    how = "resolves them" if certain else "resolves them where that is so"
    left = [entry for each in made.transactions for entry in unresolved_in_plan(each.entries)]
    return f"the server {does} {where} unresolved; a second request {how}", left


def check_server(capabilities: Capabilities, fhir: str) -> None:
    """
    Refuse a server that cannot take what would be sent.

    Raises:
        RejectedError: It speaks another release of FHIR, or takes no transactions.
    """
    if capabilities.release and capabilities.release.removesuffix("B") != fhir.removesuffix("B"):
        raise RejectedError(
            f"the server speaks FHIR {capabilities.fhir_version}, and what is loaded counts as {fhir}",
            hint="choose a server of that release, or say with --fhir (fhir=…) what it is: R4 unless R5 is given",
        )
    if capabilities.transaction is False:
        raise RejectedError("the server says that it takes no transactions")


def dangling_references(resource: Resource, names: set[str]) -> Iterator[str]:
    """Return the references of a resource that none of these names answers and that ask for no search."""
    for reference in references_in(resource):
        inside = not names.isdisjoint((reference, unversioned(reference.partition("#")[0])))
        if not inside and not reference.startswith("#") and "?" not in reference:
            yield reference


def abbreviated(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = len(names) - _NAMED_IN_A_WARNING
    return ", ".join(names[:_NAMED_IN_A_WARNING]) + (f" and {more} more" if more > 0 else "")


_AT_ONCE = Caps(entries=1000)  # of what does not ask to be stored as a whole


@dataclass(frozen=True, slots=True)
class Rules:
    """
    How documents become transactions.

    Args:
        capabilities: What the server can do.
        caps: What it takes at most.
        ids: Whether ids of the document are kept, or the server assigns its own.
        as_is: Whether each transaction and batch is sent exactly as it came.
        as_resource: Whether each Bundle is stored as a resource, in place of what is in it.
        whole: Whether each document is stored as a whole, also where it does not ask for that.
        base_url: That of the server.
        server: The same; empty where any data may go there.
        real_patient_data: Whether the user says that what is not labelled as test data may go there.
        leaves_references: Whether the server is known to leave references inside the extensions of primitive values.
        release: The release of FHIR in which all has to be written; empty when it may be any.
    """

    capabilities: Capabilities
    caps: Caps
    ids: Ids = "given"
    as_is: bool = False
    as_resource: bool = False
    whole: bool = False
    base_url: str = ""
    server: str = ""
    real_patient_data: bool = False
    leaves_references: bool = False
    release: str = ""


def entries_of(document: Document, rules: Rules) -> tuple[tuple[BundleEntry, ...], tuple[str, ...]]:
    """
    Return the entries of a document, and warnings about those that are left out; see `bundle_entries`.

    Raises:
        BundleError: It cannot be loaded.
    """
    return bundle_entries(
        document.content or {},
        source=document.name,
        base_url=rules.base_url,
        as_is=rules.as_is,
        as_resource=rules.as_resource,
    )


def is_sent_as_it_came(document: Document, rules: Rules) -> bool:
    """Whether the bytes of a document are sent: a transaction or batch, where that is wanted."""
    content = document.content or {}
    return rules.as_is and content.get("resourceType") == "Bundle" and content.get("type") in ("transaction", "batch")


def plan_document(document: Document, originals: Sequence[BundleEntry], rules: Rules) -> Plan:
    """
    Return the transactions for some entries of one document.

    Raises:
        BundleError: They clash, or do not fit the server.
    """
    content = document.content or {}
    kind = content.get("type") if content.get("resourceType") == "Bundle" and not rules.as_resource else ""
    pointers = pointers_of_text(document.raw)
    if is_sent_as_it_came(document, rules):
        entries = planned(originals, rules.capabilities, caps=Caps(), ids=rules.ids, deletions=True).entries
        raw = document.raw or wire.dump(content)
        return Plan(((Transaction(entries, raw=raw, type=str(kind), pointers=pointers),),))
    caps = rules.caps if rules.whole or kind == "transaction" else rules.caps.within(_AT_ONCE)
    return planned(originals, rules.capabilities, caps=caps, ids=rules.ids, pointers=pointers)
