"""`--terminology URL`: what a server says of a code is a check, that it says nothing is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.validation import validate
from fhir_case.validation.terminology import TerminologyServer
from loopback import LoopbackConnection, LoopbackServer
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fhir_case.issues import Issue

SNOMED, CLINIC = "http://snomed.info/sct", "https://clinic.example/codes"
UNKNOWN = "190905008"  # cystic fibrosis, which no table of ours has

Reply = tuple[int, Any]


def parameters(*ones: dict[str, Any]) -> Reply:
    return 200, {"resourceType": "Parameters", "parameter": list(ones)}


def looked_up(display: str, *more: dict[str, Any]) -> Reply:
    return parameters({"name": "display", "valueString": display}, *more)


REFUSED: Reply = (404, {"resourceType": "OperationOutcome", "issue": []})
NOT_VALID = parameters({"name": "result", "valueBoolean": False}, {"name": "message", "valueString": "Unknown code"})


class Terminology(LoopbackServer):
    """A terminology server that replies by the path; what it was asked is kept."""

    def __init__(self, replies: dict[str, Reply | bytes]) -> None:
        self.replies = replies
        self.asked: list[str] = []
        server = self

        class Connection(LoopbackConnection):
            def respond(self, body: bytes) -> None:
                assert b"" == body
                server.asked.append(self.path)
                path = urlsplit(self.path).path.removeprefix("/fhir/")
                reply = server.replies.get(path, REFUSED)
                status, content = reply if isinstance(reply, tuple) else (200, reply)
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(text)))
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
                self.wfile.write(text)

        super().__init__(0, Connection)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"


@pytest.fixture
def serving() -> Iterator[Callable[[dict[str, Reply | bytes]], Terminology]]:
    started: list[Terminology] = []

    def start(replies: dict[str, Reply | bytes]) -> Terminology:
        server = Terminology(replies)
        started.append(server.__enter__())
        return server

    yield start
    for server in started:
        server.__exit__()


def found(url: str, *codings: dict[str, str]) -> list[Issue]:
    """Return what `codes` says about codings when a terminology server may be asked."""
    resource = {"resourceType": "Basic", "id": "one", "code": {"coding": list(codings)}}
    with TerminologyServer(url, timeout_s=5) as server:
        result = validate(resource, terminology=server, skip=("structure",))
    return [issue for issue in result.issues if issue.check == "codes"]


def coding(code: str = UNKNOWN, display: str = "Cystic fibrosis", system: str = SNOMED) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def test_a_code_that_the_server_looks_up_is_checked(serving: Any) -> None:
    server = serving({"CodeSystem/$lookup": looked_up("Cystic fibrosis")})

    assert [] == found(server.url, coding())
    assert {"system": [SNOMED], "code": [UNKNOWN]} == parse_qs(urlsplit(server.asked[0]).query)


def test_a_designation_is_a_right_display_too(serving: Any) -> None:
    synonym = {"name": "designation", "part": [{"name": "value", "valueString": "Mucoviscidosis"}]}
    server = serving({"CodeSystem/$lookup": looked_up("Cystic fibrosis", synonym)})

    assert [] == found(server.url, coding(display="mucoviscidosis"))


def test_another_display_is_a_warning_that_says_what_the_server_calls_it(serving: Any) -> None:
    (issue,) = found(serving({"CodeSystem/$lookup": looked_up("Cystic fibrosis")}).url, coding(display="Asthenia"))

    assert "warning" == issue.severity
    assert f"'{UNKNOWN}' of {SNOMED} is not called 'Asthenia', but 'Cystic fibrosis'" == issue.message


@pytest.mark.parametrize(
    "extra",
    [
        {"name": "inactive", "valueBoolean": True},
        {
            "name": "property",
            "part": [{"name": "code", "valueCode": "inactive"}, {"name": "value", "valueBoolean": True}],
        },
        {
            "name": "property",
            "part": [{"name": "code", "valueCode": "status"}, {"name": "value", "valueString": "DEPRECATED"}],
        },
    ],
)
def test_an_inactive_code_is_a_warning(extra: dict[str, Any], serving: Any) -> None:
    (issue,) = found(serving({"CodeSystem/$lookup": looked_up("Cystic fibrosis", extra)}).url, coding())

    assert ("warning", True) == (issue.severity, "is no longer to be used" in issue.message)


def test_a_server_without_lookup_is_asked_to_validate(serving: Any) -> None:
    valid = parameters({"name": "result", "valueBoolean": True}, {"name": "display", "valueString": "Cystic fibrosis"})
    server = serving({"CodeSystem/$validate-code": valid})

    assert [] == found(server.url, coding())
    assert {"url": [SNOMED], "code": [UNKNOWN]} == parse_qs(urlsplit(server.asked[1]).query)


@pytest.mark.parametrize(
    "more",
    [
        {"metadata": (200, {"resourceType": "TerminologyCapabilities", "codeSystem": [{"uri": SNOMED}]})},
        {
            "CodeSystem": (
                200,
                {"resourceType": "Bundle", "entry": [{"resource": {"url": SNOMED, "content": "complete"}}]},
            )
        },
    ],
)
def test_a_code_that_a_whole_system_of_the_server_lacks_is_an_error(more: dict[str, Reply], serving: Any) -> None:
    (issue,) = found(serving({"CodeSystem/$validate-code": NOT_VALID, **more}).url, coding())

    assert "error" == issue.severity
    assert issue.message.endswith(f"has {SNOMED}, and no code '{UNKNOWN}' in it")


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        ({}, "does not know it"),
        ({"CodeSystem/$validate-code": NOT_VALID}, "has not the whole of"),
        (
            {
                "CodeSystem/$validate-code": NOT_VALID,
                "metadata": (200, {"codeSystem": [{"uri": SNOMED}]}),
                "CodeSystem": (200, {"entry": [{"resource": {"url": SNOMED, "content": "fragment"}}]}),
            },
            "has not the whole of",
        ),
        ({"CodeSystem/$lookup": (500, {})}, "answered with status 500"),
        ({"CodeSystem/$lookup": (401, {})}, "answered with status 401"),
        ({"CodeSystem/$lookup": (302, {})}, "answered with status 302"),
        ({"CodeSystem/$lookup": b"<html>"}, "did not answer in JSON"),
        ({"CodeSystem/$lookup": b"[" * 100_000}, "did not answer in JSON"),
        ({"CodeSystem/$lookup": b"[]"}, "did not return Parameters"),
        ({"CodeSystem/$lookup": (200, {"resourceType": "Patient"})}, "did not return Parameters"),
        ({"CodeSystem/$lookup": b" " * 6_000_000}, "was not reached: ResponseTooLargeError"),
        ({"CodeSystem/$lookup": parameters({"name": ["x"]})}, "returned Parameters without names"),
        ({"CodeSystem/$lookup": parameters({"name": "property", "part": [{"name": ["x"]}]})}, "without names"),
        ({"CodeSystem/$lookup": parameters({"name": "property", "part": [{"name": {"a": 1}}]})}, "without names"),
    ],
)
def test_what_the_server_does_not_say_is_not_checked(replies: dict[str, Reply], why: str, serving: Any) -> None:
    (issue,) = found(serving(replies).url, coding())

    assert ("information", "not-supported") == (issue.severity, issue.code)
    assert issue.message.startswith(f"not checked: '{UNKNOWN}' of {SNOMED} is not in the code tables: http://127.0.0.1")
    assert why in issue.message


def test_known_codes_and_those_that_cannot_be_right_are_not_asked_for_and_a_code_once(serving: Any) -> None:
    server = serving({"CodeSystem/$lookup": looked_up("Cystic fibrosis")})

    found(server.url, coding(), coding("38341003", "Hypertension"), coding("12345"), coding(), coding())

    assert 1 == len(server.asked)


def test_a_server_that_fails_three_times_is_not_asked_again(serving: Any) -> None:
    server = serving({"CodeSystem/$lookup": (503, {})})

    issues = found(server.url, *(coding(f"x{number}", "X", CLINIC) for number in range(6)))

    assert 6 == len(issues)
    assert 3 == len(server.asked)
    assert "failed 3 times in a row" in issues[-1].message


def test_a_server_that_is_not_there_leaves_the_codes_unchecked() -> None:
    (issue,) = found("http://127.0.0.1:9/fhir", coding())

    assert "was not reached: ConnectionError" in issue.message


@pytest.mark.parametrize(
    "url",
    [
        "terminology",
        "ftp://a.example/x",
        "https://",
        "https://u:SECRET@a.example",
        "https://a?token=SECRET",
        "https://a/#SECRET",
        "https://a/#",
        "http://[::1",
        "http://h:99999/",
        "http://x y/",
        "http://h/x y",
    ],
)
def test_what_is_no_base_url_is_refused_without_being_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(FhirCaseError, match="is not the address of a terminology server"):
        TerminologyServer(url)
    document = tmp_path / "p.json"
    document.write_text('{"resourceType": "Patient"}')

    done = run_command("validate", document, "--terminology", url)

    assert 2 == done.exit_code
    assert "SECRET" not in done.stdout + done.stderr


def test_displays_without_end_are_clipped(serving: Any) -> None:
    synonyms = [{"name": "designation", "part": [{"name": "value", "valueString": f"{n} x"}]} for n in range(5_000)]
    server = serving({"CodeSystem/$lookup": looked_up("D" * 1_000_000, *synonyms)})

    (issue,) = found(server.url, coding(display="Asthenia"))
    with TerminologyServer(server.url) as asked:
        names = asked.ask(SNOMED, UNKNOWN).names

    assert "warning" == issue.severity
    assert 2_000 > len(issue.message)
    assert (200, 300) == (len(names or ()), max(map(len, names or ())))


def test_beyond_a_number_of_bytes_in_all_the_rest_is_not_checked(serving: Any) -> None:
    server = serving({"CodeSystem/$lookup": looked_up("D" * 4_900_000)})

    issues = found(server.url, *(coding(f"x{number}", "X", CLINIC) for number in range(7)))

    assert ["warning"] * 5 + ["information"] * 2 == [issue.severity for issue in issues]
    assert 5 == len(server.asked)
    assert "sent 20 MB in all" in issues[-1].message


def test_beyond_a_time_of_waiting_in_all_the_rest_is_not_checked(serving: Any, monkeypatch: Any) -> None:
    server = serving({"CodeSystem/$lookup": looked_up("X")})
    clock = iter(range(0, 1_000, 25))
    monkeypatch.setattr("fhir_case.validation.terminology.monotonic", lambda: next(clock))

    issues = found(server.url, *(coding(f"x{number}", "X", CLINIC) for number in range(5)))

    assert 3 == len(server.asked)
    assert ["was waited for 60 seconds in all"] * 2 == [issue.message.partition("/fhir ")[2] for issue in issues]


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (CLINIC, "Anna Maria\nBerger"),
        (CLINIC, "two  blanks"),
        (CLINIC, " x"),
        (CLINIC, "x" * 101),
        ("clinic", "x"),
        ("file:///home/anna", "x"),
        (f"{CLINIC}?patient=anna", "x"),
        ("https://user:word@clinic.example", "x"),
        (f"{CLINIC}#anna", "x"),
        (f"{CLINIC}/{'x' * 300}", "x"),
    ],
)
def test_what_has_not_the_form_of_a_code_is_not_sent(system: str, code: str, serving: Any) -> None:
    server = serving({"CodeSystem/$lookup": looked_up("X")})

    (issue,) = found(server.url, coding(code, "X", system))

    assert [] == server.asked
    assert "is asked about what has the form of a system and a code only" in issue.message


def test_a_code_with_single_blanks_of_a_urn_is_sent(serving: Any) -> None:
    server = serving({"CodeSystem/$lookup": looked_up("X")})

    assert [] == found(server.url, coding("two words", "X", "urn:example:codes"))
    assert 1 == len(server.asked)


def test_the_command_tells_what_the_server_says_with_the_line_of_the_case(serving: Any, tmp_path: Path) -> None:
    case = tmp_path / "small.yaml"
    case.write_text(
        "case: small\ntitle: A small case\nreport: {citation: made up, transcribed: 2026-01-01}\n"
        "timeline: {anchor: visit, index_date: 2020-01-31}\npatient: {sex: female, source: page 1}\n"
        "procedures: [{key: visit, procedure: {text: visit}, at: anchor, source: page 1}]\nconditions:\n"
        "  - {key: a, kind: comorbidity, status: active, verification: confirmed, at: anchor, source: page 1,\n"
        f'     diagnosis: {{text: This, code: {{system: "{SNOMED}", code: "{UNKNOWN}", display: Asthenia}}}}}}\n'
    )
    server = serving({"CodeSystem/$lookup": looked_up("Cystic fibrosis")})

    done = run_command("validate", case, "--terminology", server.url)

    assert f"is not called 'Asthenia', but 'Cystic fibrosis' (from {case}:8:5)" in done.stdout
    assert "no code table knows" not in done.stdout
    assert "Asthenia" not in "".join(server.asked)  # systems and codes only
