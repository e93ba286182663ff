"""Stages of a cancer and their categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fhir_case.case import Concept, Event, Section
from fhir_case.case.entry import ConditionKey, StageKey
from fhir_case.fhir.datatypes import reference
from fhir_case.fhir.systems import MCODE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Stage", "stages"]

_codes = Codes.beside(__name__)


class Stage(Event):
    """
    A stage or one category of a stage.

    Args:
        staging: What is staged: a stage group, a T, N or M category, another system.
        of: The cancer that is staged.
        method: The staging system with its edition or modification as printed.
        members: The categories that a stage group is made of.
    """

    staging: Annotated[Concept, _codes.table("stage_types")]
    value: Annotated[Concept, _codes.table("stages")]
    of: ConditionKey
    method: Annotated[Concept, _codes.table("stage_methods")] | None = None
    members: tuple[StageKey, ...] = ()


def stages(case: Case) -> Iterator[Resource]:
    """
    Map stages and T, N, M categories.

    All claim mcode-cancer-stage: the TNM profiles bind code and value to AJCC sets, which would be false for another
    staging system.

    Reads: each `Stage`; a stage group names its categories.
    Returns: one Observation each, profile mcode-cancer-stage, focus the cancer.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-stage.html
    """
    for stage in case.entries_of(Stage):
        yield observation(
            case,
            stage,
            kind="survey",
            code=_codes.concept("stage_types", stage.staging, stage),
            value={"valueCodeableConcept": _codes.concept("stages", stage.value, stage)},
            words=_codes.words("stages", stage.value, stage),
            at=stage.at,
            profile=MCODE + "mcode-cancer-stage",
            focus=[reference("Condition", stage.of)],
            method=_codes.concept("stage_methods", stage.method, stage) if stage.method else None,
            hasMember=[reference("Observation", key) for key in stage.members],
        )


MAPPING = Mapping(
    "stage",
    stages,
    "Observation (mCODE cancer stage) of a stage or a T, N or M category",
    sections=(
        Section(
            "stages",
            Stage,
            resource="Observation",
            time="effectiveDateTime",
            roles=("stage",),
            example="""\
stages:
  - key: stage
    staging: {text: Pathologic stage group}
    value: {text: stage IIIB}
    of: colon-cancer
    at: operation
    source: made up
""",
        ),
    ),
)
