"""What the searches look for: three patients and their observations, stored once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.fhir.systems import LOINC, UCUM
from fhir_case.interop.verdict import NotRunError, VerdictError, need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.interop.sandbox import Sandbox

__all__ = ["SearchData", "identified", "labelled", "search_data", "searchable"]

# key, patient, LOINC code, date, value in g/L; those of the third patient have another label: no search is to find them
_OBSERVATIONS = (
    ("jan", "one", "718-7", "2018-01-10", "95"),
    ("feb", "one", "718-7", "2018-02-10", "110"),
    ("mar", "one", "718-7", "2018-03-10T08:30:00+01:00", "125"),
    ("mar-other", "one", "2862-1", "2018-03-10", "38"),
    ("apr", "one", "2862-1", "2018-04-10", "36"),
    ("may", "one", "2862-1", "2018-05-10", "34"),
    ("two-mar", "two", "718-7", "2018-03-20", "130"),
    ("three-mar", "three", "718-7", "2018-03-10", "120"),
)
_BORN = {"one": "1958-03-01", "two": "1971-11-20", "three": "1958-03-02"}
_PERFORMERS = {"jan": "three"}  # which refers to a patient otherwise than as the subject


@dataclass(frozen=True, slots=True)
class SearchData:
    """
    The resources that the searches look for.

    Args:
        locations: ``Type/id`` of each, by its key.
        label: A code that the Observations to be found have, as a search writes it: it keeps the searches to these.
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
        """Return ``Type/id`` of the Observations with the label."""
        return self.of(*(key for key, patient, *_ in _OBSERVATIONS if patient != "three"))


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


def labelled(sandbox: Sandbox, *parameters: str) -> SearchData:
    """
    Return what the searches look for, where a search by its label finds just that: whether it does is another question.

    Raises:
        NotApplicableError: The server does not claim searches for Observations, or one of the parameters.
        NotRunError: It does not store what is to be found, or a search by the label finds too much or too little.
    """
    data = searchable(sandbox, "code", *parameters)
    _control(sandbox, "Observation", {"code": data.label}, data.observations)
    return data


def identified(sandbox: Sandbox, key: str) -> SearchData:
    """
    Return what the searches look for, where a search by identifier finds just the Patient with that key.

    Raises:
        NotApplicableError: The server does not claim searches for Patients by identifier.
        NotRunError: It does not store what is to be found, or such a search finds too much or too little.
    """
    data = searchable(sandbox, "identifier", kind="Patient")
    _control(sandbox, "Patient", {"identifier": sandbox.identifier(f"field-{key}")}, data.of(key))
    return data


def _control(sandbox: Sandbox, kind: str, query: Mapping[str, str], expected: set[str]) -> None:
    name = f"control {kind}"
    if name not in sandbox.shared:
        try:
            with sandbox.recorder.unrecorded():
                sandbox.shared[name] = sandbox.finds(kind, query, expected) == expected
        except VerdictError:
            sandbox.shared[name] = False
    if not sandbox.shared[name]:
        raise NotRunError(f"a search by {' and '.join(query)} alone finds too much or too little")


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
            key: sandbox.stored(sandbox.patient(f"field-{key}", birthDate=date)) for key, date in _BORN.items()
        }
        for key, patient, code, date, value in _OBSERVATIONS:
            label = "aside" if patient == "three" else "field"
            codes = [(LOINC, code), (sandbox.system, label), (sandbox.system, f"{label}-{code}")]
            performer = locations.get(_PERFORMERS.get(key, ""))
            observation = sandbox.observation(
                f"field-{key}", locations[patient], effectiveDateTime=date,
                code={"coding": [{"system": system, "code": one} for system, one in codes]},
                valueQuantity={"value": int(value), "unit": "g/L", "system": UCUM, "code": "g/L"},
                **({"performer": [{"reference": performer}]} if performer else {}),
            )  # fmt: skip
            locations[key] = sandbox.stored(observation)
    return SearchData(locations, sandbox.identifier("field"), sandbox.identifier("field-718-7"))
