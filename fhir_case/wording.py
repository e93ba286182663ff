"""Word the parts of messages that are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(word: str, known: Iterable[str], *, before: str = "", sentence: bool = False) -> str:
    """
    Ask for the known word most like this one; give nothing when none is like it.

    Args:
        before: What joins the question to a sentence before it, such as ``"; "``.
        sentence: Whether the question is a sentence of its own.
    """
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    return f"{before}{'Did' if sentence else 'did'} you mean '{near[0]}'?" if near else ""
