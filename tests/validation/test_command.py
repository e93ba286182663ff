"""The command says what it found, what it did not check, and ends with the right code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fhir_case.fhir.invariants import NOT_CHECKED
from fhir_case.validation import CHECKS, validate
from support import Result, result_of, run_command

_GOOD = Path(__file__).parent / "good.json"
_BAD = '{"resourceType":"Patient","gender":"man"}'


def _run(*arguments: str, text: str = "") -> Result:
    return run_command("validate", *arguments, stdin=text)


def test_a_good_bundle_ends_with_0_and_says_what_was_not_checked() -> None:
    result = _run(str(_GOOD))

    assert 0 == result.exit_code
    assert "29 resources checked: no errors, no warnings" in result.output
    assert "profiles: profiles are claimed, and what checks them is not at hand: the FHIR package " in result.output


def test_an_error_ends_with_5_and_names_the_element() -> None:
    result = _run("-", text=_BAD)

    assert 5 == result.exit_code
    assert "Patient.gender: 'man' is not one of female, male, other, unknown" in result.output


def test_only_warnings_end_with_5_when_asked_for() -> None:
    text = '{"resourceType":"Patient","id":"a"}'

    assert 0 == _run("-", text=text).exit_code
    assert 5 == _run("-", "--fail-on", "warning", text=text).exit_code


def test_errors_end_with_0_when_nothing_is_to_fail() -> None:
    assert 0 == _run("-", "--fail-on", "never", text=_BAD).exit_code


def test_xml_ends_with_8_because_nothing_was_checked() -> None:
    assert 8 == _run("-", text="<Patient/>").exit_code


def test_an_empty_directory_ends_with_8(tmp_path: Path) -> None:
    assert 8 == _run(str(tmp_path)).exit_code


def test_a_path_that_is_not_there_is_a_wrong_command_line() -> None:
    assert 2 == _run("/no/such/file.json").exit_code


def test_json_is_an_operation_outcome_with_the_checks() -> None:
    answer = result_of(_run("-", "--format", "json", text=_BAD).output)

    issue = next(one for one in answer["outcome"]["issue"] if one["severity"] == "error")
    assert "OperationOutcome" == answer["outcome"]["resourceType"]
    assert ["Patient.gender"] == issue["expression"]
    assert "ran" == next(check["state"] for check in answer["checks"] if check["name"] == "strict")


def test_the_outcome_that_is_written_is_itself_right() -> None:
    outcome = result_of(_run("-", "--format", "json", text=_BAD).output)["outcome"]

    assert {"dom-6"} == {issue.check for issue in validate(outcome).issues}


def test_the_same_finding_in_many_resources_is_one_line_unless_verbose() -> None:
    text = '{"resourceType":"Patient","id":"a","name":[{"family":""},{"family":""},{"family":""}]}'

    assert "(and 2 more like it)" in _run("-", text=text).output
    assert 3 == _run("-", "--verbose", text=text).output.count("empty text is not allowed")


def test_text_from_a_document_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in _run("-", text='{"resourceType":"Patient","gender":"\\u001b[31m"}').output


def test_every_check_is_listed_with_reason_and_source() -> None:
    lines = _run("--list-rules").output.splitlines()

    assert [*(check.name for check in CHECKS), *NOT_CHECKED] == [line.split()[0] for line in lines]
    assert len(NOT_CHECKED) == sum("not checked: " in line for line in lines)


def test_an_r5_resource_is_checked_as_r5() -> None:
    medication = '"medication":{"concept":{"text":"x"}},"subject":{"display":"x"}'
    text = f'{{"resourceType":"MedicationStatement","status":"recorded",{medication}}}'

    assert 0 == _run("-", "--fhir", "R5", text=text).exit_code
    assert 5 == _run("-", "--fhir", "R4", text=text).exit_code


def _statements(count: int, **more: object) -> str:
    medication = {"status": "recorded", "medication": {"concept": {"text": "x"}}, "subject": {"display": "x"}}
    statement = {"resourceType": "MedicationStatement", **medication, **more}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": statement}] * count})


def test_a_bundle_of_another_release_is_told_once_and_not_at_each_element() -> None:
    told = _run("-", text=_statements(3)).output

    assert (
        "error   this is written in R5: 3 of its 3 resources have what only R5 has, such as "
        "MedicationStatement.medication, which is an element that R4 does not have; check it with --fhir R5 [strict]"
    ) in told
    assert 1 == told.count("  error   ")


def test_elements_of_another_release_in_one_or_two_resources_are_mistakes() -> None:
    told = _run("-", text=_statements(2)).output

    assert "this is written in R5" not in told
    assert "'medication' is not an element of MedicationStatement" in told


def test_what_is_of_neither_release_alone_is_checked_as_was_asked() -> None:
    mixed = _run("-", text=_statements(3, reasonCode=[{"text": "x"}])).output

    assert "this is written in R5" not in mixed


@pytest.mark.parametrize("name", ["structure", "strict", "ucum"])
def test_a_check_that_cannot_run_says_so_and_is_no_finding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"structure": "fhir.resources.R4B", "strict": "jsonschema_rs", "ucum": "ucumvert"}[name]
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    _forget()
    bundle: dict[str, Any] = json.loads(_GOOD.read_text())
    bundle["entry"][4]["resource"]["valueQuantity"]["code"] = "[foz_us]"
    try:
        result = validate(bundle)
    finally:
        _forget()

    assert "could not run" == next(run.state for run in result.checks if run.name == name)
    assert not [issue for issue in result.issues if issue.check == name]


def _forget() -> None:
    """Empty what earlier tests have loaded."""
    from fhir_case.fhir import models, ucum, validators

    models._model.cache_clear()
    validators._compiled.cache_clear()
    validators._seen.cache_clear()
    ucum._parser.cache_clear()
    ucum._is_parsed.cache_clear()


def test_plain_json_is_checked_without_the_models_of_a_case() -> None:
    program = (
        "import sys\nfrom fhir_case.cli import main\n"
        "try:\n    main(['validate', sys.argv[1]])\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith(('fhir_case.case', 'fhir_case_mappings'))])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(_GOOD)], capture_output=True, text=True, timeout=120, check=True
    )

    assert "[]" == done.stdout.splitlines()[-1]
    assert "29 resources checked" in done.stdout
