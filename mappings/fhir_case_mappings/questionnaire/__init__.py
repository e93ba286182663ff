"""Questionnaires: what was asked and answered, and the score that came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from fhir_case.case import Concept, Event, Section, Value
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import absent, annotation, reference
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, observation, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Answer", "Questionnaire", "questionnaires"]

_codes = Codes.beside(__name__)


class Answer(Form):
    """
    One question and its answer.

    Args:
        question: The question in words, or the scale of a questionnaire.
        answer: A number with or without a unit, a short name such as ``present``, or words.
        link: The number or code of the question in the questionnaire; absent for its place in this list.
    """

    question: Text
    answer: Value
    link: Text | None = None


class Questionnaire(Event):
    """
    A questionnaire that was filled in.

    Args:
        questionnaire: Its name.
        url: Its canonical URL, where it has one.
        answers: The questions and answers that the report gives.
        score: The score as a whole.
        answered_by: Who answered, where it was not the patient.
        status: Whether all of it was filled in.
    """

    questionnaire: Annotated[Concept, _codes.table("questionnaires")]
    url: Annotated[str, Field(pattern=r"^(https?://|urn:)\S+$", max_length=300)] | None = None
    answers: tuple[Answer, ...] = ()
    score: Value | None = None
    answered_by: Text | None = None
    status: Literal["completed", "in-progress", "stopped"] = "completed"


def questionnaires(case: Case) -> Iterator[Resource]:
    """
    Map questionnaires. The profile of US Core needs the canonical URL of a definition, which reports do not give.

    Reads: each `Questionnaire`.
    Returns: one QuestionnaireResponse each, its questions in a group with the name of the questionnaire; one
    Observation (us-core-simple-observation) of the score.
    Source: https://hl7.org/fhir/R4/questionnaireresponse.html
    """
    for entry in case.entries_of(Questionnaire):
        name = _codes.concept("questionnaires", entry.questionnaire, entry)
        score = _codes.value_words("values", entry.score, entry) if entry.score else ""
        yield resource(
            "QuestionnaireResponse",
            entry.key,
            entry,
            f"{name['text']} ({moment_words(case, entry.at)}){', score ' + score if score else ''}.",
            *(f"{one.question}: {_codes.value_words('values', one.answer, entry)}." for one in entry.answers),
            f"Answered by {entry.answered_by}." if entry.answered_by else "",
            questionnaire=entry.url,
            _questionnaire=None if entry.url else {"extension": absent()},  # R5 requires one
            status=entry.status,
            subject=PATIENT,
            **dated(case, "authored", entry.at, entry),
            source={"display": entry.answered_by} if entry.answered_by else None,
            item=[
                {
                    "linkId": "0",
                    "text": name["text"],
                    **({"item": list(_items(entry))} if entry.answers else {}),
                }
            ],
        )
        if entry.score is not None:
            yield observation(
                case,
                entry,
                key=f"{entry.key}-score",
                kind="survey",
                code={**name, "text": f"{name['text']} score"},
                value=_score(entry, entry.score),
                words=score,
                at=entry.at,
                profile=US_CORE + "us-core-simple-observation",
                derivedFrom=[reference("QuestionnaireResponse", entry.key)],
                **annotation(entry.note),
            )


def _items(entry: Questionnaire) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(entry.answers, start=1):
        yield {
            "linkId": one.link or str(number),
            "text": one.question,
            "answer": [_answer(entry, one.answer)],
        }


def _answer(entry: Questionnaire, answer: Value) -> dict[str, Any]:
    """Return an answer as one of its types: a number, a Quantity, a Coding or words."""
    made = _codes.value("values", answer, entry)
    if "valueQuantity" in made:
        amount = made["valueQuantity"]
        if amount.keys() == {"value"}:
            return {"valueInteger" if isinstance(amount["value"], int) else "valueDecimal": amount["value"]}
        return made
    concept = made.get("valueCodeableConcept")
    if concept is None:
        return {"valueString": _codes.value_words("values", answer, entry)}
    return {"valueCoding": concept["coding"][0]} if "coding" in concept else {"valueString": concept["text"]}


def _score(entry: Questionnaire, score: Value) -> dict[str, Any]:
    made = _codes.value("values", score, entry)
    amount = made.get("valueQuantity", {})
    return (
        {"valueInteger": amount["value"]} if amount.keys() == {"value"} and isinstance(amount["value"], int) else made
    )


MAPPING = Mapping(
    "questionnaire",
    questionnaires,
    "QuestionnaireResponse, and Observation of its score",
    sections=(
        Section(
            "questionnaires",
            Questionnaire,
            resource="QuestionnaireResponse",
            time="authored",
            example="""\
questionnaires:
  - key: quality-of-life
    questionnaire: {text: EORTC QLQ-C30}
    answers:
      - {question: Global health status, answer: 66.7}
      - {question: Were you short of breath?, answer: {text: a little}, link: "8"}
    score: 58 points
    at: baseline
    source: made up
""",
        ),
    ),
)
