"""A finding is accepted with a reason, and a waiver that is wrong or not needed is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.issues import CheckRun, Issue
from fhir_case.validation.waivers import Waiver, as_information, read_waivers, unused, waived
from support import Result, run_command

if TYPE_CHECKING:
    from pathlib import Path

_NO_NARRATIVE = Issue("warning", "dom-6", "there is no narrative", "Patient/a", "Patient.text")
_NO_DISPLAY = Issue("error", "strict", "the display is empty", "Patient/a", "Patient.name[0].given")
_PATIENT = '{"resourceType":"Patient","id":"a"}'


def _file(folder: Path, text: str) -> Path:
    path = folder / "waivers.toml"
    path.write_text(text)
    return path


def _run(waivers: Path, *arguments: str, text: str = _PATIENT) -> Result:
    return run_command("validate", "-", "--waivers", str(waivers), *arguments, stdin=text)


def test_a_file_gives_its_waivers_in_order(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        [[waiver]]
        check = "dom-6"
        reason = "the viewer makes it"
        [[waiver]]
        check = "strict"
        resource = "Patient/*"
        expression = "Patient.name[0].given"
        reason = "known"
        """,
    )

    assert (
        Waiver("dom-6", "the viewer makes it"),
        Waiver("strict", "known", "Patient/*", "Patient.name[0].given"),
    ) == read_waivers(path)


def test_a_file_without_waivers_is_right(tmp_path: Path) -> None:
    assert () == read_waivers(_file(tmp_path, "# none yet\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[waiver]\n", ":1:9: this is not TOML"),
        ("x = " + "[" * 5000, "nested too deep"),
        ("[[waivers]]\n", "'waivers' is not known; write each waiver under [[waiver]]"),
        ("waiver = 1\n", "'waiver' is not a list"),
        ("waiver = [1]\n", "waiver 1: this is not a table"),
        ('[[waiver]]\ncheck = "dom-6"\n', "waiver 1: reason is missing"),
        ('[[waiver]]\ncheck = "dom-6"\nreason = " "\n', "waiver 1: reason is missing"),
        ('[[waiver]]\nreason = "x"\n', "waiver 1: check is missing"),
        ('[[waiver]]\ncheck = "dom6"\nreason = "x"\n', "waiver 1: there is no check 'dom6'; did you mean 'dom-6'?"),
        ('[[waiver]]\ncheck = "zzzzzz"\nreason = "x"\n', "there is no check 'zzzzzz'; fhir-case validate --list-rules"),
        ('[[waiver]]\nresorce = "Patient/a"\n', "waiver 1: 'resorce' is not known; did you mean 'resource'?"),
        ('[[waiver]]\nzzz = "x"\n', "'zzz' is not known; known are check, reason, resource, expression"),
        ("[[waiver]]\ncheck = 6\n", "waiver 1: check is not a text"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_place(text: str, expected: str, tmp_path: Path) -> None:
    path = _file(tmp_path, text)

    with pytest.raises(FhirCaseError) as raised:
        read_waivers(path)

    assert str(raised.value).startswith(str(path))
    assert expected in str(raised.value)


def test_a_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_bytes(b'x = "\xff"')

    with pytest.raises(FhirCaseError, match="this is not UTF-8: byte 5"):
        read_waivers(path)


def test_a_wrong_file_ends_with_2(tmp_path: Path) -> None:
    missing = _run(tmp_path / "none.toml")
    wrong = _run(_file(tmp_path, '[[waiver]]\ncheck = "dom-6"\n'))

    assert (2, 2) == (missing.exit_code, wrong.exit_code)
    assert "No such file" in missing.output
    assert "reason is missing" in wrong.output


@pytest.mark.parametrize(
    ("waiver", "accepts"),
    [
        (Waiver("strict", "x"), True),
        (Waiver("strict", "x", "Patient/*"), True),
        (Waiver("strict", "x", "Patient/a", "Patient.name[0].given"), True),
        (Waiver("strict", "x", expression="Patient.name*given"), True),
        (Waiver("dom-6", "x"), False),
        (Waiver("strict", "x", "patient/*"), False),
        (Waiver("strict", "x", ""), False),
        (Waiver("strict", "x", expression="Patient.name[1].given"), False),
    ],
)
def test_a_waiver_accepts_what_it_names_and_nothing_else(waiver: Waiver, accepts: bool) -> None:
    kept, accepted = waived([_NO_NARRATIVE, _NO_DISPLAY], [waiver])

    assert accepts == ((_NO_DISPLAY, waiver) in accepted)
    assert accepts == (_NO_DISPLAY not in kept)


def test_an_accepted_finding_tells_its_reason_and_what_it_was() -> None:
    (issue,) = as_information([(_NO_NARRATIVE, Waiver("dom-6", "the viewer makes it"))])

    assert "information" == issue.severity
    assert "there is no narrative (was warning; waived: the viewer makes it)" == issue.message


def test_a_waiver_is_told_when_its_check_ran_and_no_finding_needs_it() -> None:
    waivers = [Waiver(name, "x") for name in ("dom-6", "ucum", "bdl-1", "strict")]
    runs = {
        "dom-6": CheckRun("dom-6", "ran"),
        "ucum": CheckRun("ucum", "could not run", "ucumvert is missing"),
        "strict": CheckRun("strict", "ran"),
    }

    (issue,) = unused(waivers, {waivers[0]}, runs)

    assert ("warning", "waivers") == (issue.severity, issue.check)
    assert "no finding needs the waiver of strict: delete it" == issue.message


def test_an_accepted_warning_does_not_fail_and_is_shown_only_when_asked_for(tmp_path: Path) -> None:
    waivers = _file(tmp_path, '[[waiver]]\ncheck = "dom-6"\nreason = "the viewer makes it"\n')

    short = _run(waivers, "--fail-on", "warning")
    long = _run(waivers, "--fail-on", "warning", "--verbose")

    assert (0, 0) == (short.exit_code, long.exit_code)
    assert "1 resource checked: no errors, no warnings, 1 waived" in short.output
    assert "dom-6" not in short.output
    assert "waived: the viewer makes it) [dom-6]" in long.output
    assert "no warnings, no information, 1 waived" in long.output


def test_a_waiver_that_is_not_needed_is_a_warning(tmp_path: Path) -> None:
    waivers = _file(tmp_path, '[[waiver]]\ncheck = "dom-6"\nresource = "Patient/b"\nreason = "x"\n')

    result = _run(waivers)

    assert 0 == result.exit_code
    assert "no finding needs the waiver of dom-6 Patient/b: delete it [waivers]" in result.output
    assert "no errors, 2 warnings" in result.output


def test_a_waiver_does_not_hide_that_nothing_was_checked(tmp_path: Path) -> None:
    waivers = _file(tmp_path, '[[waiver]]\ncheck = "json"\nreason = "x"\n[[waiver]]\ncheck = "dom-6"\nreason = "x"\n')

    result = _run(waivers, text="<Patient/>")

    assert 8 == result.exit_code
    assert "delete it" not in result.output
