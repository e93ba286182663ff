"""Say that claimed profiles were not checked. The check itself needs the HL7 validation engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.validation.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Issue
    from fhir_case.validation.subject import Subject

__all__ = ["PROFILES"]


def _claimed(subject: Subject) -> set[str]:
    found: set[str] = set()
    for located in subject.resources:
        meta = located.resource.get("meta")
        profiles = meta.get("profile") if isinstance(meta, dict) else None
        found.update(one for one in (profiles if isinstance(profiles, list) else []) if isinstance(one, str))
    return found


def _profiles(subject: Subject) -> Iterator[Issue]:
    count = len(_claimed(subject))
    names = "1 profile is" if count == 1 else f"{count} profiles are"
    raise CheckerError(
        f"{names} claimed, and checking them needs the HL7 validation engine (Java), which is not used here"
    )


def _unless_claimed(subject: Subject) -> str:
    return "" if _claimed(subject) else "no profile is claimed"


PROFILES = Check(
    "profiles",
    "Resources fit the profiles that they claim in meta.profile.",
    "https://hl7.org/fhir/R4/profiling.html",
    _profiles,
    _unless_claimed,
)
