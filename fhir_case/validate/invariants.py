"""
The invariants that need no more than one element, written as the JSON Schema of what breaks them.

They run inside the strict schema, in the same pass. Each is named as in R4; where R5 has the same rule under another
name, that is in its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from fhir_case.issues import Severity

__all__ = ["INVARIANTS", "Invariant"]

Schema = dict[str, Any]

_UCUM = "http://unitsofmeasure.org"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ALLERGY_VERIFIED = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_TYPES = "https://hl7.org/fhir/R4/datatypes.html"
_RESOURCE = "https://hl7.org/fhir/R4/{}.html#invs"


@dataclass(frozen=True, slots=True)
class Invariant:
    """
    Describe one invariant.

    Args:
        name: Its key in the specification.
        where: The type or backbone element that it is about.
        broken: The JSON Schema of an object that breaks it.
        reason: What must hold, one line.
        source: The page that states it.
        severity: As the specification has it.
        releases: Those that have it.
    """

    name: str
    where: str
    broken: Schema
    reason: str
    source: str
    severity: Severity = "error"
    releases: tuple[Literal["R4", "R5"], ...] = ("R4", "R5")


def _has(*names: str) -> Schema:
    """Ask for one element at least; one that has only extensions is there too."""
    return {"anyOf": [{"required": [one]} for name in names for one in (name, f"_{name}")]}


def _lacks(*names: str) -> Schema:
    return {"not": _has(*names)}


def _has_choice(stem: str) -> Schema:
    return {"not": {"propertyNames": {"not": {"pattern": f"^_?{stem}[A-Z]"}}}}


def _lacks_choice(stem: str) -> Schema:
    return {"propertyNames": {"not": {"pattern": f"^_?{stem}[A-Z]"}}}


def _all(*parts: Schema) -> Schema:
    return {"allOf": list(parts)}


def _any(*parts: Schema) -> Schema:
    return {"anyOf": list(parts)}


def _concept(system: str, *codes: str) -> Schema:
    """Ask of a CodeableConcept that it has one of these codes."""
    coding = {
        "properties": {"system": {"const": system}, "code": {"enum": list(codes)}},
        "required": ["system", "code"],
    }
    return {"properties": {"coding": {"contains": coding}}, "required": ["coding"]}


def _coded(name: str, system: str, *codes: str) -> Schema:
    return {"properties": {name: _concept(system, *codes)}, "required": [name]}


def _is(name: str, *values: str) -> Schema:
    return {"properties": {name: {"enum": list(values)}}, "required": [name]}


def _negative(name: str) -> Schema:
    return {"properties": {name: {"exclusiveMaximum": 0}}, "required": [name]}


_NOT_UCUM = {"properties": {"system": {"not": {"const": _UCUM}}}, "required": ["system"]}
_VALUE_WITHOUT_CODE = _all(_has("value"), _lacks("code"))

_OF_DATA_TYPES = (
    Invariant(
        "ext-1",
        "Extension",
        _any(
            {"maxProperties": 1},
            {"required": ["id", "url"], "maxProperties": 2},
            _all({"required": ["extension"], "minProperties": 3}, _has_choice("value")),
        ),
        "An extension has either a value or extensions of its own, not both and not neither.",
        "https://hl7.org/fhir/R4/extensibility.html#Extension",
    ),
    Invariant(
        "qty-3", "Quantity", _all(_has("code"), _lacks("system")), "A unit code needs its system.", _TYPES + "#Quantity"
    ),
    Invariant(
        "sqty-1", "SimpleQuantity", _has("comparator"), "No comparator is allowed here.", _TYPES + "#SimpleQuantity"
    ),
    Invariant(
        "age-1",
        "Age",
        _any(_VALUE_WITHOUT_CODE, _NOT_UCUM, {"properties": {"value": {"maximum": 0}}, "required": ["value"]}),
        "An age has a UCUM code for its unit and is greater than 0.",
        _TYPES + "#Age",
    ),
    Invariant(
        "drt-1",
        "Duration",
        _all(_has("code"), _any(_NOT_UCUM, _lacks("system"), _lacks("value"))),
        "A duration with a code has the system UCUM and a value.",
        _TYPES + "#Duration",
    ),
    Invariant(
        "dis-1",
        "Distance",
        _any(_VALUE_WITHOUT_CODE, _NOT_UCUM),
        "A distance has a UCUM code for its unit.",
        _TYPES + "#Distance",
    ),
    Invariant(
        "cnt-3",
        "Count",
        _any(_VALUE_WITHOUT_CODE, _NOT_UCUM, {"properties": {"code": {"not": {"const": "1"}}}, "required": ["code"]}),
        "A count has the UCUM code 1.",
        _TYPES + "#Count",
    ),
    Invariant(
        "rat-1",
        "Ratio",
        _any(
            _all(_has("numerator"), _lacks("denominator")),
            _all(_lacks("numerator"), _has("denominator")),
            _lacks("numerator", "denominator", "extension"),
        ),
        "A ratio has numerator and denominator, or an extension that says why not.",
        _TYPES + "#Ratio",
    ),
    Invariant(
        "att-1",
        "Attachment",
        _all({"required": ["data"]}, _lacks("contentType")),
        "Attached data need a contentType.",
        _TYPES + "#Attachment",
    ),
    Invariant(
        "cpt-2",
        "ContactPoint",
        _all(_has("value"), _lacks("system")),
        "A contact value needs its system, such as phone or email.",
        _TYPES + "#ContactPoint",
    ),
    Invariant(
        "ref-2",
        "Reference",
        _lacks("reference", "identifier", "display", "extension"),
        "A reference has a reference, an identifier, a display or an extension.",
        "https://hl7.org/fhir/R5/references.html#invs",
        releases=("R5",),
    ),
    Invariant(
        "cod-1",
        "Coding",
        _all(_has("display"), _lacks("code")),
        "A coding with a display has a code.",
        "https://hl7.org/fhir/R5/datatypes.html#Coding",
        "warning",
        ("R5",),
    ),
)

_REPEAT = "Timing.repeat"
_TIMING = _TYPES + "#Timing"
_OF_TIMINGS = (
    Invariant("tim-1", _REPEAT, _all(_has("duration"), _lacks("durationUnit")), "A duration needs its unit.", _TIMING),
    Invariant("tim-2", _REPEAT, _all(_has("period"), _lacks("periodUnit")), "A period needs its unit.", _TIMING),
    Invariant("tim-4", _REPEAT, _negative("duration"), "A duration is not negative.", _TIMING),
    Invariant("tim-5", _REPEAT, _negative("period"), "A period is not negative.", _TIMING),
    Invariant("tim-6", _REPEAT, _all(_has("periodMax"), _lacks("period")), "A periodMax needs a period.", _TIMING),
    Invariant(
        "tim-7", _REPEAT, _all(_has("durationMax"), _lacks("duration")), "A durationMax needs a duration.", _TIMING
    ),
    Invariant("tim-8", _REPEAT, _all(_has("countMax"), _lacks("count")), "A countMax needs a count.", _TIMING),
    Invariant(
        "tim-9",
        _REPEAT,
        _all(
            _has("offset"),
            _any(
                _lacks("when"),
                {"properties": {"when": {"contains": {"enum": ["C", "CM", "CD", "CV"]}}}, "required": ["when"]},
            ),
        ),
        "An offset needs an event (when), and not one that is a meal itself.",
        _TIMING,
    ),
    Invariant(
        "tim-10", _REPEAT, _all(_has("timeOfDay"), _has("when")), "A timing has timeOfDay or when, not both.", _TIMING
    ),
)

_CONDITION = _RESOURCE.format("condition")
_PROBLEM = _concept("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")
_OVER = ("resolved", "remission", "inactive")
_OF_RESOURCES = (
    Invariant(
        "pat-1",
        "Patient.contact",
        _lacks("name", "telecom", "address", "organization"),
        "A contact has a name, telecom, address or organization.",
        _RESOURCE.format("patient"),
    ),
    Invariant(
        "con-1",
        "Condition.stage",
        _lacks("summary", "assessment"),
        "A stage has a summary or an assessment.",
        _CONDITION,
    ),
    Invariant(
        "con-2",
        "Condition.evidence",
        _lacks("code", "detail"),
        "An evidence has a code or a detail.",
        _CONDITION,
        releases=("R4",),
    ),
    Invariant(
        "con-3",
        "Condition",
        _all(
            _lacks("clinicalStatus"),
            {"not": _coded("verificationStatus", _VERIFIED, "entered-in-error")},
            {"properties": {"category": {"contains": _PROBLEM}}, "required": ["category"]},
        ),
        "A problem-list item has a clinicalStatus.",
        _CONDITION,
        "warning",
    ),
    Invariant(
        "con-4",
        "Condition",
        _all(_has_choice("abatement"), {"not": _coded("clinicalStatus", _CLINICAL, *_OVER)}),
        "A condition with an abatement is resolved, in remission or inactive (con-3 in R5).",
        _CONDITION,
    ),
    Invariant(
        "con-5",
        "Condition",
        _all(_has("clinicalStatus"), _coded("verificationStatus", _VERIFIED, "entered-in-error")),
        "A condition entered in error has no clinicalStatus.",
        _CONDITION,
        releases=("R4",),
    ),
    Invariant(
        "obs-3",
        "Observation.referenceRange",
        _lacks("low", "high", "text"),
        "A reference range has low, high or text.",
        _RESOURCE.format("observation"),
    ),
    Invariant(
        "obs-6",
        "Observation",
        _all(_has("dataAbsentReason"), _has_choice("value")),
        "An Observation has a value or the reason for its absence, not both.",
        _RESOURCE.format("observation"),
    ),
    Invariant(
        "obs-8",
        "Observation",
        _all(_has("bodySite"), _has("bodyStructure")),
        "An Observation has bodySite or bodyStructure, not both.",
        "https://hl7.org/fhir/R5/observation.html#invs",
        releases=("R5",),
    ),
    Invariant(
        "mad-1",
        "MedicationAdministration.dosage",
        _all(_lacks("dose"), _lacks_choice("rate")),
        "The dosage of an administration has a dose or a rate.",
        _RESOURCE.format("medicationadministration"),
        releases=("R4",),
    ),
    Invariant(
        "org-1",
        "Organization",
        _lacks("identifier", "name"),
        "An Organization has a name or an identifier.",
        _RESOURCE.format("organization"),
    ),
    Invariant(
        "ait-1",
        "AllergyIntolerance",
        _all(_lacks("clinicalStatus"), {"not": _coded("verificationStatus", _ALLERGY_VERIFIED, "entered-in-error")}),
        "An allergy has a clinicalStatus unless it was entered in error.",
        _RESOURCE.format("allergyintolerance"),
        releases=("R4",),
    ),
    Invariant(
        "ait-2",
        "AllergyIntolerance",
        _all(_has("clinicalStatus"), _coded("verificationStatus", _ALLERGY_VERIFIED, "entered-in-error")),
        "An allergy entered in error has no clinicalStatus.",
        _RESOURCE.format("allergyintolerance"),
        releases=("R4",),
    ),
    Invariant(
        "cmp-1",
        "Composition.section",
        _lacks("text", "entry", "section"),
        "A section has a text, entries or sections.",
        _RESOURCE.format("composition"),
    ),
    Invariant(
        "cmp-2",
        "Composition.section",
        _all(_has("emptyReason"), _has("entry")),
        "A section with entries has no emptyReason.",
        _RESOURCE.format("composition"),
    ),
    Invariant(
        "fhs-1",
        "FamilyMemberHistory",
        _all(_has_choice("age"), _has_choice("born")),
        "A relative has an age or a birth, not both.",
        _RESOURCE.format("familymemberhistory"),
    ),
    Invariant(
        "lst-1",
        "List",
        _all(_has("emptyReason"), _has("entry")),
        "A list with entries has no emptyReason.",
        _RESOURCE.format("list"),
    ),
    Invariant(
        "qrs-1",
        "QuestionnaireResponse.item",
        _all(_has("answer"), _has("item")),
        "An item has answers or items, not both.",
        _RESOURCE.format("questionnaireresponse"),
    ),
    Invariant(
        "grp-1",
        "Group",
        _all(_has("member"), {"not": {"properties": {"actual": {"const": True}}, "required": ["actual"]}}),
        "Only an actual group has members.",
        _RESOURCE.format("group"),
        releases=("R4",),
    ),
    Invariant(
        "ctm-2",
        "CareTeam.participant",
        _lacks("role", "member"),
        "A participant has a role or a member.",
        "https://hl7.org/fhir/R5/careteam.html#invs",
        "warning",
        ("R5",),
    ),
)

_NOT_REQUESTS = (
    "document",
    "message",
    "collection",
    "searchset",
    "transaction-response",
    "batch-response",
)


def _some_entry(*parts: Schema) -> Schema:
    return {"properties": {"entry": {"contains": _all(*parts)}}, "required": ["entry"]}


def _not_first(kind: str) -> Schema:
    first = {
        "properties": {"resource": {"properties": {"resourceType": {"const": kind}}, "required": ["resourceType"]}},
        "required": ["resource"],
    }
    return {"not": {"properties": {"entry": {"prefixItems": [first], "minItems": 1}}, "required": ["entry"]}}


_BUNDLE = _RESOURCE.format("bundle")
_OF_BUNDLES = (
    Invariant(
        "bdl-1",
        "Bundle",
        _all(_has("total"), {"not": _is("type", "searchset", "history")}),
        "Only a searchset or history has a total.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-2",
        "Bundle",
        _all(_some_entry(_has("search")), {"not": _is("type", "searchset")}),
        "Only entries of a searchset have search.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-3",
        "Bundle",
        _any(
            _all(_some_entry(_lacks("request")), _is("type", "batch", "transaction", "history")),
            _all(_some_entry(_has("request")), _is("type", *_NOT_REQUESTS)),
        ),
        "Entries of a batch, transaction or history have a request, and no others do.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-4",
        "Bundle",
        _any(
            _all(_some_entry(_lacks("response")), _is("type", "batch-response", "transaction-response", "history")),
            _all(
                _some_entry(_has("response")),
                _is("type", "document", "message", "collection", "searchset", "batch", "transaction"),
            ),
        ),
        "Entries of a response or history have a response, and no others do.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-5",
        "Bundle.entry",
        _lacks("resource", "request", "response"),
        "An entry has a resource, a request or a response.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-8",
        "Bundle.entry",
        {"properties": {"fullUrl": {"pattern": "/_history/"}}, "required": ["fullUrl"]},
        "A fullUrl names no version.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-9",
        "Bundle",
        _all(
            _is("type", "document"),
            {"not": {"properties": {"identifier": _all(_has("system"), _has("value"))}, "required": ["identifier"]}},
        ),
        "A document has an identifier with system and value.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-10",
        "Bundle",
        _all(_is("type", "document"), {"not": {"required": ["timestamp"]}}),
        "A document has a timestamp.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-11",
        "Bundle",
        _all(_is("type", "document"), _not_first("Composition")),
        "A document begins with a Composition.",
        _BUNDLE,
    ),
    Invariant(
        "bdl-12",
        "Bundle",
        _all(_is("type", "message"), _not_first("MessageHeader")),
        "A message begins with a MessageHeader.",
        _BUNDLE,
    ),
)

INVARIANTS: tuple[Invariant, ...] = (*_OF_DATA_TYPES, *_OF_TIMINGS, *_OF_RESOURCES, *_OF_BUNDLES)
