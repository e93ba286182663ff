"""
Assemble one Bundle of the resources that the mappings give.

The mappings speak in business keys. Here each resource gets its logical id, its business identifier and the label that
says it is test data; references by key become references by id; Provenance says what was made of what. The result is
sorted and the same to the byte for the same case. All of this is R4, as the mappings are; for R5 each resource is then
converted by `fhir_case.fhir.r5`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fhir_case.errors import BundleError, FhirCaseError, MappingError
from fhir_case.fhir.datatypes import TEST_DATA, code_of, narrative, reference
from fhir_case.fhir.identity import NAMESPACE_PATTERN, full_url, identifier, is_logical_id, logical_id
from fhir_case.fhir.references import references_in
from fhir_case.fhir.systems import DATA_OPERATION, MCODE, PROVENANCE_PARTICIPANT
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

# A reader meets the patient first; the record of its making comes last.
_ORDER = (
    "Patient",
    "Condition",
    "BodyStructure",
    "ImagingStudy",
    "DiagnosticReport",
    "Observation",
    "Procedure",
    "Device",
)
_LAST = ("DocumentReference", "Provenance")


def build_bundle(
    case: Case,
    *,
    type: Literal["transaction", "collection"] = "transaction",  # noqa: A002 - the name of the element
    index_date: date | None = None,
    namespace: str | None = None,
    profiles: Literal["mcode", "none"] = "mcode",
    fhir: FhirVersion = "R4",
    mappings: Sequence[FoundMapping] | None = None,
    mapping_files: Sequence[Path] = (),
    warn: Callable[[Issue], None] | None = None,
) -> Resource:
    """
    Turn a case into one FHIR Bundle.

    Args:
        type: ``transaction`` to load it (every entry a PUT by id), ``collection`` to hand it on (mCODE patient bundle).
        index_date: Another day for the anchor of the case; all computed days move with it.
        namespace: Begin of every id and identifier; the id of the case when absent. Two namespaces live side by side on
            one server.
        profiles: ``none`` leaves the profiles out of ``meta``. So does R5: mCODE and US Core exist for R4 only.
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
    if fhir not in {"R4", "R5"}:
        raise FhirCaseError(f"cases are not built in FHIR '{fhir}'", hint="choose R4 or R5")
    if index_date is not None:
        case = case.moved_to(index_date)
    namespace = namespace or case.case
    if not NAMESPACE_PATTERN.match(namespace):
        raise BundleError(
            f"'{namespace}' is not a namespace",
            hint="write lower-case words joined by hyphens, beginning with a letter",
        )
    if mappings is None:
        from fhir_case.mapping import discover

        mappings = discover(mapping_files)
    mapped = run_mappings(case, mappings)
    _warn_of(case, mapped, warn, claiming=fhir == "R4" and profiles == "mcode")
    given = [one.resource for one in mapped.values()]
    if fhir == "R5":
        given = [part for one in mapped.values() for part in _separated(one)]
    for one in _record(case, [_business_key(one) for one in given]):
        if (made := mapped.get(_business_key(one))) is not None:
            hint = "give the resource another key"
            raise MappingError(f"{made.name} of {made.origin} is what the Bundle makes by itself", hint=hint)
        given.append(one)
    _refuse_entries_without_resource(case, given, mappings)
    known = {_business_key(one) for one in given}
    named = [_named(one, namespace, known) for one in given]
    made_of = {_id_of(name, namespace): made for name, made in mapped.items()}
    if fhir == "R5":
        named = _in_r5(named, made_of)
    elif profiles == "none":
        named = [_without_profile(one) for one in named]
    named.sort(key=_rank)
    _check_models(named, fhir, made_of)
    return _rendered(named, type, namespace, mcode=fhir == "R4" and profiles == "mcode" and has_cancer(case))


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
    lost = expected.keys() - {_business_key(one) for one in resources}
    for one in resources if lost else ():
        for target in sorted(lost.intersection(references_in(one))):
            raise MappingError(
                f"{_business_key(one)} refers to {target}, an entry of {expected[target]}, and no mapping gives it",
                hint="return the resource of an entry with the key of the entry as its id",
            )


def _separated(made: Mapped) -> list[Resource]:
    from fhir_case.fhir.r5 import separated

    return list(separated(made.resource))


def _record(case: Case, targets: list[str]) -> list[Resource]:
    """Return the Provenance of all resources and the software that assembled them."""
    from importlib.metadata import version

    software = version("fhir-case")
    device: Resource = {
        "resourceType": "Device",
        "id": "software",
        "text": narrative(f"fhir-case {software}, the software that assembled this record."),
        "status": "active",
        "deviceName": [{"name": "fhir-case", "type": "user-friendly-name"}],
        "type": {"text": "software"},
        "version": [{"value": software}],
    }
    # The day on which the case file was written from the report; its time of day is not known.
    recorded = f"{case.report.transcribed.isoformat()}T00:00:00Z"
    assembler = code_of(PROVENANCE_PARTICIPANT, "assembler", "Assembler")
    provenance: Resource = {
        "resourceType": "Provenance",
        "id": "provenance",
        "text": narrative(f"Made by fhir-case {software} from: {case.report.citation}"),
        "target": [{"reference": target} for target in sorted(targets)],
        "recorded": recorded,
        "activity": code_of(DATA_OPERATION, "CREATE", "create"),
        "agent": [{"type": assembler, "who": reference("Device", "software")}],
        "entity": [{"role": "source", "what": reference("DocumentReference", "report")}],
    }
    return [device, provenance]


def _business_key(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _named(resource: Resource, namespace: str, known: set[str]) -> Resource:
    """Return a resource its id, identifier and label, and turn keys into ids in its references."""
    kind, key = resource["resourceType"], resource["id"]
    new_id = logical_id(namespace, key)
    if not is_logical_id(new_id):
        raise MappingError(
            f"the id '{new_id}' is not allowed: at most 64 letters, digits, hyphens and points",
            hint="shorten the key of the entry, or the namespace",
        )
    own = identifier(kind, namespace, key)
    given = resource.get("identifier")
    if given is not None and own and isinstance(own["identifier"], list):
        if not isinstance(given, list):
            raise MappingError(f"the identifier of {kind} '{key}' is not a list", hint="write [{…}]")
        own = {"identifier": [*own["identifier"], *given]}
    elif given is not None:
        own = {"identifier": given}
    rest = {
        name: value
        for name, value in resource.items()
        if name not in {"resourceType", "id", "meta", "text", "identifier"}
    }
    return {
        "resourceType": kind,
        "id": new_id,
        "meta": {**resource.get("meta", {}), "security": [TEST_DATA]},
        **({"text": resource["text"]} if "text" in resource else {}),
        **own,
        **{name: _with_ids(value, namespace, known) for name, value in rest.items()},
    }


def _with_ids(value: Any, namespace: str, known: set[str]) -> Any:
    if isinstance(value, list):
        return [_with_ids(one, namespace, known) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _with_ids(part, namespace, known) for name, part in value.items()}
    target = value.get("reference")
    if isinstance(target, str) and target in known:
        changed["reference"] = _id_of(target, namespace)
    return changed


def _id_of(name: str, namespace: str) -> str:
    """Return ``Type/id`` for ``Type/key``."""
    kind, _, key = name.partition("/")
    return f"{kind}/{logical_id(namespace, key)}"


def _in_r5(resources: list[Resource], made_of: Mapping[str, Mapped]) -> list[Resource]:
    from fhir_case.fhir.r5 import to_r5

    identifiers: dict[str, dict[str, Any]] = {}
    for one in resources:
        own = one.get("identifier")  # ours comes first
        if own:
            identifiers[_business_key(one)] = own[0] if isinstance(own, list) else own
    converted = []
    for one in resources:
        try:
            converted.append(to_r5(one, identifiers))
        except MappingError as error:
            made = made_of.get(_business_key(one))
            hint = f"leave it out in {made.origin}, or build in R4" if made else error.hint
            raise MappingError(error.message, where=error.where, hint=hint) from error
    return converted


def _without_profile(resource: Resource) -> Resource:
    meta = {name: value for name, value in resource["meta"].items() if name != "profile"}
    return {**resource, "meta": meta}


def _rank(resource: Resource) -> tuple[int, str, str]:
    kind = resource["resourceType"]
    place = _ORDER.index(kind) if kind in _ORDER else len(_ORDER) + (1 + _LAST.index(kind) if kind in _LAST else 0)
    return place, kind, resource["id"]


def _check_models(resources: list[Resource], fhir: FhirVersion, made_of: Mapping[str, Mapped]) -> None:
    """Refuse what the FHIR models refuse: an element that does not exist, or one of the wrong type."""
    from fhir_case.fhir.models import has_model, model_findings

    for one in resources:
        place = _business_key(one)
        made = made_of.get(place)
        if not has_model(one["resourceType"], fhir):
            hint = f"mend {made.origin if made else 'the mapping that gave it'}"
            raise MappingError(f"FHIR {fhir} has no such resource type", where=place, hint=hint)
        # A misspelt element is often a required one that is missing too: say what was written.
        for finding in sorted(model_findings(one, fhir), key=lambda each: each.code == "required"):
            element = ".".join(str(step) for step in finding.path)
            origin = made.origin_of(str(finding.path[0]) if finding.path else "") if made else ""
            hint = f"mend {origin or 'the mapping that gave it'}"
            raise MappingError(finding.message, where=f"{place}: {element}", hint=hint)


def _rendered(resources: list[Resource], form: str, namespace: str, *, mcode: bool) -> Resource:
    if form not in {"transaction", "collection"}:
        raise FhirCaseError(f"'{form}' is not a form of Bundle", hint="write transaction or collection")
    patient = next((one["id"] for one in resources if one["resourceType"] == "Patient"), namespace)
    profile = {"profile": [MCODE + "mcode-patient-bundle"]} if form == "collection" and mcode else {}
    entries = []
    for one in resources:
        kind, resource_id = one["resourceType"], one["id"]
        entry: dict[str, Any] = {"fullUrl": full_url(kind, resource_id), "resource": one}
        if form == "transaction":
            entry["request"] = {"method": "PUT", "url": f"{kind}/{resource_id}"}
        entries.append(entry)
    # mCODE wants the id of its patient bundle to be that of the patient.
    return {
        "resourceType": "Bundle",
        "id": patient,
        "meta": {**profile, "security": [TEST_DATA]},
        "type": form,
        "entry": entries,
    }
