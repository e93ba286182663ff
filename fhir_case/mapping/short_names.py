"""Which short name of a code table a concept has, and why it has none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_case.case.forms import Concept, Site
from fhir_case.case.forms.concept import plain_key
from fhir_case.fhir.code_forms import plain_name
from fhir_case.fhir.systems import LOINC
from fhir_case.wording import did_you_mean, is_misspelt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.codes import Term

__all__ = ["in_table", "name_of_another", "names_of", "unknown"]

_SHORTEST = 8  # letters: what is shorter is an abbreviation, or near to the name of the table
_SIDES = {"left": "left", "right": "right", "both": "both", "bilateral": "both"}


def name_of_another(system: str, code: str, display: str, terms: Mapping[str, Term]) -> str:
    """
    Return that a display is that of another code of a table; empty where it is not.

    The code is in the table too, or its system has no two codes with one name: two concepts of SNOMED CT may share a
    synonym, and drugs have several codes of ATC.
    """
    names: dict[str, set[str]] = {}
    for term in terms.values():
        for one in term.codings:
            if one["system"] == system:
                names.setdefault(one["code"], set()).add(plain_name(one.get("display", "")))
    given = plain_name(display)
    own = names.get(code, set())
    others = [other for other, known in names.items() if other != code and given in known]
    if not others or given in own or (not own and system != LOINC):
        return ""
    return f"'{display}' is the name of {' and '.join(others)}, not of '{code}'"


def in_table(concept: Concept, terms: Mapping[str, Term]) -> Concept | None:
    """Return a concept with the short name that a table has for it, of a place with its side; None without one."""
    name = concept.name or ""
    if name in terms:
        return concept
    names = names_of(terms)
    if short := names.get(_american(name)):
        words = None if concept.text or concept.code else _as_written(name, terms[short])
        return concept.model_copy(update={"name": short} | ({"text": words} if words else {}))
    side, _, rest = name.partition("-")
    place = names.get(_american(rest))
    if isinstance(concept, Site) and concept.side is None and side in _SIDES and place:
        own = {"text": None} if concept.is_spelt else {}
        return concept.model_copy(update={"name": place, "side": _SIDES[side], **own})
    return None


def _as_written(name: str, term: Term) -> str | None:
    """Return another name of a thing in words, so that nothing of it is lost; None for what is an abbreviation."""
    words = next((other for other in term.other_names if _american(plain_key(other)) == _american(name)), "")
    if len(words) < _SHORTEST:
        return None
    return words[:1].upper() + words[1:] if term.text[:1].isupper() else words


def names_of(terms: Mapping[str, Term]) -> dict[str, str]:
    """Return the short name of each name that a table has for a thing; its own one comes before that of another."""
    names = {_american(plain_key(other)): short for short, term in terms.items() for other in term.other_names}
    return names | {_american(short): short for short in terms}


def _american(name: str) -> str:
    """Return a name as Americans spell it, or nearly so: haemoglobin, tumour and oedema have no letter too many."""
    return re.sub("ae|oe", "e", name).replace("our", "or")


def unknown(name: str, table: str, known: Mapping[str, Term]) -> str:
    """Say that a name is unknown, and which term is spelt nearly like it."""
    near = [one for one in known if is_misspelt(name, one)]
    return f"'{name}' is not a known short name of {table}{did_you_mean(name, near, before='; ')}"
