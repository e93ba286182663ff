"""Show what a terminal, XML, JSON or a web page cannot take as it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["encodable", "printable", "printable_lines", "value_text"]

_DEEPEST = 100
_TOO_DEEP = f"… nested deeper than {_DEEPEST} levels"
_LARGEST = 2**63


def printable(text: str) -> str:
    """Show what could steer a terminal, and what XML forbids, as its code."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _code(one) for one in text)


def printable_lines(text: str) -> str:
    """Do the same, but keep the ends of lines and tabs."""
    text = text.replace("\r\n", "\n")
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() or one in "\n\t" else _code(one) for one in text)
    )


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}"


def encodable(value: Any, levels: int = _DEEPEST) -> Any:
    """
    Return JSON that can be written: half surrogate pairs become their codes, and what is nested too deeply is cut.

    Args:
        value: What `fhir_case.fhir.wire.parse` gave; a server may have sent anything.
        levels: How deep it may be.
    """
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and not -_LARGEST <= value < _LARGEST:
        return Decimal(value)  # orjson writes integers of 64 bits only
    if isinstance(value, dict | list | tuple) and not levels:
        return _TOO_DEEP
    if isinstance(value, dict):
        return {encodable(name): encodable(inner, levels - 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(inner, levels - 1) for inner in value]
    return value


def value_text(value: Any, max_length: int) -> str:
    """Return any value of a server as JSON in one line that can be shown; a long one is cut, and says so."""
    from fhir_case.fhir import wire

    text = "nothing" if value is None else printable(wire.dump(encodable(value)).decode())
    return text if len(text) <= max_length else f"{text[:max_length]}… cut: {len(text) - max_length:,} more"
