"""The identifiers of a resource, as a token search writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["identifiers_of"]


def identifiers_of(resource: object) -> Iterator[str]:
    """Return each identifier of a resource as a search writes it: ``system|value``, escaped but not encoded."""
    found = resource.get("identifier") if isinstance(resource, dict) else None
    for identifier in found if isinstance(found, list) else [found]:
        if isinstance(identifier, dict) and isinstance(identifier.get("value"), str) and identifier["value"]:
            yield f"{_escaped(str(identifier.get('system') or ''))}|{_escaped(identifier['value'])}"


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\|,$" else sign for sign in text)
