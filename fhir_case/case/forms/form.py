"""What every form has: unknown keys are refused, nothing changes, and one string may stand for the mapping."""

from __future__ import annotations

import contextlib
import inspect
import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

__all__ = ["KEY", "Day", "Form", "Key", "ShortForm", "Text", "clipped"]

_ARGUMENTS = "\n\nArgs:\n"

KEY = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")

Key = Annotated[str, Field(pattern=KEY.pattern, max_length=40)]
Text = Annotated[str, Field(min_length=1, max_length=5000, pattern=r"\S")]


def _a_day(value: Any) -> Any:
    # Left alone, pydantic takes a number for seconds since 1970 and accepts a time of day.
    if type(value) is date:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip(), re.ASCII):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(value.strip())
    raise PydanticCustomError(
        "day", "{given} is not a day of the calendar; write one such as 2018-03-01", {"given": clipped(value)}
    )


def clipped(value: Any) -> str:
    """Return the beginning of a value for a message."""
    return (
        f"'{value[:40]}'" if isinstance(value, str) else "this" if isinstance(value, list | dict) else str(value)[:40]
    )


Day = Annotated[date, BeforeValidator(_a_day)]
"""A whole date, as text or as a `datetime.date`."""


class Form(BaseModel):
    """Refuse unknown keys and changes: the ground of every part of a case."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @classmethod
    def summary(cls) -> str:
        """Return what its docstring says of it, without its fields."""
        return inspect.cleandoc(cls.__doc__ or "").partition(_ARGUMENTS)[0]

    @classmethod
    def field_descriptions(cls) -> dict[str, str]:
        """Return what its docstring says of each field, or else that of a model which it is derived from."""
        found: dict[str, str] = {}
        for model in reversed(cls.__mro__):
            arguments = inspect.cleandoc(model.__doc__ or "").partition(_ARGUMENTS)[2]
            for name, text in re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", arguments, flags=re.MULTILINE):
                found[name] = re.sub(r"\s+", " ", text).replace("``", "'")
        return found

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        form = handler.resolve_ref_schema(schema)
        if cls.summary():
            form["description"] = cls.summary()
        said = cls.field_descriptions()
        for name, field in form.get("properties", {}).items():
            field.pop("title", None)
            if name in said:
                field["description"] = said[name]
        return schema


class ShortForm(Form):
    """Accept one string in place of the mapping, and say so in the JSON Schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        open_form = handler.resolve_ref_schema(super().__get_pydantic_json_schema__(core, handler))
        described: dict[str, Any] = {key: open_form.pop(key) for key in ("title", "description") if key in open_form}
        rest = dict(open_form)
        open_form.clear()
        open_form.update(described, anyOf=[cls.short_schema(), *cls.open_schemas(rest)])
        return open_form

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        """Return the JSON Schema of the one string."""
        return {"type": "string"}

    @classmethod
    def open_schemas(cls, open_form: JsonSchemaValue) -> list[JsonSchemaValue]:
        """Return the JSON Schemas of the mapping."""
        return [open_form]
