"""The engine spark: the same bytes as the pool's, each shard once, and nothing left of what was not committed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fhir_case.cohort import attempts
from fhir_case.cohort.engine import Run
from fhir_case.cohort.recipe import Recipe, source_of
from fhir_case.cohort.run import make_cohort
from fhir_case.documents.manifest import BEGUN
from fhir_case.errors import BundleError, FhirCaseError
from fhir_case.java.runtime import find_java
from small_case import HEAD
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("spark")

_CASE = (
    HEAD
    + """\
laboratory:
  - {key: albumin, test: albumin, value: 4.1 g/dL, vary: {value: 2-5 g/dL}, at: visit, source: page 1}
"""
)
_SETTINGS = {
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # starts in less time
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.memory": "512m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}
_PATIENTS, _SHARD = 120, 3


@pytest.fixture
def case(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(_CASE, encoding="utf-8")
    return file


@pytest.fixture
def run(case: Path, tmp_path: Path) -> Run:
    recipe = Recipe(source_of(str(case)), 12, shard_size=5)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / BEGUN).write_text(json.dumps({"fingerprint": recipe.fingerprint}), encoding="utf-8")
    return Run(recipe, folder, recipe.fingerprint)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _environment() -> dict[str, str]:
    java = find_java(os.environ).executable.resolve().parent.parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    quick = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1"}
    return kept | {"JAVA_HOME": str(java), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable} | quick


def _spark(name: str) -> str:
    return str(distribution("pyspark").locate_file(f"pyspark/bin/{name}"))


def _settings(flag: str) -> list[str]:
    return [part for name, value in _SETTINGS.items() for part in (flag, f"{name}={value}")]


@contextmanager
def _started(log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            [_spark("spark-class"), *arguments], env=_environment(), stdout=file, stderr=file, cwd=log.parent
        )
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all that it has started, as when its machine is lost."""
    if process.poll() is None:
        for each in psutil.Process(process.pid).children(recursive=True):
            each.kill()
        process.kill()
    process.wait()


def _wait_for(text: str, log: Path, process: subprocess.Popen[bytes], times: int = 1) -> None:
    while log.read_text(encoding="utf-8", errors="replace").count(text) < times:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.1)


def test_two_cores_of_spark_make_the_bytes_of_the_pool(case: Path, tmp_path: Path) -> None:
    arguments = ["synth", str(case), "-n", "12", "--shard-size", "5", "--defects", "0.5", "--seed", "7", "--out"]
    made = subprocess.run(
        [
            *(sys.executable, "-m", "fhir_case", *arguments, "spark", "--engine", "spark", "--master", "local[2]"),
            *_settings("--spark-conf"),
        ],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        check=False,
    )
    pool = run_command(*arguments, tmp_path / "pool", "-j", 1)

    assert (0, 0) == (made.returncode, pool.exit_code), made.stderr.decode()
    assert made.stdout.decode().startswith("spark: 12 patients")
    assert _files(tmp_path / "pool") == _files(tmp_path / "spark")


def test_a_worker_that_is_lost_in_the_middle_changes_nothing(case: Path, tmp_path: Path, unused_port: int) -> None:
    url, log = f"spark://127.0.0.1:{unused_port}", tmp_path / "master.log"
    script = tmp_path / "submit.py"
    script.write_text("from fhir_case.cli import main\n\nmain()\n", encoding="utf-8")
    package = "org.apache.spark.deploy"
    arguments = ["synth", str(case), "-n", str(_PATIENTS), "--shard-size", str(_SHARD), "--out"]
    ports = ("--host", "127.0.0.1", "--webui-port", "0")
    with ExitStack() as stack:
        master = stack.enter_context(_started(log, f"{package}.master.Master", *ports, "--port", str(unused_port)))
        _wait_for("New state: ALIVE", log, master)
        limits = ("--cores", "1", "--memory", "600m")
        workers = [
            stack.enter_context(
                _started(
                    tmp_path / f"worker-{number}.log",
                    *(f"{package}.worker.Worker", *ports, *limits, "--work-dir", str(tmp_path / f"work-{number}"), url),
                )
            )
            for number in (1, 2)
        ]
        _wait_for("Registering worker", log, master, 2)
        with (tmp_path / "submit.log").open("wb") as output:
            submitted = subprocess.Popen(
                [
                    *(_spark("spark-submit"), "--master", url, *_settings("--conf")),
                    *("--conf", "spark.scheduler.minRegisteredResourcesRatio=1", "--conf", "spark.cores.max=2"),
                    *(str(script), *arguments, str(tmp_path / "spark"), "--engine", "spark"),
                ],
                env=_environment(),
                stdout=output,
                stderr=output,
            )
        stack.callback(_kill, submitted)
        said = tmp_path / "submit.log"
        while len(list((tmp_path / "spark").glob(".*.attempt/.shard.*.json"))) < 4:
            assert submitted.poll() is None, said.read_text(encoding="utf-8", errors="replace")
            time.sleep(0.05)
        _kill(workers[0])
        before, code = submitted.poll(), submitted.wait()
    pool = run_command(*arguments, tmp_path / "pool", "-j", 1)

    assert before is None
    assert (0, 0) == (code, pool.exit_code), said.read_text(encoding="utf-8", errors="replace")
    assert _files(tmp_path / "pool") == _files(tmp_path / "spark")


@pytest.fixture
def writer(run: Run) -> Any:
    from fhir_case.cohort.spark.sink import ShardWriter

    return ShardWriter(run, [0, 1, 2])


def _rows(*places: int) -> Iterator[tuple[int]]:
    return iter([(place,) for place in places])


def test_of_a_task_that_ran_twice_one_is_kept_and_the_bytes_are_those_of_the_pool(
    run: Run, writer: Any, tmp_path: Path
) -> None:
    lost = writer.write(_rows(1))
    kept = [writer.write(_rows(place)) for place in (2, 0, 1)]
    attempts.begin_attempt(run.folder, 2)  # of a task that was killed
    writer.commit(kept)
    make_cohort(run.recipe, tmp_path / "pool")

    assert lost.attempts != kept[2].attempts
    assert _files(tmp_path / "pool") == _files(run.folder)
    assert [] == [file.name for file in run.folder.iterdir() if file.is_dir()]


def test_what_is_aborted_leaves_nothing(run: Run, writer: Any) -> None:
    message = writer.write(_rows(0, 1))
    writer.abort([message, None])

    assert not run.folder.exists()


def test_what_is_aborted_leaves_the_shards_of_earlier_runs(run: Run, writer: Any) -> None:
    run.make(2)
    before = _files(run.folder)
    writer.write(_rows(0))
    writer.abort([None])

    assert before == _files(run.folder)


def test_a_run_that_was_killed_leaves_its_whole_shards_to_the_next(run: Run, writer: Any, tmp_path: Path) -> None:
    writer.write(_rows(0))
    half = attempts.begin_attempt(run.folder, 1)
    (half / "Patient.001.ndjson.gz").write_bytes(b"half of")
    resumed: list[int] = []
    make_cohort(run.recipe, run.folder, on_resumed=resumed.append)
    make_cohort(run.recipe, tmp_path / "pool")

    assert [5] == resumed
    assert _files(tmp_path / "pool") == _files(run.folder)


def test_a_patient_who_is_not_valid_ends_all_tasks_and_is_told_as_it_is(
    run: Run, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fhir_case.cohort.spark.sink import take_failure

    def wrong(*_: object) -> None:
        raise BundleError("patient 3: no such unit", hint="narrow what is declared")

    with monkeypatch.context() as patch:
        patch.setattr("fhir_case.cohort.engine.make_shard", wrong)
        with pytest.raises(BundleError):
            writer.write(_rows(0))
    with pytest.raises(RuntimeError, match="another task has failed for good"):
        writer.write(_rows(1))
    failure = take_failure(run.folder)
    writer.abort([])

    assert isinstance(failure, BundleError)
    assert "patient 3: no such unit; narrow what is declared" == str(failure)
    assert not run.folder.exists()


def test_a_worker_with_another_version_makes_no_patient(run: Run, writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recipe, "fingerprint", "another")

    with pytest.raises(FhirCaseError, match="it has another version of fhir-case"):
        writer.write(_rows(0))


def test_a_worker_that_does_not_see_the_folder_says_so(run: Run, writer: Any) -> None:
    writer.abort([])

    with pytest.raises(FhirCaseError, match="a worker does not see the folder"):
        writer.write(_rows(0))


def test_without_pyspark_the_message_says_what_to_install(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    code, _, err = run_command("synth", case, "-n", 2, "--out", tmp_path / "out", "--engine", "spark")

    assert 8 == code
    assert "PySpark, which is not installed; pip install 'fhir-case[spark]'" in err


def test_without_java_the_message_says_what_to_install(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_case.java.runtime._candidates", lambda _: [])
    code, _, err = run_command("synth", case, "-n", 2, "--out", tmp_path / "out", "--engine", "spark")

    assert 8 == code
    assert "no Java of version 17 or newer was found" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--master", "local[2]"], "--master and --spark-conf need --engine spark"),
        (["--engine", "spark", "-j", "2"], "--jobs is for --engine pool"),
        (["--engine", "spark", "--spark-conf", "memory=2g"], "'memory=2g': spark.NAME=VALUE is expected"),
    ],
)
def test_options_of_the_other_engine_are_refused(options: list[str], said: str, case: Path, tmp_path: Path) -> None:
    code, _, err = run_command("synth", case, "-n", 2, "--out", tmp_path / "out", *options)

    assert 2 == code
    assert said in err
