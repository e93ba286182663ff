"""What became of every resource that was sent, and where that is written down."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, get_args

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["STATES", "Journal", "JournalEntry", "Log", "State"]

State = Literal["created", "updated", "unchanged", "updated or unchanged", "deleted", "failed", "unknown"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(slots=True)  # to make frozen ones, of which each resource has three, takes a tenth of all our time
class JournalEntry:
    """
    What became of one resource. Nothing changes it.

    Args:
        resource: ``Type/id`` in the Bundle, or what else names it.
        method: ``PUT``, ``POST`` or ``DELETE``.
        status: The HTTP status that the server gave it; 0 when it gave none.
        state: What that means; ``updated or unchanged`` where the server does not say versions; ``unknown`` where it
            may or may not be stored.
        stored_as: ``Type/id`` on the server; empty when it does not say.
        version: The version on the server; empty when it does not say.
        reason: Why it failed, or why its references are still open.
        source: The document that it is from; empty when there is only one.
        position: The number of its entry there, from 0.
        references: ``open``: some of its references still say the temporary fullUrl of a resource that was new;
            ``filled``: a second request resolved them; empty where there were none to resolve.
        full_url: What such references to this resource say until then; empty where there are none at all.
        doubt: Why it may have been created by the load though the server had it; empty where that is known.
    """

    resource: str
    method: str
    status: int
    state: State
    stored_as: str = ""
    version: str = ""
    reason: str = ""
    source: str = ""
    position: int = 0
    references: Literal["", "open", "filled"] = ""
    full_url: str = ""
    doubt: str = ""

    @classmethod
    def of(
        cls,
        entry: PlannedEntry,
        status: int,
        state: State,
        *,
        stored_as: str = "",
        version: str = "",
        reason: str = "",
    ) -> Self:
        """Return the entry for one resource that was planned."""
        original = entry.original
        place = (original.source, original.position)
        return cls(original.name, entry.method, status, state, stored_as, version, reason, *place)

    @property
    def key(self) -> tuple[str, int]:
        """Return the document that it is from, and its position there."""
        return self.source, self.position

    @property
    def place(self) -> str:
        """Return it as messages name it: its document, and the resource."""
        return f"{self.source}: {self.resource}" if self.source else self.resource

    @property
    def confirmed(self) -> bool:
        """Whether the server has confirmed the request."""
        return self.state not in ("failed", "unknown")

    @property
    def ok(self) -> bool:
        """Whether the resource is on the server, and each reference in it leads somewhere."""
        return self.confirmed and self.references != "open"

    @property
    def found(self) -> bool:
        """Whether a conditional create found it, and left it as it was."""
        return self.state == "unchanged" and self.method == "POST"

    @property
    def retold(self) -> bool:
        """Whether it is about a second request for what an earlier entry says is stored."""
        return self.references == "filled" or (self.references == "open" and bool(self.reason))


@dataclass(frozen=True, slots=True)
class Journal:
    """
    What became of one upload.

    Args:
        server: The base URL.
        entries: One for each resource, in the order of the Bundle.
        seconds: How long it took.
        warnings: What the plan warned of.
    """

    server: str
    entries: tuple[JournalEntry, ...]
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the server confirmed every resource, and no reference in them is still open."""
        return all(entry.ok for entry in self.entries)

    @property
    def counts(self) -> dict[State, int]:
        """Return how many resources are in each state."""
        found = Counter(entry.state for entry in self.entries)
        return {state: found[state] for state in STATES}

    def to_dict(self) -> dict[str, Any]:
        """Return the journal as JSON."""
        return {
            "server": self.server,
            "seconds": round(self.seconds, 3),
            "counts": dict(self.counts),
            "warnings": list(self.warnings),
            "entries": [asdict(entry) for entry in self.entries],
        }


class Log(Protocol):
    """Write down what happens, before and after each request."""

    def sending(
        self,
        request: str,
        entries: Sequence[PlannedEntry],
        *,
        there: Collection[str] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """
        Note that a request is about to be sent.

        Args:
            there: ``Type/id`` of what the server has of its identifiers already; None when it was not asked.
            versions: The version of what it has under ids of ours already; None when it was not asked.
        """
        ...

    def resolving(self, request: str, entries: Sequence[PlannedEntry]) -> None:
        """Note that a request is about to be sent that resolves references of what is stored."""
        ...

    def answered(self, request: str, entries: Sequence[JournalEntry]) -> None:
        """Note what became of the resources of a request; an empty request for those that needed none."""
        ...

    def not_done(self, request: str, reason: str, *, types: Sequence[str] = ()) -> None:
        """
        Note that nothing of a request was stored.

        Args:
            types: The types of what it creates, where the server may carry it out later all the same.
        """
        ...
