"""Find secrets in a text that writes some of their characters by their codes, as JSON, HTML and URLs may."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["without_escaped"]

_SIGNS = ("\\", "&", "%")
_CODE = re.compile(
    r"\\(?:u(?P<json>[0-9A-Fa-f]{4})|x(?P<script>[0-9A-Fa-f]{2})|(?P<sign>[^\w\s])|(?P<space>[bfnrt]))"
    r"|%(?P<url>[0-7][0-9A-Fa-f])|&#?\w{1,31};?"
)
_NESTED = 3  # JSON inside of JSON, on a page


def without_escaped(text: str, secrets: Sequence[tuple[str, re.Pattern[str] | None]], instead: str) -> str:
    """
    Return a text without secrets of which some characters are written by their codes.

    Args:
        secrets: Each with a pattern where only a whole word is meant.
        instead: What stands for each.
    """
    plain = text
    for _ in range(_NESTED):
        before = plain
        plain = _CODE.sub(_meant, before) if any(sign in before for sign in _SIGNS) else before
        if plain == before:
            break
    if plain == text:
        return text
    found = [(secret, word) for secret, word in secrets if secret in plain]
    return _without(text, found, instead) if found else text


def _meant(code: re.Match[str]) -> str:
    number = code["json"] or code["script"] or code["url"]
    if number:
        return chr(int(number, 16))
    from html import unescape

    return " " if code["space"] else code["sign"] or unescape(code[0])


def _without(text: str, secrets: Sequence[tuple[str, re.Pattern[str] | None]], instead: str) -> str:
    plain, places = text, array("q", range(len(text) + 1))
    for _ in range(_NESTED):
        plain, places = _decoded(plain, places)
    spans = []
    for secret, word in secrets:
        pattern = word or re.compile(re.escape(secret))
        spans += [(places[each.start()], places[each.end()]) for each in pattern.finditer(plain)]
    parts, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            parts += [text[end:start], instead]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def _decoded(text: str, places: array[int]) -> tuple[str, array[int]]:
    """Return a text with its codes decoded, and where each character, and the end, was at first."""
    parts, kept, end = [], array("q"), 0
    for code in _CODE.finditer(text):
        meant = _meant(code)
        parts += [text[end : code.start()], meant]
        kept += places[end : code.start()]
        kept.extend([places[code.start()]] * len(meant))
        end = code.end()
    parts.append(text[end:])
    kept += places[end:]
    return "".join(parts), kept
