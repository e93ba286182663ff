"""Every command answers with one envelope in JSON, has only data on standard output, and is silent with ``--quiet``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import jsonschema_rs
import pytest

from fhir_case.cli import COMMANDS, cli, main
from fhir_case.errors import ExitCode
from fhir_case.report.envelope import output_schema_path
from fhir_case.report.interop.json import interop_schema_path
from fhir_case.server import hapi
from load.sample import TEST_DATA
from support import case_source, run_command
from validation.test_packages_command import archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smallserver import SmallServer

OTHER_DATA = {"completion": "a script of the shell, which nothing else reads"}
pytestmark = pytest.mark.usefixtures("state_home")


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Validator:
    interop = json.loads(interop_schema_path().read_bytes())
    registry = jsonschema_rs.Registry([(interop["$id"], interop)])
    return jsonschema_rs.Draft202012Validator(json.loads(output_schema_path().read_bytes()), registry=registry)


@pytest.fixture
def folder(tmp_path: Path, small: SmallServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A patient, its journal on the small server, a package, servers, and an embedded server that runs."""
    patient = {"resourceType": "Patient", "id": "a", "meta": TEST_DATA, "active": True}
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'}
    (tmp_path / "p.json").write_text(json.dumps({**patient, "text": text}))
    (tmp_path / "case.yaml").write_bytes(Path(case_source("minimal")).read_bytes())
    (tmp_path / "g.tgz").write_bytes(archive("guide", "1.0.0"))
    (tmp_path / "servers.toml").write_text(f'[here]\nurl = "{small.url}"\n')
    (tmp_path / "table.csv").write_text("id,sex\n1,f\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "broken.toml").write_text("[here\n")
    (tmp_path / "log").write_text("one\ntwo\n")
    assert 0 == run_command("upload", "p.json", "--server", small.url, "--journal", "j", cwd=tmp_path).exit_code
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    running = hapi.RunningServer(
        pid=1, created=1.0, host="127.0.0.1", port=8080, base_url="http://127.0.0.1:8080/fhir", fhir="R4", data="",
        log=str(tmp_path / "log"), started="2026-01-01T00:00:00Z", detached=True,
    )  # fmt: skip
    monkeypatch.setattr(hapi, "running_servers", lambda: (running,))
    monkeypatch.setattr(hapi, "stop_server", lambda _: None)
    monkeypatch.setattr(hapi.HapiServer, "start_detached", lambda _: running)
    return tmp_path


RECIPE = """\
recipe: small
title: Patient {id}
report: {citation: a table, transcribed: 2026-11-29}
timeline: {anchor: diagnosis, index_date: 2020-01-01}
files: {table: {path: table.csv, patient: id, rows: patient}}
entries:
  - {section: patient, file: table, fields: {sex: {column: sex, map: {f: female}}}}
  - section: conditions
    file: table
    key: diagnosis
    fields: {kind: disease, diagnosis: {text: gout}, verification: confirmed, status: active, at: anchor}
"""

# Of each command: one call that does what it is for, and one that is refused, with its exit code.
CALLS: dict[str, tuple[str, str, int]] = {
    "run": ("case.yaml --server URL --engine none", "nowhere", 3),
    "cases": ("", "one", 2),
    "new": ("-", "case.yaml", 2),
    "schema": ("", "nosection", 2),
    "mappings": ("", "--mapping p.json", 4),
    "codes": ("routes", "notable", 2),
    "import": ("recipe.yaml -o out", "nowhere.yaml", 3),
    "build": ("case.yaml", "nowhere", 3),
    "synth": ("case.yaml -n 2 --out cohort -j 1", "nowhere -n 2 --out cohort", 3),
    "views": ("", "nowhere", 2),
    "explain": ("case.yaml", "nowhere", 3),
    "validate": ("p.json --engine none", "nowhere.json", 2),
    "upload": ("p.json --server URL", "servers.toml --server URL", 4),
    "timeline": ("case.yaml", "servers.toml", 4),
    "export": ("case.yaml --to phenopacket", "nowhere --to phenopacket", 2),
    "verify": ("j", "p.json", 2),
    "undo": ("j", "p.json", 2),
    "interop": ("case.yaml --server URL --probe etag --patience 0", "case.yaml --server URL --probe none", 2),
    "packages add": ("g.tgz", "nowhere.tgz", 8),
    "packages list": ("", "one", 2),
    "server start": ("--detach", "--port x", 2),
    "server status": ("", "one", 2),
    "server stop": ("", "--port 1 --all", 2),
    "server log": ("", "--port 1", 2),
    "server list": ("", "--servers broken.toml", 2),
    "server check": ("here", "there", 2),
    "doctor": ("", "nothing", 2),
}
MORE = {
    "new": ["new.yaml", "--section patient"],
    "schema": ["patient", "-o s.json", "--of interop", "--of recipe"],
    "codes": ["", "--search zzz"],
    "import": ["recipe.yaml", "--draft table.csv", "--draft table.csv -o drafted.yaml"],
    "build": [
        "case.yaml -o b.json", "recipe.yaml -o bundles", "case.yaml --out cohort --layout bulk",
        "case.yaml --type document --fhir R5",
    ],
    "views": ["stage", "-o views", "stage patient"],
    "explain": ["case.yaml -o e.json", "case.yaml --only words"],
    "validate": ["--list-rules", "p.json case.yaml --engine none --verbose --jobs 1"],
    "upload": ["p.json --server URL --dry-run", "p.json --server URL --restart"],
    "timeline": ["case.yaml -o t.svg", "p.json"],
    "export": ["case.yaml --to phenopacket -o x.json"],
    "interop": ["--list-probes"],
}  # fmt: skip


def _words(name: str, call: str, small: SmallServer) -> list[str]:
    return [*name.split(), *(small.url if word == "URL" else word for word in call.split())]


def _leaves(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    for each in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), each)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{name}{each} ")
        else:
            yield f"{name}{each}", command


def test_every_command_answers_in_json_but_those_whose_data_is_something_else() -> None:
    commands = dict(_leaves(cli))
    lacking = []
    for name, command in commands.items():
        options = {option: each for each in command.params for option in each.opts}
        form = options.get("--format")
        in_json = form is not None and isinstance(form.type, click.Choice) and "json" in form.type.choices
        if not (in_json and {"-q", "--quiet"} <= set(options)):
            lacking.append(name)

    assert list(OTHER_DATA) == lacking
    assert set(commands) == set(CALLS) | set(OTHER_DATA)
    assert set(CALLS) == set(json.loads(output_schema_path().read_bytes())["properties"]["command"]["enum"]) - {""}
    assert set(COMMANDS) == {name.partition(" ")[0] for name in commands}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_command_found_is_the_result_in_the_envelope_and_quiet_leaves_nothing_else(
    name: str, folder: Path, small: SmallServer, schema: jsonschema_rs.Validator
) -> None:
    for call in [CALLS[name][0], *MORE.get(name, ())]:
        done = run_command(*_words(name, call, small), "--format", "json", "--quiet", cwd=folder)
        found = json.loads(done.stdout)

        schema.validate(found)
        assert (name, done.exit_code) == (found["command"], found["exit_code"])
        assert ("", "done", []) == (done.stderr, found["outcome"], found["errors"]), call
        assert found["result"] is not None


@pytest.mark.parametrize("name", CALLS)
def test_what_a_command_refuses_is_in_the_envelope_with_the_exit_code_and_on_standard_error(
    name: str, folder: Path, small: SmallServer, schema: jsonschema_rs.Validator
) -> None:
    _, call, code = CALLS[name]
    done = run_command(*_words(name, call, small), "--format", "json", "-q", cwd=folder)
    found = json.loads(done.stdout)

    schema.validate(found)
    assert (name, code, code, None) == (found["command"], found["exit_code"], done.exit_code, found["result"])
    assert ExitCode(code).name.lower() == found["outcome"]  # type: ignore[call-arg]
    assert found["errors"]
    assert found["errors"][0]["message"] in done.stderr
    assert "" == run_command(*_words(name, call, small), cwd=folder).stdout


@pytest.mark.parametrize(
    ("arguments", "command", "message"),
    [
        (("--format", "json", "uplod"), "", "No such option '--format'."),
        (("uplod", "--format=json"), "", "No such command 'uplod'. Did you mean 'upload'?"),
        (("server", "list", "--format", "json", "--nothing"), "server list", "No such option '--nothing'."),
        (("build", "--type", "x", "minimal", "--format", "json"), "build", "Invalid value for '--type'"),
        (("completion", "bash", "--format", "json"), "completion", "No such option '--format'."),
    ],
)
def test_a_wrong_command_line_is_told_in_json_where_json_is_asked_for(
    arguments: tuple[str, ...], command: str, message: str, schema: jsonschema_rs.Validator
) -> None:
    done = run_command(*arguments)
    found = json.loads(done.stdout)

    assert (2, 2, command) == (done.exit_code, found["exit_code"], found["command"])
    assert found["errors"][0]["message"].startswith(message)
    assert message in done.stderr
    assert command == "completion" or schema.is_valid(found)


def test_every_mistake_of_a_case_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text("case: a\ntitle: b\npatient: {sex: mle}\nnothing: 1\n")
    found = json.loads(run_command("build", "case.yaml", "--format", "json", cwd=tmp_path).stdout)

    assert 3 == found["exit_code"]
    places = [each["where"].split(": ")[0] for each in found["errors"]]
    assert {"case.yaml:3:16", "case.yaml:4:1"} <= set(places)
    assert all(each["message"] for each in found["errors"])


def test_warnings_are_in_the_answer_also_where_standard_error_has_none(small: SmallServer, tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "a", "managingOrganization": {"reference": "Organization/none"}}
    (tmp_path / "p.json").write_text(json.dumps(patient))
    words = ("upload", "p.json", "--server", small.url, "--allow-dangling", "--dry-run", "--format", "json")
    loud, quiet = (run_command(*words, *more, cwd=tmp_path) for more in ((), ("-q",)))

    (warning,) = json.loads(quiet.stdout)["warnings"]
    assert "Organization/none" in warning
    assert quiet.stdout == loud.stdout
    assert ("", True) == (quiet.stderr, f"Warning: {warning}" in loud.stderr)


def test_what_is_skipped_is_an_error_also_with_quiet(small: SmallServer, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"resourceType": "Patient", "id": "a"}')
    (tmp_path / "bad.json").write_text("{")
    words = ("upload", tmp_path, "--server", small.url, "--keep-going", "--format", "json", "-q")
    done = run_command(*words)
    found = json.loads(done.stdout)

    assert (4, "bundle", 1) == (done.exit_code, found["outcome"], found["result"]["resources"]["created"])
    assert [str(tmp_path / "bad.json")] == [each["where"] for each in found["errors"]]
    assert done.stderr.startswith(f"Skipped: {tmp_path / 'bad.json'}: ")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [(KeyError("x"), 1, "a bug: KeyError: 'x'"), (KeyboardInterrupt(), 130, "interrupted")],
)
def test_a_bug_and_an_interruption_are_told_in_json_too(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("fhir_case.mapping.shipped_cases", fail)
    with pytest.raises((KeyError, SystemExit)):
        main(["cases", "--format", "json"])
    found = json.loads(capsys.readouterr().out)

    assert ("cases", code, message) == (found["command"], found["exit_code"], found["errors"][0]["message"])


def test_a_result_that_cannot_be_finished_is_left_out_and_the_answer_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"resourceType": "Patient", "gender": "x"}')
    (tmp_path / "b.json.gz").write_bytes(b"\x1f\x8bnothing")
    waivers = tmp_path / "w.toml"
    waivers.write_text("[[waiver]]\n")
    done = run_command("validate", "a.json", "--waivers", "w.toml", "--format", "json", cwd=tmp_path)

    assert (2, None) == (done.exit_code, json.loads(done.stdout)["result"])


def test_the_option_before_is_answered_for_one_release(folder: Path) -> None:
    for words in (("server", "list"), ("packages", "list")):
        done = run_command(*words, "--json", cwd=folder)

        assert words == tuple(json.loads(done.stdout)["command"].split())
        assert "--json is now --format json; the old name goes with the next release\n" == done.stderr


@pytest.mark.parametrize("form", ["sarif", "junit", "github"])
def test_formats_of_others_have_no_envelope(form: str, folder: Path) -> None:
    done = run_command("validate", "p.json", "--engine", "none", "--format", form, cwd=folder)

    assert 0 == done.exit_code
    assert "exit_code" not in done.stdout


def test_a_page_of_markdown_on_standard_output_has_nothing_beside_it(folder: Path, small: SmallServer) -> None:
    words = ("interop", "--server", small.url, "--probe", "etag", "--patience", "0", "-q")
    done = run_command(*words, "--markdown", "-", cwd=folder)

    assert done.stdout.startswith("| Probe |")
    assert "Interoperability" not in done.stdout
    both = run_command(*words, "--markdown", "-", "--format", "json", cwd=folder)
    assert 2 == both.exit_code
    assert "Only one report can be on standard output" in both.stderr


@pytest.mark.parametrize("name", CALLS)
def test_as_text_quiet_leaves_standard_error_empty_and_standard_output_as_it_was(
    name: str, folder: Path, small: SmallServer
) -> None:
    words = _words(name, CALLS[name][0], small)
    done = run_command(*words, "-q", cwd=folder)

    assert (0, "") == (done.exit_code, done.stderr)
    if name not in (
        "upload",
        "run",
        "undo",
        "server check",
        "interop",
        "doctor",
    ):  # whose reports have times, or what is left
        assert done.stdout == run_command(*words, cwd=folder).stdout
