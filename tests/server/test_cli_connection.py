"""The options and variables that say who asks: what they make, what is refused, and that no secret is repeated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import requests
from click.testing import CliRunner

from fhir_case.cli.options.connection import connection_options, connection_to
from fhir_case.server.named import server_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.server.connection import Connection

BASE = "https://fhir.example/fhir"
OAUTH2 = {
    "FHIR_CASE_CLIENT_ID": "upload-client",
    "FHIR_CASE_CLIENT_SECRET": "hunter2",
    "FHIR_CASE_TOKEN_URL": "https://signin.example/token",
}
SMART = {
    "FHIR_CASE_CLIENT_ID": "upload-client",
    "FHIR_CASE_PRIVATE_KEY_FILE": "key.pem",
    "FHIR_CASE_KEY_ID": "key-1",
    "FHIR_CASE_SCOPE": "system/*.cruds",
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test begins without variables of ours, in a folder that holds a private key."""
    for name in list(os.environ):
        if name.startswith("FHIR_CASE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def key() -> None:
    from joserfc.jwk import ECKey

    Path("key.pem").write_bytes(ECKey.generate_key("P-384").as_pem(private=True))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Connection]:
    """Run a command that has the options; give the connection that it got."""

    def command(*arguments: str, base: str = BASE, **variables: str) -> Connection:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        found: list[Connection] = []

        @click.command()
        @connection_options
        def ask(real_patient_data: bool, **options: Any) -> None:
            found.append(connection_to(server_of(base, {}), timeout_s=300, **options))

        outcome = CliRunner().invoke(ask, arguments, standalone_mode=False)
        if outcome.exception:
            raise outcome.exception
        return found[0]

    return command


def signed(made: Connection) -> str:
    assert made.auth is not None
    return str(made.auth(requests.Request("GET", BASE).prepare()).headers["Authorization"])


def test_without_options_and_variables_nobody_signs_in(run: Callable[..., Connection]) -> None:
    made = run()

    assert made.auth is None
    assert not made.has_credentials


def test_the_environment_tells_how_to_sign_in(run: Callable[..., Connection]) -> None:
    assert "Bearer abc" == signed(run(FHIR_CASE_TOKEN="abc"))


def test_that_the_environment_signs_in_is_said_without_the_secret(
    run: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(click, "echo", lambda text, **_: said.append(text))
    run(FHIR_CASE_TOKEN="hunter2")
    run("--auth", "bearer", FHIR_CASE_TOKEN="hunter2")
    run("--auth", "none", FHIR_CASE_TOKEN="hunter2")

    assert [f"Signing in to {BASE} by bearer, as variables are set; --auth none prevents it"] == said


def test_user_and_password_sign_in_by_basic(run: Callable[..., Connection]) -> None:
    assert "Basic YWRhOndvcmQ=" == signed(run(FHIR_CASE_USER="ada", FHIR_CASE_PASSWORD="word"))


def test_a_token_file_is_used(run: Callable[..., Connection]) -> None:
    Path("token").write_text("abc\n")

    assert "Bearer abc" == signed(run("--auth", "bearer", FHIR_CASE_TOKEN_FILE="token"))


def test_a_client_secret_means_oauth2(run: Callable[..., Connection]) -> None:
    made = run(**OAUTH2)

    assert made.auth is not None


def test_a_private_key_means_smart(run: Callable[..., Connection], key: None) -> None:
    made = run(**SMART)

    assert made.auth is not None


def test_none_signs_nobody_in_whatever_the_environment_holds(run: Callable[..., Connection]) -> None:
    assert run("--auth", "none", FHIR_CASE_TOKEN="abc", FHIR_CASE_USER="ada").auth is None


def test_an_empty_variable_is_one_that_is_not_set(run: Callable[..., Connection]) -> None:
    assert run(FHIR_CASE_TOKEN="", FHIR_CASE_USER="").auth is None


def test_two_ways_to_sign_in_have_to_be_decided_between(run: Callable[..., Connection]) -> None:
    with pytest.raises(
        click.UsageError,
        match="FHIR_CASE_USER and FHIR_CASE_TOKEN are set; choose the sign-in method by --auth basic, bearer or none",
    ):
        run(FHIR_CASE_TOKEN="abc", FHIR_CASE_USER="ada")

    assert "Bearer abc" == signed(run("--auth", "bearer"))


@pytest.mark.parametrize(
    ("kind", "variables", "missing"),
    [
        ("basic", {}, "FHIR_CASE_USER"),
        ("basic", {"FHIR_CASE_USER": "ada"}, "FHIR_CASE_PASSWORD"),
        ("bearer", {}, "FHIR_CASE_TOKEN, or FHIR_CASE_TOKEN_FILE"),
        *(("oauth2", {k: v for k, v in OAUTH2.items() if k != name}, name) for name in OAUTH2),
        *(("smart", {k: v for k, v in SMART.items() if k != name}, name) for name in SMART),
    ],
)
def test_what_is_missing_is_named(
    run: Callable[..., Connection], key: None, kind: str, variables: dict[str, str], missing: str
) -> None:
    with pytest.raises(click.UsageError, match=missing):
        run("--auth", kind, **variables)


def test_a_header_takes_its_value_from_a_variable(run: Callable[..., Connection]) -> None:
    made = run("--header", "X-Api-Key=KEY_OF_OURS", KEY_OF_OURS="word\n")

    assert {"X-Api-Key": "word"} == made.headers
    assert made.has_credentials


@pytest.mark.parametrize(
    "text", ["X-Api-Key=hunter2", "X-Api-Key=hun ter2", "X-Api-Key: hunter2", "hunter2=", "X-Api-Key="]
)
def test_a_value_on_the_command_line_is_refused_and_not_repeated(run: Callable[..., Connection], text: str) -> None:
    with pytest.raises(click.UsageError, match="environment variable") as caught:
        run("--header", text)

    assert "ter2" not in caught.value.message


def test_a_header_with_a_line_break_is_refused(run: Callable[..., Connection]) -> None:
    with pytest.raises(click.UsageError, match="character that HTTP does not allow") as caught:
        run("--header", "X-Api-Key=KEY_OF_OURS", KEY_OF_OURS="wo\r\nrd")

    assert "wo" not in caught.value.message.partition(":")[2].replace("allow", "")


def test_a_header_authorization_beside_another_way_to_sign_in_is_refused(run: Callable[..., Connection]) -> None:
    with pytest.raises(click.UsageError, match="both sign in"):
        run("--header", "authorization=KEY_OF_OURS", KEY_OF_OURS="word", FHIR_CASE_TOKEN="abc")

    assert {"authorization": "word"} == run("--auth", "none", "--header", "authorization=KEY_OF_OURS").headers


def test_credentials_over_plain_http_are_refused(run: Callable[..., Connection]) -> None:
    with pytest.raises(click.UsageError, match="over plain http"):
        run(base="http://fhir.example/fhir", FHIR_CASE_TOKEN="abc")

    assert "Bearer abc" == signed(run(base="http://127.0.0.1:8080/fhir"))


def test_a_key_without_a_certificate_is_refused(run: Callable[..., Connection], key: None) -> None:
    with pytest.raises(click.UsageError, match="--client-certificate"):
        run("--client-key", "key.pem")


def test_a_file_without_certificates_is_refused(run: Callable[..., Connection], key: None) -> None:
    with pytest.raises(click.UsageError, match=r"key\.pem: it holds no certificates"):
        run("--ca-file", "key.pem")


def test_a_token_that_cannot_be_one_is_refused_and_not_repeated(run: Callable[..., Connection]) -> None:
    with pytest.raises(click.UsageError, match="there is no bearer token") as caught:
        run(FHIR_CASE_TOKEN="two words")

    assert "two" not in caught.value.message


def test_the_help_names_every_option_and_no_option_takes_a_secret() -> None:
    @click.command()
    @connection_options
    def ask(**_: Any) -> None:
        pass

    told = CliRunner().invoke(ask, ["--help"]).output

    for name in ("auth", "header", "ca-file", "client-certificate", "client-key", "real-patient-data"):
        assert f"--{name}" in told
    for name in ("password", "token", "secret"):
        assert f"--{name}" not in told
