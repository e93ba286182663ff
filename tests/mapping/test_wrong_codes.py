"""A code of a case file that cannot be right is found with its line, and what nothing could check is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case import CaseError
from fhir_case.mapping import read_case
from support import ROOT, run_command

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
case: small
title: A small case
report: {citation: made up, transcribed: 2026-01-01}
timeline: {anchor: visit, index_date: 2020-01-31}
patient: {sex: female, source: page 1}
procedures: [{key: visit, procedure: {text: visit}, at: anchor, source: page 1}]
conditions:
"""
SNOMED, LOINC, ICD_10 = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10"
ICD_10_CM, ATC, RXNORM = (
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://www.whocc.no/atc",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)


def coded(system: str, code: str, display: str = "") -> str:
    """Return a case with a condition of this code."""
    named = f', display: "{display}"' if display else ""
    code = f'{{system: "{system}", code: "{code}"{named}}}'
    entry = "kind: comorbidity, status: active, verification: confirmed, at: anchor, source: page 1"
    return f"{HEAD}  - {{key: a, {entry}, diagnosis: {{text: This, code: {code}}}}}\n"


@pytest.mark.parametrize(
    ("system", "code", "said"),
    [
        (SNOMED, "12345", "'12345' is not a code of SNOMED CT: it has 6 to 18 digits"),
        (SNOMED, "38341004", "its check digit is wrong, so a digit was mistyped"),
        (SNOMED, "38341003x", "it has 6 to 18 digits"),
        (SNOMED, "C22.0", "it has the form of ICD-10 or ICD-10-CM"),
        (SNOMED, "718-7", "it has the form of LOINC"),
        (SNOMED, "101000003112", "it identifies a description"),
        (LOINC, "718-8", "its check digit is wrong"),
        (LOINC, "7187", "up to 7 digits, a hyphen and the check digit"),
        (LOINC, "38341003", "it has the form of SNOMED CT"),
        (ICD_10, "C220", "a letter, two digits and up to two more after a point"),
        (ICD_10, "22.0", "a letter, two digits"),
        (ICD_10, "K74.601", "a letter, two digits"),
        (ICD_10_CM, "K7460", "up to four more after a point"),
        (ATC, "L01EX2", "up to seven characters, as L01EX02"),
        (ATC, "C22.0", "it has the form of ICD-10 or ICD-10-CM"),
        (RXNORM, "L01EX02", "it has the form of ATC"),
    ],
)  # fmt: skip
def test_a_code_that_its_system_cannot_have_is_an_error_at_its_line(system: str, code: str, said: str) -> None:
    with pytest.raises(CaseError) as caught:
        read_case(coded(system, code), file="small.yaml")

    assert said in caught.value.message
    assert (caught.value.where or "").startswith("small.yaml:8:")
    assert "look the code up, or write {text: …} alone" == caught.value.hint


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (SNOMED, "38341003"),
        (SNOMED, "16903531000119107"),
        (SNOMED, "64572001:246075003=387517004"),
        (SNOMED, "38341003 |Hypertension|"),
        (LOINC, "718-7"),
        (LOINC, "LA6752-5"),
        (ICD_10, "C22.0"),
        (ICD_10, "C22"),
        (ICD_10_CM, "K74.60"),
        (ICD_10_CM, "O9A.119"),
        (ATC, "L01EX02"),
        (ATC, "L01"),
        (RXNORM, "495881"),
        ("https://clinic.example/codes", "anything goes"),
    ],
)
def test_a_code_that_its_system_may_have_passes(system: str, code: str) -> None:
    assert "small" == read_case(coded(system, code)).case


def test_the_display_of_another_code_of_the_table_is_an_error() -> None:
    with pytest.raises(CaseError, match=r"'Malignant neoplasm of breast' is the name of 254837009, not of '38341003'"):
        read_case(coded(SNOMED, "38341003", "Malignant neoplasm of breast"))


def test_the_name_of_a_test_is_that_of_no_other_loinc_code() -> None:
    section = "laboratory: [{key: l, value: 3 g/dL, at: anchor, source: p, test: {text: Hb, code: %s}}]\n"
    code = '{system: "http://loinc.org", code: "59260-0", display: "Hemoglobin [Mass/volume] in Blood"}'

    with pytest.raises(CaseError, match=r"is the name of 718-7, not of '59260-0'"):
        read_case(HEAD.removesuffix("conditions:\n") + section % code)


def test_a_synonym_is_no_error() -> None:
    assert "small" == read_case(coded(SNOMED, "38341003", "High blood pressure")).case


def test_all_wrong_codes_of_a_file_are_told_in_one_run() -> None:
    done = run_command("build", ROOT.parent / "shared" / "reports" / "case" / "wrong-code.yaml")

    assert 3 == done.exit_code
    assert "wrong-code.yaml:7:75: conditions.a.diagnosis.code: 'Malignant neoplasm of breast (disorder)'" in done.stderr
    assert "wrong-code.yaml:8:67: conditions.b.diagnosis.code: '12345' is not a code of SNOMED CT" in done.stderr


def test_codes_that_no_table_knows_are_counted_and_named_with_their_line(tmp_path: Path) -> None:
    case = tmp_path / "small.yaml"
    case.write_text(coded("https://clinic.example/codes", "x1"))

    built = run_command("build", case, "-o", tmp_path / "bundle.json")
    validated = run_command("validate", case)

    said = "codes: 1 that no code table knows: 'x1' of https://clinic.example/codes"
    assert f"Not checked: {said} ({case}:8:5)" in built.stderr
    assert (0, True) == (
        validated.exit_code,
        "Not checked:\n" in validated.stdout and f"  {said}\n" in validated.stdout,
    )


def test_a_display_of_a_known_code_on_an_unknown_one_is_a_warning_with_the_line(tmp_path: Path) -> None:
    case = tmp_path / "small.yaml"
    case.write_text(coded(SNOMED, "190905008", "Gout (disorder)"))

    done = run_command("validate", case)

    assert "'Gout (disorder)' is the name of 90560007, and no code table knows '190905008'" in done.stdout
    assert f"{case}:8:5" in done.stdout


def test_build_names_nothing_where_all_codes_are_known() -> None:
    assert "Not checked" not in run_command("build", "hcc-tare-sorafenib", "-o", "/dev/null").stderr
