"""Tumours that are followed over time, and their sizes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, LiteralString, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, KeyedEntry, Quantity, Section, Site
from fhir_case.case.entry import ConditionKey, Shown
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import category, code_of, extension, reference
from fhir_case.fhir.systems import BODY_STRUCTURE_TYPE, MCODE
from fhir_case.mapping import PATIENT, Codes, Mapping, observation, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Size", "Tumour", "tumours"]

_codes = Codes.beside(__name__)


# What the words of a method, which no table knows, say of its category.
_BY_WORDS = (
    (re.compile(r"patholog|histolog|specimen|microscop|resect|autops", re.IGNORECASE), "laboratory"),
    (re.compile(r"palpat|examination|clinical", re.IGNORECASE), "exam"),
    (
        re.compile(r"\b(?:CT|MRI|PET|US|X-ray)\b|tomograph|sonograph|ultraso|imaging|mammogra|radiogra", re.IGNORECASE),
        "imaging",
    ),
)


_LENGTH = re.compile(r"(\d{1,4}(?:\.\d{1,3})?) ?(mm|cm)?", re.ASCII)
_DIMENSIONS = re.compile(rf"{_LENGTH.pattern}(?: ?[x×*] ?{_LENGTH.pattern}){{1,2}}(?<=(?P<unit>mm|cm))", re.ASCII)


class Size(Shown):
    """
    The size of a tumour.

    Args:
        value: The longest dimension, in mm or cm; or two or three of them, such as ``5.0 x 3.0 cm``.
        others: Further dimensions in mm or cm, where the report gives them.
        method: How it was taken: a modality of imaging, pathology, examination.
    """

    value: Quantity
    others: Annotated[tuple[Quantity, ...], Field(max_length=2)] = ()
    method: Annotated[Concept, _codes.table("size_methods")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_dimensions(cls, data: Any) -> Any:
        """Return 5.0 cm x 3.0 cm, or 5.0 x 3.0 cm, as a longest dimension and others."""
        value = data.get("value") if isinstance(data, dict) and not data.get("others") else None
        match = _DIMENSIONS.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            return data
        unit = match["unit"]
        lengths = [(one[1], one[2] or unit) for one in _LENGTH.finditer(match[0])]
        first, *others = sorted(lengths, key=lambda one: Decimal(one[0]) * (10 if one[1] == "cm" else 1), reverse=True)
        return {**data, "value": " ".join(first), "others": [" ".join(one) for one in others]}

    @model_validator(mode="after")
    def _is_a_length(self) -> Self:
        sizes: dict[LiteralString, tuple[Quantity, ...]] = {"value": (self.value,), "others": self.others}
        for name, lengths in sizes.items():
            if any(one.unit not in {"mm", "cm"} or one.value <= 0 for one in lengths):
                raise PydanticCustomError(name, "a size is more than nothing and in mm or cm")
        return self


class Tumour(KeyedEntry):
    """
    One tumour that is followed over time.

    Args:
        of: The cancer that it belongs to.
        site: The place of the body that it is in.
        description: What it is, in words.
        sizes: Its sizes over time.
    """

    of: ConditionKey
    site: Annotated[Site, _codes.table("sites")]
    description: Text
    sizes: tuple[Size, ...] = ()


def tumours(case: Case) -> Iterator[Resource]:
    """
    Map each tumour and each size that was measured of it.

    The category of a size is that of its method; where nothing tells how it was taken, it has none.

    Reads: each `Tumour` with its sizes in mm or cm.
    Returns: one BodyStructure (mcode-tumor) each, one Observation (mcode-tumor-size) a size, the longest dimension in
    its component 33728-7, others in 33729-5.
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
            dimensions = [("longest-dimension", size.value), *(("other-dimension", one) for one in size.others)]
            made = observation(
                case,
                size,
                kind="imaging",
                code=_codes.fixed("tumour-size"),
                value={},
                words=" x ".join(str(one) for _, one in dimensions),
                at=size.at,
                profile=MCODE + "mcode-tumor-size",
                focus=[reference("BodyStructure", tumour.key)],
                method=_codes.concept("size_methods", size.method, size) if size.method else None,
                component=[
                    {"code": _codes.fixed(name), "valueQuantity": _codes.quantity(one)} for name, one in dimensions
                ],
            )
            yield made | {"category": _category(size)}


def _category(size: Size) -> list[dict[str, Any]]:
    if size.imaging is not None:
        return category("imaging")
    if size.method is None:
        return []
    term = _codes.find("size_methods", size.method)
    words = size.method.text or ""
    kind = term.more["category"] if term else next((kind for pattern, kind in _BY_WORDS if pattern.search(words)), "")
    return category(kind) if kind else []


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
      - {key: liver-lesion-specimen, value: 21 mm, others: [17 mm], method: pathology, at: +13 mo, source: made up}
    source: made up
""",
        ),
    ),
)
