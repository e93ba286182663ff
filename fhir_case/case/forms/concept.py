"""A concept by a short name, by words or by codes; a site of the body."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.form import KEY, Form, ShortForm, Text, clipped

__all__ = ["CODE_PATTERN", "Coding", "Concept", "Site", "plain_key"]

CODE_PATTERN = r"^\S+( \S+)*$"


# A name as a report spells it: the signs in it stand for the hyphens of a short name.
_SPELT = re.compile(r"^[A-Za-z0-9]+(?:[ ,.'/+-]+[A-Za-z0-9]+)*$")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def plain_key(spelt: str) -> str:
    """Return a name that is spelt as in a report in the form of a short name."""
    return _SEPARATORS.sub("-", spelt.lower()).strip("-")


class Coding(Form):
    """
    Name one code of one code system, as its publisher writes it.

    Args:
        system: The URL of the code system.
        code: The code, as the system writes it.
        display: The name that the system has for the code.
        version: The version of the code system.
    """

    system: Annotated[str, Field(pattern=r"^(https?://|urn:)\S+$", max_length=300)]
    code: Annotated[str, Field(pattern=CODE_PATTERN, max_length=200)]
    display: Text | None = None
    version: Text | None = None


def _as_list(value: Any) -> Any:
    if isinstance(value, str | int | Decimal):
        raise PydanticCustomError(
            "code", "{given} is a code without its system; write {system: …, code: …}", {"given": clipped(value)}
        )
    return [value] if isinstance(value, dict) else value


class Concept(ShortForm):
    """
    Name a thing: by a short name that a code table knows, by words, or by codes of one's own.

    Args:
        name: A short name of a code table of the mappings, for example ``afp``. Alone it may be spelt as in the report,
            with capitals and spaces; then the words are those of the report.
        text: The words of the report or of the author; alone it makes a concept without a code.
        code: One or more codings; they win over the code table.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)] | None = None
    text: Text | None = None
    code: Annotated[tuple[Coding, ...], BeforeValidator(_as_list)] = ()

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = "a short name that a code table knows, or a name as it is spelt: afp, Acute myeloid leukaemia"
        return {"type": "string", "pattern": _SPELT.pattern, "description": described}

    @classmethod
    def open_schemas(cls, open_form: JsonSchemaValue) -> list[JsonSchemaValue]:
        code = open_form["properties"]["code"]
        one_or_more = [code["items"], {"type": "array", "items": code["items"]}]
        open_form["properties"]["code"] = {"anyOf": one_or_more, "description": code["description"]}
        return [open_form]

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        given = data.strip()
        if KEY.match(given):
            return {"name": given}
        name = plain_key(given)
        if _SPELT.match(given) and len(name) <= 40:
            return {"name": name, "text": given}
        raise PydanticCustomError(
            "short_name",
            "'{given}' is not a short name (lower-case words joined by hyphens); write words as {text: …}",
            {"given": data[:60]},
        )

    @property
    def is_spelt(self) -> bool:
        """Whether its short name was written with capitals or spaces, as a report has it."""
        return self.name is not None and self.text is not None and plain_key(self.text) == self.name

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.name or self.text or self.code):
            raise PydanticCustomError("empty_concept", "a concept needs a name, a text or a code")
        return self


class Site(Concept):
    """
    Name a place of the body.

    Args:
        side: The side of a paired organ.
    """

    side: Literal["left", "right", "both"] | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = "a short name of a place of the body, or a name as it is spelt: liver, Right lung"
        return {"type": "string", "pattern": _SPELT.pattern, "description": described}
