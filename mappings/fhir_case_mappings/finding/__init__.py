"""Findings: what was looked for or asked, and what was found, absent findings included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fhir_case.case import Concept, Section, Site, Value
from fhir_case.case.entry import FocusKey, Shown, SpecimenKey, TreatmentKey
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import Codes, Mapping, observation, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Finding", "findings"]

_codes = Codes.beside(__name__)


class Finding(Shown):
    """
    One thing that was looked for or asked, and what was found.

    Args:
        finding: What was looked for or asked.
        value: What was found.
        category: The kind of examination.
        site: The place of the body that it is about.
        of: The condition or the tumour that it is about.
        imaging: The study that shows it.
        follows: The treatment after which it was looked for.
        specimen: The specimen that it is about, an entry of ``specimens``.
    """

    finding: Annotated[Concept, _codes.table("findings")]
    value: Annotated[Value, _codes.table("values")]
    category: Literal["imaging", "exam", "social-history", "survey", "therapy", "procedure", "laboratory"]
    site: Annotated[Site, _codes.table("sites")] | None = None
    of: FocusKey | None = None
    follows: TreatmentKey | None = None
    specimen: SpecimenKey | None = None


def findings(case: Case) -> Iterator[Resource]:
    """
    Map every finding; where no code says it truly, the code is words.

    Reads: each `Finding`.
    Returns: one Observation each, profile us-core-simple-observation; focus is the condition or the tumour.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-simple-observation.html
    """
    for finding in case.entries_of(Finding):
        yield observation(
            case,
            finding,
            kind=finding.category,
            code=_codes.concept("findings", finding.finding, finding),
            value=_codes.value("values", finding.value, finding),
            words=_codes.value_words("values", finding.value, finding),
            at=finding.at,
            profile=US_CORE + "us-core-simple-observation",
            **_told_about(case, finding),
        )


def _told_about(case: Case, finding: Finding) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if finding.of is not None:
        parts["focus"] = [reference_to(case, finding.of)]
    if finding.site is not None:
        parts["bodySite"] = _codes.site(finding.site, finding)
    if finding.imaging is not None:
        parts["derivedFrom"] = [reference_to(case, finding.imaging)]
    if finding.specimen is not None:
        parts["specimen"] = reference_to(case, finding.specimen)
    if finding.follows is not None:
        parts["partOf"] = [reference_to(case, finding.follows)]
    return parts


MAPPING = Mapping(
    "finding",
    findings,
    "Observation (US Core simple observation) of a finding or its absence",
    sections=(
        Section(
            "findings",
            Finding,
            resource="Observation",
            time="effectiveDateTime",
            example="""\
findings:
  - key: lymph-nodes-12-months
    finding: enlarged-lymph-nodes
    value: absent  # or present, normal, a quantity, {text: …}
    category: imaging
    of: colon-cancer
    imaging: chest-abdomen-ct
    at: +12 mo
    source: made up
""",
        ),
    ),
)
