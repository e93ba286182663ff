"""Render the findings of validation for programs: JUnit XML, SARIF and annotations of GitHub."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from junitparser import Failure, Skipped, SystemOut, TestCase, TestSuite

from fhir_case.report.characters import printable
from fhir_case.report.validation.text import array_lines, encoded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from junitparser.junitparser import Result, System

    from fhir_case.issues import CheckRun, Issue, ValidationResult
    from fhir_case.validation.check import Check

__all__ = ["Checked", "github_lines", "junit_lines", "sarif_lines"]

_LEVELS = {"error": "error", "warning": "warning", "information": "note"}
_COMMANDS = {"error": "error", "warning": "warning", "information": "notice"}
_IN_MEMORY = 1_000_000
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NOT_IN_CHECKS = {
    "json": ("A document is a JSON object that can be read.", "https://hl7.org/fhir/R4/json.html"),
    "case": ("A case file can be read and becomes a Bundle.", ""),
    "waivers": ("Every waiver is needed by a finding.", ""),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """
    The result of one document.

    Args:
        source: The file it is from, or ``-``.
        result: The findings and the states of the checks.
        line: Its line in NDJSON; 0 for a file that is one document.
    """

    source: str
    result: ValidationResult
    line: int = 0

    @property
    def name(self) -> str:
        """Return its name as editors write it: the file, and the line in NDJSON."""
        return f"{self.source}:{self.line}" if self.line else self.source


def junit_lines(checked: Iterable[Checked], *, failing: Collection[str] = ("error",)) -> Iterator[str]:
    """
    Write JUnit XML, a suite a document and a case a check, document by document.

    Args:
        checked: The documents.
        failing: The severities that are a failure; other findings are output of their case.

    Source: https://github.com/testmoapp/junitxml
    """
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<testsuites name="fhir-case validate">'
    for one in checked:
        yield _suite(one, failing).tostring().decode()
    yield "</testsuites>"


def _suite(checked: Checked, failing: Collection[str]) -> TestSuite:
    name = printable(checked.name)
    by_check: dict[str, list[Issue]] = {run.name: [] for run in checked.result.checks}
    for issue in checked.result.issues:
        by_check.setdefault(issue.check, []).append(issue)
    runs = {run.name: run for run in checked.result.checks}
    cases = []
    for check, issues in by_check.items():
        cases.append(TestCase(printable(check), name))
        cases[-1].extend(_results(runs.get(check), issues, failing))
    suite = TestSuite(name)
    suite.extend(cases)
    # `update_statistics` would also say how long it took, which nobody knows.
    suite.tests, suite.errors = len(cases), 0
    suite.failures = sum(each.is_failure for each in cases)
    suite.skipped = sum(each.is_skipped for each in cases)
    return suite


def _results(run: CheckRun | None, issues: list[Issue], failing: Collection[str]) -> Iterator[Result | System]:
    failures = [issue for issue in issues if issue.severity in failing]
    others = [issue for issue in issues if issue.severity not in failing]
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        kind = failures[0].severity
        failure = Failure(printable(failures[0].text) + more, kind)
        failure.text = _listed(failures)
        yield failure
    elif run is not None and run.state != "ran":
        yield Skipped(printable(f"{run.state}: {run.reason}"))
    if others:
        yield SystemOut(_listed(others))


def _listed(issues: Iterable[Issue]) -> str:
    return "\n".join(printable(f"{issue.severity}: {issue.text}") for issue in issues)


def github_lines(checked: Iterable[Checked], *, verbose: bool = False) -> Iterator[str]:
    """
    Write findings as workflow commands of GitHub Actions, which shows them at the file, errors before all others.

    GitHub shows the first ten of each severity; the log has all. What is no error waits in a file, not in memory.

    Args:
        checked: The documents.
        verbose: Whether to show information too.

    Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    with SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="\n") as others:
        for one in checked:
            for issue in one.result.issues:
                if issue.severity == "error":
                    yield _command(one, issue)
                elif issue.severity == "warning" or verbose:
                    others.write(_command(one, issue) + "\n")
        others.seek(0)
        yield from (line.removesuffix("\n") for line in others)


def _command(checked: Checked, issue: Issue) -> str:
    line = f",line={checked.line}" if checked.line else ""
    properties = f"file={_property(checked.source)}{line},title={_property(issue.check)}"
    return f"::{_COMMANDS[issue.severity]} {properties}::{_escaped(issue.text)}"


def _escaped(text: str) -> str:
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def sarif_lines(checked: Iterable[Checked], checks: Iterable[Check], *, version: str) -> Iterator[str]:
    """
    Write a SARIF log of one run, a result a line, without keeping the results.

    Args:
        checked: The documents.
        checks: All checks; they become the rules.
        version: The version of this tool.

    Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    rules = [_rule(check.name, check.reason, check.source) for check in checks]
    rules += [_rule(name, *texts) for name, texts in _NOT_IN_CHECKS.items()]
    numbers: dict[str, int] = {rule["id"]: number for number, rule in enumerate(rules)}
    not_run: dict[CheckRun, dict[str, Any]] = {}
    ran = False

    def results() -> Iterator[dict[str, Any]]:
        nonlocal ran
        for one in checked:
            for run in one.result.checks:
                ran = ran or run.state == "ran"
                if run.state == "could not run" and run not in not_run:
                    not_run[run] = _notification(one, run, numbers)
            for issue in one.result.issues:
                yield _result(one, issue, numbers)

    yield f'{{"$schema": "{_SCHEMA}", "version": "2.1.0", "runs": [{{'
    yield f'"tool": {encoded({"driver": {"name": "fhir-case", "version": version, "rules": rules}})},'
    yield '"results": ['
    yield from array_lines(results())
    yield "],"
    invocation = {"executionSuccessful": ran, "toolExecutionNotifications": list(not_run.values())}
    yield f'"invocations": [{encoded(invocation)}]}}]}}'


def _rule(name: str, reason: str, source: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name, "shortDescription": _message(reason)}
    if source.startswith(("http://", "https://")):
        rule["helpUri"] = source
    return rule


def _result(checked: Checked, issue: Issue, numbers: dict[str, int]) -> dict[str, Any]:
    location = _location(checked)
    name = printable(f"{issue.resource} {issue.full_expression}".strip())
    if name:
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    return {
        "ruleId": issue.check,
        **_index("ruleIndex", issue.check, numbers),
        "level": _LEVELS[issue.severity],
        "message": _message(issue.text),
        "locations": [location],
    }


def _message(text: str) -> dict[str, str]:
    """Write a message; a single brace would open a placeholder (section 3.11.5)."""
    return {"text": printable(text).replace("{", "{{").replace("}", "}}")}


def _notification(checked: Checked, run: CheckRun, numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "level": "warning",
        "message": _message(f"{run.name} could not run: {run.reason}"),
        "associatedRule": {"id": run.name, **_index("index", run.name, numbers)},
        "locations": [_location(checked)],
    }


def _index(key: str, name: str, numbers: dict[str, int]) -> dict[str, int]:
    return {key: numbers[name]} if name in numbers else {}


def _location(checked: Checked) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(checked.source)}}
    if checked.line:
        physical["region"] = {"startLine": checked.line}
    return {"physicalLocation": physical}


def _uri(source: str) -> str:
    path = Path(source)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
