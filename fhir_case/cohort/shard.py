"""Make one shard: the files of some patients, of nothing but a recipe and a number."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from fhir_case.case.variation.draws import uniform_numbers
from fhir_case.cohort.defects import found_by, planted
from fhir_case.cohort.files import ShardFiles, as_json, put_in_place, shard_name
from fhir_case.cohort.recipe import codes_of, patient_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fhir_case.cohort.defects import Defect
    from fhir_case.cohort.recipe import Layout, Recipe
    from fhir_case.fhir.wire import Resource

__all__ = ["ShardRecord", "make_shard", "patients_of", "read_record", "write_shard"]


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """
    What is known of a shard whose files are in place.

    Args:
        shard: Its number.
        fingerprint: Of the recipe that it was made of.
        files: For each file its type, name, count and SHA-256.
        defects: The defects that were planted.
    """

    shard: int
    fingerprint: str
    files: list[dict[str, Any]]
    defects: list[dict[str, Any]]


def patients_of(recipe: Recipe, shard: int) -> Iterator[tuple[Resource, tuple[Defect, ...]]]:
    """Return the transaction of each patient of a shard, with the defects that were planted in it."""
    with codes_of(recipe):
        for number in recipe.numbers(shard):
            bundle = patient_bundle(recipe, number)
            defects = tuple(planted(bundle, number, recipe.defects, uniform_numbers(recipe.seed, number)))
            yield bundle, defects


def write_shard(
    patients: Iterable[tuple[Resource, tuple[Defect, ...]]], folder: Path, shard: int, layout: Layout
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write the files of a shard; return what they are, and the defects with their places."""
    defects: list[dict[str, Any]] = []
    with ShardFiles(folder, shard) as files:
        for bundle, wrong in patients:
            if layout == "transactions":
                line = files.write("Bundle", bundle)
                places = dict.fromkeys((one.resource for one in wrong), ("Bundle", line))
            else:
                places = {}
                for entry in bundle["entry"]:
                    resource = entry["resource"]
                    kind = resource["resourceType"]
                    places[f"{kind}/{resource['id']}"] = kind, files.write(kind, resource)
            for one in wrong:
                kind, line = places[one.resource]
                check = found_by(one.kind, alone=layout == "bulk")
                defects.append(asdict(replace(one, file=shard_name(kind, shard), line=line, found_by=check)))
        return files.finish(), defects


def make_shard(
    recipe: Recipe, shard: int, folder: Path, fingerprint: str, on_patient: Callable[[], None] = lambda: None
) -> ShardRecord:
    """
    Make a shard, and note beside it that it is there.

    Args:
        recipe: What the cohort is made of.
        shard: The number of the shard.
        folder: Where its files are put.
        fingerprint: Of the recipe.
        on_patient: Called after each patient; what it raises ends the shard.

    Raises:
        FhirCaseError: A patient is not valid.
        OSError: A file cannot be written.
    """

    def counted() -> Iterator[tuple[Resource, tuple[Defect, ...]]]:
        for one in patients_of(recipe, shard):
            yield one
            on_patient()

    files, defects = write_shard(counted(), folder, shard, recipe.layout)
    record = ShardRecord(shard, fingerprint, files, defects)
    put_in_place(folder / record_name(shard), as_json(asdict(record)))
    return record


def record_name(shard: int) -> str:
    """Return the name of the record of a shard; that of the whole cohort takes its place in the end."""
    return f".shard.{shard:03}.json"


def read_record(folder: Path, shard: int, fingerprint: str) -> ShardRecord | None:
    """Return the record of a shard that is there already; None where it is not, or not of this recipe."""
    try:
        record = ShardRecord(**json.loads((folder / record_name(shard)).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    whole = all((folder / file["url"]).is_file() for file in record.files)
    return record if whole and record.fingerprint == fingerprint else None
