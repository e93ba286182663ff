"""A server with one planted fault is found out, by the questions that are about it and by no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.interop.inputs import case_input
from fhir_case.interop.probe import ProbeGroup, run_probe
from fhir_case.interop.probes import PROBES
from fhir_case.interop.run import interop_server
from fhir_case.mapping import load_case
from fhir_case.server.client import Client
from fhir_case.server.connection import Connection
from smallserver import SmallServer
from support import SHIPPED_COUNT

if TYPE_CHECKING:
    from fhir_case.interop.result import ServerResult, State
    from fhir_case.interop.sandbox import Sandbox

# For each fault the questions that a server with it fails, and what becomes of the resources of the case.
FOUND: dict[str, tuple[set[str], dict[State, int]]] = {
    "drops-element": ({"texts"}, {"altered": 115}),
    "drops-extension": ({"extensions"}, {"altered": 112}),
    "drops-note": ({"elements"}, {"altered": 24}),
    "drops-tag": ({"tags"}, {}),
    "drops-label-display": ({"tags"}, {"altered": SHIPPED_COUNT}),
    "adds-language": (set(), {"altered": SHIPPED_COUNT}),
    "drops-unknown-silently": ({"unknown-element"}, {}),
    "rewrites-code": ({"codings"}, {"altered": 66}),
    "rounds-decimals": ({"decimals"}, {"altered": 1}),
    "cuts-seconds": ({"dates"}, {}),
    "drops-time-zone": ({"dates", "time-zones"}, {"altered": 1}),
    "cuts-dates": ({"dates"}, {}),
    "cuts-long-strings": ({"long-text"}, {}),
    "mangles-unicode": ({"unicode"}, {"altered": 2}),
    "loses-one-of-a-hundred": ({"large-bundle"}, {"lost": 1}),
    "breaks-atomicity": ({"transaction-atomic"}, {}),
    "keeps-urn-references": ({"transaction-references"}, {}),
    "keeps-conditional-references": ({"conditional-reference"}, {}),
    "ignores-if-none-exist": ({"conditional-create", "conditional-create-many"}, {}),
    "duplicates-on-conditional-create": ({"conditional-create-transaction"}, {}),
    "ignores-if-match": ({"if-match"}, {}),
    "no-etag": ({"etag"}, {}),
    "wrong-etag": ({"etag"}, {}),
    "repeats-a-page": ({"search-paging"}, {}),
    "skips-on-paging": ({"search-paging"}, {}),
    "endless-pages": ({"search-paging"}, {}),
    "wrong-total": ({"search-total", "search-count"}, {}),
    "ignores-date-prefix": ({"search-date", "search-date-range"}, {}),
    "ignores-unknown-parameter-silently-strict": ({"search-unknown-parameter"}, {}),
    "search-ignores-code": ({"search-code", "search-medication-code"}, {}),
    "include-missing": ({"search-include"}, {}),
    "revinclude-missing": ({"search-revinclude"}, {}),
    "includes-too-much": ({"search-include-only"}, {}),
    "revincludes-too-much": ({"search-revinclude-only"}, {}),
    "self-link-names-ignored": ({"search-self-link-only"}, {}),
    "chained-ignored": ({"search-chained"}, {}),
    "read-after-delete-200": ({"delete-and-read"}, {}),
    "history-misses-version": ({"history"}, {}),
    "patch-ignored": ({"json-patch"}, {}),
    "validate-finds-nothing": ({"validate-error"}, {}),
    "everything-incomplete": ({"everything"}, {}),
    "batch-stops-at-first-error": ({"batch-independent"}, {}),
    "claims-too-much": ({"capability-true", "history", "json-patch", "everything"}, {}),
    "large-bundle-refused": ({"large-bundle"}, {"rejected": SHIPPED_COUNT}),
}  # fmt: skip
# The same for faults that the case does not come across.
FOUND_BY_PROBES = {
    "keeps-unresolved-placeholders": {"transaction-unresolved"},
    "stores-unknown-types": {"transaction-unknown-type"},
    "judges-conditions-before": {"transaction-condition-twice"},
    "races-on-conditional-create": {"conditional-create-parallel"},
    "accepts-any-id": {"id-not-allowed"},
    "refuses-long-ids": {"id-of-64-characters"},
    "breaks-on-long-strings": {"long-index"},
    "head-is-404": {"head"},
    "ignores-format": {"format-parameter"},
    "refuses-fhir-version": {"fhir-version"},
    "refuses-gzip": {"gzip-body"},
    "answers-json-for-xml": {"xml-read"},
    "reads-first-of-xml": {"xml-create"},
    "binary-never-raw": {"binary-content"},
    "binary-always-raw": {"binary-resource"},
    "cuts-bundles": {"bundle-kept"},
    "unpacks-bundles": {"bundle-not-unpacked"},
    "drops-periods": {"medication-effective"},
    "search-misses-periods": {"search-medication-effective"},
}
LIES_ABOUT_ALL = "answers-200-to-everything"


def outcome_of(server: SmallServer, *, with_case: bool = True) -> ServerResult:
    url = server.url
    inputs = [case_input("hcc", load_case("hcc-tare-sorafenib"))] if with_case else []
    return interop_server("small", lambda: Client(url), Connection(), inputs, namespace="interop-a", wait_s=0.3)


def failed(result: ServerResult) -> set[str]:
    return {each.name for each in result.probes if each.verdict == "fail"}


def spoilt(result: ServerResult) -> dict[State, int]:
    return {
        state: count
        for bundle in result.bundles
        for state, count in bundle.counts.items()
        if count and state not in ("equal", "added", "rewritten")
    }


def test_a_correct_server_passes_every_question_and_nothing_is_left_on_it() -> None:
    with SmallServer() as server:
        result = outcome_of(server)
        there = [kind for kind in ("Patient", "Observation", "Provenance") if found(server, kind)]

    assert {} == {each.name: each.observed for each in result.probes if each.verdict != "pass"}
    assert ({}, SHIPPED_COUNT) == (spoilt(result), sum(result.bundles[0].counts.values()))
    assert ("", ()) == (result.error, result.left)
    assert [] == there


def found(server: SmallServer, kind: str) -> int:
    with Client(server.url) as client:
        return sum(1 for _ in client.search(kind, {}))


@pytest.mark.parametrize("fault", FOUND)
def test_a_fault_is_found_by_the_questions_about_it_and_by_no_other(fault: str) -> None:
    with SmallServer(faults=(fault,)) as server:
        result = outcome_of(server)

    assert FOUND[fault] == (failed(result), spoilt(result))
    assert {"not run"} >= {each.verdict for each in result.probes} - {"pass", "fail"}


@pytest.mark.parametrize("fault", FOUND_BY_PROBES)
def test_a_fault_that_the_case_does_not_show_is_found_by_the_questions_about_it(fault: str) -> None:
    with SmallServer(faults=(fault,)) as server:
        result = outcome_of(server, with_case=False)
        left = server.names

    assert (FOUND_BY_PROBES[fault], set(), ()) == (failed(result), left, result.left)
    assert {"not run"} >= {each.verdict for each in result.probes} - {"pass", "fail"}


def test_a_correct_server_of_r5_passes_every_question() -> None:
    with SmallServer() as server:
        server.behaviour.fhir_version = "5.0.0"
        result = outcome_of(server, with_case=False)
        left = server.names

    assert ({}, set()) == ({each.name: each.observed for each in result.probes if each.verdict != "pass"}, left)


def test_all_that_is_stored_is_labelled_as_test_data() -> None:
    with SmallServer() as server:
        outcome_of(server, with_case=False)
        bodies = [each.body for each in server.requests if isinstance(each.body, dict) and "$validate" not in each.path]

    sent = [one for body in bodies for one in [body, *(each.get("resource", {}) for each in body.get("entry", []))]]
    unlabelled = {
        one["resourceType"]
        for one in sent
        if one and not any(each["code"] == "HTEST" for each in one.get("meta", {}).get("security", []))
    }
    assert {"Bundle"} == unlabelled  # the transactions themselves, which are not stored
    assert {"Binary", "Bundle", "MedicationStatement", "Observation", "Patient"} <= {
        each["resourceType"] for each in sent if each
    }


def test_there_is_an_expectation_for_each_fault_that_can_be_planted() -> None:
    assert set(SmallServer.FAULTS) == {*FOUND, *FOUND_BY_PROBES, LIES_ABOUT_ALL}


def test_a_server_that_says_yes_to_all_proves_nothing_by_it() -> None:
    with SmallServer(faults=(LIES_ABOUT_ALL,)) as server:
        result = outcome_of(server)

    # It is asked for its CapabilityStatement, and for what is no request at all: these two it answers as it should.
    assert {"capability-statement", "error-outcome"} == {e.name for e in result.probes if e.verdict == "pass"}
    assert {"not checked": SHIPPED_COUNT} == spoilt(
        result
    )  # it confirms nothing, so that what became of them is unknown


@pytest.mark.parametrize(
    ("without", "names"),
    [
        ("patch", {"json-patch", "json-patch-test"}),
        ("history", {"history"}),
        ("everything", {"everything"}),
        ("validate", {"validate-error", "validate-valid"}),
        ("include", {"search-include", "search-include-only"}),
        ("batch", {"batch-independent"}),
        ("xml", {"xml-read", "xml-create"}),
    ],
)
def test_what_a_server_does_not_claim_counts_neither_for_it_nor_against_it(without: str, names: set[str]) -> None:
    with SmallServer(without=(without,)) as server:
        result = outcome_of(server, with_case=False)

    assert names == {each.name for each in result.probes if each.verdict == "not applicable"}
    assert set() == failed(result)


def test_each_question_has_a_name_of_its_own_a_place_in_the_specification_and_evidence_when_it_fails() -> None:
    with SmallServer(faults=("answers-200-to-everything",)) as server:
        result = outcome_of(server, with_case=False)

    names = [one.description.name for one in PROBES]
    assert len(names) == len(set(names))
    assert all(one.description.specification.startswith("https://hl7.org/fhir/R4/") for one in PROBES)
    assert [] == [each.name for each in result.probes if each.verdict == "fail" and not each.exchanges]


def test_an_answer_of_any_shape_is_a_finding_and_no_crash() -> None:
    group = ProbeGroup("Group")

    @group.probe("title", level="SHALL", page="http.html", expected="something")
    def shapeless(sandbox: Sandbox) -> str:
        return str((sandbox.ask("GET", "metadata").body or {})["rest"][0]["nothing"]["there"])

    with SmallServer() as server:
        from fhir_case.interop.claims import Claims
        from fhir_case.interop.recorder import Recorder
        from fhir_case.interop.sandbox import Sandbox

        with Recorder(server.url) as recorder:
            result = run_probe(group.probes[0], Sandbox(recorder, Claims(None), "interop-b"))

    assert ("fail", 1) == (result.verdict, len(result.exchanges))
    assert "another shape" in result.observed
