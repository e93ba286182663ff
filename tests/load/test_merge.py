"""Small transactions are put together, and nothing that says different of the same is in one of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from fhir_case.fhir.wire import dump, parse
from fhir_case.load.plan.bundle import bundle_entries
from fhir_case.load.plan.merge import Merger
from fhir_case.load.plan.plan import planned
from fhir_case.server.capabilities import UNKNOWN
from fhir_case.server.quirks import Caps

if TYPE_CHECKING:
    from fhir_case.load.plan.transaction import Transaction

SIZE = 100


def transaction(source: str, *entries: dict[str, Any], kind: str = "transaction") -> Transaction:
    given_, _ = bundle_entries({"resourceType": "Bundle", "type": kind, "entry": list(entries)}, source=source)
    return planned(given_, UNKNOWN, caps=Caps()).transactions[0]


def put(key: str, text: str = "", full_url: str = "") -> dict[str, Any]:
    resource = {"resourceType": "Basic", "id": key, "code": {"text": text}}
    return {"fullUrl": full_url, "resource": resource, "request": {"method": "PUT", "url": f"Basic/{key}"}}


def post(key: str, text: str = "", full_url: str = "", condition: str = "") -> dict[str, Any]:
    """A create that depends on a condition, or on nothing."""
    resource = {"resourceType": "Basic", "code": {"text": text}, "identifier": [{"system": "urn:x", "value": key}]}
    request = {"method": "POST", "url": "Basic", **({"ifNoneExist": condition} if condition else {})}
    return {"fullUrl": full_url, "resource": resource, "request": request}


def packed(transactions: list[Transaction], most: Caps = Caps(), size: int = SIZE) -> list[Transaction]:  # noqa: B008  # it is frozen
    packer = Merger(most)
    merged = [out for each in transactions for out in packer.add(each, size)]
    return [*merged, *packer.flush()]


def sources(merged: list[Transaction]) -> list[list[str]]:
    return [list(dict.fromkeys(entry.original.source for entry in each.entries)) for each in merged]


_KEY = st.sampled_from("abc")
_TEXT = st.sampled_from(["", "other"])
_URL = st.sampled_from(["", "urn:uuid:1", "urn:uuid:2"])
_CONDITION = st.sampled_from(["", "identifier=urn:x|{}", "identifier=urn:x%7C{}", "identifier=urn%3Ax%7C{}"])


@st.composite
def documents(draw: st.DrawFn) -> list[Transaction]:
    """Documents that may say the same, or different, of the same resources; none clashes in itself."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        entries: list[dict[str, Any]] = []
        for key in draw(st.lists(_KEY, min_size=1, max_size=2, unique=True)):
            url = f"{draw(_URL)}{key if draw(st.booleans()) else ''}" or f"urn:uuid:{number}{key}"
            if any(url == each["fullUrl"] for each in entries):
                url = f"urn:uuid:{number}{key}"
            if draw(st.booleans()):
                entries.append(put(key, draw(_TEXT), url))
            else:
                entries.append(post(key, draw(_TEXT), url, draw(_CONDITION).format(key)))
        found.append(transaction(f"{number}.json", *entries))
    return found


_CAPS = st.builds(Caps, entries=st.integers(0, 8), bytes=st.sampled_from([0, 250, 700]), conditional=st.integers(0, 4))


@settings(max_examples=200, deadline=None)
@given(documents(), _CAPS)
def test_all_is_sent_once_and_in_its_order(given_: list[Transaction], most: Caps) -> None:
    merged = packed(given_, most)

    assert [entry for each in given_ for entry in each.entries] == [entry for each in merged for entry in each.entries]
    assert [name for each in merged for name in sources([each])[0]] == [
        f"{number}.json" for number in range(len(given_))
    ]


@settings(max_examples=200, deadline=None)
@given(documents(), _CAPS)
def test_nothing_merged_is_larger_than_the_size(given_: list[Transaction], most: Caps) -> None:
    for each in packed(given_, most):
        members = sources([each])[0]
        conditional = sum(bool(entry.condition) for entry in each.entries)
        event(f"merged: {len(members)}")
        if len(members) > 1:
            assert not most.entries or len(each.entries) <= most.entries
            assert not most.bytes or len(members) * SIZE <= most.bytes
            assert not (most.conditional and conditional) or len(each.entries) <= most.conditional


@settings(max_examples=200, deadline=None)
@given(documents())
def test_one_transaction_never_says_different_things_of_the_same(given_: list[Transaction]) -> None:
    for each in packed(given_):
        body = each.body()["entry"]
        urls = Counter(one["fullUrl"] for one in body)
        places = Counter(one["request"]["url"] for one in body if one["request"]["method"] == "PUT")
        conditions = Counter(
            one["request"]["ifNoneExist"].replace("%7C", "|").replace("%3A", ":")
            for one in body
            if "ifNoneExist" in one["request"]
        )
        event(f"copies: {len(each.copies)}")
        assert {1} >= {*urls.values(), *places.values(), *conditions.values()}


@settings(max_examples=200, deadline=None)
@given(documents())
def test_a_copy_says_what_is_sent(given_: list[Transaction]) -> None:
    for each in packed(given_):
        for copy, original in each.copies.items():
            one, other = each.entries[copy], each.entries[original]
            assert original not in each.copies
            assert one.method == other.method
            assert one.identity == other.identity
            # A server ignores what a conditional create says of a resource that is there already.
            assert one.original.resource == other.original.resource or (one.method == "POST" and one.condition)


def test_documents_that_share_nothing_are_put_together() -> None:
    merged = packed([transaction(f"{n}.json", put(f"p{n}", "", f"urn:uuid:{n}")) for n in range(10)], Caps(entries=4))

    assert [4, 4, 2] == [len(each.entries) for each in merged]
    assert [{}, {}, {}] == [each.copies for each in merged]


def test_resources_without_id_and_fullurl_are_put_together_and_are_not_the_same() -> None:
    nameless = {"resource": {"resourceType": "Basic"}, "request": {"method": "POST", "url": "Basic"}}
    (merged,) = packed([transaction(f"{n}.json", nameless) for n in range(3)])

    assert {} == merged.copies
    assert [None] * 3 == [one.get("fullUrl") for one in merged.body()["entry"]]


def test_what_two_documents_say_in_the_same_words_is_sent_once() -> None:
    (merged,) = packed([transaction(f"{n}.json", put("clinic"), put(f"p{n}")) for n in range(3)])

    assert {2: 0, 4: 0} == merged.copies
    assert ["Basic/clinic", "Basic/p0", "Basic/p1", "Basic/p2"] == [
        one["request"]["url"] for one in merged.body()["entry"]
    ]


def test_what_two_documents_say_differently_is_sent_one_after_the_other() -> None:
    merged = packed([transaction("a.json", put("x", "old")), transaction("b.json", put("x", "new"))])

    assert [["a.json"], ["b.json"]] == sources(merged)


def test_the_same_fullurl_for_two_resources_is_not_in_one_transaction() -> None:
    first = transaction("a.json", post("a", "", "urn:uuid:1", "identifier=urn:x|a"))
    second = transaction("b.json", post("b", "", "urn:uuid:1", "identifier=urn:x|b"))

    assert [["a.json"], ["b.json"]] == sources(packed([first, second]))


def test_a_condition_is_the_same_in_whatever_way_it_is_written() -> None:
    first = transaction("a.json", post("a", "", "urn:uuid:1", "identifier=urn:x|a"))
    second = transaction("b.json", post("a", "", "urn:uuid:2", "identifier=urn%3Ax%7Ca"))
    third = transaction("c.json", post("a", "", "urn:uuid:3", "identifier=urn:x|a&code=b"))
    merged, asked = packed([first, second, third])

    assert ({1: 0}, {}) == (merged.copies, asked.copies)


def test_a_condition_with_an_encoded_ampersand_is_another_one() -> None:
    first = transaction("a.json", post("a", "", "urn:uuid:1", "identifier=urn:x|a%26code=b"))
    second = transaction("b.json", post("a", "", "urn:uuid:2", "identifier=urn:x|a&code=b"))
    merged = packed([first, second])

    assert [["a.json"], ["b.json"]] == sources(merged)
    assert [{}, {}] == [each.copies for each in merged]


def test_a_decimal_with_more_digits_is_not_the_same() -> None:
    one, other = (
        {**post("a", "", f"urn:uuid:{value}"), "resource": parse(
            f'{{"resourceType":"Basic","identifier":[{{"system":"urn:x","value":"a"}}],"valueDecimal":{value}}}'
        )}
        for value in ("1.0", "1.00")
    )  # fmt: skip
    merged = packed([transaction("a.json", one), transaction("b.json", other)])

    assert [["a.json"], ["b.json"]] == sources(merged)
    assert b"1.00" in dump(merged[1].body())


def uuid(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012}"


def about(url: str) -> dict[str, Any]:
    resource = {"resourceType": "Observation", "subject": {"reference": url}}
    return {"fullUrl": f"{url}9", "resource": resource, "request": {"method": "POST", "url": "Observation"}}


def created(key: str, number: int) -> dict[str, Any]:
    return post(key, "", uuid(number), f"identifier=urn:x|{key}")


def subjects(merged: Transaction) -> list[str]:
    """Which identifier what each Observation is about has."""
    entries = merged.body()["entry"]
    key_of = {
        one["fullUrl"]: one["resource"]["identifier"][0]["value"] for one in entries if "subject" not in one["resource"]
    }
    return [key_of[one["resource"]["subject"]["reference"]] for one in entries if "subject" in one["resource"]]


def test_references_to_a_copy_lead_to_what_is_sent() -> None:
    documents_ = [transaction(f"{n}.json", created("a", n), about(uuid(n))) for n in (1, 2)]
    (merged,) = packed(documents_)

    assert {2: 0} == merged.copies
    assert ["a", "a"] == subjects(merged)


def test_a_copy_of_a_copy_is_a_copy() -> None:
    (merged,) = packed([transaction(f"{n}.json", created("a", url)) for n, url in enumerate((1, 2, 2, 1))])

    assert dict.fromkeys((1, 2, 3), 0) == merged.copies


def test_a_fullurl_that_means_another_resource_in_the_next_document_keeps_its_meaning() -> None:
    first = transaction("a.json", created("a", 1), created("b", 2), about(uuid(1)))
    second = transaction("b.json", created("a", 2), {**about(uuid(2)), "fullUrl": uuid(7)})
    merged = packed([first, second])

    assert ["a", "a"] == [key for each in merged for key in subjects(each)]


def test_the_size_that_was_counted_counts_more_than_the_one_that_is_passed() -> None:
    given_, _ = bundle_entries({"resourceType": "Basic", "id": "a"}, source="a.json")
    other, _ = bundle_entries({"resourceType": "Basic", "id": "b"}, source="b.json")
    most = Caps(bytes=400)
    transactions = [planned(each, UNKNOWN, caps=most).transactions[0] for each in (given_, other)]

    assert all(len(dump(each.body())) <= 400 for each in packed(transactions, most, size=0))
    assert 2 == len(packed(transactions, Caps(bytes=200), size=0))


def test_nothing_is_given_when_nothing_was_added() -> None:
    assert [] == list(Merger(Caps()).flush())
