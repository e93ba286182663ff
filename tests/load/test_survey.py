"""All inputs are read once before anything is sent: what cannot be loaded is named, and the rest gets its order."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fhir_case.documents import Document
from fhir_case.documents.document import json_issue
from fhir_case.fhir.wire import dump
from fhir_case.load.plan.plan import Rules
from fhir_case.load.survey.index import Index
from fhir_case.load.survey.jobs import jobs_of_level
from fhir_case.load.survey.survey import survey, unanswered
from fhir_case.server.capabilities import UNKNOWN, Capabilities, TypeCapabilities
from fhir_case.server.quirks import Caps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.survey.jobs import Job
    from fhir_case.load.survey.result import Survey

RULES = Rules(UNKNOWN, Caps())
OWN_IDS = TypeCapabilities(update_create=False, conditional_create=True, identifier_search=True)
GIVES_IDS = Rules(Capabilities(types=dict.fromkeys(("Patient", "Observation", "Basic"), OWN_IDS)), Caps())
ELSEWHERE = "https://fhir.example/fhir"
HTEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}

Files = list[tuple[str, list[Document]]]


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as made:
        yield made


def resource(name: str, *references: str, **elements: Any) -> dict[str, Any]:
    kind, _, key = name.partition("/")
    made: dict[str, Any] = {"resourceType": kind, "id": key, **elements}
    return (
        {**made, "extension": [{"valueReference": {"reference": each}} for each in references]} if references else made
    )


def bundle(*resources: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": each} for each in resources]}


def document(source: str, content: dict[str, Any] | None, line: int = 0, **others: Any) -> Document:
    raw = dump(content) if content else b""
    return Document(source, line, content, raw=raw, **others)


def files(**contents: dict[str, Any] | list[dict[str, Any]]) -> Files:
    """Files by their names: one document, or the lines of NDJSON."""
    return [
        (
            name,
            [document(name, each, number) for number, each in enumerate(content, 1)]
            if isinstance(content, list)
            else [document(name, content)],
        )
        for name, content in contents.items()
    ]


def jobs(
    inputs: Files, index: Index, rules: Rules = RULES, found: Survey | None = None, **others: Any
) -> list[list[Job]]:
    """The jobs of each level."""
    read = found or survey(inputs, index, rules)
    return [list(jobs_of_level(level, inputs, read, rules, index, **others)) for level in range(read.levels)]


def entries(levels: list[list[Job]]) -> list[PlannedEntry]:
    return [entry for level in levels for job in level for transaction in job for entry in transaction.entries]


def names(levels: list[list[Job]]) -> list[list[str]]:
    return [[entry.original.name for entry in entries([level])] for level in levels]


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        ({"some": "thing"}, "a", "no resourceType"),
        ({"resourceType": 7}, "a", "no resourceType that is text"),
        ({"resourceType": "Bundle", "type": "message", "entry": []}, "a", "cannot be loaded"),
        (bundle(), "a", "no entry"),
        (bundle(resource("Patient/a"), resource("Patient/_")), "a: Bundle.entry[1].resource.id", "is not a FHIR id"),
        (bundle(resource("Patient/a"), {"no": "type"}), "a: Bundle.entry[1]", "no resource"),
        (bundle(resource("Patient/a"), resource("Patient/a")), "a: Bundle.entry[0] and [1]", "the same id"),
        (resource("Patient/a", text="\ud800"), "a: Patient/a", "cannot be written as JSON"),
        (bundle({"resourceType": "Basic", "number": 10**30}), "a: Bundle.entry[0]", "cannot be written as JSON"),
    ],
)
def test_a_problem_names_the_file_and_the_entry(
    index: Index, content: dict[str, Any], where: str, message: str
) -> None:
    good = resource("Patient/good")
    found = survey([("a", [Document("a", 0, content, raw=b"{}")]), *files(b=good)], index, RULES)

    (problem,) = found.problems
    assert where == problem.where
    assert message in problem.message
    assert ({0}, 1) == (found.left_out, found.resources)
    assert str(problem).startswith(f"{where}: ")


def test_a_line_that_is_no_json_is_named_by_its_number(index: Index) -> None:
    broken = Document("a.ndjson", 7, None, (json_issue("it ends in the middle"),))
    unread = Document("b.zip", 0, None, (), unread="it is encrypted")
    found = survey([("a.ndjson", [broken]), ("b.zip", [unread])], index, RULES)

    assert ["a.ndjson:7: it ends in the middle", "b.zip: it is encrypted"] == [str(each) for each in found.problems]
    assert [] == entries(jobs([("a.ndjson", [broken]), ("b.zip", [unread])], index, found=found))


def test_a_warning_of_the_reader_is_no_problem(index: Index) -> None:
    marked = document("a", resource("Patient/a"), issues=(json_issue("a byte order mark", "warning"),))

    assert [] == survey([("a", [marked])], index, RULES).problems


def test_all_problems_are_counted_and_the_first_hundred_are_kept(index: Index) -> None:
    found = survey(files(a=[{"no": "type"}] * 250), index, RULES)

    assert (250, 100) == (len(found.left_out), len(found.problems))


def test_the_same_id_with_other_content_is_refused_and_named(index: Index) -> None:
    inputs = files(
        a=resource("Patient/a", gender="male"), b=[resource("Patient/b"), resource("Patient/a", gender="female")]
    )
    found = survey(inputs, index, RULES)

    (problem,) = found.problems
    assert "b:2" == problem.where
    assert "Patient/a" in problem.message
    assert "--as-is" in problem.hint
    assert [["Patient/a", "Patient/b"]] == names(jobs(inputs, index, found=found))


def test_the_same_id_with_equal_content_is_sent_once(index: Index) -> None:
    one, same = (
        resource("Patient/a", gender="male", active=True),
        {"active": True, **resource("Patient/a", gender="male")},
    )
    inputs = files(a=one, b=[same, resource("Patient/b")])
    found = survey(inputs, index, RULES)

    ((job,),) = jobs(inputs, index, found=found)
    assert [] == found.problems
    assert 3 == found.resources
    assert ["Patient/a", "Patient/b"] == [
        one["resource"]["resourceType"] + "/" + one["resource"]["id"] for one in job[0].body()["entry"]
    ]


def test_a_document_that_is_refused_leaves_no_names_and_no_warnings_behind(index: Index) -> None:
    inputs = files(
        a=resource("Patient/a", gender="male"),
        b=bundle(resource("Patient/a"), resource("Patient/b"), {"resourceType": "Basic"}),
        c=resource("Observation/c", "Patient/b"),
    )
    found = survey(inputs, index, RULES)

    assert {1} == found.left_out
    assert ["Patient/b"] == list(unanswered(index, 10))
    assert () == found.warnings


def test_a_file_that_comes_before_what_it_refers_to_waits_for_it(index: Index) -> None:
    inputs = files(
        Observation=[resource("Observation/o1", "Patient/p1"), resource("Observation/o2", "Patient/p2/_history/3")],
        Patient=[resource("Patient/p1", "Organization/x"), resource("Patient/p2")],
        Organization=[resource("Organization/x")],
    )
    found = survey(inputs, index, RULES)

    assert found.crossing
    assert [["Patient/p2", "Organization/x"], ["Observation/o2", "Patient/p1"], ["Observation/o1"]] == names(
        jobs(inputs, index, found=found)
    )


def test_what_does_not_refer_to_other_documents_goes_in_one_level(index: Index) -> None:
    inputs = files(a=bundle(resource("Patient/a"), resource("Observation/a", "Patient/a")), b=resource("Patient/b"))
    found = survey(inputs, index, RULES)

    assert (1, False) == (found.levels, found.crossing)


def test_documents_that_refer_to_each_other_in_a_cycle_are_in_one_transaction(index: Index) -> None:
    inputs = files(
        a=[resource("Basic/a", "Basic/b"), resource("Basic/x")],
        b=[resource("Basic/b", "Basic/c"), resource("Basic/c", "Basic/a")],
        c=resource("Basic/after", "Basic/a"),
    )
    first, second = jobs(inputs, index)

    cycle = [transaction for job in first for transaction in job if transaction.indivisible]
    assert [["Basic/a", "Basic/b", "Basic/c"]] == [[entry.original.name for entry in each.entries] for each in cycle]
    assert {"Basic/x", "Basic/a", "Basic/b", "Basic/c"} == set(names([first])[0])
    assert [["Basic/after"]] == names([second])


def test_unresolved_references_are_returned(index: Index) -> None:
    inputs = files(
        a=[
            resource("Observation/a", "Patient/none", "https://other.example/fhir/Patient/1", "#inside"),
            resource("Observation/b", "Patient/none", "Patient?identifier=x", "urn:uuid:none", "Patient/there"),
        ],
        b=resource("Patient/there"),
    )
    survey(inputs, index, RULES)

    assert ["Patient/none", "urn:uuid:none"] == list(unanswered(index, 10))
    assert ["Patient/none"] == list(unanswered(index, 1))


def test_what_is_not_labelled_as_test_data_is_refused_elsewhere(index: Index) -> None:
    labelled = resource("Patient/test", meta={"security": [HTEST]})
    inputs = files(a=bundle(labelled, resource("Patient/real")), b=labelled)
    found = survey(inputs, index, Rules(UNKNOWN, Caps(), server=ELSEWHERE))

    (problem,) = found.problems
    assert "a: Patient/real" == problem.where
    assert "fhir.example is not this machine" in problem.message
    assert "--real-patient-data" in problem.hint
    assert 1 == found.resources


def test_data_of_real_patients_may_go_where_the_user_says_so(index: Index) -> None:
    rules = Rules(UNKNOWN, Caps(), server=ELSEWHERE, real_patient_data=True)

    assert [] == survey(files(a=resource("Patient/real")), index, rules).problems


def test_a_public_test_server_gets_no_data_of_real_patients_whatever_is_said(index: Index) -> None:
    rules = Rules(UNKNOWN, Caps(), server="https://hapi.fhir.org/baseR4", real_patient_data=True)
    (problem,) = survey(files(a=resource("Patient/real")), index, rules).problems

    assert "public" in problem.message


def test_what_the_user_should_know_is_counted_and_three_are_named(index: Index) -> None:
    plain = [{"resourceType": "Basic", "code": {"text": f"{number}"}} for number in range(5)]
    found = survey(files(a=plain), index, RULES)

    assert ("loading twice will duplicate what has no condition: a:1, a:2, a:3 and 2 more",) == found.warnings
    assert {"Basic": 5} == found.kinds


def test_a_bundle_that_is_more_than_the_server_takes_is_named(index: Index) -> None:
    chained = [resource(f"Basic/{n}x", f"Basic/{max(0, n - 1)}x") for n in range(5)]
    requests = [{"method": "PUT", "url": f"Basic/{n}x"} for n in range(5)]
    content = bundle(*chained, kind="transaction")
    for entry, request in zip(content["entry"], requests, strict=True):
        entry["request"] = request
    found = survey(files(a=content), index, Rules(UNKNOWN, Caps(entries=2)))

    assert ("not all or nothing, since the server takes 2 entries at once: a",) == found.warnings


def test_what_an_earlier_run_stored_is_left_out(index: Index) -> None:
    inputs = files(a=[resource("Patient/a"), resource("Patient/b")], c=bundle(resource("Basic/c"), resource("Basic/d")))
    index.put_done([("a:1", 0, "Patient/a"), ("c", 1, "Basic/d")])
    earlier: list[int] = []

    assert [["Patient/b", "Basic/c"]] == names(jobs(inputs, index, on_earlier=earlier.append))
    assert [1, 1] == earlier


def test_references_to_what_an_earlier_run_stored_lead_to_its_place(index: Index) -> None:
    patient = resource("Patient/a", identifier=[{"system": "urn:x", "value": "a"}])
    inputs = files(
        a=bundle(patient, resource("Observation/inside", "Patient/a")),
        b=resource("Observation/outside", "Patient/a/_history/1"),
    )
    index.put_done([("a", 0, "Patient/4711")])
    levels = jobs(inputs, index, GIVES_IDS)

    bodies = [transaction.body(locations=index.location) for level in levels for job in level for transaction in job]
    references = [
        one["resource"]["extension"][0]["valueReference"]["reference"] for body in bodies for one in body["entry"]
    ]
    assert ["Patient/4711", "Patient/4711"] == references


def test_nothing_is_left_when_all_was_stored(index: Index) -> None:
    inputs = files(a=[resource("Basic/a", "Basic/b"), resource("Basic/b", "Basic/a")], c=resource("Basic/c"))
    index.put_done([("a:1", 0, "Basic/a"), ("a:2", 0, "Basic/b"), ("c", 0, "Basic/c")])

    assert [] == entries(jobs(inputs, index))


def test_the_rest_of_a_cycle_is_sent_when_an_earlier_run_stored_some_of_it(index: Index) -> None:
    inputs = files(a=[resource("Basic/a", "Basic/b"), resource("Basic/b", "Basic/a")])
    index.put_done([("a:1", 0, "Basic/a")])

    assert [["Basic/b"]] == names(jobs(inputs, index))


def test_as_is_each_transaction_is_sent_as_it_came(index: Index) -> None:
    content = bundle(resource("Patient/a"), kind="transaction")
    content["entry"][0]["request"] = {"method": "PUT", "url": "Patient/a"}
    other = bundle(resource("Patient/a", gender="male"), kind="batch")
    case = Document("c.yaml", 0, content, form="case")
    inputs: Files = [*files(a=content, b=other), ("c.yaml", [case]), *files(d=resource("Basic/d"))]
    rules = Rules(UNKNOWN, Caps(), as_is=True)
    found = survey(inputs, index, rules)

    sent = [transaction for level in jobs(inputs, index, rules, found) for job in level for transaction in job]
    assert [] == found.problems
    assert [dump(content), dump(other), dump(content), b""] == [each.raw for each in sent]
    assert ["transaction", "batch", "transaction", "transaction"] == [each.type for each in sent]


@st.composite
def inputs_of_any_form(draw: st.DrawFn) -> Files:
    """Some files, each a Bundle or NDJSON, whose resources refer to each other as it comes."""
    total = draw(st.integers(1, 14))
    number = st.integers(0, total - 1)
    made = []
    for each in range(total):
        targets = [f"Basic/r{target}" for target in draw(st.lists(number, max_size=2))]
        identified = {"identifier": [{"system": "urn:x", "value": f"{each}"}]} if draw(st.booleans()) else {}
        made.append(resource(f"Basic/r{each}", *targets, **identified))
    found: dict[str, Any] = {}
    names_ = count()
    while made:
        part, made = made[: (size := draw(st.integers(1, 4)))], made[size:]
        found[f"file{next(names_)}"] = part if draw(st.booleans()) else bundle(*part)
    return files(**found)


@settings(max_examples=150, deadline=None)
@given(inputs_of_any_form(), st.sampled_from([RULES, GIVES_IDS]), st.integers(0, 5), st.data())
def test_all_levels_together_send_the_input_once_and_in_order(
    inputs: Files, rules: Rules, most: int, data: st.DataObject
) -> None:
    with Index() as index:
        found = survey(inputs, index, rules)
        everything = {
            (name if not each.line else f"{name}:{each.line}", position): one["resource"]
            for name, documents in inputs
            for each in documents
            for position, one in enumerate((each.content or {}).get("entry", [{"resource": each.content}]))
        }
        done = data.draw(st.sets(st.sampled_from(sorted(everything)), max_size=4))
        index.put_done((*key, f"Basic/{number}") for number, key in enumerate(sorted(done)))
        levels = jobs(inputs, index, rules, found, merge=Caps(entries=most))

    sent = {(entry.original.source, entry.original.position): entry.original.resource for entry in entries(levels)}
    event(f"levels: {len(levels)}")
    assert [] == found.problems
    assert {key: one for key, one in everything.items() if key not in done} == sent
    assert len(sent) == len(entries(levels))
    stored = {f"Basic/{everything[key]['id']}" for key in done}
    for level in levels:
        of_level: set[str] = set()
        for job in level:
            before = set(stored)
            for transaction in job:
                before |= {entry.original.name for entry in transaction.entries}
                for entry in transaction.entries:
                    wanted = {
                        each["valueReference"]["reference"] for each in entry.original.resource.get("extension", [])
                    }
                    assert set() == wanted - before
            of_level |= before
        stored |= of_level
    assert {f"Basic/{one['id']}" for one in everything.values()} == stored


@pytest.mark.parametrize("as_is", [False, True])
def test_small_inputs_are_read_once_and_large_ones_twice_to_the_same_end(
    index: Index, monkeypatch: pytest.MonkeyPatch, as_is: bool
) -> None:
    rules = Rules(UNKNOWN, Caps(), as_is=as_is)
    inputs = files(
        a=bundle(resource("Observation/o", "Patient/p")),
        b=[resource("Patient/p"), resource("Basic/x", "Basic/y"), resource("Basic/y", "Basic/x")],
        c=bundle(resource("Basic/z", "Observation/o"), kind="batch"),
    )
    kept = survey(inputs, index, rules)
    assert kept.plans is not None
    from_memory = [[*jobs_of_level(level, [], kept, rules, index)] for level in range(kept.levels)]
    monkeypatch.setattr("fhir_case.load.survey.result._KEPT_BYTES", 10)
    with Index() as another:
        read = survey(inputs, another, rules)
        assert read.plans is None
        assert from_memory == [[*jobs_of_level(level, inputs, read, rules, another)] for level in range(read.levels)]
    assert sum(len(transaction.entries) for jobs in from_memory for job in jobs for transaction in job) == 5


class _Watched(dict[str, tuple[int, int]]):
    """The files of a survey, which counts how often one of them is looked at."""

    looked_at = 0

    def __getitem__(self, name: str) -> tuple[int, int]:
        _Watched.looked_at += 1
        return super().__getitem__(name)

    def items(self) -> Any:
        raise AssertionError("all files are looked at")


def test_the_name_of_one_document_among_many_is_found_by_halves(index: Index) -> None:
    found = survey(files(**{f"f{number}": resource(f"Basic/r{number}") for number in range(1000)}), index, RULES)
    found.files = _Watched(found.files)

    assert ["f0", "f500", "f999"] == [found.name_of(number) for number in (0, 500, 999)]
    assert _Watched.looked_at < 50


def test_each_level_looks_only_at_its_own_documents(index: Index) -> None:
    chain = {f"f{number}": resource(f"Basic/r{number}", f"Basic/r{number - 1}") for number in range(1, 200)}
    inputs = files(f0=resource("Basic/r0"), **chain)
    found = survey(inputs, index, RULES)

    assert 200 == found.levels
    assert [[f"Basic/r{number}"] for number in range(200)] == names(jobs(inputs, index, found=found))
    assert 200 == sum(len(list(found.kept_at(level))) for level in range(found.levels))


def test_a_bundle_inside_of_a_transaction_is_content_whose_references_need_nothing(index: Index) -> None:
    inner = bundle(resource("Composition/c", "urn:uuid:0e8a3c9a-0000-4000-8000-000000000042", "Patient/elsewhere"))
    for kind in ("document", "collection", "message", "searchset"):
        with Index() as another:
            content = bundle({**inner, "id": "doc1", "type": kind}, kind="transaction")
            content["entry"][0]["request"] = {"method": "PUT", "url": "Bundle/doc1"}
            found = survey(files(a=content), another, RULES)

            assert ([], []) == (found.problems, list(unanswered(another)))
            assert ["Bundle/doc1"] == [entry.original.name for entry in entries(jobs(files(a=content), another))]


@pytest.mark.parametrize("as_is", [False, True])
@pytest.mark.parametrize(
    "url", ["/Basic/a", "https://fhir.example/fhir/Basic/a", "HTTPS://FHIR.EXAMPLE:443/fhir/Basic/a"]
)
def test_the_url_of_a_request_may_begin_with_a_slash_or_the_base_url(index: Index, url: str, as_is: bool) -> None:
    content = bundle(resource("Basic/a"), kind="transaction")
    content["entry"][0]["request"] = {"method": "PUT", "url": url}
    rules = Rules(UNKNOWN, Caps(), base_url=ELSEWHERE, as_is=as_is)
    inputs = files(a=content)
    found = survey(inputs, index, rules)

    assert [] == found.problems
    (entry,) = entries(jobs(inputs, index, rules, found))
    assert ("PUT", "Basic/a", "Basic/a") == (entry.method, entry.url, entry.identity)


@pytest.mark.parametrize(
    "url",
    ["//Basic/a", "https://other.example/fhir/Basic/a", "https://fhir.example/other/Basic/a", "http://x:y/Basic/a"],
)
def test_the_url_of_a_request_that_leads_elsewhere_is_refused(index: Index, url: str) -> None:
    content = bundle(resource("Basic/a"), kind="transaction")
    content["entry"][0]["request"] = {"method": "PUT", "url": url}
    found = survey(files(a=content), index, Rules(UNKNOWN, Caps(), base_url=ELSEWHERE, as_is=True))

    assert "but its resource is Basic/a" in found.problems[0].message


REMARK = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}


def test_a_remark_of_a_server_is_stored_only_where_a_request_asks_for_it(index: Index) -> None:
    asked = bundle(REMARK, resource("Basic/t"), kind="transaction")
    asked["entry"][0]["request"] = {"method": "POST", "url": "OperationOutcome"}
    asked["entry"][1]["request"] = {"method": "PUT", "url": "Basic/t"}
    inputs = files(a=[REMARK, resource("Basic/a")], b=bundle(REMARK, resource("Basic/b"), kind="searchset"), c=asked)
    found = survey(inputs, index, RULES)

    assert [] == found.problems
    sent = [entry.original.type for entry in entries(jobs(inputs, index, found=found))]
    assert ["Basic", "Basic", "OperationOutcome", "Basic"] == sent
    assert 4 == found.resources
    assert "left out, as the remark of a server: a:1" in found.warnings
    assert "left out, as remarks of the server that was searched: 1: b" in found.warnings


def test_a_bundle_that_is_one_page_of_several_is_loaded_with_a_warning(index: Index) -> None:
    link = [{"relation": "self", "url": "x"}, {"relation": "next", "url": "https://fhir.example/fhir?page=2"}]
    found = survey(files(a={**bundle(resource("Basic/a"), kind="searchset"), "link": link}), index, RULES)

    assert 1 == found.resources
    assert "this is one page of several; what its next link leads to is not loaded: a" in found.warnings
