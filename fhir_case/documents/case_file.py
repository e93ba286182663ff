"""Take a case file for what it becomes, and say for each finding which line of the case it comes from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError, CaseError
from fhir_case.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fhir_case.case import Case
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource

__all__ = ["SUFFIXES", "located", "read_case_file"]

SUFFIXES = (".yaml", ".yml")


def read_case_file(
    path: Path, *, fhir: FhirVersion = "R4"
) -> tuple[Resource | None, dict[str, str], tuple[Issue, ...]]:
    """
    Return the Bundle of a case file, the place of the entry behind each ``Type/id``, and what is wrong with the file.

    The Bundle is built in the release of FHIR that is asked for.

    A file that is not a case has no Bundle, and a finding for each of its mistakes.
    """
    from fhir_case.bundle import build_bundle
    from fhir_case.mapping import load_case

    try:
        case = load_case(path)
        bundle = build_bundle(case, fhir=fhir)
    except CaseError as error:
        return None, {}, tuple(Issue("error", "case", str(problem)) for problem in error.problems)
    except BundleError as error:
        return None, {}, (Issue("error", "case", str(error)),)
    places = _places(case)
    found = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        key = _key_of(str(resource["id"]).removeprefix(f"{case.case}-"), places)
        if key:
            found[f"{resource['resourceType']}/{resource['id']}"] = places[key]
    return bundle, found, ()


def located(issue: Issue, places: Mapping[str, str]) -> Issue:
    """Add to a finding the line of the case that it comes from, where one is known."""
    place = places.get(issue.resource)
    return replace(issue, message=f"{issue.message} (from {place})") if place else issue


def _places(case: Case) -> dict[str, str]:
    places = {entry.key: str(entry.place) for _, entry in case.entries() if entry.place}
    for section in case.sections:
        entry = None if section.is_list else getattr(case, section.name)
        if entry is not None and entry.place:
            places |= dict.fromkeys(section.keys, str(entry.place))
    return places


def _key_of(key: str, places: Mapping[str, str]) -> str:
    """Return the entry of a resource: that of its key, or the longest that its key goes on from (``tare-device``)."""
    begins = [known for known in places if key == known or key.startswith(f"{known}-")]
    return max(begins, key=len, default="")
