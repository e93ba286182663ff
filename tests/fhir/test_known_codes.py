"""The codes of the code tables, of which a section is parsed when one of its codes is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.codes import Terms, code_table, tables_of
from fhir_case.fhir.installed import installed_codes
from fhir_case.fhir.known_codes import KnownCodes, add_names

if TYPE_CHECKING:
    import pytest

    from fhir_case.fhir.codes import Term

_SNOMED = "http://snomed.info/sct"


def test_each_code_has_all_the_displays_that_the_tables_write() -> None:
    tables = [*tables_of("fhir_case_mappings"), *tables_of("fhir_case.bundle")]
    expected: dict[tuple[str, str], frozenset[str]] = {}
    for table in tables:
        add_names(expected, table.values())
    known = installed_codes()

    assert len(expected) > 3000
    assert expected == {key: known[key] for key in expected}
    assert expected == dict(known)
    assert len(expected) == len(known)


def test_only_the_sections_with_the_code_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownCodes([code_table("fhir_case_mappings", "tests")])
    parsed: list[str] = []
    parse = Terms.__getitem__

    def counted(table: Terms, name: str) -> Term:
        parsed.append(name)
        return parse(table, name)

    monkeypatch.setattr(Terms, "__getitem__", counted)

    assert known
    assert known.get((_SNOMED, "nothing")) is None
    assert (_SNOMED, "nothing") not in known
    assert [] == parsed
    assert known.get(("http://loinc.org", "53962-7"))
    assert ["afp"] == parsed


def test_a_code_is_found_however_it_is_written_and_what_breaks_the_grammar_has_none() -> None:
    known = KnownCodes(
        [
            Terms(
                "mine",
                {
                    "a": "[a]\ntext = 'A'\ncodings = [{system='SNOMED', code='1', display='one'}]",
                    "b": '[b]\ntext = "B"\ncodings = [{system = "SNOMED", "code" = "1", display = "uno"}]',
                    "c": '[c]\ntext = "C"\ncodings = [{system = "SNOMED", code = "1", display = "un"}]',
                    "d": '[d]\ncodings = [{system = "SNOMED", code = "2", display = "two"}]',
                    "e": '[e]\ntext = "E"\ncodings = [{system = "SNOMED", code = "\\u0033", display = "three"}]',
                },
            )
        ]
    )

    assert {"one", "uno", "un"} == known[_SNOMED, "1"]
    assert {(_SNOMED, "1"), (_SNOMED, "3")} == set(known)
