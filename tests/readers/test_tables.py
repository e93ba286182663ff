"""Tables become cases by a recipe: what rows say, what is told of the rest, and what is wrong."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from fhir_case.bundle import build_bundle
from fhir_case.case.tree import read_tree
from fhir_case.fhir.wire import dump
from fhir_case.mapping import load_case
from fhir_case.readers.table.options import shipped_recipe, shipped_recipes
from fhir_case.readers.table.schema import recipe_schema, recipe_schema_path
from fhir_case.server.guard import is_test_data
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

    from support import Result

PATIENTS = """\
id,sex,born,diagnosed,ecog,remark
P1,f,17.05.1960,01.03.2021,1,is well
P2,m,,05.06.2020,-9,
"""
RESULTS = """\
patient,test,value,unit,low,high,day
P1,AFP,"12.50",ng/mL,0,7,-3
P1,Hb,9.1,g/dL,12,16,10
P2,AFP,<5,ng/mL,,,0
"""
TREATMENTS = """\
patient;kinds;days;drug
P1;TACE|Y90|TACE;30|60|[none];Naxavar
P2;[none];[none];Nexavar
"""
RECIPE = """\
recipe: register
title: Patient {id} of a register
report: {citation: A made-up register, transcribed: 2026-11-29}
timeline:
  anchor: diagnosis
  index_date: {column: diagnosed, date: "%d.%m.%Y"}
absent: [-9, "[none]"]
maps:
  drugs: {Naxavar: sorafenib, Nexavar: sorafenib}
files:
  patients: {path: patients.csv, patient: id, rows: patient, unused: {remark: words of the doctor}}
  results: {path: "res*.csv", patient: patient}
  treatments: {path: treatments.csv, patient: patient, delimiter: ";"}
entries:
  - section: patient
    file: patients
    fields:
      sex: {column: sex, map: {f: female, m: male}}
      birth_date: {column: born, date: "%d.%m.%Y"}
  - section: conditions
    file: patients
    key: diagnosis
    fields:
      {kind: primary-cancer, diagnosis: hepatocellular-carcinoma, verification: confirmed, status: unknown, at: anchor}
  - section: performance
    file: patients
    key: ecog
    fields: {scale: ecog, value: {column: ecog, number: true}, at: anchor}
  - section: laboratory
    file: results
    key: result
    fields:
      test: {column: test, map: {AFP: afp, Hb: hemoglobin}}
      value: {column: value, unit: {column: unit}}
      reference_range: {low: {column: low, number: true}, high: {column: high, number: true}}
      at: {column: day, offset: {unit: d}}
  - section: procedures
    file: treatments
    key: tace
    each: [kinds, days]
    only_if: {column: kinds, is: TACE}
    fields: {procedure: tace, at: {any: [{column: days, offset: {unit: d, after: diagnosis}}, after diagnosis]}}
  - section: radiotherapies
    file: treatments
    key: radioembolization
    each: [kinds, days]
    only_if: {column: kinds, is: Y90}
    fields: {course: y90-radioembolisation, at: {column: days, offset: {unit: d}}, reasons: {keys: [diagnosis, none]}}
  - section: medications
    file: treatments
    key: drug
    fields: {drug: {column: drug, map: drugs, words: true}, status: unknown}
"""


class Folder:
    """A folder with a recipe and its tables, which a test changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("recipe.yaml", RECIPE)
        self.write("patients.csv", PATIENTS)
        self.write("results.csv", RESULTS)
        self.write("treatments.csv", TREATMENTS)

    def write(self, name: str, content: str | bytes) -> None:
        (self.path / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def change(self, name: str, old: str, new: str) -> None:
        before = (self.path / name).read_text()
        assert old in before
        self.write(name, before.replace(old, new, 1))

    def run(self, *options: object) -> Result:
        return run_command("import", "recipe.yaml", "-o", "out", *options, cwd=self.path)

    def case(self, name: str = "p1") -> Any:
        return load_case(self.path / "out" / f"{name}.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_each_patient_becomes_a_case_file_that_names_file_line_and_columns_as_its_evidence(folder: Folder) -> None:
    code, out, err = folder.run("--strict")

    assert 0 == code, err
    assert "out: 7 rows read, 2 cases made; columns: " in out
    case = folder.case()
    assert "1960-05-17" == case.patient.birth_date.day
    assert "2021-03-01" == case.timeline.index_date.isoformat()
    afp, hemoglobin = case.laboratory
    assert "12.50 ng/mL" == str(afp.value)
    assert "0 to 7" == str(afp.reference_range)
    assert ("before", 3) == (afp.at.relation, afp.at.count)
    assert "results.csv, line 2: test, value, unit, low, high, day" == afp.source
    assert "after" == hemoglobin.at.relation
    assert "<" == folder.case("p2").laboratory[0].value.quantity.comparator


def test_an_absent_value_makes_no_entry_and_lists_in_a_cell_go_in_step(folder: Folder) -> None:
    folder.run()
    case, other = folder.case(), folder.case("p2")

    assert [("tace-1-1", 30), ("tace-1-3", None)] == [(one.key, one.at.count) for one in case.procedures]
    assert [(60, ("diagnosis",))] == [(one.at.count, one.reasons) for one in case.radiotherapies]
    assert ("sorafenib", "Naxavar") == (case.medications[0].drug.name, case.medications[0].drug.text)
    assert () == other.performance == other.procedures
    assert "treatments.csv, line 2, value 2: kinds, days" == case.radiotherapies[0].source


def test_the_same_tables_give_the_same_bytes(folder: Folder) -> None:
    folder.run()
    first = (folder.path / "out" / "p1.yaml").read_bytes()
    folder.run()

    assert first == (folder.path / "out" / "p1.yaml").read_bytes()
    assert b"key: ecog" in first


def test_what_is_not_carried_over_is_told_with_count_and_place_and_strict_makes_it_an_error(folder: Folder) -> None:
    folder.change("results.csv", "P2,AFP", "P2,Ferritin,100,ng/mL,,,1\nP2,Ferritin,90,ng/mL,,,2\nP2,AFP")

    code, out, err = folder.run("--report", "loss.json")

    assert 0 == code
    assert "the column 'test' is used in part, for example 'Ferritin' (not a word of its map)" in err
    assert "2 cases made" in out
    report = json.loads((folder.path / "loss.json").read_text())
    columns = {each["column"]: each for one in report["files"] for each in one["columns"]}
    (lost,) = columns["test"]["not_carried"]
    assert ("Ferritin", 2) == (lost["value"], lost["count"])
    assert lost["first"].endswith("results.csv:4:2")
    assert ("never used", "words of the doctor") == (columns["remark"]["state"], columns["remark"]["reason"])
    assert "used in part" == columns["value"]["state"]

    assert 3 == folder.run("--strict").exit_code


@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_the_report_of_losses_is_text_or_csv_too(folder: Folder, ending: str) -> None:
    folder.run("--report", f"loss.{ending}")

    text = (folder.path / f"loss.{ending}").read_text()
    assert "remark" in text
    assert "words of the doctor" in text
    assert 2 == folder.run("--report", "loss.pdf").exit_code


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("recipe.yaml", "{column: ecog,", "{column: ekog,", "recipe.yaml:28:43: patients.csv has no column 'ekog'"),
        ("recipe.yaml", "kind: primary", "knid: primary", "'knid' is no field of 'conditions'; did you mean 'kind'?"),
        ("recipe.yaml", "section: procedures", "section: proceedures", "there is no section 'proceedures'; did you"),
        ("recipe.yaml", "file: treatments", "file: treatment", "there is no table 'treatment'; did you mean 'treatme"),
        ("recipe.yaml", "map: drugs", "map: drug", "there is no map 'drug'; did you mean 'drugs'?"),
        ("recipe.yaml", "rows: patient,", "rows: patent,", "files.patients.rows: 'patent' is not one of patient, eve"),
        ("recipe.yaml", "offset: {unit: d}", "offset: {unit: days}", "'days' is not one of min, h, d, wk, mo, a"),
        ("recipe.yaml", "patients.csv", "patient.csv", "is called 'patient.csv'; did you mean 'patients.csv'?"),
        ("recipe.yaml", "primary-cancer", "primary-kancer", "conditions.diagnosis.kind: 'primary-kancer' is not one"),
        ("patients.csv", "P2,m", "P1,m", "patients.csv:3:1: the patient 'P1' is there twice, first at "),
        ("patients.csv", "P2,m", ",m", "patients.csv:3:1: the row names no patient: its column 'id' is empty"),
        ("patients.csv", "P2,m", "P3,m", "results.csv:4:1: 'P2' is no patient of the table 'patients'; add"),
        ("patients.csv", "P2,m", "P1-,m", "the patients 'P1' and 'P1-' would have one case, 'p1'; give the recipe"),
        ("patients.csv", "P2,m,,", "P2,m,,,", "patients.csv:3:1: the row has 7 cells where the header has 6"),
        ("patients.csv", "P2,m", "P2,q", "patients.csv:3:2: patient.sex: 'q' of 'sex': not a word of its map"),
        ("results.csv", "P2,AFP", "P9,AFP", "results.csv:4:1: 'P9' is no patient of the table 'patients'"),
        ("results.csv", '"12.50"', '"12.50', "results.csv:2:1: a quote is not closed: the cell goes on to the end"),
        ("results.csv", '"12.50"', '"12.50"x', "results.csv:2:1: a cell goes on after its closing quote"),
        ("results.csv", '"12.50"', "1" * 1_100_000, "results.csv:2:1: a cell has more than 1,000,000 characters"),
        ("results.csv", "AFP,<5", "AFP\0,<5", "results.csv:4: holds a NUL character"),
        ("treatments.csv", "30|60|[none]", "30|60", "the cell has 2 values where 'kinds' has 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_to_do(
    folder: Folder, file: str, old: str, new: str, problem: str
) -> None:
    folder.change(file, old, new)

    code, out, err = folder.run()

    assert 3 == code, err
    assert problem in err
    assert "Traceback" not in err + out


def test_a_table_in_text_has_any_delimiter_and_a_short_form_of_quotes(folder: Folder) -> None:
    folder.write("treatments.csv", TREATMENTS.replace(";", "\t"))
    folder.change("recipe.yaml", 'delimiter: ";"', 'delimiter: "\\t"')

    assert 0 == folder.run("--strict").exit_code

    folder.change("treatments.csv", "Nexavar", '"Nexavar')
    assert "a quote is not closed" in folder.run().stderr
    folder.change("recipe.yaml", 'delimiter: "\\t"', 'delimiter: "\\t", quotes: false')
    assert "'\"Nexavar' (not a word of its map)" in folder.run().stderr


def test_a_table_in_another_encoding_is_told_or_read_as_the_recipe_says(folder: Folder) -> None:
    folder.write("treatments.csv", TREATMENTS.replace("Nexavar", "Néxavar").encode("cp1252"))

    code, _, err = folder.run()
    assert 3 == code
    assert "treatments.csv:3: not UTF-8: the byte 0xE9; write its encoding in the recipe" in err

    folder.change("recipe.yaml", 'delimiter: ";"', 'delimiter: ";", encoding: cp1252')
    assert "'Néxavar' (not a word of its map)" in folder.run().stderr

    folder.write("treatments.csv", TREATMENTS.encode("utf-16"))
    assert "the table is written in UTF-16; write 'encoding: utf-16' in the recipe" in folder.run().stderr

    folder.change("recipe.yaml", "encoding: cp1252", "encoding: utf-16")
    assert 0 == folder.run().exit_code


def test_a_wrong_row_is_left_out_whole_and_the_others_become_the_case(folder: Folder) -> None:
    folder.change("results.csv", "P1,Hb,9.1,g/dL", "P1,Hb,9.1,parsecs")

    code, out, err = folder.run()
    assert 3 == code
    assert "results.csv:3:3: laboratory.result-2.value: the unit 'parsecs' does not fit hemoglobin" in err
    assert not (folder.path / "out" / "p1.yaml").exists()
    assert "1 case made, 1 patient left out" in out

    code, out, err = folder.run("--keep-going")
    assert 0 == code
    assert "the unit 'parsecs' does not fit hemoglobin" in err
    assert "2 cases made, 1 row left out" in out
    assert ["result-1"] == [one.key for one in folder.case().laboratory]
    assert 3 == folder.run("--keep-going", "--strict").exit_code


def test_a_function_of_the_users_fills_a_field_and_its_failure_has_a_place(folder: Folder) -> None:
    folder.change("recipe.yaml", "{column: drug, map: drugs, words: true}", "{function: drug, columns: [drug]}")
    folder.write(
        "own.py", "def drug(row):\n    return {'text': row['drug'].lower()} if row['drug'][0] == 'N' else 1 / 0\n"
    )

    assert "there is no function 'drug'; --functions FILE names the Python file with it" in folder.run().stderr

    assert 0 == folder.run("--functions", "own.py").exit_code
    assert "naxavar" == folder.case().medications[0].drug.text

    folder.change("treatments.csv", "Naxavar", "Soraf")
    code, _, err = folder.run("--functions", "own.py")
    assert 3 == code
    assert "treatments.csv:2:4: the function 'drug' failed for {'drug': 'Soraf'}: ZeroDivisionError" in err

    folder.write("own.py", "def drug(row:\n")
    assert "own.py:1: the functions cannot be run: SyntaxError" in folder.run("--functions", "own.py").stderr


def test_build_and_validate_take_a_recipe_as_they_take_a_case_file(folder: Folder) -> None:
    code, out, err = run_command("build", "recipe.yaml", cwd=folder.path)
    assert 0 == code, err
    ids = [{one["resource"]["id"] for one in json.loads(line)["entry"]} for line in out.splitlines()]
    assert [True, True] == ["p1-patient" in ids[0], "p2-patient" in ids[1]]
    assert "Tables by register: 7 rows read, 2 cases made" in err

    assert 0 == run_command("build", "recipe.yaml", "-o", "bundles", cwd=folder.path).exit_code
    assert ["p1.json", "p2.json"] == sorted(path.name for path in (folder.path / "bundles").iterdir())

    folder.change("patients.csv", "P2,m", "P2,q")
    code, out, err = run_command("validate", "recipe.yaml", cwd=folder.path)
    assert 5 == code, err
    assert "patients.csv:3:2: patient.sex: 'q' of 'sex': not a word of its map" in out


def test_each_case_of_a_recipe_has_ids_of_its_own_below_a_namespace(folder: Folder) -> None:
    named = ("recipe.yaml", "--namespace", "x")
    _, out, _ = run_command("build", *named, cwd=folder.path)
    run_command("build", *named, "-o", "bundles", cwd=folder.path)
    run_command("build", *named, "-o", "bulk", "--layout", "transactions", cwd=folder.path)
    run_command("run", *named, "--server", "http://127.0.0.1:9", "-o", "run", cwd=folder.path)

    written = [path.read_text() for path in sorted((folder.path / "bundles").glob("*.json"))]
    [shard] = (folder.path / "bulk").glob("*.ndjson.gz")
    for bundles in (
        out.splitlines(),
        written,
        gzip.decompress(shard.read_bytes()).splitlines(),
        (folder.path / "run" / "bundles.ndjson").read_text().splitlines(),
    ):
        assert ["x-p1-patient", "x-p2-patient"] == [json.loads(one)["entry"][0]["resource"]["id"] for one in bundles]


@pytest.mark.parametrize(
    "command",
    [
        ("build", "recipe.yaml"),
        ("validate", "recipe.yaml", "--engine", "none"),
        ("run", "recipe.yaml", "--server", "http://localhost:9", "--engine", "none"),
    ],
)
def test_every_command_says_of_patients_left_out_what_import_says(folder: Folder, command: tuple[str, ...]) -> None:
    folder.change("results.csv", "P1,Hb,9.1,g/dL", "P1,Hb,9.1,parsecs")

    said = folder.run().stdout.removeprefix("out: ").strip()

    assert "1 case made, 1 patient left out" in said
    assert f"Tables by register: {said}" in run_command(*command, cwd=folder.path).stderr


@pytest.mark.parametrize("command", ["build recipe.yaml -o b.ndjson", "validate recipe.yaml --engine none"])
def test_every_command_gives_the_warnings_of_import(folder: Folder, command: str) -> None:
    folder.change("results.csv", "P2,AFP", "P2,Ferritin,100,ng/mL,,,1\nP2,AFP")

    warnings = json.loads(folder.run("--format", "json").stdout)["warnings"]
    done = run_command(*command.split(), "--format", "json", cwd=folder.path)

    assert "for example 'Ferritin' (not a word of its map)" in warnings[0]
    assert warnings == [one for one in json.loads(done.stdout)["warnings"] if "is used in part" in one]
    assert f"not carried over: {warnings[0]}" in done.stderr


def test_a_patient_left_out_is_named_with_the_row_and_the_entry_that_could_not_be_made(folder: Folder) -> None:
    folder.change("recipe.yaml", "diagnosis: hepatocellular-carcinoma", "diagnosis: {column: remark, map: {x: gout}}")
    folder.change("recipe.yaml", "unused: {remark: words of the doctor}", "unused: {}")

    code, out, err = folder.run("--report", "loss.json", "--format", "json")

    assert 3 == code
    first, second = json.loads((folder.path / "loss.json").read_text())["patients_left_out"]
    assert ("P1", "P2") == (first["patient"], second["patient"])
    assert "patients.csv:2:1" == first["first"]
    assert first["why"].startswith("timeline.anchor: no entry has the key 'diagnosis' (which recipe.yaml:")
    assert "since line 2 made no entry of 'conditions': diagnosis is not known: 'remark' is" in first["why"]
    assert "patients.csv:3:1: patient 'P2' is left out: timeline.anchor" in err
    assert [first, second] == json.loads(out)["result"]["patients_left_out"]
    folder.run("--report", "loss.txt")
    assert "patients.csv:2:1: patient 'P1' is left out: timeline" in (folder.path / "loss.txt").read_text()


def test_the_name_of_a_refused_patient_stays_taken(folder: Folder) -> None:
    lines = PATIENTS.splitlines(keepends=True)
    again = lines[1].replace("P1", "p1", 1)
    folder.write("patients.csv", "".join([*lines, lines[1], again]))

    code, _, err = folder.run()

    assert 3 == code
    assert "the patient 'P1' is there twice" in err
    assert "the patients 'P1' and 'p1' would have one case, 'p1'" in err
    assert ["p2.yaml"] == [path.name for path in (folder.path / "out").iterdir()]


def test_rows_of_two_tables_that_say_the_same_become_one_entry_with_both_as_its_source(folder: Folder) -> None:
    folder.write("results-2.csv", RESULTS)
    folder.change("recipe.yaml", "    key: result\n", "    key: result\n    merge_same: true\n")

    folder.run()

    assert ["result-1", "result-2"] == [one.key for one in folder.case().laboratory]
    assert "; results.csv, line 2" in folder.case().laboratory[0].source


def test_one_row_of_several_is_chosen_and_the_others_are_told(folder: Folder) -> None:
    folder.change(
        "recipe.yaml",
        "entries:\n",
        "entries:\n  - section: patient\n    file: results\n    one_row: {largest: day}\n"
        "    fields: {alive_at: {column: day, offset: {unit: d}}}\n",
    )

    folder.run()

    assert 10 == folder.case().patient.alive_at.count
    assert folder.case().patient.source.startswith("results.csv, line 3: day; patients.csv, line 2: ")


def test_patients_of_tables_are_real_unless_the_recipe_says_otherwise(folder: Folder) -> None:
    folder.run("--keep-going")
    bundle = build_bundle(folder.case())
    folder.change(
        "recipe.yaml", "transcribed: 2026-11-29}", "transcribed: 2026-11-29, type: tables, real_patients: false}"
    )
    folder.run("--keep-going", "-o", "public")
    public = build_bundle(load_case(folder.path / "public" / "p1.yaml"))

    assert [] == [one for one in (bundle, *resources_of(bundle)) if is_test_data(one)]
    assert all(map(is_test_data, (public, *resources_of(public))))
    (patient,) = [one for one in resources_of(public) if one["resourceType"] == "Patient"]
    assert "Record made from tables: Patient P1 of a register." in patient["text"]["div"]
    (report,) = [one for one in resources_of(bundle) if one["id"].endswith("-report")]
    assert report["description"].endswith("The dates of this record are those of its source.")


def resources_of(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"]]


def test_the_schema_of_the_recipe_is_current_and_accepts_recipes(folder: Folder) -> None:
    schema = recipe_schema()
    assert schema == json.loads(recipe_schema_path().read_text()), "run scripts/make-case-schema"
    assert schema == json.loads(run_command("schema", "--of", "recipe").stdout)

    validator = jsonschema_rs.validator_for(schema)
    for path in (folder.path / "recipe.yaml", *map(shipped_recipe, shipped_recipes())):
        assert path is not None
        written = json.loads(dump(read_tree(path.read_text(), path.name).root.data))
        assert [] == [each.message for each in validator.iter_errors(written)]
    assert not validator.is_valid({"recipe": "x"})


def test_a_first_recipe_is_drafted_from_tables_and_can_be_run(folder: Folder) -> None:
    folder.write(
        "patients.csv", "mrn,gender,dob,diagnosis_date,hemoglobin,weight_kg,x\n7,M,1960-05-17,01.02.2021,10,62,?\n"
    )
    folder.write("results.csv", "mrn;day;test\n7;3;AFP\n")

    code, out, err = run_command("import", "--draft", "patients.csv", "--draft", "results.csv", cwd=folder.path)

    assert 0 == code, err
    for line in (
        '  index_date: {column: diagnosis_date, date: "%d.%m.%Y"}  # guess',
        '  results: {path: results.csv, patient: mrn, rows: event, delimiter: ";"}  # guess',
        "      sex: {any: [{column: gender, map: {M: male}}, unknown]}  # guess",
        "    fields: {test: hemoglobin, value: {column: hemoglobin, unit: g/dL}, at: diagnosis}",
        "    fields: {sign: body-weight, value: {column: weight_kg, unit: kg}, at: diagnosis}",
        "  #   test: AFP",
    ):
        assert line in out.splitlines()
    folder.write("draft.yaml", out)
    code, out, err = run_command("import", "draft.yaml", "-o", "out", cwd=folder.path)
    assert 0 == code, err
    assert "10 g/dL" == str(folder.case("p-7").laboratory[0].value)
