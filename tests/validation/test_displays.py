"""A name that we do not know of a code is wrong only where that can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.validation import validate

if TYPE_CHECKING:
    from fhir_case.issues import Issue

SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
CVX = "http://hl7.org/fhir/sid/cvx"
STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"
TABLES = {
    (SNOMED, "109841003"): {"Liver cell carcinoma"},
    (SNOMED, "25370001"): {"Hepatocellular carcinoma"},
    (LOINC, "1834-1"): {"Alpha-1-Fetoprotein [Mass/volume] in Serum or Plasma"},
    (LOINC, "1833-3"): {"Alpha-1-Fetoprotein [Mass/volume] in Cord blood"},
    (STATUS, "active"): {"Active"},
    (CVX, "208"): {"SARS-COV-2 (COVID-19) vaccine, mRNA, spike protein, LNP, preservative free, 30 mcg/0.3mL dose"},
}


def found(*codings: tuple[str, str, str]) -> list[Issue]:
    """Return what `codes` says about codings, each given as system, code and display."""
    coded = [dict(zip(("system", "code", "display"), one, strict=True)) for one in codings]
    resource = {"resourceType": "Basic", "id": "one", "code": {"coding": coded}}
    result = validate(resource, code_tables=TABLES, skip=("structure",))
    return [issue for issue in result.issues if issue.check == "codes"]


@pytest.mark.parametrize(
    ("system", "code", "display"),
    [
        (SNOMED, "109841003", "Hepatoma"),
        (LOINC, "1834-1", "AFP SerPl-mCnc"),
        (LOINC, "1834-1", "Alpha-Fetoprotein"),
        (CVX, "208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose"),
    ],
)
def test_a_synonym_that_we_do_not_know_is_not_checked(system: str, code: str, display: str) -> None:
    (issue,) = found((system, code, display))

    assert "information" == issue.severity
    assert issue.message.startswith(f"not checked: '{display}' is not among the known names of '{code}'")
    assert "Basic.code.coding[0].display" == issue.expression


def test_what_is_not_checked_is_said_once() -> None:
    assert 1 == len(found((SNOMED, "109841003", "Hepatoma"), (SNOMED, "109841003", "Hepatoma")))
    assert 2 == len(found((SNOMED, "109841003", "Hepatoma"), (SNOMED, "109841003", "Liver cancer")))


def test_the_name_of_another_code_is_an_error_in_loinc() -> None:
    (issue,) = found((LOINC, "1834-1", "Alpha-1-Fetoprotein [Mass/volume] in Cord Blood"))

    assert "error" == issue.severity
    assert "is the name of 1833-3; '1834-1' is called 'Alpha-1-Fetoprotein" in issue.message


def test_the_name_of_another_code_is_a_warning_in_snomed_where_two_concepts_may_share_it() -> None:
    (issue,) = found((SNOMED, "109841003", "Hepatocellular carcinoma (morphologic abnormality)"))

    assert "warning" == issue.severity
    assert "is the name of 25370001" in issue.message


def test_a_code_of_hl7_has_the_name_that_its_code_system_gives_it() -> None:
    assert ["error", "error"] == [
        one.severity for one in found((STATUS, "active", "Running"), (STATUS, "active", "On"))
    ]
    assert [] == found((STATUS, "active", "active"))


def test_a_code_of_hl7_that_our_tables_do_not_have_is_left_to_bindings() -> None:
    assert [] == found((STATUS, "resolved", "Resolved"))


def test_every_name_in_our_tables_is_right_for_its_code() -> None:
    assert [] == found(*((system, code, name) for (system, code), names in TABLES.items() for name in names))
