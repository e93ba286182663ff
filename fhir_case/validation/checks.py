"""All checks, in the order in which they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.validation.profiles import PROFILE_CHECKS
from fhir_case.validation.rules.bundles import BUNDLE_RULES
from fhir_case.validation.rules.codes import CODE_RULES
from fhir_case.validation.rules.contained import CONTAINED_RULES
from fhir_case.validation.rules.coverage import COVERAGE
from fhir_case.validation.rules.definitions import DEFINITION_RULES
from fhir_case.validation.rules.displays import DISPLAY_RULES
from fhir_case.validation.rules.elements import ELEMENT_RULES
from fhir_case.validation.rules.narrative import NARRATIVE_RULES
from fhir_case.validation.rules.primitives import PRIMITIVE_RULES
from fhir_case.validation.rules.recurrence import RECURRENCE_RULES
from fhir_case.validation.rules.references import REFERENCE_RULES
from fhir_case.validation.rules.timeline import TIMELINE_RULES
from fhir_case.validation.rules.units import UNIT_RULES
from fhir_case.validation.rules.vital_signs import VITAL_SIGN_RULES
from fhir_case.validation.strict import INVARIANT_CHECKS, STRICT
from fhir_case.validation.structure import STRUCTURE

if TYPE_CHECKING:
    from fhir_case.validation.check import Check

__all__ = ["CHECKS"]

CHECKS: tuple[Check, ...] = (
    STRUCTURE,
    STRICT,
    *INVARIANT_CHECKS,
    *PRIMITIVE_RULES,
    *ELEMENT_RULES,
    *CONTAINED_RULES,
    *DEFINITION_RULES,
    *BUNDLE_RULES,
    *REFERENCE_RULES,
    *CODE_RULES,
    *DISPLAY_RULES,
    *UNIT_RULES,
    *VITAL_SIGN_RULES,
    *NARRATIVE_RULES,
    *TIMELINE_RULES,
    *RECURRENCE_RULES,
    COVERAGE,
    *PROFILE_CHECKS,
)
