"""Are other types than Patient and Observation stored and found as well: choice types, and a Bundle as a resource?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.probes.fidelity import kept
from fhir_case.interop.verdict import NotRunError, check, need

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Other types")
_STATEMENT = "MedicationStatement"
_EARLY, _LATE = {"start": "2018-02-01", "end": "2018-03-01"}, "2018-05-05"


def _statement(sandbox: Sandbox, key: str, subject: str = "", **elements: Any) -> Resource:
    """Return a MedicationStatement in the release of the server, which names its elements and codes otherwise."""
    concept = {"coding": [{"system": sandbox.system, "code": key}]}
    medication = {"medication": {"concept": concept}} if _is_r5(sandbox) else {"medicationCodeableConcept": concept}
    who = {"reference": subject} if subject else {"display": "Nobody"}
    return sandbox.resource(
        _STATEMENT, key, status="recorded" if _is_r5(sandbox) else "completed",
        **{**({} if "contained" in elements else medication), "subject": who, **elements},
    )  # fmt: skip


def _is_r5(sandbox: Sandbox) -> bool:
    return sandbox.fhir == "R5"


def _need_statements(sandbox: Sandbox, *parameters: str) -> None:
    need(sandbox.claims.interaction(_STATEMENT, "create"), f"the interaction 'create' for {_STATEMENT}")
    if parameters:
        need(sandbox.claims.interaction(_STATEMENT, "search-type"), f"searches for {_STATEMENT}")
    for name in parameters:
        need(sandbox.claims.parameter(_STATEMENT, name), f"the search parameter '{name}' of {_STATEMENT}")


@GROUP.probe(
    "each type of effective[x] is kept", level="SHOULD", page="medicationstatement.html",
    expected="a MedicationStatement with a period, and one with a day, comes back with it",
)  # fmt: skip
def medication_effective(sandbox: Sandbox) -> str:
    _need_statements(sandbox)
    kept(sandbox, _statement(sandbox, "period", effectivePeriod=_EARLY), "effectivePeriod")
    kept(sandbox, _statement(sandbox, "day", effectiveDateTime=_LATE), "effectiveDateTime")
    return "a period and a day"


@GROUP.probe(
    "each type of medication[x] is kept", level="SHOULD", page="medicationstatement.html",
    expected="a MedicationStatement with a concept, and one that refers to a contained Medication, comes back with it",
)  # fmt: skip
def medication_choice(sandbox: Sandbox) -> str:
    _need_statements(sandbox)
    inner: dict[str, Any] = {"resourceType": "Medication", "id": "drug", "code": {"text": "sorafenib"}}
    reference = {"reference": "#drug"}
    if _is_r5(sandbox):
        referring: dict[str, Any] = {"medication": {"reference": reference}}
        kept(sandbox, _statement(sandbox, "concept"), "medication")
    else:
        referring = {"medicationReference": reference}
        kept(sandbox, _statement(sandbox, "concept"), "medicationCodeableConcept")
    kept(sandbox, _statement(sandbox, "referring", contained=[inner], **referring), *referring, "contained")
    return "a concept and a reference"


@GROUP.probe(
    "a period is found by date", level="SHALL", page="search.html#date",
    expected="MedicationStatement?effective= finds the period and the day in their year, the day alone, else nothing",
)  # fmt: skip
def search_medication_effective(sandbox: Sandbox) -> str:
    subject, early, late = _two(sandbox, "effective")
    if "effectivePeriod" not in sandbox.read(early):
        raise NotRunError("the server does not keep the period that is to be found")
    for date, expected in {"2018": {early, late}, "2018-05-05": {late}, "2017": set[str]()}.items():
        found = sandbox.finds(_STATEMENT, {"subject": subject, "effective": date}, expected)
        check(expected <= found, f"effective={date}: {len(expected - found)} of {len(expected)} are not found")
        check(found <= expected, f"effective={date}: {len(found - expected)} are found that do not match")
    return "three searches found what lies there"


@GROUP.probe(
    "a medication is found by its code", level="SHALL", page="search.html#token",
    expected="MedicationStatement?code=system|code finds those with the code, and no other",
)  # fmt: skip
def search_medication_code(sandbox: Sandbox) -> str:
    subject, early, _ = _two(sandbox, "code")
    for key, expected in {"early-code": {early}, "nothing": set[str]()}.items():
        found = sandbox.finds(_STATEMENT, {"subject": subject, "code": sandbox.identifier(key)}, expected)
        check(expected <= found, f"code={key}: {len(expected - found)} of {len(expected)} are not found")
        check(found <= expected, f"code={key}: {len(found - expected)} are found that do not match")
    return "the one with the code"


def _two(sandbox: Sandbox, parameter: str) -> tuple[str, str, str]:
    """Return a patient, and a statement with a period and one with a day, which a search by the patient finds."""
    _need_statements(sandbox, "subject", parameter)
    subject = sandbox.stored(sandbox.patient(f"medicated-{parameter}"))
    early = sandbox.stored(_statement(sandbox, f"early-{parameter}", subject, effectivePeriod=_EARLY))
    late = sandbox.stored(_statement(sandbox, f"late-{parameter}", subject, effectiveDateTime=_LATE))
    if sandbox.finds(_STATEMENT, {"subject": subject}, {early, late}) != {early, late}:
        raise NotRunError("a search by subject alone finds too much or too little")
    return subject, early, late


@GROUP.probe(
    "a Bundle is stored whole", level="SHOULD", page="bundle.html",
    expected="a collection that is sent to Bundle comes back with all its entries, in their order",
)  # fmt: skip
def bundle_kept(sandbox: Sandbox) -> str:
    return kept(sandbox, _collection(sandbox, "whole"), "type", "entry.resource.identifier", "entry.fullUrl", "entry")


@GROUP.probe(
    "a Bundle is not carried out where it is stored", level="SHALL", page="http.html#create",
    expected="the resources in a collection that is sent to Bundle are not stored one by one",
)  # fmt: skip
def bundle_not_unpacked(sandbox: Sandbox) -> str:
    collection = _collection(sandbox, "packed")
    sandbox.stored(sandbox.patient("packed"))
    sandbox.stored(collection)
    found = [each for number in (1, 2) for each in sandbox.holders("Patient", f"packed-{number}")]
    sandbox.made("Patient", "packed")  # a search can tell
    check(not found, f"{len(found)} of 2 are stored as well")
    return "only the Bundle"


def _collection(sandbox: Sandbox, key: str) -> Resource:
    need(sandbox.claims.interaction("Bundle", "create"), "the interaction 'create' for Bundle")
    patients = [sandbox.patient(f"{key}-{number}") for number in (1, 2)]
    bundle = sandbox.resource("Bundle", key, type="collection")
    urls = (f"urn:uuid:0b9d5a4e-6f0c-4f4e-9d0a-00000000000{number}" for number in (1, 2))
    entries = [{"fullUrl": url, "resource": each} for url, each in zip(urls, patients, strict=True)]
    return {**bundle, "identifier": bundle["identifier"][0], "entry": entries}
