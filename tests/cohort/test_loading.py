"""A cohort, or any export with a manifest, as it is loaded, read back, undone and checked."""

from __future__ import annotations

import csv
import gzip
import json
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.cohort.defects import KINDS
from fhir_case.documents.manifest import EXTENSION
from support import result_of, run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Reply, Request, SmallServer

MANIFEST = "manifest.json"
_FIRST = "Patient.000.ndjson.gz"


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def _rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = _manifest(folder)
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _counts(folder: Path) -> dict[str, int]:
    counts: dict[str, int] = _manifest(folder)["extension"][EXTENSION]["counts"]
    return counts


def _by_type(server: SmallServer) -> dict[str, int]:
    return dict(Counter(name.partition("/")[0] for name in server.names))


def _upload(what: Path, server: SmallServer, *more: object) -> tuple[int, str, str]:
    code, out, err = run_command(
        "upload", what, "--server", server.url, "--retry-for", "0.2", "--settle-for", "0.3", *more
    )
    return code, out, err


@pytest.mark.parametrize("named", ["", MANIFEST])
def test_a_cohort_is_loaded_by_its_manifest_in_few_transactions(
    cohort: Path, server: SmallServer, named: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    code, _, err = _upload(cohort / named, server, "--journal", journal)
    header = json.loads(journal.read_text(encoding="utf-8").splitlines()[0])

    assert (0, _counts(cohort)) == (code, _by_type(server)), err
    assert "passed over" not in err
    assert 12 > len(server.transactions)
    named_files = [str(cohort / one["url"]) for one in _manifest(cohort)["output"]]
    assert named_files == [each["path"] for each in header["inputs"]]


def test_a_cohort_of_transactions_is_loaded_too(case: Path, tmp_path: Path, server: SmallServer) -> None:
    out = tmp_path / "out"
    run_command("synth", case, "-n", 5, "--out", out, "--layout", "transactions", "-j", 1)
    code, _, err = _upload(out, server)

    assert (0, 5) == (code, _by_type(server)["Patient"]), err


def test_a_cohort_in_a_folder_among_others_is_read_by_its_manifest_too(
    cohort: Path, server: SmallServer, tmp_path: Path
) -> None:
    (tmp_path / "all" / "b").mkdir(parents=True)
    cohort.rename(tmp_path / "all" / "a")
    (tmp_path / "all" / "b" / "one.json").write_text('{"resourceType": "Patient", "id": "one"}', encoding="utf-8")
    (tmp_path / "all" / "a" / _FIRST).unlink()
    code, _, err = _upload(tmp_path / "all", server)

    assert 4 == code
    assert f"{tmp_path / 'all' / 'a' / _FIRST}: this file is missing, and the manifest names it" in err
    assert set() == server.names


def _missing(folder: Path) -> None:
    (folder / _FIRST).unlink()


def _altered(folder: Path) -> None:
    content = gzip.decompress((folder / _FIRST).read_bytes()).replace(b"female", b"male")
    (folder / _FIRST).write_bytes(gzip.compress(content))


def _cut_off(folder: Path) -> None:
    content = (folder / _FIRST).read_bytes()
    (folder / _FIRST).write_bytes(content[:-20])


def _cut_off_without_checksum(folder: Path) -> None:
    _cut_off(folder)
    _rewrite(folder, lambda manifest: manifest["extension"][EXTENSION]["sha256"].pop(_FIRST))


def _no_gzip(folder: Path) -> None:
    _rewrite(folder, lambda manifest: manifest["extension"][EXTENSION]["sha256"].pop(_FIRST))
    (folder / _FIRST).write_bytes(b"\x1f\x8bnonsense")


def _another_count(folder: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        next(one for one in manifest["output"] if one["url"] == _FIRST)["count"] = 7

    _rewrite(folder, change)


def _named_twice(folder: Path) -> None:
    _rewrite(folder, lambda manifest: manifest["output"].append(manifest["output"][0]))


def _too_many(folder: Path) -> None:
    (folder / "Patient.009.ndjson").write_text('{"resourceType": "Patient", "id": "x"}\n', encoding="utf-8")


WRONG: dict[Callable[[Path], None], tuple[str, str]] = {
    _missing: (_FIRST, "this file is missing, and the manifest names it"),
    _altered: (_FIRST, "this is not the file that was written"),
    _cut_off: (_FIRST, "it is cut off"),
    _cut_off_without_checksum: (_FIRST, "this is cut off: its compressed content ends too early"),
    _no_gzip: (_FIRST, "this could not be read"),
    _another_count: (_FIRST, "there are 5 resources, and the manifest says 7"),
    _named_twice: ("", "the manifest names it twice"),
    _too_many: ("Patient.009.ndjson", "this is not in the manifest"),
}


@pytest.mark.parametrize("harm", WRONG)
def test_what_is_not_as_the_manifest_says_is_told_before_anything_is_sent(
    cohort: Path, server: SmallServer, harm: Callable[[Path], None]
) -> None:
    harm(cohort)
    file, words = WRONG[harm]
    code, out, err = _upload(cohort, server)

    assert (4, "", set()) == (code, out, server.names)
    assert f"{cohort / file}" in err
    assert words in err


def test_all_that_is_wrong_with_an_export_is_told_in_one_run(cohort: Path, server: SmallServer) -> None:
    for harm in (_missing, _too_many):
        harm(cohort)
    (cohort / "Observation.002.ndjson.gz").write_bytes(b"")
    code, _, err = _upload(cohort, server, "--keep-going", cohort / MANIFEST)
    places = [line.partition(": ")[0] for line in err.splitlines() if line.startswith(str(cohort))]

    assert 4 == code
    assert ["Observation.002.ndjson.gz", _FIRST, "Patient.009.ndjson"] == sorted(
        place.rpartition("/")[2] for place in places
    )
    assert "3 problems in the files" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '{"transactionTime": "x", "output": [{"type": "Patient"}]}',
            "each entry of 'output' is an object",
        ),
        ('{"transactionTime": "x", "output": ["a"]}', "each entry of 'output' is an object"),
        ('{"transactionTime": "x", "output": [{"url": "../a.ndjson"}]}', "is not in the folder of the manifest"),
        ('{"transactionTime": "x", "output": [{"url": "/etc/passwd"}]}', "is not in the folder of the manifest"),
        ('{"transactionTime": "x", "output": [', "this is not complete JSON"),
    ],
)
def test_a_manifest_that_is_wrong_is_told(cohort: Path, server: SmallServer, text: str, words: str) -> None:
    (cohort / MANIFEST).write_text(text, encoding="utf-8")
    code, _, err = _upload(cohort, server)

    assert (4, set()) == (code, server.names)
    assert f"{cohort / MANIFEST}: " in err
    assert words in err


def test_an_export_of_another_server_is_read_by_its_manifest_and_the_rest_is_named(
    tmp_path: Path, server: SmallServer
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "1.patient.ndjson").write_text('{"resourceType": "Patient", "id": "a"}\n\n', encoding="utf-8")
    (folder / "errors.ndjson").write_text('{"resourceType": "OperationOutcome", "issue": []}\n', encoding="utf-8")
    (folder / "log.ndjson").write_text('{"eventId": "kickoff"}\n', encoding="utf-8")
    address = "https://fhir.example/bulk"
    manifest = {
        "transactionTime": "2026-01-01T00:00:00Z",
        "request": f"{address}/$export",
        "requiresAccessToken": True,
        "output": [{"type": "Patient", "url": f"{address}/1.patient.ndjson?token=x", "count": 1}],
        "error": [{"type": "OperationOutcome", "url": f"{address}/errors.ndjson"}],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    code, _, err = _upload(folder, server)

    assert (0, {"Patient/a"}) == (code, server.names), err
    assert f"passed over (the manifest names it for deletions or errors): {folder / 'errors.ndjson'}" in err
    assert f"passed over (the manifest does not name it): {folder / 'log.ndjson'}" in err


def test_a_cohort_that_is_not_made_to_its_end_is_not_loaded(cohort: Path, server: SmallServer) -> None:
    (cohort / MANIFEST).unlink()
    (cohort / ".cohort.json").write_text('{"fingerprint": "x"}', encoding="utf-8")
    code, _, err = _upload(cohort, server)

    assert (4, set()) == (code, server.names)
    assert "the files here are not complete: what makes them was interrupted; repeat that command" in err


def test_a_load_that_was_killed_goes_on_at_the_line_and_sends_nothing_twice(cohort: Path, server: SmallServer) -> None:
    process: list[subprocess.Popen[bytes]] = []

    def kill_at_the_third(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if request.is_transaction and len(server.transactions) == 3:
            process[0].kill()
            process[0].wait()
            return None
        return answer()

    options = ("--server", server.url, "--merge", "5", "--concurrency", "1")
    server.hook = kill_at_the_third
    process.append(subprocess.Popen([sys.executable, "-m", "fhir_case", "upload", str(cohort), *options, "--quiet"]))
    process[0].wait(60)
    assert -signal.SIGKILL == process[0].returncode
    stored = len(server.names)
    server.hook = lambda _, answer: answer()
    server.requests.clear()
    code, _, err = run_command("upload", cohort, *options)
    sent = [entry["resource"] for each in server.transactions for entry in each.entries]

    assert (0, _counts(cohort)) == (code, _by_type(server)), err
    assert f"Resuming: {stored} resources of an earlier run are stored" in err
    assert sum(_counts(cohort).values()) - stored == len(sent)


def test_what_was_loaded_is_read_back_and_undone(cohort: Path, server: SmallServer, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    _upload(cohort, server, "--journal", journal)
    total = sum(_counts(cohort).values())

    for what in ((cohort, "--server", server.url), (journal,)):
        code, out, _ = run_command("verify", *what, "--format", "json")
        assert (0, total) == (code, sum(result_of(out)["counts"].values()))
    assert 0 == run_command("undo", journal)[0]
    assert set() == server.names


def test_each_planted_defect_is_found_at_its_line_by_what_the_list_says(
    case: Path, tmp_path: Path, server: SmallServer
) -> None:
    out = tmp_path / "out"
    run_command("synth", case, "-n", 24, "--defects", "90%", "--out", out, "-j", 1)
    with (out / "defects.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    code, told, _ = run_command("validate", out, "--jobs", 1, "--format", "json")
    errors = {
        (issue["details"]["text"], issue["diagnostics"].partition(": ")[0])
        for issue in result_of(told)["outcome"]["issue"]
        if issue["severity"] == "error"
    }
    of_upload = [one for one in listed if one["found_by"] == "upload"]

    assert (5, set(KINDS)) == (code, {one["kind"] for one in listed})
    assert errors == {
        (one["found_by"], f"{out / one['file']}:{one['line']}") for one in listed if one["found_by"] != "upload"
    }
    assert ["dangling-reference"] == [one["kind"] for one in of_upload]
    code, _, err = _upload(out, server)
    assert (4, set()) == (code, server.names)
    assert f"{out / of_upload[0]['file']}:{of_upload[0]['line']}: {of_upload[0]['resource']}: references to" in err


def _sample(what: Path, *more: object) -> tuple[int, dict[str, Any]]:
    code, out, err = run_command("verify", what, "--sample", 5, *more, "--format", "json")
    assert code in (0, 5), err
    return code, result_of(out)


def test_a_sample_is_compared_in_full_and_all_are_counted_by_type(
    cohort: Path, server: SmallServer, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    _upload(cohort, server, "--journal", journal)
    counts = _counts(cohort)
    total = sum(counts.values())
    of_files, of_journal = _sample(cohort, "--server", server.url), _sample(journal)
    code, found = of_files

    assert of_files == of_journal
    assert (0, True, total - 5) == (code, found["ok"], found["counts"]["there"])
    assert {"seed": 1, "compared": 5, "not_compared": total - 5} == {
        name: number for name, number in found["sample"].items() if name != "types"
    }
    assert {kind: {"sent": count, "there": count} for kind, count in counts.items()} == found["sample"]["types"]
    assert 5 == len(found["comparisons"])
    assert found == _sample(cohort, "--server", server.url)[1]
    other = _sample(cohort, "--server", server.url, "--seed", 2)[1]
    assert [one["resource"] for one in found["comparisons"]] != [one["resource"] for one in other["comparisons"]]


def test_a_sample_says_what_was_not_compared(cohort: Path, server: SmallServer) -> None:
    _upload(cohort, server)
    total = sum(_counts(cohort).values())
    code, out, _ = run_command("verify", cohort, "--server", server.url, "--sample", 5, "--seed", 3)

    assert 0 == code
    assert f"Read back from {server.url}: 5 of 5 as sent, and {total - 5} are there\n" in out
    assert f"Counts of all; 5 compared in full, chosen by seed 3; the other {total - 5} not compared" in out
    assert f"Patient {'12 of 12':>26}".split() == next(line.split() for line in out.splitlines() if "Patient" in line)


def test_what_a_server_has_lost_is_found_also_outside_of_the_sample(cohort: Path, server: SmallServer) -> None:
    _upload(cohort, server)
    for name in [name for name in server.names if name.startswith("Observation/")]:
        del server.resources[name]
    code, found = _sample(cohort, "--server", server.url)
    count = _counts(cohort)["Observation"]

    assert (5, False, count) == (code, found["ok"], found["counts"]["lost"])
    assert {"sent": count, "there": 0} == found["sample"]["types"]["Observation"]
    assert count == sum(one["state"] == "lost" for one in found["comparisons"])


def test_a_sample_of_more_than_there_is_compares_all(cohort: Path, server: SmallServer) -> None:
    _upload(cohort, server)
    server.resources["Patient/small-1-patient"] = {
        **server.resources["Patient/small-1-patient"],
        "gender": "male",
    }
    code, out, _ = run_command("verify", cohort, "--server", server.url, "--sample", 10_000, "--format", "json")

    assert (5, 1, 0) == (code, result_of(out)["counts"]["altered"], result_of(out)["sample"]["not_compared"])


def test_a_placeholder_outside_of_the_sample_is_not_taken_for_the_resource(cohort: Path, server: SmallServer) -> None:
    _upload(cohort, server)
    mark = {"url": "http://hapifhir.io/fhir/StructureDefinition/resource-placeholder", "valueBoolean": True}
    names = [name for name in server.names if name.startswith("Device/")]
    for name in names:
        server.resources[name] = {**server.resources[name], "extension": [mark]}
    code, found = _sample(cohort, "--server", server.url)

    assert (5, len(names)) == (code, found["counts"]["lost"])


def test_validate_reads_a_cohort_by_its_manifest(cohort: Path) -> None:
    code, out, err = run_command("validate", cohort, "--jobs", 1)
    total = sum(_counts(cohort).values())

    assert (0, "") == (code, err), out
    assert f"{total} resources in {total} documents checked: no errors" in out


@pytest.mark.parametrize("harm", [harm for harm in WRONG if harm not in (_no_gzip, _cut_off_without_checksum)])
def test_validate_finds_what_is_not_as_the_manifest_says(cohort: Path, harm: Callable[[Path], None]) -> None:
    harm(cohort)
    file, words = WRONG[harm]
    code, out, _ = run_command("validate", cohort, "--jobs", 1, "--format", "json", "--verbose")

    assert 5 == code
    assert str(cohort / file) in out
    assert words in out
