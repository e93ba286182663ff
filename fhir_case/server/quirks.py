"""The quirks of servers: what is known of them beyond their CapabilityStatement; the table is `quirks.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from fhir_case.toml import shipped_toml

if TYPE_CHECKING:
    from fhir_case.server.capabilities import Capabilities

__all__ = ["Caps", "Quirks", "quirks_of"]


@dataclass(frozen=True, slots=True)
class Caps:
    """
    What one transaction may hold at most; 0 means that no limit is known.

    Args:
        entries: The number of entries.
        bytes: The size of the body.
        conditional: The number of entries where one of them depends on a condition.
    """

    entries: int = 0
    bytes: int = 0
    conditional: int = 0

    def __str__(self) -> str:
        words = {"entries": "entries", "bytes": "bytes", "conditional": "entries where one has a condition"}
        known = [
            f"{getattr(self, each.name):,} {words[each.name]}" for each in fields(self) if getattr(self, each.name)
        ]
        return ", ".join(known) or "no limit"

    def within(self, other: Caps) -> Caps:
        """Return the lower of each two limits."""
        lower = {
            each.name: min(filter(None, (getattr(self, each.name), getattr(other, each.name))), default=0)
            for each in fields(self)
        }
        return Caps(**lower)


@dataclass(frozen=True, slots=True)
class Quirks:
    """
    What is known of the software of a server.

    Args:
        name: Its name in messages; empty when nothing is known of it.
        caps: What one transaction may hold.
        request_id_in_source: Whether it keeps the header ``X-Request-ID`` in ``meta.source``, where a search finds it.
        tells_unchanged: Whether its answer to an update shows that nothing changed.
        leaves_references: Whether it leaves references to new resources as they came where they are inside the
            extensions of a primitive value.
        source: Where that is documented.
    """

    name: str = ""
    caps: Caps = Caps()
    request_id_in_source: bool = False
    tells_unchanged: bool = False
    leaves_references: bool = False
    source: str = ""


def quirks_of(capabilities: Capabilities, caps: Caps | None = None) -> Quirks:
    """
    Return what is known of the software that a server names.

    Args:
        caps: Limits of the user, each of which replaces the known one.
    """
    found = next(
        (known for pattern, known in _table() if re.search(pattern, capabilities.software, re.IGNORECASE)),
        Quirks(),
    )
    if caps is None:
        return found
    stated = {each.name: getattr(caps, each.name) for each in fields(caps) if getattr(caps, each.name)}
    return replace(found, caps=replace(found.caps, **stated))


@cache
def _table() -> tuple[tuple[str, Quirks], ...]:
    return tuple(
        (row.pop("software"), _quirks(row)) for row in shipped_toml("fhir_case.server", "quirks.toml")["server"]
    )


def _quirks(row: dict[str, Any]) -> Quirks:
    caps = {each.name: row.pop(each.name) for each in fields(Caps) if each.name in row}
    return Quirks(**row, caps=Caps(**caps))
