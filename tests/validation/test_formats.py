"""What validation found is written so that other programs can show it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from fhir_case.issues import CheckRun, Issue, ValidationResult
from fhir_case.report.validation.formats import Checked, github_lines, junit_lines, sarif_lines
from fhir_case.validation import CHECKS
from support import Result, result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path

_RESULT = ValidationResult(
    (
        Issue("error", "strict", "50% wrong\r\nin two lines", "Patient/a", "Patient.gender"),
        Issue("error", "strict", "wrong too", "Patient/a", "Patient.name"),
        Issue("warning", "dom-6", "there is no narrative", "Patient/a"),
        Issue("information", "reference-resolves", "the server must have it"),
    ),
    (
        CheckRun("strict", "ran"),
        CheckRun("dom-6", "ran"),
        CheckRun("reference-resolves", "ran"),
        CheckRun("bdl-1", "not applicable", "it is about Bundles"),
        CheckRun("profiles", "could not run", "the engine is missing"),
    ),
    1,
)
_CHECKED = [Checked("a b,c:.ndjson", _RESULT, 7)]
_UNREAD = Checked(
    "a.xml", ValidationResult((Issue("error", "json", "this is XML"),), (CheckRun("json", "could not run", "XML"),))
)
_UGLY = "\x00\x1b[31m\ud800\ufffe<&>\"']]>"


def _ugly() -> Checked:
    issue = Issue("error", "strict", _UGLY, f"Patient/{_UGLY}", _UGLY)
    return Checked("\x1b\n\udcff.json", ValidationResult((issue,), (CheckRun("ucum", "could not run", _UGLY),)))


def _junit(*checked: Checked, failing: tuple[str, ...] = ("error",)) -> ET.Element:
    return _parsed("\n".join(junit_lines(checked, failing=failing)))


def _parsed(text: str) -> ET.Element:
    return ET.fromstring(text.encode())  # noqa: S314 - it is our own output


def _case(root: ET.Element, check: str) -> ET.Element:
    (case,) = root.findall(f"testsuite/testcase[@name='{check}']")
    return case


def _log(*checked: Checked) -> dict[str, Any]:
    return dict(json.loads("\n".join(sarif_lines(checked, CHECKS, version="1.2.3"))))


def _run(checked: Checked) -> dict[str, Any]:
    log = _log(checked)
    (run,) = log["runs"]
    return dict(run)


def _command(*arguments: str, text: str = '{"resourceType":"Patient","gender":"man"}') -> Result:
    return run_command("validate", "-", *arguments, stdin=text)


def test_junit_has_a_suite_a_document_and_a_case_a_check() -> None:
    root = _junit(*_CHECKED, _UNREAD)

    suites = root.findall("testsuite")
    assert ["a b,c:.ndjson:7", "a.xml"] == [suite.get("name") for suite in suites]
    assert [run.name for run in _RESULT.checks] == [case.get("name") for case in suites[0]]
    assert {"name": "a b,c:.ndjson:7", "tests": "5", "failures": "1", "errors": "0", "skipped": "2"} == suites[0].attrib


def test_junit_tells_all_findings_of_a_check_in_one_failure() -> None:
    (failure,) = _case(_junit(*_CHECKED), "strict")

    assert ("failure", "error") == (failure.tag, failure.get("type"))
    assert "Patient/a Patient.gender: 50% wrong\\u000d\\u000ain two lines (and 1 more)" == failure.get("message")
    assert "error: Patient/a Patient.name: wrong too" == (failure.text or "").splitlines()[1]


def test_junit_fails_for_warnings_only_when_asked_for() -> None:
    output = _case(_junit(*_CHECKED), "dom-6")[0]
    failure = _case(_junit(*_CHECKED, failing=("error", "warning")), "dom-6")[0]

    assert ("system-out", "warning: Patient/a: there is no narrative") == (output.tag, output.text)
    assert ("failure", "warning") == (failure.tag, failure.get("type"))


def test_junit_skips_what_did_not_run_with_the_reason() -> None:
    root = _junit(*_CHECKED)

    assert "not applicable: it is about Bundles" == _case(root, "bdl-1")[0].get("message")
    assert "could not run: the engine is missing" == _case(root, "profiles")[0].get("message")


def test_junit_fails_for_a_document_that_could_not_be_read() -> None:
    assert ["failure"] == [element.tag for element in _case(_junit(_UNREAD), "json")]


def test_junit_of_any_text_is_xml() -> None:
    failure = _case(_junit(_ugly()), "strict")[0]

    assert "\\u0000\\u001b[31m\\ud800\\ufffe<&>\"']]>" in (failure.get("message") or "")


def test_sarif_has_what_the_standard_requires() -> None:
    log = _log(*_CHECKED, _UNREAD, _ugly())

    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert "2.1.0" == log["version"]
    assert ("fhir-case", "1.2.3") == (run["tool"]["driver"]["name"], run["tool"]["driver"]["version"])
    assert [*(check.name for check in CHECKS), "json", "case", "waivers"] == [rule["id"] for rule in rules]
    assert all(rule["shortDescription"]["text"] for rule in rules)
    assert all(rule["helpUri"].startswith("http") for rule in rules if "helpUri" in rule)
    assert all(result["message"]["text"] for result in run["results"])
    assert all(result["ruleId"] == rules[result["ruleIndex"]]["id"] for result in run["results"])


def test_sarif_levels_are_those_of_the_findings() -> None:
    assert ["error", "error", "warning", "note"] == [result["level"] for result in _run(_CHECKED[0])["results"]]


def test_sarif_places_a_finding_in_the_file_and_in_the_resource() -> None:
    (location,) = _run(_CHECKED[0])["results"][0]["locations"]

    assert {"uri": "a%20b%2Cc%3A.ndjson"} == location["physicalLocation"]["artifactLocation"]
    assert {"startLine": 7} == location["physicalLocation"]["region"]
    assert [{"fullyQualifiedName": "Patient/a Patient.gender"}] == location["logicalLocations"]


def test_sarif_of_a_file_that_is_one_document_knows_no_line(tmp_path: Path) -> None:
    path = tmp_path / "ä.json"
    (location,) = _run(Checked(str(path), _RESULT))["results"][3]["locations"]

    assert {"physicalLocation": {"artifactLocation": {"uri": path.as_uri()}}} == location


def test_sarif_notifies_once_of_a_check_that_could_not_run() -> None:
    log = _log(*_CHECKED, Checked("later.json", _RESULT))

    (invocation,) = log["runs"][0]["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is True
    assert "profiles could not run: the engine is missing" == notification["message"]["text"]
    assert "profiles" == notification["associatedRule"]["id"]
    assert {"startLine": 7} == notification["locations"][0]["physicalLocation"]["region"]


def test_sarif_doubles_braces_which_would_be_placeholders() -> None:
    result = ValidationResult((Issue("error", "ucum", "'{0}' is no unit"),))

    assert "'{{0}}' is no unit" == _run(Checked("a.json", result))["results"][0]["message"]["text"]


def test_sarif_is_not_successful_when_nothing_was_checked() -> None:
    assert _run(_UNREAD)["invocations"][0]["executionSuccessful"] is False


def test_github_shows_errors_and_warnings_at_the_file_and_line() -> None:
    place = "file=a b%2Cc%3A.ndjson,line=7"

    assert [
        f"::error {place},title=strict::Patient/a Patient.gender: 50%25 wrong%0D%0Ain two lines",
        f"::error {place},title=strict::Patient/a Patient.name: wrong too",
        f"::warning {place},title=dom-6::Patient/a: there is no narrative",
    ] == list(github_lines(_CHECKED))


def test_github_shows_information_as_a_notice_when_asked_for() -> None:
    assert (
        "::notice file=a.json,title=reference-resolves::the server must have it"
        == list(github_lines([Checked("a.json", _RESULT)], verbose=True))[-1]
    )


def test_github_lines_stay_one_line_each() -> None:
    (line,) = github_lines([Checked("a\nb.json", ValidationResult((Issue("error", "strict", "x\n::error::y"),)))])

    assert "::error file=a%0Ab.json,title=strict::x%0A::error::y" == line


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github"])
def test_every_format_ends_with_the_same_code_and_names_the_finding(form: str) -> None:
    result = _command("--format", form)

    assert 5 == result.exit_code
    assert "'man' is not one of female, male, other, unknown" in result.output


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github"])
def test_every_format_can_write_any_text(form: str) -> None:
    text = '{"resourceType":"Patient","id":"\\ud800","gender":"\\u0000\\ud800","\\ud801":[null]}'

    assert 5 == _command("--format", form, text=text).exit_code


def test_junit_and_sarif_of_the_command_can_be_parsed() -> None:
    root = _parsed(_command("--format", "junit", "--fail-on", "warning").output)
    log = json.loads(_command("--format", "sarif").output)

    assert "failure" == _case(root, "dom-6")[0].tag
    assert "-" == log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_json_and_sarif_have_a_finding_a_line_and_are_whole_without_any() -> None:
    good = '{"resourceType":"Basic","code":{"text":"a"},"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">a</div>"}}'
    two = _command("--format", "json").output
    none = result_of(_command("--format", "json", text=good).output)
    log = json.loads(_command("--format", "sarif", text=good).output)

    assert len(result_of(two)["outcome"]["issue"]) == sum(line.startswith('  {"severity"') for line in two.splitlines())
    assert ["nothing was found"] == [issue["diagnostics"] for issue in none["outcome"]["issue"]]
    assert (1, 0) == (none["counts"]["documents"], none["counts"]["error"])
    assert [] == log["runs"][0]["results"]


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github"])
def test_a_directory_without_anything_to_check_gives_8_and_no_half_output(form: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.json").write_text('{"resourceType":"Patient"}')
    (tmp_path / "empty").mkdir()

    done = run_command("validate", str(tmp_path / "full"), str(tmp_path / "empty"), "--format", form)

    assert (8, form == "json") == (done.exit_code, bool(done.stdout))
    assert "there is no .json or .ndjson file in this directory" in done.stderr


def test_an_accepted_finding_is_a_note_that_tells_why(tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\ncheck = "dom-6"\nreason = "the viewer makes it"\n')

    short = json.loads(_command("--format", "sarif", "--waivers", str(waivers)).output)
    long = json.loads(_command("--format", "sarif", "--waivers", str(waivers), "--verbose").output)

    assert "dom-6" not in {result["ruleId"] for result in short["runs"][0]["results"]}
    (note,) = [result for result in long["runs"][0]["results"] if result["ruleId"] == "dom-6"]
    assert "note" == note["level"]
    assert "waived: the viewer makes it" in note["message"]["text"]
