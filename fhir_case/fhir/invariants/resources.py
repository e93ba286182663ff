"""The invariants of resources that need no more than one resource."""

from __future__ import annotations

from typing import Any

from fhir_case.fhir.invariants.invariant import (
    Invariant,
    all_of,
    any_of,
    coded,
    concept,
    has,
    has_choice,
    is_one_of,
    lacks,
    lacks_choice,
)
from fhir_case.fhir.systems import ALLERGY_VERIFICATION, CONDITION_CATEGORY, CONDITION_CLINICAL, CONDITION_VERIFICATION

__all__ = ["RESOURCE_INVARIANTS"]

Schema = dict[str, Any]

_PROBLEM = concept(CONDITION_CATEGORY, "problem-list-item")
_OVER = ("resolved", "remission", "inactive")
_OF_RESOURCES = (
    Invariant(
        "pat-1",
        "Patient.contact",
        lacks("name", "telecom", "address", "organization"),
        "A contact has a name, telecom, address or organization.",
    ),
    Invariant("con-1", "Condition.stage", lacks("summary", "assessment"), "A stage has a summary or an assessment."),
    Invariant(
        "con-2", "Condition.evidence", lacks("code", "detail"), "An evidence has a code or a detail.", releases=("R4",)
    ),
    Invariant(
        "con-3",
        "Condition",
        all_of(
            lacks("clinicalStatus"),
            {"not": coded("verificationStatus", CONDITION_VERIFICATION, "entered-in-error")},
            {"properties": {"category": {"contains": _PROBLEM}}, "required": ["category"]},
        ),
        "A problem-list item has a clinicalStatus.",
        "warning",
    ),
    Invariant(
        "con-4",
        "Condition",
        all_of(has_choice("abatement"), {"not": coded("clinicalStatus", CONDITION_CLINICAL, *_OVER)}),
        "A condition with an abatement is resolved, in remission or inactive (con-3 in R5).",
    ),
    Invariant(
        "con-5",
        "Condition",
        all_of(has("clinicalStatus"), coded("verificationStatus", CONDITION_VERIFICATION, "entered-in-error")),
        "A condition entered in error has no clinicalStatus.",
        releases=("R4",),
    ),
    Invariant(
        "obs-3", "Observation.referenceRange", lacks("low", "high", "text"), "A reference range has low, high or text."
    ),
    Invariant(
        "obs-6",
        "Observation",
        all_of(has("dataAbsentReason"), has_choice("value")),
        "An Observation has a value or the reason for its absence, not both.",
    ),
    Invariant(
        "obs-8",
        "Observation",
        all_of(has("bodySite"), has("bodyStructure")),
        "An Observation has bodySite or bodyStructure, not both.",
        releases=("R5",),
    ),
    Invariant(
        "mad-1",
        "MedicationAdministration.dosage",
        all_of(lacks("dose"), lacks_choice("rate")),
        "The dosage of an administration has a dose or a rate.",
        releases=("R4",),
    ),
    Invariant("org-1", "Organization", lacks("identifier", "name"), "An Organization has a name or an identifier."),
    Invariant(
        "ait-1",
        "AllergyIntolerance",
        all_of(lacks("clinicalStatus"), {"not": coded("verificationStatus", ALLERGY_VERIFICATION, "entered-in-error")}),
        "An allergy has a clinicalStatus unless it was entered in error.",
        releases=("R4",),
    ),
    Invariant(
        "ait-2",
        "AllergyIntolerance",
        all_of(has("clinicalStatus"), coded("verificationStatus", ALLERGY_VERIFICATION, "entered-in-error")),
        "An allergy entered in error has no clinicalStatus.",
        releases=("R4",),
    ),
    Invariant(
        "cmp-1", "Composition.section", lacks("text", "entry", "section"), "A section has a text, entries or sections."
    ),
    Invariant(
        "cmp-2",
        "Composition.section",
        all_of(has("emptyReason"), has("entry")),
        "A section with entries has no emptyReason.",
    ),
    Invariant(
        "fhs-1",
        "FamilyMemberHistory",
        all_of(has_choice("age"), has_choice("born")),
        "A relative has an age or a birth, not both.",
    ),
    Invariant("lst-1", "List", all_of(has("emptyReason"), has("entry")), "A list with entries has no emptyReason."),
    Invariant(
        "qrs-1",
        "QuestionnaireResponse.item",
        all_of(has("answer"), has("item")),
        "An item has answers or items, not both.",
    ),
    Invariant(
        "grp-1",
        "Group",
        all_of(has("member"), {"not": {"properties": {"actual": {"const": True}}, "required": ["actual"]}}),
        "Only an actual group has members.",
        releases=("R4",),
    ),
    Invariant(
        "ctm-2",
        "CareTeam.participant",
        lacks("role", "member"),
        "A participant has a role or a member.",
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
    return {"properties": {"entry": {"contains": all_of(*parts)}}, "required": ["entry"]}


def _not_first(kind: str) -> Schema:
    first = {
        "properties": {"resource": {"properties": {"resourceType": {"const": kind}}, "required": ["resourceType"]}},
        "required": ["resource"],
    }
    return {"not": {"properties": {"entry": {"prefixItems": [first], "minItems": 1}}, "required": ["entry"]}}


_OF_BUNDLES = (
    Invariant(
        "bdl-1",
        "Bundle",
        all_of(has("total"), {"not": is_one_of("type", "searchset", "history")}),
        "Only a searchset or history has a total.",
    ),
    Invariant(
        "bdl-2",
        "Bundle",
        all_of({"not": is_one_of("type", "searchset")}, _some_entry(has("search"))),
        "Only entries of a searchset have search.",
    ),
    Invariant(
        "bdl-3",
        "Bundle",
        any_of(
            all_of(is_one_of("type", "batch", "transaction", "history"), _some_entry(lacks("request"))),
            all_of(is_one_of("type", *_NOT_REQUESTS), _some_entry(has("request"))),
        ),
        "Entries of a batch, transaction or history have a request, and no others do.",
    ),
    Invariant(
        "bdl-4",
        "Bundle",
        any_of(
            all_of(
                is_one_of("type", "batch-response", "transaction-response", "history"), _some_entry(lacks("response"))
            ),
            all_of(
                is_one_of("type", "document", "message", "collection", "searchset", "batch", "transaction"),
                _some_entry(has("response")),
            ),
        ),
        "Entries of a response or history have a response, and no others do.",
    ),
    Invariant(
        "bdl-5",
        "Bundle.entry",
        lacks("resource", "request", "response"),
        "An entry has a resource, a request or a response.",
    ),
    Invariant(
        "bdl-8",
        "Bundle.entry",
        {"properties": {"fullUrl": {"pattern": "/_history/"}}, "required": ["fullUrl"]},
        "A fullUrl names no version.",
    ),
    Invariant(
        "bdl-9",
        "Bundle",
        all_of(
            is_one_of("type", "document"),
            {"not": {"properties": {"identifier": all_of(has("system"), has("value"))}, "required": ["identifier"]}},
        ),
        "A document has an identifier with system and value.",
    ),
    Invariant(
        "bdl-10",
        "Bundle",
        all_of(is_one_of("type", "document"), {"not": {"required": ["timestamp"]}}),
        "A document has a timestamp.",
    ),
    Invariant(
        "bdl-11",
        "Bundle",
        all_of(is_one_of("type", "document"), _not_first("Composition")),
        "A document begins with a Composition.",
    ),
    Invariant(
        "bdl-12",
        "Bundle",
        all_of(is_one_of("type", "message"), _not_first("MessageHeader")),
        "A message begins with a MessageHeader.",
    ),
)

RESOURCE_INVARIANTS = (*_OF_RESOURCES, *_OF_BUNDLES)
