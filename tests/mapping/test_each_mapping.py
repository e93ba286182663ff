"""
Each mapping with the least and with all that its section of the case file can hold.

`pytest --update-golden` writes the resources of the mapping beside each case; a review reads what changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fhir_case import build_bundle, load_case, validate
from fhir_case.case.schema import schema_path
from fhir_case.fhir.wire import dump, parse
from fhir_case.mapping import discover
from support import resources

CASES = Path(__file__).parent / "cases"
FORMS = ["minimal", "full"]
# `test_circumstances.py` has the first two, `test_variation.py` the third, which says nothing of the case.
OF_EVERY_EVENT = {"encounter", "performer", "vary"}
MAPPINGS = {one.mapping.name: one for one in discover()}
# Mappings that add to resources of another one, which their golden shows with what was added.
ADDS_TO = {"pathology": "condition"}
SCHEMA = json.loads(schema_path().read_text(encoding="utf-8"))


def section_of(name: str) -> str:
    sections = MAPPINGS[name].mapping.sections
    return sections[0].name if sections else "report"


def case_file(name: str, form: str) -> Path:
    return CASES / name.replace("-", "_") / f"{form}.yaml"


def definition(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what the schema says of an entry: behind a reference, a list, or what may also be absent."""
    if "$ref" in schema:
        return definition(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "items" in schema:
        return definition(schema["items"])
    if "anyOf" in schema:
        kinds = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return definition(kinds[0]) if len(kinds) == 1 else {}
    return schema


def fields(entries: Any, schema: dict[str, Any], *, required: bool) -> tuple[set[str], set[str]]:
    """Return the fields that some entries use, and those of the schema; the fields of parts begin with their whole."""
    known = definition(schema)
    listed: list[Any] = entries if isinstance(entries, list) else [entries]
    used = {field for entry in listed for field in entry}
    wanted = set(known["required"] if required else known["properties"])
    for field in sorted(used & known["properties"].keys()):
        part = known["properties"][field]
        values = [entry[field] for entry in listed if field in entry]
        inner = [each for value in values for each in (value if isinstance(value, list) else [value])]
        if "properties" in definition(part):
            inner_used, inner_wanted = fields(inner, part, required=required)
            used |= {f"{field}.{each}" for each in inner_used}
            wanted |= {f"{field}.{each}" for each in inner_wanted}
    return used, wanted


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("form", FORMS)
def test_a_mapping_gives_its_golden_resources(name: str, form: str, update_golden: bool) -> None:
    file = case_file(name, form)
    mappings = [MAPPINGS[one] for one in (ADDS_TO.get(name), name) if one]
    bundle = build_bundle(load_case(file), mappings=mappings)
    made = [one for one in resources(bundle).values() if not one["id"].endswith(("-software", "-provenance"))]
    golden = file.with_suffix(".json")
    if update_golden:
        golden.write_bytes(dump(made, indent=True))

    assert parse(golden.read_bytes()) == made


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("form", FORMS)
def test_the_case_has_as_few_or_as_many_fields_as_its_name_says(name: str, form: str) -> None:
    section = section_of(name)
    written = YAML(typ="safe").load(case_file(name, form))[section]
    used, wanted = fields(written, SCHEMA["properties"][section], required=form == "minimal")

    assert {field for field in wanted if field.rpartition(".")[2] not in OF_EVERY_EVENT} == used - OF_EVERY_EVENT


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_the_whole_bundle_of_the_case_has_no_finding(name: str, form: str, fhir: Any) -> None:
    result = validate(build_bundle(load_case(case_file(name, form)), fhir=fhir), fhir=fhir, closed=True)

    assert [] == [str(one) for one in result.issues if one.severity != "information"]
