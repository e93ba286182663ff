"""What the searches look for: two patients and their observations, stored once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.interop.verdict import NotRunError, VerdictError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.interop.sandbox import Ground

__all__ = ["Field", "field_of"]

_LOINC = "http://loinc.org"
# key, patient, LOINC code, date, value in g/L
_OBSERVATIONS = (
    ("jan", "one", "718-7", "2018-01-10", "95"),
    ("feb", "one", "718-7", "2018-02-10", "110"),
    ("mar", "one", "718-7", "2018-03-10T08:30:00+01:00", "125"),
    ("mar-other", "one", "2862-1", "2018-03-10", "38"),
    ("apr", "one", "2862-1", "2018-04-10", "36"),
    ("may", "one", "2862-1", "2018-05-10", "34"),
    ("two-mar", "two", "718-7", "2018-03-20", "130"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """
    Where the resources are that the searches look for.

    Args:
        places: ``Type/id`` of each, by its key.
        label: A code that all Observations have, as a search writes it: it keeps the searches to this namespace.
        only: The code of the value searches, as a search writes it.
    """

    places: Mapping[str, str]
    label: str
    only: str

    def of(self, *keys: str) -> set[str]:
        """Return ``Type/id`` of some."""
        return {self.places[key] for key in keys}

    @property
    def observations(self) -> set[str]:
        """Return ``Type/id`` of all Observations."""
        return self.of(*(key for key, *_ in _OBSERVATIONS))


def field_of(ground: Ground) -> Field:
    """
    Return what the searches look for; it is stored when the first asks.

    Raises:
        NotRunError: The server does not store it.
    """
    if "field" not in ground.kept:
        try:
            ground.kept["field"] = _stored(ground)
        except VerdictError as error:
            ground.kept["field"] = error
    found = ground.kept["field"]
    if isinstance(found, Field):
        return found
    raise NotRunError(f"what the search should find is not there: {found}")


def _stored(ground: Ground) -> Field:
    # How they were made is no evidence of a search; the create probes look at that.
    mark = len(ground.talk.exchanges)
    places = {
        key: ground.made(ground.patient(f"field-{key}", birthDate=date))
        for key, date in (("one", "1958-03-01"), ("two", "1971-11-20"))
    }
    for key, patient, code, date, value in _OBSERVATIONS:
        elements: dict[str, Any] = {
            "code": {
                "coding": [
                    {"system": _LOINC, "code": code},
                    {"system": ground.system, "code": "field"},
                    {"system": ground.system, "code": f"field-{code}"},
                ]
            },
            "effectiveDateTime": date,
            "valueQuantity": {
                "value": int(value), "unit": "g/L", "system": "http://unitsofmeasure.org", "code": "g/L"
            },
        }  # fmt: skip
        places[key] = ground.made(ground.observation(f"field-{key}", places[patient], **elements))
    del ground.talk.exchanges[mark:]
    return Field(places, ground.identifier("field"), ground.identifier("field-718-7"))
