"""A small cohort, in the layout of Bulk Data, and a server to load it into."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from small_case import HEAD
from smallserver import SmallServer
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASE = (
    HEAD
    + """\
laboratory:
  - {key: albumin, test: albumin, value: 4.1 g/dL, vary: {value: 2-5 g/dL}, at: visit, source: page 1}
  - {key: inr, test: inr, value: 1.08, vary: {probability: 0.5}, at: baseline, source: page 1}
"""
)


@pytest.fixture(autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which journals are kept, so that none is written into the home of who runs the tests."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """The file of a case of which a value varies."""
    file = tmp_path / "small.yaml"
    file.write_text(CASE, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort of twelve patients in three shards; nothing may change it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "small.yaml").write_text(CASE, encoding="utf-8")
    out = folder / "cohort"
    assert (
        0
        == run_command(
            "synth", folder / "small.yaml", "-n", 12, "--shard-size", 5, "-j", 1, "--out", out, "-q"
        ).exit_code
    )
    return out


@pytest.fixture
def cohort(made: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return shutil.copytree(made, tmp_path / "cohort")


@pytest.fixture
def server() -> Iterator[SmallServer]:
    """A small FHIR server on loopback that says that it is HAPI FHIR."""
    with SmallServer.like() as started:
        yield started
