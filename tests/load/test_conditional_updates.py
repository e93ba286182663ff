"""Several updates of one identity: the last one stays, or they are refused; undo takes back all versions of the run."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from load.sample import SYSTEM, patient, write
from smallserver import HAPI, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

CONDITION = f"Encounter?identifier={SYSTEM}|456"
STATES = ("planned", "arrived", "in-progress", "finished")


def update(status: str, url: str = CONDITION, **elements: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "Encounter", "status": status, "class": {"code": "AMB"},
        "identifier": [{"system": SYSTEM, "value": "456"}], **elements,
    }  # fmt: skip
    entry = {"resource": resource, "request": {"method": "PUT", "url": url}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}


def write_states(folder: Path) -> Path:
    for number, status in enumerate(STATES):
        write(folder, f"{number}.json", update(status))
    return folder


@pytest.mark.parametrize("how", [(), ("--concurrency", "1"), ("--merge", "1")])
def test_updates_of_one_identity_that_differ_are_refused_before_anything_is_sent(
    run: Run, fake: SmallServer, tmp_path: Path, how: tuple[str, ...]
) -> None:
    code, _, err = run("upload", write_states(tmp_path / "in"), "--server", fake.url, *how)

    assert 4 == code
    assert "Encounter?identifier=urn:fhir-case:load|456 is in an earlier document with other content (" in err
    assert [] == fake.transactions


def test_the_same_condition_in_another_spelling_is_the_same(run: Run, fake: SmallServer, tmp_path: Path) -> None:
    write(tmp_path, "in/0.json", update("planned"))
    write(tmp_path, "in/1.json", update("finished", CONDITION.replace("|", "%7C")))

    assert 4 == run("upload", tmp_path / "in", "--server", fake.url)[0]


def test_updates_that_say_the_same_are_sent(run: Run, fake: SmallServer, tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path, f"in/{name}.json", update("planned"))

    assert 0 == run("upload", tmp_path / "in", "--server", fake.url)[0]
    assert ["planned"] == [each["status"] for each in fake.resources.values()]


@pytest.mark.parametrize("first", ["by id", "by condition"])
def test_an_update_by_id_and_one_by_condition_of_the_same_resource_are_refused(
    run: Run, fake: SmallServer, tmp_path: Path, first: str
) -> None:
    updates = [update("planned", "Encounter/e1", id="e1"), update("finished")]
    for number, each in enumerate(updates if first == "by id" else reversed(updates)):
        write(tmp_path, f"in/{number}.json", each)
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url)

    assert (4, []) == (code, fake.transactions)
    assert "Encounter?identifier=urn:fhir-case:load|456" in err


def test_an_update_and_a_conditional_create_of_one_identity_are_sent(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    create = update("planned")
    create["entry"][0]["request"] = {"method": "POST", "url": "Encounter", "ifNoneExist": CONDITION.partition("?")[2]}
    write(tmp_path, "in/0.json", create)
    write(tmp_path, "in/1.json", update("finished"))

    assert 0 == run("upload", tmp_path / "in", "--server", fake.url)[0]
    assert ["finished"] == [each["status"] for each in fake.resources.values()]


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("there", [False, True])
def test_as_they_are_the_last_update_stays_and_undo_takes_all_versions_of_the_run_back(
    run: Run, tmp_path: Path, journal: Path, software: str, there: bool
) -> None:
    with SmallServer.like(software) as fake:
        if there:
            fake.put({**update("onleave")["entry"][0]["resource"], "id": "before"})
        folder = write_states(tmp_path / "in")
        code, out, _ = run("upload", folder, "--server", fake.url, "--journal", journal, "--as-is")
        assert 0 == code, out
        assert ["finished"] == [each["status"] for each in fake.resources.values()]
        code, out, _ = run("undo", journal, "--format", "json")

        assert 0 == code
        assert (0 if there else 1) == result_of(out)["deleted"]
        assert ({"Encounter/before"} if there else set()) == fake.names


def test_a_version_of_somebody_else_between_those_of_the_run_stays(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path
) -> None:
    folder = write_states(tmp_path / "in")

    def change_before_the_last(request: Any, answer: Any) -> Any:
        if request.is_transaction and len(fake.transactions) == len(STATES):
            [name] = fake.names
            fake.put({**fake.resources[name], "status": "onleave"})
        return answer()

    fake.hook = change_before_the_last
    command = ("upload", folder, "--server", fake.url, "--journal", journal, "--as-is", "--concurrency", "1")
    assert 0 == run(*command)[0]
    fake.hook = lambda _, answer: answer()
    code, out, _ = run("undo", journal)

    assert (7, 1) == (code, len(fake.names))
    assert "it was changed in between: version 4 is not of the run" in out


def test_what_shares_an_identifier_and_has_ids_of_its_own_is_sent(run: Run, fake: SmallServer, tmp_path: Path) -> None:
    for key in "ab":
        write(tmp_path, f"in/{key}.json", {**patient("x"), "id": key})

    assert 0 == run("upload", tmp_path / "in", "--server", fake.url)[0]


def create(status: str, condition: str = "", **elements: Any) -> dict[str, Any]:
    made = update(status, **elements)
    made["entry"][0]["request"] = {"method": "POST", "url": "Encounter"}
    if condition:
        made["entry"][0]["request"]["ifNoneExist"] = condition.partition("?")[2]
    return made


BY_VALUE = "Encounter?identifier=456"
FIRST: dict[str, Any] = {
    "subject": {"reference": "Patient/p1"}
}  # so that the first document has to wait for the last one
IN_ORDER: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "create, update": (create("planned", **FIRST), update("finished"), ["finished"]),
    "create if none, update": (create("planned", CONDITION, **FIRST), update("finished"), ["finished"]),
    "update, create if none": (update("planned", **FIRST), create("finished", CONDITION), ["planned"]),
    "two created if none": (create("planned", CONDITION, **FIRST), create("finished", CONDITION), ["planned"]),
    "create, create if none": (create("planned", **FIRST), create("finished", CONDITION), ["planned"]),
    "create if none, create": (create("planned", CONDITION, **FIRST), create("finished"), ["planned", "finished"]),
    "by id, create if none": (
        update("planned", "Encounter/e1", id="e1", **FIRST), create("finished", CONDITION), ["planned"]
    ),
    "by id, update by id in a condition": (
        update("planned", "Encounter/e1", id="e1", **FIRST), update("finished", "Encounter?_id=e1"), ["finished"]
    ),
    "create, update by value": (create("planned", **FIRST), update("finished", BY_VALUE), ["finished"]),
    "update by value, create if none": (update("planned", BY_VALUE, **FIRST), create("x", CONDITION), ["planned"]),
}  # fmt: skip


@pytest.mark.parametrize("how", [(), ("--merge", "1"), ("--as-is",)])
@pytest.mark.parametrize(("first", "second", "stored"), IN_ORDER.values(), ids=IN_ORDER)
def test_what_may_be_one_resource_is_sent_in_the_order_of_the_documents_whatever_they_refer_to(
    run: Run, fake: SmallServer, tmp_path: Path, first: Any, second: Any, stored: list[str], how: tuple[str, ...]
) -> None:
    last = {"resource": {**patient("x"), "id": "p1"}, "request": {"method": "PUT", "url": "Patient/p1"}}
    write(tmp_path, "in/0.json", first)
    write(tmp_path, "in/1.json", second)
    write(tmp_path, "in/z.json", {"resourceType": "Bundle", "type": "transaction", "entry": [last]})
    code, out, err = run("upload", tmp_path / "in", "--server", fake.url, *how)

    assert 0 == code, out + err
    assert stored == [each["status"] for each in fake.resources.values() if each["resourceType"] == "Encounter"]


@pytest.mark.parametrize("url", [CONDITION, "Encounter/e1"])
def test_as_they_are_the_last_update_stays_whatever_the_first_refers_to(
    run: Run, fake: SmallServer, tmp_path: Path, url: str
) -> None:
    for number, status in enumerate(("planned", "planned", "arrived", "planned", "finished", "finished")):
        elements = {**(FIRST if number < 4 and number != 2 else {}), **({} if "?" in url else {"id": "e1"})}
        write(tmp_path, f"in/{number}.json", update(status, url, **elements))
    write(tmp_path, "in/z.json", {**patient("x"), "id": "p1"})

    assert 0 == run("upload", tmp_path / "in", "--server", fake.url, "--as-is")[0]
    assert ["finished"] == [each["status"] for each in fake.resources.values() if each["resourceType"] == "Encounter"]


@pytest.mark.parametrize("kinds", ["create, update", "update, create if none"])
def test_verify_says_which_document_of_the_load_wrote_what_is_there(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, kinds: str
) -> None:
    first, second, _ = IN_ORDER[kinds]
    for number, each in enumerate(deepcopy((first, second))):
        each["entry"][0]["resource"].pop("subject", None)
        write(tmp_path, f"in/{number}.json", each)
    assert 0 == run("upload", tmp_path / "in", "--server", fake.url, "--journal", journal)[0]
    code, out, _ = run("verify", journal)

    altered, writer = (0, 1) if kinds == "create, update" else (1, 0)
    assert 5 == code
    assert f"{tmp_path / 'in' / f'{altered}.json'}: Bundle.entry[0]" in out
    assert f"altered: what is there was written by {tmp_path / 'in' / f'{writer}.json'} of this load" in out


def test_creates_if_none_that_say_the_same_need_no_order(run: Run, fake: SmallServer, tmp_path: Path) -> None:
    for name in "abcd":
        write(tmp_path, f"in/{name}.json", create("planned", CONDITION, id=name))

    assert 0 == run("upload", tmp_path / "in", "--server", fake.url)[0]
    assert (1, 1) == (len(fake.transactions), len(fake.resources))


def test_what_has_to_follow_a_document_that_refers_to_it_is_refused_by_name(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    write(tmp_path, "in/0.json", create("planned", CONDITION, **FIRST))
    second = create("finished", CONDITION)
    second["entry"].append(
        {"resource": {**patient("x"), "id": "p1"}, "request": {"method": "PUT", "url": "Patient/p1"}}
    )
    write(tmp_path, "in/1.json", second)
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url)

    assert (4, []) == (code, fake.transactions)
    first = tmp_path / "in" / "0.json"
    assert f"1.json: Encounter?identifier=urn:fhir-case:load|456 is in {first} too, which comes first" in err


def encounter(status: str, **elements: Any) -> dict[str, Any]:
    resource: dict[str, Any] = update(status, **elements)["entry"][0]["resource"]
    return resource


@pytest.mark.parametrize("how", [(), ("--as-is",), ("--merge", "1")])
def test_two_resources_with_one_identifier_are_refused_where_only_one_would_be_stored(
    run: Run, fake: SmallServer, tmp_path: Path, how: tuple[str, ...]
) -> None:
    write(tmp_path, "in/a.json", encounter("planned", id="a"))
    write(tmp_path, "in/b.json", encounter("finished", id="b"))
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url, "--ids", "server", *how)

    assert (4, []) == (code, fake.transactions)
    assert "b.json: Encounter?identifier=urn:fhir-case:load|456 is in an earlier document with other content" in err


def test_one_with_an_id_of_its_own_and_one_with_a_number_are_refused_likewise(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    write(tmp_path, "in/a.json", encounter("planned", id="a"))
    write(tmp_path, "in/b.json", encounter("finished", id="7"))

    assert 4 == run("upload", tmp_path / "in", "--server", fake.url)[0]


def test_two_that_say_the_same_under_one_identifier_are_one_for_a_server_that_assigns_the_ids(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    for name in "ab":
        write(tmp_path, f"in/{name}.json", encounter("planned", id=name))
        part = {"reference": f"Encounter/{name}"}
        write(tmp_path, f"in/{name}0.json", encounter("planned", id=f"{name}0", identifier=[], partOf=part))

    assert 0 == run("upload", tmp_path / "in", "--server", fake.url, "--ids", "server")[0]
    [whole] = [name for name, each in fake.resources.items() if each.get("identifier")]
    assert [whole] * 2 == [each["partOf"]["reference"] for each in fake.resources.values() if "partOf" in each]
