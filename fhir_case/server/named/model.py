"""A server by name: its entry in ``servers.toml``, with variables where its secrets are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.http.limits import Limits
from fhir_case.server.guard import checked_base_url
from fhir_case.server.named.variables import named_in
from fhir_case.server.quirks import Caps
from fhir_case.server.retry import RetryPolicy
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["EMBEDDED", "NamedServer", "server_of"]

EMBEDDED = ("hapi",)
"""The command that stands for the embedded server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedServer:
    """
    The entry of one server. Texts may hold variables, such as ``${TOKEN}``; none holds a secret.

    Args:
        name: Its name; for one without an entry, its URL.
        file: The file of the entry, from whose folder its paths count; None for one without an entry.
        url: Its base URL; empty where it is started.
        start: The command that starts it; `EMBEDDED` for the embedded server; empty where it runs anyway.
        fhir: The release of FHIR that it is expected to speak, such as ``R4``; empty where that is open.
        strict: Whether an embedded server refuses invalid resources.
        heap: The memory limit of an embedded server.
        db: The database of an embedded server, as `HapiServer` takes it; empty: H2 in memory.
        db_user: The user of a database of one's own.
        db_password: Its password.
        start_timeout_s: How long a start may take; None: the default.
        auth: How to sign in: ``kind``, a key of `METHODS`, and its settings; empty where nobody signs in.
        headers: Further headers.
        ca_file: The certificates to trust, PEM; empty: those that requests trusts.
        client_certificate: The certificate to show, PEM; empty: none.
        client_key: Its key, where it is not in the same file.
        timeout_s: How long to wait for an answer, to its last byte.
        response: How much of an answer is read at most.
        caps: Limits that replace those of `quirks_of`.
        retry: When requests are sent again.
        real_patient_data: Whether it may have the data of real patients.
        placeholders: Whether it makes placeholders for references to what it does not have.
    """

    name: str
    file: Path | None = None
    url: str = ""
    start: tuple[str, ...] = ()
    fhir: str = ""
    strict: bool = False
    heap: str = "2g"
    db: str = ""
    db_user: str = ""
    db_password: str = ""
    start_timeout_s: float | None = None
    auth: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    timeout_s: float = 300
    response: Limits = field(default_factory=Limits)
    caps: Caps = field(default_factory=Caps)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    real_patient_data: bool = False
    placeholders: bool = False

    @property
    def where(self) -> str:
        """Return the position of it in the file; empty without a file."""
        return f"{self.file}: [{self.name}]" if self.file else ""

    @property
    def auth_kind(self) -> str:
        """Return the sign-in method."""
        return self.auth.get("kind", "none")

    @property
    def auth_settings(self) -> dict[str, str]:
        """Return what the sign-in method takes, by the names of the file."""
        return {name: text for name, text in self.auth.items() if name != "kind"}

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the names of the environment variables that it needs, in the order of the file."""
        certificates = (self.ca_file, self.client_certificate, self.client_key)
        database = (self.db, self.db_user, self.db_password)
        return named_in((self.url, *database, *self.auth.values(), *self.headers.values(), *certificates))


def server_of(text: str, servers: Mapping[str, NamedServer]) -> NamedServer:
    """
    Return the server that is meant.

    Args:
        text: Its name, or its URL.
        servers: Those that have a name.

    Raises:
        FhirCaseError: No server has this name.
        ServerError: It looks like a URL, and is not that of a FHIR server.
    """
    if text in servers:
        return servers[text]
    if any(sign in text for sign in ":/"):
        url = checked_base_url(text)
        return NamedServer(name=url, url=url)
    if not servers:
        raise FhirCaseError(
            f"there is no server '{text}', and no servers.toml that would name any",
            hint="give a base URL such as http://127.0.0.1:8080/fhir, or name the file by --servers",
        )
    raise FhirCaseError(
        f"there is no server '{text}'",
        hint=did_you_mean(text, servers) or f"known are {', '.join(servers)}; or give a base URL",
    )
