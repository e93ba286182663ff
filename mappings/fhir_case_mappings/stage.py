"""Stages of a cancer and their categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import reference
from fhir_case.fhir.systems import MCODE
from fhir_case.mapping import Codes, Mapping, observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "stages"]

_codes = Codes.beside(__name__)


def stages(case: Case) -> Iterator[Resource]:
    """
    Map stages and T, N, M categories.

    All claim mcode-cancer-stage: the TNM profiles bind code and value to AJCC sets, which would be false for another
    staging system.

    Reads: ``case.stages``; a stage group names its categories.
    Gives: one Observation each, profile mcode-cancer-stage, focus the cancer.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-stage.html
    """
    for stage in case.stages:
        yield observation(
            case,
            stage,
            kind="survey",
            code=_codes.concept("staging", stage.staging, stage),
            value={"valueCodeableConcept": _codes.concept("staging", stage.value, stage)},
            words=_codes.words("staging", stage.value, stage),
            at=stage.at,
            profile=MCODE + "mcode-cancer-stage",
            focus=[reference("Condition", stage.of)],
            method=_codes.concept("staging", stage.method, stage) if stage.method else None,
            hasMember=[reference("Observation", key) for key in stage.members],
        )


MAPPING = Mapping("stage", stages, "Observation (mCODE cancer stage) of a stage or a T, N or M category")
