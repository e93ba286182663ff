"""One transaction that is ready to send, and write its body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.fhir.identity import is_logical_id
from fhir_case.fhir.links import TEMPORARY
from fhir_case.fhir.references import pointers_in, rewritten, unversioned, without_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fhir_case.fhir.references import Pointers
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["HEAD_BYTES", "Transaction", "bytes_at_most", "location_of_name", "names_for_later", "refuse_clashes"]

HEAD_BYTES = 60
"""The bytes of a body around its entries."""

# A reference becomes `Type/id` of the server, or `urn:uuid:…`: an id has 64 signs, and the longest type some 35.
_LONGEST_LOCATION = "x" * 100


@dataclass(frozen=True, slots=True)
class Transaction:
    """
    What is sent with one request, all of it or nothing.

    Args:
        entries: The request for each resource, in the order of sending.
        copies: For the position of an entry that says again what another one says, the position of that one; it is
            not sent, since a server would drop one of the two.
        raw: The request as it came, to be sent as it is; empty to write it from the entries.
        type: ``transaction``, or ``batch`` where a batch is sent as it came: then each entry stands for itself.
        indivisible: Whether its documents refer to each other in a cycle, so that they are stored together or not.
        followed: Whether a later transaction of the same document refers to it.
        size: The bytes of its body, at most; 0 when they were not counted.
        pointers: What may point to another entry, all of it and perhaps more; None when it is not known.
    """

    entries: tuple[PlannedEntry, ...]
    copies: Mapping[int, int] = field(default_factory=dict)
    raw: bytes = b""
    type: str = "transaction"
    indivisible: bool = False
    followed: bool = False
    size: int = 0
    pointers: Pointers | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending all of it again changes and creates nothing."""
        return all(entry.repeatable for entry in self.entries)

    def body(
        self, *, leave_out: Mapping[int, str] | None = None, locations: Callable[[str], str] | None = None
    ) -> Resource:
        """
        Write the transaction, its references pointing to where the resources are or will be.

        Args:
            leave_out: The positions of entries that are on the server already, each with its ``Type/id`` there.
            locations: Returns ``Type/id`` on the server for what was sent in an earlier transaction, or nothing.
        """
        left_out = leave_out or {}
        sent = [entry for position, entry in self.sent if position not in left_out]
        change = self._change(self._targets(left_out), locations)
        return {"resourceType": "Bundle", "type": self.type, "entry": [_to_send(entry, change) for entry in sent]}

    @property
    def sent(self) -> Iterator[tuple[int, PlannedEntry]]:
        """Return the entries that are sent, each with its position."""
        return ((position, entry) for position, entry in enumerate(self.entries) if position not in self.copies)

    def _change(
        self, targets: Mapping[str, str], locations: Callable[[str], str] | None
    ) -> Callable[[str], str] | None:
        """Return what each reference becomes; None when all stay as they are."""
        source = self.entries[0].original.source
        alone = all(entry.original.source == source for entry in self.entries)

        def stored(name: str) -> str:
            return location_of_name(locations, name, source if alone else "") if locations is not None else ""

        def change(reference: str) -> str:
            plain = unversioned(reference)
            found = targets.get(reference) or targets.get(plain) or stored(reference) or stored(plain)
            if not found and (meant := _meant_by_id(reference)):
                found = targets.get(meant) or stored(meant)
                return found if found and found != meant else reference
            plain, rest = without_part(reference)
            if found or not rest:
                return found or reference
            found = targets.get(plain) or stored(plain)
            # A server replaces the temporary name of a resource only where nothing follows it.
            return f"{found}{rest}" if found and not found.startswith(TEMPORARY) else reference

        if self.pointers is None:
            changing = locations is not None or any(name != target for name, target in targets.items())
            return change if changing else None
        texts = self.pointers.references | self.pointers.links
        changed = {text: new for text in texts if (new := change(text)) != text}
        return (lambda text: changed.get(text, text)) if changed else None

    def _targets(self, left_out: Mapping[int, str]) -> dict[str, str]:
        targets: dict[str, str] = {}
        for position, entry in enumerate(self.entries):
            original = self.copies.get(position, position)
            target = left_out.get(original) or self.entries[original].target
            for name in entry.names if target else ():
                targets.setdefault(name, target)
        return targets


def names_for_later(entry: PlannedEntry) -> list[str]:
    """
    Return the names by which what is sent later finds an entry: as all documents use them, and as its own does.

    Where we choose the id, ``Type/id`` leads there anyway; a fullUrl does not.
    """
    names = [name for name in entry.names if not entry.by_id or name != entry.target]
    own = (_in_document(name, entry.original.source) for name in names)
    return [*names, *filter(None, own)]


def location_of_name(locations: Callable[[str], str], name: str, source: str) -> str:
    """
    Return ``Type/id`` on the server for a name, or nothing.

    Args:
        locations: Returns the same for what `names_for_later` gives.
        source: The document that says the name; empty where several do.
    """
    own = _in_document(name, source) if source else ""
    return (own and locations(own)) or locations(name)


def _meant_by_id(reference: str) -> str:
    """Return ``Type/id`` for ``Type?_id=id``, which a server that gives another id would not find; else nothing."""
    kind, _, query = reference.partition("?_id=")
    return f"{kind}/{query}" if kind.isalpha() and is_logical_id(query) else ""


def _in_document(name: str, source: str) -> str:
    """
    Return a name as one document uses it, or nothing where it means the same in all of them.

    A ``urn:…`` is made up for one Bundle, and another may call something else the same.
    """
    return f"{name} in {source}" if name.startswith("urn:") else ""


def _to_send(entry: PlannedEntry, change: Callable[[str], str] | None) -> dict[str, Any]:
    if entry.deletes:
        return {"request": {**entry.original.request}}
    resource = entry.original.resource
    if change is not None and any(change(each) != each for each in pointers_in(resource)):
        resource = rewritten(resource, change)
    if entry.by_id:
        located = {"fullUrl": entry.original.full_url} if entry.original.full_url else {}
        return {
            **located,
            "resource": resource,
            "request": {**entry.original.request, "method": "PUT", "url": entry.url},
        }
    # The server gives the id, and some keep the one that is sent.
    if "id" in resource:
        resource = {name: value for name, value in resource.items() if name != "id"}
    given = entry.original.request if entry.original.request.get("method") == entry.method else {}
    request = {**given, "method": entry.method, "url": entry.url}
    request.pop("ifNoneExist", None)
    if entry.method == "POST" and entry.condition:
        request["ifNoneExist"] = entry.condition
    located = {"fullUrl": entry.target} if entry.target else {}
    return {**located, "resource": resource, "request": request}


def bytes_at_most(entry: PlannedEntry, target: Callable[[str], PlannedEntry | None]) -> int:
    """
    Return the bytes that an entry takes in a body at most, whatever its references become.

    Args:
        target: Returns the entry of the same Bundle to which a reference points, or None.
    """

    def longest(reference: str) -> str:
        found = target(reference)
        if reference.startswith("#") or (found and found.by_id):
            return found.target if found else reference
        return max(found.target if found else "", reference, _LONGEST_LOCATION, key=len)

    return len(wire.dump(_to_send(entry, longest))) + len(",")


def refuse_clashes(entries: Sequence[PlannedEntry]) -> None:
    """
    Refuse two entries of which a server would drop one, some of them without a word.

    Raises:
        BundleError: Two entries have the same fullUrl, id or condition.
    """
    seen: dict[tuple[str, str], PlannedEntry] = {}
    for entry in entries:
        claims = [("fullUrl", entry.original.full_url), ("id", entry.original.name if entry.original.id else "")]
        claims.append(("condition", entry.identity if entry.condition else ""))
        for claim in claims:
            other = seen.setdefault(claim, entry) if claim[1] else entry
            if other is not entry:
                raise BundleError(
                    f"{entry.original.name} and {other.original.name} have the same {claim[0]}: {unquote(claim[1])}",
                    where=f"Bundle.entry[{other.original.position}] and [{entry.original.position}]",
                    hint="a server would store only one of them",
                )
