"""A small Bundle, the answers of a server that is made up, and a server that breaks off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smallserver import SmallServer
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BASE = "https://fhir.example/fhir"
INVALID = "https://fhir-case.invalid"


def entry(kind: str, key: str, **elements: Any) -> dict[str, Any]:
    resource = {
        "resourceType": kind,
        "id": f"demo-{key}",
        "identifier": [{"system": "urn:fhir-case:demo", "value": key}],
        **elements,
    }
    return {
        "fullUrl": f"{INVALID}/{kind}/demo-{key}",
        "resource": resource,
        "request": {"method": "PUT", "url": f"{kind}/demo-{key}"},
    }


@pytest.fixture(autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which journals are kept, so that none is written into the home of who runs the tests."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def fake() -> Iterator[SmallServer]:
    """A small FHIR server on loopback that says that it is HAPI FHIR."""
    with SmallServer.like() as server:
        yield server


@pytest.fixture
def run() -> Callable[..., tuple[int, str, str]]:
    """Run a command line; return exit code, standard output and standard error."""
    return run_command


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal of an upload is written."""
    return tmp_path / "journal.jsonl"


@pytest.fixture
def bundle() -> dict[str, Any]:
    """A transaction as the build stage makes it: a patient, a finding about her, and where both come from."""
    provenance = entry("Provenance", "provenance", target=[{"reference": "Patient/demo-patient"}])
    del provenance["resource"]["identifier"]
    subject = {"reference": "Patient/demo-patient"}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry("Patient", "patient", gender="female"),
            entry("Observation", "afp", subject=subject),
            provenance,
        ],
    }


@pytest.fixture
def collection(bundle: dict[str, Any]) -> dict[str, Any]:
    """The same resources in a Bundle that asks for nothing."""
    entries = [{name: one[name] for name in ("fullUrl", "resource")} for one in bundle["entry"]]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
