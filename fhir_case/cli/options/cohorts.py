"""How many patients are written: layout, shards, processes, and their progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.output import echo

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["collection_option", "jobs_option", "layout_json", "layout_option", "say_layout", "shard_size_option"]

_LAYOUT = "Files by type as a Bulk Data export has them, or one transaction a patient; both as NDJSON, compressed."

layout_option = click.option("--layout", type=click.Choice(["bulk", "transactions"]), default="bulk", help=_LAYOUT)

collection_option = click.option(
    "--layout", type=click.Choice(["bulk", "transactions"]), help=f"A folder of many cases, with a manifest. {_LAYOUT}"
)

shard_size_option = click.option(
    "--shard-size",
    type=click.IntRange(1),
    metavar="N",
    help="Patients in a shard; default: 50 to 1000, by their number.",
)


def _jobs(_: click.Context, __: click.Parameter, value: int | None) -> int:
    from fhir_case.validation.workers.checking import usable_cores

    return value or usable_cores()


jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 60),
    callback=_jobs,
    metavar="N",
    help="Processes; default: one for each core.",
)


def say_layout(folder: Path, manifest: dict[str, Any], patients: int) -> None:
    """Say what is in a folder."""
    from fhir_case.documents.manifest import EXTENSION

    ours = manifest["extension"][EXTENSION]
    counts: dict[str, int] = ours["counts"]
    listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items(), key=lambda each: -each[1])[:4])
    more = f" and {len(counts) - 4} more types" if len(counts) > 4 else ""
    files = len(manifest["output"])
    echo(f"{folder}: {patients:,} patients, {sum(counts.values()):,} resources in {files} files ({listed}{more})")
    if "defects" in ours:
        echo(f"{ours['defects']:,} planted defects are listed in {folder / ours['defectsFile']}")


def layout_json(folder: Path, manifest: dict[str, Any], patients: int) -> dict[str, Any]:
    """Return what is in a folder."""
    from fhir_case.documents.manifest import EXTENSION, MANIFEST

    ours = manifest["extension"][EXTENSION]
    return {
        "folder": str(folder),
        "manifest": str(folder / MANIFEST),
        "layout": ours["layout"],
        "patients": patients,
        "resources": sum(ours["counts"].values()),
        "counts": ours["counts"],
        "defects": ours.get("defects", 0),
    }
