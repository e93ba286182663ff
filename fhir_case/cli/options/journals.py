"""The journals of uploads: where they are."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["default_journal"]


def default_journal(server: str, fhir: str, files: Sequence[str]) -> Path:
    """Return the journal of a command: the same for the same files and server, so that repeating it resumes."""
    from platformdirs import user_state_path

    names = [file if file == "-" else str(Path(file).absolute()) for file in files]
    digest = sha256("\n".join([server, fhir, *names]).encode(errors="surrogatepass")).hexdigest()[:12]
    host = (urlsplit(server).hostname or "server").replace(":", "-")
    first = Path(names[0]).name.replace("*", "") or "input"
    return user_state_path("fhir-case", appauthor=False) / "uploads" / f"{host}-{first[:40]}-{digest}.jsonl"
