"""The views that are shipped: what a public runner of SQL on FHIR makes of them is what the cases say."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.cohort.recipe import Recipe, patient_bundle, source_of
from fhir_case.fhir.wire import dump
from fhir_case.views import VIEWS, view
from small_case import HEAD, built
from sql_on_fhir import Row, columns_of, pysof, rows
from support import ROOT, SHIPPED, golden, run_command

if TYPE_CHECKING:
    from pathlib import Path

# What the specification asks of every runner; https://build.fhir.org/ig/FHIR/sql-on-fhir-v2/StructureDefinition-ViewDefinition.html
FUNCTIONS = {"where", "exists", "empty", "extension", "join", "ofType", "first", "not"}
KEYS = {"getResourceKey", "getReferenceKey"}
PRIMITIVES = {"boolean", "code", "date", "dateTime", "decimal", "integer", "string", "uri"}


def plain(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resources of a Bundle as another program would read them."""
    return [entry["resource"] for entry in json.loads(dump(bundle))["entry"]]


@pytest.fixture(scope="module")
def shipped() -> dict[str, list[Row]]:
    """The rows of each view of the shipped case."""
    resources = plain(golden(SHIPPED))
    return {name: rows(view(name), resources) for name in VIEWS}


def values(found: list[Row], *names: str) -> list[tuple[Any, ...]]:
    """Return some columns of the rows, None where a row has nothing in one, without the beginning of ids."""
    shown = [tuple(row.get(name) for name in names) for row in found]
    return [
        tuple(one.removeprefix(f"{SHIPPED}-") if isinstance(one, str) else one for one in row)
        for row in sorted(shown, key=str)
    ]


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_one_that_can_be_shared_between_systems(name: str) -> None:
    definition = view(name)
    columns = columns_of(definition)

    assert ("ViewDefinition", name, ["4.0.1"]) == tuple(
        definition[key] for key in ("resourceType", "name", "fhirVersion")
    )
    assert f"urn:fhir-case:view:{name}" == definition["url"]
    assert pysof().validate_view_definition(json.dumps(definition))
    assert len(columns) == len({column["name"] for column in columns})
    assert {column["type"] for column in columns} <= PRIMITIVES
    assert all(re.fullmatch("[a-z][a-z0-9_]*", column["name"]) and column["description"] for column in columns)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_needs_of_fhirpath_what_every_runner_has(name: str) -> None:
    text = json.dumps(view(name))
    paths = [json.loads(f'"{one}"') for one in re.findall(r'"(?:path|forEachOrNull)": "((?:[^"\\]|\\.)*)"', text)]
    used = {call for path in paths for call in re.findall(r"(\w+)\(", re.sub("'[^']*'", "", path))}
    constants = {one["name"] for one in view(name).get("constant", ())}
    named = {one for path in paths for one in re.findall(r"%(\w+)", path)}

    assert used <= FUNCTIONS | KEYS
    assert constants == named
    # Of an unsignedInt pysof has integers and others have unsignedInts: the one thing that is asked for beyond.
    assert {"fractions", "sessions"} >= {one["name"] for one in columns_of(view(name)) if "|" in one["path"]}


def test_there_is_a_file_for_each_view_and_no_other() -> None:
    assert sorted(VIEWS) == sorted(file.stem for file in (ROOT / "fhir_case" / "views").glob("*.json"))


def test_the_rows_of_the_shipped_case_are_what_it_says(shipped: dict[str, list[Row]]) -> None:
    assert [("patient", "male", None)] == values(shipped["patient"], "patient_id", "gender", "birth_date")
    assert [("hcc", "Hepatocellular carcinoma", "109841003", "C22.0", 56, "a", "remission")] == values(
        shipped["primary_cancer"],
        "condition_id", "diagnosis", "snomed", "icd10", "onset_age", "onset_age_unit", "clinical_status",
    )  # fmt: skip
    assert [
        ("BCLC stage", "BCLC stage C", None, "hcc"),
        ("Clinical TNM stage group", "stage IVB", None, "hcc"),
        ("M category", "M1", "55440008", "hcc"),
        ("N category", "N1", "53623008", "hcc"),
        ("T category", "T4", "65565005", "hcc"),
    ] == values(shipped["stage"], "stage", "value", "value_code", "condition_id")
    assert [
        ("53962-7", "2017-03-01", 33996, "ng/mL", None),
        ("53962-7", "2017-06-01", 1290, "ng/mL", None),
        ("53962-7", "2018-03-01", 249, "ng/mL", None),
        ("53962-7", "2018-12-01", None, None, "within the normal range"),
        ("93768-0", "2017-03-01", 51, "[arb'U]/L", None),
        ("93768-0", "2018-03-01", 26, "[arb'U]/L", None),
    ] == values(shipped["tumor_marker"], "loinc", "date", "value", "unit", "value_text")
    assert [("tace", "441525007", "local-recurrence")] == values(
        shipped["procedure"], "procedure_id", "snomed", "condition_id"
    )
    assert [
        ("Hand-foot skin reaction, grade 2", "10054524", "2017-04-15"),
    ] == values(shipped["adverse_event"], "event", "meddra", "date")
    assert [] == shipped["vital_status"]


def test_treatments_and_what_came_of_them_have_their_days_and_what_they_were_for(shipped: dict[str, list[Row]]) -> None:
    assert [
        ("pbt", "10611004", "pbt-p4", "2018-10-01", None, "local-recurrence"),
        ("pbt", "10611004", "pbt-s4", "2018-10-01", None, "local-recurrence"),
        ("tare", "440252007", "tare-s4", "2017-03-01", None, "hcc"),
        ("tare", "440252007", "tare-s5", "2017-03-01", None, "hcc"),
        ("tare", "440252007", "tare-s5-s8", "2017-03-01", None, "hcc"),
    ] == values(
        shipped["radiotherapy"],
        "procedure_id", "modality_snomed", "volume_id", "period_start", "period_end", "condition_id",
    )  # fmt: skip
    assert [
        ("entecavir", None, "J05AF10", None, None, "unknown"),
        ("sorafenib", "495881", "L01EX02", "2017-04-01", "2017-04-15", "stopped"),
        ("sorafenib", "495881", "L01EX02", "2017-04-15", "2018-03-01", "stopped"),
    ] == values(shipped["medication"], "medication", "rxnorm", "atc", "period_start", "period_end", "status")
    assert [
        ("2017-06-01", "partial response (mRECIST)", "268910001"),
        ("2018-03-01", "complete response", "268910001"),
        ("2018-10-01", "progressive disease (local recurrence)", "271299001"),
        ("2019-12-01", "complete response", "103338009"),
    ] == values(shipped["response"], "date", "response", "snomed")


def test_a_date_of_which_only_before_or_after_is_told_is_marked_as_uncertain(shipped: dict[str, list[Row]]) -> None:
    markers = dict(values(shipped["tumor_marker"], "observation_id", "date_uncertain"))
    drugs = dict(values(shipped["medication"], "period_start", "start_uncertain"))

    assert (True, False) == (markers["afp-baseline"], markers["afp-3-months"])
    assert {None: False, "2017-04-01": False, "2017-04-15": True} == drugs
    assert [True] == [row["diagnosed_uncertain"] for row in shipped["primary_cancer"]]


def test_deaths_last_contacts_and_doses_are_columns() -> None:
    case = """\
conditions: [{key: hcc, kind: primary-cancer, diagnosis: hepatocellular-carcinoma, at: anchor, source: page 1}]
radiotherapies:
  - key: beam
    course: external-beam
    at: +1 mo
    volumes: [{key: liver-volume, site: liver, description: liver, dose: 50 Gy, fractions: 25, source: page 1}]
    source: page 1
"""
    dead = HEAD.replace("sex: female", "sex: female, death: {at: +12 mo}")
    alive = HEAD.replace("sex: female", "sex: female, alive_at: +6 mo")
    lived, died = (list(built(case, head=head).values()) for head in (alive, dead))

    assert [{"deceased": False}] == [_of(row, "deceased", "deceased_date") for row in rows(view("patient"), lived)]
    assert [{"deceased_date": "2021-01-31"}] == [
        _of(row, "deceased", "deceased_date") for row in rows(view("patient"), died)
    ]
    assert [{"snomed": "438949009", "date": "2020-07-31"}] == [
        _of(row, "snomed", "date") for row in rows(view("vital_status"), lived)
    ]
    assert [{"dose": 5000, "dose_unit": "cGy", "fractions": 25, "more_modalities": False}] == [
        _of(row, "dose", "dose_unit", "fractions", "more_modalities") for row in rows(view("radiotherapy"), died)
    ]


def _of(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names if name in row}


def test_every_resource_of_a_cohort_that_a_view_is_of_has_its_row() -> None:
    recipe = Recipe(source_of(SHIPPED, None), 2, 1)
    cohort = [resource for number in (1, 2) for resource in plain(patient_bundle(recipe, number))]
    kinds = Counter(resource["resourceType"] for resource in cohort)
    found = {name: rows(view(name), cohort) for name in VIEWS}
    keys = {name: {row[f"{view(name)['select'][0]['column'][0]['name']}"] for row in found[name]} for name in VIEWS}

    assert 2 == len(found["patient"]) == len(found["primary_cancer"])
    assert kinds["AdverseEvent"] == len(found["adverse_event"])
    assert kinds["MedicationRequest"] == len(found["medication"])
    assert kinds["Procedure"] == len(keys["procedure"]) + len(keys["radiotherapy"])
    assert not keys["procedure"] & keys["radiotherapy"]
    patients = {row["patient_id"] for row in found["patient"]}
    assert [] == [row for name in VIEWS for row in found[name] if row["patient_id"] not in patients]
    profiled = Counter(profile.rpartition("/")[2] for one in cohort for profile in one["meta"].get("profile", ()))
    assert profiled["mcode-tumor-marker-test"] == len(found["tumor_marker"])
    assert profiled["mcode-cancer-stage"] == len(found["stage"])
    assert profiled["mcode-cancer-disease-status"] == len(found["response"])


def test_what_has_only_codes_and_displays_has_words_too() -> None:
    """As in the examples of mCODE, whose concepts have no text."""
    marker: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "her2",
        "meta": {"profile": ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-tumor-marker-test"]},
        "status": "final",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "48676-1", "display": "HER2 [Interpretation] in Tissue"}]
        },
        "subject": {"reference": "Patient/jenny"},
        "valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "LA6577-6", "display": "Negative"}]},
    }

    (row,) = rows(view("tumor_marker"), [marker])
    assert ("her2", "jenny", "48676-1") == (row["observation_id"], row["patient_id"], row["loinc"])
    assert ("HER2 [Interpretation] in Tissue", "Negative", "LA6577-6") == (
        row["marker_display"],
        row["value_text_display"],
        row["value_code"],
    )


def test_the_command_lists_the_views_and_writes_them(tmp_path: Path) -> None:
    listed = run_command("views")
    one = run_command("views", "stage")
    code, out, _ = run_command("views", "-o", "views", cwd=tmp_path)
    some = run_command("views", "stage", "patient", "-o", "some", cwd=tmp_path)

    assert all(f"{name}: One row for each" in listed.stdout for name in VIEWS)
    assert "dose_unit, fractions" in listed.stdout
    assert view("stage") == json.loads(one.stdout)
    assert (0, sorted(VIEWS)) == (code, sorted(file.stem for file in (tmp_path / "views").iterdir()))
    assert out.startswith("views: 10 views (patient, ")
    assert (0, ["patient", "stage"]) == (some.exit_code, sorted(file.stem for file in (tmp_path / "some").iterdir()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stages",), "there is no view 'stages'; did you mean 'stage'?"),
        (("thesis",), "there is no view 'thesis'; there are patient, "),
        (("stage", "patient"), "several views are written into a folder"),
        (("-o", "file"), "file is not a folder"),
    ],
)
def test_what_cannot_be_written_is_refused(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_command("views", *arguments, cwd=tmp_path)

    assert (2, "") == (done.exit_code, done.stdout)
    assert message in done.stderr


@pytest.mark.parametrize("kind", ["a file", "a link", "a folder"])
def test_what_is_no_view_is_not_written_over_and_nothing_is_written_in_part(kind: str, tmp_path: Path) -> None:
    there = tmp_path / "out" / "vital_status.json"
    there.parent.mkdir()
    (tmp_path / "other.json").write_text("{}")
    if kind == "a link":
        there.symlink_to(tmp_path / "other.json")
    elif kind == "a folder":
        there.mkdir()
    else:
        there.write_text("{}")

    code, _, err = run_command("views", "-o", "out", cwd=tmp_path)

    assert 2 == code
    assert "vital_status.json" in err
    assert [there] == list(there.parent.iterdir())
    assert "{}" == (tmp_path / "other.json").read_text()
    assert 0 == run_command("views", "-o", "new", cwd=tmp_path).exit_code
    assert 0 == run_command("views", "-o", "new", cwd=tmp_path).exit_code
