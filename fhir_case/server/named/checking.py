"""Check whether a server can be reached, is what its entry says, and accepts our sign-in. Nothing is written there."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError, RejectedError
from fhir_case.java.events import Listener, silent
from fhir_case.server.capabilities import UNKNOWN, Capabilities, from_statement
from fhir_case.server.named.opening import OpenServer, open_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.server.named.model import NamedServer

__all__ = ["ServerCheck", "check_server"]

_LONGEST_S = 30.0
_SIGNING_IN = {401: "refused (HTTP 401)", 403: "not allowed (HTTP 403)"}


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """
    The result of checking one server.

    Args:
        name: Its name.
        base_url: Its base URL; empty when it was not started.
        software: Software and version, as its CapabilityStatement names them.
        fhir: The version of FHIR that it speaks, such as ``4.0.1``.
        release: The release that this is, such as ``R4``.
        transactions: Whether it takes transactions; None: not stated.
        sign_in: The result of signing in; empty when it was not tried.
        milliseconds: How long the answer to the first request took; None without one.
        problems: What is wrong, each in a sentence.
    """

    name: str
    base_url: str = ""
    software: str = ""
    fhir: str = ""
    release: str = ""
    transactions: bool | None = None
    sign_in: str = ""
    milliseconds: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "problems": list(self.problems), "ok": self.ok}


def check_server(server: NamedServer, environment: Mapping[str, str], *, listener: Listener = silent) -> ServerCheck:
    """
    Reach a server, started where it has to be: get its CapabilityStatement, and one patient, which takes rights.

    Args:
        environment: The variables that its file names, and those of the program that is started.
        listener: Called with each step of the start of an embedded server.
    """
    try:
        with open_server(server, environment, listener=listener) as opened:
            return _checked(opened, server)
    except FhirCaseError as error:
        return ServerCheck(server.name, server.url, problems=(str(error),))


def _checked(opened: OpenServer, server: NamedServer) -> ServerCheck:
    client = opened.client(timeout_s=min(_LONGEST_S, opened.timeout_s))
    begin = time.monotonic()
    try:
        said = from_statement(client.request("GET", "metadata").body)
        rejected = None
    except RejectedError as error:  # one without a statement may still be loaded
        said, rejected = UNKNOWN, error
    except FhirCaseError as error:
        return ServerCheck(server.name, opened.base_url, problems=(str(error),))
    milliseconds = round(1000 * (time.monotonic() - begin))
    problems = list(_mismatch(said, server.fhir))
    try:
        client.request("GET", "Patient", parameters={"_count": "1"})
        sign_in = "accepted" if opened.connection.has_credentials else "not needed"
    except RejectedError as error:
        sign_in = _SIGNING_IN.get(error.status, f"not known (HTTP {error.status})")
        # A search that is refused for another reason is no problem of a server that has a statement.
        if error.status in _SIGNING_IN or 300 <= error.status < 400 or rejected:
            problems.append(str(error))
    except FhirCaseError as error:
        sign_in = ""
        problems.append(str(error))
    return ServerCheck(
        server.name,
        opened.base_url,
        " ".join(part for part in (said.software, said.software_version) if part),
        said.fhir_version,
        said.release,
        said.transaction,
        sign_in,
        milliseconds,
        tuple(problems),
    )


def _mismatch(said: Capabilities, stated: str) -> tuple[str, ...]:
    if stated and said.release and said.release != stated:
        return (f"it speaks FHIR {said.release} ({said.fhir_version}), and servers.toml says {stated}",)
    if said.transaction is False:
        return ("its CapabilityStatement has no transactions, so that nothing can be loaded",)
    return ()
