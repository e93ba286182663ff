"""The journals of uploads: where they are, and which are kept."""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["default_journal", "remove_empty_journal", "rotate_journal"]


def default_journal(server: str, fhir: str, files: Sequence[str]) -> Path:
    """Return the journal of a command: the same for the same files and server, so that repeating it resumes."""
    from platformdirs import user_state_path

    names = [file if file == "-" else str(Path(file).absolute()) for file in files]
    digest = sha256("\n".join([server, fhir, *names]).encode(errors="surrogatepass")).hexdigest()[:12]
    host = (urlsplit(server).hostname or "server").replace(":", "-")
    first = Path(names[0]).name.replace("*", "") or "input"
    return user_state_path("fhir-case", appauthor=False) / "uploads" / f"{host}-{first[:40]}-{digest}.jsonl"


def remove_empty_journal(path: Path) -> None:
    """
    Remove a journal whose very first line is incomplete: nothing was sent by then.

    Any other file stays, so that one that is not a journal is not lost.

    Raises:
        FhirCaseError: It cannot be read or removed.
    """
    from fhir_case.load.journal.reader import FIRST_BYTES

    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            line = file.readline()
        if not line.endswith(b"\n") and FIRST_BYTES.startswith(line[: len(FIRST_BYTES)]):
            path.unlink()
    except OSError as error:
        raise FhirCaseError(f"it cannot be read: {error.strerror or error}", where=str(path)) from error


def rotate_journal(path: Path, *, even_unfinished: bool) -> None:
    """
    Rename a journal when its run is finished, so that the next run starts a new one; the last five are kept.

    Args:
        even_unfinished: Also when its run was interrupted.

    Raises:
        FhirCaseError: It cannot be read or renamed, or is not a journal.
    """
    if not path.exists():
        return
    finished = _is_finished(path)  # always read, so that no other file is renamed
    if not finished and not even_unfinished:
        return
    try:
        for number in range(4, 0, -1):
            older = path.with_suffix(f".{number}.jsonl")
            if older.exists():
                older.replace(path.with_suffix(f".{number + 1}.jsonl"))
        path.replace(path.with_suffix(".1.jsonl"))
    except OSError as error:
        raise FhirCaseError(f"it cannot be renamed: {error.strerror or error}", where=str(path)) from error


def _is_finished(path: Path) -> bool:
    from fhir_case.load.journal.reader import read_records
    from fhir_case.load.journal.record import Finished, Undone

    return any(isinstance(last, Finished | Undone) for last in deque(read_records(path), maxlen=1))
