"""Phenopackets of GA4GH, version 2, in JSON or YAML, as cases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_case.readers.protocol import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_case.readers.protocol import Reading

__all__ = ["PHENOPACKET"]

_TELLING = re.compile(
    rb"""(?:^|[{,\s])["']?(?:phenopacketSchemaVersion|phenopacket_schema_version|phenotypicFeatures|"""
    rb"""phenotypic_features|medicalActions|medical_actions|genomicInterpretations|timeAtLastEncounter)["']?\s*:""",
)
_SUBJECT = re.compile(rb"""(?:^|[{,\s])["']?(?:subject|proband)["']?\s*:""")
_META = re.compile(rb"""(?:^|[{,\s])["']?(?:metaData|meta_data)["']?\s*:""")
_OTHERS = re.compile(
    rb"""(?:^|[{,\s])["']?resourceType["']?\s*:|^["']?(?:case|report)["']?\s*:|^\{\s*"case"\s*:""", re.MULTILINE
)


def _is_phenopacket(head: bytes, _path: Path) -> bool:
    if _OTHERS.search(head):
        return False
    return bool(_TELLING.search(head) or (_SUBJECT.search(head) and _META.search(head)))


def _read(path: Path) -> Iterator[Reading]:
    from fhir_case.case.text import decode, read_bytes
    from fhir_case.readers.phenopacket.reading import read_packet

    yield read_packet(decode(read_bytes(path), str(path)), str(path))


PHENOPACKET = Reader(
    "phenopacket", _is_phenopacket, _read, "A phenopacket of GA4GH, version 2, in JSON or YAML, of one patient"
)
