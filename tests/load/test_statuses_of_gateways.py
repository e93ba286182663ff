"""Whatever status a gateway makes up: what may be stored is looked up, and is never sent again on suspicion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from load.sample import write
from smallserver import Reply, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Request

IN_TROUBLE = [300, 303, 304, 408, 460, 499, 500, 502, 503, 504, 507, 509, 520, 522, 524, 527, 530, 598, 599]
SOFTWARE = ["another server", "HAPI FHIR Server"]
QUICK = ("--retry-for", "3", "--settle-for", "0")


def documents(folder: Path, *, identifier: bool) -> Path:
    patient: dict[str, Any] = {"resourceType": "Patient", "birthDate": "1970-01-01"}
    if identifier:
        patient["identifier"] = [{"system": "urn:fhir-case:gateway", "value": "1"}]
    flag = {"resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": {"reference": "urn:uuid:1"}}
    entries = [
        {"fullUrl": f"urn:uuid:{number}", "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
        for number, each in enumerate((patient, flag), 1)
    ]
    return write(folder, "in.json", {"resourceType": "Bundle", "type": "transaction", "entry": entries})


def first_answer(status: int, *, stored: bool) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Return a hook that answers the first transaction so, after or before it is stored."""
    seen: list[bool] = []

    def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
        if not request.is_transaction or seen:
            return answer()
        seen.append(True)
        if stored:
            answer()
        return Reply(status)

    return hook


@pytest.mark.parametrize("identifier", [False, True], ids=["no identifier", "identifier"])
@pytest.mark.parametrize("software", SOFTWARE)
@pytest.mark.parametrize("status", IN_TROUBLE)
def test_what_was_stored_before_the_gateway_gave_up_is_stored_once(
    run: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    journal: Path,
    status: int,
    software: str,
    identifier: bool,
) -> None:
    path = documents(tmp_path, identifier=identifier)
    with SmallServer.like(software) as server:
        server.hook = first_answer(status, stored=True)
        told = [run("upload", path, "--server", server.url, "--journal", journal, *QUICK) for _ in range(2)]

        assert ["Flag", "Patient"] == sorted(name.partition("/")[0] for name in server.names)
        assert not any("nothing was stored" in out + err for _, out, err in told)
        expected = 6 if software == "another server" else 0  # there nothing finds what has no identifier
        assert [expected] * 2 == [code for code, _, _ in told]


@pytest.mark.parametrize("software", SOFTWARE)
@pytest.mark.parametrize("status", IN_TROUBLE)
def test_what_was_not_stored_before_the_gateway_gave_up_is_sent_again_where_that_is_seen(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, status: int, software: str
) -> None:
    path = documents(tmp_path, identifier=True)
    with SmallServer.like(software) as server:
        server.hook = first_answer(status, stored=False)

        assert 0 == run("upload", path, "--server", server.url, *QUICK)[0]

        assert 2 == len(server.names)


@pytest.mark.parametrize("status", [501, 505])
def test_a_server_that_never_does_such_a_thing_is_not_asked_again(
    run: Callable[..., tuple[int, str, str]], fake: SmallServer, tmp_path: Path, status: int
) -> None:
    path = documents(tmp_path, identifier=False)
    fake.hook = lambda request, answer: Reply(status) if request.is_transaction else answer()

    code, out, _ = run("upload", path, "--server", fake.url)

    assert 7 == code
    assert "nothing was stored" in out
    assert 1 == len(fake.transactions)


@pytest.mark.parametrize("status", [502, 524, 599])
def test_undo_goes_on_where_a_gateway_gave_up(
    run: Callable[..., tuple[int, str, str]], fake: SmallServer, tmp_path: Path, journal: Path, status: int
) -> None:
    path = documents(tmp_path, identifier=True)
    assert 0 == run("upload", path, "--server", fake.url, "--journal", journal)[0]
    fake.hook = first_answer(status, stored=True)

    assert 6 == run("undo", journal)[0]
    assert 0 == run("undo", journal)[0]

    assert set() == fake.names
