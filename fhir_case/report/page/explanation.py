"""Report where the facts of a case arrive as one web page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.report.explanation import bookkeeping, chosen, clipped
from fhir_case.report.page.templates import page

if TYPE_CHECKING:
    from fhir_case.explain import Explanation

__all__ = ["explanation_page"]


def explanation_page(explanation: Explanation, only: str | None = None, *, software: str) -> str:
    """
    Return the whole page, with a search; whatever a case says is text in it, never markup.

    Args:
        only: The state of the facts to list; None: all.
        software: The name and version of this program.
    """
    return page(
        "page/explanation.html.jinja",
        filters={"clipped": clipped},
        script="search.js",
        explanation=explanation,
        facts=list(chosen(explanation, only)),
        bookkeeping=bookkeeping(explanation) if only is None else [],
        only=only,
        software=software,
    )
