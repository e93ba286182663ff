"""How a cancer answered to treatment: as mCODE disease status and as an answer by the criteria."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fhir_case.case import Concept, Event, KeyedEntry, Section, When
from fhir_case.case.entry import ConditionKey, ImagingKey
from fhir_case.fhir.datatypes import annotation, category, extension, reference
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
        of: The cancer.
        criteria: The criteria by which it was judged, such as ``recist-1-1``, ``eln-2017`` or ``lugano``.
        basis: What it was judged by, where the report says so: imaging, histology, tumour markers, examination.
        since: The begin of a time through which the answer held; ``at`` is then its end.
        imaging: The studies that it was judged by.
    """

    response: Annotated[Concept, _codes.table("responses")]
    of: ConditionKey
    criteria: Annotated[Concept, _codes.table("response_criteria")] | None = None
    basis: tuple[Annotated[Concept, _codes.table("evidence")], ...] = ()
    since: When | None = None
    imaging: tuple[ImagingKey, ...] = ()


def responses(case: Case) -> Iterator[Resource]:
    """
    Map each response twice: mCODE's status knows a trend and a remission, but no complete or partial response.

    The category is that of what it was judged by. Where the last response is a complete one and the cancer is in
    remission, the status says so.

    Reads: each `Response`; ``since`` makes the answer by the criteria span a period. What has no code of mCODE's
    evidence types stands in a note, since words alone would break the profile.
    Returns: two Observations each: mcode-cancer-disease-status, us-core-observation-clinical-result (LOINC 88040-1).
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-disease-status.html
    """
    in_remission = _last_in_remission(case)
    for response in case.entries_of(Response):
        criteria = _codes.words("response_criteria", response.criteria, response) if response.criteria else ""
        answer = _codes.words("responses", response.response, response)
        words = f"{answer} ({criteria})" if criteria else answer
        focus = [reference("Condition", response.of)]
        basis = [_codes.concept("evidence", one, response) for one in response.basis]
        judged = f"Judged by {', '.join(one['text'] for one in basis)}." if basis else ""
        status = observation(
            case,
            response,
            kind="exam",
            code=_codes.fixed("cancer-disease-status"),
            value=_status(response, words, remission=response.key in in_remission),
            words=f"{words}. {judged.rstrip('.')}" if judged else words,
            at=response.at,
            profile=MCODE + "mcode-cancer-disease-status",
            focus=focus,
            extension=[
                extension(MCODE + "mcode-cancer-disease-status-evidence-type", valueCodeableConcept=one)
                for one in basis
                if "coding" in one
            ],
            **annotation(response.note, "" if all("coding" in one for one in basis) else judged),
        )
        by_criteria = observation(
            case,
            response,
            key=f"{response.key}-criteria",
            kind="exam",
            code=_codes.fixed("response-to-treatment"),
            value={"valueCodeableConcept": _codes.concept("responses", response.response, response)},
            words=f"{words}. {judged.rstrip('.')}" if judged else words,
            at=response.at,
            profile=US_CORE + "us-core-observation-clinical-result",
            focus=focus,
            method=_codes.concept("response_criteria", response.criteria, response) if response.criteria else None,
            derivedFrom=[reference("ImagingStudy", key) for key in response.imaging],
        )
        categories = {"category": [one for kind in _kinds(response) for one in category(kind)]}
        yield status | categories
        yield _through(case, response, by_criteria | categories)


def _kinds(response: Response) -> list[str]:
    """Return the categories of what a response was judged by, each once; an examination where nothing tells it."""
    terms = [_codes.find("evidence", one) for one in response.basis]
    found = dict.fromkeys(term.more["category"] for term in terms if term)
    return list(found) or ["imaging" if response.imaging else "exam"]


def _last_in_remission(case: Case) -> set[str]:
    """Return the keys of responses that are the last one of a cancer that is in remission in the end."""
    last: dict[str, tuple[str, str]] = {}
    for response in case.entries_of(Response):
        day = case.moments.moment(response.at, place=str(response.place or "")).day
        if day >= last.get(response.of, ("", ""))[0]:
            last[response.of] = (day, response.key)
    remissions = {one.key for one in case.entries_of(KeyedEntry) if getattr(one, "status", "") == "remission"}
    return {key for cancer, (_, key) in last.items() if cancer in remissions}


def _status(response: Response, words: str, *, remission: bool) -> dict[str, Any]:
    term = _codes.term("responses", response.response, response)
    trend = term.other_concept("remission") if term and remission else None
    trend = trend or (term.other_concept("status") if term else None)
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
    response: no-evidence-of-disease  # or complete-response, partial-remission, pathologic-complete-response, …
    of: colon-cancer
    basis: [imaging]  # or histology, cytology, tumour-markers, laboratory, physical-examination, {text: …}
    imaging: [chest-abdomen-ct]
    at: +12 mo
    source: made up
""",
        ),
    ),
)
