"""Pages and the picture that scripts write are those of the code; `fhir-case schema SECTION` says the same in words."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from fhir_case.case.tree import read_tree
from fhir_case.errors import CaseError
from fhir_case.mapping import discover, sections_of
from support import ROOT, run_command

SECTIONS = sections_of(discover())
FOLDER = ROOT / "docs" / "reference"
PAGES = ["case-file.md", "code-tables.md", "command-line.md", "rules.md"]


def loaded(name: str) -> Any:
    """Return a script as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "scripts" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    loader.exec_module(module)
    sys.path[:] = before
    return module


@pytest.fixture(scope="module")
def script() -> Any:
    """The script that writes the pages."""
    return loaded("make-reference")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_that_of_the_code(script: Any, name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == script.PAGES[name](), "run scripts/make-reference"


def test_every_page_of_the_reference_is_tested(script: Any) -> None:
    assert PAGES == sorted(script.PAGES) == sorted(file.name for file in FOLDER.glob("*.md"))


def test_every_field_of_the_reference_has_a_form_a_meaning_and_an_example() -> None:
    text = (FOLDER / "case-file.md").read_text(encoding="utf-8")
    rows = [row[2:-2].split(" | ") for row in text.splitlines() if re.match(r"\| (\*\*)?`", row)]

    assert 400 < len(rows)
    assert [] == [row for row in rows if len(row) != 4 or not all(row)]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_the_fields_of_a_section_are_told_in_words(section: Any) -> None:
    code, told, _ = run_command("schema", section.name)

    assert 0 == code
    assert [] == [name for name in section.model.model_fields if f"  {name}" not in told]
    assert section.model.summary() in told


def test_a_section_that_is_not_there_is_refused_with_the_nearest() -> None:
    code, _, said = run_command("schema", "conditons")

    assert (2, True) == (code, "there is no section 'conditons'. Did you mean 'conditions'?" in said)


def test_the_picture_of_the_architecture_is_that_of_the_imports() -> None:
    script = loaded("make-architecture-picture")

    assert script.PICTURE.read_text(encoding="utf-8") == script.picture(), "run scripts/make-architecture-picture"


def test_every_example_of_a_field_is_yaml_that_the_field_takes(script: Any) -> None:
    wrong = []
    for (model, name), text in script.case_file.examples().items():
        field = model.model_fields[name]
        form: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        try:
            TypeAdapter(form).validate_python(read_tree(f"{name}: {text}", "example.yaml").root.data[name])
        except (CaseError, ValidationError) as error:
            wrong.append(f"{model.__name__}.{name}: {text}: {error}")

    assert [] == wrong
