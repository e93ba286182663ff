"""Phenotypic features: signs that were looked for, present or excluded."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator

from fhir_case.case import Concept, Event, Section, When
from fhir_case.case.entry import SpecimenKey
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, moment_words, observation, reference_to, time_component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Phenotype", "phenotypes"]

_codes = Codes.beside(__name__)


def _absent_is_excluded(status: Any) -> Any:
    return "excluded" if status == "absent" else status


def _age_or_time(given: Any) -> Any:
    """Take a number with a unit for an age, since that is what an onset mostly is."""
    is_age = isinstance(given, int | float | Decimal) or (isinstance(given, str) and _AGE.match(given.strip()))
    return {"age": given} if is_age or (isinstance(given, dict) and "value" in given) else given


_AGE = re.compile(r"[<>]?=? ?\d+(?:\.\d+)?(?: ?[a-z]|$)")
LifeTime = Annotated[When, BeforeValidator(_age_or_time)]


class Evidence(Form):
    """
    What a statement rests on.

    Args:
        kind: The kind of evidence, for example of the Evidence and Conclusion Ontology (ECO).
        reference: Where it is to be found, such as a publication.
    """

    kind: Concept | None = None
    reference: Text | None = None


class Phenotype(Event):
    """
    A phenotypic feature, as the Human Phenotype Ontology (HPO) names it.

    Args:
        phenotype: The feature; a term of HPO by its short name or ``{text: …, code: {system: …, code: "HP:…"}}``.
        status: Whether it is present, or was looked for and excluded (``absent`` says the same).
        onset: The age or the time at which it began.
        resolution: The age or the time at which it was gone.
        severity: How severe it is.
        modifiers: What else qualifies it, for example bilateral, progressive.
        evidence: What it rests on.
        specimen: The specimen in which it was seen, an entry of ``specimens``.
    """

    phenotype: Annotated[Concept, _codes.table("phenotypes")]
    status: Annotated[Literal["present", "excluded"], BeforeValidator(_absent_is_excluded)]
    onset: LifeTime | None = None
    resolution: LifeTime | None = None
    severity: Annotated[Concept, _codes.table("severities")] | None = None
    modifiers: tuple[Concept, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    specimen: SpecimenKey | None = None


def phenotypes(case: Case) -> Iterator[Resource]:
    """
    Map phenotypic features; an excluded one is a result too, and no Condition is made that would have to be denied.

    Reads: each `Phenotype`.
    Returns: one Observation each, profile us-core-simple-observation, value present or absent; onset, resolution,
    severity, modifiers and evidence are its components.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for entry in case.entries_of(Phenotype):
        found = Concept(name="present" if entry.status == "present" else "absent")
        components = list(_components(case, entry))
        told = "".join(f", {words}" for _, words in components if words)
        yield observation(
            case,
            entry,
            kind="exam",
            code=_codes.concept("phenotypes", entry.phenotype, entry),
            value={"valueCodeableConcept": {**_codes.concept("values", found, entry), "text": entry.status}},
            words=f"{entry.status}{told}",
            at=entry.at,
            profile=US_CORE + "us-core-simple-observation",
            component=[one for one, _ in components],
            specimen=reference_to(case, entry.specimen) if entry.specimen else None,
        )


def _components(case: Case, entry: Phenotype) -> Iterator[tuple[dict[str, Any], str]]:
    for what, when in (("onset", entry.onset), ("resolution", entry.resolution)):
        if when is not None:
            yield time_component(case, what, when, entry), f"{what} {moment_words(case, when)}"
    if entry.severity is not None:
        severity = _codes.concept("severities", entry.severity, entry)
        yield {"code": {"text": "Severity"}, "valueCodeableConcept": severity}, severity["text"]
    for one in entry.modifiers:
        modifier = _codes.concept("values", one, entry)
        yield {"code": {"text": "Modifier"}, "valueCodeableConcept": modifier}, modifier["text"]
    for basis in entry.evidence:
        if basis.kind is not None:
            kind = _codes.concept("values", basis.kind, entry)
            words = f" ({basis.reference})" if basis.reference else ""
            yield {"code": {"text": "Evidence"}, "valueCodeableConcept": kind}, f"evidence: {kind['text']}{words}"
        if basis.reference is not None:
            words = "" if basis.kind is not None else f"evidence: {basis.reference}"
            yield {"code": {"text": "Reference of the evidence"}, "valueString": basis.reference}, words


MAPPING = Mapping(
    "phenotype",
    phenotypes,
    "Observation (US Core simple observation) of a phenotypic feature (HPO), present or excluded",
    sections=(
        Section(
            "phenotypes",
            Phenotype,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
phenotypes:
  - {key: seizures, phenotype: seizure, status: present, onset: 6 mo, severity: severe, at: baseline, source: made up}
  - key: no-gait-disturbance
    phenotype: {text: Gait disturbance, code: {system: "http://human-phenotype-ontology.org", code: "HP:0001288"}}
    status: excluded
    at: baseline
    source: made up
""",
        ),
    ),
)
