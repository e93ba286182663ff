"""A regular expression run by a matcher that counts its steps, as `re` does not: what it backtracks, this counts."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["SINGLE", "TooManySteps", "fits", "parsed", "steps_of"]

of: Any = import_module("re._constants")  # there is no public parser of patterns
parser: Any = import_module("re._parser")
SINGLE = frozenset({of.LITERAL, of.NOT_LITERAL, of.ANY, of.IN})
REPEATS = frozenset({of.MAX_REPEAT, of.MIN_REPEAT, of.POSSESSIVE_REPEAT})
CATEGORIES = {
    of.CATEGORY_DIGIT: (str.isdigit, False),
    of.CATEGORY_SPACE: (str.isspace, False),
    of.CATEGORY_WORD: (str.isalnum, False),
    of.CATEGORY_NOT_DIGIT: (str.isdigit, True),
    of.CATEGORY_NOT_SPACE: (str.isspace, True),
    of.CATEGORY_NOT_WORD: (str.isalnum, True),
}


class TooManySteps(Exception):  # noqa: N818 - it is no error of the tests, but what they look for
    """The limit is passed."""


def parsed(pattern: re.Pattern[Any]) -> Any:
    """Return the parsed form of a pattern; one of bytes as one of text."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    return parser.parse(text, pattern.flags & ~re.UNICODE)


def steps_of(tree: Any, text: str, method: str, *, limit: int = 200_000) -> int:
    """
    Return the steps that a method takes: ``match``, ``fullmatch``, or ``finditer`` for all that search.

    Raises:
        TooManySteps: More than the limit.
    """
    matcher = _Matcher(text, tree.state.flags, limit)
    at, ends = 0, []

    def end(place: int) -> bool:
        ends.append(place)
        return method != "fullmatch" or place == len(text)

    before = sys.getrecursionlimit()  # other tests of this process need it as it was
    sys.setrecursionlimit(max(before, 20_000))
    try:
        while at <= len(text):
            found = matcher.match(tuple(tree), at, end)
            if method != "finditer":
                break
            at = max(at + 1, ends.pop()) if found else at + 1
    finally:
        sys.setrecursionlimit(before)
    return matcher.steps


class _Matcher:
    def __init__(self, text: str, flags: int, limit: int) -> None:
        self.text, self.flags, self.limit, self.steps = text, flags, limit, 0
        self.groups: dict[int, str] = {}

    def match(self, nodes: Sequence[Any], at: int, then: Callable[[int], bool]) -> bool:  # noqa: PLR0911
        """Whether the nodes match here, and what comes after them does."""
        self.count()
        if not nodes:
            return then(at)
        (operation, argument), rest = nodes[0], nodes[1:]

        def follow(place: int) -> bool:
            return self.match(rest, place, then)

        if operation in SINGLE:
            return self.fits_at(operation, argument, at) and follow(at + 1)
        if operation in REPEATS:
            low, high, inner = argument
            if len(inner) == 1 and inner[0][0] in SINGLE:
                return self.run_of(operation, argument, at, follow)
            return self.repeat(operation, (low, high, tuple(inner)), at, follow)
        if operation is of.BRANCH:
            return any(self.match(tuple(branch), at, follow) for branch in argument[1])
        if operation is of.SUBPATTERN:

            def close(place: int) -> bool:
                self.groups[argument[0]] = self.text[at:place]
                return follow(place)

            return self.match(tuple(argument[-1]), at, close)
        return self.without_width(operation, argument, at, follow)

    def count(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > self.limit:
            raise TooManySteps

    def run_of(self, operation: Any, argument: Any, at: int, follow: Callable[[int], bool]) -> bool:
        low, high, inner = argument
        last, lazy = at, operation is of.MIN_REPEAT
        while True:
            if lazy and last - at >= low and follow(last):
                return True
            if last - at >= high or not self.fits_at(inner[0][0], inner[0][1], last):
                break
            last += 1
            self.count()
        places = range(at + low, last + 1)
        if operation is of.POSSESSIVE_REPEAT:
            return last in places and follow(last)
        return not lazy and any(follow(place) for place in reversed(places))

    def repeat(self, operation: Any, argument: Any, at: int, follow: Callable[[int], bool]) -> bool:
        low, high, inner = argument

        def again(place: int) -> bool:
            return place > at and self.repeat(operation, (max(low - 1, 0), high - 1, inner), place, follow)

        more = high > 0 and (lambda: self.match(inner, at, again))
        done = low == 0 and (lambda: follow(at))
        ways = (done, more) if operation is of.MIN_REPEAT else (more, done)
        return any(way() for way in ways if way)

    def without_width(self, operation: Any, argument: Any, at: int, follow: Callable[[int], bool]) -> bool:
        if operation is of.AT:
            return self.is_at(argument, at) and follow(at)
        if operation is of.GROUPREF:
            known = self.groups.get(argument, "")
            return self.text.startswith(known, at) and follow(at + len(known))
        direction, inner = argument
        begin = at if direction > 0 else at - inner.getwidth()[0]
        found = begin >= 0 and self.match(tuple(inner), begin, lambda _: True)
        return found == (operation is of.ASSERT) and follow(at)

    def is_at(self, where: Any, at: int) -> bool:
        word = [0 <= place < len(self.text) and self.text[place].isalnum() for place in (at - 1, at)]
        lines = bool(self.flags & re.MULTILINE)
        return {
            of.AT_BEGINNING: at == 0 or (lines and self.text[at - 1] == "\n"),
            of.AT_BEGINNING_STRING: at == 0,
            of.AT_END: at == len(self.text) or (lines and self.text[at] == "\n"),
            of.AT_END_STRING: at == len(self.text),
            of.AT_BOUNDARY: word[0] != word[1],
            of.AT_NON_BOUNDARY: word[0] == word[1],
        }[where]

    def fits_at(self, operation: Any, argument: Any, at: int) -> bool:
        if at >= len(self.text):
            return False
        sign = self.text[at]
        signs = {sign, sign.lower(), sign.upper()} if self.flags & re.IGNORECASE else {sign}
        return any(fits(operation, argument, each, self.flags) for each in signs)


def fits(operation: Any, argument: Any, sign: str, flags: int = 0) -> bool:
    """Whether a node of one sign matches it."""
    if operation is of.ANY:
        return sign != "\n" or bool(flags & re.DOTALL)
    if operation in (of.LITERAL, of.NOT_LITERAL):
        return bool(ord(sign) == argument) == (operation is of.LITERAL)
    if operation is of.RANGE:
        return bool(argument[0] <= ord(sign) <= argument[1])
    if operation is of.CATEGORY:
        category, negated = CATEGORIES[argument]
        return bool(category(sign)) != negated
    members = list(argument)
    negated = members[0][0] is of.NEGATE
    return any(fits(member, what, sign, flags) for member, what in members[negated:]) != negated
