"""
The Bundles of the test cases, whole; those of the shipped cases in R5 too.

`pytest --update-golden` writes them; a review reads what changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from fhir_case import build_bundle, load_case
from fhir_case.case.shipped import shipped_case_names
from fhir_case.fhir.wire import Resource, dump, parse
from support import CASES, case_source, golden, golden_file

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.fhir.models import FhirVersion

NAMES = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())
BUNDLES: list[tuple[str, FhirVersion]] = [
    *((name, "R4") for name in NAMES),
    *((name, "R5") for name in shipped_case_names()),
]


def scrubbed(bundle: Resource) -> Resource:
    """Take out what changes with every release: the version of the software."""
    from importlib.metadata import version

    text = dump(bundle).decode().replace(f"fhir-case {version('fhir-case')}", "fhir-case VERSION")
    text = text.replace(f'"version":[{{"value":"{version("fhir-case")}"}}]', '"version":[{"value":"VERSION"}]')
    result: Resource = parse(text)
    return result


@pytest.mark.parametrize(("name", "fhir"), BUNDLES)
def test_a_case_gives_its_golden_bundle(name: str, fhir: FhirVersion, update_golden: bool) -> None:
    bundle = scrubbed(build_bundle(load_case(case_source(name)), fhir=fhir))
    if update_golden:
        golden_file(name, fhir).write_bytes(dump(bundle, indent=True))

    assert golden(name, fhir) == bundle


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["transaction", "collection"])
def test_the_same_case_gives_the_same_bytes(name: str, form: Literal["transaction", "collection"]) -> None:
    first, second = (dump(build_bundle(load_case(case_source(name)), type=form)) for _ in range(2))

    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_hold_the_same_resources(name: str) -> None:
    case = load_case(case_source(name))
    transaction, collection = (build_bundle(case, type=form) for form in ("transaction", "collection"))

    assert [one["resource"] for one in transaction["entry"]] == [one["resource"] for one in collection["entry"]]
    assert [one["fullUrl"] for one in transaction["entry"]] == [one["fullUrl"] for one in collection["entry"]]
    assert not any("request" in one for one in collection["entry"])


@pytest.mark.parametrize(("name", "fhir"), BUNDLES)
def test_no_line_of_a_golden_names_this_machine(name: str, fhir: FhirVersion) -> None:
    text = golden_file(name, fhir).read_text(encoding="utf-8")

    assert "/home/" not in text
    assert "VERSION" in text


def test_a_case_file_elsewhere_gives_the_same_bundle(tmp_path: Path) -> None:
    source = CASES / "minimal" / "case.yaml"
    copy = tmp_path / "elsewhere.yaml"
    copy.write_bytes(source.read_bytes())

    assert build_bundle(load_case(source)) == build_bundle(load_case(copy))
