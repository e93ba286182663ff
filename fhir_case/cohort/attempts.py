"""
Shards that may be made more than once at the same time: each attempt in a hidden folder of its own.

One attempt is put in place, all others are removed. So a task that is repeated, or started twice because it is slow,
leaves neither a double nor half a file.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from fhir_case.cohort.shard import read_record, record_name
from fhir_case.documents.manifest import BEGUN

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.cohort.engine import Run
    from fhir_case.cohort.shard import ShardRecord

__all__ = ["begin_attempt", "clean", "put_attempt_in_place", "recover_attempts", "remove_attempts"]

_ENDING = ".attempt"


def begin_attempt(folder: Path, shard: int) -> Path:
    """
    Make the folder of an attempt, and return it.

    Raises:
        OSError: The folder of the cohort is not there, or cannot be written.
    """
    attempt = folder / f".{shard:03}.{uuid4().hex}{_ENDING}"
    attempt.mkdir()
    return attempt


def put_attempt_in_place(folder: Path, attempt: Path, shard: int, fingerprint: str) -> ShardRecord | None:
    """Move the files of an attempt to the cohort, its record last; return the record, None where it is not whole."""
    record = read_record(attempt, shard, fingerprint)
    if record is not None:
        for file in record.files:
            (attempt / file["url"]).replace(folder / file["url"])
        (attempt / record_name(shard)).replace(folder / record_name(shard))
    shutil.rmtree(attempt, ignore_errors=True)
    return record


def recover_attempts(folder: Path, fingerprint: str) -> None:
    """Put in place what a run that was killed has made whole, and remove the rest of it."""
    for attempt in sorted(folder.glob(f".*{_ENDING}")):
        put_attempt_in_place(folder, attempt, int(attempt.name.split(".")[1]), fingerprint)


def remove_attempts(folder: Path) -> None:
    """Remove all attempts."""
    for attempt in folder.glob(f".*{_ENDING}"):
        shutil.rmtree(attempt, ignore_errors=True)


def clean(run: Run) -> None:
    """Remove all attempts, and the folder where no shard is in place in it."""
    remove_attempts(run.folder)
    if any(read_record(run.folder, shard, run.fingerprint) for shard in range(run.recipe.shards)):
        return
    left = {path.name for path in run.folder.iterdir()} if run.folder.is_dir() else set()
    if left <= {BEGUN}:
        (run.folder / BEGUN).unlink(missing_ok=True)
        with suppress(OSError):
            run.folder.rmdir()
