"""The metadata of a phenopacket: when it was made and by whom, its references, and the vocabularies that it uses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.export.phenopacket.findings import kept
from fhir_case.fhir.wire import mapping, objects
from fhir_case.readers.phenopacket.terms import prefixes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.export.phenopacket.source import Source, Taken

__all__ = ["metadata_of", "record_of"]

Json = dict[str, Any]
_VERSION = "2.0"
_SUBMITTED, _UPDATED, _VOCABULARY = "Submitted by ", "Updated", "Vocabulary: "
_SAID = re.compile(r" (?=Updated |Vocabulary: )")
_PARTS = ("id", "name", "version", "url", "namespacePrefix", "iriPrefix")


def record_of(source: Source) -> Taken | None:
    """Return the document that names the record which the resources were made of."""
    for one in source.of_type("DocumentReference"):
        if any(each.get("code") == "transforms" for each in objects(one.resource.get("relatesTo"))):
            return one
    return None


def metadata_of(source: Source, record: Taken | None, packet: Json) -> Json:
    """Return the metadata of a packet."""
    if record is not None:
        return _of_record(source, record, packet)
    reports = list(source.of_type("DocumentReference"))
    references = [kept({"reference": _url(one), "description": _title(one)}) for one in reports]
    for one in reports:
        one.get("type", "content", "description")
        one.finish()
    recorded = next((str(one.resource.get("recorded", "")) for one in source.of_type("Provenance")), "")
    created = recorded or "1970-01-01T00:00:00Z"
    if not recorded:
        source.leave("Provenance", "nothing says when the record was made, so that 'created' is the begin of 1970")
    return {
        "created": created,
        "createdBy": "fhir-case",
        "resources": list(_resources(packet, {})),
        "phenopacketSchemaVersion": _VERSION,
        "externalReferences": [one for one in references if one],
    }


def _url(document: Taken) -> str:
    content = next(iter(objects(document.resource.get("content"))), {})
    return str(mapping(content.get("attachment")).get("url", ""))


def _title(document: Taken) -> str:
    content = next(iter(objects(document.resource.get("content"))), {})
    return str(mapping(content.get("attachment")).get("title", ""))


def _of_record(source: Source, record: Taken, packet: Json) -> Json:
    said = str(record.get("description") or "")
    content = mapping(next(iter(record.all_of("content")), {}).get("attachment"))
    author: Json = next(iter(record.all_of("author")), {})
    version = str(mapping(record.get("type")).get("text", "")).rpartition(" ")[2]
    pieces = [one.removesuffix(".") for one in _SAID.split(said)]
    submitted = next((one.removeprefix(_SUBMITTED) for one in pieces if one.startswith(_SUBMITTED)), None)
    vocabularies = [one.removeprefix(_VOCABULARY).split(" | ") for one in pieces if one.startswith(_VOCABULARY)]
    told = [dict(zip(_PARTS, one, strict=True)) for one in vocabularies if len(one) == len(_PARTS)]
    given = [{name: part for name, part in one.items() if part != "-"} for one in told]
    known = {one.get("namespacePrefix", ""): one for one in given}
    for one in vocabularies:
        if len(one) != len(_PARTS):
            record.leave("description", f"the vocabulary '{', '.join(one)}' is not told part by part")
    related = [_reference(one) for one in objects(mapping(record.get("context")).get("related"))]
    record.get("relatesTo")
    record.finish()
    for one in source.of_type("DocumentReference"):
        source.done.add(one.name)  # the report, which the first reference names
    found = {
        "created": content.get("creation"),
        "createdBy": author.get("display"),
        "submittedBy": submitted,
        "resources": [*given, *_resources(packet, known)],
        "updates": [_update(one.removeprefix(_UPDATED)) for one in pieces if one.startswith(_UPDATED)],
        "phenopacketSchemaVersion": version if version[:1].isdigit() else _VERSION,
        "externalReferences": related,
    }
    return kept(found)


def _update(said: str) -> Json:
    """Return an update of words such as `` on 2026-01-02T00:00:00Z by A curator: One age corrected``."""
    at, said = said[4:].partition(" ")[::2] if said.startswith(" on ") else ("", said.strip())
    if said.startswith("by "):
        by, _, comment = said.removeprefix("by ").partition(": ")
    else:
        by, comment = "", said.removeprefix(": ")
    return kept({"timestamp": at.removesuffix(":"), "updatedBy": by, "comment": comment})


def _reference(related: Any) -> Json:
    identifier = str(mapping(related.get("identifier")).get("value", ""))
    shown = str(related.get("display", ""))
    title, _, address = shown.rpartition(", ") if "://" in shown.rpartition(", ")[2] else (shown, "", "")
    if "://" in identifier:
        return kept({"reference": identifier, "description": shown})
    return kept({"id": identifier, "reference": address, "description": title})


def _resources(packet: Json, given: Json) -> Iterator[Json]:
    """Return the vocabularies of all codes of the packet that the record does not name."""
    seen = {prefix.lower() for prefix in given}
    for curie in _curies(packet):
        prefix = curie.partition(":")[0]
        row = prefixes().get(prefix)
        if prefix.lower() not in seen and row is not None:
            seen.add(prefix.lower())
            yield {"id": prefix.lower(), "name": prefix, "url": row["system"], "namespacePrefix": prefix}


def _curies(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "id" in value and "label" in value:
            yield str(value["id"])
        for one in value.values():
            yield from _curies(one)
    elif isinstance(value, list):
        for one in value:
            yield from _curies(one)
