"""Word the parts of messages that are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MAX_HINTS", "CountedNames", "CountedReasons", "did_you_mean", "is_misspelt", "located_once"]

MAX_HINTS = 20
"""For how many unknown names of one object to ask which known ones were meant: comparing takes long."""

_MAX_COMPARED = 50
_NAMED = 3


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
    near = get_close_matches(word, words, n=1) if words else []
    return f"{before}{'Did' if sentence else 'did'} you mean '{near[0]}'?" if near else ""


def is_misspelt(word: str, known: str) -> bool:
    """
    Whether a word of the clinic is another misspelt: by one changed or swapped letter, or two that are too few or many.

    What differs in a number or in how it begins (``cd20`` and ``cd25``, ``abnormal`` and ``normal``) is another thing,
    and so is a short word with a changed letter (``alt`` and ``ast``): a wrong suggestion is worse than none.
    """
    from difflib import SequenceMatcher

    if abs(len(word) - len(known)) > _MISSPELT or word.endswith(known) or known.endswith(word):
        return False
    if [one for one in word if one.isdigit()] != [one for one in known if one.isdigit()]:
        return False
    shared = sum(block.size for block in SequenceMatcher(None, word, known, autojunk=False).get_matching_blocks())
    differing = len(word) + len(known) - 2 * shared
    is_short = min(len(word), len(known)) < _SHORT and sorted(word) != sorted(known)
    return differing <= (1 if is_short else _MISSPELT)


def located_once(document: str, message: str) -> str:
    """Return a message with the document that it is about, which one about a line of a case file names itself."""
    return message if message.startswith(f"{document}:") else f"{document}: {message}"


_MISSPELT = 2
_SHORT = 5


class CountedNames:
    """
    How many a warning is about, and the first of them.

    Args:
        most: How many are named.
    """

    def __init__(self, most: int = _NAMED) -> None:
        self._most = most
        self.count = 0
        self.names: list[str] = []

    def note(self, *names: str) -> None:
        """Add names; what was counted before stays named."""
        self.count += len(names)
        self.names += names[: max(0, self._most - len(self.names))]

    def __str__(self) -> str:
        more = self.count - len(self.names)
        return ", ".join(self.names) + (f" and {more:,} more" if more else "")


class CountedReasons:
    """
    How many failed for each reason, and the first of them, in the order in which the reasons came.

    Reasons that differ only in the name of what failed are one.

    Args:
        most: How many reasons are told apart; what fails for a further one is not counted.
    """

    def __init__(self, most: int = 200) -> None:
        self._most = most
        self._found: dict[str, tuple[str, CountedNames]] = {}

    def note(self, reason: str, place: str, name: str) -> None:
        """Count one that failed: why, where it is, and its name."""
        key = reason.replace(name, "") if name else reason
        if key in self._found or len(self._found) < self._most:
            self._found.setdefault(key, (reason, CountedNames()))[1].note(place)

    def __iter__(self) -> Iterator[tuple[str, CountedNames]]:
        """Return each reason, as the first one has it, with those that failed for it."""
        return iter(self._found.values())
