"""The JSON Schema of the case file is that of the model, and judges files as the reader does."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from fhir_case.case.schema import case_schema, schema_path, starter_text
from fhir_case.case.shipped import shipped_case_names, shipped_case_text
from fhir_case.case.tree import read_tree
from fhir_case.fhir.wire import dump
from fhir_case.mapping import discover, read_case, sections_of

ROOT = Path(__file__).resolve().parents[2]
BROKEN = Path(__file__).parent / "broken"
BASE = (BROKEN / "base.yaml").read_text(encoding="utf-8")
MISTAKES: list[dict[str, Any]] = tomllib.loads((BROKEN / "mistakes.toml").read_text(encoding="utf-8"))["mistake"]


@pytest.fixture(scope="module")
def schema() -> Any:
    return jsonschema_rs.validator_for(json.loads(schema_path().read_bytes()))


def _fits(schema: Any, text: str) -> bool:
    return bool(schema.is_valid(json.loads(dump(read_tree(text, "case.yaml").root.data))))


def test_the_shipped_schema_is_that_of_the_model() -> None:
    assert json.loads(schema_path().read_bytes()) == case_schema(sections_of(discover())), (
        "run scripts/make-case-schema"
    )


def test_the_script_writes_the_schema_byte_for_byte() -> None:
    before = schema_path().read_bytes()

    subprocess.run([sys.executable, str(ROOT / "scripts" / "make-case-schema")], check=True, timeout=60)

    assert before == schema_path().read_bytes()


def test_the_schema_is_a_valid_schema_of_its_draft() -> None:
    assert jsonschema_rs.meta.is_valid(case_schema(sections_of(discover())))


@pytest.mark.parametrize("name", shipped_case_names())
def test_a_shipped_case_fits_the_schema(schema: Any, name: str) -> None:
    assert _fits(schema, shipped_case_text(name).decode())


def test_the_starter_and_every_form_of_the_base_file_fit_the_schema(schema: Any) -> None:
    assert _fits(schema, starter_text())
    assert _fits(schema, BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("until: +3 mo", "until: 2025"),
        ("until: +3 mo", "until: {relation: after, count: 3, unit: mo}"),
        ("dose: 5 mg", "dose: 5"),
        ("dose: 5 mg", "dose: {value: 5.0, unit: mg, comparator: <}"),
        ("value: 12.40 ng/mL", "value: {text: raised}"),
        ("value: 12.40 ng/mL", "value: present"),
        ("event: {text: rash}", "event: hand-foot-skin-reaction"),
        ("event: {text: rash}", "event: {code: [{system: 'urn:x', code: a}, {system: 'urn:y', code: b}]}"),
        ("    status: active", "    status: active\n    note:"),
    ],
)
def test_short_and_open_forms_fit_both_the_schema_and_the_reader(schema: Any, old: str, new: str) -> None:
    text = BASE.replace(old, new, 1)

    assert text != BASE
    read_case(text)
    assert _fits(schema, text)


@pytest.mark.parametrize(
    "name",
    [
        "a misspelt sex",
        "a misspelt section",
        "a misspelt field of an entry",
        "a value that is missing",
        "a source that is missing",
        "a section that is no list",
        "a title that is a number",
        "a key with capitals and blanks",
        "an index date that is a number",
        "a dose with a misspelt unit key",
        "a dose that is true",
        "a marker with a misspelt key",
        "a marker that is true",
        "a grade that is too high",
        "a grade between two",
        "a concept in words without text",
        "a code without a system",
        "an offset in the open form with a wrong unit",
    ],
)
def test_a_mistake_that_a_schema_can_see_is_seen_in_the_editor(schema: Any, name: str) -> None:
    (mistake,) = (mistake for mistake in MISTAKES if mistake["name"] == name)

    assert not _fits(schema, BASE.replace(mistake["old"], mistake["new"], 1))


def test_fields_carry_the_words_of_the_model() -> None:
    field = case_schema(sections_of(discover()))["$defs"]["AdverseEvent"]["properties"]["grade"]

    assert field["description"] == "The grade as printed, 1 to 5; 5 is death."


def test_every_field_of_the_schema_says_what_it_means() -> None:
    schema = case_schema(sections_of(discover()))
    models = {"Case": schema, **schema["$defs"]}
    silent = [
        f"{name}.{field}"
        for name, model in models.items()
        for form in (model, *model.get("anyOf", ()))
        for field, part in form.get("properties", {}).items()
        if "description" not in part and "$ref" not in part
    ]

    assert [] == silent
