"""What may point to another entry is found in the text, and nothing of it is overlooked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_case.fhir import wire
from fhir_case.fhir.references import Pointers, pointers_in, pointers_of_text, references_in
from fhir_case.load.plan.bundle import bundle_entries
from fhir_case.load.plan.plan import planned
from fhir_case.server.capabilities import UNKNOWN
from fhir_case.server.quirks import Caps
from load.sample import bundle

_NAMES = st.sampled_from(["reference", "url", "policy", "valueUri", "div", "subject", "extension"])
_TEXTS = st.one_of(
    st.text(),
    st.sampled_from(
        [
            '"reference": "Patient/1"',
            "Patient/1",
            "a\\",
            'b"',
            "c]",
            "urn:uuid:1",
            '<a href="Patient/2">',
            "<img src='Patient/3'/>",
        ]
    ),
)
_JSON: Any = st.recursive(
    st.one_of(_TEXTS, st.none(), st.integers()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=4)),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_NAMES, _JSON), st.sampled_from([None, 2]))
def test_all_pointers_are_found_in_the_text(resource: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(resource, ensure_ascii=False, indent=indent).encode("utf-8", "replace")
    resource = json.loads(text)
    found = pointers_of_text(text)
    if found is None:
        assert b"\\u" in text
        return
    assert set(references_in(resource)) <= found.references
    assert set(pointers_in(resource)) <= found.references | found.links


@pytest.mark.parametrize("text", [b"", rb'{"\u0072eference": "Patient/1"}', rb'{"reference": "Patient/\u0041"}'])
def test_nothing_is_said_of_a_text_that_may_hide_a_name(text: bytes) -> None:
    assert pointers_of_text(text) is None


def test_a_sign_that_is_written_by_its_number_is_that_sign() -> None:
    found = pointers_of_text(
        rb'{"subject": {"reference": "Patient\u002f1", "display": "\u00e4"}, "policy": ["\u00e4]", null]}'
    )
    assert Pointers(frozenset({"Patient/1"}), frozenset({"\u00e4]"})) == found


def test_an_escaped_slash_is_a_slash() -> None:
    found = pointers_of_text(rb'{"subject": {"reference" : "Patient\/p-1"}, "url": "Binary\/1"}')
    assert found is not None
    assert found == Pointers(frozenset({"Patient/p-1"}), frozenset({"Binary/1"}))


@pytest.mark.parametrize("places", [{}, {"Patient/p-1": "Patient/4711"}])
def test_a_body_is_the_same_whether_the_pointers_are_known_or_not(places: dict[str, str]) -> None:
    content = bundle("1")
    content["entry"][1]["fullUrl"] = "http://example.invalid/fhir/Patient/p-1"
    content["entry"][2]["resource"]["subject"]["reference"] = "http://example.invalid/fhir/Patient/p-1"
    content["entry"][2]["resource"]["focus"] = [{"reference": "Patient/p-1/_history/2"}]
    given_ones, _ = bundle_entries(content)
    pointers = pointers_of_text(wire.dump(content))
    assert pointers is not None
    [known] = planned(given_ones, UNKNOWN, caps=Caps(), pointers=pointers).transactions
    unknown = replace(known, pointers=None)
    body = known.body(locations=lambda name: places.get(name, ""))
    assert body == unknown.body(locations=lambda name: places.get(name, ""))
    assert body["entry"][2]["resource"]["subject"]["reference"] == "Patient/p-1"
