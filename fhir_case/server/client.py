"""A client for FHIR over HTTP, whose errors say what went wrong."""

from __future__ import annotations

from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fhir_case.errors import BundleError, RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.http.address import is_below
from fhir_case.server.answer import Answer, resource_of, without_places
from fhir_case.server.capabilities import UNKNOWN, Capabilities, from_statement
from fhir_case.server.certificates import Certificates
from fhir_case.server.failures import OVERLOADED, failure_of, never_sent, refusal
from fhir_case.server.guard import checked_base_url, is_loopback, refuse_plain_http
from fhir_case.server.paging import next_page, search_mode
from fhir_case.server.redaction import hide_sent
from fhir_case.server.retry import retrying

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Self

    import requests

    from fhir_case.fhir.wire import Resource
    from fhir_case.server.connection import Connection

__all__ = ["WRITE_AGAIN", "Answer", "Client"]

_JSON = "application/fhir+json"
_PLAIN_JSON = "application/json"
_UNSUPPORTED = 415  # Unsupported Media Type: nothing was done
_READING = ("GET", "HEAD")
_MAX_PAGES = 1000
_MAX_EMPTY_PAGES = 10  # one after the other
_READ_AGAIN = OVERLOADED - {500}
# A gateway that answers 502 or 504 may have passed a transaction on; after 429 and 503 nothing was done.
WRITE_AGAIN = frozenset({429, 503})


class Client:
    """
    The connections to one FHIR server; a context manager that closes them.

    Args:
        base_url: The address of the server, without credentials.
        timeout_s: The seconds to wait for a connection, and for the whole of an answer.
        connection: Who asks and how the server is reached; None: nobody signs in.

    Attributes:
        sent: How many requests were made; one that is sent again counts once.

    Raises:
        ServerError: The base URL cannot be used, or credentials would go over plain http.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: tuple[float, float] = (10, 300),
        connection: Connection | None = None,
    ) -> None:
        self.base_url = checked_base_url(base_url)
        self.timeout_s = timeout_s
        self.sent = 0
        self._session: requests.Session | None = None
        self._connection = connection
        self._plain_json = connection.plain_json if connection else Event()
        if connection is not None:
            refuse_plain_http(self.base_url, connection.has_credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    @property
    def certificates(self) -> Certificates:
        """Return which certificates it trusts and shows."""
        return self._connection.certificates if self._connection else Certificates()

    def capabilities(self) -> Capabilities:
        """
        Return what the server can do; one without a CapabilityStatement is fine, and unknown.

        Raises:
            ServerError: The server was not reached, is overloaded, or is not a FHIR server.
        """
        try:
            return from_statement(self.request("GET", "metadata").body)
        except RejectedError:
            return UNKNOWN

    def transaction(
        self, bundle: Resource | bytes, *, repeatable: bool = False, headers: Mapping[str, str] | None = None
    ) -> Resource:
        """
        Send a transaction and return the Bundle that answers it.

        Args:
            bundle: The transaction; bytes are sent as they are.
            repeatable: Whether it may be sent again when the server was not reached or is busy.
            headers: Further headers.

        Raises:
            ServerError: The server was not reached, broke off, or is overloaded.
            RejectedError: The server refused; nothing of the transaction was kept.
        """
        answer = self.request(
            "POST",
            body=bundle,
            headers={"Prefer": "return=minimal", **(headers or {})},
            again=WRITE_AGAIN if repeatable else None,
            exact=False,
        )
        return answer.body or {"resourceType": "Bundle", "type": "transaction-response"}

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """
        Read one resource.

        Raises:
            ServerError: The server was not reached, or is overloaded.
            RejectedError: The resource is not returned; the status is 404 where there is none, 410 for a deleted one.
        """
        answer = self.request("GET", f"{resource_type}/{resource_id}", headers={"Cache-Control": "no-cache"})
        return answer.body or {}

    def search(
        self, resource_type: str, parameters: Mapping[str, str] | str, *, complete: bool = False
    ) -> Iterator[Resource]:
        """
        Return every resource that a search finds, page after page.

        Args:
            parameters: The search parameters, or a query that is encoded already.
            complete: Whether to refuse an answer that has less than its ``total`` says.

        Raises:
            ServerError: The server was not reached, is overloaded, or its pages do not end.
            RejectedError: The server refused the search, or its answer is not complete and has to be.
        """
        # HAPI reuses the result of an equal search for a minute; strict handling: an unknown parameter is refused.
        headers = {"Cache-Control": "no-cache", "Prefer": "handling=strict"}
        page = self._page(resource_type, parameters=parameters, headers=headers)
        seen: set[str] = set()
        empty = found = 0
        total = page.get("total")
        while True:
            empty = 0 if page.get("entry") else empty + 1
            for entry in wire.objects(page.get("entry")):
                if isinstance(entry.get("resource"), dict) and search_mode(entry) == "match":
                    found += 1
                    yield entry["resource"]
            following = next_page(page, resource_type, self.base_url)
            if not following:
                if complete and isinstance(total, int) and total > found:
                    raise RejectedError(
                        f"a search finds {total}, and the server shows {found} of them, without a next page",
                        where=f"GET {self.base_url}/{resource_type}",
                    )
                return
            if following in seen or len(seen) >= _MAX_PAGES or empty > _MAX_EMPTY_PAGES:
                raise ServerError("the pages of a search do not end", where=f"GET {self.base_url}/{resource_type}")
            seen.add(following)
            page = self._page(following, headers=headers)

    def _page(self, path: str, **options: Any) -> Resource:
        answer = self.request("GET", path, **options)
        page = answer.body or {}
        if page.get("resourceType") != "Bundle":
            where = f"GET {self.base_url}/{path.partition('?')[0].removeprefix(self.base_url).strip('/')}"
            raise RejectedError(
                "the answer to a search is not a Bundle", where=where, status=answer.status, outcome=answer.body
            )
        return page

    def request(
        self,
        method: str,
        path: str = "",
        *,
        body: Resource | bytes | None = None,
        parameters: Mapping[str, str] | str | None = None,
        headers: Mapping[str, str] | None = None,
        again: frozenset[int] | None = None,
        repeatable: bool = False,
        exact: bool = True,
    ) -> Answer:
        """
        Send one request; a GET is tried three times.

        Args:
            path: What follows the base URL, or a whole URL below it; empty for the base URL itself.
            body: A resource; bytes are sent as they are.
            again: The statuses after which to try again; None leaves it to the method.
            repeatable: Whether to carry it out twice does no harm, so that it is sent again as a GET is.
            exact: Whether the decimals of the answer matter; without them it is read in a quarter of the time.

        Raises:
            ServerError: The server was not reached, broke off, is overloaded, or is not a FHIR server.
            RejectedError: The server refused.
            BundleError: The body cannot be written as JSON.
        """
        whole = path.startswith((f"{self.base_url}/", f"{self.base_url}?"))
        url = path if whole else f"{self.base_url}/{path}".rstrip("/")
        where = f"{method} {url.partition('?')[0]}"
        if not is_below(url, self.base_url):
            raise ServerError("the address leads out of the base URL", where=where, again=False)
        reading = method in _READING
        self.sent += 1
        ask = partial(
            self._send,
            method,
            url,
            where=where,
            again=_READ_AGAIN if again is None and reading else again,
            repeatable=repeatable or reading,
            params=parameters,
            data=None if body is None else _encoded(body),
            allow_redirects=reading,
        )
        plain = self._plain_json
        response = ask(headers=_headers(_PLAIN_JSON if plain.is_set() else _JSON, body, headers))
        if response.status_code == _UNSUPPORTED and not plain.is_set() and "Content-Encoding" not in (headers or {}):
            second = ask(headers=_headers(_PLAIN_JSON, body, headers))
            if second.status_code != _UNSUPPORTED:
                plain.set()
                response = second
        secrets = hide_sent(response.request.headers, self._connection.headers if self._connection else ())
        if 200 <= response.status_code < 300:
            body = resource_of(response, where, secrets, exact=exact)
            return Answer(response.status_code, body, without_places(response.headers))
        raise refusal(response, where, secrets=secrets)

    def _send(
        self, method: str, url: str, *, where: str, again: frozenset[int] | None, repeatable: bool, **options: Any
    ) -> requests.Response:
        import requests

        from fhir_case.server.connection import Connection, prepared_session

        if self._session is None:
            self._session = prepared_session(self._connection or Connection(), self.base_url)
            if self.base_url.startswith("http:") and is_loopback(self.base_url):
                self._session.trust_env = False  # the environment is not about our own machine
        reading = method in _READING
        ask = partial(self._session.request, method, url, timeout=self.timeout_s, **options)
        if again is not None:
            ask = partial(retrying(again, repeatable=repeatable), ask)
        try:
            response = ask()
            if response.status_code == 401 and self._renewed():  # nothing was done, so that it may be sent again
                response = ask()
        except requests.RequestException as error:
            message, hint, cause, once_more = failure_of(error, host=urlsplit(url).netloc, timeout_s=self.timeout_s)
            perhaps_done = not reading and not never_sent(error)
            if perhaps_done and not repeatable and (not hint or not once_more):
                stored = "it may have been stored all the same: verify shows it; sending it again is safe if repeatable"
                hint = f"{stored}; {hint}" if hint else stored
            raise ServerError(
                message, where=where, hint=hint, perhaps_done=perhaps_done, again=once_more, cause=cause
            ) from error
        return response

    def _renewed(self) -> bool:
        auth = self._connection.auth if self._connection else None
        return auth is not None and auth.renew()


def _headers(media_type: str, body: object, more: Mapping[str, str] | None) -> dict[str, str]:
    return {"Accept": media_type, **({"Content-Type": media_type} if body is not None else {}), **(more or {})}


def _encoded(body: Resource | bytes) -> bytes:
    try:
        return body if isinstance(body, bytes) else wire.dump(body)
    except TypeError as error:
        raise BundleError(f"what should be sent cannot be written as JSON: {error}") from error
