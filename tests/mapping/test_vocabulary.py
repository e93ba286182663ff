"""The command `codes`: the short names of all tables, with code, display, units and source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support import result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path

_MAPPING = '''\
from typing import Annotated

from fhir_case.case import Concept, Event, Section
from fhir_case.mapping import Codes, Mapping

codes = Codes.beside(__name__)


class Assay(Event):
    """A assay."""

    gene: Annotated[Concept, codes.table("genes")]


SECTION = Section("assays", Assay, resource="Observation", time="effectiveDateTime")
MAPPING = Mapping("assays", lambda case: (), "none", sections=(SECTION,))
'''


def test_codes_lists_each_table_with_the_fields_that_take_it() -> None:
    done = run_command("codes")

    assert (0, "") == (done.exit_code, done.stderr)
    (tests,) = (line.split() for line in done.stdout.splitlines() if line.startswith("tests "))
    assert ["laboratory.test,", "tumour_markers.test,", "measurements.test,"] == tests[2:5]
    assert "fixed" not in done.stdout  # what profiles fix has no short names


def test_codes_of_a_table_tell_words_code_display_units_and_source() -> None:
    lines = run_command("codes", "tests").stdout.splitlines()

    at = lines.index("ast: Aspartate aminotransferase")
    assert lines[at + 1].startswith(
        "  LOINC 1920-8 Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma ["
    )
    assert ["  also: aspartate aminotransferase, got, sgot", "  units: IU/L (UCUM U/L), U/L"] == lines[at + 2 : at + 4]


def test_a_search_finds_other_names_too() -> None:
    assert (
        "norepinephrine: norepinephrine" == run_command("codes", "drugs", "--search", "noradren").stdout.splitlines()[0]
    )


def test_a_search_without_a_table_looks_at_all_and_names_where_it_was_found() -> None:
    lines = run_command("codes", "--search", "109841003").stdout.splitlines()

    assert lines[0].startswith("diagnoses (")
    assert "conditions.diagnosis" in lines[0]
    assert "  hepatocellular-carcinoma: Hepatocellular carcinoma" == lines[1]


def test_all_words_of_a_search_are_found_in_any_case_and_order() -> None:
    assert "total-bilirubin: Total bilirubin" in run_command("codes", "tests", "--search", "SERUM bilirubin").stdout


def test_a_search_that_finds_nothing_says_so() -> None:
    done = run_command("codes", "drugs", "--search", "xyzzy")

    assert (0, "") == (done.exit_code, done.stdout)
    assert "no short name of drugs has 'xyzzy' in its name, words, code or display\n" == done.stderr


def test_an_unknown_table_is_a_usage_error_that_asks_for_the_nearest() -> None:
    done = run_command("codes", "test")

    assert 2 == done.exit_code
    assert "there is no table 'test';" in done.stderr
    assert "Did you mean 'tests'?" in done.stderr


def test_codes_as_json_have_everything_that_the_tables_say() -> None:
    (table,) = result_of(run_command("codes", "tests", "--search", "pivka", "--format", "json").stdout)["tables"]
    (term,) = table["terms"]

    assert ("pivka-ii", "mAU/mL") == (term["name"], next(iter(term["units"])))
    assert {"system", "code", "display", "source"} == set(term["codings"][0])
    assert all("terms" not in one for one in result_of(run_command("codes", "--format", "json").stdout)["tables"])


def test_every_coding_of_the_shipped_tables_has_a_display_and_a_source() -> None:
    tables = result_of(run_command("codes", "--search", "", "--format", "json").stdout)["tables"]
    lacking = [
        f"{table['table']}.{term['name']}: {one['code']}"
        for table in tables
        for term in table["terms"]
        for one in term["codings"]
        if not (one.get("display") and one["source"])
    ]

    assert [] == lacking


def test_tables_beside_a_mapping_file_are_listed_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "assay.py").write_text(_MAPPING)
    (tmp_path / "genes.toml").write_text('[egfr]\ntext = "EGFR"\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')

    done = run_command("codes", "--mapping", tmp_path / "assay.py")

    (genes,) = (line.split() for line in done.stdout.splitlines() if line.startswith("genes "))
    assert ["genes", "1", "assays.gene", f"[{tmp_path}]"] == genes
    assert "pyproject" not in done.stdout
    assert "egfr: EGFR\n" == run_command("codes", "genes", "--mapping", tmp_path / "assay.py").stdout


def test_a_table_that_a_field_names_and_that_is_broken_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "assay.py").write_text(_MAPPING)
    (tmp_path / "genes.toml").write_text('egfr = "EGFR"\n')

    done = run_command("codes", "--mapping", tmp_path / "assay.py")

    assert 4 == done.exit_code
    assert "genes.toml: [egfr]: it is a table with 'text'" in done.stderr
