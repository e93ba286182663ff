"""Build the Bundle of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fhir_case.bundle.composition import composition
from fhir_case.bundle.naming import business_key, id_of, named
from fhir_case.bundle.record import recorded, software_and_provenance
from fhir_case.bundle.rendering import FORMS, Form, rendered
from fhir_case.errors import BundleError, FhirCaseError, MappingError
from fhir_case.fhir.datatypes import TEST_DATA
from fhir_case.fhir.identity import NAMESPACE_PATTERN
from fhir_case.fhir.references import references_in
from fhir_case.fhir.validators import quick_validators
from fhir_case.mapping.cancer import has_cancer
from fhir_case.mapping.discovery import sections_of
from fhir_case.mapping.precision import without_unmet_profiles
from fhir_case.mapping.running import run_mappings
from fhir_case.mapping.warnings import case_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from fhir_case.case import Case
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import Issue
    from fhir_case.mapping import FoundMapping
    from fhir_case.mapping.running import Mapped

__all__ = ["build_bundle"]


def build_bundle(
    case: Case,
    *,
    type: Form = "transaction",  # noqa: A002 - the name of the element
    index_date: date | None = None,
    namespace: str | None = None,
    profiles: Literal["mcode", "none"] = "mcode",
    narratives: bool = True,
    fhir: FhirVersion = "R4",
    mappings: Sequence[FoundMapping] | None = None,
    mapping_files: Sequence[Path] = (),
    warn: Callable[[Issue], None] | None = None,
) -> Resource:
    """
    Turn a case into one FHIR Bundle.

    Args:
        type: ``transaction`` to load it (every entry a PUT by id), ``collection`` to hand it on (mCODE patient bundle),
            ``document`` to read it: a Composition has the resources in the sections of a case report.
        index_date: Another day for the anchor of the case; all computed days move with it.
        namespace: Begin of every id and identifier; the id of the case when absent. Two namespaces live side by side on
            one server.
        profiles: ``none`` leaves the profiles out of ``meta``. So does R5: mCODE and US Core exist for R4 only.
        narratives: Whether each resource has a text for people; without it validators remark on that (dom-6).
        fhir: The release to build in. Both carry the same facts, under the same ids.
        mappings: The mappings to use; all that are installed when absent.
        mapping_files: Python files with further mappings.
        warn: Called with each warning about the case: a unit without a code, a date that a profile does not take, an
            order that the dates turn round.

    Raises:
        BundleError: The namespace is not allowed.
        CaseError: The times of the case cannot be computed.
        MappingError: A mapping failed, two give the same resource, or one gave no valid resource, or none that can be
            written in R5.
    """
    namespace = _namespace(case, namespace, type, fhir)
    if index_date is not None:
        case = case.moved_to(index_date)
    if mappings is None:
        from fhir_case.mapping import discover

        mappings = discover(mapping_files, {section.name for section in case.sections})
    mapped = run_mappings(case, mappings)
    _warn_of(case, mapped, warn, claiming=fhir == "R4" and profiles == "mcode")
    given = _with_record(case, mapped, type, fhir)
    _refuse_entries_without_resource(case, given, mappings)
    known = {business_key(one) for one in given}
    security = () if case.report.real_patients else (TEST_DATA,)
    resources = [named(one, namespace, known, security) for one in given]
    made_of = {id_of(name, namespace): made for name, made in mapped.items()}
    if fhir == "R5":
        resources = _in_r5(resources, made_of)
    elif profiles == "none":
        resources = [_without_profile(one) for one in resources]
    if not narratives:
        resources = [_without_text(one) for one in resources]
    _check_elements(resources, fhir, made_of)
    mcode = fhir == "R4" and profiles == "mcode" and has_cancer(case)
    return rendered(resources, type, namespace, timestamp=recorded(case), mcode=mcode, security=security)


def _namespace(case: Case, namespace: str | None, form: str, fhir: str) -> str:
    """Return the begin of all ids, and refuse what no Bundle can be made with."""
    if fhir not in {"R4", "R5"}:
        raise FhirCaseError(f"cases are not built in FHIR '{fhir}'", hint="choose R4 or R5")
    if form not in FORMS:
        raise FhirCaseError(f"'{form}' is not a form of Bundle", hint=f"write {', '.join(FORMS)}")
    namespace = namespace or case.case
    if not NAMESPACE_PATTERN.match(namespace):
        raise BundleError(
            f"'{namespace}' is not a namespace",
            hint="write lower-case words joined by hyphens, beginning with a letter",
        )
    return namespace


def _with_record(case: Case, mapped: dict[str, Mapped], form: Form, fhir: FhirVersion) -> list[Resource]:
    """Return what the mappings give, the Composition of a document, and how all of it was made."""
    given = [one.resource for one in mapped.values()]
    if fhir == "R5":
        given = [part for one in mapped.values() for part in _separated(one)]
    own = [composition(case, given)] if form == "document" else []
    own += software_and_provenance(case, [business_key(one) for one in (*given, *own)])
    for one in own:
        if (made := mapped.get(business_key(one))) is not None:
            hint = "give the resource another key"
            raise MappingError(f"{made.name} of {made.origin} is what the Bundle makes by itself", hint=hint)
    return [*given, *own]


def _warn_of(case: Case, mapped: dict[str, Mapped], warn: Callable[[Issue], None] | None, *, claiming: bool) -> None:
    """Fit the claims of profiles to the dates, and hand on what is to be told of the case."""
    unmet = without_unmet_profiles(mapped.values()) if claiming else ()
    for issue in (*unmet, *case_warnings(case, mapped)):
        if warn is not None:
            warn(issue)


def _refuse_entries_without_resource(case: Case, resources: list[Resource], mappings: Sequence[FoundMapping]) -> None:
    """Refuse a reference to an entry that became no resource, as when a mapping gives it another id than its key."""
    mapped = {one.name for section in sections_of(mappings) for one in (section, *section.parts)}
    entries = ((section, entry) for section, entry in case.entries() if section.name in mapped)
    expected = {f"{section.resource}/{entry.key}": section.name for section, entry in entries}
    lost = expected.keys() - {business_key(one) for one in resources}
    for one in resources if lost else ():
        for target in sorted(lost.intersection(references_in(one))):
            raise MappingError(
                f"{business_key(one)} refers to {target}, an entry of {expected[target]}, and no mapping gives it",
                hint="return the resource of an entry with the key of the entry as its id",
            )


def _separated(made: Mapped) -> list[Resource]:
    from fhir_case.fhir.r5 import separated

    return list(separated(made.resource))


def _in_r5(resources: list[Resource], made_of: Mapping[str, Mapped]) -> list[Resource]:
    from fhir_case.fhir.r5 import to_r5

    identifiers: dict[str, dict[str, Any]] = {}
    for one in resources:
        own = one.get("identifier")  # ours comes first
        if own:
            identifiers[business_key(one)] = own[0] if isinstance(own, list) else own
    converted = []
    for one in resources:
        try:
            converted.append(to_r5(one, identifiers))
        except MappingError as error:
            made = made_of.get(business_key(one))
            hint = f"leave it out in {made.origin}, or build in R4" if made else error.hint
            raise MappingError(error.message, where=error.where, hint=hint) from error
    return converted


def _without_profile(resource: Resource) -> Resource:
    meta = {name: value for name, value in resource["meta"].items() if name != "profile"}
    return {**resource, "meta": meta}


def _without_text(resource: Resource) -> Resource:
    kept = {name: value for name, value in resource.items() if name != "text"}
    if resource["resourceType"] == "Composition":
        kept["section"] = [{name: part for name, part in one.items() if name != "text"} for one in kept["section"]]
    return kept


def _check_elements(resources: list[Resource], fhir: FhirVersion, made_of: Mapping[str, Mapped]) -> None:
    """
    Refuse what the FHIR models refuse: an element that does not exist, or one of the wrong type.

    They are asked about a resource that the strict schema refuses, which knows all that they know and takes a fiftieth
    of the time; for another reason, such as an invariant, nothing is refused here.
    """
    compiled = quick_validators(resources, fhir)
    for one in resources:
        place = business_key(one)
        made = made_of.get(place)
        validator = compiled.get(one["resourceType"])
        if validator is None:
            hint = f"mend {made.origin if made else 'the mapping that gave it'}"
            raise MappingError(f"FHIR {fhir} has no such resource type", where=place, hint=hint)
        if not _is_valid(one, validator):
            _refuse_unknown(one, place, made, fhir)


def _is_valid(resource: Resource, validator: Any) -> bool:
    try:
        return bool(validator.is_valid({resource["resourceType"]: resource}))
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _refuse_unknown(resource: Resource, place: str, made: Mapped | None, fhir: FhirVersion) -> None:
    from fhir_case.fhir.models import model_findings

    # A misspelt element is often a required one that is missing too: say what was written.
    for finding in sorted(model_findings(resource, fhir), key=lambda each: each.code == "required"):
        element = ".".join(str(step) for step in finding.path)
        origin = made.origin_of(str(finding.path[0]) if finding.path else "") if made else ""
        hint = f"mend {origin or 'the mapping that gave it'}"
        raise MappingError(finding.message, where=f"{place}: {element}", hint=hint)
