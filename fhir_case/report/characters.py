"""Show what a terminal, XML, JSON or a web page cannot take as it is."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

__all__ = ["behind_margin", "encodable", "json_characters", "printable", "printable_lines", "shown", "value_text"]

_DEEPEST = 100
_TOO_DEEP = f"… nested deeper than {_DEEPEST} levels"
_LARGEST = 2**63
# A line of a log by which a build server takes orders: GitHub, Azure, TeamCity. A ## counts inside of a line, too.
_ORDER = re.compile(r"^(\s*):(?=:)|#(?=#(?:\[|vso\[|teamcity\[))", re.MULTILINE)
# What JSON may hold as it is, and a terminal or build server obeys: also controls of 8 bits, and marks of direction.
_UNSEEN = re.compile(
    r"#(?=#(?:\[|vso\[|teamcity\[))|"
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


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


def shown(text: str) -> str:
    """Do the same, and let no line be an order to a build server that reads the log."""
    return _ORDER.sub(lambda found: found[0][:-1] + _code(found[0][-1]), printable_lines(text))


def behind_margin(text: str) -> str:
    """Show a text of several lines, such as an OperationOutcome, with only the first of them at the margin."""
    first, *more = map(printable, text.replace("\r\n", "\n").split("\n"))
    return "\n".join([first, *(line if line.startswith("  ") or not line else f"  {line}" for line in more)])


def json_characters(text: str) -> str:
    """Write by its code what JSON may hold as it is and a terminal or build server obeys; the JSON says the same."""
    return _UNSEEN.sub(lambda found: _code("#") if found[0] == "#" else json.dumps(found[0])[1:-1], text)


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}"


def encodable(value: Any, levels: int = _DEEPEST) -> Any:
    """
    Return JSON that can be written: half surrogate pairs become their codes, and what is nested too deeply is cut.

    Args:
        value: What `fhir_case.fhir.wire.parse` gave, also inside of records; a server may have sent anything.
        levels: How deep it may be.
    """
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and not -_LARGEST <= value < _LARGEST:
        return Decimal(value)  # orjson writes integers of 64 bits only
    if is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in fields(value)}
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
