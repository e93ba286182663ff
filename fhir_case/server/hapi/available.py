"""Check before all work whether the port and the database are free."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.server.hapi.running import running_servers

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.server.hapi.options import Options

__all__ = ["check_available"]


def check_available(options: Options, state: Path) -> None:
    """
    Refuse a port or a database that is in use.

    Raises:
        CheckerError: It is; the message names the process where it can.
    """
    for server in running_servers(state):
        if options.port and server.port == options.port:
            raise CheckerError(
                f"an embedded server is already running: {server.base_url or 'still starting'} (process {server.pid})",
                hint=f"use it, or stop it with `fhir-case server stop --port {server.port}`",
            )
        if options.data and server.data == str(options.data.resolve()) and server.fhir == options.fhir:
            raise CheckerError(
                f"the embedded server of process {server.pid} ({server.base_url}) uses this database",
                where=server.data,
                hint=f"stop it with `fhir-case server stop --port {server.port}`, or choose another folder",
            )
    if options.port and _taken(options.host, options.port):
        holder = _holder(options.port)
        by = f" by process {holder}" if holder else ""
        raise CheckerError(
            f"port {options.port} of {options.host} is taken{by}", hint="choose another port; 0 takes a free one"
        )


def _taken(host: str, port: int) -> bool:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            if os.name == "posix":  # as Java does: a port whose last connections still fade away is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise CheckerError(f"cannot listen on port {port} of {host}: {error.strerror or error}") from error
    return False


def _holder(port: int) -> int | None:
    import psutil

    with contextlib.suppress(psutil.Error, OSError):  # not every system allows it
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                return connection.pid
    return None
