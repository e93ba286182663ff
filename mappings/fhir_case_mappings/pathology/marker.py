"""Markers of tissue: hormone receptors, HER2, proliferation, immunohistochemistry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Section, Value
from fhir_case.case.entry import ConditionKey, SpecimenKey
from fhir_case.case.forms import Amount, Text
from fhir_case.fhir.datatypes import extension
from fhir_case.fhir.systems import MCODE
from fhir_case.mapping import Mapping, observation, reference_to
from fhir_case_mappings.pathology.entries import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "TissueMarker", "tissue_markers"]


class TissueMarker(Event):
    """
    A marker that was looked for in tissue or cells.

    Args:
        marker: Such as ``er``, ``pr``, ``her2``, ``ki-67``, or one of immunohistochemistry such as ``cd20``.
        value: ``positive``, ``negative`` or so, or a share of cells such as 20 %.
        share: The share of stained cells in %, where the value is a word.
        score: The score of the stain.
        intensity: How strong the stain is.
        interpretation: How the pathologist judges it, such as ``positive``.
        method: How it was looked for, such as immunohistochemistry.
        of: The cancer that it is looked for in.
        specimen: What was examined, an entry of ``specimens``.
        detail: Such as the clone of the antibody.
    """

    marker: Annotated[Concept, CODES.table("markers")]
    value: Annotated[Value, CODES.table("values")]
    share: Amount | None = None
    score: Literal["0", "1+", "2+", "3+"] | None = None
    intensity: Literal["weak", "moderate", "strong"] | None = None
    interpretation: Annotated[Concept, CODES.table("interpretations")] | None = None
    method: Annotated[Concept, CODES.table("staining_methods")] | None = None
    detail: Text | None = None
    of: ConditionKey | None = None
    specimen: SpecimenKey | None = None

    @model_validator(mode="after")
    def _share_is_possible(self) -> Self:
        for amount in (*(self.share.bounds if self.share else ()), *self.value.bounds):
            if amount.value < 0 or (amount.unit == "%" and amount.value > 100):
                raise PydanticCustomError("share", "a share of cells is between 0 and 100 %")
        if self.share is not None and any(one.unit != "%" for one in self.share.bounds):
            raise PydanticCustomError("share", "a share of cells is in %")
        return self


def tissue_markers(case: Case) -> Iterator[Resource]:
    """
    Map each marker of tissue.

    Reads: each `TissueMarker`.
    Returns: one Observation each, profile mcode-tumor-marker-test; share, score and intensity are components.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-tumor-marker-test.html
    """
    for entry in case.entries_of(TissueMarker):
        related = [reference_to(case, entry.of)] if entry.of else []
        method = CODES.concept("staining_methods", entry.method, entry) if entry.method else None
        if entry.detail:
            method = {
                **(method or {}),
                "text": ", ".join(one for one in ((method or {}).get("text"), entry.detail) if one),
            }
        yield observation(
            case,
            entry,
            kind="laboratory",
            code=_code(entry),
            value=CODES.value("values", entry.value, entry),
            words=_words(entry),
            at=entry.at,
            profile=MCODE + "mcode-tumor-marker-test",
            extension=[extension(MCODE + "mcode-related-condition", valueReference=one) for one in related],
            interpretation=_interpretation(entry),
            method=method,
            specimen=reference_to(case, entry.specimen) if entry.specimen else None,
            component=list(_components(entry)),
        )


def _code(entry: TissueMarker) -> dict[str, Any]:
    """Return the marker with the codes of the table that fit the kind of the value and the method; those given stay."""
    term = CODES.term("markers", entry.marker, entry)
    if term is None or entry.marker.code:
        return CODES.concept("markers", entry.marker, entry)
    if entry.value.concept is None:
        term = CODES.find("markers", Concept(name=f"{term.name}-share")) or term
    method = (entry.method.name or (entry.method.text or "").lower().replace(" ", "-")) if entry.method else ""
    stain = _STAINS.get(method)
    fitting = [one for one in term.codings if _fits(one["display"], stain, is_word=entry.value.concept is not None)]
    return {**({"coding": fitting} if fitting else {}), "text": CODES.words("markers", entry.marker, entry)}


# What the names of LOINC say of each method; each that is not here has no code of LOINC in the table.
_STAINS = {
    "immunohistochemistry": " by Immune stain",
    "immunofluorescence": " by Immune stain",
    "flow-cytometry": " by Flow cytometry",
    "fish": " by FISH",
    "cish": " by CISH",
    "sish": " by SISH",
}


def _fits(display: str, stain: str | None, *, is_word: bool) -> bool:
    """Whether a name of LOINC says another method than ``stain``, or is one of a share where the value is a word."""
    is_of_share = display.startswith("Cells.")
    is_of_word = "[Presence]" in display or "[Interpretation]" in display
    is_method = stain is None or " by " not in display or display.endswith(stain)
    return is_method and not (is_of_share if is_word else is_of_word)


def _interpretation(entry: TissueMarker) -> list[dict[str, Any]]:
    if entry.interpretation is not None:
        return [CODES.concept("interpretations", entry.interpretation, entry)]
    word = CODES.find("interpretations", entry.value.concept) if entry.value.concept is not None else None
    return [word.codeable_concept()] if word is not None else []


def _components(entry: TissueMarker) -> Iterator[dict[str, Any]]:
    if entry.share is not None:
        yield {"code": {"text": "Share of stained cells"}, **CODES.amount("value", entry.share)}
    if entry.score is not None:
        yield {"code": {"text": "Score of the stain"}, "valueCodeableConcept": CODES.fixed(f"score-{entry.score[0]}")}
    if entry.intensity is not None:
        yield {"code": {"text": "Intensity of the stain"}, "valueCodeableConcept": {"text": entry.intensity}}


def _words(entry: TissueMarker) -> str:
    parts = [CODES.value_words("values", entry.value, entry)]
    if entry.interpretation is not None:
        parts.append(CODES.words("interpretations", entry.interpretation, entry))
    if entry.share is not None:
        parts.append(f"{entry.share} of cells")
    if entry.score is not None:
        parts.append(f"score {entry.score}")
    if entry.intensity is not None:
        parts.append(f"{entry.intensity} stain")
    return ", ".join(parts)


MAPPING = Mapping(
    "tissue-marker",
    tissue_markers,
    "Observation (mCODE tumour marker test) of receptors and immunohistochemistry",
    sections=(
        Section(
            "receptors",
            TissueMarker,
            resource="Observation",
            time="effectiveDateTime",
            roles=("laboratory-result",),
            example="""\
receptors:
  - key: her2
    marker: her2      # or er, pr, ki-67, pd-l1, cd20 and others, or {text: …}
    value: negative   # or positive, or a share such as 20 %
    score: 1+         # 0, 1+, 2+, 3+
    method: immunohistochemistry
    of: colon-cancer
    at: operation
    source: made up
  - {key: ki-67, marker: ki-67, value: 20 %, of: colon-cancer, at: operation, source: made up}
""",
        ),
    ),
)
