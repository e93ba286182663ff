"""Findings added up by kind, so that ten thousand of one kind hide no other, and none has to be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from fhir_case.issues import SEVERITIES
from fhir_case.report.characters import printable
from fhir_case.wording import located_once

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from fhir_case.issues import Issue, Severity

__all__ = ["First", "Kinds"]

_VALUES = re.compile(r"'[^']*'|[0-9]+")
_MOST_MESSAGES = 3
_MOST_KINDS = 200
"""Of each severity. What is found of further kinds is added up by check, so that memory and output stay bounded."""


@dataclass(slots=True)
class First:
    """The first finding of those with the same message, the document that it is in, and how many there are."""

    issue: Issue
    document: str
    count: int = 0


@dataclass(slots=True)
class _Kind:
    """The findings of one check whose messages differ in values only; `messages` is not complete when full."""

    count: int = 0
    messages: dict[str, First] = field(default_factory=dict)

    def add(self, issue: Issue, document: str) -> None:
        self.count += 1
        first = self.messages.get(issue.message)
        if first is None:
            if len(self.messages) > _MOST_MESSAGES:
                return
            first = self.messages[issue.message] = First(issue, document)
        first.count += 1

    def lines(self) -> list[First]:
        """Return what is shown: each message while they are few, else the first one for all."""
        firsts = list(self.messages.values())
        if len(firsts) <= _MOST_MESSAGES:
            return firsts
        return [First(firsts[0].issue, firsts[0].document, self.count)]


class Kinds:
    """
    The kinds of findings in all documents: check and message, apart from the values in it.

    Args:
        shown: The severities that are shown; other findings are left out.
    """

    def __init__(self, shown: Collection[Severity] = SEVERITIES[:2]) -> None:
        self._shown = shown
        self._kinds: dict[Severity, dict[tuple[str, str], _Kind]] = {severity: {} for severity in SEVERITIES}
        self._document: str | None = None
        self._several = False

    def add(self, document: str, issues: Iterable[Issue]) -> None:
        """Add the findings in a document."""
        for issue in issues:
            if issue.severity in self._shown:
                self._several = self._several or self._document not in (None, document)
                self._document = document
                known = self._kinds[issue.severity]
                key = issue.check, _pattern(issue.message)
                if key not in known and len(known) >= _MOST_KINDS:
                    key = issue.check, ""
                known.setdefault(key, _Kind()).add(issue, document)

    def found(self) -> list[First]:
        """Return the first of each kind, errors first, with the number of those like it."""
        return [first for kinds in self._kinds.values() for kind in kinds.values() for first in kind.lines()]

    def text_of(self, first: First) -> str:
        """Return a finding with its resource, and with its document where findings are in several."""
        return located_once(first.document, first.issue.text) if self._several else first.issue.text

    def lines(self) -> Iterator[str]:
        """Write a line for each kind, errors first, with the first place and the number of others."""
        found = self.found()
        if self._document is not None and not self._several:
            yield printable(self._document)
        for first in found:
            margin = "" if self._several else "  "
            issue, text = first.issue, printable(self.text_of(first))
            more = f" (and {first.count - 1} more like it)" if first.count > 1 else ""
            yield f"{margin}{issue.severity:<7} {text} [{issue.check}]{more}"
        if any(first.count > 1 for first in found):
            yield "--verbose lists each finding."


@lru_cache(4096)
def _pattern(message: str) -> str:
    return _VALUES.sub("'", message)
