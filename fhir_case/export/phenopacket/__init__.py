"""One patient in FHIR R4 as a phenopacket of GA4GH, version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError
from fhir_case.export.phenopacket.actions import actions_of
from fhir_case.export.phenopacket.admission import admit
from fhir_case.export.phenopacket.findings import disease_of, feature_of, is_feature, kept, measurement_of
from fhir_case.export.phenopacket.metadata import metadata_of, record_of
from fhir_case.export.phenopacket.samples import biosample_of, file_of
from fhir_case.export.phenopacket.source import Source, Unsaid, made_of
from fhir_case.export.phenopacket.subject import subject_of
from fhir_case.export.phenopacket.variants import interpretations_of
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.fhir.wire import Resource

__all__ = ["to_phenopacket"]

Json = dict[str, Any]
# What says how the record was made, and by what.
_OF_THE_RECORD = frozenset({"Provenance", "Composition", "BodyStructure", "OperationOutcome"})


def to_phenopacket(resources: Iterable[Resource], addresses: Iterable[str] = ()) -> tuple[Json, tuple[Unsaid, ...]]:
    """
    Return a phenopacket of the resources of one patient, and what it cannot say of them.

    What is about another than the patient, was entered in error, or did not take place is left out, and named. A
    thing without a code whose system has a prefix (`fhir_case.readers.phenopacket`) is not in the packet, and named.

    Args:
        resources: Resources of R4, the Patient among them.
        addresses: The ``fullUrl`` of each resource, empty for none: what absolute references lead to.

    Raises:
        BundleError: There is no Patient, or more than one; or one id has two contents.
    """
    source = Source.of(resources, addresses)
    patients = list(source.of_type("Patient"))
    if len(patients) != 1:
        what = "no Patient is among the resources" if not patients else f"there are {len(patients)} Patients"
        raise BundleError(what, hint="a phenopacket is about one patient; give the Bundle of one")
    admit(source, patients[0])
    record = record_of(source)
    subject = subject_of(source, patients[0])
    packet: Json = {"id": _identifier(record, patients[0].resource), "subject": subject}
    name = str(subject["id"])
    packet["interpretations"] = interpretations_of(source, name)
    packet["medicalActions"] = _actions(source)
    diseases = (made_of(one, disease_of, source, one) for one in source.of_type("Condition"))
    packet["diseases"] = [one for one in diseases if one]
    samples = (made_of(one, biosample_of, source, one, name) for one in source.of_type("Specimen"))
    packet["biosamples"] = [one for one in samples if one]
    features, measurements = _observed(source)
    packet |= {"phenotypicFeatures": features, "measurements": measurements}
    files = [file_of(one) for one in source.of_type("DocumentReference") if _is_file(one.resource)]
    for sample, file in files:
        of = next((one for one in packet["biosamples"] if one["id"] == sample), packet)
        of.setdefault("files", []).append(file)
    packet["metaData"] = metadata_of(source, record, packet)
    for left in source.of_type(*{str(each.get("resourceType")) for each in source.resources.values()}):
        if left.resource.get("resourceType") not in _OF_THE_RECORD and not _is_software(left.resource):
            source.leave(left.name, f"a phenopacket has no place for {left.resource.get('resourceType')}")
    order = ("id", "subject", "phenotypicFeatures", "measurements", "biosamples", "interpretations", "diseases")
    return kept({part: packet.get(part) for part in (*order, "medicalActions", "files", "metaData")}), tuple(
        source.unsaid
    )


def _actions(source: Source) -> list[Json]:
    """Return the medical actions; procedures by which something was measured are parts of the measurement."""
    measured = {
        source.name_of(part)
        for one in source.of_type("Observation")
        for part in objects(one.resource.get("partOf"))
        if any(each.get("text") == "measurement" for each in objects(one.resource.get("category")))
    }
    source.done |= measured
    found = actions_of(source)
    source.done -= measured
    return found


def _observed(source: Source) -> tuple[list[Json], list[Json]]:
    features: list[Json] = []
    measurements: list[Json] = []
    for one in source.of_type("Observation"):
        if is_feature(one):
            features.append(made_of(one, feature_of, one) or {})
        else:
            measurements.append(made_of(one, measurement_of, source, one) or {})
    return [one for one in features if one], [one for one in measurements if one]


def _identifier(record: Any, patient: Resource) -> str:
    names = [one for one in objects(record.resource.get("identifier")) if "system" not in one] if record else []
    return str(names[0].get("value")) if names else str(patient.get("id", "phenopacket"))


def _is_file(document: Resource) -> bool:
    return mapping(document.get("type")).get("text") == "file of the record"


def _is_software(resource: Resource) -> bool:
    return resource.get("resourceType") == "Device" and mapping(resource.get("type")).get("text") == "software"
