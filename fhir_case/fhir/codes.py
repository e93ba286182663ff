"""
Read the code tables: TOML files that name for each short name its words and its codes.

The grammar of a table, one section a short name::

    [afp]
    text = "AFP"
    codings = [{ system = "LOINC", code = "53962-7", display = "…", version = "2.67", source = "…" }]
    units = { "ng/mL" = "ng/mL" }      # printed unit = UCUM code, for tests only
    why = "why this code and not its neighbour"

``system`` is a short name of `fhir_case.fhir.systems.SYSTEMS`. A section may hold other keys that its mapping reads;
another coding is a table with ``system``, ``code``, ``display`` and, where words belong to it, ``text``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from fhir_case.errors import MappingError
from fhir_case.fhir.datatypes import coding
from fhir_case.fhir.systems import SYSTEMS

__all__ = ["Term", "code_table", "code_tables", "known_codes"]


@dataclass(frozen=True, slots=True)
class Term:
    """
    What a code table says about one short name.

    Args:
        text: The words that go into ``CodeableConcept.text``.
        codings: The FHIR codings, the most telling one first.
        units: For a test: the printed units that fit it and the UCUM code of each.
        more: Whatever else the section holds, for the mapping that owns the table.
    """

    name: str
    text: str
    codings: tuple[dict[str, str], ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def codeable_concept(self, text: str | None = None) -> dict[str, Any]:
        """Return the CodeableConcept, with words of one's own in place of the table's where given."""
        codings = [dict(one) for one in self.codings]
        return {**({"coding": codings} if codings else {}), "text": text or self.text}

    def other_concept(self, name: str) -> dict[str, Any] | None:
        """Return the CodeableConcept of another coding of the section, for example the method of a modality."""
        one = self.more.get(name)
        if one is None:
            return None
        return {"coding": [_coding(one)], **({"text": one["text"]} if "text" in one else {})}


@cache
def code_table(package: str, name: str) -> dict[str, Term]:
    """
    Read ``codes/<name>.toml`` of a package.

    Raises:
        MappingError: The table is missing or breaks its grammar.
    """
    place = f"{package}/codes/{name}.toml"
    try:
        sections = tomllib.loads((files(package) / "codes" / f"{name}.toml").read_text(encoding="utf-8"))
    except (OSError, ModuleNotFoundError) as error:
        raise MappingError("the code table is missing", where=place, hint="install fhir-case again") from error
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"the code table is not TOML: {error}", where=place, hint="correct the table") from error
    return {key: _term(place, key, section) for key, section in sections.items()}


def _term(place: str, name: str, section: dict[str, Any]) -> Term:
    more = dict(section)
    try:
        codings = tuple(_coding(one) for one in more.pop("codings", ()))
        return Term(name, more.pop("text"), codings, more.pop("units", {}), more)
    except KeyError as error:
        raise MappingError(
            f"[{name}] has no {error.args[0]!r}", where=place, hint="see fhir_case.fhir.codes for the grammar"
        ) from error


def _coding(one: dict[str, str]) -> dict[str, str]:
    return coding(SYSTEMS[one["system"]], one["code"], one.get("display"))


def code_tables(package: str) -> tuple[str, ...]:
    """Return the names of the code tables of a package, sorted."""
    folder = files(package) / "codes"
    if not folder.is_dir():
        return ()
    return tuple(sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml")))


def known_codes(package: str) -> dict[tuple[str, str], frozenset[str]]:
    """Return every (system, code) of the tables of a package with the displays that they write."""
    known: dict[tuple[str, str], frozenset[str]] = {}
    for name in code_tables(package):
        for term in code_table(package, name).values():
            others = [_coding(one) for one in term.more.values() if isinstance(one, dict) and "system" in one]
            for one in (*term.codings, *others):
                key = (one["system"], one["code"])
                display = one.get("display")
                known[key] = known.get(key, frozenset()) | ({display} if display else frozenset())
    return known
