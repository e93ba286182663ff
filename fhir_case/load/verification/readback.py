"""Read back what was loaded, and compare it with what was sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args
from urllib.parse import unquote

from fhir_case.errors import RejectedError
from fhir_case.fhir.compare import Difference, compare, state_of
from fhir_case.fhir.identifiers import identifiers_of, token_of
from fhir_case.server.lookup import found_by_id
from fhir_case.server.outcome import printable
from fhir_case.server.placeholders import found_placeholders, is_placeholder
from fhir_case.wording import CountedReasons

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import Journal, JournalEntry
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.plan import Plan
    from fhir_case.server.client import Client

__all__ = [
    "AS_SENT",
    "COMPARISON_STATES",
    "GOOD",
    "THERE",
    "Comparison",
    "ComparisonState",
    "Verification",
    "conditional_names",
    "counts_of",
    "read_back",
]

ComparisonState = Literal["equal", "added", "rewritten", "altered", "lost", "refused", "not checked", "there"]
COMPARISON_STATES: tuple[ComparisonState, ...] = get_args(ComparisonState)
AS_SENT: tuple[ComparisonState, ...] = ("equal", "added", "rewritten")
GOOD: tuple[ComparisonState, ...] = (*AS_SENT, "there")
THERE: tuple[ComparisonState, ...] = (*GOOD, "altered")


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    What is stored of one resource.

    Args:
        resource: ``Type/id`` in the Bundle, or what else names it.
        stored_as: ``Type/id`` on the server; empty when it is not there.
        state: ``equal``; ``added``: with what servers add; ``rewritten``: the same, with references, ids or spellings
            of the server; ``altered``; ``lost``: not there, though it was stored; ``refused``: not there, since the
            server did not take it; ``not checked``: its location is unknown; ``there``: not compared, as a sample was
            asked for.
        differences: All that is not the same.
        reason: Why it is not there or not checked.
        source: The document that it is from; empty when there is only one.
    """

    resource: str
    stored_as: str
    state: ComparisonState
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    source: str = ""

    @property
    def place(self) -> str:
        """Return it as messages name it: its document, the resource, and where it is stored."""
        stored_as = f" (stored as {self.stored_as})" if self.stored_as not in ("", self.resource) else ""
        return f"{self.source}: {self.resource}{stored_as}" if self.source else f"{self.resource}{stored_as}"


@dataclass(frozen=True, slots=True)
class Verification:
    """
    What is stored of a Bundle.

    Args:
        server: The base URL.
        comparisons: One for each resource, in the order of the Bundle.
    """

    server: str
    comparisons: tuple[Comparison, ...]

    @property
    def ok(self) -> bool:
        """Whether every resource was found and says what was sent."""
        return not self.wrong

    @property
    def wrong(self) -> list[Comparison]:
        """Return those that are not as they were sent."""
        return [each for each in self.comparisons if each.state not in GOOD]

    @property
    def reasons(self) -> CountedReasons:
        """Return why resources are not as they were sent of which there is nothing to compare."""
        return reasons_of(self.wrong)

    @property
    def counts(self) -> dict[ComparisonState, int]:
        """Return how many resources are in each state."""
        found: Counter[ComparisonState] = Counter(each.state for each in self.comparisons)
        return counts_of(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the verification as JSON; decimals stay decimals."""
        return {
            "server": self.server,
            "ok": self.ok,
            "counts": dict(self.counts),
            "comparisons": [asdict(each) for each in self.comparisons],
        }


def counts_of(found: Counter[ComparisonState]) -> dict[ComparisonState, int]:
    """Return how many are in each state; those not compared only where there are any."""
    return {state: found[state] for state in COMPARISON_STATES if state != "there" or found[state]}


def reasons_of(wrong: Iterable[Comparison], found: CountedReasons | None = None) -> CountedReasons:
    """Count by their states and reasons those of which there is nothing to compare, in addition to others."""
    counted = CountedReasons() if found is None else found
    for each in wrong:
        if not each.differences:
            counted.note(f"{each.state}: {each.reason}" if each.reason else each.state, each.place, each.resource)
    return counted


class _Found(NamedTuple):
    resource: Resource | None
    reason: str = ""
    state: ComparisonState = "lost"
    copies: int = 1
    final: bool = True


def read_back(
    plan: Plan,
    client: Client,
    *,
    journal: Journal | None = None,
    elsewhere: Callable[[str, str], str] | None = None,
    in_full: Container[int] | None = None,
) -> Verification:
    """
    Read every resource of a plan from the server and compare it with what was sent.

    Args:
        journal: Where the server stored the resources. Without it they are looked for by the id that we chose, then by
            the condition of their request or their identifier.
        elsewhere: Returns ``Type/id`` on the server for a link to a resource that is not in the plan, and for the
            document that has the link; or nothing.
        in_full: The positions in the plan of what is compared; of the rest it is only looked whether it is there. None
            for all.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        RejectedError: The server does not let us read.
    """
    told = {(each.source, each.resource): each for each in journal.entries} if journal else {}
    entries = plan.entries
    records = [told.get((entry.original.source, entry.original.name)) for entry in entries]
    stated = [record.stored_as if record else "" for record in records]
    names = [name or _chosen(entry) for name, entry in zip(stated, entries, strict=True)]
    whole = [in_full is None or position in in_full for position in range(len(entries))]
    by_id = _stored(client, names, whole)
    found = [
        _unless_refused(_look_for(entry, name, by_id, client, known_as=bool(located)), record)
        for entry, name, located, record in zip(entries, names, stated, records, strict=True)
    ]
    locations: dict[str, str] = {}
    for entry, each in zip(entries, found, strict=True):
        if each.resource is not None:
            locations |= dict.fromkeys((*entry.names, *conditional_names(entry)), _name(each.resource))
    known = {source: _Locations(locations, source, elsewhere) for source in {each.original.source for each in entries}}
    return Verification(
        client.base_url,
        tuple(
            _comparison(entry, each, known[entry.original.source], client.base_url, compared=compared)
            for entry, each, compared in zip(entries, found, whole, strict=True)
        ),
    )


def conditional_names(entry: PlannedEntry) -> Iterator[str]:
    """Return what conditional references to a resource by its identifiers say, decoded."""
    return (f"{entry.original.type}?identifier={token}" for token in identifiers_of(entry.original.resource))


class _Locations(dict[str, str]):
    """The locations of the resources of the plan, and of others, as one document names them."""

    def __init__(self, locations: Mapping[str, str], source: str, elsewhere: Callable[[str, str], str] | None) -> None:
        super().__init__(locations)
        self._source = source
        self._elsewhere = elsewhere

    def get(self, name: str, default: Any = None, /) -> Any:
        found = super().get(name)
        return found or (self._elsewhere(name, self._source) if self._elsewhere else "") or default


def _chosen(entry: PlannedEntry) -> str:
    return entry.original.name if entry.by_id else ""


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _look_for(
    entry: PlannedEntry, name: str, by_id: Mapping[str, Resource], client: Client, *, known_as: bool
) -> _Found:
    if name in by_id:
        return _Found(by_id[name])
    direct = _read(client, name) if name else _Found(None, "its id is unknown", "not checked", final=False)
    if direct.final or known_as or not entry.search:
        return direct
    try:
        matches = list(client.search(entry.original.type, entry.search, complete=True))
    except RejectedError as error:
        if error.status in (401, 403):
            raise
        return direct if error.status else _Found(None, f"{direct.reason}, and {error.message}", "not checked")
    token = token_of(entry.search)
    meant = [each for each in matches if _is(each, entry.original.type) and token in ("", *identifiers_of(each))]
    if meant:
        return _Found(meant[0], copies=len(meant))
    if matches:
        reason = f"{direct.reason}, and a search for {unquote(entry.search)} finds something else"
        return _Found(None, reason, "not checked")
    return _Found(None, f"{direct.reason}, and nothing matches {unquote(entry.search)}")


def _unless_refused(found: _Found, record: JournalEntry | None) -> _Found:
    """Say of what is not there that the upload was not accepted, where the journal says so."""
    if record is None or record.state != "failed" or record.stored_as or found.state != "lost" or found.resource:
        return found
    return found._replace(state="refused", reason=record.reason or f"HTTP {record.status}")


def _is(resource: Resource, kind: str) -> bool:
    return resource.get("resourceType") == kind and isinstance(resource.get("id"), str)


def _read(client: Client, name: str) -> _Found:
    kind, _, resource_id = name.partition("/")
    try:
        found = client.read(kind, resource_id)
        if _name(found) == name:
            return _Found(found)
        other = printable(_name(found)) if found else "nothing"
        return _Found(None, f"asked for {name}, the server answers with {other}", "not checked")
    except RejectedError as error:
        if error.status == 410:
            return _Found(None, f"{name} was deleted")
        if error.status == 404:
            return _Found(None, f"the server has no {name}", final=False)
        raise


def _stored(client: Client, names: Sequence[str], whole: Sequence[bool]) -> dict[str, Resource]:
    """Return what is stored under names; of what is not compared, only what tells that it is no placeholder."""
    full = [name for name, compared in zip(names, whole, strict=True) if name and compared]
    rest = [name for name, compared in zip(names, whole, strict=True) if name and not compared]
    return {**found_placeholders(client, rest).resources, **found_by_id(client, full).resources}


def _comparison(
    entry: PlannedEntry, found: _Found, locations: Mapping[str, str], base_url: str, *, compared: bool
) -> Comparison:
    name, source = entry.original.name, entry.original.source
    if entry.deletes and found.state != "not checked":
        state: ComparisonState = "equal" if found.resource is None else "altered"
        reason = "" if found.resource is None else "it was deleted, and it is there"
        return Comparison(name, "", state, reason=reason, source=source)
    if found.resource is None:
        return Comparison(name, "", found.state, reason=found.reason, source=source)
    if is_placeholder(found.resource) and not is_placeholder(entry.original.resource):
        return Comparison(name, _name(found.resource), "lost", reason="only a placeholder is there", source=source)
    if not compared:
        return Comparison(name, _name(found.resource), "there", source=source)
    differences = compare(
        entry.original.resource, found.resource, locations=locations, base_url=base_url, resolved=True
    )
    if found.copies > 1:
        differences += (Difference(f"{entry.original.type}.identifier", "duplicate", 1, found.copies),)
    return Comparison(name, _name(found.resource), state_of(differences), differences, source=source)
