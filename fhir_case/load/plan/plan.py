"""Decide what to send to a server for one Bundle; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError, RejectedError
from fhir_case.fhir import wire
from fhir_case.fhir.references import references_in, unversioned
from fhir_case.load.plan.entry import planned_entry
from fhir_case.load.plan.given import given_entries
from fhir_case.load.plan.split import split
from fhir_case.load.plan.transaction import Transaction, refuse_clashes
from fhir_case.load.plan.unresolved import left_as_is, left_in_plan
from fhir_case.server.capabilities import UNKNOWN
from fhir_case.server.quirks import Caps, quirks_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.fhir.references import Pointers
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import Ids, PlannedEntry
    from fhir_case.load.plan.given import Given
    from fhir_case.server.capabilities import Capabilities

__all__ = ["Plan", "check_server", "left_references_concern", "plan", "planned", "some"]

_NAMED_IN_A_WARNING = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is sent for one Bundle.

    Args:
        jobs: Each a series of transactions to be sent one after the other; jobs do not depend on each other.
        warnings: What the user should know beforehand.
    """

    jobs: tuple[tuple[Transaction, ...], ...]
    warnings: tuple[str, ...] = ()

    @property
    def transactions(self) -> tuple[Transaction, ...]:
        """Return all transactions in their order."""
        return tuple(transaction for job in self.jobs for transaction in job)

    @property
    def entries(self) -> tuple[PlannedEntry, ...]:
        """Return what is sent for each resource, in the order of sending."""
        return tuple(entry for transaction in self.transactions for entry in transaction.entries)

    @property
    def repeatable(self) -> bool:
        """Whether sending all of it again changes and creates nothing."""
        return all(entry.repeatable for entry in self.entries)

    def __str__(self) -> str:
        lines = []
        for transaction in self.transactions:
            head = "One transaction" if len(self.transactions) == 1 else "Transaction"
            lines.append(f"{head}, entries: {len(transaction.entries)}")
            lines += [f"  {entry.method:<4} {entry.request_line}  ({entry.why})" for entry in transaction.entries]
        return "\n".join([*lines, *(f"Warning: {warning}" for warning in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON, without the resources."""
        return {
            "repeatable": self.repeatable,
            "warnings": list(self.warnings),
            "transactions": len(self.transactions),
            "entries": [
                {
                    "transaction": number,
                    "resource": entry.given.name,
                    "method": entry.method,
                    "url": entry.url,
                    "condition": entry.condition,
                    "repeatable": entry.repeatable,
                    "why": entry.why,
                }
                for number, transaction in enumerate(self.transactions)
                for entry in transaction.entries
            ],
        }


def plan(
    bundle: Resource,
    capabilities: Capabilities = UNKNOWN,
    *,
    fhir: str = "R4",
    caps: Caps | None = None,
    ids: Ids = "given",
) -> Plan:
    """
    Turn a Bundle of any loadable type, or one resource, into transactions that this server can take.

    It is one transaction, unless the server is known to take less at once: then what refers to each other stays
    together, and the warnings say what is no longer stored as a whole.

    Args:
        bundle: The Bundle; it stays as it is.
        capabilities: What the server can do.
        fhir: The release of FHIR in which the Bundle is written.
        caps: Limits that count instead of those that are known of the server.
        ids: Whether ids that were given are kept, or the server gives its own; see `planned_entry`.

    Raises:
        BundleError: The Bundle cannot be loaded, or two of its entries clash.
        RejectedError: The server says that it speaks another release or takes no transactions.
    """
    check_server(capabilities, fhir)
    # Writing and reading it gives a copy of our own, and refuses what cannot be sent before anything is.
    try:
        bundle = wire.parse(wire.dump(bundle))
    except TypeError as error:
        raise BundleError(f"the Bundle cannot be written as JSON: {error}") from error
    given, warnings = given_entries(bundle)
    known = quirks_of(capabilities, caps)
    most = known.caps
    made = planned(given, capabilities, caps=most, ids=ids)
    names = {name for entry in made.entries for name in entry.names}
    found = list(dict.fromkeys(text for each in given for text in _leaving(each, names)))
    if found:
        warnings += (f"references that leave the Bundle, which the server has to know: {some(found)}",)
    words, left = left_references_concern(made, certain=known.leaves_references)
    if left:
        warnings += (f"{words}: {some([entry.given.name for entry in left])}",)
    return Plan(made.jobs, (*warnings, *_warnings(made.entries, capabilities), *_torn(made, most)))


def planned(
    given: Sequence[Given],
    capabilities: Capabilities,
    *,
    caps: Caps,
    ids: Ids = "given",
    pointers: Pointers | None = None,
    deletions: bool = False,
) -> Plan:
    """
    Return the transactions for some entries of one Bundle, without the warnings of `plan`.

    Args:
        caps: What the server takes at most.
        pointers: What may point to another entry, where that is known.
        deletions: Whether some may ask for a resource to be deleted.

    Raises:
        BundleError: Two entries clash, or do not fit the server.
    """
    for each in () if deletions else given:
        if each.request.get("method") == "DELETE":
            raise BundleError(
                f"the request is DELETE {each.name}; what is loaded is PUT or POST",
                where=f"Bundle.entry[{each.position}].request",
                hint="--as-is sends a transaction or batch with its deletions, and nobody can take these back",
            )
    entries = tuple(planned_entry(each, capabilities, ids=ids) for each in given)
    refuse_clashes(entries)
    return Plan(
        tuple(
            tuple(
                Transaction(
                    tuple(entries[position] for position in chunk), followed=part.torn, size=size, pointers=pointers
                )
                for chunk, size in zip(part.chunks, part.sizes, strict=True)
            )
            for part in split(entries, caps)
        )
    )


def _leaving(given: Given, names: set[str]) -> Iterator[str]:
    for reference in leaving_references(given.resource, names):
        yield f"{reference} (in {given.name})"


def left_references_concern(made: Plan, *, certain: bool) -> tuple[str, list[PlannedEntry]]:
    """
    Say what happens to the references that the server may leave as they came, and give the entries that have them.

    Args:
        certain: Whether the server is known to leave them.
    """
    where = "references to new resources inside the extensions of primitive values"
    does = "leaves" if certain else "may leave"
    if any(transaction.raw for transaction in made.transactions):
        return f"the server {does} {where} as they came, and --as-is forbids to fill them in", left_as_is(made.entries)
    how = "fills them in" if certain else "looks, and fills them in where that is so"
    left = [entry for each in made.transactions for entry in left_in_plan(each.entries)]
    return f"the server {does} {where}; a second request {how}", left


def _torn(made: Plan, caps: Caps) -> Iterator[str]:
    if len(made.transactions) < 2:
        return
    torn = [entry.given.name for job in made.jobs if len(job) > 1 for each in job for entry in each.entries]
    words = f"; these refer to each other and are torn apart: {some(torn)}" if torn else ""
    yield (
        f"not all or nothing: {len(made.entries)} entries are sent as {len(made.transactions)} transactions, since the "
        f"server takes {caps} at once{words}"
    )


def check_server(capabilities: Capabilities, fhir: str) -> None:
    """
    Refuse a server that cannot take what would be sent.

    Raises:
        RejectedError: It speaks another release of FHIR, or takes no transactions.
    """
    if capabilities.release and capabilities.release.removesuffix("B") != fhir.removesuffix("B"):
        raise RejectedError(
            f"the server speaks FHIR {capabilities.fhir_version}, the Bundle is {fhir}",
            hint="choose a server of that release, or say in which release the Bundle is written",
        )
    if capabilities.transaction is False:
        raise RejectedError("the server says that it takes no transactions")


def leaving_references(resource: Resource, names: set[str]) -> Iterator[str]:
    """Return the references of a resource that none of these names answers and that ask for no search."""
    for reference in references_in(resource):
        inside = reference in names or unversioned(reference) in names
        if not inside and not reference.startswith("#") and "?" not in reference:
            yield reference


def _warnings(entries: Sequence[PlannedEntry], capabilities: Capabilities) -> Iterator[str]:
    doubled = [entry.given.name for entry in entries if not entry.repeatable]
    if doubled:
        yield f"loading twice will duplicate what has no condition: {some(doubled)}"
    unlisted = sorted({entry.given.type for entry in entries if not capabilities.lists(entry.given.type)})
    if unlisted:
        yield f"the server does not list these types: {some(unlisted)}"


def some(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = len(names) - _NAMED_IN_A_WARNING
    return ", ".join(names[:_NAMED_IN_A_WARNING]) + (f" and {more} more" if more > 0 else "")
