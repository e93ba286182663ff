"""
Report a run as one web page: what was built, the course, findings, what was not checked, loading, and every resource.

It loads nothing and sends nothing; its one script searches the table of resources, and all is there without it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.report.characters import printable_lines
from fhir_case.report.page.expression import expression_of
from fhir_case.report.templates import page_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import ValidationResult
    from fhir_case.load import Journal, Verification

__all__ = ["run_page"]

_SEVERITIES = ("error", "warning", "information")


class _Row(NamedTuple):
    """One resource of the table; ``link`` is empty where it is not known where it is; ``search`` has no namespace."""

    name: str
    search: str
    words: str
    link: str
    state: str
    json: str


def run_page(
    case: Case,
    bundle: Resource,
    result: ValidationResult,
    journal: Journal,
    verification: Verification,
    *,
    software: str,
    server: str,
    seconds: Mapping[str, float],
) -> str:
    """
    Return the whole page; whatever the case or the server says is text in it, never markup.

    Args:
        software: The name and version of this program.
        server: The base URL of the server.
        seconds: How long each stage took.
    """
    from markupsafe import Markup

    environment = page_templates("page")
    environment.filters["body"] = printable_lines
    script = (files("fhir_case.report.page") / "search.js").read_text(encoding="utf-8")
    resources = [entry["resource"] for entry in bundle["entry"]]
    return environment.get_template("report.html.jinja").render(
        case=case,
        bundle=bundle,
        types=sorted(Counter(one["resourceType"] for one in resources).items()),
        picture=Markup(_course(bundle)),  # noqa: S704 - it is written by us, and escaped there
        issues=sorted(result.issues, key=lambda one: _SEVERITIES.index(one.severity)),
        counts=Counter(issue.severity for issue in result.issues),
        ran=[check for check in result.checks if check.state == "ran"],
        not_checked=[check for check in result.checks if check.state == "could not run"],
        loaded=[(state, number) for state, number in journal.counts.items() if number],
        journal=journal,
        verification=verification,
        compared=Counter(one.state for one in verification.comparisons),
        expression=expression_of(resources),
        rows=list(_rows(resources, verification, server)),
        software=software,
        server=server,
        seconds=seconds,
        script=Markup(script),  # noqa: S704 - a file of ours
        allowed=b64encode(sha256(script.encode()).digest()).decode(),
    )


def _course(bundle: Resource) -> str:
    from fhir_case.timeline import draw, entries_of, read_timeline

    return draw(read_timeline(entries_of(bundle)), name="course")


def _rows(resources: list[Resource], verification: Verification, server: str) -> Iterator[_Row]:
    from fhir_case.fhir.wire import dump

    namespace = next(one["id"] for one in resources if one["resourceType"] == "Patient").removesuffix("patient")
    compared = {one.resource: one for one in verification.comparisons}
    for one in resources:
        name = f"{one['resourceType']}/{one['id']}"
        found = compared.get(name)
        words = _words(one)
        place = found.stored_as if found is not None else ""
        yield _Row(
            name,
            f"{one['resourceType']} {one['id'].removeprefix(namespace)} {words}",
            words,
            f"{server}/{place}" if place and server.startswith(("http://", "https://")) else "",
            found.state if found is not None else "not compared",
            dump(one, indent=True).decode(),
        )


def _words(resource: Mapping[str, Any]) -> str:
    """Return the first paragraph of the narrative, as text."""
    div = resource.get("text", {}).get("div", "")
    first = re.search(r"<p>([^<]*+)</p>", div)
    return unescape(first[1]) if first else ""
