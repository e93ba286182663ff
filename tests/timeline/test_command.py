"""``fhir-case timeline``: what it takes, what it writes, and what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fhir_case import upload
from smallserver import SmallServer
from support import CASES, SHIPPED, golden, run_command
from timeline.bundles import bundle_of, observation, patient

if TYPE_CHECKING:
    from pathlib import Path

BUNDLE = CASES / SHIPPED / "bundle.json"


def test_the_end_of_the_file_is_the_format(tmp_path: Path) -> None:
    for name, begin in (("a.svg", b"<svg"), ("a.html", b"<!DOCTYPE html>"), ("a.PNG", b"\x89PNG")):
        code, out, err = run_command("timeline", BUNDLE, "-o", tmp_path / name)

        assert (0, "") == (code, out)
        assert f"{name}: 90 events of Patient/hcc-tare-sorafenib-patient, 2 without a time" in err
        assert (tmp_path / name).read_bytes().startswith(begin)


def test_without_a_file_it_goes_to_standard_output() -> None:
    code, out, err = run_command("timeline", BUNDLE, "--lane", "responses", "--title", "Responses of one patient")

    assert (0, "") == (code, err)
    assert out.startswith("<svg")
    assert ">Responses of one patient</text>" in out


def test_a_case_a_bundle_a_folder_and_standard_input_give_the_same_picture(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = [json.dumps(each["resource"]) for each in json.loads(BUNDLE.read_text())["entry"]]
    (tmp_path / "in" / "all.ndjson").write_text("\n".join(lines), encoding="utf-8")
    outputs = {
        run_command("timeline", source, stdin=BUNDLE.read_text(encoding="utf-8")).stdout
        for source in (SHIPPED, BUNDLE, tmp_path / "in", "-")
    }

    assert 1 == len(outputs)


def test_a_journal_names_what_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(BUNDLE.read_bytes())
    with SmallServer() as server:
        code, _, err = run_command("upload", "b.json", "--server", server.url, "--journal", "j.jsonl", cwd=tmp_path)
        assert 0 == code, err
        code, out, err = run_command("timeline", "j.jsonl", cwd=tmp_path)

        assert (0, run_command("timeline", BUNDLE).stdout) == (code, out)
        assert f"Drawing the files of the upload to {server.url}" in err


def test_a_journal_of_a_bundle_in_memory_is_drawn_from_the_bundle_beside_it_or_from_the_server(tmp_path: Path) -> None:
    with SmallServer() as server:
        upload(golden(SHIPPED), server.url, journal=tmp_path / "j.jsonl")
        code, out, err = run_command("timeline", "j.jsonl", cwd=tmp_path)
        assert (0, True) == (code, f"Reading Patient/{SHIPPED}-patient from {server.url}" in err)
        assert "90 events with a time" in out
    (tmp_path / "bundle.json").write_bytes(BUNDLE.read_bytes())
    code, out, err = run_command("timeline", "j.jsonl", cwd=tmp_path)

    assert (0, run_command("timeline", BUNDLE).stdout) == (code, out)
    assert "Drawing bundle.json, which was uploaded to" in err


@pytest.mark.parametrize("without", [(), ("everything",)])
def test_a_patient_of_a_server_is_read_by_everything_or_by_searches(without: tuple[str, ...]) -> None:
    with SmallServer(without=without) as server:
        code, _, err = run_command("upload", BUNDLE, "--server", server.url)
        assert 0 == code, err
        code, out, err = run_command("timeline", "--server", server.url, "--patient", f"{SHIPPED}-patient")

    assert 0 == code
    assert ("Not available: $everything" in err) == bool(without)
    assert "(90 events" in err or "90 events with a time" in out


def test_a_patient_with_many_resources_comes_in_pages() -> None:
    with SmallServer() as server:
        server.put(patient())
        for number in range(450):
            server.put(observation(f"o{number}", "CRP", f"20{number % 28:02}-01-01", {"value": number, "unit": "mg/L"}))
        code, out, err = run_command("timeline", "--server", server.url, "--patient", "p")
        asked = [request.path for request in server.requests]

    assert (0, True) == (code, "450 events with a time" in out), err
    assert [("Patient", "p"), ("Patient", "p", "$everything"), ("Patient",), ("Patient",)] == asked


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with SmallServer() as server:
        code, _, err = run_command("timeline", "--server", server.url, "--patient", "nobody")
        assert (7, True) == (code, "Patient/nobody" in err)
        assert 2 == run_command("timeline", "--server", server.url, "--patient", "../x?y=1").exit_code
    (tmp_path / "x.json").write_text("{]", encoding="utf-8")
    code, _, err = run_command("timeline", tmp_path / "x.json")
    assert (4, True) == (code, "there is no FHIR resource in it" in err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name a case, a Bundle or a journal, or --server and --patient."),
        (("--server", "http://localhost:1/fhir"), "--server needs --patient"),
        ((BUNDLE, "--server", "http://localhost:1/fhir"), "Name an input, or --server, not both."),
        ((BUNDLE, "-o", "x.pdf"), "x.pdf: name it .svg, .html or .png, or say --format."),
        ((BUNDLE, "--format", "png"), "--format png needs -o, the file to write."),
        ((BUNDLE, "--format", "cbioportal"), "--format cbioportal needs -o, the folder to write."),
        ((BUNDLE, "--anchor", "Procedure/none"), "'Procedure/none' is neither a date (2018-03-01) nor an event"),
        ((BUNDLE, "--anchor", "2018", "--axis", "dates"), "--axis dates counts from nothing"),
        (("nowhere.json",), "nowhere.json: this does not exist"),
    ],
)
def test_a_wrong_command_line_says_what_to_do(arguments: tuple[object, ...], message: str) -> None:
    code, out, err = run_command("timeline", *arguments)

    assert (2, "") == (code, out)
    assert message in " ".join(err.split())


def test_what_cannot_be_read_is_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        json.dumps(bundle_of([patient(), observation("o", "CRP", "2020-01-01", {"value": 5})]))
    )
    (tmp_path / "b.json").write_text("{")
    code, out, err = run_command("timeline", tmp_path)

    assert (4, True) == (code, out.startswith("<svg"))
    assert "b.json: this is not complete JSON" in err


def test_the_axis_counts_from_what_the_user_names() -> None:
    event = f"Procedure/{SHIPPED}-tace"
    outputs = [
        run_command("timeline", BUNDLE, *more).stdout
        for more in (("--anchor", event), ("--anchor", "2018-10"), ("--axis", "dates"))
    ]

    assert "Time in months from Transarterial chemoembolisation (TACE)" in outputs[0]
    assert "Time in months from 2018-10" in outputs[1]
    assert "Time in dates" in outputs[2]


def test_several_patients_need_a_choice(tmp_path: Path) -> None:
    (tmp_path / "two.json").write_text(json.dumps(bundle_of([patient(), patient("q")])))
    code, _, err = run_command("timeline", tmp_path / "two.json")

    assert (4, True) == (code, "these are 2 patients: p, q; choose one by --patient ID" in err)


def test_the_files_of_cbioportal_have_days_from_the_diagnosis(tmp_path: Path) -> None:
    code, out, err = run_command("timeline", BUNDLE, "--format", "cbioportal", "--study", "liver", "-o", tmp_path)
    tables = {
        file.name: [line.split("\t") for line in file.read_text().splitlines()] for file in tmp_path.glob("data_*")
    }
    status, treatment, laboratory = (
        tables[f"data_timeline_{name}.txt"] for name in ("status", "treatment", "lab_test")
    )

    assert (0, "") == (code, out)
    assert "the days count from the diagnosis: Hepatocellular carcinoma, 2017-03-01" in err
    assert "Left out, since it has no time: entecavir: 0.5 mg" in err
    assert (
        "cancer_study_identifier: liver\ngenetic_alteration_type: CLINICAL\ndatatype: TIMELINE\n"
        "data_filename: data_timeline_status.txt\n"
    ) == (tmp_path / "meta_timeline_status.txt").read_text()
    assert ["PATIENT_ID", "START_DATE", "STOP_DATE", "EVENT_TYPE", "STATUS", "TIME", "DETAILS", "RESOURCE"] == status[0]
    assert ["92", "", "STATUS", "partial response"] == status[1][1:5]
    assert ["31", "45", "TREATMENT", "Medical Therapy", "sorafenib", "400 mg twice daily"] in [
        row[1:7] for row in treatment
    ]
    assert ["0", "", "TREATMENT", "Radiation Therapy"] in [row[1:5] for row in treatment]
    assert ["0", "", "LAB_TEST", "Alpha-fetoprotein (AFP)", "33996", "ng/mL"] in [row[1:7] for row in laboratory]
    rows = sum(len(table) - 1 for table in tables.values())
    assert 90 == rows
    assert {file.name.replace("data", "meta", 1) for file in tmp_path.glob("data_*")} == {
        file.name for file in tmp_path.glob("meta_*")
    }


def test_png_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    code, _, err = run_command("timeline", BUNDLE, "-o", tmp_path / "a.png")

    assert (8, True) == (code, "pip install 'fhir-case[png]'" in err)
    assert not (tmp_path / "a.png").exists()


def test_golden_bundles_are_those_of_the_shipped_case() -> None:
    assert 124 == len(golden(SHIPPED)["entry"])


def test_in_json_the_times_of_an_event_are_dates() -> None:
    result = json.loads(run_command("timeline", "hcc-tare-sorafenib", "--format", "json")[1])["result"]

    (treatment,) = (event for event in result["events"] if event["name"].startswith("Transarterial radioembolisation"))
    hepatitis = next(event for event in result["events"] if event["name"] == "Chronic hepatitis B")
    assert ("2017-03-01", "2017-03-01") == (treatment["start"]["earliest"], treatment["start"]["latest"])
    assert ("1997-01-01", "1997-12-31") == (hepatitis["start"]["earliest"], hepatitis["start"]["latest"])
