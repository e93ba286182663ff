"""The phenotypic features, the diseases and the measurements of a phenopacket as entries of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.vital_signs import vital_sign_of
from fhir_case.readers.phenopacket.packet import At
from fhir_case.readers.phenopacket.quantities import quantity_of, range_of
from fhir_case.readers.phenopacket.terms import concept, located_concept
from fhir_case.readers.phenopacket.times import time_of

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.draft import Draft
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["add_disease", "add_feature", "add_measurement", "add_procedure", "reference_words"]

_SIDES = {
    "HP:0012835": "left", "HP:0012834": "right", "HP:0012832": "both",
    "NCIT:C25229": "left", "NCIT:C25228": "right", "NCIT:C13332": "both",
    "SNOMED:7771000": "left", "SNOMED:24028007": "right", "SNOMED:51440002": "both",
}  # fmt: skip


def add_feature(draft: Draft, feature: Part, specimen: str | None = None) -> None:
    """Add a phenotypic feature, present or excluded."""
    kind = feature.part("type")
    evidence = [
        {
            "kind": located_concept(one.part("evidenceCode")),
            "reference": reference_words(one.part("reference")),
        }
        for one in feature.parts("evidence")
    ]
    draft.add(
        "phenotypes",
        feature,
        draft.key(kind.text("id") if kind else "", "feature"),
        phenotype=located_concept(kind),
        status="excluded" if feature.flag("excluded") else "present",
        onset=time_of(feature.part("onset")),
        resolution=time_of(feature.part("resolution")),
        severity=located_concept(feature.part("severity")),
        modifiers=[located_concept(one) for one in feature.parts("modifiers")],
        evidence=[kept for one in evidence if (kept := {name: said for name, said in one.items() if said})],
        specimen=specimen,
        note=feature.text("description"),
    )


def reference_words(reference: Part | None) -> str:
    """Return what names a publication or a record elsewhere, in one line."""
    if reference is None:
        return ""
    said = (reference.text("id"), reference.text("reference"), reference.text("description"))
    return "; ".join(one for one in said if one)


def add_disease(draft: Draft, disease: Part) -> None:
    """Add a disease, with its stages as entries of their own; an excluded one is refuted."""
    term = disease.part("term")
    curie = term.text("id") if term else ""
    key = draft.key(curie, "disease")
    draft.conditions.setdefault(curie, key)
    excluded = disease.flag("excluded")
    onset, gone = time_of(disease.part("onset")), time_of(disease.part("resolution"))
    if excluded and gone is not None:
        disease.packet.lose(
            gone.place, "the resolution of a disease that is excluded", "what was not there did not end"
        )
        gone = None
    stages = [
        draft.add(
            "stages",
            one,
            draft.key(one.text("id"), "stage"),
            staging={"text": kind},
            value=At(one.place, concept(one)),
            of=key,
        )
        for name, kind in (("diseaseStage", "Disease stage"), ("clinicalTnmFinding", "Clinical TNM finding"))
        for one in disease.parts(name)
    ]
    site, note = _site(disease)
    draft.add(
        "conditions",
        disease,
        key,
        kind="disease",
        diagnosis=located_concept(term),
        verification="refuted" if excluded else None,
        onset={"at": onset} if onset else None,
        until=gone,
        status="resolved" if gone else None,
        sites=[site] if site else [],
        stages=stages,
        note=note,
    )


def _site(disease: Part) -> tuple[At | None, str]:
    """Return the primary site with its side; a side that no table knows, or that has no site, is a note."""
    site, laterality = disease.part("primarySite"), disease.part("laterality")
    written = concept(site) if site is not None else {}
    if laterality is None:
        return (At(site.place, written) if site is not None else None), ""
    side = _SIDES.get(laterality.text("id"))
    words = concept(laterality)["text"]
    if site is None or side is None:
        return (
            At(site.place, written) if site is not None else None
        ), f"Laterality: {words} ({laterality.text('id')})."
    return At(site.place, {**written, "side": side}), ""


def add_measurement(draft: Draft, measurement: Part, specimen: str | None = None) -> None:
    """Add a measurement of one value or of several; the procedure by which it was made is an entry of its own."""
    assay = measurement.part("assay")
    code = assay.text("id") if assay else ""
    procedure = measurement.part("procedure")
    made_by = add_procedure(draft, procedure) if procedure is not None else None
    when = time_of(measurement.part("timeObserved"))
    notes = [measurement.text("description")]
    loinc = code.partition(":")[2] if code.upper().startswith("LOINC:") else ""
    if loinc and vital_sign_of([loinc]) is not None:
        notes.append(f"Code in the source: {code}.")  # FHIR takes the code of a vital sign only in one form
    value, expected = _value(measurement.part("value"))
    whole = measurement.part("complexValue")
    draft.add(
        "measurements",
        measurement,
        draft.key(code, "measurement"),
        test=located_concept(assay),
        value=value,
        reference_range=expected,
        parts=[_typed(one) for one in whole.parts("typedQuantities")] if whole is not None else [],
        specimen=specimen,
        part_of=made_by,
        note=" ".join(one for one in notes if one),
        **({"at": when} if when else {}),
    )


def _value(value: Part | None) -> tuple[Any, Any]:
    if value is None:
        return None, None
    if (named := value.part("ontologyClass")) is not None:
        return At(named.place, {"concept": concept(named)}), None
    amount = value.part("quantity")
    return (None, None) if amount is None else (At(amount.place, {"quantity": quantity_of(amount)}), range_of(amount))


def _typed(part: Part) -> At:
    kind, amount = part.part("type"), part.part("quantity")
    written: dict[str, Any] = {"type": concept(kind) if kind is not None else {"text": "value"}}
    if amount is None:
        return At(part.place, {**written, "value": {"concept": {"text": "not told"}}})
    expected = range_of(amount)
    ranges = {"reference_range": expected} if expected else {}
    return At(part.place, {**written, "value": {"quantity": quantity_of(amount)}, **ranges})


def add_procedure(draft: Draft, procedure: Part, **fields: Any) -> str:
    """Add a procedure that was performed; return its key."""
    code, site = procedure.part("code"), procedure.part("bodySite")
    when = time_of(procedure.part("performed"))
    return draft.add(
        "procedures",
        procedure,
        draft.key(code.text("id") if code else "", "procedure"),
        procedure=located_concept(code),
        sites=[located_concept(site)] if site is not None else [],
        **({"at": when} if when else {}),
        **fields,
    )
