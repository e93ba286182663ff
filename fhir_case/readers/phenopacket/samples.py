"""The biosamples and files of a phenopacket: specimens, with what was found in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.features import add_feature, add_measurement
from fhir_case.readers.phenopacket.packet import At
from fhir_case.readers.phenopacket.terms import concept, located_concept
from fhir_case.readers.phenopacket.times import time_of

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.draft import Draft
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["FOUND_IN_SAMPLES", "SITE_OF_SAMPLING", "add_biosamples", "add_file"]

FOUND_IN_SAMPLES = {
    "taxonomy": "Species of the sample",
    "histologicalDiagnosis": "Histological diagnosis",
    "tumorProgression": "Tumour progression",
    "tumorGrade": "Tumour grade",
    "pathologicalStage": "Pathological stage",
    "pathologicalTnmFinding": "Pathological TNM finding",
    "diagnosticMarkers": "Diagnostic marker",
    "materialSample": "Status of the sample",
    "sampleStorage": "Storage of the sample",
}
"""What is said of a biosample, and what it is called as a finding."""
SITE_OF_SAMPLING = "Site of the sampling"
_LISTS = frozenset({"pathologicalTnmFinding", "diagnosticMarkers"})


def add_biosamples(draft: Draft, samples: list[Part]) -> None:
    """Add each biosample as a specimen, and what was found in it as entries that name it."""
    for one in samples:
        draft.specimens.setdefault(one.text("id"), draft.key(one.text("id"), "sample"))
    for one in samples:
        _add_biosample(draft, one)


def _add_biosample(draft: Draft, sample: Part) -> None:
    key = draft.specimens[sample.text("id")]
    tissue, kind = sample.part("sampledTissue"), sample.part("sampleType")
    parent = draft.specimens.get(sample.text("derivedFromId"))
    when = time_of(sample.part("timeOfCollection"))
    taken = _taken(sample)
    site = located_concept(tissue) or taken.pop("site", None)
    if left := taken.pop("site", None):
        _found_in(draft, sample, key, SITE_OF_SAMPLING, left)
    draft.add(
        "specimens",
        sample,
        key,
        type=located_concept(kind) or located_concept(tissue) or {"text": "specimen"},
        site=site,
        identifiers=[sample.text("id")],
        parent=parent,
        processing=located_concept(sample.part("sampleProcessing")),
        note=" ".join(_notes(draft, sample, parent)),
        **({"at": when} if when else {}),
        **taken,
    )
    for name, words in FOUND_IN_SAMPLES.items():
        parts = sample.parts(name) if name in _LISTS else [sample.part(name)]
        for one in parts:
            if one is not None:
                _found_in(draft, one, key, words, At(one.place, concept(one)))
    for feature in sample.parts("phenotypicFeatures"):
        add_feature(draft, feature, key)
    for measurement in sample.parts("measurements"):
        add_measurement(draft, measurement, key)
    for file in sample.parts("files"):
        add_file(draft, file, f"of the sample {sample.text('id')}")


def _taken(sample: Part) -> dict[str, Any]:
    """Return by what a specimen was taken, where, and when, if nothing else says that."""
    procedure = sample.part("procedure")
    if procedure is None:
        return {}
    performed = procedure.part("performed")
    if performed is not None and "timeOfCollection" in sample:
        sample.packet.lose(
            performed.place, "the time of the procedure of a biosample", "the time of collection is kept"
        )
    when = time_of(performed)
    taken: dict[str, Any] = {"method": located_concept(procedure.part("code"))}
    taken["site"] = located_concept(procedure.part("bodySite"))
    if "timeOfCollection" not in sample and when is not None:
        taken["at"] = when
    return {name: value for name, value in taken.items() if value is not None}


def _found_in(draft: Draft, part: Part, specimen: str, words: str, value: At) -> None:
    draft.add(
        "findings",
        part,
        draft.key(words, "finding"),
        finding={"text": words},
        value={"concept": value},
        category="laboratory",
        specimen=specimen,
    )


def _notes(draft: Draft, sample: Part, parent: str | None) -> list[str]:
    of, origin = sample.text("individualId"), sample.text("derivedFromId")
    return [
        said
        for said in (
            sample.text("description"),
            f"Of the individual {of}." if of and of != draft.subject else "",
            f"Derived from {origin}." if origin and parent is None else "",
        )
        if said
    ]


def add_file(draft: Draft, file: Part, of: str = "") -> None:
    """Add a file that the packet names, with what it says of it in words."""
    said = [of] if of else []
    said += [f"{name}: {value}" for name, value in file.pairs("fileAttributes").items()]
    said += [f"{name} is {value} in the file" for name, value in file.pairs("individualToFileIdentifiers").items()]
    described = {"description": "; ".join(said)} if said else {}
    draft.files.append({"url": file.text("uri"), **described})
