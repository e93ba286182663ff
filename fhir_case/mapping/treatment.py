"""What all treatments share: whether a cancer is treated, the intent, and why a treatment ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import extension
from fhir_case.fhir.systems import MCODE, SNOMED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.case import Case, Concept, Entry
    from fhir_case.mapping.concepts import Codes

__all__ = ["intent_extension", "reason_of_end", "treats_cancer"]

# The codes that the invariants of mCODE 4.0.0 allow beside the status "stopped" and beside no other.
_TERMINATION_REASONS = frozenset({
    "182992009", "266721009", "407563006", "160932005", "105480006", "184081006", "309846006", "399307001",
    "419620001", "7058009", "443729008", "77386006",
})  # fmt: skip


def treats_cancer(case: Case, reasons: Iterable[str]) -> bool:
    """Whether one of the conditions that a treatment is given for is a cancer."""
    keys = frozenset(reasons)
    return any(entry.is_cancer for _, entry in case.entries() if entry.key in keys)


def intent_extension(codes: Codes, intent: Concept | None, entry: Entry) -> list[dict[str, Any]]:
    """
    Return the extension for the intent of a treatment, by the table ``intents``.

    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-procedure-intent.html
    """
    if intent is None:
        return []
    concept = codes.concept("intents", intent, entry)
    return [extension(MCODE + "mcode-procedure-intent", valueCodeableConcept=concept)]


def reason_of_end(concept: dict[str, Any], status: str) -> dict[str, Any]:
    """
    Return why a treatment ended as the profiles of mCODE take it: a coded reason of theirs stands with "stopped" alone.

    What they do not take stays in its words.

    Args:
        concept: The reason, with words.
        status: The status of the resource that it goes into.

    Source: the invariants termination-reason-code-invariant and termination-reason-invariant of mCODE 4.0.0
    """
    theirs = any(one["system"] == SNOMED and one["code"] in _TERMINATION_REASONS for one in concept.get("coding", ()))
    return concept if theirs == (status == "stopped") or "coding" not in concept else {"text": concept["text"]}
