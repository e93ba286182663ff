"""Word the parts of messages that are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean"]

_MAX_COMPARED = 50


def did_you_mean(word: str, known: Iterable[str], *, before: str = "", sentence: bool = False) -> str:
    """
    Ask for the known word most like this one; return nothing when none is like it.

    Comparing takes long: of very many words only those are compared that share most letters with this one.

    Args:
        before: What joins the question to a sentence before it, such as ``"; "``.
        sentence: Whether the question is a sentence of its own.
    """
    from difflib import get_close_matches
    from heapq import nlargest

    words = list(known)
    if len(words) > _MAX_COMPARED:
        letters = set(word)
        words = nlargest(_MAX_COMPARED, words, lambda one: len(letters & set(one)) - abs(len(one) - len(word)))
    near = get_close_matches(word, words, n=1)
    return f"{before}{'Did' if sentence else 'did'} you mean '{near[0]}'?" if near else ""
