"""Decide which staging system a stage belongs to, and by that its profile and its codes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.codes import code_table
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import Codes

if TYPE_CHECKING:
    from fhir_case.case import Concept
    from fhir_case.fhir.codes import Term
    from fhir_case_mappings.stage import Stage

__all__ = ["Staging", "conflict", "staging_of"]

_codes = Codes.beside("fhir_case_mappings.stage")

_PROFILE = {
    "t": MCODE + "mcode-tnm-primary-tumor-category",
    "n": MCODE + "mcode-tnm-regional-nodes-category",
    "m": MCODE + "mcode-tnm-distant-metastases-category",
    "group": MCODE + "mcode-tnm-stage-group",
}
_TYPE_NAME = {"": "{}-category", "c": "clinical-{}", "p": "pathologic-{}", "yp": "post-therapy-{}"}
_CATEGORY = re.compile(r"^(?P<prefix>yp|c|p|)(?P<part>[tnm])(?=[x0-4]|is|a$)")
_GROUP = re.compile(r"^stage-(?=[0iv])")
_DESCRIPTOR = re.compile(r"\((?:m|f|sn|[2-9])(?:[,; ][^()]{0,40})?\)$")  # several tumours, by puncture, sentinel node
_MODIFIED = re.compile(r"\bmodif", re.IGNORECASE)
_GRADE = re.compile(r"\b(?:histolog\w+ )?(?:grade|grading)\b|\bgleason\b|\bISUP\b", re.IGNORECASE)
_METHODS = (
    (re.compile(r"\bAJCC\b.{0,40}?\b([6-9])(?:th|\b)|\b([6-9])th edition of the AJCC\b", re.IGNORECASE), "ajcc-{}"),
    (re.compile(r"\bAJCC\b", re.IGNORECASE), "ajcc"),
    (re.compile(r"\bUICC\b", re.IGNORECASE), "uicc"),
    (re.compile(r"\bBCLC\b|Barcelona", re.IGNORECASE), "bclc"),
    (re.compile(r"\bFIGO\b", re.IGNORECASE), "figo"),
    (re.compile(r"Ann[ -]Arbor", re.IGNORECASE), "ann-arbor"),
    (re.compile(r"\bLugano\b", re.IGNORECASE), "lugano"),
    (re.compile(r"\bBinet\b", re.IGNORECASE), "binet"),
    (re.compile(r"\bRai\b"), "rai"),
    (re.compile(r"\b(?:R-?ISS|Revised International Staging)\b", re.IGNORECASE), "r-iss"),
    (re.compile(r"\b(?:ISS|International Staging System)\b"), "iss"),
)


@dataclass(frozen=True, slots=True)
class Staging:
    """
    What a stage is in FHIR.

    Args:
        profile: The canonical URL of its profile.
        code: What is staged.
        value: The stage or category.
        method: The staging system; empty where nothing says it.
    """

    profile: str
    code: dict[str, Any]
    value: dict[str, Any]
    method: dict[str, Any]


def staging_of(stage: Stage) -> Staging:
    """
    Return profile and codes of a stage.

    TNM by AJCC is of the TNM profiles of mCODE, whose code and value are codes of AJCC; any other system, a modified
    one too, is of mcode-cancer-stage; a grade is no stage. A value has the code of its own system only.
    """
    kind = _codes.term("stage_types", stage.staging, stage) or _by_code("stage_types", stage.staging)
    method_name = _method_name(stage.method) or (kind.more.get("method", "") if kind and stage.method is None else "")
    method = _codes.find("stage_methods", _named(method_name)) if method_name else None
    system = (method.more.get("system", "") if method else "") or (
        kind.more.get("system", "") if kind and not stage.method else ""
    )
    part, prefix, term = _category(stage, kind)
    coded = term.other_concept(system) if term and system else None
    if kind is None and part and not stage.staging.code:
        kind = _codes.find("stage_types", _named(_type_name(part, prefix)))
    value = _value(stage, term, coded, system)
    if stage.value.code:
        coded = coded if _by_code("stages", stage.value) else None
    tnm = part in _PROFILE and system == "ajcc" and bool(coded)
    if _is_grade(stage):
        profile = US_CORE + "us-core-simple-observation"
    else:
        profile = _PROFILE[part] if tnm else MCODE + "mcode-cancer-stage"
    return Staging(profile, _code(stage, kind), value, _method(stage, method))


def conflict(stage: Stage) -> str:
    """Return why the value of a stage cannot be one of what is staged; nothing where it can."""
    kind = _codes.find("stage_types", stage.staging)
    match = _CATEGORY.match(_name_of(stage.value))
    part = kind.more.get("part", "") if kind else ""
    if kind and part in {"t", "n", "m"} and _GROUP.match(_name_of(stage.value)):
        return f"{_shown(stage.value)} is a stage group, and no value of {kind.text}"
    if not match or not part:
        return ""
    if match["part"] != part:
        return f"{_shown(stage.value)} is a value of {match['part'].upper()}, not of {kind.text if kind else ''}"
    wanted = kind.more.get("prefix", "") if kind else ""
    if match["prefix"] and wanted and match["prefix"] != wanted:
        return f"{_shown(stage.value)} has the prefix {match['prefix']}, and {stage.staging.name} has {wanted}"
    return ""


def _shown(value: Concept) -> str:
    return value.text or value.name or ""


def _named(name: str) -> Concept:
    from fhir_case.case import Concept

    return Concept(name=name)


def _by_code(table: str, concept: Concept) -> Term | None:
    """Return the term of a table that has one of the codes which the case gives itself."""
    given = {(one.system, one.code) for one in concept.code}
    for term in code_table(_codes.package, table).values() if given else ():
        others = [one for one in map(term.other_concept, ("ajcc", "uicc")) if one] if table == "stages" else []
        codings = [*term.codings, *(each for one in others for each in one["coding"])]
        if any((one["system"], one["code"]) in given for one in codings):
            return term
    return None


def _method_name(method: Concept | None) -> str:
    """Return the short name of a method, also of one in words; nothing for a modified system."""
    if method is None or (method.text and _MODIFIED.search(method.text)):
        return ""
    if known := _by_code("stage_methods", method):
        return known.name
    if method.name or not method.text:
        return method.name or ""
    for pattern, name in _METHODS:
        if match := pattern.search(method.text):
            return name.format(next((one for one in match.groups() if one), ""))
    return ""


def _name_of(value: Concept) -> str:
    """Return the short name of a stage or category, also of one in words: pT2(m) is pt2, Stage IIIB is stage-iiib."""
    if value.name:
        return value.name
    # (i-) and (mol-) say that nothing was found, and are no category of their own; (i+) is.
    words = re.sub(r"\((?:i|mol)[-−–]\)", "", _DESCRIPTOR.sub("", (value.text or "").strip()))
    words = re.sub(r"^stage[ -]?", "stage-", words.lower()).replace("(", "-").replace(")", "").replace("+", "")
    return words.replace(" ", "-").strip("-")


def _category(stage: Stage, kind: Term | None) -> tuple[str, str, Term | None]:
    """Return part and prefix in TNM, and what the table says of the value, with the prefix of what is staged."""
    part, prefix = (kind.more.get("part", ""), kind.more.get("prefix", "")) if kind else ("", "")
    known = _by_code("stages", stage.value)
    name = known.name if known else _name_of(stage.value)
    if match := _CATEGORY.match(name):
        prefix = match["prefix"] or prefix
        full = prefix + name.removeprefix(match["prefix"])
        term = _codes.find("stages", _named(full)) if re.fullmatch(r"[a-z0-9-]+", full) else None
        return match["part"], prefix, term or _codes.find("stages", stage.value)
    if part == "group" or (kind is None and _GROUP.match(name)):
        part = "group"
        prefix = prefix or _prefix_in_words(stage.staging)
    named = name if name.startswith(("stage-", "uicc-", "r0")) else f"stage-{name}"
    fits = re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", named) is not None and len(named) <= 40
    return part, prefix, _codes.find("stages", _named(named)) if fits else None


def _prefix_in_words(staging: Concept) -> str:
    words = (staging.text or "").lower()
    return "p" if "patholog" in words else "c" if "clinical" in words else ""


def _type_name(part: str, prefix: str) -> str:
    if part == "group":
        return {"": "stage-group"}.get(prefix, _TYPE_NAME[prefix].format("stage-group"))
    return _TYPE_NAME[prefix].format(part)


def _value(stage: Stage, term: Term | None, coded: dict[str, Any] | None, system: str) -> dict[str, Any]:
    if stage.value.code or term is None:
        return _codes.concept("stages", stage.value, stage)
    text = stage.value.text or (term.text if stage.value.name is None else _codes.words("stages", stage.value, stage))
    if coded:
        return {**coded, "text": text}
    neutral = None if system else term
    if neutral is not None and not neutral.codings and (match := _CATEGORY.match(term.name)):
        neutral = _codes.find("stages", _named(term.name.removeprefix(match["prefix"])))
    return neutral.codeable_concept(text) if neutral else {"text": text}


def _code(stage: Stage, kind: Term | None) -> dict[str, Any]:
    if stage.staging.name or stage.staging.code or kind is None:
        return _codes.concept("stage_types", stage.staging, stage)
    return kind.codeable_concept(stage.staging.text)


def _method(stage: Stage, method: Term | None) -> dict[str, Any]:
    if stage.method is None:
        return method.codeable_concept() if method else {}
    if stage.method.code:
        return _codes.concept("stage_methods", stage.method, stage)
    if method is None:
        return {"text": _codes.words("stage_methods", stage.method, stage)}
    return method.codeable_concept(stage.method.text)


def _is_grade(stage: Stage) -> bool:
    return bool(_GRADE.search(stage.staging.text or ""))
