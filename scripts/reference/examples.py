"""An example of each field: the first that a case of the tests writes, as it stands there."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from fhir_case.case.forms import Amount, Form
from fhir_case.mapping import discover, sections_of
from fhir_case.mapping.reference import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
_FILES = ("tests/mapping/cases/*/full.yaml", "tests/cases/*/case.yaml")
_LONGEST = 70
_YAML = YAML()
_YAML.default_flow_style = True
_YAML.width = 100_000


@cache
def examples() -> dict[tuple[type[Form], str], str]:
    """Return an example for each field of each model: of several, the first that is short, else the shortest."""
    from fhir_case.case.model import case_model

    sections = sections_of(discover())
    found: dict[tuple[type[Form], str], str] = {}
    files = [file for pattern in _FILES for file in sorted(ROOT.glob(pattern))]
    for file in files:
        for model, name, value in _written(case_model(sections), YAML().load(file)):
            if len(found.get((model, name), " " * (_LONGEST + 1))) > _LONGEST:
                written = flow(value)
                found[model, name] = min(found.get((model, name), written), written, key=len)
    return found


def flow(value: Any) -> str:
    """Return a value in one line of YAML, with its scalars as they were written."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    text = io.StringIO()
    _YAML.dump([value], text)
    return text.getvalue().strip().removeprefix("[").removesuffix("]")


def _written(model: type[Form], data: Any) -> Iterator[tuple[type[Form], str, Any]]:
    """Yield each field that some data write, with its model and its value, and the fields in it."""
    for field in fields_of(model, ()):
        if field.name not in data:
            continue
        value = data[field.name]
        yield model, field.name, value
        for one in value if isinstance(value, list) else [value]:
            inner = field.model and isinstance(one, dict) and _model_of(field.model, one)
            if inner:
                yield from _written(inner, one)


def _model_of(model: type[Form], data: dict[str, Any]) -> type[Form] | None:
    """Return the model of a mapping: of a value that may be of several forms, the one with these fields."""
    parts = [one.model for one in fields_of(model, ()) if one.model] if issubclass(model, Amount) else []
    return next((each for each in (model, *parts) if data.keys() <= each.model_fields.keys()), None)
