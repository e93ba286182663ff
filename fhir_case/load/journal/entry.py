"""What became of every resource that was sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

__all__ = ["STATES", "Journal", "JournalEntry", "State"]

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
        state: What that means; ``updated or unchanged`` where the server does not tell versions; ``unknown`` where it
            may or may not be stored, and nothing tells.
        stored_as: ``Type/id`` on the server; empty when it does not say.
        version: The version on the server; empty when it does not say.
        reason: Why it failed, or why its references are still open.
        source: The document that it is from; empty when there is only one.
        position: The number of its entry there, from 0.
        references: ``open``: some of its references still say the temporary fullUrl of a resource that was new;
            ``filled``: they were filled in by a second request; empty where there was nothing to fill in.
        full_url: What such references to this resource say until then; empty where there are none at all.
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

    @property
    def confirmed(self) -> bool:
        """Whether the server has done for certain what was asked."""
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

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Journal:
        """Return the journal that `to_dict` wrote; the counts are counted anew."""
        return cls(
            server=value["server"],
            entries=tuple(JournalEntry(**entry) for entry in value["entries"]),
            seconds=value["seconds"],
            warnings=tuple(value["warnings"]),
        )
