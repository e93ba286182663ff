"""What a pathology report says: the models of its section."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Quantity, Value
from fhir_case.case.entry import ConditionKey, ResultKey, SpecimenKey
from fhir_case.case.forms import Form, Text
from fhir_case.case.forms.form import ShortForm
from fhir_case.mapping import Codes

__all__ = ["CODES", "Feature", "NodeCount", "Pathology"]

CODES = Codes.beside(__package__ or "")

_Count = Annotated[int, Field(strict=True, ge=0, le=999)]
_NODES = re.compile(r"^(?P<positive>\d{1,3})\s*(?:/|of)\s*(?P<examined>\d{1,3})$")


_NO_NODES = ("negative", "none")


class NodeCount(ShortForm):
    """
    Lymph nodes with metastasis, and how many were examined: ``2/15``.

    Args:
        positive: How many had a metastasis.
        examined: How many were examined.
    """

    positive: _Count
    examined: _Count | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        """Return the JSON Schema of a count such as 2/15."""
        pattern = rf"{_NODES.pattern}|^{'$|^'.join(_NO_NODES)}$"
        return {"type": "string", "pattern": pattern, "description": "lymph nodes with metastasis: 2/15, or negative"}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if isinstance(data, str) and data.strip().lower() in _NO_NODES:
            return {"positive": 0}
        if not isinstance(data, str):
            return data
        if match := _NODES.match(data.strip()):
            return {name: int(part) for name, part in match.groupdict().items()}
        raise PydanticCustomError(
            "nodes", "'{given}' is not a count of lymph nodes such as 2/15, and not 'negative'", {"given": data[:60]}
        )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.examined is not None and self.positive > self.examined:
            raise PydanticCustomError("nodes", "there are more lymph nodes with metastasis than were examined")
        return self

    def __str__(self) -> str:
        return f"{self.positive} of {self.examined}" if self.examined is not None else str(self.positive)


class Feature(Form):
    """
    Something else that a pathologist looked for, and what was seen.

    Args:
        feature: What was looked for, such as lymphovascular invasion.
        value: What was seen.
    """

    feature: Annotated[Concept, CODES.table("features")]
    value: Annotated[Value, CODES.table("values")]


class Pathology(Event):
    """
    A report of a pathologist.

    Args:
        at: When the specimen was taken or examined, as the report dates it.
        examination: What was done; a pathology study where it is absent.
        of: The disease that it is about.
        specimen: What was examined, an entry of ``specimens``.
        histology: The type of the tissue with its behaviour.
        grade: The histologic grade, which is no stage.
        grading: The system of the grade.
        margins: Whether the margins of resection are free of tumour.
        margin_distance: The distance to the nearest margin, in mm or cm.
        residual: ``r0``, ``r1``, ``r2`` or ``rx``.
        nodes: The regional lymph nodes with metastasis of those examined, such as 2/15.
        sentinel_nodes: The same of the sentinel lymph nodes.
        size: The longest dimension of the tumour, in mm or cm.
        other_dimensions: Its further dimensions, in mm or cm.
        features: What else was looked for, such as ``perineural-invasion``.
        results: Further results of the report, entries of ``receptors`` and the like.
        conclusion: What the report says of the whole, in words of one's own.
    """

    examination: Annotated[Concept, CODES.table("examinations")] | None = None
    of: ConditionKey | None = None
    specimen: SpecimenKey | None = None
    histology: Annotated[Concept, CODES.table("histologies")] | None = None
    grade: Annotated[Concept, CODES.table("grades")] | None = None
    grading: Annotated[Concept, CODES.table("grading_systems")] | None = None
    margins: Annotated[Concept, CODES.table("margins")] | None = None
    margin_distance: Quantity | None = None
    residual: Annotated[Concept, CODES.table("residuals")] | None = None
    nodes: NodeCount | None = None
    sentinel_nodes: NodeCount | None = None
    size: Quantity | None = None
    other_dimensions: Annotated[tuple[Quantity, ...], Field(max_length=2)] = ()
    features: tuple[Feature, ...] = ()
    results: tuple[ResultKey, ...] = ()
    conclusion: Text | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        for length in (self.size, self.margin_distance, *self.other_dimensions):
            if length is not None and (length.unit not in {"mm", "cm"} or length.value < 0):
                raise PydanticCustomError("size", "a size or a distance is not negative and in mm or cm")
        for part, whole, said in (
            (self.grading, self.grade, "'grading' is the system of 'grade', which is not there"),
            (self.margin_distance, self.margins, "'margin_distance' goes with 'margins', which is not there"),
            (self.other_dimensions or None, self.size, "'other_dimensions' go with 'size', which is not there"),
        ):
            if part is not None and whole is None:
                raise PydanticCustomError("size", "{said}", {"said": said})
        return self
