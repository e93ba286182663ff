"""The templates of our pages: what a case or a server says is text in them, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.report.characters import printable
from fhir_case.report.counts import counted

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["page_templates"]


def page_templates(folder: str) -> Environment:
    """Return the templates of a folder of `fhir_case.report`, with the filters that all pages have."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fhir_case.report", folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": printable, "counted": counted}
    return environment
