"""The metadata of a phenopacket: the report that it was made from, and the record that it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.packet import At

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.draft import Draft
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["report_of"]

# Where an identifier can be read; https://pubmed.ncbi.nlm.nih.gov and https://doi.org resolve them.
_ADDRESSES = {"pmid": "https://pubmed.ncbi.nlm.nih.gov/{}/", "doi": "https://doi.org/{}"}
_FORMAT = "GA4GH phenopacket"


def report_of(packet: Part, draft: Draft) -> At:
    """Return the report of the case: the first reference of the metadata, and all of the record."""
    meta = packet.part("metaData")
    assert meta is not None  # noqa: S101 - the check of the packet has seen it
    identifier = packet.text("id")
    references = [_reference(one) for one in meta.parts("externalReferences")]
    created, by = meta.text("created"), meta.text("createdBy")
    version = meta.text("phenopacketSchemaVersion")
    first = next((one for one in references if one), {})
    citation = " ".join(filter(None, (first.get("title", ""), f"({first['id']})" if "id" in first else "")))
    url = first.get("url") or _address(first.get("id", ""))
    record = {
        "identifier": identifier,
        "format": f"{_FORMAT} {version}".strip(),
        "created": created,
        "created_by": by,
        "submitted_by": meta.text("submittedBy"),
        "updates": [_update(one) for one in meta.parts("updates")],
        "references": [one for one in references if one],
        "vocabularies": [one for resource in meta.parts("resources") if (one := _vocabulary(resource))],
        "files": draft.files,
    }
    report = {
        "citation": citation or first.get("url") or f"Phenopacket {identifier}{f', created by {by}' if by else ''}",
        "title": first.get("title"),
        "url": url if re.fullmatch(r"https?://\S+", url or "") else None,
        "transcribed": created[:10],
        "record": _kept(record),
    }
    return At(meta.place, _kept(report))


def _address(identifier: str) -> str | None:
    prefix, _, local = identifier.partition(":")
    form = _ADDRESSES.get(prefix.lower())
    return form.format(local.strip()) if form and local.strip() else None


def _reference(reference: Part) -> dict[str, str]:
    said = {"id": reference.text("id"), "url": reference.text("reference"), "title": reference.text("description")}
    return {name: value for name, value in said.items() if value}


def _update(update: Part) -> dict[str, str]:
    said = {"at": update.text("timestamp"), "by": update.text("updatedBy"), "comment": update.text("comment")}
    return {name: value for name, value in said.items() if value}


def _vocabulary(resource: Part) -> dict[str, str]:
    names = {"namespacePrefix": "prefix", "iriPrefix": "iri_prefix"}
    said = {names.get(name, name): resource.text(name) for name in ("id", "name", "url", "version", *names)}
    return {name: value for name, value in said.items() if value}


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}
