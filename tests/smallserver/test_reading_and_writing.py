"""
Create, read, update and delete, as https://hl7.org/fhir/R4/http.html says.

The versions of a resource are on https://hl7.org/fhir/R4/http.html#versioning.
"""

from __future__ import annotations

import gzip
import sys
import threading
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from smallserver.asking import Fhir, observation, patient, without_own
from smallserver.digits import dump

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_create_answers_201_with_the_location_of_the_first_version(fhir: Fhir) -> None:
    made = fhir.post(patient("no id:", gender="male"))

    own = made.json()["id"]
    assert (201, True) == (made.status_code, own != "no id:")
    assert f"{fhir.base_url}/Patient/{own}/_history/1" == made.headers["Location"]
    assert 'W/"1"' == made.headers["ETag"]
    assert "male" == fhir.get(f"Patient/{own}")["gender"]


def test_a_read_tells_the_version_and_when_it_was_written(fhir: Fhir) -> None:
    fhir.put(patient("a"))
    read = fhir.ask("GET", "Patient/a")

    meta = read.json()["meta"]
    assert ('W/"1"', "1") == (read.headers["ETag"], meta["versionId"])
    assert meta["lastUpdated"][:19] == parsedate_to_datetime(read.headers["Last-Modified"]).isoformat()[:19]
    assert "application/fhir+json;charset=utf-8" == read.headers["Content-Type"]


def test_a_head_has_the_headers_of_a_get_and_no_body(fhir: Fhir) -> None:
    fhir.put(patient("a"))
    head = fhir.ask("HEAD", "Patient/a")

    assert (200, 'W/"1"', b"") == (head.status_code, head.headers["ETag"], head.content)
    assert str(len(fhir.ask("GET", "Patient/a").content)) == head.headers["Content-Length"]


def test_a_put_of_what_is_not_there_creates_it(fhir: Fhir) -> None:
    made = fhir.put(patient("a"))

    assert (201, f"{fhir.base_url}/Patient/a/_history/1") == (made.status_code, made.headers["Location"])


def test_an_update_makes_a_new_version_and_keeps_the_old_one(fhir: Fhir) -> None:
    fhir.put(patient("a", gender="male"))
    update = fhir.put(patient("a", gender="female"))

    assert (200, 'W/"2"') == (update.status_code, update.headers["ETag"])
    assert "female" == fhir.get("Patient/a")["gender"]
    assert "male" == fhir.get("Patient/a/_history/1")["gender"]
    assert 404 == fhir.ask("GET", "Patient/a/_history/3").status_code


# https://hl7.org/fhir/R4/http.html#concurrency
@pytest.mark.parametrize(
    ("if_match", "status"), [('W/"1"', 412), ('W/"2"', 200), ('"2"', 200), ('W/"9"', 412), ("2", 400)]
)
def test_an_update_with_a_version_is_done_only_to_that_version(fhir: Fhir, if_match: str, status: int) -> None:
    fhir.put(patient("a"))
    fhir.put(patient("a"))

    assert status == fhir.put(patient("a", gender="male"), If_Match=if_match).status_code
    assert (status == 200) == ("gender" in fhir.get("Patient/a"))


def test_an_update_with_a_version_of_what_is_not_there_is_refused(fhir: Fhir) -> None:
    assert 412 == fhir.put(patient("a"), If_Match='W/"1"').status_code
    assert 404 == fhir.ask("GET", "Patient/a").status_code


@pytest.mark.parametrize("body", [{"resourceType": "Patient", "id": "b"}, {"resourceType": "Patient"}])
def test_an_update_whose_ids_differ_is_refused(fhir: Fhir, body: dict[str, Any]) -> None:
    assert 400 == fhir.ask("PUT", "Patient/a", body).status_code
    assert 404 == fhir.ask("GET", "Patient/a").status_code


def test_what_is_deleted_is_gone_but_its_versions_are_not(fhir: Fhir) -> None:
    fhir.put(patient("a"))
    gone = fhir.ask("DELETE", "Patient/a")

    assert (204, b"") == (gone.status_code, gone.content)
    assert 410 == fhir.ask("GET", "Patient/a").status_code
    assert 410 == fhir.ask("GET", "Patient/a/_history/2").status_code
    assert 200 == fhir.ask("GET", "Patient/a/_history/1").status_code
    assert [] == fhir.ids("Patient")


# "or if the resource does not exist at all": https://hl7.org/fhir/R4/http.html#delete
def test_a_delete_of_what_is_not_there_is_fine(fhir: Fhir) -> None:
    assert 204 == fhir.ask("DELETE", "Patient/a").status_code
    assert 404 == fhir.ask("GET", "Patient/a").status_code


def test_a_deleted_resource_comes_back_with_a_put(fhir: Fhir) -> None:
    fhir.put(patient("a"))
    fhir.ask("DELETE", "Patient/a")

    assert 201 == fhir.put(patient("a")).status_code
    assert "3" == fhir.get("Patient/a")["meta"]["versionId"]


# https://hl7.org/fhir/R4/http.html#history
def test_a_history_has_every_version_the_last_one_first_also_the_deletion(fhir: Fhir) -> None:
    fhir.put(patient("a", gender="male"))
    fhir.put(patient("a", gender="female"))
    fhir.ask("DELETE", "Patient/a")

    history = fhir.get("Patient/a/_history")

    assert ("history", 3) == (history["type"], history["total"])
    assert [None, "female", "male"] == [each.get("resource", {}).get("gender") for each in history["entry"]]
    assert [("DELETE", "Patient/a"), ("PUT", "Patient/a"), ("PUT", "Patient/a")] == [
        (each["request"]["method"], each["request"]["url"]) for each in history["entry"]
    ]
    assert ['W/"3"', 'W/"2"', 'W/"1"'] == [each["response"]["etag"] for each in history["entry"]]
    assert 404 == fhir.ask("GET", "Patient/b/_history").status_code


# https://hl7.org/fhir/R4/http.html#ops
@pytest.mark.parametrize(
    ("prefer", "kind"),
    [("", "Patient"), ("representation", "Patient"), ("minimal", None), ("OperationOutcome", "OperationOutcome")],
)
def test_a_write_gives_back_what_is_preferred(fhir: Fhir, prefer: str, kind: str | None) -> None:
    made = fhir.post(patient("a"), **({"Prefer": f"return={prefer}"} if prefer else {}))

    assert 201 == made.status_code
    assert kind == (made.json()["resourceType"] if made.content else None)


# https://hl7.org/fhir/R4/resource.html#Meta
def test_version_and_time_are_the_servers_and_all_else_in_meta_stays(fhir: Fhir) -> None:
    label = {"system": "urn:labels", "code": "x"}
    meta = {"profile": ["http://example.org/p"], "security": [label], "tag": [label], "source": "http://example.org"}
    own = {"versionId": "77", "lastUpdated": "2001-01-01T00:00:00Z"}

    fhir.put(patient("a", meta={**meta, **own}))

    found = fhir.get("Patient/a")["meta"]
    assert ("1", True) == (found.pop("versionId"), found.pop("lastUpdated") > "2020")
    assert meta == found


# https://hl7.org/fhir/R4/datatypes.html#decimal
@pytest.mark.parametrize(
    "digits",
    ["15.0", "15.00", "15", "0.10", "-0.0", "1.50E+3", "1E-10", "12345678901234567890.123456789", "9" * 40, "1E+400"],
)
def test_a_number_keeps_its_digits(fhir: Fhir, digits: str) -> None:
    body = dump(observation("a", value="1")).replace(b'"value":1', f'"value":{digits}'.encode())

    assert 201 == fhir.ask("PUT", "Observation/a", body).status_code
    read = Decimal(fhir.get("Observation/a")["valueQuantity"]["value"])
    assert Decimal(digits).as_tuple() == read.as_tuple()


@pytest.mark.parametrize(
    "instant",
    ["2018", "2018-03", "2018-03-05", "2018-03-05T10:15:30+05:30", "2018-03-05T10:15:30.120Z", "2018-03-05T10:15:30Z"],
)
def test_a_date_stays_as_it_is_written(fhir: Fhir, instant: str) -> None:
    assert instant == fhir.stored(observation("a", effectiveDateTime=instant))["effectiveDateTime"]


def test_all_else_stays_as_it_was_sent(fhir: Fhir) -> None:
    word = {"url": "http://example.org/word", "valueString": "Größe 漢字 😀 e\u0301 \u00a0 \t"}
    sent = patient(
        "a",
        text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; b</p></div>'},
        contained=[{"resourceType": "Organization", "id": "o", "name": "O"}],
        extension=[{"url": "http://example.org/both", "extension": [word]}],
        modifierExtension=[word],
        name=[{"given": ["A", "B"], "_given": [None, {"extension": [word]}], "family": "'; --"}],
        birthDate="1961",
        _birthDate={"id": "x", "extension": [word]},
        managingOrganization={"reference": "#o"},
    )

    assert sent == fhir.stored(sent)


def test_a_body_of_ten_megabytes_is_stored_whole(fhir: Fhir) -> None:
    text = "Wörter " * 1_400_000
    sent = observation("a", note=[{"text": text}])

    assert len(dump(sent)) > 10_000_000
    assert sent == fhir.stored(sent)


def test_a_body_may_be_compressed(fhir: Fhir) -> None:
    body = gzip.compress(dump(patient("a")))

    assert 201 == fhir.ask("PUT", "Patient/a", body, Content_Encoding="gzip").status_code
    assert patient("a") == without_own(fhir.get("Patient/a"))


def test_the_id_of_a_request_comes_back(fhir: Fhir) -> None:
    assert "77" == fhir.ask("GET", "metadata", X_Request_Id="77").headers["X-Request-Id"]


@pytest.fixture
def in_turns() -> Iterator[None]:
    """Let the threads take turns so often that what is not safe fails."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("in_turns")
def test_of_many_writes_at_once_each_is_done_whole(fhir: Fhir) -> None:
    def write() -> None:
        with Fhir(fhir.base_url) as own:
            for number in range(10):
                own.put(patient("a"))
                criteria = f"identifier={number}"
                own.post(patient("x", identifier=[{"value": str(number)}]), If_None_Exist=criteria)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    versions = [each["response"]["etag"] for each in fhir.get("Patient/a/_history")["entry"]]
    assert [f'W/"{number}"' for number in range(80, 0, -1)] == versions
    assert 11 == fhir.get("Patient?_count=0")["total"]
