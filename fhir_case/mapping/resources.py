"""The parts that many mappings share: a resource with its text, and an Observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.case import KeyedEntry
from fhir_case.fhir.datatypes import annotation, category, narrative, reference
from fhir_case.mapping.dating import dated, moment_words

if TYPE_CHECKING:
    from fhir_case.case import Case, Entry, When
    from fhir_case.fhir.wire import Resource

__all__ = ["PATIENT", "PERFORMER", "observation", "resource"]

# The report does not name who treated, so the performer has words and no resource.
PERFORMER = [{"display": "treating hospital, not named in the report"}]
PATIENT = reference("Patient", "patient")


def resource(
    resource_type: str, key: str, entry: Entry, *lines: str, profile: str | None = None, **elements: object
) -> Resource:
    """
    Return a resource with its generated text; elements without a value are left out.

    The lines say what was done or found, and when, in plain sentences. What other elements say (body site, method,
    interpretation, reasons, suspects, components, focus, members, encounter …) follows by itself, unless a line has it;
    `moment_words` names the event that a time counts from by the words of its resource. The note of the entry belongs
    to the resource that has its key, and to one that is given the element ``note``.

    Args:
        key: The business key, unique for the type.
        entry: The entry that it is made of; its place in the report ends the text.
        lines: The text, one paragraph each.
        profile: The canonical URL of the profile that it claims.
    """
    main = key == entry.key if isinstance(entry, KeyedEntry) else resource_type == type(entry).__name__
    note = entry.note if main or "note" in elements else None
    return {
        "resourceType": resource_type,
        "id": key,
        **({"meta": {"profile": [profile]}} if profile else {}),
        "text": narrative(*map(_sentence, (*lines, note or "", f"Source: report, {entry.source}"))),
        **{name: value for name, value in elements.items() if value not in (None, [], {}, "")},
    }


def _sentence(line: str) -> str:
    """Return a line with a full stop, which free text may lack; one word is no sentence."""
    line = line.rstrip()
    return f"{line}." if " " in line and line[-1] not in ".!?:;…" else line


def observation(
    case: Case,
    entry: KeyedEntry,
    *,
    kind: str,
    code: dict[str, Any],
    value: dict[str, Any],
    words: str,
    at: When,
    profile: str,
    key: str | None = None,
    **elements: object,
) -> Resource:
    """
    Return a final Observation about the patient.

    Args:
        kind: The category, a code of observation-category.
        value: The ``value[x]`` element, or ``{}``.
        words: The result in words, for the text.
        key: The business key, where it is not that of the entry.

    Source: https://hl7.org/fhir/R4/observation.html
    """
    when = moment_words(case, at)
    return resource(
        "Observation",
        key or entry.key,
        entry,
        f"{code['text']}: {words} ({when}).",
        profile=profile,
        status="final",
        category=category(kind),
        code=code,
        subject=PATIENT,
        **dated(case, "effectiveDateTime", at, entry if key is None else None),
        **{"performer": PERFORMER, **value, **(annotation(entry.note) if key in {None, entry.key} else {}), **elements},
    )
