"""What comes back is compared to the last digit; what a server may change is told from what it must not."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_case.fhir.compare import Difference, compare, state_of
from fhir_case.fhir.narrative import canonical_narrative

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"profile": ["http://p/1", "http://p/2"], "tag": [{"code": "x"}]},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>5 &lt; 6</p></div>'},
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "1834-1"}], "text": "AFP"},
    "subject": {"reference": "Patient/p"},
    "effectiveDateTime": "2026-01-01T00:00:00Z",
    "valueQuantity": {"value": Decimal("15.00"), "unit": "ng/mL"},
    "component": [{"valueInteger": 1}, {"valueInteger": 2}, {"valueBoolean": True}],
}


def changed(path: str, value: Any, *, of: dict[str, Any] = OBSERVATION) -> dict[str, Any]:
    """Return a copy in which the element at a path, such as ``component.0.valueInteger``, has another value."""
    found = deepcopy(of)
    *way, last = [int(each) if each.isdigit() else each for each in path.split(".")]
    holder: Any = found
    for each in way:
        holder = holder[each]
    holder[last] = value
    return found


def without(path: str) -> dict[str, Any]:
    found = deepcopy(OBSERVATION)
    *way, last = [int(each) if each.isdigit() else each for each in path.split(".")]
    holder: Any = found
    for each in way:
        holder = holder[each]
    del holder[last]
    return found


def only(sent: dict[str, Any], stored: dict[str, Any], **options: Any) -> tuple[str, str, str]:
    """Return state, path and kind where there is exactly one difference."""
    (difference,) = compare(sent, stored, **options)
    return state_of((difference,)), difference.path, difference.kind


def test_the_same_is_equal() -> None:
    assert () == compare(OBSERVATION, deepcopy(OBSERVATION))
    assert "equal" == state_of(())


def test_what_servers_add_to_every_resource_is_added() -> None:
    stored = deepcopy(OBSERVATION)
    stored["meta"] |= {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z", "source": "#abc"}
    stored["meta"]["tag"].append({"code": "y"})
    differences = compare(OBSERVATION, stored)

    assert "added" == state_of(differences)
    assert [
        Difference("Observation.meta.tag", "added", None, {"code": "y"}),
        Difference("Observation.meta.versionId", "added", None, "1"),
        Difference("Observation.meta.lastUpdated", "added", None, "2026-01-01T00:00:00Z"),
        Difference("Observation.meta.source", "added", None, "#abc"),
    ] == list(differences)


def test_a_generated_text_may_be_added_but_no_other_element() -> None:
    assert ("added", "Observation.text", "added") == only(without("text"), OBSERVATION)
    by_hand = changed("text.status", "additional")
    assert ("altered", "Observation.text", "unexpected") == only(without("text"), by_hand)
    assert ("altered", "Observation.issued", "unexpected") == only(OBSERVATION, changed("issued", "2026"))


def test_profiles_tags_and_labels_have_no_order_but_none_may_go() -> None:
    assert () == compare(OBSERVATION, changed("meta.profile", ["http://p/2", "http://p/1"]))
    assert ("altered", "Observation.meta.profile", "missing") == only(
        OBSERVATION, changed("meta.profile", ["http://p/1"])
    )
    assert "altered" == state_of(compare(OBSERVATION, without("meta")))


def test_versions_of_the_server_replace_those_of_another() -> None:
    sent = changed("meta", {"versionId": "7", "source": "http://a#1"})
    stored = changed("meta", {"versionId": "1", "source": "http://a#2"})

    assert "rewritten" == state_of(compare(sent, stored))
    assert "altered" == state_of(compare(sent, changed("meta", {"versionId": "7", "source": "http://b"})))
    assert "altered" == state_of(compare(sent, changed("meta", {"versionId": "7"})))


def test_the_id_may_be_that_of_the_server() -> None:
    assert ("rewritten", "Observation.id", "rewritten") == only(OBSERVATION, changed("id", "1001"))
    assert ("added", "Observation.id", "added") == only(without("id"), OBSERVATION)


@pytest.mark.parametrize("stored", [Decimal("15.0"), 15, Decimal("15.000"), Decimal("1.5E+1")])
def test_a_number_with_other_digits_has_lost_its_precision(stored: Any) -> None:
    expected = ("altered", "Observation.valueQuantity.value", "precision")
    assert expected == only(OBSERVATION, changed("valueQuantity.value", stored))


@pytest.mark.parametrize("stored", [Decimal("15.01"), "15.00", None, True])
def test_another_number_is_changed(stored: Any) -> None:
    expected = ("altered", "Observation.valueQuantity.value", "changed")
    assert expected == only(OBSERVATION, changed("valueQuantity.value", stored))


def test_a_float_is_compared_as_it_was_written() -> None:
    sent = changed("valueQuantity.value", 0.1)

    assert () == compare(sent, changed("valueQuantity.value", Decimal("0.1")))


def test_true_is_not_one() -> None:
    expected = ("altered", "Observation.component[2].valueBoolean", "changed")
    assert expected == only(OBSERVATION, changed("component.2.valueBoolean", 1))


def test_the_order_of_a_list_counts() -> None:
    stored = deepcopy(OBSERVATION)
    stored["component"][:2] = reversed(stored["component"][:2])

    assert "altered" == state_of(compare(OBSERVATION, stored))


def test_an_item_too_few_or_too_many_is_named_by_its_place() -> None:
    shorter = without("component.2")

    assert ("altered", "Observation.component[2]", "missing") == only(OBSERVATION, shorter)
    assert ("altered", "Observation.component[2]", "unexpected") == only(shorter, OBSERVATION)


@pytest.mark.parametrize(
    "stored",
    [
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.000Z",
        "2026-01-01T01:00:00+01:00",
        "2025-12-31T19:00:00.0-05:00",
    ],
)
def test_another_spelling_of_an_instant_is_rewritten(stored: str) -> None:
    expected = ("rewritten", "Observation.effectiveDateTime", "rewritten")
    assert expected == only(OBSERVATION, changed("effectiveDateTime", stored))


@pytest.mark.parametrize(
    "stored",
    [
        "2026-01-01",
        "2026-01-01T00:00:00.0000001Z",
        "2026-01-01T00:00:01Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:60Z",
    ],
)
def test_another_instant_or_precision_is_changed(stored: str) -> None:
    expected = ("altered", "Observation.effectiveDateTime", "changed")
    assert expected == only(OBSERVATION, changed("effectiveDateTime", stored))


@pytest.mark.parametrize(
    "stored",
    [
        "Patient/77",
        "Patient/77/_history/3",
        "https://fhir.example/fhir/Patient/77",
        "https://fhir.example/fhir/Patient/77/_history/1",
    ],
)
def test_a_reference_to_the_id_of_the_server_is_rewritten(stored: str) -> None:
    options = {"locations": {"Patient/p": "Patient/77"}, "base_url": "https://fhir.example/fhir"}
    expected = ("rewritten", "Observation.subject.reference", "rewritten")

    assert expected == only(OBSERVATION, changed("subject.reference", stored), **options)


@pytest.mark.parametrize("stored", ["Patient/78", "Patient/p", "https://evil.example/fhir/Patient/77", "urn:uuid:x"])
def test_a_reference_to_anything_else_is_changed(stored: str) -> None:
    options = {"locations": {"Patient/p": "Patient/77"}, "base_url": "https://fhir.example/fhir"}
    sent = changed("subject.reference", "urn:uuid:patient")
    options["locations"] = {"urn:uuid:patient": "Patient/77"}

    assert "altered" == only(sent, changed("subject.reference", stored), **options)[0]


def test_a_conditional_reference_may_become_any_resource_of_its_type() -> None:
    sent = changed("subject.reference", "Patient?identifier=x|1")

    assert "rewritten" == state_of(compare(sent, changed("subject.reference", "Patient/5")))
    assert "altered" == state_of(compare(sent, changed("subject.reference", "Group/5")))


def test_the_url_of_an_attachment_follows_its_resource_and_no_other() -> None:
    sent = changed("valueAttachment", {"url": "Binary/b"})
    options: dict[str, Any] = {"locations": {"Binary/b": "Binary/9"}}

    assert "rewritten" == only(sent, changed("valueAttachment", {"url": "Binary/9"}), **options)[0]
    assert "altered" == only(sent, changed("valueAttachment", {"url": "Binary/8"}), **options)[0]
    assert "altered" == only(sent, changed("valueAttachment", {"url": "Binary/b/_history/2"}))[0]


DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (f"{DIV}<p>a</p><p>b</p></div>", f"{DIV}\n  <p>a</p>\n  <p>\n b </p>\n</div>"),
        (f'{DIV}<p id="1" class="x">a<br/>b</p></div>', f"{DIV}<p class='x' id='1'>a<br></br> b</p></div>"),
        (f"{DIV}a&nbsp;b &#169; &quot;</div>", f'{DIV}a\u00a0b © "</div>'),
        (f"{DIV}a   <b>c</b> d</div>", f"{DIV}a <b>c</b>\nd</div>"),
        (f"{DIV}a<!-- remark --></div>", f"{DIV}a</div>"),
    ],
)
def test_another_spelling_of_the_narrative_is_rewritten(sent: str, stored: str) -> None:
    expected = ("rewritten", "Observation.text.div", "rewritten")
    assert expected == only(changed("text.div", sent), changed("text.div", stored))


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (f"{DIV}a <b>c</b></div>", f"{DIV}a<b>c</b></div>"),
        (f"{DIV}<b>a</b></div>", f"{DIV}<i>a</i></div>"),
        (f"{DIV}<pre>a  b</pre></div>", f"{DIV}<pre>a b</pre></div>"),
        (f"{DIV}a&nbsp;b</div>", f"{DIV}a b</div>"),
        (f'{DIV}<p class="x">a</p></div>', f"{DIV}<p>a</p></div>"),
        ("<p>a", "<p>a "),
        (f"{DIV}a&lt;p&gt; b</div>", f"{DIV}a&lt;p&gt;b</div>"),
    ],
)
def test_another_narrative_is_changed(sent: str, stored: str) -> None:
    expected = ("altered", "Observation.text.div", "changed")
    assert expected == only(changed("text.div", sent), changed("text.div", stored))


@pytest.mark.parametrize("stored", ["SGVsbG8=", "SGVs bG8=", "\n SGVs\r\nbG8=\n"])
@pytest.mark.parametrize(
    "path", ["data", "content.0.attachment.data", "content.0.attachment.hash", "valueBase64Binary"]
)
def test_base64_is_compared_as_bytes(path: str, stored: str) -> None:
    of: dict[str, Any] = {"resourceType": "Basic", "data": "", "content": [{"attachment": {}}]}
    sent = changed(path, "SGVs\nbG8=", of=of)
    assert ("rewritten", "rewritten") == only(sent, changed(path, stored, of=sent))[::2]
    assert ("altered", "changed") == only(sent, changed(path, "SGVsbGE=", of=sent))[::2]
    assert ("altered", "changed") == only(sent, changed(path, "not base64", of=sent))[::2]


def test_sampled_data_is_no_base64() -> None:
    sent = OBSERVATION | {"valueSampledData": {"data": "10 11"}}
    found = only(sent, OBSERVATION | {"valueSampledData": {"data": "1011"}})
    assert ("altered", "Observation.valueSampledData.data", "changed") == found


@pytest.mark.parametrize("empty", [[], {}, None])
def test_what_says_nothing_is_not_lost(empty: object) -> None:
    assert ("rewritten", "Observation.note", "rewritten") == only(OBSERVATION | {"note": empty}, OBSERVATION)
    assert ("rewritten", "Observation.note", "rewritten") == only(OBSERVATION, OBSERVATION | {"note": empty})
    assert ("altered", "Observation.note", "missing") == only(OBSERVATION | {"note": ""}, OBSERVATION)


def test_white_space_in_a_text_counts() -> None:
    sent = OBSERVATION | {"note": [{"text": "a\n\nb"}]}
    assert "altered" == only(sent, OBSERVATION | {"note": [{"text": "a\nb"}]})[0]


def test_a_narrative_made_to_explode_is_left_alone() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><div>&b;</div>'

    assert bomb == canonical_narrative(bomb)


LEAF = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**6), max_value=10**6)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
NAME = st.sampled_from(["value", "code", "unit", "item", "_value", "extension", "reference"])
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAME, inner, min_size=1, max_size=3),
    max_leaves=8,
)
RESOURCE = st.dictionaries(NAME, VALUE, min_size=1).map(
    lambda elements: {"resourceType": "Basic", "id": "b", **elements}
)


def places_in(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every element and item."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[Any, ...]] = []
    for key, inner in pairs:
        found += [(*way, key), *places_in(inner, (*way, key))]
    return found


# A busy machine is no finding.
LENIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LENIENT
@given(RESOURCE)
def test_no_resource_differs_from_itself(resource: dict[str, Any]) -> None:
    assert () == compare(resource, deepcopy(resource))


@LENIENT
@given(st.data(), RESOURCE)
def test_no_single_change_goes_unseen(data: st.DataObject, resource: dict[str, Any]) -> None:
    stored = deepcopy(resource)
    *way, last = data.draw(st.sampled_from([place for place in places_in(resource) if place != ("id",)]))
    holder: Any = stored
    for each in way:
        holder = holder[each]
    if data.draw(st.booleans()):
        del holder[last]
    else:
        before = holder[last]
        holder[last] = data.draw(VALUE.filter(lambda new: type(new) is not type(before) or new != before))

    assert "altered" == state_of(compare(resource, stored))


def test_half_a_surrogate_pair_in_a_stored_narrative_is_a_difference() -> None:
    sent, stored = (
        {"resourceType": "Patient", "id": "a", "text": {"status": "generated", "div": f"<div>{text}</div>"}}
        for text in ("a", "\ud800")
    )

    assert ["changed"] == [difference.kind for difference in compare(sent, stored)]
