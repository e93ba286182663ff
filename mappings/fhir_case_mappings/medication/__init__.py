"""Drugs: regimens, what was planned and taken of each drug, and single administrations."""

from __future__ import annotations

from fhir_case_mappings.medication import administrations, regimens, statements

__all__ = ["MAPPINGS"]

MAPPINGS = (regimens.MAPPING, statements.MAPPING, administrations.MAPPING)
