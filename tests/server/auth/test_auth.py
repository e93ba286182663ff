"""Signing in: what is sent to whom, when a token is renewed, and that no secret is ever shown."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import ssl
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fhir_case.errors import CheckerError, FhirCaseError, RejectedError, ServerError
from fhir_case.fhir.wire import dump
from fhir_case.server.auth import Authenticator, basic, bearer, bearer_file
from fhir_case.server.auth.access import Access
from fhir_case.server.auth.oauth2 import backend_service, client_credentials
from fhir_case.server.auth.token_endpoint import Transport
from fhir_case.server.certificates import Certificates
from fhir_case.server.connection import Connection, connect, prepared_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import responses

SECRET = "hunter2-client-secret"
SCOPE = "system/*.cruds"
NOW = 1_800_000_000.0
PATIENT = Transport(timeout_s=(10, 30))


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Site:
    """A FHIR server and its token endpoint on loopback: it notes what arrives, and answers as a test wants it."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    lifetime_s: object = 3600
    pause_s: float = 0
    issued: int = 0
    valid: set[str] = field(default_factory=set)
    lock: Any = field(default_factory=threading.Lock)

    @property
    def base(self) -> str:
        return f"{self.url}/fhir"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    def to(self, path: str) -> list[Request]:
        return [one for one in self.requests if one.path == path]

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        with self.lock:
            self.requests.append(request)
        if request.path in self.answers:
            time.sleep(self.pause_s)
            return self.answers[request.path]
        if request.path.endswith("/.well-known/smart-configuration"):
            return 200, {}, dump({"token_endpoint": self.token_url})
        if request.path == "/token":
            time.sleep(self.pause_s)
            with self.lock:
                self.issued += 1
                token = f"issued-token-{self.issued}"
                self.valid.add(f"Bearer {token}")
            return 200, {}, dump({"access_token": token, "token_type": "bearer", "expires_in": self.lifetime_s})
        return (200 if request.headers.get("Authorization") in self.valid else 401), {}, b"{}"


@contextlib.contextmanager
def serve(site: Site, context: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            status, headers, body = site.answer(Request(self.command, self.path, dict(self.headers), form))
            with contextlib.suppress(BrokenPipeError):  # who asked may have given up
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server wants

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server has
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serve(Site()) as running:
        yield running


@pytest.fixture
def other() -> Iterator[Site]:
    with serve(Site()) as running:
        yield running


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def clock(now: float = NOW) -> Callable[[], float]:
    return lambda: now


def pem(key: Any, password: bytes | None = None) -> bytes:
    secured = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    text: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secured)
    return text


@pytest.fixture
def key_file(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(rsa_key))
    return path


def by_secret(site: Site, **options: Any) -> Authenticator:
    options = {"scope": SCOPE, "transport": PATIENT, "clock": clock(), **options}
    return client_credentials(site.token_url, "upload-client", SECRET, **options)


def by_key(site: Site, key_file: Path, **options: Any) -> Authenticator:
    options = {"scope": SCOPE, "transport": PATIENT, "clock": clock(), "key_id": "key-1", **options}
    return backend_service(site.base, "upload-client", key_file, **options)


def signed(auth: Authenticator) -> str:
    """The header Authorization of a request that the authenticator signs."""
    return str(auth(requests.Request("GET", "http://127.0.0.1/").prepare()).headers["Authorization"])


def told(error: BaseException) -> str:
    """All that an error can show, its traceback included."""
    return f"{error}\n{error!r}\n{vars(error)}\n{''.join(traceback.format_exception(error))}"


def test_user_and_password_are_sent_as_basic() -> None:
    auth = basic("ada", "päss:word", clock=clock())

    assert "Basic " + base64.b64encode("ada:päss:word".encode()).decode() == signed(auth)
    assert not auth.renew()


def test_a_user_name_with_a_colon_is_refused() -> None:
    with pytest.raises(ServerError, match="no colon"):
        basic("ada:lovelace", "word", clock=clock())


def test_a_fixed_token_is_not_renewed() -> None:
    auth = bearer("abc.def", clock=clock())

    assert "Bearer abc.def" == signed(auth)
    assert not auth.renew()


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "tökén"])
def test_what_a_header_cannot_carry_is_no_token(token: str) -> None:
    with pytest.raises(ServerError, match="there is no bearer token") as caught:
        bearer(token, clock=clock())

    assert not token or token not in told(caught.value)


def test_a_token_file_is_read_again_when_the_server_refuses_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    auth = bearer_file(file, clock=clock())

    assert "Bearer first" == signed(auth)
    assert not auth.renew()
    file.write_text("second\n")
    assert "Bearer first" == signed(auth)
    assert auth.renew()
    assert "Bearer second" == signed(auth)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"", b"two words"])
def test_a_token_file_that_holds_no_token_is_a_clear_error(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ServerError, match=str(file)) as caught:
        signed(bearer_file(file, clock=clock()))

    assert "two words" not in told(caught.value)


def test_a_client_gets_a_token_for_its_id_and_secret(site: Site) -> None:
    assert "Bearer issued-token-1" == signed(by_secret(site))
    (asked,) = site.requests
    assert ("POST", {"grant_type": "client_credentials", "scope": SCOPE}) == (asked.method, asked.form)
    assert "Basic " + base64.b64encode(f"upload-client:{SECRET}".encode()).decode() == asked.headers["Authorization"]


@pytest.mark.parametrize(("lifetime_s", "lasts_s"), [(3600, 3570), ("3600", 3570), (20, 10)])
def test_a_token_is_renewed_before_it_ends(site: Site, lifetime_s: object, lasts_s: float) -> None:
    site.lifetime_s = lifetime_s
    moment = [NOW]
    auth = by_secret(site, clock=lambda: moment[0])

    assert "Bearer issued-token-1" == signed(auth)
    moment[0] = NOW + lasts_s - 1
    assert "Bearer issued-token-1" == signed(auth)
    moment[0] = NOW + lasts_s
    assert "Bearer issued-token-2" == signed(auth)


@pytest.mark.parametrize("lifetime_s", [None, 0, -5])
def test_a_token_without_an_end_is_kept_until_it_is_refused(site: Site, lifetime_s: object) -> None:
    site.lifetime_s = lifetime_s
    moment = [NOW]
    auth = by_secret(site, clock=lambda: moment[0])

    signed(auth)
    moment[0] = NOW + 1e6
    assert "Bearer issued-token-1" == signed(auth)
    assert auth.renew()
    assert "Bearer issued-token-2" == signed(auth)


def keys(rsa_key: rsa.RSAPrivateKey) -> dict[str, tuple[bytes, Any, str]]:
    """Key files of each kind: what is in them, the public key, and the algorithm that they sign by."""
    elliptic = ec.generate_private_key(ec.SECP384R1())
    elliptic_text = pem(elliptic)
    jwk = ECKey.import_key(elliptic_text).as_dict(private=True, kid="key-1")
    traditional = rsa_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return {
        "RSA": (pem(rsa_key), RSAKey.import_key(pem(rsa_key)), "RS384"),
        "RSA, older form": (traditional, RSAKey.import_key(pem(rsa_key)), "RS384"),
        "EC": (elliptic_text, ECKey.import_key(elliptic_text), "ES384"),
        "JWK": (dump(jwk), ECKey.import_key(elliptic_text), "ES384"),
    }


@pytest.mark.parametrize("kind", ["RSA", "RSA, older form", "EC", "JWK"])
def test_a_backend_service_signs_an_assertion_as_smart_wants_it(
    site: Site, tmp_path: Path, rsa_key: rsa.RSAPrivateKey, kind: str
) -> None:
    content, public, algorithm = keys(rsa_key)[kind]
    file = tmp_path / "key"
    file.write_bytes(content)
    auth = by_key(site, file, key_id="" if kind == "JWK" else "key-1")

    assert "Bearer issued-token-1" == signed(auth)
    assert auth.renew()
    asked = site.to("/token")
    assertions = [jwt.decode(one.form["client_assertion"], public, algorithms=[algorithm]) for one in asked]
    for one in assertions:
        assert {"typ": "JWT", "kid": "key-1", "alg": algorithm} == one.header
        claims = {name: value for name, value in one.claims.items() if name not in ("jti", "iat")}
        whole = {"iss": "upload-client", "sub": "upload-client", "aud": site.token_url, "exp": NOW + 240}
        assert whole == claims
    assert 2 == len({one.claims["jti"] for one in assertions})
    assert "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" == asked[0].form["client_assertion_type"]
    assert ("client_credentials", SCOPE) == (asked[0].form["grant_type"], asked[0].form["scope"])
    assert "Authorization" not in asked[0].headers


def test_a_token_endpoint_that_is_named_is_not_looked_for(site: Site, key_file: Path) -> None:
    signed(by_key(site, key_file, token_url=site.token_url))

    assert ["/token"] == [one.path for one in site.requests]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {}, b""), "the server has no SMART configuration: HTTP 404"),
        ((302, {"Location": "/elsewhere"}, b""), "the server has no SMART configuration: HTTP 302"),
        ((200, {}, b"<html>"), "names no token endpoint"),
        ((200, {}, b'{"token_endpoint": 7}'), "names no token endpoint"),
        ((200, {}, b'{"token_endpoint": "http://signin.example/token"}'), "over plain http"),
        ((200, {}, b'{"token_endpoint": "/token"}'), "not an http or https URL"),
    ],
)
def test_a_server_that_names_no_usable_token_endpoint_is_a_clear_error(
    site: Site, key_file: Path, answer: tuple[int, dict[str, str], bytes], words: str
) -> None:
    site.answers["/fhir/.well-known/smart-configuration"] = answer

    with pytest.raises(FhirCaseError, match=words):
        signed(by_key(site, key_file))

    assert [] == site.to("/token")


def in_threads(number: int, action: Callable[[], Any]) -> list[Any]:
    """Do something in several threads at once; an error is a result too."""
    barrier = threading.Barrier(number)

    def one() -> Any:
        barrier.wait()
        try:
            return action()
        except FhirCaseError as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return [each.result() for each in [pool.submit(one) for _ in range(number)]]


def test_eight_threads_share_one_token(site: Site) -> None:
    site.pause_s = 0.1
    auth = by_secret(site)

    assert ["Bearer issued-token-1"] * 8 == in_threads(8, lambda: signed(auth))
    assert 1 == site.issued


def test_eight_threads_that_are_refused_renew_the_token_once(site: Site) -> None:
    auth = by_secret(site)
    together = threading.Barrier(8)

    def upload() -> tuple[int, bool, int]:
        with prepared_session(Connection(auth), site.base) as session:
            first = session.get(f"{site.base}/Patient").status_code
            together.wait()
            again = auth.renew()
            return first, again, session.get(f"{site.base}/Patient").status_code

    signed(auth)
    site.valid.clear()
    site.pause_s = 0.05
    assert [(401, True, 200)] * 8 == in_threads(8, upload)
    assert 2 == site.issued


def test_a_token_endpoint_that_fails_fails_for_all_that_wait_for_it(site: Site) -> None:
    site.answers["/token"] = (503, {}, b"")
    site.pause_s = 0.3
    auth = by_secret(site)

    assert ["the token endpoint answers HTTP 503"] * 8 == [one.message for one in in_threads(8, lambda: signed(auth))]
    assert 1 == len(site.requests)
    del site.answers["/token"]
    assert "Bearer issued-token-1" == signed(auth)


ECHO = f'"{SECRET}"'.encode()
FAILURES: list[tuple[tuple[int, dict[str, str], bytes], type[FhirCaseError], str]] = [
    (
        (401, {}, b'{"error": "invalid_client", "error_description": ' + ECHO + b"}"),
        RejectedError,
        "refuses its secret or key",
    ),
    ((400, {}, b'{"error": "invalid_scope"}'), RejectedError, "does not grant the requested scope"),
    ((400, {}, b'{"error": ' + ECHO + b"}"), RejectedError, "refuses a token: HTTP 400"),
    ((403, {}, b"<html>" + ECHO), RejectedError, "refuses a token: HTTP 403"),
    ((200, {}, b'{"error": "invalid_client"}'), RejectedError, "does not know the client"),
    ((200, {}, b"<html>" + ECHO), ServerError, "is not a bearer token"),
    ((200, {}, b"[" + ECHO + b"]"), ServerError, "is not a bearer token"),
    ((200, {}, b"{}"), ServerError, "is not a bearer token"),
    ((200, {}, b'{"access_token": 7}'), ServerError, "is not a bearer token"),
    ((200, {}, b'{"access_token": "a\\r\\nX: b"}'), ServerError, "there is no bearer token"),
    ((200, {}, b'{"access_token": "a", "token_type": "mac"}'), ServerError, "is not a bearer token"),
    ((200, {}, b'{"access_token": "a", "expires_in": "soon"}'), ServerError, "is not a bearer token"),
    ((200, {}, b'{"access_token": "a", "expires_at": []}'), ServerError, "is not a bearer token"),
    ((500, {}, ECHO), ServerError, "answers HTTP 500"),
    ((429, {}, b""), ServerError, "answers HTTP 429"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), FAILURES)
@pytest.mark.parametrize("smart", [False, True])
def test_a_token_endpoint_that_gives_no_token_is_told_in_plain_words_without_secrets(
    site: Site,
    key_file: Path,
    answer: tuple[int, dict[str, str], bytes],
    kind: type[FhirCaseError],
    words: str,
    smart: bool,
) -> None:
    site.answers["/token"] = answer

    with pytest.raises(kind, match=words) as caught:
        signed(by_key(site, key_file) if smart else by_secret(site))

    shown = told(caught.value)
    assert site.token_url in shown
    for secret in [SECRET, base64.b64encode(f"upload-client:{SECRET}".encode()).decode(), "eyJ", "PRIVATE KEY"]:
        assert secret not in shown


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_secret_does_not_follow_a_redirect(site: Site, other: Site, status: int) -> None:
    site.answers["/token"] = (status, {"Location": other.token_url}, b"")

    with pytest.raises(RejectedError, match="is not sent there") as caught:
        signed(by_secret(site))

    assert status == caught.value.status
    assert [] == other.requests


def test_a_token_endpoint_that_is_silent_is_given_up(site: Site) -> None:
    site.answers["/token"] = (200, {}, b"{}")
    site.pause_s = 1

    with pytest.raises(ServerError, match=r"no token: no answer from 127\.0\.0\.1:\d+ within 0.2 s"):
        signed(by_secret(site, transport=Transport((10, 0.2))))


def test_a_token_endpoint_that_is_not_there_is_a_clear_error() -> None:
    nowhere = Site(url="http://127.0.0.1:9")

    with pytest.raises(ServerError, match=r"POST http://127\.0\.0\.1:9/token: no token: nothing listens") as caught:
        signed(by_secret(nowhere))

    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://signin.example/token", "https://me:word@signin.example/token", "ftp://signin.example", "https://[", "x"],
)
def test_a_token_endpoint_that_cannot_be_used_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ServerError) as caught:
        client_credentials(url, "upload-client", SECRET, transport=PATIENT, clock=clock())

    assert "word" not in told(caught.value)


def test_without_authlib_one_is_told_how_to_get_it(site: Site, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "authlib", None)

    with pytest.raises(CheckerError, match=r"needs authlib.*; pip install 'fhir-case\[auth\]'"):
        by_secret(site)
    with pytest.raises(CheckerError, match=r"needs authlib.*; pip install 'fhir-case\[auth\]'"):
        by_key(site, key_file)


@pytest.mark.parametrize("kind", ["missing", "rubbish", "with a password", "P-256", "public", "JWK without a secret"])
def test_a_private_key_that_cannot_be_used_is_a_clear_error(
    site: Site, tmp_path: Path, rsa_key: rsa.RSAPrivateKey, kind: str
) -> None:
    public = rsa_key.public_key()
    file = tmp_path / "key.pem"
    contents = {
        "rubbish": b"word of a secret",
        "with a password": pem(rsa_key, b"word"),
        "P-256": pem(ec.generate_private_key(ec.SECP256R1())),
        "public": public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "JWK without a secret": dump(RSAKey.import_key(pem(rsa_key)).as_dict(private=False)),
    }
    if kind != "missing":
        file.write_bytes(contents[kind])

    with pytest.raises(ServerError, match="private key can") as caught:
        by_key(site, file)

    assert str(file) in str(caught.value)
    assert "word of" not in told(caught.value)


def test_a_private_key_needs_the_id_by_which_the_server_knows_it(site: Site, key_file: Path) -> None:
    with pytest.raises(ServerError, match=r"the private key has no id; FHIR_CASE_KEY_ID"):
        by_key(site, key_file, key_id="")


def connected(**options: Any) -> Connection:
    return Connection(bearer("abc", clock=clock()), {"X-Api-Key": "key-of-ours"}, **options)


def test_a_redirect_within_the_server_keeps_the_credentials(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password word\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    site.answers["/fhir/Patient"] = (302, {"Location": "/fhir/Moved"}, b"")

    with prepared_session(connected(), site.base) as session:
        session.get(f"{site.base}/Patient")

    (arrived,) = site.to("/fhir/Moved")
    assert ("Bearer abc", "key-of-ours") == (arrived.headers["Authorization"], arrived.headers["X-Api-Key"])


def test_nobody_signs_in_by_a_file_that_was_not_named(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password word\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    with prepared_session(Connection(), site.base) as session:
        session.get(f"{site.base}/Patient")

    assert "Authorization" not in site.requests[0].headers


def test_somebody_signs_in_by_netrc_where_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine fhir.example login eve password word\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    made = connect("https://fhir.example/fhir", Access("netrc"), timeout_s=5)

    assert f"Basic {base64.b64encode(b'eve:word').decode()}" == signed(made.auth or basic("nobody", "", clock=clock()))
    with pytest.raises(ServerError, match="over plain http"):
        connect("http://fhir.example/fhir", Access("netrc"), timeout_s=5)
    with pytest.raises(ServerError, match=r"~/\.netrc has no entry for other\.example"):
        connect("https://other.example/fhir", Access("netrc"), timeout_s=5)


def test_without_credentials_a_redirect_to_plain_http_on_another_server_is_not_followed(
    http: responses.RequestsMock, base: str
) -> None:
    http.get(f"{base}/Patient", status=302, headers={"Location": "http://other.example/Patient"})
    http.get(f"{base}/Group", status=302, headers={"Location": "https://other.example/Group"})
    http.get("https://other.example/Group", json={})

    with prepared_session(Connection(), base) as session:
        with pytest.raises(RejectedError, match="another server, which is reached by plain http"):
            session.get(f"{base}/Patient")
        assert 200 == session.get(f"{base}/Group").status_code


@pytest.mark.parametrize(
    "connection",
    [Connection(bearer("abc", clock=clock())), Connection(headers={"X-Api-Key": "key-of-ours"})],
    ids=["token", "header"],
)
def test_a_redirect_to_another_server_gets_nothing(site: Site, other: Site, connection: Connection) -> None:
    site.answers["/fhir/Patient"] = (302, {"Location": f"{other.base}/Patient"}, b"")

    with (
        prepared_session(connection, site.base) as session,
        pytest.raises(RejectedError, match="another server, which gets no credentials") as caught,
    ):
        session.get(f"{site.base}/Patient")

    assert 302 == caught.value.status
    assert [] == other.requests


def test_a_session_refuses_to_take_its_credentials_to_another_server(site: Site, other: Site) -> None:
    with (
        prepared_session(connected(), site.base) as session,
        pytest.raises(ServerError, match="would take credentials to another server"),
    ):
        session.get(f"{other.base}/Patient")

    assert [] == other.requests


def test_without_credentials_a_redirect_may_lead_anywhere(site: Site, other: Site) -> None:
    site.answers["/fhir/Patient"] = (302, {"Location": f"{other.base}/Patient"}, b"")

    with prepared_session(Connection(), site.base) as session:
        session.get(f"{site.base}/Patient", headers={"Authorization": "of the caller"})

    assert "Authorization" not in other.requests[0].headers


def test_a_session_with_credentials_is_not_made_for_plain_http() -> None:
    with pytest.raises(ServerError, match="over plain http"):
        prepared_session(connected(), "http://fhir.example/fhir")


def certificate(folder: Path, name: str, key: rsa.RSAPrivateKey) -> tuple[Path, Path]:
    """A certificate that signs itself, for 127.0.0.1, and its key."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(pem(key))
    return paths


def test_our_certificates_count_for_the_server_and_for_its_token_endpoint(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    crt, key = certificate(tmp_path, "server", rsa_key)
    ours, our_key = certificate(tmp_path, "client", rsa.generate_private_key(65537, 2048))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ours))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    context.load_verify_locations(ours)
    context.verify_mode = ssl.CERT_REQUIRED
    files = Certificates(crt, ours, our_key)
    files.check()

    with serve(Site(), context) as site:
        auth = by_secret(site, transport=Transport((5, 5), files))
        with prepared_session(Connection(auth, certificates=files), site.base) as session:
            assert 200 == session.get(f"{site.base}/Patient").status_code
        with pytest.raises(ServerError, match=r"no token: no secure connection to 127\.0\.0\.1"):
            signed(by_secret(site, transport=Transport((5, 5))))


def test_certificates_that_cannot_be_used_are_told_before_anything_is_sent(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey
) -> None:
    crt, _ = certificate(tmp_path, "client", rsa_key)
    secured, foreign, rubbish = (tmp_path / name for name in ("secured", "foreign", "rubbish"))
    secured.write_bytes(pem(rsa_key, b"word"))
    foreign.write_bytes(pem(rsa.generate_private_key(65537, 2048)))
    rubbish.write_text("rubbish")

    for key in (secured, foreign, rubbish, None):
        with pytest.raises(ServerError, match="client certificate and key cannot be used"):
            Certificates(client_certificate=crt, client_key=key).check()
    with pytest.raises(ServerError, match="it holds no certificates"):
        Certificates(ca_file=rubbish).check()


def test_no_secret_is_shown_by_anything_that_holds_it(site: Site, key_file: Path, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("token-of-the-file")
    authenticators = [
        basic("ada", "password-of-ada", clock=clock()),
        bearer("token-of-ours", clock=clock()),
        bearer_file(token_file, clock=clock()),
        by_secret(site),
        by_key(site, key_file),
    ]
    shown = ""
    for auth in authenticators:
        made = Connection(auth, {"X-Api-Key": "key-of-ours"}, certificates=Certificates(tmp_path / "ca.pem"))
        header = signed(auth)
        assert header
        shown += f"{auth} {auth!r} {vars(auth)} {made} {made!r} {made.auth!r}"
        with prepared_session(made, site.base) as session:
            site.answers["/fhir/Patient"] = (302, {"Location": "https://elsewhere.example/"}, b"")
            shown += f"{session!r}"
            for url in (f"{site.base}/Patient", "https://elsewhere.example/"):
                with pytest.raises(FhirCaseError) as caught:
                    session.get(url)
                shown += told(caught.value)
        site.answers["/token"] = (401, {}, b'{"error": "invalid_client", "error_description": ' + ECHO + b"}")
        try:
            auth.renew()
        except RejectedError as error:
            shown += told(error)
        del site.answers["/token"]

    assert "ca.pem" in shown
    assert "refuses its secret or key" in shown
    lines = key_file.read_text().splitlines()[1:-1]
    encoded = [base64.b64encode(one.encode()).decode() for one in ("ada:password-of-ada", f"upload-client:{SECRET}")]
    known = ["password-of-ada", "token-of-ours", "token-of-the-file", "issued-token", "key-of-ours", SECRET, "eyJ"]
    assert [] == [secret for secret in [*known, *encoded, *lines] if secret in shown]
