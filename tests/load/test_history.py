"""Of a history the newest version of each resource is loaded, and nothing that was deleted in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import BundleError
from fhir_case.load.plan.bundle import bundle_entries
from load.sample import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer


def version(number: int, **elements: Any) -> dict[str, Any]:
    meta = {"versionId": str(number)}
    request = {"method": "PUT" if number > 1 else "POST", "url": f"Patient/a/_history/{number}"}
    return {"resource": {"resourceType": "Patient", "id": "a", "meta": meta, **elements}, "request": request}


def deleted(place: str, number: int) -> dict[str, Any]:
    return {"request": {"method": "DELETE", "url": place}, "response": {"status": "200", "etag": f'W/"{number}"'}}


def history(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "history", "entry": list(entries)}


def test_the_newest_version_counts_and_the_older_ones_are_counted() -> None:
    given, warnings = bundle_entries(history(version(3, gender="male"), version(2), version(1)))

    assert ["male"] == [each.resource["gender"] for each in given]
    assert ("left out of a history, older versions of the same resource: 2",) == warnings


@pytest.mark.parametrize("place", ["Patient/b", "Patient/b/_history/2"])
def test_what_was_deleted_in_the_end_is_left_out(place: str) -> None:
    older = {"resource": {"resourceType": "Patient", "id": "b", "meta": {"versionId": "1"}}}
    given, warnings = bundle_entries(history(deleted(place, 2), version(1), older))

    assert ["Patient/a"] == [each.name for each in given]
    assert "left out of a history, what was deleted in the end: 1" in warnings


def test_what_was_deleted_and_stored_again_is_loaded() -> None:
    given, _ = bundle_entries(history(version(3, gender="male"), deleted("Patient/a/_history/2", 2), version(1)))

    assert ["male"] == [each.resource.get("gender") for each in given]


def test_a_history_of_nothing_but_deletions_is_an_error() -> None:
    with pytest.raises(BundleError, match="all of it was deleted"):
        bundle_entries(history(deleted("Patient/a", 2), version(1)))


def test_a_history_that_is_not_newest_first_is_refused() -> None:
    with pytest.raises(BundleError, match="version 2 of Patient/a comes after version 1"):
        bundle_entries(history(version(1), version(2)))


def test_a_history_is_uploaded(fake: SmallServer, run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    file = write(tmp_path, "history.json", history(version(2, gender="male"), version(1)))
    code, _, err = run("upload", file, "--server", fake.url)

    assert (0, "male") == (code, fake.resources["Patient/a"]["gender"])
    assert f"Warning: left out of a history, older versions of the same resource: 1: {file}" in err
