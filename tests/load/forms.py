"""Documents of every form of request; each resource names in its tags the run and the key by which it is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.fhir.wire import Resource

__all__ = ["FORMS", "KEY", "RUN", "documents", "key_of", "keys_of"]

RUN = "urn:fhir-case:faults:run"
KEY = "urn:fhir-case:faults:key"
_SYSTEM = "urn:fhir-case:faults"


def documents(run: str, forms: Sequence[str]) -> list[Resource]:
    """Return a transaction for each form; those of one run may share a clinic, and refer to each other."""
    return [_bundle(FORMS[form](run, number)) for number, form in enumerate(forms)]


def key_of(resource: Resource) -> str:
    """Return the key of a resource; empty when it is not from here."""
    tags = resource.get("meta", {}).get("tag", ())
    return next((str(tag["code"]) for tag in tags if tag.get("system") == KEY), "")


def keys_of(found: Sequence[Resource]) -> dict[str, list[tuple[int, int]]]:
    """Return for each key the documents, and the positions in them, that are about it."""
    keys: dict[str, list[tuple[int, int]]] = {}
    for number, document in enumerate(found):
        for position, entry in enumerate(document["entry"]):
            keys.setdefault(key_of(entry["resource"]), []).append((number, position))
    return keys


def _bundle(entries: Iterator[dict[str, Any]]) -> Resource:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def _patient(run: str, key: str, **elements: Any) -> Resource:
    tags = [{"system": RUN, "code": run}, {"system": KEY, "code": f"{run}-{key}"}]
    identifier = [{"system": _SYSTEM, "value": f"{run}-{key}"}]
    return {"resourceType": "Patient", "meta": {"tag": tags}, "identifier": identifier, **elements}


def _finding(run: str, key: str, subject: str, **elements: Any) -> Resource:
    about = {"subject": {"reference": subject}, "status": "final", "code": {"text": f"finding {run}-{key}"}}
    return {**_patient(run, key), "resourceType": "Observation", **about, **elements}


def _without_identifier(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "identifier"}


def _urn(run: str, key: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{run}-{key}')}"


def _post(resource: Resource, full_url: str = "", *, once: bool = False) -> dict[str, Any]:
    request = {"method": "POST", "url": resource["resourceType"]}
    if once:
        request["ifNoneExist"] = _token(resource)
    return {**({"fullUrl": full_url} if full_url else {}), "resource": resource, "request": request}


def _token(resource: Resource) -> str:
    return f"identifier={_SYSTEM}|{resource['identifier'][0]['value']}"


def _put(resource: Resource, resource_id: str, full_url: str = "") -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource_id}"
    named = {"fullUrl": full_url} if full_url else {}
    return {**named, "resource": {**resource, "id": resource_id}, "request": {"method": "PUT", "url": url}}


def _put_by_condition(resource: Resource, full_url: str) -> dict[str, Any]:
    url = f"{resource['resourceType']}?{_token(resource)}"
    return {"fullUrl": full_url, "resource": resource, "request": {"method": "PUT", "url": url}}


def _create(run: str, number: int) -> Iterator[dict[str, Any]]:
    patient = _urn(run, f"{number}-patient")
    yield _post(_patient(run, f"{number}-patient"), patient)
    yield _post(_without_identifier(_finding(run, f"{number}-finding", patient)))


def _create_nameless(run: str, number: int) -> Iterator[dict[str, Any]]:
    patient = _urn(run, f"{number}-patient")
    yield _post(_without_identifier(_patient(run, f"{number}-patient", gender="female")), patient)
    yield _post(_without_identifier(_finding(run, f"{number}-finding", patient)))


def _create_by_condition(run: str, number: int) -> Iterator[dict[str, Any]]:
    clinic, patient = _urn(run, "clinic"), _urn(run, f"{number}-patient")
    organization = {**_patient(run, "clinic"), "resourceType": "Organization", "name": "clinic"}
    yield _post(organization, clinic, once=True)
    yield _post(_patient(run, f"{number}-patient", managingOrganization={"reference": clinic}), patient, once=True)
    yield _post(_finding(run, f"{number}-finding", patient), once=True)


def _update(run: str, number: int) -> Iterator[dict[str, Any]]:
    patient = f"{run}-p-{number}"
    yield _put(_patient(run, f"{number}-patient"), patient, _urn(run, f"{number}-patient"))
    yield _put(_finding(run, f"{number}-finding", f"Patient/{patient}"), f"{run}-o-{number}")


def _update_by_condition(run: str, number: int) -> Iterator[dict[str, Any]]:
    patient = _urn(run, f"{number}-patient")
    yield _put_by_condition(_patient(run, f"{number}-patient"), patient)
    yield _post(_finding(run, f"{number}-finding", patient), once=True)


def _across(run: str, number: int) -> Iterator[dict[str, Any]]:
    """Refer to the patient of the document before, whatever its form is."""
    before, patient = (_urn(run, f"{each}-patient") for each in (number - 1, number))
    link = {"link": [{"other": {"reference": before}, "type": "seealso"}]} if number else {}
    yield _post(_patient(run, f"{number}-patient", **link), patient, once=True)
    yield _put(_finding(run, f"{number}-finding", patient), f"{run}-o-{number}")
    yield _post(_finding(run, f"{number}-second", before if number else patient))


FORMS = {
    "create": _create,
    "create nameless": _create_nameless,
    "create by condition": _create_by_condition,
    "update": _update,
    "update by condition": _update_by_condition,
    "across": _across,
}
"""Each form of document: what it does by its number in a run."""
