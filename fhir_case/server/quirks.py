"""Say what is known of a server beyond its CapabilityStatement; the table is `quirks.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fhir_case.server.capabilities import Capabilities

__all__ = ["Caps", "KnownServer", "known_server"]


@dataclass(frozen=True, slots=True)
class Caps:
    """
    Say what one transaction may hold at most; 0 means that no limit is known.

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
class KnownServer:
    """
    What is known of a server.

    Args:
        name: What messages call it; empty when nothing is known of it.
        caps: What one transaction may hold.
        request_id_in_source: Whether it keeps the header ``X-Request-ID`` in ``meta.source``, where a search finds it.
        tells_unchanged: Whether its answer to an update tells that nothing changed.
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


def known_server(capabilities: Capabilities, caps: Caps | None = None) -> KnownServer:
    """
    Return what is known of the software that a server names.

    Args:
        caps: Limits of the user, each of which counts instead of what is known.
    """
    found = next(
        (known for pattern, known in _table() if re.search(pattern, capabilities.software, re.IGNORECASE)),
        KnownServer(),
    )
    if caps is None:
        return found
    stated = {each.name: getattr(caps, each.name) for each in fields(caps) if getattr(caps, each.name)}
    return replace(found, caps=replace(found.caps, **stated))


@cache
def _table() -> tuple[tuple[str, KnownServer], ...]:
    table = tomllib.loads(files("fhir_case.server").joinpath("quirks.toml").read_text("utf-8"))
    return tuple((row["software"], _known(row)) for row in table["server"])


def _known(row: dict[str, object]) -> KnownServer:
    caps = {each.name: row[each.name] for each in fields(Caps) if each.name in row}
    return KnownServer(
        name=str(row["name"]),
        caps=Caps(**caps),  # type: ignore[arg-type]  # numbers, as the table's head says
        request_id_in_source=row.get("request_id_in_source") is True,
        tells_unchanged=row.get("tells_unchanged") is True,
        leaves_references=row.get("leaves_references") is True,
        source=str(row["source"]),
    )
