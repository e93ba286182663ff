"""The whole command upload before a small server: every option, and what reaches the server."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from load.sample import bundle, by_type, counts_of, labelled, observation, patient, write
from smallserver import HAPI, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]


def a_directory(folder: Path) -> Path:
    for key in "ab":
        write(folder, f"in/{key}.json", bundle(key))
    return folder / "in"


def test_a_dry_run_sends_nothing_and_writes_the_requests_that_are_sent_later(
    fake: SmallServer, run: Run, tmp_path: Path, state_home: Path
) -> None:
    command = ("upload", a_directory(tmp_path), "--server", fake.url, "--merge", "1")
    code, out, _ = run(*command, "--dry-run", "--out", tmp_path / "out", "--format", "json")

    assert 0 == code
    assert ([], set(), []) == (fake.transactions, fake.names, list(state_home.rglob("*.jsonl")))
    written = [json.loads(file.read_bytes()) for file in sorted((tmp_path / "out").iterdir())]
    assert ["00001.json", "00002.json"] == [each["name"] for each in result_of(out)["requests"]]
    assert 0 == run(*command, "--concurrency", "1")[0]
    assert written[0] == json.loads(fake.transactions[0].content)
    # The clinic of the second is known to be there by then.
    assert written[1]["entry"][1]["resource"] == json.loads(fake.transactions[1].content)["entry"][0]["resource"]


def test_out_without_dry_run_is_a_wrong_command(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    assert 2 == run("upload", a_directory(tmp_path), "--server", fake.url, "--out", tmp_path / "out")[0]


def test_as_is_sends_the_very_bytes(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "spaced.json"
    file.write_text(json.dumps(bundle("a"), indent=7).replace("1.0", "1.00"), encoding="utf-8")

    assert 0 == run("upload", file, "--server", fake.url, "--as-is")[0]
    assert [file.read_bytes()] == [each.content for each in fake.transactions]
    assert {"Observation": 1, "Organization": 1, "Patient": 1} == by_type(fake.names)


def test_as_is_a_batch_stores_what_is_right_and_names_what_is_not(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    found = bundle("a")
    found["type"] = "batch"
    found["entry"] = [found["entry"][1], {"resource": patient("7"), "request": {"method": "PUT", "url": "Patient/7"}}]
    found["entry"][1]["resource"]["id"] = "7"
    file = write(tmp_path, "batch.json", found)
    code, out, _ = run("upload", file, "--server", fake.url, "--as-is")

    assert (7, {"Patient/p-a"}) == (code, fake.names)
    assert f"  {file}: Patient/7: HTTP 400: " in out


def test_the_server_gives_the_ids_when_it_shall(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.json", bundle("a"))

    assert 0 == run("upload", file, "--server", fake.url, "--ids", "server")[0]
    assert "Patient/p-a" not in fake.names
    kinds = {name.partition("/")[0]: name for name in fake.names}
    assert {"reference": kinds["Patient"]} == fake.resources[kinds["Observation"]]["subject"]


def test_ids_that_are_numbers_are_given_by_the_server_and_references_follow(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    found = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": {**patient("x"), "id": "7"}},
            {"resource": {**observation("x", "Patient/7"), "id": "8"}},
        ],
    }
    code, _, err = run("upload", write(tmp_path, "a.json", found), "--server", fake.url)

    assert 0 == code
    kinds = {name.partition("/")[0]: name for name in fake.names}
    assert {"reference": kinds["Patient"]} == fake.resources[kinds["Observation"]]["subject"]
    assert "Warning: loading twice will duplicate what has no condition: Observation/8" in err


def test_what_is_more_than_the_server_takes_is_split_in_order_with_a_warning(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    file = write(tmp_path, "a.json", bundle("a"))
    code, _, err = run("upload", file, "--server", fake.url, "--max-entries", "2")

    assert (0, [2, 1]) == (code, [len(each.entries) for each in fake.transactions])
    assert {"Observation": 1, "Organization": 1, "Patient": 1} == by_type(fake.names)
    assert f"Warning: not all or nothing, since the server takes 2 entries at once: {file}" in err


@pytest.mark.parametrize(
    ("old", "new", "value"), [("--most-entries", "--max-entries", ["2"]), ("--most-bytes", "--max-bytes", ["1000"])]
)
def test_a_limit_answers_under_its_old_name_which_help_does_not_show(
    fake: SmallServer, run: Run, tmp_path: Path, old: str, new: str, value: list[str]
) -> None:
    file = write(tmp_path, "a.json", bundle("a"))
    plans = [run("upload", file, "--server", fake.url, "--dry-run", name, *value) for name in (old, new)]

    assert plans[0][:2] == plans[1][:2] != run("upload", file, "--server", fake.url, "--dry-run")[:2]
    assert f"{old} is now {new}; the old name goes with the next release\n" in plans[0][2]
    assert "is now" not in plans[1][2]
    assert (False, True) == tuple(name in run("upload", "--help")[1] for name in (old, new))


def refused(key: str) -> dict[str, Any]:
    """A Bundle with a patient whose id the server refuses, a finding about her, and a clinic that is fine."""
    found = bundle(key)
    found["entry"][1] = {"resource": {**patient(key), "id": "77"}, "request": {"method": "PUT", "url": "Patient/77"}}
    found["entry"][2]["resource"]["subject"] = {"reference": "Patient/77"}
    return found


def test_a_refused_entry_is_named_by_file_and_entry_and_other_files_are_stored(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    write(tmp_path, "in/bad.json", refused("bad"))
    for key in "abc":
        write(tmp_path, f"in/{key}.json", bundle(key))
    code, out, _ = run("upload", tmp_path / "in", "--server", fake.url, "--format", "json")
    value = result_of(out)

    assert 7 == code
    assert {"Observation": 3, "Organization": 1, "Patient": 3} == by_type(fake.names)
    assert {str(tmp_path / "in" / "bad.json")} == {each["source"] for each in value["failures"]}
    assert 2 == value["resources"]["failed"] == len(value["failures"])  # the clinic is that of the other files
    guilty = [each for each in value["failures"] if each["reason"].startswith("HTTP 400")]
    assert [("Patient/77", 1, 400)] == [(each["resource"], each["position"], each["status"]) for each in guilty]
    assert "Can not create resource with ID[Patient/77]" in guilty[0]["reason"]


def test_isolate_stores_the_rest_without_it_and_without_what_refers_to_it(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    file = write(tmp_path, "bad.json", refused("bad"))
    code, out, _ = run("upload", file, "--server", fake.url, "--isolate")

    assert (7, {"Organization": 1}) == (code, by_type(fake.names))
    assert f"  {file}: Patient/77: HTTP 400" in out
    assert "not sent, since it refers to Patient/77, which was not stored" in out


@pytest.mark.parametrize("software", [HAPI, ""])
@pytest.mark.parametrize("files", [2, 12])  # more than eight of a type are looked up with one search
def test_loading_twice_changes_nothing(run: Run, tmp_path: Path, software: str, files: int) -> None:
    for number in range(files):
        write(tmp_path, f"in/{number}.json", bundle(f"n{number}"))
    with SmallServer.like(software) as fake:
        assert 0 == run("upload", tmp_path / "in", "--server", fake.url)[0]
        before = fake.versions()
        code, out, _ = run("upload", tmp_path / "in", "--server", fake.url, "--format", "json")

        assert (0, before) == (code, fake.versions())
    assert {"unchanged": 3 * files} == {name: number for name, number in result_of(out)["resources"].items() if number}
    assert 2 * files + 1 == len(before)


@pytest.mark.parametrize("concurrency", ["1", "8"])
def test_one_identifier_in_many_files_is_created_once(
    fake: SmallServer, run: Run, tmp_path: Path, concurrency: str
) -> None:
    for number in range(40):
        write(tmp_path, f"in/{number}.json", bundle(f"n{number}", clinic=f"clinic-{number % 3}", once=False))
    under_way: list[str] = []
    twice: list[str] = []

    def watch(request: Request, answer: Callable[[], Reply]) -> Reply:
        """Servers check a condition first and store later: two requests at once with the same one would create two."""
        entries = request.entries if request.is_transaction else []
        conditions = [each["request"]["ifNoneExist"] for each in entries if "ifNoneExist" in each["request"]]
        twice.extend(each for each in conditions if each in under_way)
        under_way.extend(conditions)
        time.sleep(0.01)
        reply = answer()
        for each in conditions:
            under_way.remove(each)
        return reply

    fake.hook = watch
    options = ["--concurrency", concurrency, "--merge", "6", "--format", "json"]
    code, out, _ = run("upload", tmp_path / "in", "--server", fake.url, *options)

    assert (0, []) == (code, twice)
    assert {"Observation": 40, "Organization": 3, "Patient": 40} == by_type(fake.names)
    assert {"created": 83, "unchanged": 37} == {n: k for n, k in result_of(out)["resources"].items() if k}


def test_files_that_refer_to_each_other_in_a_cycle_are_stored_together(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    for key, other in ("ab", "ba"):
        link = [{"other": {"reference": f"Patient/p-{other}"}, "type": "seealso"}]
        write(tmp_path, f"in/{key}.json", patient(key, link=link))
    write(tmp_path, "in/0.json", observation("x", "Patient/p-a"))
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url, "--merge", "1")

    assert (0, [2, 1]) == (code, [len(each.entries) for each in fake.transactions]), err
    assert {"Patient/p-a", "Patient/p-b", "Observation/o-x"} == fake.names


def test_what_two_files_say_differently_under_one_id_is_refused_and_what_they_say_alike_is_sent_once(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    for name in "ab":
        write(tmp_path, f"in/{name}.json", patient("one"))
    other = write(tmp_path, "in/c.json", patient("one", gender="male"))
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url)

    assert (4, []) == (code, fake.transactions)
    first = tmp_path / "in" / "a.json"
    assert f"{other}: Patient/p-one is in an earlier document with other content ({first})" in err
    other.unlink()
    assert 0 == run("upload", tmp_path / "in", "--server", fake.url)[0]
    assert [1] == [len(each.entries) for each in fake.transactions]


@pytest.mark.parametrize("option", [[], ["--keep-going"]])
def test_a_server_that_is_not_this_machine_gets_no_data_that_is_not_labelled(
    fake: SmallServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    option: list[str],
) -> None:  # fmt: skip
    elsewhere(monkeypatch)
    file = write(tmp_path, "a.json", bundle("a"))
    code, _, err = run("upload", file, "--server", fake.url, *option)

    assert 4 == code
    assert f"{file}: " in err
    assert "it is not labelled as test data" in err
    assert "--real-patient-data" in err
    assert [] == fake.transactions


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loader take loopback for another machine."""
    for place in ("fhir_case.load.run.load", "fhir_case.load.survey.preparation", "fhir_case.server.guard"):
        monkeypatch.setattr(f"{place}.is_loopback", lambda _: False)


def test_a_server_that_is_not_this_machine_gets_test_data_and_what_the_user_allows(
    fake: SmallServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch)
    test_data, real = write(tmp_path, "t.json", labelled(bundle("t"))), write(tmp_path, "r.json", bundle("r"))

    assert 0 == run("upload", test_data, "--server", fake.url)[0]
    assert "Patient/p-t" in fake.names
    assert 0 == run("upload", real, "--server", fake.url, "--real-patient-data")[0]
    assert "Patient/p-r" in fake.names


def test_a_public_test_server_gets_no_real_data_whatever_the_user_allows(
    fake: SmallServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch)
    monkeypatch.setattr("fhir_case.server.guard.public_test_server", lambda _: "a public server")
    file = write(tmp_path, "r.json", bundle("r"))
    code, _, err = run("upload", file, "--server", fake.url, "--real-patient-data")

    assert 4 == code
    assert "it would be published" in err
    assert [] == fake.transactions


def test_text_and_json_say_what_the_server_has(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    fake.put({**patient("b"), "gender": "male"})
    folder = a_directory(tmp_path)
    _, out, _ = run("upload", folder, "--server", fake.url, "--format", "json")
    value = result_of(out)
    again = run("upload", folder, "--server", fake.url)[1]

    assert {"created": 4, "updated": 1, "unchanged": 1} == {n: k for n, k in value["resources"].items() if k}
    assert 5 == len(fake.names)
    assert {"200": 1} == value["requests"]
    assert sum(len(each.content) for each in fake.transactions[:1]) == value["bytes_sent"]
    assert (0, 0, None, []) == tuple(
        value[each] for each in ("resources_of_an_earlier_run", "resources_not_sent", "error", "failures")
    )
    assert {"created": 0, "updated": 0, "unchanged": 6, "failed": 0} == counts_of(again, "Resources")
    assert Path(value["journal"]).is_file()


def test_quiet_shows_no_progress_and_the_same_report(
    fake: SmallServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_case.cli.progress.upload._LINES_INTERVAL_S", 0.0)
    folder = a_directory(tmp_path)
    command = ("upload", folder, "--server", fake.url)

    assert "of 6 resources" in run(*command)[2]
    code, out, err = run(*command, "--quiet")
    assert 0 == code
    assert "of 6 resources" not in err
    assert out.startswith(f"Upload to {fake.url}\n")


def test_a_server_that_fails_for_good_ends_the_run_and_says_how_to_resume(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    fake.hook = lambda request, answer: Reply(503) if request.is_transaction else answer()
    # Pauses are by chance, and a second attempt would halve what was merged: so there is one.
    code, out, err = run("upload", a_directory(tmp_path), "--server", fake.url, "--retry-for", "0")

    assert 6 == code
    assert "HTTP 503" in err
    assert "the same command resumes" in err
    assert {"created": 0, "updated": 0, "unchanged": 0, "failed": 6} == counts_of(out, "Resources")
    assert set() == fake.names
