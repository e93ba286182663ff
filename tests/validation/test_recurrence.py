"""A recurrence is only found too early where the document tells all that matters."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from fhir_case.fhir.wire import parse
from fhir_case.validation import validate

_GOOD = parse((Path(__file__).parent / "good.json").read_bytes())
_EXTENSION = "http://hl7.org/fhir/StructureDefinition/condition-"
_STABLE = {"coding": [{"system": "http://loinc.org", "code": "LA28371-5"}]}
_WORSE = {"coding": [{"system": "http://snomed.info/sct", "code": "271299001"}]}
_BEFORE_ALL = {"onsetDateTime": "2018-01-15"}

_FIRST = "the first treatment in the Bundle, on 2018-02-01, and the first response, on 2018-05-01"
_SAID = "Observation/response says stable disease on 2018-05-01"


def _asserted(day: str) -> dict[str, str]:
    return {"url": f"{_EXTENSION}assertedDate", "valueDateTime": day}


def _found(**changes: dict[str, Any]) -> list[str]:
    """Return the findings for the good Bundle, with its undated treatments not done, and elements of some set."""
    document = deepcopy(_GOOD)
    held = {entry["resource"]["id"]: entry["resource"] for entry in document["entry"]}
    for name, elements in {"scan": {"status": "not-done"}, "ent": {"status": "not-taken"}, **changes}.items():
        held[name] = {key: value for key, value in {**held[name], **elements}.items() if value is not None}
    document["entry"] = [{**entry, "resource": held[entry["resource"]["id"]]} for entry in document["entry"]]
    return [one.message for one in validate(document, code_tables={}).issues if one.check == "recurrence-too-early"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"back": _BEFORE_ALL},
            f"the recurrence is dated 2018-01-15, before {_FIRST}",
        ),
        (
            {"response": {"valueCodeableConcept": _STABLE}},
            f"the recurrence is dated 2018-10, no response is before it, and {_SAID}",
        ),
        (
            {"hcc": {"onsetAge": None, "onsetDateTime": "2019"}},
            "the recurrence is dated 2018-10, before the disease that came back, Condition/hcc, dated 2019",
        ),
    ],
)
def test_what_is_too_early_is_said_with_both_dates(changes: dict[str, Any], message: str) -> None:
    assert [message] == _found(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"back": {**_BEFORE_ALL, "extension": None}}, id="it does not say what came back"),
        pytest.param({"back": {**_BEFORE_ALL, "onsetDateTime": None}}, id="it has no date"),
        pytest.param({"back": {**_BEFORE_ALL, "onsetDateTime": "2018"}}, id="its date is no more precise"),
        pytest.param({"back": _BEFORE_ALL, "scan": {"status": "completed"}}, id="a treatment has no date"),
        pytest.param(
            {"back": _BEFORE_ALL, "scan": {"status": "completed", "performedDateTime": "2016"}},
            id="a treatment is before",
        ),
        pytest.param({"back": _BEFORE_ALL, "response": {"effectiveDateTime": None}}, id="a response has no date"),
        pytest.param({"back": _BEFORE_ALL, "response": {"effectiveDateTime": "2018-01-14"}}, id="a response is before"),
        pytest.param({"back": _BEFORE_ALL, "response": {"valueCodeableConcept": _WORSE}}, id="no response is told"),
        pytest.param({"back": _BEFORE_ALL, "hcc": {"abatementDateTime": "2017"}}, id="it was over before"),
        pytest.param({"back": _BEFORE_ALL, "hcc": {"abatementString": "once"}}, id="it was over some time"),
        pytest.param(
            {"back": {**_BEFORE_ALL, "verificationStatus": {"coding": [{"code": "refuted"}]}}}, id="it is refuted"
        ),
        pytest.param(
            {"hcc": {"extension": [_asserted("2019")]}}, id="what came back was asserted later, as on referral"
        ),
        pytest.param({"response": {"valueCodeableConcept": _WORSE}}, id="what is worse may have come back"),
        pytest.param({"response": {"valueCodeableConcept": _STABLE, "focus": None}}, id="something else is stable"),
        pytest.param(
            {
                "response": {"valueCodeableConcept": _STABLE},
                "scan": {"status": "completed", "performedDateTime": "2018-06"},
            },
            id="a treatment is between",
        ),
        pytest.param(
            {"response": {"valueCodeableConcept": _STABLE, "effectiveDateTime": "2018-11"}}, id="it is stable after"
        ),
    ],
)
def test_nothing_is_said_where_something_may_have_been_before(changes: dict[str, Any]) -> None:
    assert [] == _found(**changes)
