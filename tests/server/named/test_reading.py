"""The file servers.toml: what it gives, all that is refused at once, and that no secret gets out of it."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
import requests

from fhir_case.errors import FhirCaseError, ServerError
from fhir_case.server.named import find_servers, open_server, read_servers, server_of
from fhir_case.server.named.model import NamedServer
from fhir_case.server.quirks import Caps
from fhir_case.server.retry import RetryPolicy
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "hunter2-that-nobody-may-see"
DOCUMENTATION = (ROOT / "docs" / "servers.md").read_text("utf-8")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "servers.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def refused(path: Path) -> str:
    with pytest.raises(FhirCaseError) as caught:
        read_servers(path)
    assert SECRET not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def test_a_server_is_what_the_file_says(file: Callable[[str], Path]) -> None:
    path = file(
        """
        [clinic]
        url = "https://clinic.example/fhir/"
        fhir = "R4"
        timeout_s = 7.5
        real_patient_data = true
        placeholders = true
        caps = { entries = 50, conditional = 8 }
        retry = { request_s = 0, run = 5 }
        [own]
        start = "hapi"
        strict = true
        """
    )
    clinic, own = read_servers(path).values()

    assert ("clinic", "https://clinic.example/fhir", "R4", 7.5) == (
        clinic.name, clinic.url, clinic.fhir, clinic.timeout_s
    )  # fmt: skip
    assert (True, True) == (clinic.real_patient_data, clinic.placeholders)
    assert Caps(entries=50, conditional=8) == clinic.caps
    assert RetryPolicy(request_s=0, run=5) == clinic.retry
    assert (("hapi",), True, False, False) == (own.start, own.strict, own.real_patient_data, own.placeholders)


def test_the_example_of_the_documentation_is_a_file_of_servers_with_every_key(file: Callable[[str], Path]) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENTATION, re.DOTALL)
    servers = read_servers(file(example))

    assert ["smart", "oauth2", "basic", "bearer", "bearer", *["none"] * 4] == [
        each.auth_kind for each in servers.values()
    ]
    tables = DOCUMENTATION.partition("## The keys of a server")[2]
    for key in re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| ([^|]*) \|", tables, re.MULTILINE))):
        if key not in ("key", "none", "netrc", "basic", "bearer", "oauth2", "smart", "kind"):
            assert re.search(rf"\b{key} = ", example) or f".{key}]" in example, key


def test_the_page_has_every_key_of_a_server() -> None:
    keys = {each.name for each in fields(NamedServer)} - {"name", "file"}
    keys |= {each.name for each in fields(Caps)}

    assert set() == keys - set(re.findall(r"`([a-z_]+)`", DOCUMENTATION.partition("## The keys of a server")[2]))


def test_the_servers_of_our_own_matrix_can_be_read() -> None:
    assert ["hapi-r4", "hapi-r5", "medplum"] == list(read_servers(ROOT / "scripts" / "servers.toml"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('ulr = "https://x.example"\nurl = "https://x.example"', "[s]: 'ulr' is not known; did you mean 'url'?"),
        ('url = "ftp://x"', "[s] url: the base URL of a FHIR server begins with http:// or https:// and a host"),
        (f'url = "https://ann:{SECRET}@x.example"', "[s] url: the base URL of x.example holds a user name or password"),
        ('fhir = "R4"', "[s]: there is neither url nor start"),
        ('url = "https://x.example"\nstart = "hapi"', "[s]: there are url and start"),
        ('start = "hap"', "[s] start: this is neither the embedded server nor a command"),
        ('start = ["node", "--key=${KEY}"]', "[s] start: variables are not put into a command"),
        ('start = "hapi"\nfhir = "R4B"', "[s] fhir: this is not a release that is known here; write one of R4, R5"),
        ('start = "hapi"\nheap = "much"', "[s] heap: 'much' is not an amount of memory; write it like 512m or 2g"),
        ('start = "hapi"\ndb = "h3"', "[s] db: 'h3' is not a database of the embedded server; choose h2, postgres or"),
        ('start = "hapi"\ndb = "jdbc:postgresql://h/d?password=x"', "[s] db: the URL of the database holds a password"),
        ('start = "hapi"\ndb = "postgres"\ndb_user = "a"', "[s] db_user: only a database of your own has this; leave"),
        (
            f'start = "hapi"\ndb = "jdbc:postgresql://h/d"\ndb_password = "{SECRET}"',
            "[s] db_password: a secret does not stand in this file; write ${NAME}",
        ),
        ('url = "https://x.example"\nstrict = true', "[s] strict: only the embedded server has this"),
        ('url = "https://x.example"\ntimeout_s = true', "[s] timeout_s: this is not a number above 0"),
        ('url = "https://x.example"\ntimeout_s = inf', "[s] timeout_s: this is not a number above 0"),
        ('url = "https://x.example"\nreal_patient_data = "no"', "[s] real_patient_data: this is not true or false"),
        ('url = "https://x.example"\nclient_key = "k.pem"', "[s] client_key: it belongs to a certificate"),
        ('url = "https://${HOST"', "[s] url: a variable in it is not written as one; write ${NAME}"),
        ('url = "https://x.example"\ncaps = { entry = 5 }', "[s] caps: 'entry' is not known; did you mean 'entries'?"),
        ('url = "https://x.example"\ncaps = { bytes = 1.5 }', "[s] caps.bytes: this is not a whole number above 0"),
        ('url = "https://x.example"\nretry = { run = -1 }', "[s] retry.run: this is not a whole number of at least 0"),
        ('url = "https://x.example"\nretry = 5', "[s] retry: this is not a table, such as { request_s = 60 }"),
    ],
)
def test_what_is_wrong_is_told_with_server_key_and_advice(file: Callable[[str], Path], content: str, told: str) -> None:
    assert refused(file(f"[s]\n{content}")).startswith(f"FILE: {told}")


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ('{ kind = "smrt" }', "auth.kind: this is not a sign-in method; did you mean 'smart'?"),
        (f'{{ token = "{SECRET}" }}', "auth.kind: this is not a sign-in method; write one of none, basic, bearer"),
        (f'{{ kind = "basic", user = "ann", password = "{SECRET}" }}', "auth.password: a secret does not stand in"),
        (f'{{ kind = "bearer", token = "{SECRET}" }}', "auth.token: a secret does not stand in this file"),
        ('{ kind = "bearer", token = "${T}", token_file = "t" }', "auth: there are token and token_file; keep one"),
        ('{ kind = "bearer" }', "auth: bearer needs token, or token_file; add it"),
        ('{ kind = "basic", usr = "ann", user = "ann", password = "${P}" }', "auth: 'usr' is not known; did you mean"),
        ('{ kind = "smart", client_id = "us", private_key_file = "k.pem" }', "auth: smart needs scope; add it, for ex"),
        (
            f'{{ kind = "oauth2", client_id = "us", client_secret = "{SECRET}", token_url = "https://x.example" }}',
            "auth.client_secret: a secret does not stand in this file",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_signing_in_is_told_and_no_secret_repeated(
    file: Callable[[str], Path], auth: str, told: str
) -> None:
    assert refused(file(f'[s]\nurl = "https://x.example"\nauth = {auth}')).startswith(f"FILE: [s] {told}")


def test_the_value_of_a_header_does_not_stand_in_the_file(file: Callable[[str], Path]) -> None:
    content = f'[s]\nurl = "https://x.example"\nheaders = {{ X-Api-Key = "{SECRET}" }}'

    assert refused(file(content)).startswith("FILE: [s] headers.X-Api-Key: the value of a header does not stand in")


def test_all_that_is_wrong_is_told_in_one_run(file: Callable[[str], Path]) -> None:
    told = refused(file('x = 5\n[a]\nfihr = "R4"\n[b]\nurl = "x"\n["c d"]\n[e]\nurl = "https://x.example"'))
    places = [line.strip().removeprefix("FILE: ") for line in told.splitlines()]

    assert "5 problems:" == places[0]
    assert [True] * 5 == [
        place.startswith(begin)
        for place, begin in zip(
            places[1:], ("x: ", "[a]: 'fihr'", "[a]: there is", "[b] url: ", "[c d]: "), strict=True
        )
    ]


def test_a_file_that_is_no_toml_is_told_with_its_place_and_without_its_text(file: Callable[[str], Path]) -> None:
    path = file(f'[a]\nurl = "https://x.example"\npassword = {SECRET}')

    assert refused(path).startswith("FILE:3:12: this is not TOML")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "FILE: this cannot be read: No such file or directory" == refused(tmp_path / "servers.toml")


def test_the_first_file_that_is_there_counts_alone(
    file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "config" / "fhir-case" / "servers.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[own]\nurl = "https://x.example"')
    given = tmp_path / "given.toml"
    given.write_text('[given]\nurl = "https://x.example"')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    assert ["own"] == list(find_servers())
    file('[here]\nurl = "https://x.example"')
    assert ["here"] == list(find_servers())
    assert ["given"] == list(find_servers(given))


def test_a_server_is_meant_by_its_name_or_its_url(file: Callable[[str], Path]) -> None:
    servers = read_servers(file('[clinic]\nurl = "https://x.example"\n[ward]\nurl = "https://x.example"'))

    assert servers["ward"] is server_of("ward", servers)
    assert "http://127.0.0.1/fhir" == server_of("http://127.0.0.1/fhir/", servers).url
    with pytest.raises(FhirCaseError, match=r"there is no server 'clinc'; did you mean 'clinic'\?"):
        server_of("clinc", servers)
    with pytest.raises(FhirCaseError, match="there is no server 'xyz'; known are clinic, ward; or give a base URL"):
        server_of("xyz", servers)
    with pytest.raises(FhirCaseError, match=r"there is no server 'clinic', and no servers\.toml"):
        server_of("clinic", {})
    with pytest.raises(ServerError, match="begins with http"):
        server_of("localhost:8080/fhir", servers)


def test_secrets_come_from_the_variables_when_the_server_is_used(file: Callable[[str], Path]) -> None:
    path = file(
        """
        [s]
        url = "https://${HOST}/fhir"
        auth = { kind = "basic", user = "ann", password = "${PASSWORD}" }
        headers = { X-Api-Key = "key ${KEY}" }
        [other]
        url = "https://x.example"
        auth = { kind = "bearer", token = "${OTHER}" }
        """
    )
    server = read_servers(path)["s"]
    variables = {"HOST": "x.example", "PASSWORD": SECRET, "KEY": f"{SECRET}\n"}
    with open_server(server, variables) as opened:
        assert ("HOST", "PASSWORD", "KEY") == server.variables
        assert "https://x.example/fhir" == opened.base_url
        assert {"X-Api-Key": f"key {SECRET}"} == opened.connection.headers
        assert opened.connection.auth is not None
        signed = opened.connection.auth(requests.Request("GET", opened.base_url).prepare())
        assert f"Basic {b64encode(f'ann:{SECRET}'.encode()).decode()}" == signed.headers["Authorization"]
        assert SECRET not in repr(opened) + repr(server) + repr(opened.client())


def test_all_variables_that_are_not_set_are_named(file: Callable[[str], Path]) -> None:
    path = file(
        '[s]\nurl = "https://${HOST}"\nauth = { kind = "bearer", token = "${T}" }\nheaders = { A = "${B} ${C}" }'
    )
    with pytest.raises(FhirCaseError) as caught, open_server(read_servers(path)["s"], {"HOST": "", "B": SECRET}):
        pass

    assert f"{path}: [s]: the environment variables HOST, T, C are not set" in str(caught.value)


def test_paths_count_from_the_folder_of_the_file(
    file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("abc\n")
    content = '[s]\nurl = "https://x.example"\nauth = { kind = "bearer", token_file = "token" }\nca_file = "none.pem"'
    server = read_servers(file(content))["s"]
    monkeypatch.chdir("/")
    with pytest.raises(ServerError, match=rf"{re.escape(str(tmp_path))}/none\.pem: it holds no certificates"):
        open_server(server, {}).__enter__()

    with open_server(read_servers(file(content.partition("ca_file")[0]))["s"], {}) as opened:
        assert opened.connection.auth is not None
        signed = opened.connection.auth(requests.Request("GET", opened.base_url).prepare())
        assert "Bearer abc" == signed.headers["Authorization"]


def test_a_header_authorization_beside_another_way_to_sign_in_is_refused(file: Callable[[str], Path]) -> None:
    auth = 'auth = { kind = "bearer", token = "${T}" }'
    path = file(f'[s]\nurl = "https://x.example"\nheaders = {{ authorization = "${{T}}" }}\n{auth}')
    with pytest.raises(ServerError, match="both sign in"), open_server(read_servers(path)["s"], {"T": "abc"}):
        pass


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "folder"])
def test_what_is_not_a_file_is_refused_without_being_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FhirCaseError, match="this is not a file"):
        read_servers(tmp_path / name)


def test_a_file_of_a_gigabyte_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "servers.toml").open("wb") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(FhirCaseError, match="larger than 20 MB"):
        read_servers(tmp_path / "servers.toml")
