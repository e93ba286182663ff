"""Find values that contradict what is said of them: the reference range, the interpretation, what a body can have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import OBSERVATION_INTERPRETATION
from fhir_case.fhir.wire import mapping, objects
from fhir_case.mapping.concepts import Codes, InTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fhir_case.case import Case, Quantity
    from fhir_case.fhir.codes import Term
    from fhir_case.issues import Issue
    from fhir_case.mapping.running import Mapped

__all__ = ["contradictions"]

_LOW, _HIGH, _NORMAL = {"L", "LL", "LU"}, {"H", "HH", "HU"}, {"N"}
_HOURS = {"min": Decimal(1) / 60, "h": Decimal(1), "d": Decimal(24), "wk": Decimal(168)}
_ROUNDED = 48
"""Hours by which the length of a stay may differ from its dates: days are counted in more than one way."""


def contradictions(case: Case, mapped: Mapping[str, Mapped]) -> Iterator[Issue]:
    """
    Return a warning for each value that cannot be as it is written.

    A quantity is held against the reference range and the interpretation beside it, and against the bounds
    ``plausible`` of its code table; the length of a stay against its dates.
    """
    for made in mapped.values():
        said = (*_against_range(made.resource), *_against_dates(made.resource))
        yield from (made.warning(f"{made.name}: {one}") for one in said)
    entries = {str(entry.place or ""): entry for _, entry in case.entries()}
    told = set()
    for made in mapped.values():
        entry = entries.get(made.origin.entry)
        if entry is not None and made.origin.entry not in told:
            told.add(made.origin.entry)
            yield from (made.warning(f"{made.name}: {one}") for one in _beyond_bounds(entry))


def _against_range(resource: Mapping[str, Any]) -> Iterator[str]:
    """Return that an interpretation contradicts the reference range beside it."""
    value = mapping(resource.get("valueQuantity"))
    ranges = list(objects(resource.get("referenceRange")))
    codings = [one for each in objects(resource.get("interpretation")) for one in objects(each.get("coding"))]
    codes = {one.get("code") for one in codings if one.get("system") == OBSERVATION_INTERPRETATION}
    if "value" not in value or value.get("comparator") or len(ranges) != 1 or ranges[0].get("type"):
        return
    low, high = (_same_unit(mapping(ranges[0].get(end)), value) for end in ("low", "high"))
    number = Decimal(str(value["value"]))
    below, above = low is not None and number < low, high is not None and number > high
    within = not below and not above and low is not None and high is not None
    words = f"{number:f} {value.get('unit', '')}".strip()
    if codes & _HIGH and (below or within):
        yield f"{words} is called high, and is {'below' if below else 'within'} its reference range"
    if codes & _LOW and (above or within):
        yield f"{words} is called low, and is {'above' if above else 'within'} its reference range"
    if codes & _NORMAL and (below or above):
        yield f"{words} is called normal, and is {'below' if below else 'above'} its reference range"


def _same_unit(bound: Mapping[str, Any], value: Mapping[str, Any]) -> Decimal | None:
    same = all(bound.get(name) == value.get(name) for name in ("code", "system"))
    return Decimal(str(bound["value"])) if "value" in bound and same and "code" in bound else None


def _against_dates(resource: Mapping[str, Any]) -> Iterator[str]:
    """Return that an encounter lasted another time than its dates say."""
    length, period = mapping(resource.get("length")), mapping(resource.get("period"))
    days = [_day(period.get(name)) for name in ("start", "end")]
    hours = _HOURS.get(str(length.get("code")))
    if resource["resourceType"] != "Encounter" or None in days or hours is None or length.get("comparator"):
        return
    start, end = days
    told, dated = Decimal(str(length["value"])) * hours, Decimal(24) * ((end - start).days if start and end else 0)
    if abs(told - dated) > _ROUNDED:
        yield f"it lasted {length['value']} {length['unit']}, and its dates are {(dated / 24).normalize():f} days apart"


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None


def _beyond_bounds(entry: Any) -> Iterator[str]:
    """Return that the value of an entry is outside of the bounds that its code table has for what was measured."""
    value = getattr(entry, "value", None)
    amounts = list(_amounts(value))
    term = _measured(entry) if amounts else None
    if term is None or "plausible" not in term.more:
        return
    bounds: dict[str, list[float]] = term.more["plausible"]
    for amount in amounts:
        unit = Codes("").quantity(amount, term=term).get("code", "")
        if unit in bounds:
            low, high = (Decimal(str(one)) for one in bounds[unit])
            if not low <= amount.value <= high:
                yield (
                    f"{amount} is not possible for '{term.text}', which is between {low:f} and {high:f}; "
                    "correct the number or its unit"
                )


def _amounts(value: Any) -> Iterable[Quantity]:
    pressure = getattr(value, "pressure", None)
    if pressure is not None:
        return (pressure.systolic, pressure.diastolic)
    return tuple(getattr(value, "bounds", ()))


def _measured(entry: Any) -> Term | None:
    """Return what the table of its first coded field says: the test, the sign."""
    for name, field in type(entry).model_fields.items():
        table = next((one.table for one in field.metadata if isinstance(one, InTable)), "")
        concept = getattr(entry, name)
        if table and getattr(concept, "name", None):
            return Codes("").find(table, concept)
    return None
