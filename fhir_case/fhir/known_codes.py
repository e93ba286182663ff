"""The codes of the code tables with their displays, each section parsed when one of its codes is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fhir_case.errors import MappingError
from fhir_case.fhir.codes import Terms, coding_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.fhir.codes import Term

__all__ = ["KnownCodes", "add_names"]

_CODE = re.compile(r'\bcode = "(?!"")([^"\\\n]*)"')
_KEY = re.compile(r"\bcode\b[\"']?\s*=")

Names = dict[tuple[str, str], frozenset[str]]


class KnownCodes(Mapping[tuple[str, str], frozenset[str]]):
    """
    Every (system, code) of some tables with the displays that they write.

    To parse all tables takes longer than to check a Bundle, so only the sections that write a code are parsed when it
    is asked for. A section that breaks the grammar has none: whoever looks something up in it is told.

    Args:
        tables: The tables.
    """

    def __init__(self, tables: Iterable[Mapping[str, Term]]) -> None:
        self._by_code: dict[str, list[tuple[Mapping[str, Term], str]]] = {}
        self._found: dict[str, Names] = {}
        self._all: Names = {}
        self._always: list[tuple[Mapping[str, Term], str]] = []
        for table in tables:
            for name in table:
                text = table.text_of(name) if isinstance(table, Terms) else ""
                codes = _CODE.findall(text)
                if not text or len(codes) != len(_KEY.findall(text)):  # a code that is written in another way
                    self._always.append((table, name))
                for code in codes:
                    self._by_code.setdefault(code, []).append((table, name))
        self._elsewhere = _names_in(self._always)

    def _of_code(self, code: str) -> Names:
        if code not in self._found:
            if code not in self._by_code:
                return self._elsewhere
            self._found[code] = _names_in([*self._by_code[code], *self._always])
        return self._found[code]

    def __getitem__(self, coding: tuple[str, str]) -> frozenset[str]:
        return self._of_code(coding[1])[coding]

    def get(self, coding: tuple[str, str], default: Any = None) -> Any:
        """Return the displays of a code; the default where no table has it."""
        return self._of_code(coding[1]).get(coding, default)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        if not self._all:
            every = (item for code in self._by_code for item in self._of_code(code).items() if item[0][1] == code)
            self._all = self._elsewhere | dict(every)
        return iter(self._all)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return bool(self._by_code or self._elsewhere)


def _names_in(sections: Iterable[tuple[Mapping[str, Term], str]]) -> Names:
    known: Names = {}
    for table, name in sections:
        with suppress(MappingError):
            add_names(known, [table[name]])
    return known


def add_names(known: dict[tuple[str, str], frozenset[str]], terms: Iterable[Term]) -> None:
    """Add to the (system, code) that are known those of some terms, with their displays."""
    for term in terms:
        others = [coding_of(one) for one in term.more.values() if isinstance(one, dict) and "system" in one]
        for one in (*term.codings, *others):
            key = (one["system"], one["code"])
            display = one.get("display")
            known[key] = known.get(key, frozenset()) | ({display} if display else frozenset())
