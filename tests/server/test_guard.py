"""The guards: which server is this machine, which is public, and what may go where."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case.bundle import build_bundle
from fhir_case.errors import BundleError, ServerError
from fhir_case.mapping import load_case
from fhir_case.server.guard import (
    is_loopback,
    is_test_data,
    origin,
    public_test_server,
    refuse_plain_http,
    refuse_real_data,
)
from support import SHIPPED

HTEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/fhir",
        "http://localhost/fhir",
        "http://LOCALHOST./fhir",
        "http://[::1]/",
        "http://127.9.9.9",
    ],
)
def test_this_machine_is_loopback(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.4/fhir",
        "https://fhir.example/fhir",
        "http://localhost.example/fhir",
        "http://127.0.0.1.example/fhir",
        "http://127.0.0.1@fhir.example/fhir",
        "http://0.0.0.0/fhir",
        "http://[::]/fhir",
        "",
    ],
)
def test_another_machine_is_not_loopback(url: str) -> None:
    assert not is_loopback(url)


def test_the_usual_port_need_not_be_written() -> None:
    assert origin("https://fhir.example/a") == origin("HTTPS://FHIR.example:443/b")
    assert origin("https://fhir.example") != origin("http://fhir.example")
    assert origin("https://fhir.example") != origin("https://fhir.example:8443")


def test_credentials_over_plain_http_to_another_machine_are_refused() -> None:
    with pytest.raises(ServerError, match=r"credentials would go to fhir\.example over plain http.*; use https"):
        refuse_plain_http("http://fhir.example/fhir", has_credentials=True)


@pytest.mark.parametrize(
    ("url", "has_credentials"),
    [("http://fhir.example/fhir", False), ("https://fhir.example/fhir", True), ("http://localhost:8080/fhir", True)],
)
def test_credentials_go_over_https_or_stay_on_this_machine(url: str, has_credentials: bool) -> None:
    refuse_plain_http(url, has_credentials=has_credentials)


@pytest.mark.parametrize(
    "url",
    [
        "https://hapi.fhir.org/baseR4",
        "http://HAPI.fhir.org./baseR4",
        "https://r4.smarthealthit.org",
        "https://launch.smarthealthit.org/v/r4/fhir",
        "https://server.fire.ly/R4",
        "https://spark.incendi.no/fhir",
        "https://test.fhir.org/r4",
        "https://wildfhir4.aegis.net/fhir4-0-1",
    ],
)
def test_a_public_test_server_is_known(url: str) -> None:
    assert "" != public_test_server(url)


@pytest.mark.parametrize("url", ["https://fhir.example/hapi.fhir.org", "https://nothapi.fhir.org", "https://fhir.org"])
def test_a_server_of_a_similar_name_is_not_taken_for_a_public_one(url: str) -> None:
    assert "" == public_test_server(url)


def test_every_resource_that_we_build_is_test_data() -> None:
    bundle = build_bundle(load_case(SHIPPED))

    assert all(is_test_data(entry["resource"]) for entry in bundle["entry"])


def test_a_tag_labels_test_data_too() -> None:
    assert is_test_data({"resourceType": "Patient", "meta": {"tag": [{"code": "other"}, HTEST]}})


@pytest.mark.parametrize(
    "meta",
    [
        None,
        {},
        [],
        {"security": None},
        {"security": HTEST},
        {"security": ["HTEST"]},
        {"security": [{"code": "HTEST"}]},
        {"security": [{**HTEST, "code": "TREAT"}]},
        {"profile": [HTEST]},
    ],
)
def test_what_has_no_such_label_is_taken_for_real(meta: Any) -> None:
    assert not is_test_data({"resourceType": "Patient", "meta": meta})


def test_real_data_stays_on_this_machine_unless_it_is_allowed_to_leave() -> None:
    refuse_real_data("http://127.0.0.1:8080/fhir", "Patient/4711", allowed=False)
    refuse_real_data("https://fhir.example/fhir", "Patient/4711", allowed=True)

    with pytest.raises(BundleError, match=r"^Patient/4711: .*fhir\.example is not this machine.*--real-patient-data$"):
        refuse_real_data("https://fhir.example/fhir", "Patient/4711", allowed=False)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_public_test_server_gets_no_real_data_whatever_is_allowed(allowed: bool) -> None:
    with pytest.raises(BundleError, match=r"hapi\.fhir\.org is a public server .*it would be published") as caught:
        refuse_real_data("https://hapi.fhir.org/baseR4", "Patient/4711", allowed=allowed)

    assert "--real-patient-data" not in str(caught.value)
