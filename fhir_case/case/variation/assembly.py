"""Put the case of one patient together: only the entries in which something is changed are made anew."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from fhir_case.case.chronology import time_problems
from fhir_case.case.model import Report, Timeline
from fhir_case.case.node import LocatedDict
from fhir_case.case.variation.values import put, swept, without
from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.case.model import Case
    from fhir_case.case.section import Section
    from fhir_case.case.variation.references import Path

__all__ = ["Changes", "assembled", "plain_values"]


@dataclass(slots=True)
class Changes:
    """
    What is other in a patient than in the case.

    Args:
        left_out: The keys of the entries that the patient has not.
        values: For each entry the paths of what varies, and the value as a file would have it.
        removed: For each entry the paths at which it names what is left out.
    """

    left_out: set[str] = field(default_factory=set)
    values: dict[str, list[tuple[Path, Any]]] = field(default_factory=dict)
    removed: dict[str, list[Path]] = field(default_factory=dict)

    @property
    def touched(self) -> set[str]:
        """Return the keys of the entries that are changed."""
        return {*self.values, *self.removed}


def plain_values(data: Mapping[str, Any], sections: tuple[Section, ...]) -> dict[str, Any]:
    """Return the plain values of each entry of a file by its key, and of each other section by its name."""
    found: dict[str, Any] = {"timeline": data["timeline"]} if "timeline" in data else {}
    for section in sections:
        if not section.is_list:
            found |= {section.name: data[section.name]} if section.name in data else {}
            continue
        for entry in data.get(section.name) or ():
            found[entry["key"].strip()] = entry
            for part in section.parts:
                found |= {inner["key"].strip(): inner for inner in entry.get(part.name) or ()}
    return found


def assembled(
    case: Case, number: int, plain: Mapping[str, Any], roles: Mapping[str, list[str]], changes: Changes
) -> Case:
    """
    Return the case of one patient.

    Args:
        case: The case that varies.
        number: That of the patient.
        plain: The plain values of its entries.
        roles: The sections of each role.
        changes: What is other.

    Raises:
        CaseError: It is no case.
    """
    keys = {entry.key: section.name for section, entry in case.entries() if entry.key not in changes.left_out}
    making = _Making(plain, changes, {"keys": keys, "roles": roles})
    fields: dict[str, Any] = {name: getattr(case, name) for name in type(case).model_fields}
    touched = changes.touched
    try:
        if "timeline" in touched:
            fields["timeline"] = making.form(Timeline, "timeline")
        for section in case.sections:
            if section.is_list:
                fields[section.name] = tuple(
                    one if making.is_same(section, one) else making.form(section.model, one.key, section.parts)
                    for one in getattr(case, section.name)
                    if one.key not in changes.left_out
                )
            elif section.name in touched:
                fields[section.name] = making.form(section.model, section.name)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, (making.last, *first["loc"])))
        raise _wrong(number, f"{place}: {first['msg']}") from None
    of = f"Synthetic patient {number}, varied from"
    fields["title"] = f"{of}: {case.title}"
    report = {name: getattr(case.report, name) for name in Report.model_fields}
    fields["report"] = Report.model_construct(**{**report, "citation": f"{of}: {case.report.citation}"})
    patient = type(case).model_construct(**fields)
    for loc, what, _ in time_problems(patient):
        raise _wrong(number, f"{'.'.join(map(str, loc))}: {what}")
    return patient


def _wrong(number: int, what: str) -> CaseError:
    return CaseError(f"patient {number} is no case: {what}", hint="narrow what is declared")


class _Making:
    """The entries of one patient."""

    def __init__(self, plain: Mapping[str, Any], changes: Changes, context: dict[str, Any]) -> None:
        self.last = ""
        self._plain, self._changes, self._context = plain, changes, context
        self._touched = changes.touched

    def is_same(self, section: Section, entry: Any) -> bool:
        """Whether an entry is as in the file, and its parts too."""
        parts = {one.key for part in section.parts for one in getattr(entry, part.name)}
        return (
            entry.key not in self._touched
            and self._touched.isdisjoint(parts)
            and (self._changes.left_out.isdisjoint(parts))
        )

    def form(self, model: Any, key: str, parts: tuple[Section, ...] = ()) -> Any:
        """Return an entry with what is changed, checked as one of a file."""
        self.last = key
        data = self._data(key)
        for part in parts:
            if part.name in data:
                inner = [one["key"].strip() for one in self._plain[key][part.name]]
                data[part.name] = [self._data(one) for one in inner if one not in self._changes.left_out]
        return model.model_validate(data, context=self._context)

    def _data(self, key: str) -> LocatedDict:
        given = self._plain[key]
        copy = LocatedDict(deepcopy(dict(given)))
        copy.place = getattr(given, "place", None)
        for path in self._changes.removed.get(key, ()):
            without(copy, path)
        values = self._changes.values.get(key, ())
        for path, value in values:
            put(copy, path, value)
        if values and "source" in copy:
            copy["source"] = f"varied from {copy['source']}"
        swept(copy)
        return copy
