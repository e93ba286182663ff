"""Find secrets in a text that writes some of their characters by their codes, as JSON, HTML and URLs may."""

from __future__ import annotations

import re
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["without_escaped"]

_SIGNS = ("\\", "&", "%")
_CODE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[^\w\s]|[bfnrt])|%[0-7][0-9A-Fa-f]|&#?\w{1,31};?")
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
        plain = _CODE.sub(lambda code: _meant(code[0]), before) if any(sign in before for sign in _SIGNS) else before
        if plain == before:
            break
    if plain == text:
        return text
    found = [(secret, word) for secret, word in secrets if secret in plain]
    return _without(text, found, instead) if found else text


@lru_cache(4096)
def _meant(code: str) -> str:
    """Return the character that a code stands for."""
    sign, kind = code[0], code[1]
    if sign == "%" or (sign == "\\" and kind in "ux"):
        return chr(int(code.lstrip("%\\ux"), 16))
    if sign == "\\":
        return " " if kind in "bfnrt" else kind
    from html import unescape

    return unescape(code)


def _without(text: str, secrets: Sequence[tuple[str, re.Pattern[str] | None]], instead: str) -> str:
    plain, places = text, array("q", range(len(text) + 1))
    for _ in range(_NESTED):
        plain, places = _decoded(plain, places)
    spans = []
    for secret, word in secrets:
        found = (each.span() for each in word.finditer(plain)) if word else _spans(secret, plain)
        spans += [(places[start], places[end]) for start, end in found]
    parts, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            parts += [text[end:start], instead]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def _spans(secret: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(secret)
    while start >= 0:
        yield start, start + len(secret)
        start = text.find(secret, start + len(secret))


def _decoded(text: str, places: array[int]) -> tuple[str, array[int]]:
    """Return a text with its codes decoded, and where each character, and the end, was at first."""
    parts, kept, end = [], array("q"), 0
    for code in _CODE.finditer(text):
        meant = _meant(code[0])
        parts += [text[end : code.start()], meant]
        kept += places[end : code.start()]
        kept.extend([places[code.start()]] * len(meant))
        end = code.end()
    parts.append(text[end:])
    kept += places[end:]
    return "".join(parts), kept
