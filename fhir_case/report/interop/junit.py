"""Report an interoperability test as JUnit XML."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from junitparser import Error, Failure, JUnitXml, Skipped, SystemOut, TestCase, TestSuite

from fhir_case.interop.result import deviations
from fhir_case.report.characters import printable, value_text
from fhir_case.report.interop.matrix import bundle_tables, probe_groups, probe_look, reason_of, resource_look

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from junitparser.junitparser import FinalResult

    from fhir_case.interop.result import InteropResult, ProbeResult, ResourceResult, ServerResult
    from fhir_case.report.interop.matrix import ProbeRow

__all__ = ["interop_junit"]

_MAX_DIFFERENCES = 20
_MAX_LENGTH = 500


def interop_junit(result: InteropResult) -> str:
    """
    Return JUnit XML: a suite a server, a case a probe, and a case a resource of each Bundle.

    JUnit has no warning. A fail of a SHALL is a failure. A fail of a SHOULD or MAY is *skipped*, and its reason begins
    with the level: it breaks no build, and is still seen. *Not applicable*, *not run* and *not checked* are skipped
    too. A server that could not be tested, and a Bundle that was not sent or broken off, is an error.

    Source: https://github.com/testmoapp/junitxml
    """
    report = JUnitXml("fhir-case interop")
    report.extend(_suite(result, server, column) for column, server in enumerate(result.servers))
    report.update_statistics()
    written = BytesIO()
    report.write(written, pretty=True)
    return written.getvalue().decode()


def _suite(result: InteropResult, server: ServerResult, column: int) -> TestSuite:
    suite = TestSuite(printable(server.name))
    suite.timestamp = printable(result.started.removesuffix("Z"))  # it has no zone there
    for name in ("base_url", "fhir", "software"):
        suite.add_property(name, printable(getattr(server, name)))
    suite.add_property("requests", str(server.requests))
    suite.extend(_cases(result, server, column))
    if server.left:
        suite.append(SystemOut(_lines(f"could not be removed: {each}" for each in server.left)))
    return suite


def _cases(result: InteropResult, server: ServerResult, column: int) -> Iterator[TestCase]:
    if server.error:
        yield _case(server.name, "server", Error(printable(server.error)))
    for group, rows in probe_groups(result).items():
        for row in rows:
            yield _probe(f"{server.name}.{group}", row, row.cells[column])
    for table in bundle_tables(result):
        name, error = f"{server.name}.{table.name}", table.results[column].error
        if error and not server.error:
            yield _case(name, "Bundle", Error(printable(error)))
        for resource in table.rows:
            yield _case(name, resource.resource, *_resource(resource.cells[column]))


def _case(group: str, name: str, *results: FinalResult) -> TestCase:
    case = TestCase(printable(name), printable(group))
    case.extend(results)
    return case


def _probe(group: str, row: ProbeRow, found: ProbeResult) -> TestCase:
    level, tone = row.description.level, probe_look(found.verdict, row.description.level).tone
    case = _case(group, row.description.name)
    case.time = round(sum(each.milliseconds for each in found.exchanges) / 1000, 3)
    if tone == "bad":
        case.append(_failure(found.observed, level, _evidence(row, found)))
    elif tone == "weak":
        case.append(Skipped(printable(f"{level}, which the server does not follow: {found.observed}")))
        case.append(SystemOut(_evidence(row, found)))
    elif tone != "good":
        case.append(Skipped(printable(f"{found.verdict}: {found.observed}")))
    return case


def _failure(message: str, kind: str, text: str) -> Failure:
    failure = Failure(printable(message), kind)
    failure.text = text
    return failure


def _evidence(row: ProbeRow, found: ProbeResult) -> str:
    description = row.description
    exchanges = (f"{each.method} {each.url}: {each.status or 'no answer'}" for each in found.exchanges)
    facts = {"expected": description.expected, "observed": found.observed, "see": description.specification}
    return _lines((*(f"{name}: {text}" for name, text in facts.items()), *exchanges))


def _resource(found: ResourceResult | None) -> Iterator[FinalResult]:
    if found is None or found.state == "not checked":
        yield Skipped(printable(f"not checked: {found.reason if found else 'it was not tried'}"))
    elif resource_look(found.state).tone != "good":
        lines = [
            f"{each.path} {each.kind}: {value_text(each.sent, _MAX_LENGTH)} -> {value_text(each.stored, _MAX_LENGTH)}"
            for each in deviations(found.differences)
        ]
        more = [f"and {len(lines) - _MAX_DIFFERENCES:,} more"] if len(lines) > _MAX_DIFFERENCES else []
        text = _lines((*lines[:_MAX_DIFFERENCES], *more))
        yield _failure(f"{found.state}: {reason_of(found)}", found.state, text)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(printable(line) for line in lines)
