"""What an engine is: it makes shards side by side; which, of what and where is given to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.cohort.shard import ShardRecord, make_shard

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.cohort.recipe import Recipe

__all__ = ["Engine", "Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """
    What the shards of a cohort are made of, and where they go.

    Args:
        recipe: What the cohort is made of.
        folder: The one that its files are put in.
        fingerprint: What tells the recipe from others.
    """

    recipe: Recipe
    folder: Path
    fingerprint: str

    def make(
        self, shard: int, on_patient: Callable[[], None] = lambda: None, folder: Path | None = None
    ) -> ShardRecord:
        """Make a shard in the folder, or in another one until it is put in place; see `make_shard`."""
        return make_shard(self.recipe, shard, folder or self.folder, self.fingerprint, on_patient)


Engine = Callable[[Run, list[int], Callable[[int], None]], Iterator[ShardRecord]]
"""Makes shards, calls with the number of patients made so far, and returns what was made in any order."""
