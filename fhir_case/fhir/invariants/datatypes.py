"""The invariants of data types that need no more than one element."""

from __future__ import annotations

from fhir_case.fhir.invariants.invariant import Invariant, all_of, any_of, has, has_choice, lacks, negative
from fhir_case.fhir.systems import UCUM

__all__ = ["TYPE_INVARIANTS"]


_NOT_UCUM = {"properties": {"system": {"not": {"const": UCUM}}}, "required": ["system"]}
_VALUE_WITHOUT_CODE = all_of(has("value"), lacks("code"))

_OF_DATA_TYPES = (
    Invariant(
        "ext-1",
        "Extension",
        any_of(
            {"maxProperties": 1},
            {"required": ["id", "url"], "maxProperties": 2},
            all_of({"required": ["extension"], "minProperties": 3}, has_choice("value")),
        ),
        "An extension has either a value or extensions of its own, not both and not neither.",
        page="extensibility.html#Extension",
    ),
    Invariant("qty-3", "Quantity", all_of(has("code"), lacks("system")), "A unit code needs its system."),
    Invariant("sqty-1", "SimpleQuantity", has("comparator"), "No comparator is allowed here."),
    Invariant(
        "age-1",
        "Age",
        any_of(_VALUE_WITHOUT_CODE, _NOT_UCUM, {"properties": {"value": {"maximum": 0}}, "required": ["value"]}),
        "An age has a UCUM code for its unit and is greater than 0.",
    ),
    Invariant(
        "drt-1",
        "Duration",
        all_of(has("code"), any_of(_NOT_UCUM, lacks("system"), lacks("value"))),
        "A duration with a code has the system UCUM and a value.",
    ),
    Invariant("dis-1", "Distance", any_of(_VALUE_WITHOUT_CODE, _NOT_UCUM), "A distance has a UCUM code for its unit."),
    Invariant(
        "cnt-3",
        "Count",
        any_of(_VALUE_WITHOUT_CODE, _NOT_UCUM, {"properties": {"code": {"not": {"const": "1"}}}, "required": ["code"]}),
        "A count has the UCUM code 1.",
    ),
    Invariant(
        "rat-1",
        "Ratio",
        any_of(
            all_of(has("numerator"), lacks("denominator")),
            all_of(lacks("numerator"), has("denominator")),
            lacks("numerator", "denominator", "extension"),
        ),
        "A ratio has numerator and denominator, or an extension that says why not.",
    ),
    Invariant(
        "att-1", "Attachment", all_of({"required": ["data"]}, lacks("contentType")), "Attached data need a contentType."
    ),
    Invariant(
        "cpt-2",
        "ContactPoint",
        all_of(has("value"), lacks("system")),
        "A contact value needs its system, such as phone or email.",
    ),
    Invariant(
        "ref-2",
        "Reference",
        lacks("reference", "identifier", "display", "extension"),
        "A reference has a reference, an identifier, a display or an extension.",
        releases=("R5",),
        page="references.html#invs",
    ),
    Invariant(
        "cod-1",
        "Coding",
        all_of(has("display"), lacks("code")),
        "A coding with a display has a code.",
        "warning",
        ("R5",),
    ),
)

_REPEAT = "Timing.repeat"
_OF_TIMINGS = (
    Invariant("tim-1", _REPEAT, all_of(has("duration"), lacks("durationUnit")), "A duration needs its unit."),
    Invariant("tim-2", _REPEAT, all_of(has("period"), lacks("periodUnit")), "A period needs its unit."),
    Invariant("tim-4", _REPEAT, negative("duration"), "A duration is not negative."),
    Invariant("tim-5", _REPEAT, negative("period"), "A period is not negative."),
    Invariant("tim-6", _REPEAT, all_of(has("periodMax"), lacks("period")), "A periodMax needs a period."),
    Invariant("tim-7", _REPEAT, all_of(has("durationMax"), lacks("duration")), "A durationMax needs a duration."),
    Invariant("tim-8", _REPEAT, all_of(has("countMax"), lacks("count")), "A countMax needs a count."),
    Invariant(
        "tim-9",
        _REPEAT,
        all_of(
            has("offset"),
            any_of(
                lacks("when"),
                {"properties": {"when": {"contains": {"enum": ["C", "CM", "CD", "CV"]}}}, "required": ["when"]},
            ),
        ),
        "An offset needs an event (when), and not one that is a meal itself.",
    ),
    Invariant("tim-10", _REPEAT, all_of(has("timeOfDay"), has("when")), "A timing has timeOfDay or when, not both."),
)

TYPE_INVARIANTS = (*_OF_DATA_TYPES, *_OF_TIMINGS)
