"""The pages of validate, upload, verify and explain: what became of each resource, however many there are."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.fhir.wire import dump, parse
from fhir_case.report.page import Gathered, Report, report_page
from load.sample import bundle, patient, write
from smallserver import Reply, SmallServer
from support import SHIPPED, TESTS, golden_file, run_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from smallserver import Request

EVERYTHING = TESTS / "readers" / "phenopackets" / "everything.yaml"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e"


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def rows(page: str) -> dict[str, str]:
    """The last cell of each row of the table of resources, as text, by the text of its first."""
    found = re.findall(
        r'<tr data-search="[^"]*"><th scope="row">(.*?)</th>.*?<td data-label="[^"]*">([^/]*?(?:</span>)?)</td></tr>',
        page,
        re.DOTALL,
    )
    return {" ".join(re.sub("<[^>]+>", "", name).split()): re.sub("<[^>]+>", "", state) for name, state in found}


def refusing(request: Request, answer: Callable[[], Reply]) -> Reply:
    """Refuse what holds a word, with a text that would be a script in a page."""
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "invalid", "diagnostics": HOSTILE}],
    }
    return Reply(422, outcome) if b"refuse-me" in request.content else answer()


def test_a_check_has_its_findings_at_each_resource_and_by_kind(tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [
        {"fullUrl": f"https://one.example/Patient/p-{number}", "resource": patient(str(number))} for number in range(3)
    ]
    entries[1]["resource"]["birthDate"] = "yesterday"
    entries += [
        {"resource": {"resourceType": "Observation", "status": "final"}},
        {"request": {"method": "GET", "url": "x"}},
    ]
    file = tmp_path / f"{HOSTILE.replace('/', '')}.json"
    file.write_bytes(dump({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    code, _, err = run_command("validate", file, "--engine", "none", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert 5 == code
    assert f"The page is {tmp_path / 'page.html'}" in err
    assert ["Patient/p-0", "Patient/p-1", "Patient/p-2", "Bundle.entry[3]"] == list(rows(page))
    assert ["1 warning", "1 error, 1 warning", "1 warning"] == list(rows(page).values())[:3]
    assert "<script>alert" not in page
    assert "Patient/p-1 Patient.birthDate: " in page
    assert "<p>Not drawn: these are resources of several patients.</p>" in page
    assert '<th scope="col">Findings</th>' in page


def test_a_check_of_one_patient_has_the_course_and_what_only_words_say(tmp_path: Path) -> None:
    run_command("validate", golden_file(SHIPPED), "--engine", "none", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert 'role="region" aria-label="The course"><svg' in page
    assert '<span class="mark good">no errors</span>' in page
    assert "<b>profiles</b>: profiles are claimed, and no validator for them was chosen" in page
    assert '<th scope="row">Observation.valueCodeableConcept</th><td>BCLC stage C</td>' in page


def test_an_upload_has_each_resource_with_its_place_and_why_others_were_refused(tmp_path: Path) -> None:
    lines = [patient("good"), patient("bad", gender="refuse-me")]
    file = write(tmp_path, "in.ndjson", lines)
    with SmallServer.like() as server:
        server.hook = refusing
        code, _, _ = run_command("upload", file, "--server", server.url, "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert 7 == code
    assert {f"Patient/p-good {file}:1": "created", f"Patient/p-bad {file}:2": "failed"} == rows(page)
    assert f'<a href="{server.url}/Patient/p-good" rel="noreferrer">Patient/p-good</a>' in page
    assert '<span class="mark bad">not all loaded</span>' in page
    assert f"<b>{file}:2: Patient/p-bad</b>: nothing was stored: HTTP 422" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "1 created, 1 failed." in page


def test_an_upload_that_resumes_has_what_the_earlier_run_stored_too(tmp_path: Path) -> None:
    file = write(tmp_path, "in.ndjson", [patient("good"), patient("bad", gender="refuse-me")])
    call = ("upload", file, "--journal", tmp_path / "journal.jsonl", "--html", tmp_path / "page.html", "--server")
    with SmallServer.like() as server:
        server.hook = refusing
        assert 7 == run_command(*call, server.url).exit_code
        server.hook = lambda _, answer: answer()
        assert 0 == run_command(*call, server.url).exit_code
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert {f"Patient/p-good {file}:1": "created", f"Patient/p-bad {file}:2": "created"} == rows(page)
    assert "1 created, 1 of an earlier run." in page


def test_a_verification_has_what_is_altered_or_lost(tmp_path: Path) -> None:
    file = write(tmp_path, "a.json", bundle("a", once=False))
    journal = tmp_path / "journal.jsonl"
    with SmallServer.like() as server:
        assert 0 == run_command("upload", file, "--server", server.url, "--journal", journal).exit_code
        server.put({**server.resources["Patient/p-a"], "gender": HOSTILE})
        for name in [name for name in server.resources if name.startswith("Observation/")]:
            del server.resources[name]
        code, _, err = run_command("verify", journal, "--html", "page.html", cwd=tmp_path)
    assert "The page is page.html\n" in err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert 5 == code
    assert "altered" == rows(page)["Patient/p-a"]
    assert ["altered", "lost"] == sorted(state for state in rows(page).values() if state in ("altered", "lost"))
    assert re.search(r"<li><b>[^<]*urn:uuid:[^<]*</b>: lost: Observation/", page)
    assert "<code>Patient.gender</code> changed: " in page
    assert '<span class="mark bad">not all as sent</span>' in page
    assert "<script>alert" not in page


def test_the_page_of_a_hundred_thousand_resources_opens_and_says_how_many_are_not_shown() -> None:
    gathered = Gathered("https://fhir.example")
    for number in range(3_000):
        resource = {"resourceType": "Basic", "id": str(number), "text": {"div": f"<div>{'word ' * 500}</div>"}}
        good = number != 2_500
        gathered.add(number, resource, good=good)
        gathered.note(number, "created" if good else "failed", stored_as=f"Basic/{number}", good=good)
    page = report_page(Report("Upload", "", "fhir-case", gathered))

    assert 1001 == len(rows(page)) == page.count("<tr data-search")
    assert "failed" == rows(page)["Basic/2500"]
    assert "The first 1,001 of 3,000 resources" in page
    assert "1,999 are not shown" in page
    assert "<li>Basic <b>3,000</b></li>" in page
    assert 12_000_000 > len(page)


@pytest.mark.parametrize("command", ["validate", "upload", "verify"])
def test_a_page_that_cannot_be_written_is_refused_before_the_work(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = () if command == "validate" else ("--server", "http://127.0.0.1:9/fhir")
    file = write(tmp_path, "a.json", patient("a"))
    cases = [
        ("-", "standard output has the result of the command"),
        (tmp_path / "file" / "page.html", f"nothing can be written in {tmp_path / 'file'}"),
    ]
    for page, reason in cases:
        code, out, err = run_command(command, file, *server, "--html", page)
        assert (2, "") == (code, out)
        assert reason in err.replace("\n", " ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    code, out, err = run_command("validate", golden_file(SHIPPED), "--html", tmp_path / "locked" / "page.html")

    assert (2, "") == (code, out)
    assert "nothing can be written in" in err


def test_a_file_whose_name_is_not_utf_8_has_a_page(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json"))
    file.write_bytes(dump(patient("a", name=[{"text": "A"}])))
    with SmallServer.like() as server:
        for command in (("validate",), ("upload", "--server", server.url), ("verify", "--server", server.url)):
            assert 0 == run_command(*command, file, "--html", tmp_path / "page.html").exit_code
            assert "/\\udcff.json" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_open_opens_the_page_that_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    file = write(tmp_path, "a.json", patient("a"))
    call = ("validate", file, "--engine", "none", "--open")

    assert 2 == run_command(*call).exit_code
    assert 2 == run_command("interop", "--server", "http://127.0.0.1:9/fhir", "--open").exit_code
    assert [] == opened
    assert 0 == run_command(*call, "--html", tmp_path / "page.html").exit_code
    assert [str(tmp_path / "page.html")] == opened


def test_an_explanation_is_a_page_with_each_fact_its_place_and_its_code(tmp_path: Path) -> None:
    code, _, err = run_command("explain", SHIPPED, "--format", "html", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    facts = re.findall(r'<tr data-search="', page)

    assert 0 == code
    assert f"{len(facts)} facts: " in err
    assert "<b>diagnosis</b><small>" in page
    assert "Condition/hcc <code>code</code>: Liver cell carcinoma (http://snomed.info/sct 109841003)" in page
    assert '<span class="mark weak">words only</span>' in page
    assert "Without evidence in the case" in page


def test_an_explanation_of_words_alone_lists_only_them(tmp_path: Path) -> None:
    run_command("explain", SHIPPED, "--only", "words", "--format", "html", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert '<span class="mark good">' not in page
    assert "Only facts that are words only are listed." in page


def test_an_explanation_of_another_format_lists_what_no_entry_of_the_case_holds(tmp_path: Path) -> None:
    forms = {}
    for form in ("text", "json", "csv", "html"):
        output = tmp_path / form
        code, _, err = run_command("explain", EVERYTHING, "--format", form, "-o", output)
        assert 5 == code
        assert err.rstrip().endswith("1 of the file in no entry.")
        forms[form] = output.read_text(encoding="utf-8")

    what = "the time of day of 2010-06-02T10:30:00Z"
    assert f"  {EVERYTHING}:29:68: {what}: a case has days; the day is kept\n" in forms["text"]
    assert [what] == [one["what"] for one in parse(forms["json"])["not_carried_over"]]
    assert f",,,{what},{EVERYTHING}:29:68,,nowhere,,,a case has days; the day is kept\n" in forms["csv"]
    assert f'<td data-label="What">{what}</td>' in forms["html"]
