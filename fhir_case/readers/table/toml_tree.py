"""Read TOML as the tree of located values that YAML becomes, so that a recipe may be written in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.case.node import LocatedDict, Node, Place
from fhir_case.case.tree import MAX_DEPTH, MAX_VALUES, Tree
from fhir_case.errors import CaseError, FhirCaseError
from fhir_case.toml import parse_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_toml_tree"]

Steps = tuple[str | int, ...]

_NOTHING = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_TEXT = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*+"{3,5}|' r"'''(?:[^']|'(?!''))*+'{3,5}|" r'"(?:[^"\\\n]|\\.)*+"|' r"'[^'\n]*+'"
)
_KEY = re.compile(r'[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|' r"'[^'\n]*+'")
_DOT = re.compile(r"[ \t]*+\.[ \t]*+")
_PLAIN = re.compile(r"[^,\]}#\s]+(?: [0-9][^,\]}#\s]*)?")


def read_toml_tree(text: str, file: str) -> Tree:
    """
    Read TOML.

    Args:
        text: The text, at most a megabyte.
        file: The name of the file for messages.

    Raises:
        CaseError: The text is not TOML, or is nested or holds more values than any use has.
    """
    try:
        data = parse_toml(text, file, hint="see https://toml.io", parse_float=_number)
    except FhirCaseError as error:
        raise CaseError(error.message, where=error.where, hint=error.hint) from None
    text = text.replace("\r\n", "\n")
    places = _Places(text)
    try:
        places.find()
    except RecursionError:
        raise CaseError("this TOML is nested too deep", where=file) from None
    return Tree(_Maker(text, file, places.found).node(data, (), 0), ())


def _number(text: str) -> Decimal | str:
    number = Decimal(text.replace("_", ""))
    return number if number.is_finite() else text


class _Maker:
    """Make located values of plain ones."""

    def __init__(self, text: str, file: str, found: dict[Steps, int]) -> None:
        self._file = file
        self._found = found
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._values = 0

    def node(self, data: Any, steps: Steps, depth: int) -> Node:
        self._values += 1
        place = self._place(steps)
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            what = f"the file holds more than {MAX_VALUES} values, or more than {MAX_DEPTH} levels"
            raise CaseError(what, where=str(place), hint="a recipe has some hundred")
        if isinstance(data, dict):
            made = {name: self.node(value, (*steps, name), depth + 1) for name, value in data.items()}
            held = LocatedDict({name: one.data for name, one in made.items()})
            held.place = place
            return Node(place, held, pairs={name: (one.place, one) for name, one in made.items()})
        if isinstance(data, list):
            items = [self.node(value, (*steps, index), depth + 1) for index, value in enumerate(data)]
            return Node(place, [one.data for one in items], items=items)
        return Node(place, data.isoformat() if isinstance(data, datetime | date | time) else data)

    def _place(self, steps: Steps) -> Place:
        """Return the place of a value, or that of what holds it."""
        while steps and steps not in self._found:
            steps = steps[:-1]
        at = self._found.get(steps, 0)
        line = bisect_right(self._lines, at)
        return Place(self._file, line, at - self._lines[line - 1] + 1)


class _Places:
    """
    Find where each key and each item of a list stands, in a text that is known to be TOML.

    Attributes:
        found: The position in the text of each, by its path.
    """

    def __init__(self, text: str) -> None:
        self.found: dict[Steps, int] = {}
        self._text = text
        self._at = 0
        self._counts: dict[Steps, int] = {}

    def find(self) -> None:
        """Go through the whole text."""
        table: Steps = ()
        while True:
            self._skip()
            if self._at >= len(self._text):
                return
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)

    def _skip(self) -> None:
        found = _NOTHING.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None or not found[0]:
            self._at += 1  # never in valid TOML
            return ""
        self._at = found.end()
        return found[0]

    def _keys(self) -> Iterator[tuple[str, int]]:
        """Return the parts of a key, each with its position."""
        while True:
            begin = self._at
            part = self._take(_KEY)
            yield _unquoted(part), begin
            if not _DOT.match(self._text, self._at):
                return
            self._take(_DOT)

    def _header(self) -> Steps:
        begin, several = self._at, self._text.startswith("[[", self._at)
        self._at += 2 if several else 1
        self._blanks()
        steps: Steps = ()
        last = steps
        for name, _ in list(self._keys()):
            steps = (*steps, name)
            if steps in self._counts:
                last = steps
                steps = (*steps, self._counts[steps] - 1)
            else:
                last = steps
            self.found.setdefault(steps, begin)
        if several:
            self._counts[last] = self._counts.get(last, 0) + 1
            steps = (*last, self._counts[last] - 1)
            self.found[steps] = begin
        self._blanks()
        self._at += 2 if several else 1
        return steps

    def _blanks(self) -> None:
        while self._text[self._at : self._at + 1] in {" ", "\t"}:
            self._at += 1

    def _pair(self, table: Steps) -> None:
        steps = table
        for name, begin in list(self._keys()):
            steps = (*steps, name)
            self.found.setdefault(steps, begin)
        self._blanks()
        self._at += 1  # the equals sign
        self._blanks()
        self._value(steps)

    def _value(self, steps: Steps) -> None:
        sign = self._text[self._at : self._at + 1]
        if sign == "{":
            self._inside("}", steps)
        elif sign == "[":
            self._inside("]", steps)
        else:
            self._take(_TEXT if sign in {'"', "'"} else _PLAIN)

    def _inside(self, end: str, steps: Steps) -> None:
        self._at += 1
        for index in range(MAX_VALUES):
            self._skip()
            if self._text.startswith(end, self._at) or self._at >= len(self._text):
                break
            if end == "}":
                self._pair(steps)
            else:
                self.found.setdefault((*steps, index), self._at)
                self._value((*steps, index))
            self._skip()
            if self._text.startswith(",", self._at):
                self._at += 1
        self._at += 1


def _unquoted(part: str) -> str:
    if part[:1] == "'":
        return part[1:-1]
    if part[:1] == '"':
        (name,) = parse_toml(f"{part} = 0", "key")
        return name
    return part
