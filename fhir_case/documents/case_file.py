"""Read the cases of a file as the Bundles that they become, and locate each finding in that file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError
from fhir_case.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from fhir_case.case import Case
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource
    from fhir_case.readers import CaseRead, Reader

__all__ = ["SUFFIXES", "located", "read_case_files"]

SUFFIXES = (".yaml", ".yml")

BundleOfCase = tuple["Resource | None", dict[str, str], tuple[Issue, ...]]


def read_case_files(
    path: Path, reader: Reader, *, fhir: FhirVersion = "R4", mapping_files: Sequence[Path] = ()
) -> Iterator[tuple[str, BundleOfCase]]:
    """
    Return of each case of a file its name, its Bundle, the location of the entry behind each ``Type/id``, and findings.

    What is not a case has no Bundle, and a finding for each of its mistakes; a case may have warnings, and tells what
    of the file it does not hold. The name is empty for a file of one case.

    Args:
        path: The file.
        reader: The reader that knows its format.
        fhir: The release in which the Bundles are built.
        mapping_files: Python files with further mappings.
    """
    from fhir_case.readers import read_cases

    for read in read_cases(path, reader, mapping_files=mapping_files):
        yield read.name, _bundle_of(read, fhir, mapping_files)


def _bundle_of(read: CaseRead, fhir: FhirVersion, mapping_files: Sequence[Path]) -> BundleOfCase:
    from fhir_case.bundle import build_bundle

    issues = [Issue("information", "case", f"not carried over: {one}") for one in read.unused]
    if read.case is None:
        wrong = read.error.problems if read.error else ()
        return None, {}, (*(Issue("error", "case", str(problem)) for problem in wrong), *issues)
    case = read.case
    try:
        bundle = build_bundle(case, fhir=fhir, mapping_files=mapping_files, warn=issues.append)
    except BundleError as error:
        return None, {}, (Issue("error", "case", str(error)),)
    locations = _locations(case)
    found = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        key = _key_of(str(resource["id"]).removeprefix(f"{case.case}-"), locations)
        if key:
            found[f"{resource['resourceType']}/{resource['id']}"] = locations[key]
    return bundle, found, tuple(issues)


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
