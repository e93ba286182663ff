"""What became better or worse since an older test, and what is not an older test."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.interop.baseline import Change, compare_with
from fhir_case.interop.result import BundleResult, InteropResult, ServerResult
from fhir_case.report.interop.json import interop_json
from fhir_case.report.interop.text import changes_text
from interop import results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fhir_case.interop.result import State, Verdict


def since(folder: Path, before: InteropResult, after: InteropResult) -> tuple[Change, ...]:
    baseline = folder / "old.json"
    baseline.write_bytes(interop_json(before))
    return compare_with(baseline, after)


def of_probe(verdict: Verdict, observed: str = "seen") -> InteropResult:
    server = ServerResult("one", "https://one.example", probes=(results.found("atomic", verdict, observed),))
    return results.result(server, probes=results.PROBES[:1])


def of_resources(*states: State, error: str = "") -> InteropResult:
    resources = tuple(results.resource(f"Patient/{number}", state) for number, state in enumerate(states))
    return results.result(
        ServerResult("one", "https://one.example", bundles=(BundleResult("hcc", resources, error),)), probes=()
    )


def test_the_same_test_again_has_changed_nothing(tmp_path: Path) -> None:
    assert () == since(tmp_path, results.result(), results.result())
    assert "Nothing has changed since the baseline." == changes_text(())


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ("pass", "fail", "worse"),
        ("pass", "not applicable", "worse"),
        ("pass", "not run", "worse"),
        ("not applicable", "fail", "worse"),
        ("not run", "fail", "worse"),
        ("fail", "pass", "better"),
        ("not applicable", "pass", "better"),
        ("not run", "pass", "better"),
        ("fail", "not applicable", "changed"),
        ("fail", "not run", "changed"),
        ("not applicable", "not run", "changed"),
        ("not run", "not applicable", "changed"),
    ],
)
def test_a_verdict_is_worse_when_a_proof_is_gone_and_better_only_when_there_is_one(
    tmp_path: Path, before: Verdict, after: Verdict, direction: str
) -> None:
    (change,) = since(tmp_path, of_probe(before), of_probe(after, "this time"))

    assert ("one", "probe atomic", before, after, direction) == (
        change.server, change.what, change.before, change.after, change.direction,
    )  # fmt: skip
    assert "this time" == change.reason


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ("equal", "added", "changed"),
        ("added", "rewritten", "worse"),
        ("rewritten", "altered", "worse"),
        ("altered", "lost", "worse"),
        ("equal", "rejected", "worse"),
        ("lost", "rejected", "changed"),
        ("lost", "altered", "better"),
        ("altered", "rewritten", "better"),
        ("rewritten", "equal", "better"),
        ("rewritten", "not checked", "worse"),
        ("altered", "not checked", "changed"),
        ("not checked", "added", "better"),
        ("not checked", "lost", "worse"),
    ],
)
def test_a_resource_is_worse_the_less_is_left_of_it(
    tmp_path: Path, before: State, after: State, direction: str
) -> None:
    (change,) = since(tmp_path, of_resources(before), of_resources(after))

    assert ("hcc: Patient/0", before, after, direction) == (change.what, change.before, change.after, change.direction)


def test_a_server_that_is_no_longer_reached_is_one_change_for_the_worse(tmp_path: Path) -> None:
    dead = results.dead_server("one")

    (change,) = since(tmp_path, results.result(results.good_server("one")), results.result(dead))
    assert Change("one", "", "tested", "not tested", "worse", dead.error) == change
    (change,) = since(tmp_path, results.result(dead), results.result(results.good_server("one")))
    assert ("not tested", "tested", "better") == (change.before, change.after, change.direction)


def test_a_probe_that_was_asked_and_has_no_result_is_not_silently_gone(tmp_path: Path) -> None:
    server = replace(results.good_server(), probes=results.good_server().probes[1:])

    (change,) = since(tmp_path, results.result(results.good_server()), results.result(server))
    assert ("probe atomic", "not run", "worse") == (change.what, change.after, change.direction)


def test_a_bundle_that_is_broken_off_is_worse_and_hides_no_resource_that_was_tried(tmp_path: Path) -> None:
    broken = of_resources("lost", error="broken off: gone")

    changes = since(tmp_path, of_resources("added", "equal", "equal"), broken)
    assert [("hcc", "not tried", "worse"), ("hcc: Patient/0", "lost", "worse")] == [
        (each.what, each.after, each.direction) for each in changes
    ]
    changes = since(tmp_path, broken, of_resources("added", "equal", "equal"))
    assert ["better", "better"] == [each.direction for each in changes]


def test_what_a_bundle_does_not_come_to_any_more_is_worse_also_when_it_was_broken_off_before(tmp_path: Path) -> None:
    changes = since(tmp_path, of_resources("added", "equal", error="slow"), of_resources("added", error="slower"))

    assert [("hcc: Patient/1", "equal", "not checked", "worse")] == [
        (each.what, each.before, each.after, each.direction) for each in changes
    ]


def test_what_is_in_one_of_them_only_is_new_or_gone(tmp_path: Path) -> None:
    old = results.result(results.good_server("one"), results.good_server("two"))
    fewer = replace(
        results.good_server("one"),
        bundles=(replace(results.good_server().bundles[0], resources=results.good_server().bundles[0].resources[:2]),),
        probes=results.good_server().probes[:4],
    )
    new = results.result(fewer, results.bad_server("three"), probes=results.PROBES[:4])

    gone = {("one", "probe history", "pass", ""), ("one", "hcc: Group/g", "added", ""), ("two", "", "tested", "")}
    changes = since(tmp_path, old, new)
    assert gone == {(each.server, each.what, each.before, each.after) for each in changes if each.direction == "gone"}
    assert [("three", "", "tested")] == [
        (each.server, each.what, each.after) for each in changes if each.direction == "new"
    ]
    back = since(tmp_path, new, old)
    assert {each[:2] for each in gone} == {(each.server, each.what) for each in back if each.direction == "new"}
    assert {"new", "gone"} == {each.direction for each in (*changes, *back)}


def test_a_baseline_of_a_version_that_asked_less_and_counted_no_requests_can_be_used(tmp_path: Path) -> None:
    now = results.result(results.good_server())
    older = json.loads(interop_json(now))
    for server in older["servers"]:
        del server["requests"]
        server["probes"] = server["probes"][1:]
    older["probes"] = older["probes"][1:]
    (tmp_path / "old.json").write_text(json.dumps(older))

    assert [("probe atomic", "", "pass", "new")] == [
        (each.what, each.before, each.after, each.direction) for each in compare_with(tmp_path / "old.json", now)
    ]


def test_a_bundle_that_is_no_longer_loaded_is_one_line(tmp_path: Path) -> None:
    without = replace(results.good_server(), bundles=())

    (change,) = since(tmp_path, results.result(results.good_server()), results.result(without))
    assert ("hcc", "tried", "", "gone") == (change.what, change.before, change.after, change.direction)


def test_resources_of_one_name_are_told_apart(tmp_path: Path) -> None:
    def twice(*states: State) -> InteropResult:
        resources = tuple(results.resource("Patient/same", state) for state in states)
        bundles = (BundleResult("a.json", resources), BundleResult("a.json", resources[:1]))
        return results.result(ServerResult("one", "https://one.example", bundles=bundles), probes=())

    changes = since(tmp_path, twice("equal", "equal"), twice("equal", "lost"))
    assert ["a.json: Patient/same (2)"] == [each.what for each in changes]
    changes = since(tmp_path, twice("equal", "equal"), twice("lost", "equal"))
    assert ["a.json: Patient/same", "a.json (2): Patient/same"] == [each.what for each in changes]


def test_an_older_file_with_other_fields_is_still_a_baseline(tmp_path: Path) -> None:
    old = json.loads(interop_json(of_probe("pass")))
    old["servers"][0]["a field of another version"] = old["another"] = 1
    del old["$schema"], old["servers"][0]["base_url"], old["servers"][0]["probes"][0]["exchanges"]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(old))

    assert ["worse"] == [each.direction for each in compare_with(file, of_probe("fail"))]


def changed(**changes: Any) -> bytes:
    """Write a baseline with other values at the top, in its server or in its probe, wherever the name is known."""
    value = json.loads(interop_json(of_probe("pass")))
    for holder in (value, value["servers"][0], value["servers"][0]["probes"][0]):
        holder.update({name: new for name, new in changes.items() if name in holder})
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": "\xff"}', "decode"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "not the JSON of an interoperability test"),
        (b'{"resourceType": "Bundle"}', "not the JSON of an interoperability test"),
        (changed(**{"$schema": "urn:something-else"}), "not the JSON of an interoperability test"),
        (changed(servers={}), ": servers: this is not a baseline: Input should be a valid tuple, not {}"),
        (changed(servers=["one"]), ": servers[0]: this is not a baseline"),
        (changed(probes=None), ": servers[0].probes: this is not a baseline: Input should be a valid tuple, not None"),
        (changed(error=None), ": servers[0].error: this is not a baseline: Input should be a valid string, not None"),
        (changed(verdict="maybe"), ": servers[0].probes[0].verdict: this is not a baseline: Input should be 'pass',"),
        (changed(verdict=["pass"]), "'fail', 'not applicable' or 'not run', not ['pass']"),
    ],
    ids=[
        "nothing", "not UTF-8", "too deep", "a list", "a Bundle", "another schema", "servers that are not a list",
        "servers that are not objects", "no probes", "no error", "another verdict", "a verdict that is a list",
    ],
)  # fmt: skip
def test_a_file_that_is_not_a_baseline_is_refused_with_its_name_and_why(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "old.json"
    file.write_bytes(content)

    with pytest.raises(FhirCaseError) as error:
        compare_with(file, of_probe("pass"))
    assert error.value.where.startswith(str(file))
    assert reason in f"{error.value.where}: {error.value.message}"
    assert error.value.hint


@pytest.mark.parametrize("name", ["absent.json", "."])
def test_a_baseline_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(FhirCaseError, match="cannot be read") as error:
        compare_with(tmp_path / name, of_probe("pass"))
    assert str(tmp_path / name) == error.value.where


def change(what: str, *states: str, reason: str = "") -> Change:
    before, after, direction = states
    return Change("one", what, before, after, direction, reason)  # type: ignore[arg-type]


def test_changes_are_counted_and_listed_the_worse_first() -> None:
    changes: Sequence[Change] = (
        change("hcc: Patient/p", "lost", "equal", "better"),
        change("probe new", "", "fail", "new", reason="seen"),
        change("probe atomic", "pass", "fail", "worse", reason="half\x1b of it"),
        change("", "tested", "", "gone"),
    )

    expected = """\
Since the baseline  [worse, better, changed, new, gone]  1, 1, 0, 1, 1
  worse    one: probe atomic: pass -> fail (half\\u001b of it)
  better   one: hcc: Patient/p: lost -> equal
  new      one: probe new: fail (seen)
  gone     one: was tested"""
    assert expected == changes_text(changes)


def test_a_long_list_of_changes_is_cut_but_counted() -> None:
    lines = changes_text([change(f"probe p{number}", "pass", "fail", "worse") for number in range(50)]).splitlines()

    assert "50, 0, 0, 0, 0" in lines[0]
    assert ("  worse    and 10 more", 42) == (lines[-1], len(lines))
