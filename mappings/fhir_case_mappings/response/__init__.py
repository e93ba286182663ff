"""How a cancer answered to treatment: as mCODE disease status and as an answer by the criteria."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from fhir_case.case import Concept, Event, Section, When
from fhir_case.case.entry import ConditionKey, ImagingKey
from fhir_case.fhir.datatypes import extension, reference
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import Codes, Mapping, observation, period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Response", "responses"]

_codes = Codes.beside(__name__)


class Response(Event):
    """
    How the cancer answered to treatment.

    Args:
        response: The answer by the criteria.
        criteria: The response criteria as printed.
        basis: What it was judged by.
        since: The begin of a time through which the answer held; ``at`` is then its end.
        imaging: The studies that it was judged by.
    """

    response: Annotated[Concept, _codes.table("responses")]
    of: ConditionKey
    criteria: Annotated[Concept, _codes.table("responses")] | None = None
    basis: Annotated[tuple[Annotated[Concept, _codes.table("evidence")], ...], Field(min_length=1)]
    since: When | None = None
    imaging: tuple[ImagingKey, ...] = ()


def responses(case: Case) -> Iterator[Resource]:
    """
    Map each response twice: mCODE's status knows a trend but no complete or partial response.

    Reads: each `Response`; ``since`` makes the answer by the criteria span a period.
    Returns: two Observations each: mcode-cancer-disease-status, us-core-observation-clinical-result (LOINC 88040-1).
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-disease-status.html
    """
    for response in case.entries_of(Response):
        criteria = _codes.words("responses", response.criteria, response) if response.criteria else ""
        answer = _codes.words("responses", response.response, response)
        words = f"{answer} ({criteria})" if criteria else answer
        focus = [reference("Condition", response.of)]
        yield observation(
            case,
            response,
            kind="exam",
            code=_codes.fixed("cancer-disease-status"),
            value=_status(response, words),
            words=words,
            at=response.at,
            profile=MCODE + "mcode-cancer-disease-status",
            focus=focus,
            extension=[
                extension(
                    MCODE + "mcode-cancer-disease-status-evidence-type",
                    valueCodeableConcept=_codes.concept("evidence", basis, response),
                )
                for basis in response.basis
            ],
        )
        by_criteria = observation(
            case,
            response,
            key=f"{response.key}-criteria",
            kind="imaging",
            code=_codes.fixed("response-to-treatment"),
            value={"valueCodeableConcept": _codes.concept("responses", response.response, response)},
            words=words,
            at=response.at,
            profile=US_CORE + "us-core-observation-clinical-result",
            focus=focus,
            method=_codes.concept("responses", response.criteria, response) if response.criteria else None,
            derivedFrom=[reference("ImagingStudy", key) for key in response.imaging],
        )
        yield _through(case, response, by_criteria)


def _status(response: Response, words: str) -> dict[str, Any]:
    term = _codes.term("responses", response.response, response)
    trend = term.other_concept("status") if term else None
    return {"valueCodeableConcept": {**(trend or {}), "text": words}}


def _through(case: Case, response: Response, by_criteria: Resource) -> Resource:
    if response.since is None:
        return by_criteria
    span = {"effectivePeriod": period(case, response.since, response.at, response)}
    kept = {
        name: value for name, value in by_criteria.items() if name not in {"effectiveDateTime", "_effectiveDateTime"}
    }
    return kept | span


MAPPING = Mapping(
    "response",
    responses,
    "Observation (mCODE cancer disease status) and the response by the criteria",
    sections=(
        Section(
            "responses",
            Response,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
responses:
  - key: follow-up
    response: {text: no evidence of disease}
    of: colon-cancer
    basis: [imaging]
    imaging: [chest-abdomen-ct]
    at: +12 mo
    source: made up
""",
        ),
    ),
)
