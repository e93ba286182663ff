"""What a command did as one web page."""

from fhir_case.report.page.commands import CheckedPage, note_compared, run_on_page, upload_on_page
from fhir_case.report.page.explanation import explanation_page
from fhir_case.report.page.gathering import Gathered
from fhir_case.report.page.report import Report, report_page
from fhir_case.report.page.tables import import_page

__all__ = [
    "CheckedPage",
    "Gathered",
    "Report",
    "explanation_page",
    "import_page",
    "note_compared",
    "report_page",
    "run_on_page",
    "upload_on_page",
]
