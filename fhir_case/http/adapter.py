"""The transport of requests with bounded responses, and with the certificates of the operating system."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from fhir_case.http.errors import ResponseTooLargeError
from fhir_case.http.metered import TooMuchError, metered_pools

if TYPE_CHECKING:
    from ssl import SSLContext

    from requests import PreparedRequest, Response

    from fhir_case.http.limits import Limits

__all__ = ["BoundedAdapter"]

_PIECE = 1 << 16
_RATIO_COUNTS_FROM = 10_000_000  # bytes


class BoundedAdapter(HTTPAdapter):
    """
    Send requests and read each response within limits.

    Args:
        limits: For each response; of one that is streamed, the size that it has in the end is left to whoever reads it.
        connections: How many connections to one host stay open.
    """

    def __init__(self, limits: Limits, *, connections: int = 10) -> None:
        self._limits = limits
        self._trust: SSLContext | None = None
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools of connections, with metered ones."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = metered_pools(self._limits)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools of connections through a proxy, with metered ones."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = metered_pools(self._limits)
        return manager

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return what tells connection pools apart; where nobody names certificates, the system's are trusted too."""
        host, options = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify is True and host["scheme"] == "https":
            options["ssl_context"] = self._trusted()
        return host, options

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
        """Set which certificates a connection trusts; those of the system are in its context already."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if verify is True and self._trust is not None:
            conn.ca_certs = None

    def _trusted(self) -> SSLContext:
        if self._trust is None:
            import ssl

            import truststore
            from certifi import where

            # As pip does. Those of requests count as well: a container may have none of its own.
            self._trust = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._trust.load_verify_locations(where())
        return self._trust

    def send(self, request: PreparedRequest, stream: bool = False, **options: Any) -> Response:  # type: ignore[override]
        """
        Send a request and return its response, read unless it is streamed.

        Raises:
            ResponseTooLargeError: The response is beyond the limits.
        """
        try:
            response = super().send(request, stream=stream, **options)
        except TooMuchError as error:
            raise ResponseTooLargeError(error.what, request=request) from None
        if not stream:
            try:
                response._content = self._read(response)  # noqa: SLF001 - requests has no other way in
            except TooMuchError as error:
                raise ResponseTooLargeError(error.what, request=request, response=response) from None
            finally:
                response.close()
        return response

    def _read(self, response: Response) -> bytes:
        content = io.BytesIO()
        limits = self._limits
        for piece in response.iter_content(_PIECE):
            content.write(piece)
            size = content.tell()
            if size > limits.bytes:
                raise TooMuchError(f"more than {limits.bytes:,} bytes")
            if size > _RATIO_COUNTS_FROM and size > limits.ratio * response.raw.tell():
                raise TooMuchError(f"compressed more than {limits.ratio:g} times")
        return content.getvalue()
