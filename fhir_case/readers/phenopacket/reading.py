"""Read a phenopacket as the tree of a case, and tell what of it the case does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.case.problems import case_error
from fhir_case.case.tree import Tree, read_tree
from fhir_case.errors import CaseError
from fhir_case.readers.nodes import list_node, mapping_node, node_of
from fhir_case.readers.phenopacket.actions import add_action
from fhir_case.readers.phenopacket.checking import problems_of
from fhir_case.readers.phenopacket.draft import Draft, case_key
from fhir_case.readers.phenopacket.features import add_disease, add_feature, add_measurement
from fhir_case.readers.phenopacket.packet import At, Packet, Part
from fhir_case.readers.phenopacket.record import report_of
from fhir_case.readers.phenopacket.samples import add_biosamples, add_file
from fhir_case.readers.phenopacket.subject import patient_of
from fhir_case.readers.phenopacket.variants import add_interpretation
from fhir_case.readers.protocol import Reading, Unused

if TYPE_CHECKING:
    from fhir_case.case.node import Node, Place

__all__ = ["read_packet"]

_SCHEMA = "https://phenopacket-schema.readthedocs.io"
# Fields that a packet of version 1 has, and none of version 2.
_OF_VERSION_1 = frozenset({"genes", "variants", "htsFiles", "hts_files"})
_SEVERAL = {"proband": "a family", "relatives": "a family", "members": "a cohort"}


def read_packet(text: str, file: str) -> Reading:
    """
    Return a phenopacket as a case, with what of it was not carried over.

    Raises:
        CaseError: The text is no phenopacket of version 2; ``problems`` holds all that is wrong with it.
    """
    tree = read_tree(text, file)
    root = tree.root
    _refuse_others(root)
    problems = [*tree.problems, *problems_of(root)]
    if problems:
        raise case_error(problems, root)
    packet = Packet()
    case = _case_of(Part(packet, root, "Phenopacket", ""))
    losses = [*packet.losses, *packet.unused(root)]
    unused = tuple(Unused(one.place, one.what, one.why) for one in sorted(losses, key=lambda one: one.place))
    return Reading(Tree(_located(case, root.place), ()), unused)


def _refuse_others(root: Node) -> None:
    """Refuse a family, a cohort and a packet of version 1, with what to do."""
    for name, what in _SEVERAL.items():
        if name in root.pairs:
            raise CaseError(
                f"this is {what}, and a case is about one patient",
                where=str(root.pairs[name][0]),
                hint="write each phenopacket of it to a file of its own",
            )
    _, meta = root.pairs.get("metaData", root.pairs.get("meta_data", (root.place, root)))
    for name in ("phenopacketSchemaVersion", "phenopacket_schema_version"):
        place, version = meta.pairs.get(name, (root.place, root))
        if isinstance(version.data, str) and version.data.strip().startswith("1"):
            raise _version_1(place)
        if version is not root and str(version.data).startswith("1"):
            raise _version_1(place)
    for name in _OF_VERSION_1 & root.pairs.keys():
        raise _version_1(root.pairs[name][0])


def _version_1(place: Place) -> CaseError:
    return CaseError(
        "this is a phenopacket of version 1, and version 2 is read",
        where=str(place),
        hint=f"convert it with 'phenopacket-tools convert' ({_SCHEMA})",
    )


def _case_of(packet: Part) -> dict[str, Any]:
    identifier, subject = packet.text("id"), packet.part("subject")
    assert subject is not None  # noqa: S101 - the check of the packet has seen it
    draft = Draft(subject=subject.text("id"))
    add_biosamples(draft, packet.parts("biosamples"))
    for disease in packet.parts("diseases"):
        add_disease(draft, disease)
    for feature in packet.parts("phenotypicFeatures"):
        add_feature(draft, feature)
    for measurement in packet.parts("measurements"):
        add_measurement(draft, measurement)
    for interpretation in packet.parts("interpretations"):
        add_interpretation(draft, interpretation)
    for action in packet.parts("medicalActions"):
        add_action(draft, action)
    for one in packet.parts("files"):
        add_file(draft, one)
    return {
        "case": case_key(identifier),
        "title": f"Phenopacket {identifier}",
        "report": report_of(packet, draft),
        "patient": patient_of(subject),
        **draft.sections,
    }


def _located(value: Any, place: Place) -> Node:
    """Return a value as a tree in which each part has its own place, or that of what holds it."""
    if isinstance(value, At):
        return _located(value.value, value.place)
    if isinstance(value, dict):
        return mapping_node(place, {name: _located(inner, place) for name, inner in value.items()})
    if isinstance(value, list):
        return list_node(place, (_located(one, place) for one in value))
    return node_of(value, place)
