"""Every link that a server replaces within one transaction leads to its resource across transactions and files too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import upload, verify
from fhir_case.documents import Document
from fhir_case.load.plan.plan import Rules
from fhir_case.load.survey.index import Index
from fhir_case.load.survey.survey import survey
from fhir_case.server.capabilities import UNKNOWN
from fhir_case.server.quirks import Caps
from load.sample import counts_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

RULES = Rules(UNKNOWN, Caps())
SYSTEM = "http://x.example/id"
URN = "urn:uuid:0e8a3c9a-0000-4000-8000-000000000011"
FULL_URL = "https://old.example/fhir/Binary/700"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p><a href="{}">x</a></p></div>'


def binary(key: str = "700") -> dict[str, Any]:
    return {"resourceType": "Binary", "id": key, "contentType": "text/plain", "data": "SGVsbG8="}


def document(key: str, url: str) -> dict[str, Any]:
    attachment = {"contentType": "text/plain", "url": url}
    return {
        "resourceType": "DocumentReference",
        "id": key,
        "status": "current",
        "identifier": [{"system": SYSTEM, "value": key}],
        "content": [{"attachment": attachment}],
    }


def collection(*entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    listed = [{"fullUrl": full_url, "resource": resource} for full_url, resource in entries]
    return {"resourceType": "Bundle", "type": "collection", "entry": listed}


def transaction(*entries: tuple[str, dict[str, Any], str]) -> dict[str, Any]:
    listed = []
    for full_url, resource, condition in entries:
        request = {"method": "POST", "url": resource["resourceType"]}
        request |= {"ifNoneExist": condition} if condition else {}
        listed.append({"fullUrl": full_url, "resource": resource, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": listed}


def the(server: SmallServer, kind: str) -> dict[str, Any]:
    [found] = [each for name, each in server.resources.items() if name.startswith(f"{kind}/")]
    return found


@pytest.mark.parametrize("options", [(), ("--ids", "server"), ("--merge", "1"), ("--concurrency", "1", "--merge", "1")])
@pytest.mark.parametrize("absolute", [False, True])
def test_an_attachment_leads_to_its_binary_in_another_file(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, options: tuple[str, ...], absolute: bool
) -> None:
    url = FULL_URL if absolute else "Binary/700"
    write(tmp_path, "in/a.json", document("d", url))
    write(tmp_path, "in/b.json", collection((FULL_URL, binary())) if absolute else binary())
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url, "--journal", journal, *options)
    assert 0 == code, err
    assert the(fake, "DocumentReference")["content"][0]["attachment"]["url"] == f"Binary/{the(fake, 'Binary')['id']}"
    code, out, err = run("verify", journal)
    assert (0, 2) == (code, sum(counts_of(out, "Resources").values())), out + err


LINKS: dict[str, tuple[Callable[[str], dict[str, Any]], Callable[[dict[str, Any]], str]]] = {
    "uri": (
        lambda link: {"extension": [{"url": "http://e.example/x", "valueUri": link}]},
        lambda found: found["extension"][0]["valueUri"],
    ),
    "url in an inner extension": (
        lambda link: {"extension": [{"url": "urn:x", "extension": [{"url": "urn:y", "valueUrl": link}]}]},
        lambda found: found["extension"][0]["extension"][0]["valueUrl"],
    ),
    "uuid": (
        lambda link: {"extension": [{"url": "http://e.example/x", "valueUuid": link}]},
        lambda found: found["extension"][0]["valueUuid"],
    ),
    "attachment": (lambda link: {"photo": [{"url": link}]}, lambda found: found["photo"][0]["url"]),
    "contained": (
        lambda link: {"contained": [{"resourceType": "Person", "id": "c", "photo": {"url": link}}]},
        lambda found: found["contained"][0]["photo"]["url"],
    ),
    "canonical": (
        lambda link: {"extension": [{"url": "http://e.example/x", "valueCanonical": link}]},
        lambda found: found["extension"][0]["valueCanonical"],
    ),
    "narrative": (
        lambda link: {"text": {"status": "generated", "div": DIV.format(link)}},
        lambda found: found["text"]["div"].partition('href="')[2].partition('"')[0],
    ),
}


@pytest.mark.parametrize(("make", "read"), LINKS.values(), ids=list(LINKS))
@pytest.mark.parametrize("apart", [False, True])
def test_every_kind_of_link_is_rewritten_to_what_is_stored(
    fake: SmallServer,
    run: Run,
    tmp_path: Path,
    journal: Path,
    make: Callable[[str], dict[str, Any]],
    read: Callable[[dict[str, Any]], str],
    apart: bool,
) -> None:
    organization = {"resourceType": "Organization", "identifier": [{"system": SYSTEM, "value": "o"}]}
    patient = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "p"}], **make(URN)}
    target = URN, organization, f"identifier={SYSTEM}|o"
    linking = "urn:uuid:0e8a3c9a-0000-4000-8000-000000000012", patient, ""
    if apart:
        write(tmp_path, "in/a.json", transaction(linking))
        write(tmp_path, "in/b.json", transaction(target))
    else:
        write(tmp_path, "in/a.json", transaction(target, linking))
    for _ in range(2):  # the second time the organization is there already
        fake.resources.pop(f"Patient/{the(fake, 'Patient')['id']}", None) if fake.names else None
        code, _, err = run(
            "upload", tmp_path / "in", "--server", fake.url, "--journal", journal, "--merge", "1", "--restart"
        )
        assert 0 == code, err
        assert f"Organization/{the(fake, 'Organization')['id']}" == read(the(fake, "Patient"))
        code, out, err = run("verify", journal)
        assert 0 == code, out + err


NO_LINKS = [
    {"identifier": [{"system": "urn:oid:1.2.3", "value": URN}]},
    {"name": [{"text": URN, "family": "Binary/700"}]},
    {"extension": [{"url": "http://e.example/x", "valueCanonical": f"{FULL_URL}|1.0"}]},
    {"extension": [{"url": "http://e.example/x", "valueUri": FULL_URL}]},
    {"extension": [{"url": "http://e.example/x", "valueCanonical": FULL_URL}]},
    {"extension": [{"url": "http://e.example/x", "valueReference": {"reference": "#inside"}}]},
    {"contained": [{"resourceType": "Library", "id": "inside", "url": FULL_URL}]},
    {"text": {"status": "generated", "div": DIV.format("#inside")}},
    {"text": {"status": "generated", "div": DIV.format("x").replace(">x<", f">{URN} Binary/700<")}},
]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("Questionnaire/qq", "Questionnaire/{}"), ("Questionnaire/qq|2", "Questionnaire/{}|2"), (URN, "Questionnaire/{}")],
)
@pytest.mark.parametrize("options", [(), ("--merge", "1")])
def test_a_canonical_that_names_an_instance_of_the_load_leads_to_it(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, sent: str, stored: str, options: tuple[str, ...]
) -> None:
    form = {
        "resourceType": "Questionnaire",
        "id": "qq",
        "status": "active",
        "identifier": [{"system": SYSTEM, "value": "q"}],
    }
    answers = {"resourceType": "QuestionnaireResponse", "id": "a", "status": "completed", "questionnaire": sent}
    write(tmp_path, "in/a.json", answers)
    write(tmp_path, "in/b.json", collection((URN if sent == URN else "", form)))
    code, _, err = run(
        "upload", tmp_path / "in", "--server", fake.url, "--journal", journal, "--ids", "server", *options
    )
    assert 0 == code, err
    assert stored.format(the(fake, "Questionnaire")["id"]) == the(fake, "QuestionnaireResponse")["questionnaire"]
    code, out, err = run("verify", journal)
    assert 0 == code, out + err


def test_a_canonical_to_an_instance_of_the_same_transaction_leads_to_it(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    form = {
        "resourceType": "Questionnaire",
        "id": "qq",
        "status": "active",
        "identifier": [{"system": SYSTEM, "value": "q"}],
    }
    answers = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "Questionnaire/qq"}
    file = write(tmp_path, "a.json", collection(("", form), ("", answers)))
    code, _, err = run("upload", file, "--server", fake.url, "--journal", journal, "--ids", "server")
    assert 0 == code, err
    assert f"Questionnaire/{the(fake, 'Questionnaire')['id']}" == the(fake, "QuestionnaireResponse")["questionnaire"]
    code, out, err = run("verify", journal)
    assert 0 == code, out + err


def test_an_attachment_whose_temporary_name_is_in_nothing_is_refused(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    file = write(tmp_path, "a.json", transaction(("", document("d", URN), "")))
    code, _, err = run("upload", file, "--server", fake.url, "--journal", journal)
    assert (4, {}) == (code, dict(fake.resources))
    assert URN in err
    assert "a.json: Bundle.entry[0] (DocumentReference/d)" in err
    code, _, err = run("upload", file, "--server", fake.url, "--journal", journal, "--allow-dangling")
    assert 0 == code, err
    assert URN in err
    code, out, err = run("verify", journal)
    assert 5 == code
    assert URN in out + err


@pytest.mark.parametrize("name", ["http://e.example/x", URN])
def test_the_name_of_an_extension_is_no_address(fake: SmallServer, run: Run, tmp_path: Path, name: str) -> None:
    file = write(
        tmp_path,
        "a.json",
        {"resourceType": "Patient", "id": "p", "extension": [{"url": name, "valueOid": "urn:oid:1.2.3"}]},
    )
    code, _, err = run("upload", file, "--server", fake.url)
    assert (0, False) == (code, "nothing in the files" in err), err


def test_an_attachment_that_leads_to_nothing_in_the_files_is_told(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    write(tmp_path, "in/a.json", document("d", "Binary/no"))
    write(tmp_path, "in/b.json", document("e", "Binary/700"))
    write(tmp_path, "in/c.json", binary())
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url)
    assert 0 == code, err
    [told] = [line for line in err.splitlines() if "lead to nothing" in line]
    assert told.endswith("in/a.json: Binary/no"), told


@pytest.mark.parametrize("elements", NO_LINKS, ids=str)
def test_what_is_no_link_stays_as_it_is(fake: SmallServer, elements: dict[str, Any]) -> None:
    both = transaction((URN, binary(), ""), ("", {"resourceType": "Patient", "id": "p", **elements}, ""))
    journal = upload(both, fake.url)
    stored = the(fake, "Patient")
    assert elements == {name: stored[name] for name in elements}
    assert verify(both, fake.url, journal=journal).ok


def test_the_name_of_a_definition_stays_though_its_full_url_is_the_same(fake: SmallServer) -> None:
    name = "https://fhir.example/ValueSet/one"
    values = {"resourceType": "ValueSet", "id": "one", "url": name, "status": "active"}
    upload(collection((name, values)), fake.url)
    assert name == the(fake, "ValueSet")["url"]


@pytest.mark.parametrize(
    "reference",
    [
        "Practitioner?identifier=9999900077",
        "Practitioner?identifier=http://x.example/id|9999900077",
        "Practitioner?identifier=http://x.example/id%7C9999900077",
        "Practitioner?identifier=http://other.example|1,http://x.example/id|9999900077",
        "Practitioner?identifier=http://x.example/id|",
        "Practitioner?identifier=9999900077&active=true",
        "Practitioner?active=true&identifier=9999900077",
        "Practitioner?_id=z",
    ],
)
def test_what_a_conditional_reference_means_comes_first(
    fake: SmallServer, run: Run, tmp_path: Path, reference: str
) -> None:
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "participant": [{"individual": {"reference": reference}}],
    }
    identifier = [{"system": SYSTEM, "value": "9999900077"}]
    write(tmp_path, "a.json", transaction(("", encounter, "")))
    write(
        tmp_path, "z.json", {"resourceType": "Practitioner", "id": "z", "active": True, "identifier": identifier}
    )  # fmt: skip
    code, _, err = run("upload", tmp_path, "--server", fake.url)
    assert 0 == code, err
    assert {"reference": "Practitioner/z"} == the(fake, "Encounter")["participant"][0]["individual"]


@pytest.mark.parametrize("merge", ["a.json z.json", "one.json"])
def test_a_conditional_reference_by_id_leads_to_the_resource_though_the_server_gives_it_another_id(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, merge: str
) -> None:
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "participant": [{"individual": {"reference": "Practitioner?_id=z"}}],
    }
    practitioner = {"resourceType": "Practitioner", "id": "z", "identifier": [{"system": SYSTEM, "value": "99"}]}
    if merge == "one.json":
        write(tmp_path, "one.json", transaction(("", encounter, ""), ("", practitioner, "")))
    else:
        write(tmp_path, "a.json", transaction(("", encounter, "")))
        write(tmp_path, "z.json", transaction(("", practitioner, "")))

    code, out, err = run("upload", tmp_path, "--server", fake.url, "--ids", "server", "--journal", journal)

    assert 0 == code, out + err
    place = f"Practitioner/{the(fake, 'Practitioner')['id']}"
    assert "Practitioner/z" != place
    assert {"reference": place} == the(fake, "Encounter")["participant"][0]["individual"]
    code, out, _ = run("verify", journal)
    assert 0 == code, out


def test_a_version_of_another_server_is_not_left_out_without_a_word(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    about = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}}
    patient = {"resourceType": "Patient", "id": "pv7"}
    file = write(
        tmp_path,
        "a.json",
        collection(("", patient), ("", {**about, "subject": {"reference": "Patient/pv7/_history/3"}})),
    )
    code, _, err = run("upload", file, "--server", fake.url)
    assert 0 == code, err
    assert {"reference": "Patient/pv7"} == the(fake, "Observation")["subject"]
    assert "sent without it: Observation/o: Patient/pv7/_history/3" in err


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("Practitioner?family=Smith", {"resourceType": "Practitioner", "name": [{"family": "Smith"}]}),
        ("Practitioner?_tag=http://t.example|x", {"resourceType": "Practitioner"}),
        ("Practitioner?identifier:of-type=a|b|c", {"resourceType": "Practitioner", "id": "z"}),
        ("Questionnaire?url=http://x.example/q", {"resourceType": "Questionnaire", "url": "http://x.example/q"}),
        (
            "Questionnaire?url=http%3A%2F%2Fx.example%2Fq",
            {"resourceType": "Questionnaire", "url": "http://x.example/q"},
        ),
        ("/Practitioner?identifier=5", {"resourceType": "Practitioner", "identifier": [{"value": "5"}]}),
    ],
)
def test_all_that_a_search_may_mean_comes_first(reference: str, target: dict[str, Any]) -> None:
    with Index() as index:
        asking = {"resourceType": "Basic", "subject": {"reference": reference}}
        documents = [Document(name, 0, each) for name, each in (("a", asking), ("y", asking), ("z", target))]
        found = survey([("files", documents)], index, RULES)
    assert [1, 1, 0] == list(found.level)


def test_a_search_for_any_of_a_type_makes_no_documents_wait_for_each_other() -> None:
    practitioner = {"resourceType": "Practitioner", "id": "p", "qualification": [{"issuer": {"reference": "Basic/b"}}]}
    basic = {"resourceType": "Basic", "id": "b", "author": {"reference": "Practitioner?family=Smith"}}
    with Index() as index:
        found = survey([("files", [Document("a", 0, practitioner), Document("b", 0, basic)])], index, RULES)
    assert ([1, 0], {}) == (list(found.level), found.cycle)


@pytest.mark.parametrize(("method", "url"), [("PUT", "Patient/ps/"), ("POST", "Patient/")])
def test_a_slash_at_the_end_of_a_request_is_named(
    fake: SmallServer, run: Run, tmp_path: Path, method: str, url: str
) -> None:
    entry = {"resource": {"resourceType": "Patient", "id": "ps"}, "request": {"method": method, "url": url}}
    file = write(tmp_path, "a.json", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    code, _, err = run("upload", file, "--server", fake.url)
    assert 4 == code
    assert "take away the slash at the end of the URL" in err


def test_every_file_that_is_passed_over_is_named(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    write(tmp_path, "in/a.json", binary())
    for number in range(6):
        (tmp_path / "in" / f"{number}.txt").write_text("notes")
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url)
    assert 0 == code, err
    assert 6 == sum(f"in/{number}.txt" in err for number in range(6)), err
