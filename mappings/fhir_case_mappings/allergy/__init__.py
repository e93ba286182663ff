"""Allergies and intolerances, and that there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, KeyedEntry, Section, When
from fhir_case.case.forms import Form
from fhir_case.fhir.datatypes import annotation, code_of
from fhir_case.fhir.systems import ALLERGY_CLINICAL, ALLERGY_VERIFICATION, US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Allergy", "Reaction", "allergies"]

_codes = Codes.beside(__name__)


class Reaction(Form):
    """
    What happened when the patient met the substance.

    Args:
        manifestation: What the reaction was.
        severity: How severe it was.
        at: When it was.
    """

    manifestation: Annotated[Concept, _codes.table("events")]
    severity: Literal["mild", "moderate", "severe"] | None = None
    at: When | None = None


class Allergy(KeyedEntry):
    """
    An allergy or an intolerance, or that none is known.

    Args:
        substance: What it is to, or ``no-known-allergies`` and the like.
        kind: Whether the immune system takes part; absent where the report does not say it.
        category: What kind of substance it is.
        criticality: How much harm may come of it.
        status: ``active``, unless the report says otherwise.
        verification: How sure it is.
        onset: When it began.
        last: When the last reaction was.
        reactions: What happened when the patient met the substance.
    """

    substance: Annotated[Concept, _codes.table("allergies")]
    kind: Literal["allergy", "intolerance"] | None = None
    category: Literal["medication", "food", "environment", "biologic"] | None = None
    criticality: Literal["low", "high", "unable-to-assess"] | None = None
    status: Literal["active", "inactive", "resolved"] = "active"
    verification: Literal["unconfirmed", "presumed", "confirmed", "refuted"] | None = None
    onset: When | None = None
    last: When | None = None
    reactions: tuple[Reaction, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether there is an allergy, and not only the word that there is none."""
        term = _codes.find("allergies", self.substance)
        return term is None or bool(term.more.get("known", True))

    @model_validator(mode="after")
    def _reacts_only_to_something(self) -> Self:
        if not self.is_known and (self.reactions or self.kind or self.criticality):
            raise PydanticCustomError("substance", "where no allergy is known, nothing reacts and nothing is critical")
        return self


def allergies(case: Case) -> Iterator[Resource]:
    """
    Map every allergy and intolerance.

    Reads: each `Allergy`.
    Returns: one AllergyIntolerance each, profile us-core-allergyintolerance.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-allergyintolerance.html
    """
    for one in case.entries_of(Allergy):
        code = _codes.concept("allergies", one.substance, one)
        yield resource(
            "AllergyIntolerance",
            one.key,
            one,
            _words(case, one, code["text"]),
            profile=US_CORE + "us-core-allergyintolerance",
            clinicalStatus=code_of(ALLERGY_CLINICAL, one.status, one.status.capitalize()),
            verificationStatus=(
                code_of(ALLERGY_VERIFICATION, one.verification, one.verification.capitalize())
                if one.verification
                else None
            ),
            type=one.kind,
            category=_category(one),
            criticality=one.criticality,
            code=code,
            patient=PATIENT,
            **dated(case, "onsetDateTime", one.onset),
            **dated(case, "lastOccurrence", one.last),
            reaction=[_reaction(case, one, each) for each in one.reactions],
            **annotation(one.note),
        )


def _category(one: Allergy) -> list[str]:
    term = _codes.find("allergies", one.substance)
    known = term.more.get("category") if term else None
    category = one.category or known
    return [category] if category else []


def _reaction(case: Case, one: Allergy, reaction: Reaction) -> dict[str, Any]:
    return {
        "manifestation": [_codes.concept("events", reaction.manifestation, one)],
        **dated(case, "onset", reaction.at),
        **({"severity": reaction.severity} if reaction.severity else {}),
    }


def _words(case: Case, one: Allergy, substance: str) -> str:
    if not one.is_known:
        return f"{substance}."
    what = (one.kind or "allergy or intolerance").capitalize()
    reactions = [
        " ".join(filter(None, (each.severity, _codes.words("events", each.manifestation, one))))
        for each in one.reactions
    ]
    told = (f"since {moment_words(case, one.onset)}" if one.onset else "", one.verification or "", one.status)
    ends = f" Reaction: {', '.join(reactions)}." if reactions else ""
    return f"{what} to: {substance} ({', '.join(filter(None, told))}).{ends}"


MAPPING = Mapping(
    "allergy",
    allergies,
    "AllergyIntolerance (US Core), or that no allergy is known",
    sections=(
        Section(
            "allergies",
            Allergy,
            resource="AllergyIntolerance",
            roles=("allergy",),
            example="""\
allergies:
  - key: penicillin-allergy
    substance: penicillin  # or no-known-allergies, or {text: …}
    kind: allergy
    reactions: [{manifestation: {text: rash}, severity: mild}]
    source: made up
""",
        ),
    ),
)
