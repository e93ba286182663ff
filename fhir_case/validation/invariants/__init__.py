"""
The invariants that need no more than one element, each with the JSON Schema of what breaks it.

They run inside the strict schema, in the same pass. Each is named as in R4; where R5 has the same rule under another
name, that is in its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.validation.invariants.datatypes import TYPE_INVARIANTS
from fhir_case.validation.invariants.resources import RESOURCE_INVARIANTS

if TYPE_CHECKING:
    from fhir_case.validation.invariants.invariant import Invariant

__all__ = ["INVARIANTS"]

INVARIANTS: tuple[Invariant, ...] = (*TYPE_INVARIANTS, *RESOURCE_INVARIANTS)
