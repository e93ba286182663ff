"""What is too large for one transaction is split so that nothing refers to what is not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from fhir_case.errors import BundleError
from fhir_case.fhir.wire import dump
from fhir_case.load.plan.bundle import bundle_entries
from fhir_case.load.plan.plan import Plan, planned
from fhir_case.load.plan.split import split
from fhir_case.load.plan.transaction import Transaction
from fhir_case.server.capabilities import UNKNOWN, Capabilities, TypeCapabilities
from fhir_case.server.quirks import Caps
from load.sample import plan

OWN_IDS = TypeCapabilities(update_create=False, conditional_create=True, identifier_search=True)
GIVES_IDS = Capabilities(types={"Basic": OWN_IDS})
FAR_AWAY = "Basic/" + 64 * "9"
MORE_FOR_AN_ENTRY = 400  # an entry here has four references, and the places that they get are not known


@dataclass(frozen=True)
class Sample:
    """A Bundle, the server, its limits, and for each entry those that it refers to."""

    bundle: dict[str, Any]
    capabilities: Capabilities
    caps: Caps
    targets: list[set[int]]


def resource(number: int, form: str, *, identified: bool, text: str) -> dict[str, Any]:
    """A resource with a name, with a number as the server gives it, or with none."""
    ids = {"named": {"id": f"r-{number}"}, "numbered": {"id": f"{number}"}, "urn": {}}[form]
    identifier = {"identifier": [{"system": "urn:x", "value": f"{number}"}]} if identified else {}
    return {"resourceType": "Basic", **ids, **identifier, "code": {"text": text}}


def full_url(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012}"


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    count = draw(st.integers(1, 10))
    forms = [draw(st.sampled_from(["named", "numbered", "urn"])) for _ in range(count)]
    identified = [draw(st.booleans()) for _ in range(count)]
    targets = [set(draw(st.lists(st.integers(0, count - 1), max_size=2))) for _ in range(count)]
    entries = []
    for number, form in enumerate(forms):
        made = resource(number, form, identified=identified[number], text="ä" * draw(st.integers(0, 300)))
        pointers = []
        for target in sorted(targets[number]):
            by_name = forms[target] != "urn" and draw(st.booleans())
            name = f"Basic/{entries_id(target, forms[target])}" if by_name else full_url(target)
            version = "/_history/1" if by_name and draw(st.booleans()) else ""
            pointers.append(draw(st.sampled_from([{"reference": name + version}, {"attachment": {"url": name}}])))
        made["extension"] = [*pointers, {"reference": "Basic/elsewhere"}, {"reference": "#inside"}]
        entries.append({"fullUrl": full_url(number), "resource": made})
    caps = Caps(
        entries=draw(st.integers(0, 6)),
        bytes=draw(st.one_of(st.just(0), st.integers(500, 4000))),
        conditional=draw(st.integers(0, 4)),
    )
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return Sample(bundle, draw(st.sampled_from([UNKNOWN, GIVES_IDS])), caps, targets)


def entries_id(number: int, form: str) -> str:
    return f"r-{number}" if form == "named" else f"{number}"


def planned_of(sample: Sample) -> Plan:
    entries, _ = bundle_entries(sample.bundle, source="a.json")
    return planned(entries, sample.capabilities, caps=sample.caps)


def positions(transaction: Transaction) -> set[int]:
    return {entry.original.position for entry in transaction.entries}


def cycles(targets: list[set[int]]) -> list[set[int]]:
    """What refers to each other in a cycle, found without any cleverness; each with its members only."""
    reached = [{number} for number in range(len(targets))]
    for _ in targets:
        for number, found in enumerate(reached):
            found |= {far for near in targets[number] for far in reached[near]}
    return [{other for other in reached[number] if number in reached[other]} for number in range(len(targets))]


def size(transaction: Transaction) -> int:
    """The bytes that go over the line when all that was sent before has got the longest names."""
    before = [full_url(number) for number in range(20)] + [f"Basic/{number}" for number in range(20)]
    return len(dump(transaction.body(locations=lambda name: FAR_AWAY if name in before else "")))


def fits(transaction: Transaction, caps: Caps, *, room: int = 0) -> bool:
    """Whether a transaction is within the limits, also when each entry takes some more bytes than it does."""
    conditional = sum(bool(entry.condition) for entry in transaction.entries)
    counted = [
        (caps.entries, len(transaction.entries)),
        (caps.conditional, conditional and len(transaction.entries)),
        (caps.bytes, size(transaction) + room * len(transaction.entries)),
    ]
    return all(not most or found <= most for most, found in counted)


def refusal(sample: Sample) -> BundleError | None:
    try:
        planned_of(sample)
    except BundleError as error:
        return error
    return None


@st.composite
def plans(draw: st.DrawFn) -> tuple[Sample, Plan]:
    """A Bundle that the server can take, and what is sent for it."""
    sample = draw(samples())
    assume(refusal(sample) is None)
    return sample, planned_of(sample)


@settings(max_examples=100, deadline=None)
@given(plans())
def test_no_transaction_is_more_than_the_server_takes(case: tuple[Sample, Plan]) -> None:
    sample, made = case
    event(f"transactions: {len(made.transactions)}")
    assert [] == [str(made) for transaction in made.transactions if not fits(transaction, sample.caps)]


@settings(max_examples=100, deadline=None)
@given(plans())
def test_every_entry_is_sent_once_and_unchanged(case: tuple[Sample, Plan]) -> None:
    sample, made = case
    sent = sorted(
        ((entry.original.position, entry.original.resource) for entry in made.entries), key=lambda each: each[0]
    )
    assert list(enumerate(each["resource"] for each in sample.bundle["entry"])) == sent
    assert all(transaction.entries for transaction in made.transactions)


@settings(max_examples=100, deadline=None)
@given(plans())
def test_a_transaction_refers_only_to_itself_and_to_earlier_ones_of_its_job(case: tuple[Sample, Plan]) -> None:
    sample, made = case
    for job in made.jobs:
        sent: set[int] = set()
        for transaction in job:
            sent |= positions(transaction)
            assert set() == set().union(*(sample.targets[number] for number in positions(transaction))) - sent
            assert (len(job) > 1) == transaction.followed


@settings(max_examples=100, deadline=None)
@given(plans())
def test_what_is_split_is_reported(case: tuple[Sample, Plan]) -> None:
    sample, made = case
    told = plan(sample.bundle, sample.capabilities, caps=sample.caps).warnings
    warning = " ".join(each for each in told if "not all or nothing" in each)
    apart = " ".join(each for each in told if "in different transactions" in each)
    split_up = [transaction for job in made.jobs for transaction in job if len(job) > 1]
    assert (len(made.transactions) > 1) == bool(warning)
    assert bool(split_up) == bool(apart)
    if split_up:
        assert split_up[0].entries[0].original.name in apart
    closed = [transaction for transaction in made.transactions if transaction not in split_up]
    for transaction in closed:
        own = positions(transaction)
        assert all(sample.targets[number] <= own for number in own)


@settings(max_examples=120, deadline=None)
@given(samples())
def test_only_what_is_too_large_is_refused_and_it_is_named(sample: Sample) -> None:
    entries, _ = bundle_entries(sample.bundle)
    unlimited = {each.original.position: each for each in planned(entries, sample.capabilities, caps=Caps()).entries}
    together = [Transaction(tuple(unlimited[n] for n in sorted(cycle))) for cycle in cycles(sample.targets)]
    error = refusal(sample)
    if error is None:
        assert [] == [cycle for cycle in together if not fits(cycle, sample.caps)]
        return
    named = set(error.where.removesuffix(" …").split(", "))
    about = [cycle for cycle in together if named <= {entry.original.name for entry in cycle.entries}]
    event("refused")
    assert about
    assert any(not fits(cycle, sample.caps, room=MORE_FOR_AN_ENTRY) for cycle in about)
    assert str(sample.caps) in error.message


@settings(max_examples=60, deadline=None)
@given(samples())
def test_what_fits_whole_is_sent_whole(sample: Sample) -> None:
    entries, _ = bundle_entries(sample.bundle)
    whole = planned(entries, sample.capabilities, caps=Caps())
    generous = Caps(len(entries), size(whole.transactions[0]) + len(entries) * MORE_FOR_AN_ENTRY, len(entries))

    assert 1 == len(whole.transactions)
    made = planned(entries, sample.capabilities, caps=generous)
    assert [entry.original.position for entry in made.entries] == list(range(len(entries)))
    assert 1 == len(made.transactions)
    told = plan(sample.bundle, sample.capabilities, caps=generous).warnings
    assert [] == [each for each in told if "not all or nothing" in each]


@settings(max_examples=60, deadline=None)
@given(samples())
def test_a_whole_bundle_is_planned_as_its_entries_are(sample: Sample) -> None:
    if refusal(sample):
        with pytest.raises(BundleError):
            plan(sample.bundle, sample.capabilities, caps=sample.caps)
        return
    made = planned_of(sample)
    ours = plan(sample.bundle, sample.capabilities, caps=sample.caps)

    assert [
        [[dump(entry.original.resource) for entry in transaction.entries] for transaction in job] for job in made.jobs
    ] == [
        [[dump(entry.original.resource) for entry in transaction.entries] for transaction in job] for job in ours.jobs
    ]


def chain(count: int, *, cycle: bool = False) -> dict[str, Any]:
    entries = []
    for number in range(count):
        target = (number + 1) % count if cycle else min(number + 1, count - 1)
        made = resource(number, "named", identified=False, text="")
        made["subject"] = {"reference": f"Basic/r-{target}"}
        entries.append({"fullUrl": full_url(number), "resource": made})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def test_a_long_chain_is_sent_from_its_end() -> None:
    made = plan(chain(5000), caps=Caps(entries=100))

    assert 50 == len(made.transactions)
    assert {4999, 4998} <= positions(made.transactions[0])
    assert {0, 1} <= positions(made.transactions[-1])
    assert "5000 entries are sent as 50 transactions" in made.warnings[-2]


def test_a_cycle_that_is_too_large_is_refused_with_some_of_its_names() -> None:
    with pytest.raises(BundleError) as caught:
        plan(chain(8, cycle=True), caps=Caps(entries=5))

    assert caught.value.message.startswith("8 resources refer to each other in a cycle")
    assert "Basic/r-0, Basic/r-1, Basic/r-2 …" == caught.value.where
    assert "whole" in caught.value.hint


def test_one_resource_that_is_too_large_is_named() -> None:
    bundle = chain(2)
    bundle["entry"][1]["resource"]["code"]["text"] = "x" * 2000

    with pytest.raises(BundleError) as caught:
        plan(bundle, caps=Caps(bytes=1500))

    assert "Basic/r-1" == caught.value.where
    assert "1,500 bytes" in caught.value.message


def test_a_list_of_many_references_has_room_for_the_names_that_the_server_gives() -> None:
    count, most = 43, 6000
    people = [
        {"fullUrl": full_url(n), "resource": resource(n, "numbered", identified=True, text="x" * 900)}
        for n in range(count)
    ]
    listing = {"resourceType": "Basic", "id": "all", "extension": [{"reference": f"Basic/{n}"} for n in range(count)]}
    made = plan({**chain(1), "entry": [*people, {"resource": listing}]}, caps=Caps(bytes=most))

    (job,) = made.jobs
    places = {name: FAR_AWAY for entry in made.entries for name in entry.names if not entry.by_id}
    sizes = [len(dump(transaction.body(locations=lambda name: places.get(name, "")))) for transaction in job]
    assert len(job) > 1
    assert max(sizes) <= most


def test_the_binary_of_an_attachment_is_sent_before_the_document_that_points_to_it() -> None:
    binary = {"fullUrl": full_url(1), "resource": {"resourceType": "Binary", "contentType": "text/plain"}}
    attachment = {"attachment": {"contentType": "text/plain", "url": full_url(1)}}
    document = {"resourceType": "DocumentReference", "content": [attachment]}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": document}, binary]}
    made = plan(bundle, caps=Caps(entries=1))

    assert [["Binary", "DocumentReference"]] == [[each.entries[0].original.type for each in job] for job in made.jobs]
    assert "refer to each other and are sent in different transactions" in " ".join(made.warnings)


def test_nothing_is_read_of_the_size_where_no_limit_is_known() -> None:
    entries, _ = bundle_entries(chain(3))
    made = planned(entries, UNKNOWN, caps=Caps(entries=3)).entries

    assert [0] == [size for part in split(made, Caps(entries=3)) for size in part.sizes]
