"""`--codes FILE` adds short names of one's own, in TOML or CSV, wherever a case file is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhir_case import CaseError, build_bundle
from fhir_case.fhir.wire import parse
from fhir_case.mapping import read_case
from fhir_case.mapping.own_codes import own_codes
from support import run_command

OUTSIDE = Path(__file__).parent / "outside"

CASE = """\
case: small
title: A small case
report: {citation: made up, transcribed: 2026-01-01}
timeline: {anchor: visit, index_date: 2020-01-31}
patient: {sex: female, source: page 1}
procedures: [{key: visit, procedure: {text: visit}, at: anchor, source: page 1}]
laboratory: [{key: a, test: galectin-3, value: 15 ng/mL, at: anchor, source: page 1}]
"""
TOML = """\
[tests.galectin-3]
text = "Galectin-3"
units = { "ng/mL" = "ng/mL" }

[[tests.galectin-3.codings]]
system = "LOINC"
code = "62419-7"
display = "Galectin 3 [Mass/volume] in Serum or Plasma"
source = "the catalogue of our laboratory"

[drugs.study-drug]
text = "study drug X"
"""
CSV = """\
table,name,text,system,code,display,units,source
tests,galectin-3,Galectin-3,LOINC,62419-7,Galectin 3 [Mass/volume] in Serum or Plasma,ng/mL; ug/L,our laboratory
tests,galectin-3,Galectin-3,https://clinic.example/tests,GAL3,Galectin 3,,our laboratory
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(CASE)
    return file


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def code_of_a(bundle: Any) -> Any:
    (found,) = (one["resource"] for one in bundle["entry"] if one["resource"]["id"] == "small-a")
    return found["code"]


def test_a_table_in_toml_gives_words_codes_and_units(case: Path, tmp_path: Path) -> None:
    done = run_command("build", case, "--codes", written(tmp_path, "own.toml", TOML))

    assert (0, "") == (done.exit_code, done.stderr)
    assert {
        "coding": [
            {
                "system": "http://loinc.org",
                "code": "62419-7",
                "display": "Galectin 3 [Mass/volume] in Serum or Plasma",
            }
        ],
        "text": "Galectin-3",
    } == code_of_a(parse(done.stdout))


def test_a_table_in_csv_may_have_several_codes_for_a_name(case: Path, tmp_path: Path) -> None:
    done = run_command("build", case, "--codes", written(tmp_path, "own.csv", CSV))

    assert ["62419-7", "GAL3"] == [one["code"] for one in code_of_a(parse(done.stdout))["coding"]]


def test_without_the_file_the_short_name_is_unknown_also_after_a_command_with_it(case: Path, tmp_path: Path) -> None:
    own = written(tmp_path, "own.toml", TOML)

    assert 0 == run_command("build", case, "--codes", own, "-o", tmp_path / "b.json").exit_code
    assert "'galectin-3' is not a known short name of tests" in run_command("build", case).stderr


def test_a_unit_that_the_table_does_not_list_is_refused(case: Path, tmp_path: Path) -> None:
    case.write_text(CASE.replace("ng/mL", "mmol/L"))

    done = run_command("build", case, "--codes", written(tmp_path, "own.toml", TOML))

    assert "the unit 'mmol/L' does not fit galectin-3, which is measured in ng/mL" in done.stderr


@pytest.mark.parametrize("command", ["validate", "upload"])
def test_other_commands_that_take_a_case_file_take_it_too(command: str, case: Path, tmp_path: Path) -> None:
    options = ["--server", "http://127.0.0.1:9/fhir", "--dry-run"] if command == "upload" else []
    own = written(tmp_path, "own.toml", TOML)

    with_codes, without = (run_command(command, case, *options, *more) for more in (["--codes", own], []))

    assert "galectin-3" not in with_codes.stdout + with_codes.stderr
    assert "'galectin-3' is not a known short name of tests" in without.stdout + without.stderr


def test_a_code_of_an_own_table_is_known_to_validation(case: Path, tmp_path: Path) -> None:
    done = run_command("validate", case, "--codes", written(tmp_path, "own.csv", CSV))

    assert 0 == done.exit_code
    assert "no code table knows" not in done.stdout


def test_an_own_short_name_replaces_the_one_of_the_mappings(tmp_path: Path) -> None:
    own = written(
        tmp_path, "own.csv", "table,name,text,system,code\ntests,platelets,Platelets (automated),LOINC,777-3\n"
    )
    with own_codes([own]):
        built = build_bundle(read_case(CASE.replace("galectin-3", "platelets").replace("ng/mL", "10*9/L")))

    assert "777-3" == code_of_a(built)["coding"][0]["code"]


def test_the_command_codes_lists_them_with_their_file(tmp_path: Path) -> None:
    own = written(tmp_path, "own.toml", TOML)

    overview = run_command("codes", "--codes", own).stdout.splitlines()
    found = run_command("codes", "tests", "--search", "galectin", "--codes", own).stdout

    assert any(line.split()[:2] == ["tests", "1"] and line.endswith(f"[{own}]") for line in overview)
    assert "LOINC 62419-7 Galectin 3 [Mass/volume] in Serum or Plasma [the catalogue of our laboratory]" in found


@pytest.mark.parametrize(
    ("name", "text", "where", "said"),
    [
        ("own.toml", "[test.x]\ntext = 'X'\n", ":1", "there is no code table 'test'; did you mean 'tests'?"),
        ("own.toml", "\n[tests.Big]\ntext = 'X'\n", ":2", "'Big' is not a short name"),
        ("own.toml", "[tests.x]\ncodings = []\n", ":1", "it is a table with 'text', a string"),
        (
            "own.toml",
            "[tests.x]\ntext = 'X'\ncodings = [{system = 'LOINC', code = '718-8'}]\n",
            ":1",
            "its check digit is wrong",
        ),
        (
            "own.toml",
            "[tests.x]\ntext = 'X'\ncodings = [{system = 'LONC', code = '718-7'}]\n",
            ":1",
            "'LONC' is not a URL",
        ),
        ("own.toml", "[tests.x]\ntext = 'X'\ncodings = [{code = '718-7'}]\n", ":1", "a coding has no 'system'"),
        ("own.toml", "[tests.x]\ntext = 'X'\ncodings = [1]\n", ":1", "a coding is a table with"),
        (
            "own.toml",
            "[tests.x]\ntext = 'X'\ncodings = [{system = 'LOINC', code = 1}]\n",
            ":1",
            "'code' of a coding is text",
        ),
        (
            "own.toml",
            "[tests.x]\ntext = 'X'\ncodings = [{system = ['LOINC'], code = '718-7'}]\n",
            ":1",
            "'system' of a coding is text",
        ),
        (
            "own.toml",
            "[tests.x]\ntext = 'X'\ncodings = [{system = 'LOINC', code = '718-7', display = 1}]\n",
            ":1",
            "'display' of a coding is text",
        ),
        ("own.toml", "[tests.x]\ntext = 'X'\nmethod = {system = 'LOINC'}\n", ":1", "a coding has no 'code'"),
        ("own.toml", "[tests.x]\ntext = 'X'\nunits = {'ng/mL' = 1}\n", ":1", "a table of texts"),
        ("own.toml", f"[tests.x]\ntext = 'X'\n{'.'.join('a' * 51)} = 1\n", ":3", "a key has more than 50 parts"),
        ("own.toml", "[x]\ntext = 'X'\n", ":1", "[x] does not say of which table it is"),
        ("own.toml", "[tests.x\n", ":1:9", "this is not TOML"),
        ("own.csv", "table,name\ntests,x\n", ":1", "the column 'text' is missing"),
        ("own.csv", "table,name,text,colour\ntests,x,X,red\n", ":1", "there is no column 'colour'"),
        ("own.csv", "table,name,text\ntests,x\n", ":2", "this row has another number of columns"),
        ("own.csv", "table,name,text,system,code\ntests,x,X,LOINC,718-8\n", ":2", "its check digit is wrong"),
        ("own.csv", "table,name,text\n\ntests,x,X\nlabs,y,Y\n", ":4", "there is no code table 'labs'"),
        ("own.csv", "", ":1", "the column 'table' is missing"),
        ("own.txt", "x", "", "a file of codes is TOML or CSV"),
        ("own.csv", "table,name,text\ntests,x,\xe9".encode("latin-1"), "", "this is not UTF-8"),
    ],
)
def test_a_mistake_is_told_with_its_line(name: str, text: str | bytes, where: str, said: str, tmp_path: Path) -> None:
    own = tmp_path / name
    own.write_bytes(text if isinstance(text, bytes) else text.encode())

    done = run_command("codes", "--codes", own)

    assert 3 == done.exit_code
    assert f"{own}{where}: " in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_all_mistakes_come_in_one_run_and_a_name_that_comes_twice_is_one(tmp_path: Path) -> None:
    first = written(tmp_path, "first.csv", "table,name,text\ntests,x,X\n")
    second = written(tmp_path, "second.toml", "[tests.x]\ntext = 'X'\n[tests.Y]\ntext = 'Y'\n[labs.z]\ntext = 'Z'\n")

    with pytest.raises(CaseError) as caught, own_codes([first, second]):
        pass

    assert [f"{second}:1", f"{second}:3", f"{second}:5"] == [one.where for one in caught.value.problems]
    assert f"[tests.x] comes twice; first in {first}" == caught.value.problems[0].message


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = run_command("codes", "--codes", tmp_path / "none.toml")

    assert 3 == done.exit_code
    assert "there is no such file of codes; check the path" in done.stderr


@pytest.mark.parametrize("codes_first", [True, False])
def test_short_names_for_a_table_of_a_mapping_are_taken_whichever_option_stands_first(
    codes_first: bool, tmp_path: Path
) -> None:
    own = ("--codes", written(tmp_path, "own.toml", '[assessors.of-mine]\ntext = "somebody of mine"\n'))
    mapping = ("--mapping", OUTSIDE / "ecog.py")
    options = (*own, *mapping) if codes_first else (*mapping, *own)

    assert "of-mine: somebody of mine" in run_command("codes", "assessors", *options).stdout
