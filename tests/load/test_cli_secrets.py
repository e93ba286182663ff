"""Whatever a server does with our credentials: they are in nothing that the commands write."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from load.sample import bundle, write
from smallserver import Reply, Request, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]
    Hook = Callable[[Request, Callable[[], Reply]], Reply | None]

USER, PASSWORD = "ann-uploads", 'open "sesame" & <more>'
TOKEN = "token-that-nobody/may+see=="
KEY = "key'of&the-gateway"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

WAYS = {
    "basic": ({"FHIR_CASE_USER": USER, "FHIR_CASE_PASSWORD": PASSWORD}, [], [PASSWORD, BASIC]),
    "bearer": ({"FHIR_CASE_TOKEN": TOKEN}, [], [TOKEN]),
    "header": ({"GATEWAY_KEY": KEY}, ["--header", "X-Api-Key=GATEWAY_KEY"], [KEY]),
}


def carried(request: Request) -> str:
    """Return all that a request says of who asks, and what a server may make of it."""
    header = request.headers.get("Authorization", "")
    plain = base64.b64decode(header[6:]).decode() if header.startswith("Basic ") else ""
    return f"{header} {plain} {request.headers.get('X-Api-Key', '')}"


def outcome(text: str) -> dict[str, object]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login", "diagnostics": text, "details": {"text": text}}],
    }


def writing(status: int) -> Hook:
    """Answer what is written with an OperationOutcome that repeats our credentials."""
    return lambda request, answer: (
        Reply(status, outcome(f"who are you: {carried(request)}")) if request.is_transaction else answer()
    )


def page(status: int) -> Hook:
    """Answer with a page that is no FHIR and repeats our credentials."""
    return lambda request, answer: (
        Reply(status, f"<html>sent: {carried(request)}</html>") if request.is_transaction else answer()
    )


def everything(status: int) -> Hook:
    return lambda request, _: Reply(status, outcome(carried(request)))


def elsewhere(request: Request, answer: Callable[[], Reply]) -> Reply | None:
    if not request.is_transaction:
        return answer()
    return Reply(307, headers={"Location": f"http://127.0.0.2:9/{carried(request).replace(' ', '')}?t={TOKEN}"})


def moved(request: Request, answer: Callable[[], Reply]) -> Reply | None:
    if not request.is_transaction:
        return answer()
    return Reply(307, headers={"Location": f"/moved/{carried(request).replace(' ', '')}"})


def all_elsewhere(request: Request, _: Callable[[], Reply]) -> Reply:
    return Reply(302, headers={"Location": f"http://127.0.0.2:9/fhir?t={carried(request).replace(' ', '')}"})


def reset(request: Request, answer: Callable[[], Reply]) -> Reply | None:
    return None if request.is_transaction else answer()


def echoing_resource(request: Request, answer: Callable[[], Reply]) -> Reply | None:
    """Accept the whole, and refuse each entry, with our credentials in the outcome."""
    if not request.is_transaction:
        return answer()
    response = {"response": {"status": "400 no", "outcome": outcome(carried(request))}}
    return Reply(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": [response] * 3})


HOOKS = {
    "401": writing(401),
    "403": writing(403),
    "400": writing(400),
    "500": writing(500),
    "503": writing(503),
    "500 page": page(500),
    "422 page": page(422),
    "all 401": everything(401),
    "all 500": everything(500),
    "redirect": elsewhere,
    "redirect on the same server": moved,
    "all redirected": all_elsewhere,
    "reset": reset,
    "no to each entry": echoing_resource,
    "yes": lambda _, answer: answer(),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Set the variables of one way to sign in; return the options it needs and what must not be seen."""
    variables, options, secrets = WAYS[request.param]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return options, secrets


@pytest.mark.parametrize("hook", HOOKS)
def test_no_secret_is_in_anything_that_is_written(
    fake: SmallServer, run: Run, tmp_path: Path, pauses: list[float], way: tuple[list[str], list[str]], hook: str
) -> None:
    options, secrets = way
    file = write(tmp_path, "a.json", bundle("a"))
    journal, out = tmp_path / "journal.jsonl", tmp_path / "out"
    fake.hook = HOOKS[hook]
    upload = ["upload", file, "--server", fake.url, *options]
    patience = ["--journal", journal, "--retry-for", "0.1", "--settle-for", "0"]
    commands = [
        [*upload, "--dry-run", "--out", out],
        [*upload, *patience],
        [*upload, *patience, "--format", "json", "--isolate"],
        ["verify", file, "--server", fake.url, *options],
        ["undo", journal, *options],
    ]
    shown = ""
    for command in commands:
        shown += "\n".join(run(*command)[1:])
    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    shown += "\n".join(each.read_text(encoding="utf-8") for each in written)

    assert any(secret in carried(request) for request in fake.requests for secret in secrets)  # they were sent
    variants = [form for secret in secrets for form in (secret, secret.replace('"', '\\"'))]
    assert [] == [form for form in variants if form in shown]
    assert "Traceback" not in shown
