"""The certificates of a connection: which to trust, and which to show."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.bounded import read_bounded
from fhir_case.errors import ServerError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Certificates"]

_MOST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Certificates:
    """
    The certificate files of a connection, all PEM.

    Args:
        ca_file: The certificates to trust; None: those that requests trusts.
        client_certificate: The certificate to show to the server.
        client_key: Its key, where it is not in the same file.
    """

    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None

    def check(self) -> None:
        """
        Load the files once: a key with a password would make OpenSSL ask for it on the terminal later on.

        Raises:
            ServerError: A file cannot be read, holds no certificate or key, or key and certificate do not belong
                together.
            FhirCaseError: One does not end, or is a pipe, which could be read only once.
        """
        import ssl

        for file in (self.ca_file, self.client_certificate, self.client_key):
            if file is not None and file.exists() and not file.is_dir():
                with suppress(OSError):  # it is said below
                    read_bounded(file, _MOST_BYTES)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except (OSError, ValueError):  # ssl.SSLError is an OSError
                raise ServerError(
                    "it holds no certificates", where=str(self.ca_file), hint="write them as PEM"
                ) from None
        if self.client_certificate is not None:
            try:
                context.load_cert_chain(self.client_certificate, self.client_key, password="")
            except (OSError, ValueError):
                raise ServerError(
                    "client certificate and key cannot be used",
                    where=str(self.client_certificate),
                    hint="write both as PEM, the key without a password, and check that they belong together",
                ) from None

    def options(self) -> dict[str, Any]:
        """Return the options ``verify`` and ``cert`` of requests."""
        certificate = None if self.client_certificate is None else str(self.client_certificate)
        return {
            "verify": None if self.ca_file is None else str(self.ca_file),
            "cert": certificate if self.client_key is None else (certificate, str(self.client_key)),
        }
