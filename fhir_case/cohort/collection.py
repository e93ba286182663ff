"""Put the Bundles of many cases into one folder, in the layout and with the manifest of a cohort."""

from __future__ import annotations

from hashlib import sha256
from itertools import chain, count, islice, repeat
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from fhir_case.cohort.run import begin, write_manifest
from fhir_case.cohort.shard import write_shard
from fhir_case.documents.manifest import BEGUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fhir_case.cohort.defects import Defect
    from fhir_case.cohort.recipe import Layout
    from fhir_case.fhir.wire import Resource

__all__ = ["SHARD_SIZE", "write_collection"]

SHARD_SIZE = 1000
"""How many Bundles are in one shard, as nothing tells how many there will be."""

_NO_DEFECTS: tuple[Defect, ...] = ()


def write_collection(
    bundles: Iterable[Resource],
    folder: Path,
    said: Callable[[], dict[str, Any]],
    *,
    layout: Layout = "bulk",
    size: int = SHARD_SIZE,
) -> dict[str, Any]:
    """
    Write Bundles, no more than one of them in memory, and return the manifest.

    Args:
        bundles: Transactions, each of one patient, with ids that no other has.
        folder: A new or empty one. When something is raised, what was written is removed.
        said: Returns what the manifest says of them, with ``transactionTime``; called when all are written.
        layout: How the files are organized.
        size: How many Bundles are in one shard.

    Raises:
        FhirCaseError: The folder is not empty.
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begin(folder, token_hex(16))  # no other call goes on with it
    files: list[dict[str, Any]] = []
    remaining = iter(bundles)
    try:
        for shard in count():
            first = next(remaining, None)
            if first is None:
                break
            patients = chain([first], islice(remaining, size - 1))
            files += write_shard(zip(patients, repeat(_NO_DEFECTS)), folder, shard, layout)[0]
        written = said()
    except BaseException:
        for file in files:
            (folder / file["url"]).unlink(missing_ok=True)
        (folder / BEGUN).unlink(missing_ok=True)
        raise
    fingerprint = sha256("".join(file["sha256"] for file in files).encode()).hexdigest()
    manifest = write_manifest(folder, files, written, fingerprint, layout)
    (folder / BEGUN).unlink(missing_ok=True)
    return manifest
