"""How the answer to a search looks: https://hl7.org/fhir/R4/search.html, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smallserver.asking import bundle, entry, link, observation, patient

if TYPE_CHECKING:
    from smallserver.asking import Fhir


def fill(fhir: Fhir, *resources: dict[str, Any]) -> None:
    entries = (entry("PUT", f"{each['resourceType']}/{each['id']}", each) for each in resources)
    assert 200 == fhir.post(bundle(*entries)).status_code


def family(fhir: Fhir) -> None:
    """Store a patient with an organization, two observations of it, and one of nobody."""
    fill(
        fhir,
        {"resourceType": "Organization", "id": "o", "name": "Org"},
        patient("p", managingOrganization={"reference": "Organization/o"}),
        observation("a", "1", subject={"reference": "Patient/p"}),
        observation("b", "2", subject={"reference": f"{fhir.base_url}/Patient/p"}),
        observation("c", "1"),
    )


def test_a_search_gives_a_searchset_with_full_urls(fhir: Fhir) -> None:
    family(fhir)
    page = fhir.get("Observation?code=1")

    assert ("Bundle", "searchset", 2) == (page["resourceType"], page["type"], page["total"])
    assert [f"{fhir.base_url}/Observation/{each}" for each in "ac"] == [each["fullUrl"] for each in page["entry"]]
    assert f"{fhir.base_url}/Observation?code=1" == link(page, "self")
    assert link(page, "next") is None


def test_a_search_may_be_posted(fhir: Fhir) -> None:
    family(fhir)
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    page = fhir.ask("POST", "Observation/_search?_sort=-_id", b"code=urn%3Acodes%7C1&_count=1", **form).json()

    assert ["c"] == [each["resource"]["id"] for each in page["entry"]]
    assert f"{fhir.base_url}/Observation?_sort=-_id&code=urn%3Acodes%7C1&_count=1" == link(page, "self")
    assert 415 == fhir.ask("POST", "Observation/_search", {"code": "1"}).status_code


# https://hl7.org/fhir/R4/search.html#errors
@pytest.mark.parametrize(
    "query",
    [
        "nonsense=1",
        "subject.nonsense=1",
        "subject:Device.family=x",
        "code.text=x",
        "_has:Observation:patient:code=1",
        "_include=Observation:nonsense",
        "_include=Patient:organization",
        "_revinclude=Nonsense:patient",
        "_sort=nonsense",
        "_summary=text",
    ],
)
def test_what_the_server_does_not_know_is_ignored_or_refused_as_preferred(fhir: Fhir, query: str) -> None:
    family(fhir)
    page = fhir.get(f"Observation?{query}&code=1", Prefer="handling=lenient")
    refused = fhir.ask("GET", f"Observation?{query}&code=1", Prefer="return=minimal; handling=strict")

    assert f"{fhir.base_url}/Observation?code=1" == link(page, "self")
    assert 2 == page["total"]
    assert 400 == refused.status_code
    assert query in refused.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize("prefer", ["handling=strict", 'handling="strict"', "respond-async, handling=strict"])
def test_strict_handling_may_be_written_in_several_ways(fhir: Fhir, prefer: str) -> None:
    assert 400 == fhir.ask("GET", "Observation?nonsense=1", Prefer=prefer).status_code


def test_a_parameter_without_a_value_counts_for_nothing(fhir: Fhir) -> None:
    family(fhir)

    assert ["a", "b", "c"] == fhir.ids("Observation?code=", Prefer="handling=strict")


# https://hl7.org/fhir/R4/search.html#include
@pytest.mark.parametrize(
    ("query", "matches", "included"),
    [
        ("Observation?_include=Observation:subject", "abc", "p"),
        ("Observation?_include=Observation:subject:Patient", "abc", "p"),
        ("Observation?_include=Observation:subject:Device", "abc", ""),
        ("Observation?_include=Observation:patient&code=2", "b", "p"),
        ("Observation?_include=Observation:*", "abc", "p"),
        ("Observation?_include=Observation:patient&_include:iterate=Patient:organization&_id=a", "a", "op"),
        ("Observation?_include=Observation:patient&_id=c", "c", ""),
        ("Patient?_revinclude=Observation:subject", "p", "ab"),
        ("Patient?_revinclude=Observation:patient&_include=Patient:organization", "p", "abo"),
        ("Organization?_revinclude=Patient:organization&_revinclude:iterate=Observation:patient", "o", "abp"),
        ("Patient?_revinclude=Observation:encounter", "p", ""),
    ],
)
def test_includes(fhir: Fhir, query: str, matches: str, included: str) -> None:
    family(fhir)

    assert matches == "".join(fhir.ids(query, Prefer="handling=strict"))
    assert included == "".join(sorted(fhir.ids(query, "include")))
    assert len(matches) == fhir.get(query)["total"]


@pytest.mark.parametrize(("modifier", "included"), [("", "b"), (":iterate", "bc")])
def test_what_is_included_counts_as_a_match_only_when_asked_so(fhir: Fhir, modifier: str, included: str) -> None:
    following = {"a": "b", "b": "c", "c": "a"}
    fill(fhir, *(observation(each, hasMember=[{"reference": f"Observation/{to}"}]) for each, to in following.items()))

    assert included == "".join(fhir.ids(f"Observation?_id=a&_include{modifier}=Observation:has-member", "include"))


def test_what_is_a_match_is_not_included_again(fhir: Fhir) -> None:
    fill(fhir, observation("a"), observation("b", hasMember=[{"reference": "Observation/a"}]))

    assert [] == fhir.ids("Observation?_include=Observation:has-member", "include")
    assert ["a"] == fhir.ids("Observation?_include=Observation:has-member&_id=b", "include")


# https://hl7.org/fhir/R4/search.html#total
@pytest.mark.parametrize(
    ("query", "total"), [("", 3), ("_total=accurate", 3), ("_total=none", None), ("_count=1", 3), ("code=1", 2)]
)
def test_totals(fhir: Fhir, query: str, total: int | None) -> None:
    family(fhir)

    assert total == fhir.get(f"Observation?{query}").get("total")


# https://hl7.org/fhir/R4/search.html#count
@pytest.mark.parametrize("query", ["_summary=count", "_count=0", "_summary=count&_include=Observation:subject"])
def test_only_the_number_can_be_asked(fhir: Fhir, query: str) -> None:
    family(fhir)
    page = fhir.get(f"Observation?code=1&{query}")

    assert (2, False, None) == (page["total"], "entry" in page, link(page, "next"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 1000])
def test_pages_give_everything_once_and_end(fhir: Fhir, size: int) -> None:
    fill(fhir, *(observation(f"o{number}") for number in range(7)))
    pages = fhir.pages(f"Observation?_count={size}&_sort=-_id")

    assert [f"o{number}" for number in range(6, -1, -1)] == [each for page in pages for each in page]
    assert all(len(page) == size for page in pages[:-1])
    assert 0 < len(pages[-1]) <= size


def test_pages_stay_as_they_are_when_something_is_stored_or_deleted(fhir: Fhir) -> None:
    fill(fhir, *(observation(each) for each in "bdfh"))
    page = fhir.get("Observation?_count=2&_sort=_id")
    fill(fhir, observation("a"), observation("e"))
    fhir.ask("DELETE", "Observation/b")

    following = link(page, "next")
    assert following is not None
    assert ["f", "h"] == fhir.ids(following)
    assert ["f", "h"] == fhir.ids(following)
    assert 410 == fhir.ask("GET", "Observation?_page=unknown&_offset=2").status_code


def test_each_page_includes_what_belongs_to_it(fhir: Fhir) -> None:
    fill(fhir, patient("p"), patient("q"))
    fill(fhir, *(observation(each, subject={"reference": f"Patient/{each}"}) for each in "pq"))
    page = fhir.get("Observation?_count=1&_include=Observation:subject")

    following = link(page, "next")
    assert following is not None
    assert [["p"], ["q"]] == [
        [each["resource"]["id"] for each in one["entry"][1:]] for one in (page, fhir.get(following))
    ]


def test_a_search_of_much_has_pages_of_a_hundred(fhir: Fhir) -> None:
    fill(fhir, *(observation(f"o{number}") for number in range(101)))

    assert [100, 1] == [len(page) for page in fhir.pages("Observation")]
    assert 101 == len(fhir.ids("Observation?_count=1000"))
    assert f"{fhir.base_url}/Observation?_count=1000" == link(fhir.get("Observation?_count=2000"), "self")


# https://hl7.org/fhir/R4/search.html#sort
@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("_id", "abcd"),
        ("-_id", "dcba"),
        ("_lastUpdated", "dcba"),
        ("-_lastUpdated", "abcd"),
        ("date", "bcad"),
        ("-date", "acbd"),
        ("code,-_id", "dbca"),
        ("value-quantity", "bacd"),
        ("-value-quantity", "cabd"),
        ("subject", "cadb"),
    ],
)
def test_sorting(fhir: Fhir, sort: str, ids: str) -> None:
    for each in (
        observation("d", "1"),
        observation("c", "2", effectiveDateTime="2018-03", value="10", subject={"reference": "Patient/1"}),
        observation("b", "1", effectivePeriod={"start": "2017"}, value="9"),
        observation("a", "3", effectiveDateTime="2018-03-05", value="9.5", subject={"reference": "Patient/2"}),
    ):
        fhir.put(each)

    assert ids == "".join(fhir.ids(f"Observation?_sort={sort}", Prefer="handling=strict"))


# https://hl7.org/fhir/R4/search.html#elements
def test_only_some_elements_can_be_asked(fhir: Fhir) -> None:
    fhir.put(observation("a", value="1", effectiveDateTime="2018", note=[{"text": "x"}], subject={"display": "x"}))
    part = fhir.get("Observation?_elements=subject,value")["entry"][0]["resource"]

    assert {"resourceType", "id", "meta", "status", "code", "subject", "valueQuantity"} == set(part)
    assert ["SUBSETTED"] == [each["code"] for each in part["meta"]["tag"]]
    assert part == fhir.get("Observation/a?_elements=subject,value")
    assert "tag" not in fhir.get("Observation/a")["meta"]


def test_the_narrative_can_be_left_out(fhir: Fhir) -> None:
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'}
    fhir.put(patient("a", text=text, gender="male"))
    part = fhir.get("Patient?_summary=data")["entry"][0]["resource"]

    assert {"resourceType", "id", "meta", "gender"} == set(part)
    assert text == fhir.get("Patient?_summary=false")["entry"][0]["resource"]["text"]
