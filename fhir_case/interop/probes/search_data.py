"""What the searches look for: two patients and their observations, stored once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.fhir.systems import LOINC, UCUM
from fhir_case.interop.verdict import NotRunError, VerdictError, need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.interop.sandbox import Sandbox

__all__ = ["SearchData", "search_data", "searchable"]

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
class SearchData:
    """
    The resources that the searches look for.

    Args:
        locations: ``Type/id`` of each, by its key.
        label: A code that all Observations have, as a search writes it: it keeps the searches to this namespace.
        only: The code of the value searches, as a search writes it.
    """

    locations: Mapping[str, str]
    label: str
    only: str

    def of(self, *keys: str) -> set[str]:
        """Return ``Type/id`` of some."""
        return {self.locations[key] for key in keys}

    @property
    def observations(self) -> set[str]:
        """Return ``Type/id`` of all Observations."""
        return self.of(*(key for key, *_ in _OBSERVATIONS))


def searchable(sandbox: Sandbox, *parameters: str, kind: str = "Observation") -> SearchData:
    """
    Return what the searches look for, where the server claims to search for it.

    Raises:
        NotApplicableError: It does not claim searches for this type, or one of the parameters.
        NotRunError: It does not store what is to be found.
    """
    need(sandbox.claims.interaction(kind, "search-type"), f"searches for {kind}")
    for name in parameters:
        need(sandbox.claims.parameter(kind, name), f"the search parameter '{name}' of {kind}")
    return search_data(sandbox)


def search_data(sandbox: Sandbox) -> SearchData:
    """
    Return what the searches look for; it is stored when the first asks.

    Raises:
        NotRunError: The server does not store it.
    """
    if "search data" not in sandbox.shared:
        try:
            sandbox.shared["search data"] = _stored(sandbox)
        except VerdictError as error:
            sandbox.shared["search data"] = error
    found = sandbox.shared["search data"]
    if isinstance(found, SearchData):
        return found
    raise NotRunError(f"what the search should find is not there: {found}")


def _stored(sandbox: Sandbox) -> SearchData:
    # How they were made is not evidence of a search; the create probes look at that.
    with sandbox.recorder.unrecorded():
        locations = {
            key: sandbox.stored(sandbox.patient(f"field-{key}", birthDate=date))
            for key, date in (("one", "1958-03-01"), ("two", "1971-11-20"))
        }
        for key, patient, code, date, value in _OBSERVATIONS:
            codes = [(LOINC, code), (sandbox.system, "field"), (sandbox.system, f"field-{code}")]
            observation = sandbox.observation(
                f"field-{key}", locations[patient], effectiveDateTime=date,
                code={"coding": [{"system": system, "code": one} for system, one in codes]},
                valueQuantity={"value": int(value), "unit": "g/L", "system": UCUM, "code": "g/L"},
            )  # fmt: skip
            locations[key] = sandbox.stored(observation)
    return SearchData(locations, sandbox.identifier("field"), sandbox.identifier("field-718-7"))
