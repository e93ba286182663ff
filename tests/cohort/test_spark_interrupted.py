"""Ctrl-C while Spark makes shards: nothing of the run is left, since nothing of it was put in place."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from fhir_case.cohort.attempts import begin_attempt
from fhir_case.cohort.engine import Run
from fhir_case.cohort.recipe import Recipe, source_of
from fhir_case.cohort.run import begin
from fhir_case.cohort.spark.engine import spark_of
from small_case import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_ctrl_c_leaves_nothing_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "case.yaml").write_text(HEAD, encoding="utf-8")
    recipe = Recipe(source_of(str(tmp_path / "case.yaml")), 12, shard_size=5)
    run = Run(recipe, tmp_path / "out", recipe.fingerprint)
    run.folder.mkdir()
    begin(run.folder, run.fingerprint)

    @contextmanager
    def interrupted(*_: object) -> Iterator[None]:
        run.make(0, folder=begin_attempt(run.folder, 0))
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("fhir_case.cohort.spark.session.session", interrupted)
    with pytest.raises(KeyboardInterrupt):
        spark_of("local", {})(run, [0, 1, 2], lambda _: None)

    assert not run.folder.exists()
