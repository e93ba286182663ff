"""The files by which others install, cite and call the program say what is so; none of them is built or run here."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from support import CASES, ROOT, run_command

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def loaded(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_names_the_version_and_the_licence_of_the_package() -> None:
    citation = loaded("CITATION.cff")

    assert (PROJECT["name"], PROJECT["version"], PROJECT["license"]) == tuple(
        citation[name] for name in ("title", "version", "license")
    )


@pytest.mark.parametrize("hook", loaded(".pre-commit-hooks.yaml"), ids=lambda hook: hook["id"])
def test_a_hook_passes_what_is_right_and_fails_what_is_wrong(hook: dict[str, Any], tmp_path: Path) -> None:
    program, *arguments = shlex.split(hook["entry"])
    good = CASES / "minimal" / ("case.yaml" if hook["types"] == ["yaml"] else "bundle.json")
    bad = tmp_path / good.name
    bad.write_text(good.read_text(encoding="utf-8").replace("unknown", "unknwn"), encoding="utf-8")

    assert "fhir-case" == program
    assert 0 == run_command(*arguments, good).exit_code
    assert 5 == run_command(*arguments, good, bad).exit_code


def test_the_action_calls_a_command_that_there_is(tmp_path: Path) -> None:
    action = loaded("action.yml")
    script = action["runs"]["steps"][-1]["run"]
    inputs = {name.upper(): each.get("default", "'*.json'") for name, each in action["inputs"].items()}
    (command,) = re.findall(r"^fhir-case (.*) >", script, flags=re.MULTILINE)
    filled = re.sub(r'"?\$(\w+)"?', lambda found: inputs[found[1]], command)
    (tmp_path / "bundle.json").write_bytes((CASES / "minimal" / "bundle.json").read_bytes())

    assert action["runs"]["steps"][-1]["env"].keys() == inputs.keys()
    assert 0 == run_command(*shlex.split(filled), cwd=tmp_path).exit_code


def test_the_containers_are_made_by_what_is_there() -> None:
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    comment, _, container = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8").partition("\n")

    assert set(re.findall(r"/source\[(\w+)\]", docker)) <= PROJECT["optional-dependencies"].keys()
    assert comment.startswith("//")
    assert (ROOT / json.loads(container)["postCreateCommand"]).is_file()
