"""A run as one web page."""

from fhir_case.report.page.page import run_page

__all__ = ["run_page"]
