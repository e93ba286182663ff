"""
The case: what a written report says about one patient, in the words of the clinic.

Here is what every case has, whatever it is about: its report and its timeline. The sections are those of the clinical
concepts that are installed or given; `case_model` puts them together. Every part is frozen. Every entry has a key (the
name by which other entries and the Bundle refer to it), its place in the report, and the line of the file it came from.
The model knows no FHIR and no code table.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case.entry import EventKey
from fhir_case.case.forms import Day, Form, Key, Text
from fhir_case.case.record import Record
from fhir_case.case.timing import Moments
from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.case.entry import KeyedEntry
    from fhir_case.case.section import Section

__all__ = ["Case", "Report", "Timeline", "case_model"]

_Model = TypeVar("_Model")


class Report(Form):
    """
    Name the publication, or the other source, that the case was taken from.

    Args:
        citation: The reference to the publication, as a list of references has it.
        title: The title of the publication.
        year: The year of the publication.
        url: Where it can be read.
        license: The licence of the publication as it names it, such as ``CC BY 4.0``.
        transcribed: The day on which this file was written from the report.
        type: What it is, where it is no published case report, such as ``table of a registry``.
        real_patients: Whether the patients are real and their data are not public: nothing is labelled as test data, so
            that it goes to another machine only with ``--real-patient-data``.
        record: The structured record that the case was read from, where it was one.
    """

    citation: Text
    title: Text | None = None
    year: Annotated[int, Field(strict=True, ge=1800, le=2200)] | None = None
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    license: Text | None = None
    transcribed: Day
    type: Text | None = None
    real_patients: bool = False
    record: Record | None = None


class Timeline(Form):
    """
    Say what the times of the case count from.

    Args:
        anchor: The key of the event that offsets count from.
        index_date: The day of the anchor, which the author of the file declares synthetic.
        recorded: Whether it is the true day, as the source has it, and no synthetic one.
    """

    anchor: EventKey
    index_date: Day
    recorded: bool = False

    @model_validator(mode="after")
    def _within_the_calendar(self) -> Self:
        if not 1900 <= self.index_date.year <= 2200:
            raise PydanticCustomError("index_date", "the index date is outside the years 1900 to 2200")
        return self


class Case(Form):
    """
    One clinical case. Sections may be absent; their order in the file does not matter.

    Args:
        case: The id of the case; it begins every id and identifier of the Bundle, unless a namespace is given.
        title: What the case is about, in words.
        report: The publication that the case was taken from.
        timeline: What the times of the case count from; absent where all are dates, ages or unknown.
    """

    sections: ClassVar[tuple[Section, ...]] = ()
    layers: ClassVar[tuple[tuple[Section, ...], ...]] = ()

    case: Key
    title: Text
    report: Report
    timeline: Timeline | None = None

    if TYPE_CHECKING:

        def __getattr__(self, section: str) -> Any:
            """Return the entries of a section by its name, which the concepts at hand decide."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The class is made of its sections, so that pickle does not find it by its name.
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return _unpickled, (self.layers, fields, self.model_fields_set)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other values, of which what is computed once is computed anew."""
        copy = super().model_copy(update=update, deep=deep)
        for computed in ("_entries", "_index", "moments"):
            vars(copy).pop(computed, None)
        return copy

    @cached_property
    def _entries(self) -> tuple[tuple[Section, KeyedEntry], ...]:
        return tuple(self._all_entries())

    @cached_property
    def _index(self) -> dict[str, tuple[Section, KeyedEntry]]:
        return {entry.key: (section, entry) for section, entry in self._entries}

    @cached_property
    def moments(self) -> Moments:
        """Return the days of the case, computed from its anchor."""
        entries = {key: (section.name, entry) for key, (section, entry) in self._index.items()}
        return Moments(self.anchor, self.timeline.index_date if self.timeline else None, entries)

    @property
    def anchor(self) -> str:
        """Return the key of the event that offsets count from; empty where the case has no timeline."""
        return self.timeline.anchor if self.timeline else ""

    def moved_to(self, index_date: date) -> Self:
        """
        Return the same case with another day of its anchor; all computed days move with it.

        Raises:
            CaseError: It has no timeline.
        """
        if self.timeline is None:
            raise CaseError("the case has no timeline, so that no date can be moved", hint="leave the index date out")
        timeline = Timeline(anchor=self.timeline.anchor, index_date=index_date)
        return type(self).model_construct(
            **{**{name: getattr(self, name) for name in type(self).model_fields}, "timeline": timeline}
        )

    def entries(self) -> Iterator[tuple[Section, KeyedEntry]]:
        """Return every entry that has a key, with its section; the parts of an entry follow it."""
        return iter(self._entries)

    def _all_entries(self) -> Iterator[tuple[Section, KeyedEntry]]:
        for section in self.sections:
            for entry in getattr(self, section.name) if section.is_list else ():
                yield section, entry
                for part in section.parts:
                    for inner in getattr(entry, part.name):
                        yield part, inner

    def entries_of(self, model: type[_Model]) -> tuple[_Model, ...]:
        """Return the entries of a model or of a model derived from it, parts of entries too, in their order."""
        single = (getattr(self, section.name) for section in self.sections if not section.is_list)
        keyed = (entry for _, entry in self._entries)
        return tuple(entry for entry in (*single, *keyed) if isinstance(entry, model))

    def section_of(self, key: str) -> Section:
        """
        Return the section, or part of one, of the entry with this key.

        Raises:
            KeyError: No entry has it.
        """
        return self._index[key][0]

    def time_of(self, key: str) -> str:
        """
        Return the FHIRPath of the element that tells when the entry with this key happened, from its resource.

        Raises:
            KeyError: No entry has it.
        """
        section, entry = self._index[key]
        return section.time_of(entry)


def case_model(sections: tuple[Section, ...], base: type[Case] = Case) -> type[Case]:
    """
    Return the model of a case with these sections beside those of its base; the same one for the same sections.

    Args:
        base: `Case`, or a model that was made here; a case with further sections is one of its cases too.
    """
    return _case_model(sections, base)


@lru_cache(maxsize=32)
def _case_model(sections: tuple[Section, ...], base: type[Case]) -> type[Case]:
    fields: dict[str, Any] = {}
    for section in sections:
        model: Any = section.model
        described = section.model.summary()
        if section.is_list:
            fields[section.name] = (tuple[model, ...], Field(default=(), description=described))
        elif section.required:
            fields[section.name] = (model, Field(description=described))
        else:
            fields[section.name] = (model | None, Field(default=None, description=described))
    made = create_model("Case", __base__=base, __doc__=Case.__doc__, **fields)
    made.layers = (*base.layers, sections)
    made.sections = tuple(section for layer in made.layers for section in layer)
    return made


def _unpickled(layers: tuple[tuple[Section, ...], ...], fields: dict[str, Any], fields_set: set[str]) -> Case:
    model = Case
    for sections in layers:
        model = case_model(sections, model)
    return model.model_construct(fields_set, **fields)
