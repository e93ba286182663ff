"""Pathology: reports of what was seen under the microscope, and markers of tissue."""

from __future__ import annotations

from fhir_case_mappings.pathology import marker, report

__all__ = ["MAPPINGS"]

MAPPINGS = (report.MAPPING, marker.MAPPING)
