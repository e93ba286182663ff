"""Microbiology: cultures, the organisms that grew, and what they are susceptible to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Section, Site
from fhir_case.case.entry import SpecimenKey
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import absent, code_of
from fhir_case.fhir.systems import DIAGNOSTIC_SERVICE, US_CORE
from fhir_case.mapping import (
    PATIENT,
    PERFORMER,
    Codes,
    Mapping,
    dated,
    moment_words,
    observation,
    reference_to,
    resource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Culture", "Isolate", "Susceptibility", "cultures"]

_codes = Codes.beside(__name__)

_CATEGORY = [code_of(DIAGNOSTIC_SERVICE, "LAB", "Laboratory"), code_of(DIAGNOSTIC_SERVICE, "MB", "Microbiology")]
_LABORATORY = US_CORE + "us-core-observation-lab"
_INTERPRETATION = {"S": "susceptible", "I": "intermediate", "R": "resistant", "SDD": "susceptible-dose-dependent"}


class Susceptibility(Form):
    """
    What an antimicrobial does to an organism.

    Args:
        drug: The antimicrobial.
        result: ``S``, ``I``, ``R`` or ``SDD``.
        mic: The minimal inhibitory concentration.
        method: How it was tested.
    """

    drug: Annotated[Concept, _codes.table("antimicrobials")]
    result: Literal["S", "I", "R", "SDD"] | None = None
    mic: Quantity | None = None
    method: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.result is None and self.mic is None:
            raise PydanticCustomError("result", "a susceptibility has a result (S, I, R, SDD) or a MIC")
        if self.mic is not None and self.mic.value < 0:
            raise PydanticCustomError("mic", "a concentration is not negative")
        return self


class Isolate(Form):
    """
    An organism that grew.

    Args:
        organism: The organism.
        amount: How much of it grew, such as 100000 CFU/mL, or words.
        susceptibilities: What it is susceptible to.
    """

    organism: Annotated[Concept, _codes.table("organisms")]
    amount: Quantity | None = None
    susceptibilities: tuple[Susceptibility, ...] = ()


class Culture(Event):
    """
    A culture of a specimen.

    Args:
        at: When the specimen was taken.
        culture: What was cultured.
        result: ``growth``, or why there is no organism.
        organisms: What grew.
        site: Where the specimen was taken, if it is no entry of ``specimens``.
        specimen: What was cultured, an entry of ``specimens``.
        conclusion: What the report says of the whole, in words of one's own.
    """

    culture: Annotated[Concept, _codes.table("cultures")]
    result: Literal["growth", "no-growth", "pending", "contaminated"]
    organisms: tuple[Isolate, ...] = ()
    site: Annotated[Site, _codes.table("sites")] | None = None
    specimen: SpecimenKey | None = None
    conclusion: Text | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.organisms and self.result in {"no-growth", "pending"}:
            raise PydanticCustomError("organisms", "organisms go with 'result: growth'")
        return self


def cultures(case: Case) -> Iterator[Resource]:
    """
    Map each culture to a report, and what grew with its susceptibilities to Observations.

    Reads: each `Culture`.
    Returns: one DiagnosticReport each (us-core-diagnosticreport-lab); one Observation an organism, or one for no
    growth, and one a susceptibility (us-core-observation-lab). The organism has its susceptibilities as members.
    Source: https://hl7.org/fhir/R4/observation.html#obsgrouping
    """
    for entry in case.entries_of(Culture):
        code = _codes.concept("cultures", entry.culture, entry)
        # The note is one about the report, and a report of R4 has no element for it but its conclusion.
        told = entry.model_copy(update={"note": None})
        grown = list(_grown(case, told, code))
        members = {one["reference"] for made in grown for one in made.get("hasMember", ())}
        yield resource(
            "DiagnosticReport",
            entry.key,
            entry,
            f"{code['text']}: {_words(entry)} ({moment_words(case, entry.at)}).",
            entry.conclusion or "",
            profile=US_CORE + "us-core-diagnosticreport-lab",
            status="registered" if entry.result == "pending" else "final",
            category=_CATEGORY,
            code=code,
            subject=PATIENT,
            **dated(case, "effectiveDateTime", entry.at, entry),
            **({} if entry.result == "pending" else {"_issued": {"extension": absent()}}),
            performer=PERFORMER,
            specimen=[reference_to(case, entry.specimen)] if entry.specimen else [],
            result=[
                {"reference": f"Observation/{one['id']}"} for one in grown if f"Observation/{one['id']}" not in members
            ],
            conclusion=" ".join(one for one in (entry.conclusion, entry.note) if one),
        )
        yield from grown


def _grown(case: Case, entry: Culture, code: dict[str, Any]) -> Iterator[Resource]:
    if not entry.organisms:
        found = _codes.fixed(entry.result)
        if entry.result != "pending":
            yield _observed(case, entry, "result", code, {"valueCodeableConcept": found}, words=found["text"])
        return
    for number, isolate in enumerate(entry.organisms, 1):
        organism = _codes.concept("organisms", isolate.organism, entry)
        key = f"organism-{number}"
        tested = list(_tested(case, entry, isolate, key, organism["text"]))
        amount = isolate.amount
        yield _observed(
            case,
            entry,
            key,
            code,
            {"valueCodeableConcept": organism},
            words=organism["text"] + (f", {amount}" if amount else ""),
            component=[{"code": {"text": "Amount"}, "valueQuantity": _codes.quantity(amount, entry)}] if amount else [],
            hasMember=[{"reference": f"Observation/{one['id']}"} for one in tested],
        )
        yield from tested


def _tested(case: Case, entry: Culture, isolate: Isolate, key: str, organism: str) -> Iterator[Resource]:
    for number, one in enumerate(isolate.susceptibilities, 1):
        drug = _codes.concept("antimicrobials", one.drug, entry)
        interpreted = Concept(name=_INTERPRETATION[one.result]) if one.result else None
        meant = _codes.concept("interpretations", interpreted, entry) if interpreted else None
        known = _codes.find("values", interpreted) if interpreted else None
        value: dict[str, Any] = {"valueCodeableConcept": known.codeable_concept() if known else meant}
        if one.mic is not None:
            value = {"valueQuantity": _codes.quantity(one.mic, entry)}
        yield _observed(
            case,
            entry,
            f"{key}-{number}",
            {**drug, "text": f"Susceptibility to {drug['text'][0].lower()}{drug['text'][1:]}"},
            value,
            words=", ".join([organism, *([meant["text"]] if meant else []), *([f"MIC {one.mic}"] if one.mic else [])]),
            interpretation=[meant] if meant else [],
            method={"text": one.method} if one.method else None,
        )


def _observed(
    case: Case, entry: Culture, key: str, code: dict[str, Any], value: dict[str, Any], *, words: str, **elements: Any
) -> Resource:
    return observation(
        case,
        entry,
        key=f"{entry.key}-{key}",
        kind="laboratory",
        code=code,
        value=value,
        words=words,
        at=entry.at,
        profile=_LABORATORY,
        specimen=reference_to(case, entry.specimen) if entry.specimen else None,
        bodySite=_codes.site(entry.site, entry) if entry.site else None,
        **elements,
    )


def _words(entry: Culture) -> str:
    grew = [_codes.words("organisms", one.organism, entry) for one in entry.organisms]
    return ", ".join(grew) or entry.result.replace("-", " ")


MAPPING = Mapping(
    "culture",
    cultures,
    "DiagnosticReport (US Core) of a culture, organisms and susceptibilities",
    sections=(
        Section(
            "cultures",
            Culture,
            resource="DiagnosticReport",
            time="effectiveDateTime",
            example="""\
cultures:
  - key: blood-culture-1
    culture: blood-culture
    result: growth  # or no-growth, pending, contaminated
    organisms:
      - organism: escherichia-coli  # or {text: …}
        susceptibilities:
          - {drug: meropenem, result: S, mic: <= 0.25 mg/L}
          - {drug: ciprofloxacin, result: R}
    at: 2 d after operation
    source: made up
""",
        ),
    ),
)
