"""A condition is replaced only by a look-up that understands all of it; the server decides about all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from fhir_case import upload
from fhir_case.fhir.identifiers import identifiers_of, token_of
from fhir_case.server.client import Client
from load.sample import write
from smallserver import Reply, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Request

    Run = Callable[..., tuple[int, str, str]]

SYSTEM = "http://x.example/id"


def organization(value: str, system: str = SYSTEM, **elements: Any) -> dict[str, Any]:
    identifier = {"system": system, "value": value} if system else {"value": value}
    return {"resourceType": "Organization", "name": value, "identifier": [identifier], **elements}


def create(resource: dict[str, Any], condition: str = "") -> dict[str, Any]:
    request = {"method": "POST", "url": resource["resourceType"]}
    return {"resource": resource, "request": request | ({"ifNoneExist": condition} if condition else {})}


def transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def seed(number: int) -> list[dict[str, Any]]:
    values = [(f"b{number}", SYSTEM), (f"c,{number}", SYSTEM), (f"d {number}", ""), ("f", f"{SYSTEM}/{number}")]
    return [organization(value, system) for value, system in values]


def stored(server: SmallServer) -> list[str]:
    return sorted(each["name"] for each in server.resources.values())


CONDITIONS = {
    "one of two": f"identifier={SYSTEM}|a{{0}},{SYSTEM}|b{{0}}",
    "one of two, encoded": f"identifier={SYSTEM}%7Ca{{0}}%2C{SYSTEM}%7Cb{{0}}",
    "any value of a system": f"identifier={SYSTEM}/{{0}}|",
    "a value of any system": "identifier=b{0}",
    "a value without system": "identifier=|d {0}",
    "a comma that is part of the value": rf"identifier={SYSTEM}|c\,{{0}}",
    "the same, encoded": f"identifier={SYSTEM}%7Cc%5C%2C{{0}}",
    "two parameters": f"identifier={SYSTEM}|b{{0}}&name=b{{0}}",
    "the same twice": f"identifier={SYSTEM}|b{{0}}&identifier={SYSTEM}|a{{0}}",
    "not": f"identifier:not={SYSTEM}|b{{0}}&name=b{{0}}",
    "missing": "identifier:missing=false&name=b{0}",
    "another parameter": "name:exact=b{0}",
    "an id": "_id=b-{0}",
    "a system and a value": f"identifier={SYSTEM}|b{{0}}",
    "the same as a search": f"Organization?identifier={SYSTEM}|b{{0}}",
    "encoded": "identifier=http%3A%2F%2Fx.example%2Fid%7Cb{0}",
    "one that nothing meets": f"identifier={SYSTEM}|z{{0}}",
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=list(CONDITIONS))
def test_nothing_is_doubled_or_left_out_that_the_server_alone_would_not(condition: str) -> None:
    before = [each for number in range(9) for each in seed(number)]
    before += [organization(f"e{number}", id=f"b-{number}") for number in range(9)]
    puts = [
        {"resource": each, "request": {"method": "PUT", "url": f"Organization/{each['id']}"}}
        if "id" in each
        else create(each)
        for each in before
    ]
    wanted = transaction(*(create(organization(f"a{number}"), condition.format(number)) for number in range(9)))
    found = []
    for alone in (True, False):
        with SmallServer() as server:
            upload(transaction(*puts), server.url)
            if alone:
                Client(server.url).transaction(wanted)
            else:
                upload(wanted, server.url)
            found.append(stored(server))
    assert found[0] == found[1]


def test_what_only_the_server_understands_is_sent_as_it_came(fake: SmallServer) -> None:
    conditions = [f"identifier={SYSTEM}|a{number},{SYSTEM}|b{number}" for number in range(9)]
    upload(transaction(*(create(organization(each), each) for each in conditions)), fake.url)
    sent = [each["request"]["ifNoneExist"] for each in fake.transactions[0].body["entry"]]
    assert conditions == sent
    assert not [each for each in fake.requests if each.method == "GET" and each.path == ("Organization",)]


def test_many_documents_with_one_such_condition_store_what_they_would_one_by_one(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    for number in range(4):
        condition = f"identifier={SYSTEM}|a,{SYSTEM}|{'abc'[number % 3]}"
        write(tmp_path, f"{number}.json", transaction(create(organization("abc"[number % 3]), condition)))
    code, _, err = run("upload", tmp_path, "--server", fake.url)
    assert (0, ["a"]) == (code, stored(fake)), err


def test_a_resource_that_does_not_meet_its_own_condition_says_nothing_of_another(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    for number in range(3):
        write(tmp_path, f"{number}.json", transaction(create(organization(f"n{number}"), f"identifier={SYSTEM}|no")))
    code, _, err = run("upload", tmp_path, "--server", fake.url)
    assert (0, ["n0", "n1", "n2"]) == (code, stored(fake)), err


def test_the_same_identifier_in_many_documents_is_created_once(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path, f"{number}.json", transaction(create(organization("one"), f"identifier={SYSTEM}|one")))
    code, _, err = run("upload", tmp_path, "--server", fake.url, "--merge", "1")
    assert (0, ["one"]) == (code, stored(fake)), err


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_that_is_no_bundle_does_not_say_that_nothing_is_there(fake: SmallServer, status: int) -> None:
    entries = [create(organization(f"a{number}"), f"identifier={SYSTEM}|a{number}") for number in range(9)]
    upload(transaction(*entries), fake.url)

    def odd(request: Request, answer: Callable[[], Reply]) -> Reply:
        if request.method == "GET" and request.path == ("Organization",):
            return Reply(status, {"resourceType": "OperationOutcome", "issue": []} if status == 200 else None)
        return answer()

    fake.hook = odd
    upload(transaction(*entries), fake.url)
    assert 9 == len(fake.names)


def test_a_server_that_takes_two_spellings_for_one_identifier_decides_itself(fake: SmallServer) -> None:
    upload(transaction(*(create(organization(f"A{number}")) for number in range(9))), fake.url)

    def without_case(request: Request, answer: Callable[[], Reply]) -> Reply:
        reply = answer()
        if request.method == "GET" and request.path == ("Organization",):
            found = [{"resource": {**each, "id": "1"}} for each in fake.resources.values()]
            return Reply(200, {"resourceType": "Bundle", "type": "searchset", "entry": found})
        return reply

    fake.hook = without_case
    conditions = [f"identifier={SYSTEM}|a{number}" for number in range(9)]
    upload(transaction(*(create(organization(f"a{number}"), each) for number, each in enumerate(conditions))), fake.url)
    assert conditions == [each["request"].get("ifNoneExist") for each in fake.transactions[-1].body["entry"]]


TOKENS = {
    "identifier=urn:s|v": "urn:s|v",
    "identifier=urn%3As%7Cv": "urn:s|v",
    "identifier=|v": "|v",
    r"identifier=s|a\,b": r"s|a\,b",
    "identifier=s|a%5C%2Cb": r"s|a\,b",
    "identifier=s|a%2Bb": "s|a+b",
    "identifier=s|a=b": "s|a=b",
}
OTHERS = [
    "", "identifier", "identifier=", "identifier=v", "identifier=s|", "identifier=|", "identifier=s|a,s|b",
    "identifier=s|a,", "identifier=s|a%2Cb", "identifier=a|b|c", r"identifier=s|a\b", "identifier=s|a\\",
    "identifier=s|a+b",
    "identifier=s|a&active=true", "identifier=s|a;b", "identifier=s|a#b", "identifier=s|%zz", "identifier=s|%ff",
    "identifier=s|a$b", "identifier:not=s|v", "identifier:of-type=s|t|v", "identifier:missing=true", "_id=s|v",
    "patient.identifier=s|v", "Identifier=s|v", "identifier%3Anot=s|v",
]  # fmt: skip


@pytest.mark.parametrize(("query", "token"), TOKENS.items())
def test_one_identifier_is_understood_however_it_is_encoded(query: str, token: str) -> None:
    assert token == token_of(query)


@pytest.mark.parametrize("query", OTHERS)
def test_all_else_is_not_understood(query: str) -> None:
    assert "" == token_of(query)


@pytest.mark.parametrize("value", ["a", "a,b", "a|b", "a\\b", "a$b", " a", "a+b", "ä&b", "100%", "a\nb"])
def test_the_condition_that_we_write_is_understood(value: str) -> None:
    [token] = identifiers_of(organization(value))
    assert token == token_of(f"identifier={quote(token, safe=':/')}")
