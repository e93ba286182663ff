"""Write the transaction that deletes some resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["deletion"]


def deletion(places: Iterable[str]) -> dict[str, Any]:
    """Return the transaction that deletes some resources, each named by ``Type/id``."""
    entries = [{"request": {"method": "DELETE", "url": place}} for place in places]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
