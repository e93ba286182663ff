"""What a source says of a variant beside its name: its locus, what it contributes, and what only that source has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from fhir_case.case.forms import Form, Text
from fhir_case_mappings.genomics.gene import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case_mappings.genomics.variant import Variant

__all__ = ["Detail", "Locus", "detail_components", "told_besides"]

_LONGEST = 100_000
LongText = Annotated[str, Field(min_length=1, max_length=_LONGEST, pattern=r"\S")]


class Detail(Form):
    """
    One more thing that a source says of a variant.

    Args:
        name: What it is, as the source names it.
        value: What the source says.
    """

    name: Text
    value: LongText


class Locus(Form):
    """
    Where a variant is, and what stands there, as a VCF file has it.

    Args:
        assembly: The assembly of the genome, such as ``hg38``.
        chromosome: The chromosome as printed.
        position: The first base, counted from 1.
        reference: The allele of the assembly.
        alternate: The allele of the patient.
    """

    assembly: Text | None = None
    chromosome: Text
    position: Annotated[int, Field(strict=True, ge=0)]
    reference: LongText
    alternate: LongText

    def __str__(self) -> str:
        where = f"{self.chromosome}:{self.position} {self.reference}>{self.alternate}"
        return f"{where} ({self.assembly})" if self.assembly else where


def detail_components(entry: Variant) -> Iterator[dict[str, Any]]:
    """Return the components of an Observation for the locus, the judgements and the details of a variant."""
    locus = entry.locus
    if locus is not None:
        if locus.assembly:
            yield component("assembly", valueCodeableConcept={"text": locus.assembly})
        yield component("chromosome", valueCodeableConcept={"text": locus.chromosome})
        yield component("start-end", valueRange={"low": {"value": locus.position}})
        yield component("reference-allele", valueString=locus.reference)
        yield component("alternate-allele", valueString=locus.alternate)
    for name, judged in _judgements(entry).items():
        yield {"code": {"text": name}, "valueCodeableConcept": {"text": judged}}
    for one in entry.details:
        yield {"code": {"text": one.name}, "valueString": one.value}


def _judgements(entry: Variant) -> dict[str, str]:
    judged = {"Contribution to the diagnosis": entry.contribution, "Therapeutic actionability": entry.actionability}
    return {name: one.replace("-", " ") for name, one in judged.items() if one}


def told_besides(entry: Variant) -> list[str]:
    """Return in words the locus and the judgements of a variant."""
    locus = [str(entry.locus)] if entry.locus and len(str(entry.locus)) < _LONGEST_IN_WORDS else []
    return [*locus, *(f"{name.lower()}: {judged}" for name, judged in _judgements(entry).items())]


_LONGEST_IN_WORDS = 200
