"""Wait for an embedded server, and say why it did not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener
from fhir_case.java.process import log_end, status_lines
from fhir_case.server.hapi.database import PASSWORD, PASSWORD_FILE, USER

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from fhir_case.java.patience import Patience
    from fhir_case.server.hapi.options import Options

__all__ = ["wait_until_ready"]

_CAUSES = 3
_LOG_LINES = 200
_HINT = "allow more time by --start-timeout (pytest: --fhir-start-timeout), or timeout_s of HapiServer"


def wait_until_ready(
    process: subprocess.Popen[bytes], options: Options, log: Path, *, patience: Patience, title: str, listener: Listener
) -> int:
    """
    Read the log until the server is ready, and return its port.

    Args:
        patience: How long it may take.
        title: What starts, for the listener.

    Raises:
        CheckerError: It ended, or was not ready in time; with the end of its log.
    """
    packages, now = 0, title

    def on_second(passed_s: int) -> None:
        listener(Event("start", passed_s, text=now))

    lines = status_lines(process, log, patience=patience, title="the embedded server", hint=_HINT, on_second=on_second)
    for word, rest in lines:
        if word == "READY":
            return int(rest.split()[0])
        if word == "FAILED":
            raise _failed(rest, options, log)
        if word == "PHASE":
            now = f"{title}: {rest}"
            listener(Event("start", text=now))
        else:
            packages += 1
            listener(Event("package", packages, len(options.packages), rest.split()[0]))
    raise _failed("other", options, log)


def _failed(words: str, options: Options, log: Path) -> CheckerError:
    reason, _, rest = words.partition(" ")
    data = str(options.data or options.db)
    causes = f"the database cannot be opened (whole log: {log}):\n{log_end(log, _CAUSES)}\n"
    message, where, hint = {
        "port": (f"port {options.port} of {options.host} is taken", "", "choose another port; 0 takes a free one"),
        "in-use": ("another process uses this database", data, "stop that server, or choose another folder"),
        "database": (causes, data, "choose another folder, or put a good copy of the database there"),
        **_of_postgresql(options, log, release=rest),
        "memory": ("the embedded server ran out of memory", str(log), f"allow it more memory than {options.heap}"),
    }.get(reason, (f"the embedded server ended before it was ready:\n{log_end(log)}", str(log), ""))
    return CheckerError(message, where=where, hint=hint)


def _of_postgresql(options: Options, log: Path, *, release: str) -> dict[str, tuple[str, str, str]]:
    """Return message, place and hint for what can be wrong with a PostgreSQL."""
    own = options.kind == "jdbc"
    where = options.db if own else str(options.data or log)
    said = next((line for line in log_end(log, _LOG_LINES).splitlines() if "PSQLException" in line), "").partition(
        ": "
    )[2]
    return {
        "password": (
            f"the database refuses the user or the password: {said}",
            where,
            f"set {USER} and {PASSWORD}, or {PASSWORD_FILE}, or a line in ~/.pgpass"
            if own
            else "put the file with the password of this database back from a copy",
        ),
        "unreachable": (
            f"the database is not reached: {said}",
            where,
            "start it, or look at host and port" if own else f"see its log beside {log}",
        ),
        "no-database": (f"there is no such database: {said}", where, "make it (createdb), or correct its name"),
        "right": (f"the user may not do that: {said}", where, "make the user the owner of the database"),
        "disk": (f"no space left for the database: {said}", where, "free some space where it stores"),
        "release": (
            f"this database holds FHIR {release}, and the server would speak {options.fhir}",
            where,
            f"choose --fhir {release}, or another database",
        ),
    }
