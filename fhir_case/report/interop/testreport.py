"""
Report an interoperability test as FHIR resources: one TestReport for each server.

Source: https://hl7.org/fhir/R4/testreport.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import narrative
from fhir_case.report.characters import printable
from fhir_case.report.counts import counted
from fhir_case.report.interop.matrix import (
    bundle_tables,
    level_counts,
    probe_groups,
    probe_look,
    reason_of,
    resource_look,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.result import InteropResult, ServerResult
    from fhir_case.report.interop.matrix import BundleTable, ProbeRow

__all__ = ["interop_test_reports"]

_RESULTS = {"good": "pass", "bad": "fail", "weak": "warning", "none": "skip", "unknown": "skip"}
_SCRIPTS = "urn:fhir-case:test-scripts"


def interop_test_reports(result: InteropResult) -> list[Resource]:
    """
    Return an R4 TestReport for each server: a test a probe, and a test a Bundle with an action a resource.

    A fail of a SHOULD or MAY is a warning; *not applicable*, *not run* and *not checked* are skipped. The score is the
    per cent of the SHALL that passed, of those that passed or failed; without any there is none. There is no TestScript
    resource: the required reference names the tests of this program by an identifier, and is unresolved.
    """
    return [_report(result, server, column) for column, server in enumerate(result.servers)]


def _report(result: InteropResult, server: ServerResult, column: int) -> Resource:
    software = f"fhir-case {result.fhir_case}"
    tests = [_probe(row, column) for rows in probe_groups(result).values() for row in rows]
    tests += [_bundle(table, column) for table in bundle_tables(result)]
    results = {action["assert"]["result"] for test in tests for action in test["action"]}
    passed, of = level_counts(result, server)["SHALL"]
    outcome = "fail" if server.error or results & {"fail", "error"} else "pass" if results - {"skip"} else "pending"
    return {
        "resourceType": "TestReport",
        "text": narrative(*(_text(each) for each in _summary(result, server))),
        "name": _text(f"Interoperability of {server.name}"),
        "status": "stopped" if server.error else "completed",
        "testScript": {
            "identifier": {"system": _SCRIPTS, "value": _text(f"interop-{result.fhir_case}")},
            "display": _text(f"The interoperability tests of {software}"),
        },
        "result": outcome,
        **({"score": (Decimal(100) * passed / of).quantize(Decimal("0.1"))} if of else {}),
        "tester": _text(software),
        "issued": result.started,
        "participant": [{"type": "test-engine", "uri": "urn:fhir-case", "display": _text(software)}, *_server(server)],
        **({"setup": {"action": [_operation("error", server.error)]}} if server.error else {}),
        **({"test": tests} if tests else {}),
    }


def _server(server: ServerResult) -> Iterator[dict[str, str]]:
    if server.base_url:  # one that could not be started has none, and a participant must have one
        display = _text(" ".join((server.name, server.software)))
        yield {"type": "server", "uri": server.base_url, "display": display}


def _summary(result: InteropResult, server: ServerResult) -> Iterator[str]:
    yield f"{server.name}, {server.base_url}" + (f", {server.software}" if server.software else "")
    if server.error:
        yield f"It could not be tested{' to the end' if server.probes else ''}: {server.error}"
    if server.requests:
        yield f"It got {counted(server.requests, 'request')}"
    for level, (passed, of) in level_counts(result, server).items():
        if of:
            yield f"{level}: {passed} of {of} passed"
    for bundle in server.bundles:
        states = ", ".join(f"{number} {state}" for state, number in bundle.counts.items() if number)
        yield f"{bundle.name}: {counted(len(bundle.resources), 'resource')}" + (f": {states}" if states else "")
    for each in server.left:
        yield f"Could not be removed: {each}"


def _probe(row: ProbeRow, column: int) -> dict[str, Any]:
    description, found = row.description, row.cells[column]
    result = _RESULTS[probe_look(found.verdict, description.level).tone]
    message = found.observed if found.verdict in ("pass", "fail") else f"{found.verdict}: {found.observed}"
    return {
        "name": _text(description.name),
        "description": _text(f"{description.level}: {description.expected}"),
        "action": [_assertion(result, message, description.specification)],
    }


def _bundle(table: BundleTable, column: int) -> dict[str, Any]:
    actions = []
    if table.results[column].error:
        actions.append(_assertion("error", table.results[column].error))
    for row in table.rows:
        found = row.cells[column]
        if found is None:
            actions.append(_assertion("skip", f"{row.resource}: not checked"))
            continue
        reason = reason_of(found, max_paths=len(found.differences))
        message = f"{row.resource}: {found.state}" + (f": {reason}" if reason else "")
        actions.append(_assertion(_RESULTS[resource_look(found.state).tone], message))
    return {
        "name": _text(table.name),
        "description": "Each resource is stored as it was sent, but for what servers may add or rewrite.",
        "action": actions or [_assertion("skip", "it holds no resource")],
    }


def _assertion(result: str, message: str, detail: str = "") -> dict[str, Any]:
    """Return an action; its message is Markdown, and what a server said must not become marks or HTML."""
    shown = re.sub(r"([\\`\[<])", r"\\\1", _text(message))
    return {"assert": {"result": result, "message": shown, **({"detail": _text(detail)} if detail else {})}}


def _operation(result: str, message: str) -> dict[str, Any]:
    shown: dict[str, Any] = _assertion(result, message)["assert"]
    return {"operation": shown}


def _text(text: str) -> str:
    """Return a string of FHIR: not empty, without control characters, no blanks at its ends."""
    return printable(text).strip() or "-"
