"""Genomics: variants, what they were looked for in, and the reports of both."""

from __future__ import annotations

from fhir_case_mappings.genomics import interpretation, report, variant

__all__ = ["MAPPINGS"]

MAPPINGS = (variant.MAPPING, report.MAPPING, interpretation.MAPPING)
