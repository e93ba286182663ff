"""Report an interoperability test as JUnit XML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from fhir_case.report.characters import json_text, printable
from fhir_case.report.interop.matrix import bundle_tables, probe_groups, probe_look, resource_look

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.interop.result import InteropResult, ProbeDescription, ProbeResult, ResourceResult, ServerResult

__all__ = ["interop_junit"]

_MOST_DIFFERENCES = 20
_LONGEST = 500


def interop_junit(result: InteropResult) -> str:
    """
    Return JUnit XML: a suite a server, a case a probe, and a case a resource of each Bundle.

    JUnit has no warning. A fail of a SHALL is a failure. A fail of a SHOULD or MAY is *skipped*, and its reason begins
    with the level: it breaks no build, and is still seen. *Not applicable*, *not run* and *not checked* are skipped
    too. A server that could not be tested, and a Bundle that was not sent or broken off, is an error.

    Source: https://github.com/testmoapp/junitxml
    """
    root = ET.Element("testsuites", name="fhir-case interop")
    for place, server in enumerate(result.servers):
        _fill_suite(ET.SubElement(root, "testsuite", name=printable(server.name)), result, server, place)
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _fill_suite(suite: ET.Element, result: InteropResult, server: ServerResult, place: int) -> None:
    suite.set("timestamp", printable(result.started.removesuffix("Z")))  # it has no zone there
    properties = ET.SubElement(suite, "properties")
    for name in ("base_url", "fhir", "software"):
        ET.SubElement(properties, "property", name=name, value=printable(getattr(server, name)))
    if server.error:
        ET.SubElement(_case(suite, server.name, "server"), "error", message=printable(server.error))
    for group, rows in probe_groups(result).items():
        for row in rows:
            _fill_probe(_case(suite, f"{server.name}.{group}", row.description.name), row.description, row.cells[place])
    for table in bundle_tables(result):
        name = f"{server.name}.{table.name}"
        if table.results[place].error and not server.error:
            ET.SubElement(_case(suite, name, "Bundle"), "error", message=printable(table.results[place].error))
        for resource in table.rows:
            _fill_resource(_case(suite, name, resource.resource), resource.cells[place])
    counts = {"tests": "testcase", "failures": "*/failure", "errors": "*/error", "skipped": "*/skipped"}
    for attribute, path in counts.items():
        suite.set(attribute, str(len(suite.findall(path))))
    if server.left:
        ET.SubElement(suite, "system-out").text = _lines(f"could not be removed: {each}" for each in server.left)


def _case(suite: ET.Element, group: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=printable(group), name=printable(name))


def _fill_probe(case: ET.Element, description: ProbeDescription, found: ProbeResult) -> None:
    case.set("time", f"{sum(each.milliseconds for each in found.exchanges) / 1000:.3f}")
    tone = probe_look(found.verdict, description.level).tone
    if tone == "bad":
        failure = ET.SubElement(case, "failure", type=description.level, message=printable(found.observed))
        failure.text = _evidence(description, found)
    elif tone == "weak":
        message = f"{description.level}, which the server does not follow: {found.observed}"
        ET.SubElement(case, "skipped", message=printable(message))
        ET.SubElement(case, "system-out").text = _evidence(description, found)
    elif tone != "good":
        ET.SubElement(case, "skipped", message=printable(f"{found.verdict}: {found.observed}"))


def _evidence(description: ProbeDescription, found: ProbeResult) -> str:
    exchanges = (f"{each.method} {each.url}: {each.status or 'no answer'}" for each in found.exchanges)
    told = {"expected": description.expected, "observed": found.observed, "see": description.specification}
    return _lines((*(f"{name}: {text}" for name, text in told.items()), *exchanges))


def _fill_resource(case: ET.Element, found: ResourceResult | None) -> None:
    if found is None or found.state == "not checked":
        reason = found.reason if found else "it was not tried"
        ET.SubElement(case, "skipped", message=printable(f"not checked: {reason}"))
        return
    if resource_look(found.state).tone == "good":
        return
    told = [each for each in found.differences if each.kind not in ("added", "rewritten")]
    message = found.reason or ", ".join(each.path for each in told[:3])
    failure = ET.SubElement(case, "failure", type=found.state, message=printable(f"{found.state}: {message}"))
    lines = [f"{each.path} {each.kind}: {_value(each.sent)} -> {_value(each.stored)}" for each in told]
    more = [f"and {len(lines) - _MOST_DIFFERENCES:,} more"] if len(lines) > _MOST_DIFFERENCES else []
    failure.text = _lines((*lines[:_MOST_DIFFERENCES], *more))


def _value(value: object) -> str:
    text = "nothing" if value is None else json_text(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(printable(line) for line in lines)
