"""References that a server leaves as they came are filled in by a second request, once, and by nobody else's leave."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.load.send.link import Link
from fhir_case.load.send.resolve import resolved
from fhir_case.load.send.sender import Sender
from fhir_case.server.client import Client
from fhir_case.server.quirks import Caps, Quirks
from load.sample import SYSTEM, by_type, counts_of, plan, write
from smallserver import HAPI, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]
    Answer = Callable[[], Reply]

OTHER = "another server"
PRIMITIVES = "keeps-primitive-references"
PATIENT, FOURTH, FIFTH = (f"urn:uuid:6a1b6f2e-5c07-4b3e-9d60-1f0c7a3b2e0{key}" for key in "145")
ALL = {"Observation": 3, "Patient": 1}


def relative_to(reference: str) -> dict[str, Any]:
    """Return the extension of a date that counts from something else."""
    return {"extension": [{"url": "urn:relative", "extension": [{"url": "to", "valueReference": ref(reference)}]}]}


def ref(reference: str) -> dict[str, str]:
    return {"reference": reference}


def finding(key: str, to: str) -> dict[str, Any]:
    resource = {
        "resourceType": "Observation",
        "identifier": [{"system": SYSTEM, "value": key}],
        "status": "final",
        "code": {"text": "AFP"},
        "subject": ref(PATIENT),
        "effectiveDateTime": "2018-05",
        "_effectiveDateTime": relative_to(to),
    }
    return created(f"urn:uuid:6a1b6f2e-5c07-4b3e-9d60-1f0c7a3b2e0{key}", resource)


def created(full_url: str, resource: dict[str, Any]) -> dict[str, Any]:
    token = f"{resource['identifier'][0]['system']}|{resource['identifier'][0]['value']}"
    request = {"method": "POST", "url": resource["resourceType"], "ifNoneExist": f"identifier={token}"}
    return {"fullUrl": full_url, "resource": resource, "request": request}


def case() -> dict[str, Any]:
    """Return a patient and three findings about her: the first dated by the second, the others by each other."""
    patient = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "patient"}]}
    findings = [finding("3", FOURTH), finding("4", FIFTH), finding("5", FOURTH)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [created(PATIENT, patient), *findings]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path, "case.json", case())


def upload(run: Run, fake: SmallServer, file: Path, journal: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    code, out, err = run(*command(fake, file, journal), "--format", "json", *more)
    return code, result_of(out) or {}, err


def command(fake: SmallServer, file: Path, journal: Path) -> list[str]:
    options = ["--retry-for", "3", "--settle-for", "0.2", "--concurrency", "1"]
    return ["upload", str(file), "--server", fake.url, "--journal", str(journal), *options]


def counts(value: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in value["resources"].items() if number}


def where_dates_point(fake: SmallServer) -> dict[str, str]:
    """Return for each finding, by the key of its identifier, the identifier of what its date counts from."""
    keys = {name: each["identifier"][0]["value"] for name, each in fake.resources.items()}
    return {
        keys[name]: keys.get(to["reference"], to["reference"])
        for name, each in fake.resources.items()
        if name.startswith("Observation/")
        for to in [each["_effectiveDateTime"]["extension"][0]["extension"][0]["valueReference"]]
    }


AS_MEANT = {"3": "4", "4": "5", "5": "4"}


def is_second(request: Request) -> bool:
    """Whether a request puts again what is stored."""
    return request.is_transaction and all("ifMatch" in each["request"] for each in request.entries)


def seconds(fake: SmallServer) -> list[Request]:
    return [each for each in fake.transactions if is_second(each)]


def all_is_well(run: Run, fake: SmallServer, journal: Path) -> None:
    """Everything is there once and as it was sent, and undo takes all of it away."""
    assert AS_MEANT == where_dates_point(fake)
    assert ALL == by_type(fake.names)
    code, out, err = run("verify", journal)
    assert 0 == code, out + err
    code, out, _ = run("undo", journal)
    assert (0, set()) == (code, fake.names)
    assert {"deleted": 4, "already gone": 0, "not deleted": 0} == counts_of(out, "Resources")


@pytest.mark.parametrize(("software", "leaves"), [(HAPI, True), (HAPI, False), (OTHER, True), (OTHER, False)])
def test_what_a_server_leaves_unresolved_is_resolved_and_each_resource_counts_once(
    run: Run, file: Path, journal: Path, software: str, leaves: bool
) -> None:
    with SmallServer.like(software) as fake:
        fake.behaviour.quirks = fake.behaviour.quirks - {PRIMITIVES} | ({PRIMITIVES} if leaves else set())
        code, value, _ = upload(run, fake, file, journal)

        assert (0, {"created": 4}) == (code, counts(value)), value
        needless = software == OTHER and not leaves  # it was looked at, and needs nothing
        assert (0 if needless else 1) == len(seconds(fake))
        assert {"2" if leaves else "1"} == {
            fake.versions()[name] for name in fake.names if name.startswith("Observation/")
        }
        all_is_well(run, fake, journal)


def test_what_needs_no_second_request_gets_none(fake: SmallServer, run: Run, tmp_path: Path, journal: Path) -> None:
    plain = case()
    for entry in plain["entry"][1:]:
        entry["resource"]["_effectiveDateTime"] = relative_to("https://elsewhere.example/Patient/1")
    assert 0 == upload(run, fake, write(tmp_path, "plain.json", plain), journal)[0]

    assert 1 == len(fake.transactions)


def test_what_was_there_before_stays_as_it_is(fake: SmallServer, run: Run, file: Path, journal: Path) -> None:
    before = {**case()["entry"][1]["resource"], "id": "before", "subject": ref("Patient/before")}
    patient = {**case()["entry"][0]["resource"], "id": "before"}
    fake.put(patient)
    fake.put(before)
    code, value, _ = upload(run, fake, file, journal)

    assert (0, {"created": 2, "unchanged": 2}) == (code, counts(value))
    assert "1" == fake.versions()["Observation/before"]
    assert AS_MEANT | {"3": FOURTH} == where_dates_point(fake)


def test_uploading_again_changes_nothing(fake: SmallServer, run: Run, file: Path, journal: Path) -> None:
    upload(run, fake, file, journal)
    before = fake.versions()
    code, value, _ = upload(run, fake, file, journal, "--restart")

    assert (0, {"unchanged": 4}, before) == (code, counts(value), fake.versions())


def test_an_update_that_refers_to_what_is_there_changes_nothing_when_it_is_sent_again(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    content = case()
    del content["entry"][1]["fullUrl"]
    content["entry"][1]["resource"]["id"] = "third"
    content["entry"][1]["request"] = {"method": "PUT", "url": "Observation/third"}
    file = write(tmp_path, "case.json", content)
    assert 0 == upload(run, fake, file, journal)[0]
    before = fake.versions()
    code, value, _ = upload(run, fake, file, journal, "--restart")

    assert (0, {"unchanged": 4}, before) == (code, counts(value), fake.versions())
    assert AS_MEANT == where_dates_point(fake)


def test_a_dry_run_says_how_many_need_it_and_sends_nothing(run: Run, file: Path) -> None:
    words = "references to new resources inside the extensions of primitive values, in narratives or in canonicals "
    words += "unresolved; a second request"
    for software, expected in (
        (HAPI, f"leaves {words} resolves them"),
        (OTHER, f"may leave {words} resolves them where"),
    ):
        with SmallServer.like(software) as fake:
            code, _, err = run("upload", file, "--server", fake.url, "--dry-run")

            assert (0, []) == (code, fake.transactions)
            [line] = [line for line in err.splitlines() if "second request" in line]
            assert line.startswith(f"Warning: the server {expected}")
            assert 3 == line.count("urn:uuid:")


def test_as_is_stays_as_it_came_and_says_what_stays_open(
    fake: SmallServer, run: Run, file: Path, journal: Path
) -> None:
    code, value, _ = upload(run, fake, file, journal, "--as-is")

    assert (0, 1) == (code, len(fake.transactions))
    assert file.read_bytes().strip() == fake.transactions[0].content.strip()
    [warning] = [each for each in value["warnings"] if "--as-is forbids to resolve them" in each]
    assert 3 == warning.count("urn:uuid:")
    assert {"3": FOURTH} == {key: to for key, to in where_dates_point(fake).items() if key == "3"}


def test_the_second_requests_keep_to_what_the_server_takes_at_once(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    file = write(tmp_path, "case.json", case())
    code, value, _ = upload(run, fake, file, journal, "--max-bytes", "1800")

    assert (0, {"created": 4}) == (code, counts(value))
    assert 1 == len(seconds(fake))  # what goes later names what is there already
    assert 3 <= len(fake.transactions)
    assert all(len(each.content) <= 1800 for each in fake.transactions)
    all_is_well(run, fake, journal)


@pytest.mark.parametrize("software", [HAPI, OTHER])
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("reply", [Reply(503), Reply(502), None], ids=["503", "502", "reset"])
def test_a_second_request_without_answer_is_repeated_without_harm(
    run: Run, file: Path, journal: Path, software: str, done: bool, reply: Reply | None
) -> None:
    with SmallServer.like(software) as fake:
        fake.behaviour.quirks.add(PRIMITIVES)

        def fail_once(request: Request, answer: Answer) -> Reply | None:
            if is_second(request) and len(seconds(fake)) == 1:
                if done:
                    answer()
                return reply
            return answer()

        fake.hook = fail_once
        code, value, _ = upload(run, fake, file, journal)

        assert (0, {"created": 4}) == (code, counts(value)), value
        assert {"2"} == {version for name, version in fake.versions().items() if name.startswith("Observation/")}
        all_is_well(run, fake, journal)


@pytest.mark.parametrize("software", [HAPI, OTHER])
@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "odd", [Reply(202), Reply(200, "<html>Welcome</html>"), Reply(200, {"resourceType": "Bundle", "entry": []})]
)
def test_a_second_request_that_is_not_confirmed_counts_as_done_only_where_it_is_seen(
    run: Run, file: Path, journal: Path, software: str, done: bool, odd: Reply
) -> None:
    with SmallServer.like(software) as fake:
        fake.behaviour.quirks.add(PRIMITIVES)

        def answer(request: Request, carried_out: Answer) -> Reply:
            if not is_second(request):
                return carried_out()
            if done:
                carried_out()
            return odd

        fake.hook = answer
        code, value, _ = upload(run, fake, file, journal)
        fake.hook = lambda _, carried_out: carried_out()

        assert ALL == by_type(fake.names)
        if not done:
            assert 3 == value["resources_with_open_references"]
            assert code in (6, 7)
        code, value, _ = upload(run, fake, file, journal)
        assert (0, 0) == (code, value["resources_with_open_references"]), value
        assert {"2"} == {fake.versions()[name] for name in fake.names if name.startswith("Observation/")}
        if software == HAPI or not done:
            all_is_well(run, fake, journal)
        else:  # which request made the second version is not known, so that undo leaves it and says so
            assert AS_MEANT == where_dates_point(fake)
            assert 0 == run("verify", journal)[0]
            code, out, _ = run("undo", journal)
            assert (7, ALL, 4) == (code, by_type(fake.names), counts_of(out, "Resources")["not deleted"])


@pytest.mark.parametrize("software", [HAPI, OTHER])
def test_what_somebody_changes_in_between_is_not_overwritten_and_is_reported(
    run: Run, file: Path, journal: Path, software: str
) -> None:
    with SmallServer.like(software) as fake:
        fake.behaviour.quirks.add(PRIMITIVES)

        def amend_one(request: Request, answer: Answer) -> Reply:
            if is_second(request) and len(seconds(fake)) == 1:
                name = next(n for n, each in fake.resources.items() if each["identifier"][0]["value"] == "3")
                fake.put({**fake.resources[name], "status": "amended"})
            return answer()

        fake.hook = amend_one
        code, value, _ = upload(run, fake, file, journal)
        [amended] = [name for name, each in fake.resources.items() if each.get("status") == "amended"]

        assert (7, {"created": 4}, 1) == (code, counts(value), value["resources_with_open_references"])
        [failure] = value["failures"]
        assert amended == failure["stored_as"]
        assert "it was changed since: version 2 instead of 1" in failure["reason"]
        assert AS_MEANT | {"3": FOURTH} == where_dates_point(fake)
        fake.hook = lambda _, answer: answer()
        assert 7 == run("undo", journal)[0]
        assert {amended} <= fake.names


def test_one_that_the_server_refuses_does_not_keep_the_others_from_being_resolved(
    fake: SmallServer, run: Run, file: Path, journal: Path
) -> None:
    fake.hook = lambda request, answer: (
        Reply(422) if is_second(request) and b'"value":"4"' in request.content else answer()
    )
    code, value, err = upload(run, fake, file, journal)

    assert (7, 1) == (code, value["resources_with_open_references"]), err
    assert ["3", "5"] == [key for key, to in sorted(where_dates_point(fake).items()) if to == AS_MEANT[key]]
    assert "HTTP 422" in value["failures"][0]["reason"]
    fake.hook = lambda _, answer: answer()
    code, value, err = upload(run, fake, file, journal)  # the same command does what is left
    assert (0, 4) == (code, value["resources_of_an_earlier_run"]), err
    assert "Resuming: 4 resources of an earlier run are stored" in err
    all_is_well(run, fake, journal)


def test_a_server_that_is_gone_at_the_second_request_ends_the_run_and_the_same_command_completes_it(
    fake: SmallServer, run: Run, file: Path, journal: Path
) -> None:
    fake.hook = lambda request, answer: Reply(429) if is_second(request) else answer()
    code, value, err = upload(run, fake, file, journal)
    assert (6, {"created": 4}, 3) == (code, counts(value), value["resources_with_open_references"])
    assert "the same command resumes" in err
    fake.hook = lambda _, answer: answer()
    code, value, err = upload(run, fake, file, journal)

    assert (0, {}, 4) == (code, counts(value), value["resources_of_an_earlier_run"]), err
    all_is_well(run, fake, journal)


@pytest.mark.parametrize("software", [HAPI, OTHER])
@pytest.mark.parametrize("moment", ["first lost", "first done", "second lost", "second done"])
def test_a_process_that_is_killed_in_between_is_completed_by_the_same_command(
    run: Run, file: Path, journal: Path, software: str, moment: str
) -> None:
    process: list[subprocess.Popen[bytes]] = []
    which, _, what = moment.partition(" ")
    with SmallServer.like(software) as fake:
        fake.behaviour.quirks.add(PRIMITIVES)

        def kill(request: Request, answer: Answer) -> Reply | None:
            if request.is_transaction and is_second(request) == (which == "second"):
                if what == "done":
                    answer()
                process[0].send_signal(signal.SIGKILL)
                process[0].wait()
                return None
            return answer()

        fake.hook = kill
        process.append(
            subprocess.Popen(
                [sys.executable, "-m", "fhir_case", *command(fake, file, journal)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        assert -signal.SIGKILL == process[0].wait(30)
        assert (4 if moment != "first lost" else 0) == len(fake.names)
        fake.hook = lambda _, answer: answer()
        code, value, err = upload(run, fake, file, journal)

        assert 0 == code, err
        assert 0 == value["resources_with_open_references"]
        assert AS_MEANT == where_dates_point(fake)
        assert ALL == by_type(fake.names)
        assert {"2"} == {version for name, version in fake.versions().items() if name.startswith("Observation/")}
        if software == HAPI:  # which tells which request has written a version
            all_is_well(run, fake, journal)


@pytest.mark.parametrize("software", [HAPI, OTHER])
def test_what_a_request_without_answer_has_created_is_resolved_too(
    run: Run, file: Path, journal: Path, software: str
) -> None:
    with SmallServer.like(software) as fake:
        fake.behaviour.quirks.add(PRIMITIVES)

        def lose_the_first(request: Request, answer: Answer) -> Reply | None:
            reply = answer()
            return None if len(fake.transactions) == 1 and request.is_transaction else reply

        fake.hook = lose_the_first
        code, _, err = upload(run, fake, file, journal)

        assert (0, AS_MEANT, ALL) == (code, where_dates_point(fake), by_type(fake.names)), err


def test_more_than_the_server_takes_at_once_goes_in_several_requests(fake: SmallServer) -> None:
    known = Quirks(caps=Caps(entries=2), leaves_references=True)
    with Client(fake.url) as client:
        sender = Sender(Link(lambda: client, known=known))
        [transaction] = plan(case()).transactions
        told = resolved(sender.send(transaction), sender)

    assert ["created"] * 4 == [entry.state for entry in told.entries]
    assert [2, 1] == [len(each.entries) for each in seconds(fake)]
    assert AS_MEANT == where_dates_point(fake)


@pytest.mark.parametrize("leaves", [True, False])
@pytest.mark.parametrize(
    ("kind", "reason"), [("Patient", "where it stored what they mean"), ("Observation", "where it stored it")]
)
def test_a_server_that_does_not_say_where_it_stored_something_leaves_references_open_and_says_so(
    fake: SmallServer, kind: str, reason: str, leaves: bool
) -> None:
    def without_locations(request: Request, answer: Answer) -> Reply:
        if request.method == "GET" and request.path == (kind,):
            return Reply(403)  # nor does it let us look
        reply = answer()
        for entry in reply.body.get("entry", []) if request.is_transaction else ():
            if entry["response"]["location"].startswith(f"{kind}/"):
                del entry["response"]["location"]
        return reply

    fake.hook = without_locations
    with Client(fake.url) as client:
        sender = Sender(Link(lambda: client, known=Quirks(leaves_references=leaves)))
        [transaction] = plan(case()).transactions
        entries = resolved(sender.send(transaction), sender).entries

    assert [True, False, False, False] == [entry.ok for entry in entries]
    assert ["", "open", "open", "open"] == [entry.references for entry in entries]
    assert f"the server does not say {reason}" in entries[1].reason
    assert 1 == len(fake.transactions)  # the other references in them are right, and stay so
