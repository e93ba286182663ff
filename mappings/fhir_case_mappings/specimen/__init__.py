"""Specimens: what was taken from the patient and examined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fhir_case.case import Concept, Event, Quantity, Section, Site, When
from fhir_case.case.entry import SpecimenKey, TumourKey
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import annotation, code_of
from fhir_case.fhir.systems import BODY_STRUCTURE_TYPE, MCODE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Specimen", "specimens"]

_codes = Codes.beside(__name__)


class Specimen(Event):
    """
    What was taken from the patient to be examined.

    Args:
        at: When it was taken.
        type: What it is.
        site: Where it was taken.
        method: How it was taken.
        quantity: How much was taken.
        tumour: The tumour that it comes from, an entry of ``tumours``.
        parent: The specimen that it is a part of.
        received: When the laboratory received it.
        preparation: What was done with it, such as fixed in formalin.
        processing: What was done with it, by its name or code.
        identifiers: What the source calls it.
        condition: In which state it was.
        status: Only where the report says so.
    """

    type: Annotated[Concept, _codes.table("specimen_types")]
    site: Annotated[Site, _codes.table("sites")] | None = None
    method: Annotated[Concept, _codes.table("specimen_methods")] | None = None
    quantity: Quantity | None = None
    tumour: TumourKey | None = None
    parent: SpecimenKey | None = None
    received: When | None = None
    preparation: Text | None = None
    processing: Concept | None = None
    identifiers: tuple[Text, ...] = ()
    condition: Text | None = None
    status: Literal["available", "unavailable", "unsatisfactory"] | None = None


def specimens(case: Case) -> Iterator[Resource]:
    """
    Map each specimen.

    Reads: each `Specimen`.
    Returns: one Specimen each, profile mcode-human-specimen; a tumour is named by its identifier, as mCODE has it.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-human-specimen.html
    """
    for entry in case.entries_of(Specimen):
        kind = _codes.concept("specimen_types", entry.type, entry)
        yield resource(
            "Specimen",
            entry.key,
            entry,
            _sentence(case, entry, kind["text"]),
            entry.preparation or "",
            profile=MCODE + "mcode-human-specimen",
            identifier=[*_of_tumour(entry), *({"value": one} for one in entry.identifiers)],
            status=entry.status,
            type=kind,
            subject=PATIENT,
            **dated(case, "receivedTime", entry.received, entry),
            parent=[reference_to(case, entry.parent)] if entry.parent else [],
            collection=_collection(case, entry),
            processing=_processing(entry),
            condition=[{"text": entry.condition}] if entry.condition else [],
            **annotation(entry.note),
        )


def _sentence(case: Case, entry: Specimen, kind: str) -> str:
    parts = [f"Specimen: {kind}"]
    if entry.site is not None:
        parts.append(f" from {_codes.site(entry.site, entry)['text']}")
    if entry.method is not None:
        parts.append(f", taken by {_codes.words('specimen_methods', entry.method, entry)}")
    return f"{''.join(parts)} ({moment_words(case, entry.at)})."


def _processing(entry: Specimen) -> list[dict[str, Any]]:
    described: dict[str, Any] = {"description": entry.preparation} if entry.preparation else {}
    if entry.processing is not None:
        described["procedure"] = _codes.concept("specimen_methods", entry.processing, entry)
    return [described] if described else []


def _of_tumour(entry: Specimen) -> list[dict[str, Any]]:
    if entry.tumour is None:
        return []
    return [{"use": "usual", "type": code_of(BODY_STRUCTURE_TYPE, "BodyStructure"), "value": entry.tumour}]


def _collection(case: Case, entry: Specimen) -> dict[str, Any]:
    parts: dict[str, Any] = dated(case, "collectedDateTime", entry.at, entry)
    if entry.quantity is not None:
        parts["quantity"] = _codes.quantity(entry.quantity, entry)
    if entry.method is not None:
        parts["method"] = _codes.concept("specimen_methods", entry.method, entry)
    if entry.site is not None:
        parts["bodySite"] = _codes.site(entry.site, entry, laterality=MCODE + "mcode-laterality-qualifier")
    return parts


MAPPING = Mapping(
    "specimen",
    specimens,
    "Specimen (mCODE human specimen)",
    sections=(
        Section(
            "specimens",
            Specimen,
            resource="Specimen",
            time="collection.collectedDateTime",
            roles=("specimen",),
            example="""\
specimens:
  - key: resected-colon
    type: tumor  # or tissue, biopsy, blood, bone-marrow, urine, sputum and others
    site: {text: sigmoid colon}
    method: excision
    at: operation  # when it was taken
    source: made up
""",
        ),
    ),
)
