"""Tumours that are followed over time, and their sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import code_of, extension, reference
from fhir_case.fhir.systems import BODY_STRUCTURE_TYPE, MCODE
from fhir_case.mapping import PATIENT, Codes, Mapping, observation, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.model import Size
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "tumours"]

_codes = Codes.beside(__name__)


def tumours(case: Case) -> Iterator[Resource]:
    """
    Map each tumour and each size that was measured of it.

    Reads: ``case.tumours`` with their ``sizes`` in mm or cm.
    Gives: one BodyStructure (mcode-tumor) each, one Observation (mcode-tumor-size) a size, value in component 33728-7.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-tumor-size.html
    """
    for tumour in case.tumours:
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
                        "valueQuantity": _codes.quantity(size.value, size),
                    }
                ],
            )


def _method(size: Size) -> dict[str, Any] | None:
    if size.method is None:
        return None
    term = _codes.term("imaging", size.method, size)
    method = term.other_concept("method") if term else None
    return {**method, "text": term.text} if term and method else _codes.concept("imaging", size.method, size)


MAPPING = Mapping("tumour", tumours, "BodyStructure (mCODE tumor) and Observation (mCODE tumor size)")
