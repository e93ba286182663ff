"""A case in R5 on the command line: built, checked, and handed from one command to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.documents import find_documents
from fhir_case.fhir.wire import parse
from support import CASES, SHIPPED, run_command

if TYPE_CHECKING:
    from pathlib import Path

CASE = CASES / "colon-cancer-open-codes" / "case.yaml"


def test_a_case_file_is_checked_in_the_release_that_is_asked_for() -> None:
    done = run_command("validate", str(CASE), "--fhir", "R5")

    assert (0, "") == (done.exit_code, done.stderr)
    assert "29 resources checked: no errors, no warnings" in done.stdout


def test_a_finding_in_r5_names_the_line_of_the_case_that_caused_it(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    text = CASE.read_text(encoding="utf-8")
    text = text.replace("at: 10 d after capecitabine", "at: 3 wk before resection")
    file.write_text(text.replace("until: nausea", "until: 6 wk after resection"), encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines()
    line = next(number for number, words in enumerate(lines, 1) if "key: nausea" in words)
    done = run_command("validate", str(file), "--fhir", "R5")

    assert 5 == done.exit_code
    assert f"(from {file}:{line}:5)" in done.stdout
    assert "event-before-cause" in done.stdout


def test_a_case_file_is_read_as_a_bundle_of_that_release() -> None:
    (r4,), (r5,) = find_documents(CASE), find_documents(CASE, fhir="R5")

    assert r4.content is not None
    assert r5.content is not None
    assert {"AdverseEvent.event", "AdverseEvent.code"} == {
        f"AdverseEvent.{name}"
        for content in (r4.content, r5.content)
        for entry in content["entry"]
        if entry["resource"]["resourceType"] == "AdverseEvent"
        for name in ("event", "code")
        if name in entry["resource"]
    }


def test_what_build_writes_in_r5_is_right_in_r5_and_wrong_in_r4() -> None:
    bundle = run_command("build", SHIPPED, "--fhir", "R5").stdout
    in_r5 = run_command("validate", "-", "--fhir", "R5", "--closed", stdin=bundle)
    in_r4 = run_command("validate", "-", stdin=bundle)

    assert parse(bundle)["type"] == "transaction"
    assert (0, 5) == (in_r5.exit_code, in_r4.exit_code)
    assert f"{len(parse(bundle)['entry'])} resources checked: no errors, no warnings" in in_r5.stdout


def test_a_mapping_that_gives_what_r5_cannot_say_is_exit_4(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from fhir_case.mapping import Mapping\n\n\ndef mine(case):\n"
        '    yield {"resourceType": "ImagingStudy", "id": "x", "status": "unknown", "subject": {"display": "x"},\n'
        '           "interpreter": [{"display": "y"}]}\n\n\nMAPPING = Mapping("mine", mine, "mine")\n'
    )
    done = run_command("build", SHIPPED, "--fhir", "R5", "--mapping", str(file))

    assert 4 == done.exit_code
    assert f"ImagingStudy/{SHIPPED}-x: ImagingStudy.interpreter cannot be written in R5" in done.stderr
    assert "Traceback" not in done.stderr
    assert 0 == run_command("build", SHIPPED, "--mapping", str(file)).exit_code


@pytest.mark.parametrize("command", ["build", "run", "validate"])
def test_every_command_that_builds_a_case_says_that_it_knows_both_releases(command: str) -> None:
    assert "--fhir [R4|R5]" in run_command(command, "--help").stdout
