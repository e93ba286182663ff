"""A success that does not say what became of the resources: nothing is doubled, lost or claimed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from load.sample import by_type, counts_of, patient, write
from smallserver import HAPI, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

REFUSED = {"response": {"status": "422 Unprocessable Entity"}}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "diagnostics": "All went well"}]}


def posted(*resources: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    entries = [{"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def observations(count: int = 3, **elements: Any) -> list[dict[str, Any]]:
    """Return what a server would create as often as it is sent, and what no identifier finds."""
    texts = (f"finding {number}" for number in range(count))
    return [{"resourceType": "Observation", "status": "final", "code": {"text": text}, **elements} for text in texts]


def bundle_of(reply: Reply, **others: Any) -> Reply:
    return Reply(200, {**reply.body, **others})


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {"response": {name: each for name, each in entry["response"].items() if name not in names}}


ANSWERS: dict[str, Callable[[Reply], Reply]] = {
    "202 without content": lambda _: Reply(202),
    "200 without content": lambda _: Reply(200),
    "204": lambda _: Reply(204),
    "a page": lambda _: Reply(200, "<html><body><h1>Welcome</h1></body></html>"),
    "an OperationOutcome": lambda _: Reply(200, OUTCOME),
    "a resource": lambda _: Reply(200, {"resourceType": "Patient", "id": "x"}),
    "another Bundle": lambda _: Reply(200, {"resourceType": "Bundle", "type": "searchset", "total": 0}),
    "no entries": lambda reply: bundle_of(reply, entry=[]),
    "fewer entries": lambda reply: bundle_of(reply, entry=reply.body["entry"][:-1]),
    "more entries": lambda reply: bundle_of(reply, entry=[*reply.body["entry"], {"response": {"status": "201"}}]),
    "entries without status": lambda reply: bundle_of(
        reply, entry=[without(each, "status", "location") for each in reply.body["entry"]]
    ),
    "all entries refused": lambda reply: bundle_of(reply, entry=[REFUSED] * len(reply.body["entry"])),
    "one entry refused": lambda reply: bundle_of(reply, entry=[*reply.body["entry"][:-1], REFUSED]),
    "303": lambda _: Reply(303, headers={"Location": "/fhir/Task/1"}),
    "304": lambda _: Reply(304),
    "one location for all": lambda reply: bundle_of(reply, entry=[reply.body["entry"][0]] * len(reply.body["entry"])),
    "other types": lambda reply: bundle_of(
        reply,
        entry=[{"response": {"status": "201", "location": f"Device/{n}"}} for n in range(len(reply.body["entry"]))],
    ),
}


def answer_with(fake: SmallServer, name: str) -> None:
    """Carry transactions out, and answer them in another way."""

    def answer(request: Request, done: Callable[[], Reply]) -> Reply:
        reply = done()
        return ANSWERS[name](reply) if request.is_transaction and reply.status == 200 else reply

    fake.hook = answer


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("name", ANSWERS)
def test_what_an_answer_does_not_confirm_is_not_sent_again_and_undo_tells_it(
    run: Run, tmp_path: Path, journal: Path, software: str, name: str
) -> None:
    file = write(tmp_path, "in.json", posted(*observations()))
    with SmallServer.like(software) as fake:
        answer_with(fake, name)
        command = ("upload", file, "--server", fake.url, "--journal", journal, "--settle-for", "0.2")
        first, out, _ = run(*command)
        again, repeated, _ = run(*command)
        assert {"Observation": 3} == by_type(fake.names), out + repeated
        counts = counts_of(out, "Resources")
        assert 0 == counts["failed"]
        assert 3 == counts["created"] + counts.get("unknown", 0)
        assert (6 if counts.get("unknown") else 0) == first
        if software == HAPI:  # which request stored a resource tells what became of each
            assert (3, 0) == (counts["created"], again)
        fake.hook = lambda _, answer: answer()
        code, text, _ = run("undo", journal, "--format", "json")

    left = result_of(text)["left_over"]
    assert counts.get("unknown", 0) == len(left)
    assert (7 if left else 0, len(left)) == (code, len(fake.names))
    assert all("it is not known whether it is stored" in each["reason"] for each in left)


def test_the_status_and_the_text_of_the_outcome_are_told(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "in.json", posted(*observations()))
    with SmallServer.like("another server") as fake:
        answer_with(fake, "an OperationOutcome")
        code, out, _ = run("upload", file, "--server", fake.url)

    assert 6 == code
    assert "HTTP 200 with an OperationOutcome: All went well; it is not known whether it is stored" in out


def test_what_is_unknown_is_sent_again_once_it_was_looked_up_and_is_absent(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    file = write(tmp_path, "in.json", posted(*observations()))
    fake.hook = lambda request, answer: Reply(202) if request.is_transaction else answer()
    command = ("upload", file, "--server", fake.url, "--settle-for", "0.2")
    assert 6 == run(*command)[0]
    fake.hook = lambda _, answer: answer()

    assert 0 == run(*command)[0]
    assert {"Observation": 3} == by_type(fake.names)


def test_of_a_batch_each_entry_that_is_refused_has_failed_and_the_rest_is_looked_up(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    batch = posted(*observations(), kind="batch")
    file = write(tmp_path, "in.json", batch)

    def answer(request: Request, done: Callable[[], Reply]) -> Reply:
        if not request.is_transaction:
            return done()
        entries = [each["response"] for each in done().body["entry"]]
        entries[1] = {"status": "202 Accepted"}
        return Reply(
            200, {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": e} for e in entries]}
        )

    fake.hook = answer
    code, out, _ = run("upload", file, "--server", fake.url, "--as-is", "--settle-for", "0.2")

    assert 0 == code, out
    assert 3 == counts_of(out, "Resources")["created"]


@pytest.mark.parametrize("name", ["202 without content", "an OperationOutcome", "fewer entries"])
def test_what_is_under_our_ids_and_was_not_there_before_is_created_also_without_a_confirmation(
    run: Run, tmp_path: Path, journal: Path, name: str
) -> None:
    file = write(tmp_path, "in.ndjson", [patient(key) for key in "abc"])
    with SmallServer.like("another server") as fake:
        answer_with(fake, name)
        code, out, _ = run("upload", file, "--server", fake.url, "--journal", journal, "--settle-for", "0.2")
        fake.hook = lambda _, answer: answer()

        assert (0, 3) == (code, counts_of(out, "Resources")["created"]), out
        assert 0 == run("undo", journal)[0]
        assert set() == fake.names


def test_a_gateway_that_answers_with_its_own_page_never_makes_a_resource_twice(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "in.json", posted(*observations()))
    with SmallServer.like("another server") as fake:
        answer_with(fake, "200 without content")
        for _ in range(3):
            assert 6 == run("upload", file, "--server", fake.url)[0]

        assert {"Observation": 3} == by_type(fake.names)
        assert 1 == len(fake.transactions)


def test_a_server_that_never_confirms_anything_ends_the_run(run: Run, tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path, f"in/{number:02}.json", posted(*observations(1)))
    with SmallServer.like("another server") as fake:
        answer_with(fake, "200 without content")
        command = ("upload", tmp_path / "in", "--server", fake.url, "--merge", "1", "--concurrency", "1")
        code, _, err = run(*command)

        assert 6 == code
        assert "HTTP 200 without content" in err
        assert 20 == len(fake.transactions)


@pytest.mark.parametrize("how", ["none", "resource", "fullUrl", "location"])
def test_undo_knows_or_lists_what_the_answer_gives_no_proper_place(
    run: Run, tmp_path: Path, journal: Path, how: str
) -> None:
    file = write(tmp_path, "in.json", posted(*observations(2)))
    with SmallServer.like("another server") as fake:

        def answer(request: Request, done: Callable[[], Reply]) -> Reply:
            reply = done()
            if not request.is_transaction or request.entries[0]["request"]["method"] != "POST":
                return reply
            entries = []
            for each in reply.body["entry"]:
                name = each["response"]["location"].partition("/_history")[0]
                kind, _, resource_id = name.partition("/")
                places: dict[str, dict[str, Any]] = {
                    "resource": {"resource": {"resourceType": kind, "id": resource_id}},
                    "fullUrl": {"fullUrl": f"http://behind:8080/fhir/{name}"},
                }
                extra = places.get(how, {})
                response = {"status": "201"} | ({"location": f"/{name}?_format=json"} if how == "location" else {})
                entries.append({**extra, "response": response})
            return bundle_of(reply, entry=entries)

        fake.hook = answer
        code, out, _ = run("upload", file, "--server", fake.url, "--journal", journal)
        assert (0, 2) == (code, counts_of(out, "Resources")["created"])
        code, out, _ = run("undo", journal, "--format", "json")

    found = result_of(out)
    if how == "none":
        assert (7, 2, 2) == (code, found["left"], len(fake.names))
        assert "the server did not say where" in found["left_over"][0]["reason"]
    else:
        assert (0, 2, set()) == (code, found["deleted"], fake.names)


def test_answers_of_several_requests_that_name_one_location_are_undone_once(
    run: Run, tmp_path: Path, journal: Path
) -> None:
    for number in range(3):
        write(tmp_path, f"in/{number}.json", posted(*observations(1)))
    with SmallServer.like("another server") as fake:

        def answer(request: Request, done: Callable[[], Reply]) -> Reply:
            if not request.is_transaction or request.entries[0]["request"]["method"] != "POST":
                return done()
            done()
            told = [{"response": {"status": "201", "location": "Observation/1001/_history/1"}}]
            return Reply(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": told})

        fake.hook = answer
        command = ("upload", tmp_path / "in", "--server", fake.url, "--journal", journal, "--merge", "1")
        code, out, _ = run(*command, "--concurrency", "1")
        counts = counts_of(out, "Resources")
        assert (6, 1, 2) == (code, counts["created"], counts["unknown"]), out
        code, out, _ = run("undo", journal, "--format", "json")

    assert (7, 1, 2) == (code, result_of(out)["deleted"], result_of(out)["left"])


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("form", ["identifier", "id"])
def test_an_entry_that_is_refused_and_not_there_has_failed_though_its_transaction_succeeds(
    run: Run, tmp_path: Path, software: str, form: str
) -> None:
    first, second = patient("first"), patient("second")
    content = posted(first, second)
    if form == "id":
        for each in content["entry"]:
            each["request"] = {"method": "PUT", "url": f"Patient/{each['resource']['id']}"}
    with SmallServer.like(software) as fake:

        def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
            reply = answer()
            if request.is_transaction:
                location = reply.body["entry"][1]["response"]["location"]
                del fake.resources["/".join(location.split("/_history")[0].split("/")[-2:])]
                return bundle_of(reply, entry=[reply.body["entry"][0], REFUSED])
            return reply

        fake.hook = hook
        code, out, _ = run("upload", write(tmp_path, "in.json", content), "--server", fake.url)

    counts = counts_of(out, "Resources")
    assert (7, 1, 1) == (code, counts["created"], counts["failed"])
    assert "HTTP 422" in out


def test_of_a_batch_whose_answer_is_lost_identifiers_and_ids_tell_what_is_stored(
    run: Run, tmp_path: Path, journal: Path
) -> None:
    nameless, *_ = observations(1)
    batch = posted({**patient("named"), "id": "x"}, nameless, patient("put"), patient("lost"), kind="batch")
    batch["entry"][2]["request"] = {"method": "PUT", "url": "Patient/p-put"}
    with SmallServer.like("another server") as fake:

        def lose(request: Request, answer: Callable[[], Reply]) -> Reply | None:
            reply = answer()
            if not (request.method == "POST" and request.entries):
                return reply
            last = next(name for name, each in fake.resources.items() if "patient-lost" in str(each))
            del fake.resources[last]
            return None

        fake.hook = lose
        command = ("upload", write(tmp_path, "in.json", batch), "--server", fake.url, "--as-is", "--journal", journal)
        code, out, _ = run(*command, "--settle-for", "0.2")
        counts = counts_of(out, "Resources")
        fake.hook = lambda _, answer: answer()
        again, text, _ = run(*command, "--settle-for", "0.2")

        assert (6, 1, 3) == (code, counts["created"], counts["unknown"])  # an update that is there may be older
        assert [["Patient/p-put"]] == [
            [each["request"]["url"] for each in sent.entries] for sent in fake.transactions[1:]
        ]
        assert (6, 2) == (again, counts_of(text, "Resources")["unknown"])
        assert {"Patient": 2, "Observation": 1} == by_type(fake.names)
