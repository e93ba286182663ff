"""
Make a whole cohort: its shards, side by side, then the manifest.

`concurrent.futures` serves here, though not for validation (see ARCHITECTURE.md): a worker answers once a shard, with
less than a pipe takes at once, so that none is killed in the middle of an answer; and when one dies the run ends, and
the same command goes on with the shards that are missing.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.case.variation.draws import corners
from fhir_case.cohort.defects import DEFECTS_FILE, table
from fhir_case.cohort.files import PART, as_json, put_in_place
from fhir_case.cohort.recipe import checked_corner, codes_of, varied_case
from fhir_case.cohort.shard import make_shard, read_record, record_name
from fhir_case.documents.manifest import BEGUN, EXTENSION, MANIFEST
from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fhir_case.cohort.recipe import Recipe
    from fhir_case.cohort.shard import ShardRecord

__all__ = ["begin", "make_cohort", "write_manifest"]

_POLL_S = 0.2


class _Stopped(Exception):  # noqa: N818 - it never leaves this module
    """The run has ended while a shard was made."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A recipe, the folder that its files are put in, and the fingerprint that tells it from others."""

    recipe: Recipe
    folder: Path
    fingerprint: str

    def make(self, shard: int, on_patient: Callable[[], None]) -> ShardRecord:
        return make_shard(self.recipe, shard, self.folder, self.fingerprint, on_patient)


_own: dict[str, Any] = {}
"""What a worker process has from its starter: the count of patients, and whether to stop."""


def make_cohort(
    recipe: Recipe,
    folder: Path,
    *,
    jobs: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
    on_resumed: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """
    Make a cohort in a folder, and return its manifest.

    Args:
        recipe: What it is made of.
        folder: A new or empty one, or that of the same recipe, interrupted or whole.
        jobs: How many processes make shards.
        on_progress: Called from time to time with how many patients are made.
        on_resumed: Called with how many patients an earlier run has made, where there was one.

    Raises:
        CaseError: The case or what it declares is wrong, or a patient is no case.
        BundleError: A patient would not be valid.
        FhirCaseError: The folder has something else, or a worker process has ended.
    """
    with codes_of(recipe):
        varied = varied_case(recipe.source, recipe.mapping_files)
        for corner in corners(varied.variations, varied.presences):
            checked_corner(recipe, corner)
    fingerprint = recipe.fingerprint
    folder.mkdir(parents=True, exist_ok=True)
    there = _manifest_there(folder, fingerprint)
    if there is not None:
        on_resumed(recipe.patients)
        return there
    begin(folder, fingerprint)
    records = {shard: read_record(folder, shard, fingerprint) for shard in range(recipe.shards)}
    missing = [shard for shard, record in records.items() if record is None]
    done = sum(len(recipe.numbers(shard)) for shard in records if shard not in missing)
    if len(missing) < len(records):
        on_resumed(done)
    run, processes = _Run(recipe, folder, fingerprint), min(jobs, len(missing))

    def show(count: int) -> None:
        on_progress(done + count)

    for record in _side_by_side(run, missing, processes, show) if processes > 1 else _here(run, missing, show):
        records[record.shard] = record
    made = [record for _, record in sorted(records.items()) if record is not None]
    defects = [one for record in made for one in record.defects]
    if recipe.defects:
        put_in_place(folder / DEFECTS_FILE, table(defects))
    said = recipe.described() | ({"defects": len(defects), "defectsFile": DEFECTS_FILE} if recipe.defects else {})
    manifest = write_manifest(
        folder, (file for record in made for file in record.files), said, fingerprint, recipe.layout
    )
    for record in made:
        (folder / record_name(record.shard)).unlink(missing_ok=True)
    (folder / BEGUN).unlink(missing_ok=True)
    return manifest


def write_manifest(
    folder: Path, files: Iterable[dict[str, Any]], said: dict[str, Any], fingerprint: str, layout: str
) -> dict[str, Any]:
    """
    Write the manifest, the last file of all, and return it.

    Its time is that of the case file, and no address was asked for the data: same recipe, same bytes.

    Source: https://hl7.org/fhir/uv/bulkdata/STU3/export.html#response---output-manifest
    """
    listed = list(files)
    counts: dict[str, int] = {}
    for file in listed:
        counts[file["type"]] = counts.get(file["type"], 0) + file["count"]
    ours = {
        "layout": layout,
        "organizedBy": "patient",
        **said,
        "counts": dict(sorted(counts.items())),
        "sha256": {file["url"]: file["sha256"] for file in listed},
        "fingerprint": fingerprint,
    }
    manifest = {
        "transactionTime": said["transactionTime"],
        "request": f"urn:fhir-case:{layout}:{fingerprint}",
        "requiresAccessToken": False,
        "output": [{name: file[name] for name in ("type", "url", "count")} for file in listed],
        "error": [],
        "extension": {EXTENSION: {name: value for name, value in ours.items() if name != "transactionTime"}},
    }
    put_in_place(folder / MANIFEST, as_json(manifest))
    return manifest


def _manifest_there(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the manifest of the same recipe, where the folder has it and all its files."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        same = manifest["extension"][EXTENSION]["fingerprint"] == fingerprint
        if same and all((folder / file["url"]).is_file() for file in manifest["output"]):
            return manifest
    raise FhirCaseError(
        "the folder has other data: its manifest is that of another call",
        where=str(folder),
        hint="name another folder, or remove this one",
    )


def begin(folder: Path, fingerprint: str) -> None:
    """
    Note whose folder it is, as long as not all is written.

    Raises:
        FhirCaseError: There are other things in it, or another call has begun.
    """
    state = folder / BEGUN
    with suppress(OSError, ValueError):
        if json.loads(state.read_bytes()).get("fingerprint") == fingerprint:
            for part in folder.glob(f".*{PART}"):
                part.unlink(missing_ok=True)
            return
    if any(folder.iterdir()):
        begun = "another call has begun in it" if state.exists() else "there is something else in it"
        raise FhirCaseError(
            f"the folder is not empty, and {begun}", where=str(folder), hint="name another folder, or remove this one"
        )
    put_in_place(state, as_json({"fingerprint": fingerprint}))


def _here(run: _Run, shards: list[int], on_progress: Callable[[int], None]) -> Iterator[ShardRecord]:
    made = 0

    def count() -> None:
        nonlocal made
        made += 1
        on_progress(made)

    for shard in shards:
        yield run.make(shard, count)


def _side_by_side(run: _Run, shards: list[int], jobs: int, on_progress: Callable[[int], None]) -> Iterator[ShardRecord]:
    context = multiprocessing.get_context("spawn")
    made, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker, initargs=(made, stop))
    try:
        waiting = {pool.submit(_in_worker, run, shard) for shard in shards}
        while waiting:
            done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()
            on_progress(made.value)
    except BrokenProcessPool:
        raise FhirCaseError(
            "a worker process has ended before its time; it may take more memory than there is",
            where=str(run.folder),
            hint="the same command goes on where it stopped, with fewer --jobs too",
        ) from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _begin_worker(made: Any, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the starter tells when to stop
    _own.update(made=made, stop=stop)


def _in_worker(run: _Run, shard: int) -> ShardRecord:
    def count() -> None:
        with _own["made"].get_lock():
            _own["made"].value += 1
        if _own["stop"].is_set():
            raise _Stopped

    return run.make(shard, count)
