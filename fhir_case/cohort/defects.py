"""
Plant known defects, for people who test validators: each is one change that one check of ours finds.

Which patient has which is decided by the seed alone, and each is listed with the file and line that it is in.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from decimal import Decimal

    from fhir_case.fhir.wire import Resource

__all__ = ["DEFECTS_FILE", "KINDS", "Defect", "found_by", "planted", "table"]

DEFECTS_FILE = "defects.csv"
"""The name of the list."""


@dataclass(frozen=True, slots=True)
class Defect:
    """
    One planted defect.

    Args:
        patient: The number of the patient.
        kind: One of `KINDS`.
        resource: ``Type/id`` of the resource that has it.
        element: The element, as in FHIRPath.
        description: What was done.
        found_by: The check of ours that finds it where it is, see `found_by`.
        file: The file that it is in.
        line: The line there.
    """

    patient: int
    kind: str
    resource: str
    element: str
    description: str
    found_by: str
    file: str = ""
    line: int = 0


def _observations(bundle: Resource, *, having: str = "") -> list[Resource]:
    found = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Observation"]
    return [one for one in found if not having or having in one]


def _without_status(resource: Resource) -> str:
    del resource["status"]
    return "the required status is left out"


def _unknown_status(resource: Resource) -> str:
    resource["status"] = "finished"
    return "the status 'finished' is none of ObservationStatus"


def _no_such_day(resource: Resource) -> str:
    resource["effectiveDateTime"] = f"{resource['effectiveDateTime'][:4]}-02-30"
    return "the date is no day of the calendar"


def _nowhere(resource: Resource) -> str:
    resource["subject"] = {"reference": f"{resource['subject']['reference']}-of-nobody"}
    return "the subject is a patient that is not there"


def _unknown_element(resource: Resource) -> str:
    resource["valueQuantitty"] = resource.pop("valueQuantity")
    return "valueQuantity is misspelt"


def _unknown_unit(resource: Resource) -> str:
    resource["valueQuantity"] = {**resource["valueQuantity"], "code": "nanogramms/ml"}
    return "the code of the unit is none of UCUM"


def _text_for_number(resource: Resource) -> str:
    resource["valueQuantity"] = {**resource["valueQuantity"], "value": str(resource["valueQuantity"]["value"])}
    return "the value is text, not a number"


def _without_code(resource: Resource) -> str:
    del resource["code"]
    return "the required code is left out"


@dataclass(frozen=True, slots=True)
class _Kind:
    """
    A kind of defect.

    Args:
        change: Changes a resource and returns what was done.
        element: The element that is wrong then.
        found_by: The check of ours that finds it.
        having: The element that the resource has to have.
    """

    change: Callable[[Resource], str]
    element: str
    found_by: str
    having: str = ""


KINDS: dict[str, _Kind] = {
    "missing-status": _Kind(_without_status, "Observation.status", "strict"),
    "missing-code": _Kind(_without_code, "Observation.code", "strict"),
    "unknown-code-value": _Kind(_unknown_status, "Observation.status", "strict"),
    "impossible-date": _Kind(_no_such_day, "Observation.effective", "strict", "effectiveDateTime"),
    "dangling-reference": _Kind(_nowhere, "Observation.subject.reference", "reference-resolves"),
    "unknown-element": _Kind(_unknown_element, "Observation.valueQuantitty", "strict", "valueQuantity"),
    "unknown-unit": _Kind(_unknown_unit, "Observation.value.code", "ucum", "valueQuantity"),
    "text-for-number": _Kind(_text_for_number, "Observation.value.value", "strict", "valueQuantity"),
}
"""The kinds of defects by their names."""


def found_by(kind: str, *, alone: bool) -> str:
    """
    Return the check of ours that finds a kind of defect; ``upload`` where that finds it, before it sends anything.

    Args:
        kind: One of `KINDS`.
        alone: Whether the resource stands alone in its line, and not in the transaction of its patient: then the check
            does not see where a reference leads.
    """
    found = KINDS[kind].found_by
    return "upload" if alone and found == "reference-resolves" else found


def planted(bundle: Resource, number: int, rate: Decimal, uniform: Callable[[str], float]) -> Iterator[Defect]:
    """
    Plant at most one defect into the Bundle of a patient, in place.

    Args:
        number: That of the patient.
        rate: How many of all patients have one, from 0 to 1.
        uniform: Returns a number from 0 to 1 for the name of what is drawn.
    """
    if uniform("defect") >= float(rate):
        return
    names = [name for name, kind in KINDS.items() if _observations(bundle, having=kind.having)]
    if not names:
        return
    name = names[int(uniform("defect/kind") * len(names))]
    kind = KINDS[name]
    resources = _observations(bundle, having=kind.having)
    resource = resources[int(uniform("defect/resource") * len(resources))]
    said = kind.change(resource)
    yield Defect(number, name, f"Observation/{resource['id']}", kind.element, said, kind.found_by)


def table(defects: Iterable[dict[str, Any]]) -> bytes:
    """Return the list of defects as CSV."""
    text = StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Defect)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(defects)
    return text.getvalue().encode()
