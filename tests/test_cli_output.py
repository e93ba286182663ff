"""Text leaves the program at one place: what steers a terminal or a build server, and our own secrets, do not."""

from __future__ import annotations

import ast
import base64
import json
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from fhir_case.cli import main
from load.sample import TEST_DATA
from smallserver import Reply, Request, SmallServer
from support import ROOT, run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "SeCrEtToKeN-4711-abcdef"
PASSWORD = 'open "sesame" & <more>/x'
pytestmark = pytest.mark.usefixtures("state_home")
PATIENT = {"resourceType": "Patient", "id": "a", "meta": TEST_DATA}
# The title of a window, a bell, 8-bit CSI, a mark of direction, a line separator, and an order to GitHub Actions.
HOSTILE = "\x1b]0;PWN\x07\x9b31m\u202e\u2028x\n::error file=a::PWN\n##[error]PWN ##vso[task.complete]\r::warning::PWN"


def steering(text: str) -> list[str]:
    """Return what of a text a terminal or a build server would obey."""
    controls = [sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp"} and sign != "\n"]
    orders = [line for line in text.splitlines() if line.lstrip().startswith("::")]
    return controls + orders + [mark for mark in ("##[", "##vso[") if mark in text]


def test_only_the_module_of_output_prints() -> None:
    found = []
    for file in sorted((ROOT / "fhir_case").rglob("*.py")) + sorted((ROOT / "mappings").rglob("*.py")):
        if file == ROOT / "fhir_case" / "cli" / "output.py":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}:
                    found.append(f"{file.name}:{node.lineno}: {name}")

    assert [] == found


def _hostile_inputs(folder: Path) -> dict[str, Path]:
    patient = {**PATIENT, "id": "b"}
    texts: dict[str, Any] = {
        "key.json": f'{{"resourceType":"Patient","id":"a",{json.dumps(HOSTILE)}:1,{json.dumps(HOSTILE)}:2}}',
        "url.json": _bundle({"resource": patient, "request": {"method": "PUT", "url": HOSTILE}}),
        "method.json": _bundle({"resource": patient, "request": {"method": HOSTILE, "url": "Patient/b"}}),
        "full.json": _bundle({"fullUrl": f"urn:{HOSTILE}", "resource": patient}, kind="collection"),
        "type.json": {"resourceType": HOSTILE},
        "id.json": {**patient, "id": HOSTILE},
        "bundle.json": {"resourceType": "Bundle", "type": HOSTILE, "entry": [{"resource": patient}]},
        "reference.json": {**patient, "managingOrganization": {"reference": f"Organization/{HOSTILE}"}},
        "case.yaml": json.dumps({"case": HOSTILE, HOSTILE: {HOSTILE: HOSTILE}}),
        "not.json": f"{{ {HOSTILE}",
    }
    found = {}
    for name, content in texts.items():
        found[name] = folder / name
        found[name].write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    found["name"] = folder / f"{HOSTILE.replace('/', '')}.json"
    found["name"].write_text(json.dumps({**PATIENT, HOSTILE: 1}), "utf-8")
    found["nowhere"] = folder / f"nowhere{HOSTILE.replace('/', '')}.json"
    return found


def _bundle(*entries: Any, kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


@pytest.mark.parametrize(
    "words",
    [
        ["upload", "FILE", "--server", "URL"],
        ["upload", "FILE", "--server", "URL", "--as-is", "--keep-going", "--allow-dangling"],
        ["upload", "FILE", "--server", "URL", "--dry-run"],
        ["verify", "FILE", "--server", "URL"],
        ["undo", "FILE"],
        ["validate", "FILE", "--verbose"],
        ["validate", "FILE", "--waivers", "FILE"],
        ["build", "FILE"],
        ["interop", "FILE", "--server", "URL", "--probe", "etag", "--patience", "0"],
        ["interop", "--server", "URL", "--probe", "etag", "--patience", "0", "--baseline", "FILE"],
        ["run", "FILE", "--server", "URL"],
        ["mappings", "--mapping", "FILE"],
        ["server", "check", "--servers", "FILE"],
        ["new", "FILE"],
        ["FILE"],
    ],
    ids=" ".join,
)
def test_what_inputs_hold_does_not_steer_a_terminal_or_a_build_server(
    words: list[str], small: SmallServer, tmp_path: Path
) -> None:
    shown = ""
    for file in _hostile_inputs(tmp_path).values():
        arguments = [{"FILE": str(file), "URL": small.url}.get(word, word) for word in words]
        done = run_command(*arguments, cwd=tmp_path)
        shown += done.stdout + done.stderr

    assert [] == steering(shown)
    assert "PWN" in shown
    assert "Traceback" not in shown


def test_what_a_server_says_does_not_steer_a_terminal_or_a_build_server(small: SmallServer, tmp_path: Path) -> None:
    def hostile(value: Any) -> Any:
        if isinstance(value, dict):
            kept = ("resourceType", "type", "status", "fullUrl", "url", "mode", "code")
            return {name: inner if name in kept else hostile(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [hostile(each) for each in value]
        return value + HOSTILE if isinstance(value, str) else value

    def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
        said = answer()
        return Reply(said.status, hostile(said.body), {"ETag": said.headers.get("ETag", "")})

    small.hook = hook
    file = tmp_path / "p.json"
    file.write_text(json.dumps({**PATIENT, "name": [{"family": "x"}]}), "utf-8")
    shown = ""
    for words in (
        ["upload", file, "--server", small.url, "--journal", tmp_path / "j.jsonl", "--settle-for", "0"],
        ["verify", file, "--server", small.url],
        ["undo", tmp_path / "j.jsonl"],
        ["server", "check", small.url],
        ["interop", file, "--server", small.url, "--patience", "0"],
    ):
        done = run_command(*words)
        shown += done.stdout + done.stderr

    assert [] == steering(shown)
    assert "PWN" in shown
    assert "Traceback" not in shown


def test_json_on_standard_output_says_the_same_and_holds_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text(json.dumps({**PATIENT, HOSTILE: "\ud800"}), "utf-8")

    done = run_command("validate", file, "--format", "json", "--verbose")

    assert [] == steering(done.stdout)
    assert "PWN" in json.dumps(json.loads(done.stdout))


def test_a_command_of_github_says_what_was_found_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text(json.dumps({**PATIENT, "gender": "a\n::error::PWN"}), "utf-8")

    done = run_command("validate", file, "--format", "github")

    commands = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert commands
    assert not [line for line in commands if line.startswith("::error::PWN")]


def test_what_libraries_warn_of_and_log_is_shown_as_all_else_is(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    main(["cases"])
    sys.stderr.write(HOSTILE)  # as warnings do
    assert logging.lastResort
    logging.lastResort.emit(logging.makeLogRecord({"msg": HOSTILE}))

    shown = capsys.readouterr().err
    assert [] == steering(shown)
    assert "PWN" in shown


def _fail() -> None:
    raise ExceptionGroup(HOSTILE, [ValueError(HOSTILE)])


def test_a_bug_keeps_its_traceback_and_it_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    main(["cases"])
    with pytest.raises(ExceptionGroup) as caught:
        _fail()
    sys.excepthook(type(caught.value), caught.value, caught.tb)

    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert [] == steering(shown)


SECRETS = {
    "token": ({"FHIR_CASE_TOKEN": TOKEN}, [], TOKEN),
    "password": ({"FHIR_CASE_USER": "ann", "FHIR_CASE_PASSWORD": PASSWORD}, [], PASSWORD),
    "cookie": ({"JAR": "session=CookieSecret-99; theme=dark"}, ["--header", "Cookie=JAR"], "CookieSecret-99"),
    "header": ({"KEY": "gateway-key/4711+x=="}, ["--header", "X-Api-Key=KEY"], "gateway-key/4711+x=="),
}  # fmt: skip


def _forms(secret: str) -> list[str]:
    whole = base64.b64encode(secret.encode()).decode()
    inside = base64.b64encode(b"ann: " + secret.encode() + b"!").decode()
    escaped = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return [secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret), whole.rstrip("="), inside, escaped]


def _echoing(secret: str) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Return a hook that puts a secret, in all its forms, wherever a server may put something."""
    text = " ".join(_forms(secret))

    def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
        said = answer()
        body = json.loads(json.dumps(said.body)) if said.body else said.body
        for one in [body, *(entry.get("resource") for entry in (body or {}).get("entry", []))]:
            if isinstance(one, dict) and one.get("resourceType") in ("Patient", "Observation", "Organization"):
                one["language"] = text
            if isinstance(one, dict) and one.get("resourceType") == "CapabilityStatement":
                one["software"] = {"name": text, "version": secret}
            if isinstance(one, dict) and one.get("resourceType") == "OperationOutcome":
                one["issue"] = [{"severity": "error", "code": "login", "diagnostics": text}]
        for entry in (body or {}).get("entry", []):
            if "response" in entry:
                entry["response"]["etag"] = f'W/"{secret}"'
        return Reply(said.status, body, {**said.headers, "ETag": f'W/"{quote(secret, safe="")}"'})

    return hook


@pytest.mark.parametrize("way", SECRETS)
def test_a_secret_that_a_server_repeats_is_in_nothing_that_is_written(
    way: str, small: SmallServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables, options, secret = SECRETS[way]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    small.hook = _echoing(secret)
    auth = {"token": 'auth = { kind = "bearer", token = "${FHIR_CASE_TOKEN}" }'}
    auth["password"] = 'auth = { kind = "basic", user = "ann", password = "${FHIR_CASE_PASSWORD}" }'
    auth["cookie"], auth["header"] = 'headers = { Cookie = "${JAR}" }', 'headers = { X-Api-Key = "${KEY}" }'
    file, servers, out = tmp_path / "p.json", tmp_path / "servers.toml", tmp_path / "out"
    file.write_text(json.dumps({**PATIENT, "name": [{"family": "x"}]}), "utf-8")
    servers.write_text(f'[s]\nurl = "{small.url}"\n{auth[way]}\n', "utf-8")
    out.mkdir()
    reports = [
        part for name in ("html", "json", "junit", "markdown", "test-report") for part in (f"--{name}", out / name)
    ]
    journal = out / "j.jsonl"
    interop = ["interop", file, "--server", "s", "--servers", servers, "--patience", "0", "--probe", "etag"]
    shown = ""
    for words in (
        [*interop, "--probe", "decimals", *reports],
        ["server", "check", "s", "--servers", servers],
        ["server", "check", "s", "--servers", servers, "--format", "json"],
        ["upload", file, "--server", small.url, "--journal", journal, "--html", out / "upload.html", *options],
        ["verify", file, "--server", small.url, "--html", out / "verify.html", *options],
        ["verify", file, "--server", small.url, *options, "--format", "json"],
        ["undo", journal, *options],
    ):
        done = run_command(*words, environment={"COLUMNS": "40"})
        shown += done.stdout + done.stderr
    shown += "".join(each.read_text("utf-8") for each in out.iterdir())

    assert [] == [form for form in _forms(secret) if form in shown]
    assert "***" in shown
    assert "Traceback" not in shown


def test_the_credentials_of_a_proxy_are_not_shown(small: SmallServer, tmp_path: Path) -> None:
    header = base64.b64encode(b"puser:ProxySecret9").decode()
    small.hook = lambda request, answer: Reply(502, {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login", "diagnostics": f"Basic {header} ProxySecret9"}],
    })  # fmt: skip
    file = tmp_path / "p.json"
    file.write_text(json.dumps(PATIENT), "utf-8")

    done = run_command(
        "verify", file, "--server", small.url, environment={"HTTP_PROXY": "http://puser:ProxySecret9@127.0.0.1:9"}
    )

    assert "***" in done.stderr
    assert "ProxySecret9" not in done.stderr
    assert header not in done.stderr


@pytest.mark.parametrize(("password", "shown"), [("abc", "abc abcd"), ("test", "*** tests"), ("testdata", "*** ***s")])
def test_a_short_secret_is_hidden_as_a_word_only_and_a_very_short_one_is_not(password: str, shown: str) -> None:
    from fhir_case.server.redaction import forget_secrets, hide, without_secrets

    forget_secrets()
    hide(password)
    try:
        text = {"abc": "abc abcd", "test": "test tests", "testdata": "testdata testdatas"}[password]
        assert shown == without_secrets(text)
    finally:
        forget_secrets()


ESCAPED = {
    "some characters of JSON": r"Se\u003dCr+Et\u0026ToKeN==",
    "JSON in JSON": r"Se\\u003dCr+Et\\u0026ToKeN\\u003D=",
    "some characters of HTML": "Se&#61;Cr&#43;Et&amp;ToKeN&equals;&#x3D;",
    "HTML twice": "Se&amp;#61;Cr&#43;Et&amp;amp;ToKeN==",
    "a script": r"Se\x3dCr\+Et&ToKeN\=\x3D",
    "a URL in JSON": r"Se%3DCr+Et\u0026ToKeN%3d=",
}


@pytest.mark.parametrize("escaped", ESCAPED.values(), ids=ESCAPED)
def test_a_secret_of_which_some_characters_are_escaped_is_hidden_and_the_text_around_it_stays(escaped: str) -> None:
    from fhir_case.server.redaction import without_secrets

    text = without_secrets(rf"a\u003d &lt; {escaped}, \"%3D{escaped}", ["Se=Cr+Et&ToKeN=="])

    assert r"a\u003d &lt; ***, \"%3D***" == text


def test_a_short_secret_that_is_escaped_in_part_is_hidden_as_a_word() -> None:
    from fhir_case.server.redaction import without_secrets

    assert r"*** \n*** te\u0073ts" == without_secrets(r"te\u0073t \nte\u0073t te\u0073ts", ["test"])


def test_cookies_without_end_leave_room_for_what_is_our_own() -> None:
    from fhir_case.server.redaction import forget_secrets, hide, hide_sent, without_secrets

    forget_secrets()
    try:
        for number in range(1000):
            hide_sent({"Cookie": f"session=value-{number:08}"})
        hide_sent({"Authorization": "Bearer SeCrEtToKeN-4711"})
        hide("AnotherSeCrEt-4712")

        text = "value-00000000 value-00000999 SeCrEtToKeN-4711 AnotherSeCrEt-4712"
        assert "*** value-00000999 *** ***" == without_secrets(text)
    finally:
        forget_secrets()


@pytest.mark.parametrize("length", range(160, 200, 3))
def test_no_part_of_a_secret_is_left_where_a_page_is_cut(length: int) -> None:
    from fhir_case.server.outcome import page_text

    for secret in ("SeCrEt&#43;ToKeN&#61;&#61;", "SeCrEt&amp;#43;ToKeN&#61;="):
        page = f"<html><body>{'x' * length} {secret} no</body></html>"
        assert "SeC" not in page_text(page, ["SeCrEt+ToKeN=="])


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github"])
def test_a_file_whose_name_is_not_utf_8_is_named_in_every_format(form: str, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xffd"
    os.mkdir(folder)  # noqa: PTH102 - a path of bytes
    with open(folder + b"/\xfe.json", "w") as file:  # noqa: PTH123
        json.dump({**PATIENT, "gender": "\ud800"}, file)

    done = run_command("validate", os.fsdecode(folder), "--format", form, "--verbose")

    assert 5 == done.exit_code, done.stderr
    assert "fe" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_a_bundle_whose_name_is_not_utf_8_is_the_same_in_the_baseline(small: SmallServer, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json")
    entry = {"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/a"}}
    with open(name, "w") as file:  # noqa: PTH123
        json.dump(_bundle(entry), file)
    words = ["interop", name, "--server", small.url, "--no-probes", "--quiet"]
    reports = [part for kind in ("html", "json", "junit", "markdown") for part in (f"--{kind}", tmp_path / kind)]

    assert 0 == run_command(*words, *reports).exit_code
    done = run_command(*words, "--baseline", tmp_path / "json")

    assert done.stdout.endswith("Nothing has changed since the baseline.\n")
