"""Tumours that are followed over time, and their sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, KeyedEntry, Quantity, Section, Site
from fhir_case.case.entry import ConditionKey, Shown
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import code_of, extension, reference
from fhir_case.fhir.systems import BODY_STRUCTURE_TYPE, MCODE
from fhir_case.mapping import PATIENT, Codes, Mapping, observation, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Size", "Tumour", "tumours"]

_codes = Codes.beside(__name__)


class Size(Shown):
    """The longest dimension of a tumour."""

    value: Quantity
    method: Annotated[Concept, _codes.table("modalities")] | None = None

    @model_validator(mode="after")
    def _is_a_length(self) -> Self:
        if self.value.unit not in {"mm", "cm"} or self.value.value <= 0:
            raise PydanticCustomError("value", "a size is more than nothing and in mm or cm")
        return self


class Tumour(KeyedEntry):
    """One tumour that is followed over time."""

    of: ConditionKey
    site: Annotated[Site, _codes.table("sites")]
    description: Text
    sizes: tuple[Size, ...] = ()


def tumours(case: Case) -> Iterator[Resource]:
    """
    Map each tumour and each size that was measured of it.

    Reads: each `Tumour` with its sizes in mm or cm.
    Returns: one BodyStructure (mcode-tumor) each, one Observation (mcode-tumor-size) a size, value in its
    component 33728-7.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-tumor-size.html
    """
    for tumour in case.entries_of(Tumour):
        yield resource(
            "BodyStructure",
            tumour.key,
            tumour,
            f"Tumour: {tumour.description}.",
            profile=MCODE + "mcode-tumor",
            extension=[extension(MCODE + "mcode-related-condition", valueReference=reference("Condition", tumour.of))],
            identifier=[{"use": "usual", "type": code_of(BODY_STRUCTURE_TYPE, "BodyStructure"), "value": tumour.key}],
            location=_codes.site(tumour.site, tumour),
            description=tumour.description,
            patient=PATIENT,
        )
        for size in tumour.sizes:
            yield observation(
                case,
                size,
                kind="imaging",
                code=_codes.fixed("tumour-size"),
                value={},
                words=str(size.value),
                at=size.at,
                profile=MCODE + "mcode-tumor-size",
                focus=[reference("BodyStructure", tumour.key)],
                method=_method(size),
                component=[
                    {
                        "code": _codes.fixed("longest-dimension"),
                        "valueQuantity": _codes.quantity(size.value),
                    }
                ],
            )


def _method(size: Size) -> dict[str, Any] | None:
    if size.method is None:
        return None
    term = _codes.term("modalities", size.method, size)
    method = term.other_concept("method") if term else None
    return {**method, "text": term.text} if term and method else _codes.concept("modalities", size.method, size)


MAPPING = Mapping(
    "tumour",
    tumours,
    "BodyStructure (mCODE tumor) and Observation (mCODE tumor size)",
    sections=(
        Section(
            "tumours",
            Tumour,
            resource="BodyStructure",
            roles=("tumour",),
            parts=(Section("sizes", Size, resource="Observation", time="effectiveDateTime"),),
            example="""\
tumours:
  - key: liver-lesion
    of: colon-cancer
    site: liver
    description: Lesion in the right lobe
    sizes:
      - {key: liver-lesion-size, value: 23 mm, method: ct, imaging: chest-abdomen-ct, at: +12 mo, source: made up}
    source: made up
""",
        ),
    ),
)
