"""Specimens, with what was found in each, as biosamples; the files that a record names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.export.phenopacket.findings import feature_of, is_feature, kept, measurement_of
from fhir_case.export.phenopacket.source import texts_of
from fhir_case.export.phenopacket.terms import ontology_class, time_element
from fhir_case.fhir.wire import mapping, objects
from fhir_case.readers.phenopacket.samples import FOUND_IN_SAMPLES, SITE_OF_SAMPLING

if TYPE_CHECKING:
    from fhir_case.export.phenopacket.source import Source, Taken

__all__ = ["biosample_of", "file_of", "name_of_sample"]

Json = dict[str, Any]
_FIELDS = {words: name for name, words in FOUND_IN_SAMPLES.items()} | {SITE_OF_SAMPLING: SITE_OF_SAMPLING}
_LISTS = frozenset({"pathologicalTnmFinding", "diagnosticMarkers"})
_IN_THE_FILE = " in the file"
_ATTRIBUTE = re.compile(r"([^:;]+): ([^;]*)")


def name_of_sample(specimen: Taken) -> str:
    """Return what a specimen is called: by the identifier of its source, else by its id."""
    names = [one for one in objects(specimen.resource.get("identifier")) if "system" not in one and "type" not in one]
    return str(names[0].get("value")) if names else str(specimen.resource.get("id"))


def biosample_of(source: Source, specimen: Taken, subject: str) -> Json:
    """Return a specimen with the Observations about it."""
    collection = mapping(specimen.get("collection"))
    kind, site = ontology_class(specimen.get("type")), ontology_class(collection.get("bodySite"))
    parent = next((one for each in specimen.all_of("parent") if (one := source.take(each))), None)
    method = ontology_class(collection.get("method"))
    processing = next((ontology_class(one.get("procedure")) for one in specimen.all_of("processing")), None)
    found: Json = {
        "id": name_of_sample(specimen),
        "individualId": subject,
        "derivedFromId": name_of_sample(parent) if parent is not None else None,
        "description": specimen.notes(),
        "sampledTissue": site,
        "sampleType": kind if kind != site else None,
        "timeOfCollection": time_element(specimen, "collected", dict(collection)),
        "procedure": {"code": method} if method else None,
        "sampleProcessing": processing,
    }
    for one in [*source.of_type("Observation")]:
        if source.take(one.resource.get("specimen")) is not None and _is_about(source, one, specimen):
            _add(source, one, found)
    specimen.finish()
    return kept(found)


def _is_about(source: Source, observation: Taken, specimen: Taken) -> bool:
    there = source.take(observation.resource.get("specimen"))
    codes = {str(one.get("code")) for one in objects(mapping(observation.resource.get("code")).get("coding"))}
    return there is not None and there.name == specimen.name and "69548-6" not in codes


def _add(source: Source, observation: Taken, found: Json) -> None:
    name = _FIELDS.get(texts_of(observation.resource.get("code")))
    if name is None:
        made = feature_of(observation) if is_feature(observation) else measurement_of(source, observation)
        if made is not None:
            found.setdefault("phenotypicFeatures" if "type" in made else "measurements", []).append(made)
        return
    value = ontology_class(observation.get("valueCodeableConcept"))
    observation.get("code", "specimen")
    if name == SITE_OF_SAMPLING and value is not None:
        found["procedure"] = {**(found.get("procedure") or {}), "bodySite": value}
        observation.finish()
        return
    if value is None:
        observation.leave("value", "it has no code that a phenopacket can name")
    elif name in _LISTS:
        found.setdefault(name, []).append(value)
    else:
        found[name] = value
    observation.finish()


def file_of(document: Taken) -> tuple[str, Json]:
    """Return the sample that a file is of, empty for none, and the file."""
    attachment = mapping(mapping(next(iter(document.all_of("content")), {})).get("attachment"))
    sample, attributes, names = "", {}, {}
    for part in str(document.get("description") or "").split("; "):
        if part.startswith("of the sample "):
            sample = part.removeprefix("of the sample ")
        elif part.endswith(_IN_THE_FILE) and " is " in part:
            name, _, called = part.removesuffix(_IN_THE_FILE).partition(" is ")
            names[name] = called
        elif said := _ATTRIBUTE.fullmatch(part):
            attributes[said[1]] = said[2]
    document.get("type")
    document.finish()
    return sample, kept(
        {"uri": attachment.get("url"), "individualToFileIdentifiers": names, "fileAttributes": attributes}
    )
