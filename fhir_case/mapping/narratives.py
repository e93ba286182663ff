"""
Finish the narratives of a case: the names of its entries in words, and a sentence for each element that no line says.

A mapping writes what was done or found, and when; that a text says the body site, the interpretation, the reasons, the
suspects and the like of its resource is decided here, for all mappings. `named` stands for the words of an entry until
all resources are there.

Source: https://hl7.org/fhir/R4/narrative.html
"""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any

from fhir_case.case.forms import Age
from fhir_case.fhir.systems import CONDITION_RELATED
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["finish_narratives", "named", "words_of"]

_NAME = re.compile("\ue000([a-z0-9-]{1,40})\ue001")
_ABBREVIATION = re.compile(r"\(([A-Z][A-Z0-9-]{1,9})\)$")
_LONGEST_DOSE = 40
_LAST = re.compile(r"<p>Source: report, ")
_CONCEPTS = ("code", "medicationCodeableConcept", "vaccineCode", "event", "type")


def named(key: str) -> str:
    """Return what stands in a text for the words of the entry with this key."""
    return f"\ue000{key}\ue001"


def words_of(resource: Resource) -> str:
    """
    Return what a resource is about in words.

    An Observation has its site and value with it (``AFP of 12 ng/mL``), and an abbreviation at the end of the words
    stands for them: ``Transarterial radioembolisation (TARE)`` is ``TARE``.
    """
    names = objects(resource.get("deviceName"))
    found = str(names[0].get("name", "")) if names else ""
    own = resource.get("name")
    found = found or (own if isinstance(own, str) else "")  # an organization or a place, not what kind it is of
    found = found or next((words for name in _CONCEPTS if (words := _concept(resource.get(name)))), "")
    found = found or str(resource.get("description") or "")
    short = _ABBREVIATION.search(found)
    found = short[1] if short else found
    return _with_value(resource, found) if resource["resourceType"] == "Observation" else found


def _words_of_all(resources: Mapping[str, Resource]) -> dict[str, str]:
    """Return what each resource is about in words; a drug that has several doses is named with the dose."""
    words = {name: words_of(one) for name, one in resources.items()}
    drugs = [name for name in resources if name.startswith(("MedicationRequest/", "MedicationStatement/"))]
    seen = Counter((name.partition("/")[0], words[name]) for name in drugs)
    for name in drugs:
        drug = words[name]
        dosage = next(iter(objects(resources[name].get("dosage") or resources[name].get("dosageInstruction"))), {})
        taken = str(dosage.get("text", ""))
        if seen[name.partition("/")[0], drug] > 1 and 0 < len(taken) <= _LONGEST_DOSE:
            words[name] = f"{drug} {taken}"
    return words


def _with_value(resource: Resource, found: str) -> str:
    parts = objects(resource.get("component"))
    value = _value(resource) or (_value(parts[0]) if len(parts) == 1 else "")
    found = _of_gene(parts, found) if _value(resource) else found
    value = _with_susceptibility(resource, value)
    site = _concept(resource.get("bodySite"))
    where = f" ({site})" if site and site.lower() not in found.lower() else ""
    if not value or value.lower().startswith(found.lower()):
        return (value or found) + where
    return f"{found}{where} of {value}" if value[:1].isdigit() or value[:1] in "<>" else f"{found}{where}: {value}"


def _of_gene(parts: list[Any], found: str) -> str:
    """Return the gene and the change of a variant, if it has some, in place of what is examined."""
    said = [
        _concept(part.get("valueCodeableConcept"))
        for code in _GENE_AND_CHANGE
        for part in parts
        if any(one.get("code") == code for one in objects(mapping(part.get("code")).get("coding")))
    ]
    return " ".join(one for one in said if one) or found


_GENE_AND_CHANGE = ("48018-6", "48004-6", "48005-3")
"""The components of LOINC: the gene, the change of its DNA, that of its protein."""


def _with_susceptibility(resource: Resource, value: str) -> str:
    """Return a value with what it says of an organism: a concentration alone does not tell whether a drug helps."""
    for concept in objects(resource.get("interpretation")):
        if any(one.get("code") in _SUSCEPTIBILITIES for one in objects(concept.get("coding"))):
            said = _interpreted(concept)
            return value if said in value.lower() else f"{value}, {said}"
    return value


_SUSCEPTIBILITIES = frozenset({"S", "I", "R", "SDD"})


def finish_narratives(case: Case, resources: Mapping[str, Resource]) -> None:
    """
    Put words for the names of entries in all texts, and add to each narrative what its resource says beside.

    Args:
        resources: The resources of the case by ``Type/key``.
    """
    words = _words_of_all(resources)

    def words_of_entry(found: re.Match[str]) -> str:
        key = found[1]
        return words.get(f"{case.section_of(key).resource}/{key}") or key.replace("-", " ")

    for name in resources:
        words[name] = _NAME.sub(words_of_entry, words[name])
    for resource in resources.values():
        text = resource.get("text")
        for element, value in resource.items():
            if element != "text" and (changed := _replaced(value, words_of_entry)) is not value:
                resource[element] = changed
        if isinstance(text, dict) and isinstance(text.get("div"), str):
            # What happened at itself is the event that the times of the case count from.
            div = text["div"].replace(f"at {named(str(resource['id']))}", "the index event")
            div = _NAME.sub(lambda found: escape(words_of_entry(found), quote=False), div)
            place = _LAST.search(div)
            if place is not None:
                told_of = list(_sentences(resource, words))
                said = " ".join(div.split()).lower() if told_of else ""
                more = [line for line, told in told_of if not _is_said(said, told)]
                added = "".join(f"<p>{escape(line, quote=False)}</p>" for line in dict.fromkeys(more))
                div = div[: place.start()] + added + div[place.start() :]
            resource["text"] = {**text, "div": div}


def _is_said(said: str, told: list[str]) -> bool:
    """Whether a narrative has all of some words already."""
    return bool(told) and all(escape(" ".join(one.split()), quote=False).lower() in said for one in told)


def _replaced(value: Any, words_of_entry: Callable[[re.Match[str]], str]) -> Any:
    """Return JSON with words for the names of entries; the same where there is none."""
    if isinstance(value, str):
        return _NAME.sub(words_of_entry, value) if "\ue000" in value else value
    if not isinstance(value, dict | list):
        return value
    changed: Any = None
    for name, one in value.items() if isinstance(value, dict) else enumerate(value):
        if one.__class__ is str and "\ue000" not in one:  # as nearly all are
            continue
        if (new := _replaced(one, words_of_entry)) is not one:
            changed = changed or value.copy()
            changed[name] = new
    return changed or value


def _concept(concept: Any) -> str:
    """Return a CodeableConcept, or the first of several, in words."""
    one = mapping(concept[0] if isinstance(concept, list) and concept else concept)
    displays = (str(coding["display"]) for coding in objects(one.get("coding")) if coding.get("display"))
    return str(one.get("text") or next(displays, ""))


def _quantity(quantity: Any) -> str:
    one = mapping(quantity)
    if "value" not in one:
        return ""
    unit = str(one.get("unit", ""))
    times = " x " if unit.startswith("10^") else "" if unit in {"%", ""} else " "
    return f"{one.get('comparator', '')}{one['value']}{times}{unit}"


def _value(resource: Any) -> str:
    """Return the value of an Observation or of a component in words."""
    if range_ := mapping(resource.get("valueRange")):
        low, high = range_.get("low"), range_.get("high")
        return f"{mapping(low)['value']} to {_quantity(high)}" if low and high else _quantity(low or high)
    for name in ("valueInteger", "valueString"):
        if name in resource:
            return str(resource[name])
    return _quantity(resource.get("valueQuantity")) or _concept(resource.get("valueCodeableConcept"))


def _listed(words: list[str]) -> str:
    *first, last = words
    if any("," in one for one in words):
        return "; ".join(words)
    return f"{', '.join(first)} and {last}" if first else last


_INTERPRETATIONS = {
    "N": "normal",
    "H": "high",
    "L": "low",
    "A": "abnormal",
    "HH": "critically high",
    "LL": "critically low",
}
_ONE = {
    "bodySite": ("The site is {}.", "The sites are {}."),
    "location": ("The site is {}.", "The sites are {}."),
    "method": ("The method was {}.", ""),
    "reasonCode": ("The reason was {}.", "The reasons were {}."),
    "statusReason": ("It ended because of {}.", "It ended because of {}."),
    "severity": ("The severity is {}.", ""),
}
_REFERENCES = {
    "reasonReference": ("The reason was {}.", "The reasons were {}."),
    "focus": ("It is about {}.", "It is about {}."),
    "derivedFrom": ("It was found by {}.", "It was found by {}."),
    "partOf": ("It belongs to {}.", "It belongs to {}."),
    "specimen": ("The specimen was {}.", "The specimens were {}."),
    "hasMember": ("It consists of {}.", "It consists of {}."),
    "result": ("The result is {}.", "The results are {}."),
    "resultingCondition": ("It was {}.", "It was {}."),
    "usedReference": ("It was done with {}.", "It was done with {}."),
    "complicationDetail": ("The complication was {}.", "The complications were {}."),
    "encounter": ("It was during {}.", ""),
    "context": ("It was during {}.", ""),
}


def _sentences(resource: Resource, words: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Return a sentence for each element that a narrative may lack, with the words by which it is seen to say it."""

    def referenced(references: Any) -> list[str]:
        many = references if isinstance(references, list) else [references]
        found = [mapping(one) for one in many]
        return list(dict.fromkeys(text for one in found if (text := words.get(str(one.get("reference")), ""))))

    for name, told in _elements(resource, referenced):
        one, several = _SENTENCES[name]
        seen = [_KEYWORDS[name], *told] if name in _KEYWORDS else told
        if name == "component":
            seen = [_value(part) for part in objects(resource["component"]) if _value(part)]
        yield (one if len(told) == 1 else several or one).format(_listed(told)), seen


# The words of a drug or a disease stand in other sentences too, so that these are only said where the word is.
_KEYWORDS = {"reasonReference": "reason", "suspectEntity": "suspected cause"}
_FURTHER = {
    "interpretation": ("The result was {}.", "The result was {}."),
    "component": ("Its parts: {}.", "Its parts: {}."),
    "suspectEntity": ("The suspected cause was {}.", "The suspected causes were {}."),
    "evidence": ("The diagnosis rests on {}.", "The diagnosis rests on {}."),
    "stage": ("It was staged as {}.", "It was staged as {}."),
    "related": ("It comes from {}.", "It comes from {}."),
    "onset": ("It began {}.", ""),
}
_SENTENCES = {**_ONE, **_REFERENCES, **_FURTHER}


def _elements(resource: Resource, referenced: Callable[[Any], list[str]]) -> Iterator[tuple[str, list[str]]]:
    """Return the words of each element that has some."""
    found: dict[str, list[str]] = {}
    for name in filter(resource.__contains__, _ONE):
        concepts = resource[name]
        many = concepts if isinstance(concepts, list) else [concepts]
        found[name] = [_sided(one) for one in many if _concept(one)]
    for name in filter(resource.__contains__, _REFERENCES):
        found[name] = referenced(resource[name])
    found["interpretation"] = [_interpreted(one) for one in objects(resource.get("interpretation"))]
    parts = objects(resource.get("component"))
    found["component"] = [f"{_concept(one.get('code'))} {_value(one).rstrip('.')}" for one in parts if _value(one)]
    suspects = objects(resource.get("suspectEntity"))
    found["suspectEntity"] = referenced([one.get("instance") for one in suspects])
    found["evidence"] = [_concept(one.get("code")) for one in objects(resource.get("evidence")) if one.get("code")]
    assessed = [one.get("assessment") for one in objects(resource.get("stage"))]
    found["stage"] = [text for one in assessed if isinstance(one, list) for text in referenced(one)]
    extensions = objects(resource.get("extension"))
    found["related"] = referenced([one.get("valueReference") for one in extensions if one["url"] == CONDITION_RELATED])
    found["onset"] = [_onset(resource)] if _onset(resource) else []
    yield from ((name, told) for name, told in found.items() if told)


def _sided(concept: Any) -> str:
    """Return a place of the body with its side."""
    sides = [_concept(one.get("valueCodeableConcept")) for one in objects(mapping(concept).get("extension"))]
    words = _concept(concept)
    plain = [side.lower().partition(" (")[0].replace("right and left", "both sides") for side in sides if side]
    is_said = not plain or plain[0].removesuffix(" sides") in words.lower()
    return words if is_said else f"{words} ({plain[0]})"


def _interpreted(concept: Any) -> str:
    codes = (str(one.get("code")) for one in objects(concept.get("coding")))
    return (_concept(concept) or next((_INTERPRETATIONS[one] for one in codes if one in _INTERPRETATIONS), "")).lower()


def _onset(resource: Resource) -> str:
    age = mapping(resource.get("onsetAge"))
    if age:
        form = Age.model_validate({name: age[name] for name in ("value", "unit", "comparator") if name in age})
        return f"at the age of {form.words}"
    return f"{resource['onsetString']}" if isinstance(resource.get("onsetString"), str) else ""
