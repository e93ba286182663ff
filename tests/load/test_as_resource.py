"""Bundles that are stored as resources of their own, whatever is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from load.sample import write
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

URN = "urn:uuid:c757873d-ec9a-4326-a141-55000000000"
TYPES = ("message", "transaction-response", "batch-response", "document", "searchset", "collection", "transaction")


def bundle(kind: str, **elements: Any) -> dict[str, Any]:
    patient = {"resourceType": "Patient", "id": "inner"}
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    entries: list[dict[str, Any]] = [
        {"fullUrl": f"{URN}1", "resource": {**observation, "subject": {"reference": f"{URN}2"}}},
        {"fullUrl": f"{URN}2", "resource": patient},
    ]
    for entry in entries:
        if kind == "transaction":
            entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
        elif kind.endswith("response"):
            entry["response"] = {"status": "201"}
    return {"resourceType": "Bundle", "id": f"a-{kind}", "type": kind, "entry": entries, **elements}


def stored(fake: SmallServer) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in each.items() if name != "meta"} for _, each in sorted(fake.resources.items())
    ]


@pytest.mark.parametrize("kind", TYPES)
def test_a_bundle_is_stored_verified_and_undone_as_a_resource(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, kind: str
) -> None:
    file = write(tmp_path, "a.json", bundle(kind))

    code, out, err = run("upload", file, "--server", fake.url, "--journal", journal, "--as-resource")

    assert (0, [bundle(kind)]) == (code, stored(fake)), out + err
    code, out, _ = run("verify", journal, "--format", "json")
    assert (0, ["added"]) == (code, [each["state"] for each in result_of(out)["comparisons"]]), out
    assert 0 == run("verify", file, "--server", fake.url, "--as-resource")[0]
    assert 0 == run("upload", file, "--server", fake.url, "--journal", journal, "--as-resource")[0]
    assert 0 == run("undo", journal)[0]
    assert [] == stored(fake)


def test_other_resources_are_loaded_beside_them_as_ever(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    write(tmp_path, "in/a.json", bundle("message"))
    write(tmp_path, "in/b.json", {"resourceType": "Patient", "id": "b"})

    assert 0 == run("upload", tmp_path / "in", "--server", fake.url, "--as-resource")[0]
    assert {"Bundle/a-message", "Patient/b"} == fake.names


@pytest.mark.parametrize("kind", ["message", "transaction-response", "batch-response"])
def test_without_the_option_what_holds_nothing_to_load_is_refused_with_what_to_do(
    fake: SmallServer, run: Run, tmp_path: Path, kind: str
) -> None:
    code, _, err = run("upload", write(tmp_path, "a.json", bundle(kind)), "--server", fake.url)

    assert (4, set()) == (code, fake.names)
    assert "--as-resource stores it as a resource" in err


def test_the_journal_of_the_other_way_is_not_resumed(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    file = write(tmp_path, "a.json", bundle("collection"))
    assert 0 == run("upload", file, "--server", fake.url, "--journal", journal, "--as-resource")[0]

    code, _, err = run("upload", file, "--server", fake.url, "--journal", journal)

    assert 1 == code
    assert "this journal was begun with --as-resource" in err


def test_it_is_not_sent_as_a_request_at_the_same_time(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.json", bundle("transaction"))

    assert 2 == run("upload", file, "--server", fake.url, "--as-is", "--as-resource")[0]


def test_a_bundle_inside_of_a_bundle_is_stored_as_it_is(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    outer = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": bundle("collection")}]}
    file = write(tmp_path, "a.json", outer)

    assert 0 == run("upload", file, "--server", fake.url, "--journal", journal)[0]
    assert [bundle("collection")] == stored(fake)
    assert 0 == run("verify", journal)[0]
    assert 0 == run("undo", journal)[0]
    assert [] == stored(fake)
