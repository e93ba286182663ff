"""Read back what was loaded, and compare it with what was sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args
from urllib.parse import unquote

from fhir_case.errors import RejectedError
from fhir_case.fhir.compare import Difference, compare, state_of
from fhir_case.load.run.placeholders import is_placeholder
from fhir_case.server.lookup import found_by_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import Journal
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.plan import Plan
    from fhir_case.server.client import Client

__all__ = ["AS_SENT", "FINDINGS", "Comparison", "Finding", "Verification", "read_back"]

Finding = Literal["equal", "added", "rewritten", "altered", "lost", "not checked"]
FINDINGS: tuple[Finding, ...] = get_args(Finding)
AS_SENT: tuple[Finding, ...] = ("equal", "added", "rewritten")


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    What is stored of one resource.

    Args:
        resource: ``Type/id`` in the Bundle, or what else names it.
        stored_as: ``Type/id`` on the server; empty when it is not there.
        state: ``equal``; ``added``: with what servers add; ``rewritten``: the same, with references, ids or spellings
            of the server; ``altered``; ``lost``: not there; ``not checked``: nothing tells where it is.
        differences: All that is not the same.
        reason: Why it is lost or not checked.
        source: The document that it is from; empty when there is only one.
    """

    resource: str
    stored_as: str
    state: Finding
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    source: str = ""


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
        return [each for each in self.comparisons if each.state not in AS_SENT]

    @property
    def counts(self) -> dict[Finding, int]:
        """Return how many resources are in each state."""
        found = Counter(each.state for each in self.comparisons)
        return {state: found[state] for state in FINDINGS}

    def to_dict(self) -> dict[str, Any]:
        """Return the verification as JSON; decimals stay decimals."""
        return {
            "server": self.server,
            "ok": self.ok,
            "counts": dict(self.counts),
            "comparisons": [asdict(each) for each in self.comparisons],
        }


class _Found(NamedTuple):
    resource: Resource | None
    reason: str = ""
    state: Finding = "lost"
    copies: int = 1
    final: bool = True


def read_back(
    plan: Plan,
    client: Client,
    *,
    journal: Journal | None = None,
    elsewhere: Callable[[str], str] | None = None,
) -> Verification:
    """
    Read every resource of a plan from the server and compare it with what was given.

    Args:
        journal: Where the server stored the resources. Without it they are looked for by the id that we chose, then by
            the condition of their request or their identifier.
        elsewhere: Gives ``Type/id`` on the server for a reference to a resource that is not in the plan, or nothing.

    Raises:
        ServerError: The server was not reached, or is overloaded.
        RejectedError: The server does not let us read.
    """
    told = {(each.source, each.resource): each.stored_as for each in journal.entries} if journal else {}
    entries = plan.entries
    stated = [told.get((entry.given.source, entry.given.name), "") for entry in entries]
    names = [place or _chosen(entry) for place, entry in zip(stated, entries, strict=True)]
    by_id = found_by_id(client, [name for name in names if name]).resources
    found = [
        _look_for(entry, name, by_id, client, told=bool(place))
        for entry, name, place in zip(entries, names, stated, strict=True)
    ]
    places: dict[str, str] = {}
    for entry, each in zip(entries, found, strict=True):
        if each.resource is not None:
            places |= dict.fromkeys(entry.names, _name(each.resource))
    known = _Places(places, elsewhere)
    return Verification(
        client.base_url,
        tuple(_comparison(entry, each, known, client.base_url) for entry, each in zip(entries, found, strict=True)),
    )


class _Places(dict[str, str]):
    """Return the place of a resource of the plan, or of one elsewhere."""

    def __init__(self, places: Mapping[str, str], elsewhere: Callable[[str], str] | None) -> None:
        super().__init__(places)
        self._elsewhere = elsewhere

    def get(self, name: str, default: Any = None, /) -> Any:
        found = super().get(name)
        return found or (self._elsewhere(name) if self._elsewhere else "") or default


def _chosen(entry: PlannedEntry) -> str:
    return entry.given.name if entry.by_id else ""


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _look_for(entry: PlannedEntry, name: str, by_id: Mapping[str, Resource], client: Client, *, told: bool) -> _Found:
    if name in by_id:
        return _Found(by_id[name])
    direct = _read(client, name) if name else _Found(None, "nothing tells its id", "not checked", final=False)
    if direct.final or told or not entry.search:
        return direct
    try:
        matches = list(client.search(entry.given.type, entry.search))
    except RejectedError as error:
        if error.status in (401, 403):
            raise
        return direct
    if matches:
        return _Found(matches[0], copies=len(matches))
    return _Found(None, f"{direct.reason}, and nothing matches {unquote(entry.search)}")


def _read(client: Client, name: str) -> _Found:
    kind, _, resource_id = name.partition("/")
    try:
        return _Found(client.read(kind, resource_id))
    except RejectedError as error:
        if error.status == 410:
            return _Found(None, f"{name} was deleted")
        if error.status == 404:
            return _Found(None, f"the server has no {name}", final=False)
        raise


def _comparison(entry: PlannedEntry, found: _Found, places: Mapping[str, str], base_url: str) -> Comparison:
    name, source = entry.given.name, entry.given.source
    if entry.deletes:
        state: Finding = "equal" if found.resource is None else "altered"
        reason = "" if found.resource is None else "it was deleted, and it is there"
        return Comparison(name, "", state, reason=reason, source=source)
    if found.resource is None:
        return Comparison(name, "", found.state, reason=found.reason, source=source)
    if is_placeholder(found.resource) and not is_placeholder(entry.given.resource):
        return Comparison(name, _name(found.resource), "lost", reason="only a placeholder is there", source=source)
    differences = compare(entry.given.resource, found.resource, places=places, base_url=base_url)
    if found.copies > 1:
        differences += (Difference(f"{entry.given.type}.identifier", "duplicate", 1, found.copies),)
    return Comparison(name, _name(found.resource), state_of(differences), differences, source=source)
