"""Read a case file as the Bundle that it becomes, and locate each finding in the case file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError, CaseError
from fhir_case.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fhir_case.case import Case
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource

__all__ = ["SUFFIXES", "located", "read_case_file"]

SUFFIXES = (".yaml", ".yml")


def read_case_file(
    path: Path, *, fhir: FhirVersion = "R4", mapping_files: Sequence[Path] = ()
) -> tuple[Resource | None, dict[str, str], tuple[Issue, ...]]:
    """
    Return the Bundle of a case file, the location of the entry behind each ``Type/id``, and the findings of the file.

    A file that is not a case has no Bundle, and a finding for each of its mistakes; a case may have warnings.

    Args:
        path: The file.
        fhir: The release in which the Bundle is built.
        mapping_files: Python files with further mappings.
    """
    from fhir_case.bundle import build_bundle
    from fhir_case.mapping import load_case

    try:
        case = load_case(path, mapping_files=mapping_files)
        warnings: list[Issue] = []
        bundle = build_bundle(case, fhir=fhir, mapping_files=mapping_files, warn=warnings.append)
    except CaseError as error:
        return None, {}, tuple(Issue("error", "case", str(problem)) for problem in error.problems)
    except BundleError as error:
        return None, {}, (Issue("error", "case", str(error)),)
    locations = _locations(case)
    found = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        key = _key_of(str(resource["id"]).removeprefix(f"{case.case}-"), locations)
        if key:
            found[f"{resource['resourceType']}/{resource['id']}"] = locations[key]
    return bundle, found, tuple(warnings)


def located(issue: Issue, locations: Mapping[str, str]) -> Issue:
    """Return a finding with the line of the case file that its resource is from, where it is known."""
    location = locations.get(issue.resource)
    return replace(issue, message=f"{issue.message} (from {location})") if location else issue


def _locations(case: Case) -> dict[str, str]:
    locations = {entry.key: str(entry.place) for _, entry in case.entries() if entry.place}
    for section in case.sections:
        entry = None if section.is_list else getattr(case, section.name)
        if entry is not None and entry.place:
            locations |= dict.fromkeys(section.keys, str(entry.place))
    return locations


def _key_of(key: str, locations: Mapping[str, str]) -> str:
    """Return the entry of a resource: that with its key, or with the longest prefix (``tare`` of ``tare-device``)."""
    begins = [known for known in locations if key == known or key.startswith(f"{known}-")]
    return max(begins, key=len, default="")
