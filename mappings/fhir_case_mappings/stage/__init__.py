"""Stages of a cancer and their categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Section
from fhir_case.case.entry import ConditionKey, StageKey
from fhir_case.fhir.datatypes import reference
from fhir_case.mapping import Codes, Mapping, observation
from fhir_case_mappings.stage.systems import conflict, staging_of

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
        staging: What is staged: a stage group, a T, N or M category (clinical, pathologic, after neoadjuvant therapy),
            another system.
        value: The stage or category; its code is that of the staging system.
        of: The cancer that is staged.
        method: The staging system with its edition or modification as printed.
        members: The categories that a stage group is made of.
    """

    staging: Annotated[Concept, _codes.table("stage_types")]
    value: Annotated[Concept, _codes.table("stages")]
    of: ConditionKey
    method: Annotated[Concept, _codes.table("stage_methods")] | None = None
    members: tuple[StageKey, ...] = ()

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        if why := conflict(self):
            raise PydanticCustomError("value", "{why}; correct one of the two", {"why": why})
        return self


def stages(case: Case) -> Iterator[Resource]:
    """
    Map stages and T, N, M categories.

    The TNM profiles bind code and value to AJCC sets, which would be false for another staging system: TNM by AJCC
    claims them, all else mcode-cancer-stage. A grade is no stage and claims neither.

    Reads: each `Stage`; a stage group names its categories.
    Returns: one Observation each, focus the cancer.
    Source: https://hl7.org/fhir/us/mcode/STU4/group-assessment.html
    """
    for stage in case.entries_of(Stage):
        found = staging_of(stage)
        yield observation(
            case,
            stage,
            kind="survey",
            code=found.code,
            value={"valueCodeableConcept": found.value},
            words=found.value["text"] + (f" ({found.method['text']})" if found.method else ""),
            at=stage.at,
            profile=found.profile,
            focus=[reference("Condition", stage.of)],
            method=found.method or None,
            hasMember=[reference("Observation", key) for key in stage.members],
        )


MAPPING = Mapping(
    "stage",
    stages,
    "Observation (mCODE TNM categories and stage group by AJCC, else cancer stage)",
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
    staging: pathologic-stage-group
    value: stage-iiib
    method: ajcc-8  # or uicc, modified-uicc, bclc, figo, ann-arbor, …
    of: colon-cancer
    members: [t-category]
    at: operation
    source: made up
  - key: t-category
    staging: pathologic-t  # or clinical-n, post-therapy-m, t-category, bclc-stage, …
    value: pt3
    method: ajcc-8
    of: colon-cancer
    at: operation
    source: made up
""",
        ),
    ),
)
