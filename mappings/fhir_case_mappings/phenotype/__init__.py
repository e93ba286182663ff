"""Phenotypic features: signs that were looked for, present or excluded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator

from fhir_case.case import Concept, Event, Quantity, Section
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Phenotype", "phenotypes"]

_codes = Codes.beside(__name__)


def _absent_is_excluded(status: Any) -> Any:
    return "excluded" if status == "absent" else status


class Phenotype(Event):
    """
    A phenotypic feature, as the Human Phenotype Ontology (HPO) names it.

    Args:
        phenotype: The feature; a term of HPO by its short name or ``{text: …, code: {system: …, code: "HP:…"}}``.
        status: Whether it is present, or was looked for and excluded (``absent`` says the same).
        onset: The age at which it began.
        severity: How severe it is.
        modifiers: What else qualifies it, for example bilateral, progressive.
    """

    phenotype: Annotated[Concept, _codes.table("phenotypes")]
    status: Annotated[Literal["present", "excluded"], BeforeValidator(_absent_is_excluded)]
    onset: Quantity | None = None
    severity: Annotated[Concept, _codes.table("severities")] | None = None
    modifiers: tuple[Concept, ...] = ()


def phenotypes(case: Case) -> Iterator[Resource]:
    """
    Map phenotypic features; an excluded one is a result too, and no Condition is made that would have to be denied.

    Reads: each `Phenotype`.
    Returns: one Observation each, profile us-core-simple-observation, value present or absent; onset, severity and
    modifiers are its components.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for entry in case.entries_of(Phenotype):
        found = Concept(name="present" if entry.status == "present" else "absent")
        components = list(_components(entry))
        told = "".join(f", {words}" for _, words in components)
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
        )


def _components(entry: Phenotype) -> Iterator[tuple[dict[str, Any], str]]:
    if entry.onset is not None:
        yield {"code": {"text": "Age of onset"}, "valueQuantity": _codes.quantity(entry.onset)}, f"onset {entry.onset}"
    if entry.severity is not None:
        severity = _codes.concept("severities", entry.severity, entry)
        yield {"code": {"text": "Severity"}, "valueCodeableConcept": severity}, severity["text"]
    for one in entry.modifiers:
        modifier = _codes.concept("values", one, entry)
        yield {"code": {"text": "Modifier"}, "valueCodeableConcept": modifier}, modifier["text"]


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
