"""Make a whole cohort: its shards, by the engine that is asked for, then the manifest."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fhir_case.case.variation.draws import corners
from fhir_case.cohort.attempts import recover_attempts
from fhir_case.cohort.defects import DEFECTS_FILE, table
from fhir_case.cohort.engine import Run
from fhir_case.cohort.files import PART, as_json, put_in_place
from fhir_case.cohort.pool import pool_of
from fhir_case.cohort.recipe import checked_corner, codes_of, varied_case
from fhir_case.cohort.shard import read_record, record_name
from fhir_case.documents.manifest import BEGUN, EXTENSION, MANIFEST
from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fhir_case.cohort.engine import Engine
    from fhir_case.cohort.recipe import Recipe

__all__ = ["begin", "finish", "make_cohort", "write_manifest"]


def make_cohort(
    recipe: Recipe,
    folder: Path,
    *,
    engine: Engine | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    on_resumed: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """
    Make a cohort in a folder, and return its manifest.

    Args:
        recipe: What it is made of.
        folder: A new or empty one, or that of the same recipe, interrupted or whole.
        engine: What makes the shards; when absent, this process alone.
        on_progress: Called from time to time with how many patients are made.
        on_resumed: Called with how many patients an earlier run has made, where there was one.

    Raises:
        CaseError: The case or what it declares is wrong, or a patient is no case.
        BundleError: A patient would not be valid.
        CheckerError: The engine cannot run here.
        FhirCaseError: The folder has something else, or the engine has ended before its time.
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

    def show(count: int) -> None:
        on_progress(done + count)

    run = Run(recipe, folder, fingerprint)
    if missing:
        for _ in (engine or pool_of(1))(run, missing, show):
            pass
    return _manifest_there(folder, fingerprint) or finish(run)


def finish(run: Run) -> dict[str, Any]:
    """
    Write what is said of all shards together, when all are in place, and return the manifest.

    Raises:
        FhirCaseError: A shard is not there.
    """
    recipe, folder, fingerprint = run.recipe, run.folder, run.fingerprint
    made = []
    for shard in range(recipe.shards):
        record = read_record(folder, shard, fingerprint)
        if record is None:
            hint = "the same command makes what is missing"
            raise FhirCaseError(f"shard {shard} was not made", where=str(folder), hint=hint)
        made.append(record)
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
            recover_attempts(folder, fingerprint)
            return
    if any(folder.iterdir()):
        begun = "another call has begun in it" if state.exists() else "there is something else in it"
        raise FhirCaseError(
            f"the folder is not empty, and {begun}", where=str(folder), hint="name another folder, or remove this one"
        )
    put_in_place(state, as_json({"fingerprint": fingerprint}))
