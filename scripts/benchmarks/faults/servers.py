"""The servers of the table."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from smallserver import SmallServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SERVERS", "serving"]

SERVERS = {
    "small": "the small server of the tests, as HAPI FHIR",
    "small-other": "the small server of the tests, which keeps no request ids",
    "hapi": "HAPI FHIR on H2 (the embedded server)",
    "hapi-postgresql": "HAPI FHIR on PostgreSQL",
    "medplum": "Medplum's FHIR router (scripts/medplum)",
}
"""Each server by its name; of those that are not started here the base URL has to be given."""

_MEDPLUM = Path(__file__).resolve().parents[2] / "medplum" / "start"


@contextmanager
def serving(name: str, urls: Mapping[str, str]) -> Iterator[str]:
    """
    Run a server, and return its base URL.

    Args:
        urls: The base URLs of servers that run already.

    Raises:
        ValueError: It is not known how to start it.
    """
    if name in urls:
        yield urls[name]
    elif name.startswith("small"):
        with SmallServer.like() if name == "small" else SmallServer.like("another server") as server:
            yield server.url
    elif name == "hapi":
        from fhir_case import HapiServer

        with HapiServer(timeout_s=600) as server:
            yield server.base_url
    elif name == "medplum":
        with _medplum() as url:
            yield url
    else:
        raise ValueError(f"{name} has to be running: --url {name}=http://…")


@contextmanager
def _medplum() -> Iterator[str]:
    with subprocess.Popen([_MEDPLUM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip() if process.stdout else ""
        if not url:
            raise ValueError("Medplum's router did not start")
        try:
            yield url
        finally:
            process.communicate()  # which closes its standard input, and so ends it
