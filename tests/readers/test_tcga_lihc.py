"""The recipe for TCGA-LIHC: counts that other means take from the raw tables are those of the FHIR."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

from support import ROOT, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = ROOT.parent / "shared" / "data" / "tcga-lihc"
SORAFENIB = {"sorafenib", "nexavar", "naxavar", "sorafinib ( nexavar)"}

Rows = list[dict[str, str]]


def rows(name: str, folder: Path = DATA) -> Rows:
    """Return the rows of a table, read by csv alone."""
    (path,) = folder.glob(f"*clinical_{name}_lihc.txt")
    with path.open(encoding="utf-8", newline="") as file:
        header, _, _, *data = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [dict(zip(header, row, strict=True)) for row in data]


def known(value: str) -> bool:
    return bool(value) and not value.startswith("[")


def counts_of_tables(folder: Path = DATA) -> Counter[str]:
    """Return what the raw tables say of patients, of treatments and of recurrences."""
    patients, follow_ups = rows("patient", folder), rows("follow_up_v4.0", folder)
    found = Counter(patients=len(patients))
    found["afp"] = sum(known(row["alpha_fetoprotien_at_procurement"]) for row in patients)
    found["female"] = sum(row["gender"] == "FEMALE" for row in patients)
    dead = {row["bcr_patient_barcode"] for row in (*patients, *follow_ups) if row["vital_status"] == "Dead"}
    found["dead"] = len(dead)
    events = [
        (row["bcr_patient_barcode"], row["new_tumor_event_type"])
        for row in (*rows("nte", folder), *rows("follow_up_v4.0_nte", folder))
    ]
    other = ("New Primary Tumor", "No New Tumor Event")
    found["recurred"] = len({patient for patient, kind in events if kind not in other})
    drugs = [row["pharmaceutical_therapy_drug_name"].lower() for row in rows("drug", folder)]
    found["drugs"] = len(drugs)
    found["sorafenib"] = sum(drug in SORAFENIB for drug in drugs)
    performed = [row for row in rows("ablation", folder) if row["embolization_performed_indicator"] == "YES"]
    kinds = [kind for row in performed for kind in row["embolization_type"].split("|")]
    found["tace"] = kinds.count("Chemoembolization")
    found["radioembolization"] = kinds.count("Radioembolization")
    agents = [
        pair
        for row in performed
        for pair in zip(row["embolization_type"].split("|"), row["embolizing_agent_utilized"].split("|"), strict=False)
    ]
    # One agent of a radioembolization is 'Habib', which is none of Y-90.
    found["y90"] = agents.count(("Radioembolization", "Y-90 Therasphere"))
    found["ablations"] = sum(
        len(row["ablation_type"].split("|"))
        for row in rows("ablation", folder)
        if row["ablation_performed_indicator"] == "YES"
    )
    return found


def counts_of_fhir(resources: Iterator[dict[str, Any]]) -> Counter[str]:
    """Return the same of FHIR."""
    found: Counter[str] = Counter()
    recurred = set()
    for one in resources:
        kind = one["resourceType"]
        said = [coding["code"] for coding in one.get("code", {}).get("coding", [])]
        text = one.get("code", {}).get("text")
        if kind == "Patient":
            found["patients"] += 1
            found["female"] += one["gender"] == "female"
            found["dead"] += one.get("deceasedBoolean", False) or "deceasedDateTime" in one
        elif kind == "Observation" and "53962-7" in said:
            found["afp"] += 1
        elif kind == "Condition" and one["id"].rpartition("-recurrence-")[2][:2] in {"f-", "n-"}:
            recurred.add(one["subject"]["reference"])
        elif kind == "MedicationStatement" and "-malignancy-" not in one["id"]:
            found["drugs"] += 1
            codings = one["medicationCodeableConcept"].get("coding", [])
            found["sorafenib"] += any("sorafenib" in each["display"].lower() for each in codings)
        elif kind == "Procedure":
            found["tace"] += text == "Chemoembolization"
            found["radioembolization"] += "-radioembolization-" in one["id"] and "partOf" not in one
            found["y90"] += "764677008" in said and "partOf" not in one
            found["ablations"] += "-ablation-" in one["id"]
    found["recurred"] = len(recurred)
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tcga") / "bundles.ndjson"
    code, _, err = run_command("build", "tcga-lihc", "--data", DATA, "-o", path)
    assert 0 == code, err
    return path


def test_treatments_recurrences_deaths_and_afp_are_those_of_the_raw_tables(built: Path) -> None:
    bundles = map(json.loads, built.read_text(encoding="utf-8").splitlines())
    found = counts_of_fhir(entry["resource"] for bundle in bundles for entry in bundle["entry"])

    assert counts_of_tables() == found


def test_every_value_is_carried_over_or_has_its_reason_in_the_recipe(tmp_path: Path) -> None:
    code, out, err = run_command("import", "tcga-lihc", "--data", DATA, "--strict", "--report", tmp_path / "loss.json")

    assert 0 == code, err
    assert "839 rows read, 251 cases made" in out
    report = json.loads((tmp_path / "loss.json").read_text())
    columns = [column for one in report["files"] for column in one["columns"]]
    assert [] == [each["column"] for each in columns if each["state"] == "never used" and not each["reason"]]


def test_a_recipe_without_its_tables_says_what_is_missing() -> None:
    code, _, err = run_command("import", "tcga-lihc")

    assert 3 == code
    assert "tcga-lihc: this recipe comes without its tables; --data FOLDER names the folder with them" in err


@pytest.mark.server
def test_one_command_builds_checks_loads_and_reads_back_patients_as_sent(hapi_r4: str, tmp_path: Path) -> None:
    treated = sorted({row["bcr_patient_barcode"] for name in ("ablation", "radiation") for row in rows(name)})[::3]
    chosen = {*treated, *sorted(row["bcr_patient_barcode"] for row in rows("patient"))[::50]}
    for path in DATA.glob("*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines[3:] if line.split("\t")[1] in chosen]
        (tmp_path / path.name).write_text("".join((*lines[:3], *kept)), encoding="utf-8")

    code, out, err = run_command(
        "run", "tcga-lihc", "--data", tmp_path, "--server", hapi_r4, "--engine", "none", "-o", tmp_path / "out"
    )

    assert 0 == code, err
    for stage in ("build", "validate", "upload", "verify"):
        assert stage in out
    assert "altered" not in out
    assert "lost" not in out
    expected = counts_of_tables(tmp_path)
    ids = ",".join(f"Patient/{one.lower()}-patient" for one in chosen)
    for query, name in {
        "Observation?code=http://loinc.org|53962-7": "afp",
        "Procedure?code:text=Chemoembolization": "tace",
    }.items():
        answer = requests.get(f"{hapi_r4}/{query}&subject={ids}&_summary=count", timeout=60).json()
        assert expected[name] == answer["total"], query
