"""Write what a reader made as a case file that a person can read: an entry a line where it is short enough."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["case_text", "number_of_values", "plain"]

_WIDTH = 120
# Text that YAML takes for nothing else without quotes, inside of brackets too.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./()%+-]*(?: [A-Za-z0-9_./()%+-]+)*")
_NO_TEXT = frozenset({"true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL"})


def case_text(case: dict[str, Any], about: str = "") -> str:
    """
    Return the text of a case file; the same case gives the same text.

    Args:
        case: What the file says.
        about: Where it comes from, as a comment.
    """
    lines = [*(f"# {line}" for line in about.splitlines()), *([""] if about else [])]
    for name, value in case.items():
        if isinstance(value, dict | list) and lines and lines[-1]:
            lines.append("")
        lines += _block(name, value, "")
    return "\n".join(lines) + "\n"


def number_of_values(value: Any) -> int:
    """Return how many values a case file has, as its reader counts them: names too."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(number_of_values, value.values()))
    return 1 + sum(map(number_of_values, value)) if isinstance(value, list) else 1


def _block(name: str, value: Any, indent: str) -> Iterator[str]:
    flow = f"{indent}{_key(name)}: {_flow(value)}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield f"{indent}{_key(name)}:"
        for item in value:
            yield from _item(item, f"{indent}  ")
    elif isinstance(value, dict) and value and (not indent or len(flow) > _WIDTH):
        yield f"{indent}{_key(name)}:"
        for key, inner in value.items():
            yield from _block(key, inner, f"{indent}  ")
    else:
        yield flow


def _item(item: Any, indent: str) -> Iterator[str]:
    flow = f"{indent}- {_flow(item)}"
    if len(flow) <= _WIDTH or not isinstance(item, dict):
        yield flow
        return
    begin = f"{indent}- "
    for key, inner in item.items():
        for line in _block(key, inner, f"{indent}  "):
            yield begin + line[len(begin) :]
            begin = f"{indent}  "


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return plain(str(value))


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in _NO_TEXT else orjson.dumps(name).decode()


def plain(text: str) -> str:
    """Return a text as YAML has it: in quotes where it could be something else without."""
    if _PLAIN.fullmatch(text) and text not in _NO_TEXT:
        return text
    return orjson.dumps(text).decode()
