"""The ontology classes of a phenopacket as concepts of a case, by a table of the prefixes of their codes."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.packet import At

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["code_of", "concept", "curie_of", "located_concept", "prefixes"]

_CODE = re.compile(r"\S+( \S+)*")
_LONGEST = 200


@cache
def prefixes() -> dict[str, dict[str, Any]]:
    """Return for each prefix its system in FHIR, and whether the codes keep the prefix there."""
    file = files("fhir_case.readers.phenopacket").joinpath("prefixes.toml")
    found: dict[str, dict[str, Any]] = tomllib.loads(file.read_text("utf-8"))
    return found


@cache
def _by_other_names() -> dict[str, str]:
    return {other.lower(): prefix for prefix, one in prefixes().items() for other in (prefix, *one.get("also", ()))}


def code_of(curie: str, label: str = "") -> dict[str, Any] | None:
    """Return a code of FHIR for one with a prefix; nothing for a prefix that the table does not have."""
    prefix, colon, local = curie.partition(":")
    known = _by_other_names().get(prefix.strip().lower()) if colon else None
    if known is None or not _CODE.fullmatch(local.strip()) or len(curie) > _LONGEST:
        return None
    row = prefixes()[known]
    code = f"{known}:{local.strip()}" if row.get("keeps_prefix") else local.strip()
    return {"system": row["system"], "code": code, **({"display": label} if label else {})}


def curie_of(system: str, code: str) -> str:
    """Return the code with its prefix of a code of FHIR; empty for a system that the table does not have."""
    for prefix, row in prefixes().items():
        if system in {row["system"], *row.get("other_systems", ())}:
            return code if row.get("keeps_prefix") else f"{prefix}:{code}"
    return ""


def concept(part: Part) -> dict[str, Any]:
    """Return an ontology class as a concept; a code whose system is not known stays in its words."""
    curie, label = part.text("id"), part.text("label")
    code = code_of(curie, label)
    if code is None:
        return {"text": f"{label} ({curie})" if label and label != curie else label or curie}
    return {"text": label or curie, "code": [code]}


def located_concept(part: Part | None) -> At | None:
    """Return an ontology class as a concept with its place; nothing where there is none."""
    return At(part.place, concept(part)) if part is not None else None
