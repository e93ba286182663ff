"""
Make a page of a template: the style that all pages share, one script of ours at most, and a policy that allows it.

What a case or a server says is text in a page, never markup.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import printable
from fhir_case.report.counts import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["page"]


def page(name: str, *, filters: Mapping[str, Callable[..., Any]], script: str = "", **values: Any) -> str:
    """
    Return a page.

    Args:
        name: The template, from the folder of `fhir_case.report` on.
        filters: Those of this page, beside those that all pages have.
        script: The file of its script beside this module; empty: it has none.
        values: What the template shows.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("fhir_case.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": printable, "counted": counted, **filters}
    text = (files("fhir_case.report.page") / script).read_text(encoding="utf-8") if script else ""
    return environment.get_template(name).render(
        script=Markup(text),  # noqa: S704 - a file of ours
        allowed=b64encode(sha256(text.encode()).digest()).decode() if text else "",
        **values,
    )
