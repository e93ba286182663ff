"""For each fault of what is taken, and in which format, a look at a server that shows it; see `looking`."""

from __future__ import annotations

import base64
import gzip
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .asking import Fhir, bundle, entry, observation, patient
from .digits import dump
from .looking_at_stored import Look, statuses
from .xml import XML, to_xml

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REQUESTS"]

_JSON = "application/fhir+json"
_URN = "urn:uuid:22222222-2222-4222-8222-222222222222"


def _number(value: str) -> dict[str, str]:
    return {"system": "urn:numbers", "value": value}


def _unresolved(fhir: Fhir) -> Any:
    of = observation("dangling", subject={"reference": _URN})
    return fhir.post(bundle(entry("PUT", "Observation/dangling", of))).status_code


def _unknown_type(fhir: Fhir) -> Any:
    return fhir.post(bundle(entry("POST", "Neverland", {"resourceType": "Neverland"}))).status_code


def _condition_twice(fhir: Fhir) -> Any:
    new = entry("POST", "Patient", patient("x", identifier=[_number("same")]), ifNoneExist="identifier=same")
    return statuses(fhir.post(bundle(new, new)))


def _at_once(fhir: Fhir) -> Any:
    def create(_: int) -> int:
        with Fhir(fhir.base_url) as own:
            new = patient("x", identifier=[_number("race")])
            return int(own.post(new, If_None_Exist="identifier=race").status_code)

    with ThreadPoolExecutor(4) as pool:
        return [list(pool.map(create, range(4))).count(201) > 1, create(5)]


def _put(*ids: str) -> Callable[[Fhir], Any]:
    return lambda fhir: [fhir.put(patient(each)).status_code for each in ids]


def _long(fhir: Fhir) -> Any:
    return fhir.put(patient("long-name", name=[{"family": "x" * 501}])).status_code


def _head(fhir: Fhir) -> Any:
    fhir.put(patient("headed"))
    return fhir.ask("HEAD", "Patient/headed").status_code


def _type(path: str, accept: str) -> Callable[[Fhir], Any]:
    def look(fhir: Fhir) -> Any:
        fhir.put(patient("typed"))
        data = base64.b64encode(b"content").decode()
        fhir.put({"resourceType": "Binary", "id": "typed", "contentType": "text/plain", "data": data})
        answer = fhir.ask("GET", path, Accept=accept)
        return answer.status_code, answer.headers.get("Content-Type", "").partition(";")[0]

    return look


def _compressed(fhir: Fhir) -> Any:
    body = gzip.compress(dump(patient("compressed")))
    return fhir.ask("PUT", "Patient/compressed", body, Content_Encoding="gzip").status_code


def _from_xml(fhir: Fhir) -> Any:
    sent = patient("from-xml", name=[{"given": ["A", "B"]}])
    assert fhir.ask("PUT", "Patient/from-xml", to_xml(sent), Content_Type=XML).status_code == 201
    return fhir.get("Patient/from-xml")["name"][0]["given"]


def _collection(key: str) -> dict[str, Any]:
    numbered = [patient(f"{key}-{number}", identifier=[_number(key)]) for number in (1, 2)]
    entries = [{"fullUrl": f"urn:uuid:{number:08}-0000-4000-8000-000000000000", "resource": each}
               for number, each in enumerate(numbered)]  # fmt: skip
    return {"resourceType": "Bundle", "id": key, "type": "collection", "entry": entries}


def _bundle(fhir: Fhir) -> Any:
    return len(fhir.stored(_collection("kept"))["entry"])


def _packed(fhir: Fhir) -> Any:
    assert fhir.ask("POST", "Bundle", _collection("packed")).status_code == 201
    return len(fhir.ids("Patient?identifier=packed"))


def _period(fhir: Fhir) -> Any:
    return "effectivePeriod" in fhir.stored(observation("lasting", effectivePeriod={"start": "2018-03"}))


def _by_period(fhir: Fhir) -> Any:
    of = observation("during", effectivePeriod={"start": "2017-03", "end": "2017-04"}, method={"text": "period"})
    fhir.put(of)
    return "during" in fhir.ids("Observation?date=lt2017-03-15&date=gt2017-03-10&method:text=period&_count=100") or (
        "effectivePeriod" not in fhir.get("Observation/during")  # where it was dropped, it is not found either
    )


REQUESTS = {
    "keeps-unresolved-placeholders": Look(_unresolved, 400, 200),
    "stores-unknown-types": Look(_unknown_type, 404, 200),
    "judges-conditions-before": Look(_condition_twice, [201, 200], [201, 201]),
    "races-on-conditional-create": Look(_at_once, [False, 200], [True, 412]),
    "accepts-any-id": Look(_put("x" * 65, "with_underscore"), [400, 400], [201, 201]),
    "refuses-long-ids": Look(_put("x" * 36, "x" * 37, "x" * 64), [201, 201, 201], [201, 400, 400]),
    "breaks-on-long-strings": Look(_long, 201, 500),
    "head-is-404": Look(_head, 200, 404),
    "ignores-format": Look(_type("Patient/typed?_format=json", "text/plain"), (200, _JSON), (406, _JSON)),
    "refuses-fhir-version": Look(_type("Patient/typed", f"{_JSON}; fhirVersion=4.0"), (200, _JSON), (406, _JSON)),
    "refuses-gzip": Look(_compressed, 201, 415),
    "answers-json-for-xml": Look(_type("Patient/typed", XML), (200, XML), (200, _JSON)),
    "reads-first-of-xml": Look(_from_xml, ["A", "B"], ["A"]),
    "binary-never-raw": Look(_type("Binary/typed", "text/plain"), (200, "text/plain"), (200, _JSON)),
    "binary-always-raw": Look(_type("Binary/typed", _JSON), (200, _JSON), (200, "text/plain")),
    "cuts-bundles": Look(_bundle, 2, 1),
    "unpacks-bundles": Look(_packed, 0, 2),
    "drops-periods": Look(_period, True, False),
    "search-misses-periods": Look(_by_period, True, False),
}
