"""What a page shows of the resources that a command has seen, however many they are."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import mapping, objects
from fhir_case.report.page.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Hashable

    from fhir_case.fhir.wire import Resource

__all__ = ["Gathered", "Row"]

_MOST_ROWS = 1_000
_MOST_CHARACTERS = 6_000_000
_LONGEST_JSON = 100_000
_LONGEST_WORDS = 300
_MOST_IN_COURSE = 2_000
_NAMED_BY = ("code", "vaccineCode", "medicationCodeableConcept", "medication", "type", "title", "description", "name")
_TAG = re.compile(r"<[^<>]*+>")


@dataclass(slots=True)
class Row:
    """
    One resource of the table.

    Args:
        name: ``Type/id``, or what else names it.
        source: The document that it is from; empty where there is only one.
        words: What it says, in a line.
        json: The resource; empty where it is too long for the page.
        link: Where it is on the server; empty where that is not known.
        state: What became of it.
        good: Whether that is as it should be.
    """

    name: str
    source: str
    words: str
    json: str
    link: str = ""
    state: str = ""
    good: bool = True


class Gathered:
    """
    Resources as a page shows them: all are counted, some have a row, and those of one patient become a course.

    The table has the first thousand resources, and up to a thousand further ones that are not as they should be.

    Args:
        server: The base URL of the server that they are on; empty where there is none.

    Attributes:
        types: How many there are of each type.
        expression: What they say as code, and what only as words.
        rows: The rows of the table, by what the command calls a resource.
        several: Whether they are from several documents.
    """

    def __init__(self, server: str = "") -> None:
        self.types: Counter[str] = Counter()
        self.expression = Expression()
        self.rows: dict[Hashable, Row] = {}
        self.several = False
        self._source: str | None = None
        self._server = server if server.startswith(("http://", "https://")) else ""
        self._room = _MOST_CHARACTERS
        self._further = 0
        self._entries: list[tuple[str, Resource]] = []
        self._patients: set[str] = set()

    def add(
        self, key: Hashable, resource: Resource, name: str = "", *,
        full_url: str = "", source: str = "", good: bool = True,
    ) -> None:  # fmt: skip
        """
        Add one resource.

        Args:
            key: What the command calls it.
            name: ``Type/id``, or what else names it; empty: as the resource says.
            full_url: Its fullUrl in its Bundle.
            source: The document that it is from; empty where there is only one.
            good: Whether it is as it should be.
        """
        kind = str(resource.get("resourceType") or "a resource without a type")
        name = name or f"{kind}/{resource.get('id') or '?'}"
        self.types[kind] += 1
        self.several = self.several or self._source not in (None, source)
        self._source = source
        self.expression.add(resource, name)
        self._note_for_course(kind, full_url, resource)
        if len(self.rows) - self._further >= _MOST_ROWS:
            if good or self._further >= _MOST_ROWS:
                return
            self._further += 1
        self.rows[key] = Row(name, source, _words_of(resource), self._json(resource), good=good)

    def note(self, key: Hashable, state: str, *, stored_as: str = "", good: bool = True) -> None:
        """Note what became of a resource, and as what it is stored, where it has a row."""
        row = self.rows.get(key)
        if row is not None:
            row.state, row.good = state, good
            row.link = f"{self._server}/{stored_as}" if self._server and stored_as else ""

    @property
    def number(self) -> int:
        """Return how many resources there are."""
        return self.types.total()

    def searched(self, row: Row) -> str:
        """Return the text in which a search finds a row, without what all ids of a case begin with."""
        source = row.source if self.several else ""
        return " ".join((row.name.replace(self._namespace, "", 1), row.words, row.state, source))

    @cached_property
    def _namespace(self) -> str:
        patients = [row.name for row in self.rows.values() if row.name.startswith("Patient/")]
        (first, *more) = patients or [""]
        return "" if more or not first.endswith("-patient") else first.removeprefix("Patient/").removesuffix("patient")

    def course(self) -> tuple[str, str]:
        """Return the course of the patient as SVG, or why there is none."""
        from fhir_case.errors import BundleError
        from fhir_case.timeline import draw, read_timeline

        if len(self._patients) > 1:
            return "", "these are resources of several patients"
        if self.number > _MOST_IN_COURSE:
            return "", f"there are more than {_MOST_IN_COURSE:,} resources"
        try:
            timeline = read_timeline(self._entries)
        except BundleError as error:
            return "", error.message
        if not timeline.events:
            return "", "no resource has a time"
        return draw(timeline, name="course"), ""

    def _note_for_course(self, kind: str, full_url: str, resource: Resource) -> None:
        if kind == "Patient":
            self._patients.add(str(resource.get("id") or full_url or self.types[kind]))
        if len(self._patients) > 1 or self.number > _MOST_IN_COURSE:
            self._entries.clear()
        else:
            self._entries.append((full_url, resource))

    def _json(self, resource: Resource) -> str:
        from fhir_case.fhir.wire import dump
        from fhir_case.report.characters import encodable

        text = dump(encodable(resource), indent=True).decode() if self._room > 0 else ""
        if len(text) > min(_LONGEST_JSON, self._room):
            return ""
        self._room -= len(text)
        return text


def _words_of(resource: Resource) -> str:
    """Return the first paragraph of the narrative as text, else what the resource is called."""
    div = mapping(resource.get("text")).get("div")
    if isinstance(div, str):
        first = re.search(r"<p>([^<]*+)</p>", div)
        words = " ".join(unescape(first[1] if first and first[1].strip() else _TAG.sub(" ", div)).split())
        if words:
            return _clipped(words)
    return _clipped(next(filter(None, (_called(resource.get(name)) for name in _NAMED_BY)), ""))


def _called(value: Any) -> str:
    from fhir_case.timeline.words import clean, concept_words

    if isinstance(value, list):
        value = next(iter(objects(value)), {})
    parts = mapping(value)
    names = [each for each in (*_list(parts.get("given")), parts.get("family")) if isinstance(each, str)]
    return concept_words(value) or clean(" ".join(names))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_WORDS else f"{text[:_LONGEST_WORDS]}…"
