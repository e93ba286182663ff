"""Checking a server: what it is, whether it lets us in, and what is wrong, in words and without secrets."""

from __future__ import annotations

import datetime as dt
import ssl
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from certifi import where

from fhir_case.server.named import NamedServer, read_servers
from fhir_case.server.named.checking import ServerCheck, check_server
from smallserver import Reply, Request, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "token-that-nobody-may-see"


@pytest.fixture
def fake() -> Iterator[SmallServer]:
    with SmallServer.like() as server:
        yield server


@pytest.fixture
def checked(fake: SmallServer, tmp_path: Path) -> Callable[..., ServerCheck]:
    """Check the server as a file says that it is."""

    def check(*lines: str, url: str = "", **variables: str) -> ServerCheck:
        file = tmp_path / "servers.toml"
        file.write_text("\n".join([f'[s]\nurl = "{url or fake.url}"', *lines]))
        return check_server(read_servers(file)["s"], variables)

    return check


def statement(**elements: Any) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Say of itself what is given."""
    told = {"resourceType": "CapabilityStatement", **elements}
    return lambda request, answer: Reply(200, told) if request.path == ("metadata",) else answer()


def searching(status: int, text: str = "no") -> Callable[[Request, Callable[[], Reply]], Reply]:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": text}]}
    return lambda request, answer: Reply(status, outcome) if request.path == ("Patient",) else answer()


def test_a_server_that_is_as_it_should_be_is_told(fake: SmallServer, checked: Callable[..., ServerCheck]) -> None:
    fake.hook = statement(
        fhirVersion="4.0.1",
        software={"name": "HAPI FHIR Server", "version": "8.8.0"},
        rest=[{"mode": "server", "interaction": [{"code": "transaction"}]}],
    )
    found = checked('fhir = "R4"')

    assert (True, "HAPI FHIR Server 8.8.0", "4.0.1", "R4", True, "not needed") == (
        found.ok, found.software, found.fhir, found.release, found.transactions, found.sign_in
    )  # fmt: skip
    assert found.milliseconds is not None


def test_nothing_is_written_and_one_patient_is_asked_for(
    fake: SmallServer, checked: Callable[..., ServerCheck]
) -> None:
    checked()

    assert [("GET", ("metadata",), ()), ("GET", ("Patient",), (("_count", "1"),))] == [
        (each.method, each.path, each.query) for each in fake.requests
    ]


def test_another_release_than_the_stated_one_is_wrong(checked: Callable[..., ServerCheck]) -> None:
    assert ("it speaks FHIR R4 (4.0.1), and servers.toml says R5",) == checked('fhir = "R5"').problems


def test_a_server_without_transactions_is_wrong(fake: SmallServer, checked: Callable[..., ServerCheck]) -> None:
    fake.hook = statement(rest=[{"interaction": [{"code": "batch"}]}])

    assert ("its CapabilityStatement has no transactions, so that nothing can be loaded",) == checked().problems


def test_signing_in_is_tried_with_what_the_variables_hold(
    fake: SmallServer, checked: Callable[..., ServerCheck]
) -> None:
    found = checked('auth = { kind = "bearer", token = "${T}" }', T=TOKEN)

    assert ("accepted", True) == (found.sign_in, found.ok)
    assert [f"Bearer {TOKEN}"] * 2 == [each.headers["Authorization"] for each in fake.requests]


@pytest.mark.parametrize(
    ("status", "told", "advice"),
    [
        (401, "refused (HTTP 401)", "the server wants you to sign in"),
        (403, "not allowed (HTTP 403)", "the server knows who asks, and does not allow it"),
    ],
)
def test_what_a_server_says_to_who_may_not_read_is_told_without_the_token(
    fake: SmallServer, checked: Callable[..., ServerCheck], status: int, told: str, advice: str
) -> None:
    fake.hook = searching(status, f"not for Bearer {TOKEN}")
    found = checked('auth = { kind = "bearer", token = "${T}" }', T=TOKEN)

    assert told == found.sign_in
    assert advice in found.problems[0]
    assert TOKEN not in str(found)


def test_a_search_that_needs_more_parameters_says_nothing_against_a_server(
    fake: SmallServer, checked: Callable[..., ServerCheck]
) -> None:
    fake.hook = searching(400)

    assert ("not known (HTTP 400)", ()) == (checked().sign_in, checked().problems)


def test_a_server_that_tells_nothing_of_itself_may_be_well(
    fake: SmallServer, checked: Callable[..., ServerCheck]
) -> None:
    fake.hook = lambda request, answer: Reply(404) if request.path == ("metadata",) else answer()

    assert (True, "", None) == (checked('fhir = "R4"').ok, checked().release, checked().transactions)


def test_where_there_is_no_fhir_at_all_is_wrong(fake: SmallServer, checked: Callable[..., ServerCheck]) -> None:
    fake.hook = lambda *_: Reply(404)

    assert "HTTP 404 Not Found" in checked().problems[0]


def test_a_server_that_redirects_is_wrong(fake: SmallServer, checked: Callable[..., ServerCheck]) -> None:
    fake.hook = lambda request, answer: (
        Reply(302, headers={"Location": "http://127.0.0.2:9/fhir"}) if request.path == ("Patient",) else answer()
    )
    found = checked('auth = { kind = "bearer", token = "${T}" }', T=TOKEN)

    assert "redirects to http://127.0.0.2:9, another server" in found.problems[0]


def test_a_server_that_is_not_there_is_wrong(unused_port: int, checked: Callable[..., ServerCheck]) -> None:
    found = checked(url=f"http://127.0.0.1:{unused_port}/fhir")

    assert f"nothing listens at 127.0.0.1:{unused_port}" in found.problems[0]
    assert not found.ok


def test_a_variable_that_is_not_set_is_wrong(checked: Callable[..., ServerCheck]) -> None:
    found = checked('headers = { X-Api-Key = "${KEY}" }')

    assert "the environment variable KEY is not set" in found.problems[0]


def test_a_program_that_does_not_start_is_wrong(tmp_path: Path) -> None:
    found = check_server(NamedServer(name="own", start=("./none",), file=tmp_path / "servers.toml"), {})

    assert "'./none' cannot be run" in found.problems[0]


def certificate(folder: Path) -> Path:
    """Write a key and a certificate for this machine that nobody has signed but itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


class _Statement(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind = "CapabilityStatement" if self.path.endswith("/metadata") else "Bundle"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f'{{"resourceType": "{kind}"}}'.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
        pass


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[str]:
    """A server with a certificate of its own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with HTTPServer(("127.0.0.1", 0), _Statement) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"https://localhost:{server.server_port}/fhir"
        server.shutdown()
        thread.join()


def test_a_certificate_that_nobody_vouches_for_is_told_in_words(
    secure: str, checked: Callable[..., ServerCheck]
) -> None:
    found = checked(url=secure)

    assert "no secure connection to localhost" in found.problems[0]
    assert "self-signed certificate; if the certificate is from an authority of your own" in found.problems[0]
    assert {"--ca-file", "REQUESTS_CA_BUNDLE"} <= {word.strip("(,") for word in found.problems[0].split()}
    assert checked('ca_file = "certificate.pem"', url=secure).ok


def trust(monkeypatch: pytest.MonkeyPatch, *, system: Path) -> None:
    """Let the operating system trust what is in a file; the environment names nothing else."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(system))


def test_a_certificate_that_the_system_trusts_is_trusted(
    secure: str, checked: Callable[..., ServerCheck], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, system=tmp_path / "certificate.pem")

    assert () == checked(url=secure).problems


def test_the_certificates_that_the_user_names_win_over_those_of_the_system(
    secure: str, checked: Callable[..., ServerCheck], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, system=tmp_path / "certificate.pem")
    (tmp_path / "others.pem").write_bytes(Path(where()).read_bytes())

    assert "no secure connection" in checked('ca_file = "others.pem"', url=secure).problems[0]
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", where())
    assert "no secure connection" in checked(url=secure).problems[0]
