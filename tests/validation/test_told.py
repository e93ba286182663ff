"""What validate tells: equal findings once, where in the document, and sentences that say what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.issues import Issue, ValidationResult
from fhir_case.report.validation.formats import Checked, github_lines
from fhir_case.report.validation.kinds import Kinds
from fhir_case.validation import validate
from fhir_case.validation.waivers import Waiver
from support import Result, result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path


def _run(content: object, *arguments: str) -> Result:
    text = content if isinstance(content, str) else json.dumps(content)
    return run_command("validate", "-", *arguments, stdin=text)


def _patient(key: str = "p", **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": key, **elements}


def _bundle(*resources: dict[str, Any], **elements: Any) -> dict[str, Any]:
    entries = [{"fullUrl": f"https://example.org/x/{number}", "resource": one} for number, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **elements}


def _errors(content: dict[str, Any]) -> list[Issue]:
    return [issue for issue in validate(content).issues if issue.severity == "error"]


def _put(resource: dict[str, Any], url: str) -> str:
    request = {"method": "PUT", "url": url}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": resource, "request": request}]}
    (message,) = [issue.message for issue in validate(bundle).issues if issue.check == "transaction-request"]
    return message


def _reference(text: str) -> list[str]:
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "a"},
        "focus": [{"reference": text}],
    }
    return [issue.message for issue in _errors(observation)]


def test_ten_thousand_warnings_hide_no_error_and_are_one_line() -> None:
    lines = [_patient(f"p{number}") for number in range(300)]
    lines[150]["gender"] = "man"
    done = _run("\n".join(map(json.dumps, lines)))

    narrative = "there is no narrative, so that a person cannot read the resource without software for it"
    assert [
        "error   -:151: Patient/p150 Patient.gender: 'man' is not one of female, male, other, unknown [strict]",
        f"warning -:1: Patient/p0 Patient.text: {narrative} [dom-6] (and 299 more like it)",
        "--verbose lists each finding.",
        "300 resources in 300 documents checked: 1 error, 300 warnings",
        "  error: strict 1",
        "  warning: dom-6 300",
    ] == done.output.splitlines()


def test_a_document_stands_above_its_findings_only_where_no_other_has_any() -> None:
    one, two = Kinds(), Kinds()
    one.add("a.json", [Issue("error", "strict", "wrong")])
    for name in ("a.json", "b.json"):
        two.add(name, [Issue("error", "strict", "wrong")])

    assert ["a.json", "  error   wrong [strict]"] == list(one.lines())
    assert "error   a.json: wrong [strict] (and 1 more like it)" == next(two.lines())


def test_verbose_lists_each_finding() -> None:
    done = _run("\n".join(json.dumps(_patient(f"p{number}")) for number in range(5)), "--verbose")

    assert 5 == done.output.count("[dom-6]")
    assert "more like it" not in done.output


def test_messages_of_one_kind_are_shown_while_they_are_few() -> None:
    few, many = Kinds(), Kinds()
    few.add("a.json", [Issue("error", "strict", f"'{number}' is not a unit") for number in range(3)])
    many.add("a.json", [Issue("error", "strict", f"'{number}' is not a unit") for number in range(4)])

    assert 4 == len(list(few.lines()))
    assert [
        "a.json",
        "  error   '0' is not a unit [strict] (and 3 more like it)",
        "--verbose lists each finding.",
    ] == list(many.lines())


def test_kinds_without_end_take_memory_and_lines_with_an_end() -> None:
    kinds = Kinds()
    letters = [chr(0x4E00 + number) for number in range(3000)]
    kinds.add("a.json", [Issue("warning", "odd", letter) for letter in letters])
    kinds.add("b.json", [Issue("error", "strict", "wrong")])
    lines = list(kinds.lines())

    assert "error   b.json: wrong [strict]" == lines[0]
    assert 203 == len(lines)
    assert "(and 2799 more like it)" in lines[-2]


def test_information_is_shown_only_when_asked_for() -> None:
    kinds = Kinds()
    kinds.add("a.json", [Issue("information", "strict", "by the way")])

    assert [] == list(kinds.lines())


def test_the_findings_up_to_a_file_that_cannot_be_read_are_shown(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(_patient(gender="man")))
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 cut")
    done = run_command("validate", str(tmp_path / "a.json"), str(tmp_path / "b.zip"))

    assert "'man' is not one of" in done.output


def test_github_has_errors_of_later_documents_before_warnings_of_earlier_ones() -> None:
    first = Checked("a.json", ValidationResult((Issue("warning", "dom-6", "w\ud800"),)))
    second = Checked("b.json", ValidationResult((Issue("error", "strict", "e"),)))

    assert [
        "::error file=b.json,title=strict::e",
        "::warning file=a.json,title=dom-6::w\\ud800",
    ] == list(github_lines([first, second]))


def test_json_counts_the_findings_of_each_check() -> None:
    counts = result_of(_run(_patient(gender="man"), "--format", "json").output)["counts"]

    assert ({"strict": 1}, {"dom-6": 1}) == (counts["by_check"]["error"], counts["by_check"]["warning"])


def test_json_has_the_element_from_the_bundle_on_and_text_that_in_the_resource() -> None:
    bundle = _bundle(_patient("a"), _patient("b", name=[{"family": ""}]))
    (issue,) = [
        one
        for one in result_of(_run(bundle, "--format", "json").output)["outcome"]["issue"]
        if one["severity"] == "error"
    ]

    assert ["Bundle.entry[1].resource.name[0].family"] == issue["expression"]
    assert "-: Patient/b: empty text is not allowed; leave the element out" == issue["diagnostics"]
    assert "Patient/b Patient.name[0].family: empty text" in _run(bundle).output


_BAD: dict[str, Any] = {"gender": "man"}
_IN_DOCUMENT = "Patient.contained[0].gender"
_IN_ENTRY = "Bundle.entry[0].resource.contained[0].gender"
_CONTAINED: dict[str, Any] = {
    "contained": [_BAD | {"resourceType": "Patient", "id": "c"}],
    "link": [{"other": {"reference": "#c"}}],
}


@pytest.mark.parametrize(
    ("content", "expression", "place"),
    [
        (_patient(**_BAD), "Patient.gender", "Patient.gender"),
        (_patient(**_CONTAINED), _IN_DOCUMENT, _IN_DOCUMENT),
        (_bundle(_patient(**_BAD)), "Patient.gender", "Bundle.entry[0].resource.gender"),
        (_bundle(_patient(**_CONTAINED)), _IN_DOCUMENT, _IN_ENTRY),
        (
            _bundle(_bundle(_patient(**_BAD), id="b")),
            "Patient.gender",
            "Bundle.entry[0].resource.entry[0].resource.gender",
        ),
        (
            {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": _patient(**_BAD)}]},
            "Parameters.parameter[0].resource.gender",
            "Parameters.parameter[0].resource.gender",
        ),
        (
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "a", "part": [{"name": "b", "resource": _bundle(_patient(**_BAD))}]}],
            },
            "Patient.gender",
            "Parameters.parameter[0].part[0].resource.entry[0].resource.gender",
        ),
        (
            _bundle({"resourceType": "Parameters", "parameter": [{"name": "a", "resource": _patient(**_CONTAINED)}]}),
            "Parameters.parameter[0].resource.contained[0].gender",
            "Bundle.entry[0].resource.parameter[0].resource.contained[0].gender",
        ),
    ],
)  # fmt: skip
def test_an_expression_is_right_in_the_resource_and_from_the_document_on(
    content: dict[str, Any], expression: str, place: str
) -> None:
    (issue,) = [one for one in _errors(content) if "'man'" in one.message]

    assert (expression, place) == (issue.expression, issue.full_expression)


def test_entries_without_a_resource_count_in_the_expression() -> None:
    bundle = _bundle(_patient("a", **_BAD))
    bundle["entry"].insert(0, {"link": [{"relation": "self", "url": "https://example.org"}]})

    assert "Bundle.entry[1].resource.gender" in [issue.full_expression for issue in _errors(bundle)]


def test_equal_findings_in_two_entries_of_one_name_are_two() -> None:
    errors = _errors(_bundle(_patient(**_BAD), _patient(**_BAD)))

    assert 2 == sum("'man'" in issue.message for issue in errors)


@pytest.mark.parametrize("kind", ["", None, 7, ["Patient"], "Foo", "absent"])
@pytest.mark.parametrize("inside", ["document", "entry", "contained"])
def test_no_expression_begins_with_a_point(kind: object, inside: str) -> None:
    odd: dict[str, Any] = {"id": "a_b", "gender": ""} | ({} if kind == "absent" else {"resourceType": kind})
    content = {"document": odd, "entry": _bundle(odd), "contained": _patient(contained=[odd])}[inside]
    issues = validate(content).issues

    assert issues
    assert [] == [one for one in issues if one.full_expression.startswith(".") or one.expression.startswith(".")]


def test_a_waiver_may_name_the_element_from_the_bundle_on() -> None:
    (issue,) = [one for one in _errors(_bundle(_patient(**_BAD))) if "'man'" in one.message]

    assert Waiver("strict", "why", expression="Bundle.entry[0].resource.gender").accepts(issue)
    assert Waiver("strict", "why", expression="Patient.gender").accepts(issue)
    assert not Waiver("strict", "why", expression="Bundle.entry[1].resource.gender").accepts(issue)


@pytest.mark.parametrize(
    ("resource", "url", "message"),
    [
        ({"resourceType": "Patient"}, "Patient/x", "the resource of this PUT has no id, and its url 'Patient/x' needs"),
        ({"resourceType": "Patient", "id": None}, "Patient/x", "the resource of this PUT has no id"),
        (_patient(""), "Patient/x", "the resource of this PUT has an empty id, and its url 'Patient/x' needs"),
        ({"id": "x"}, "Patient/x", "the resource of this PUT has no resourceType"),
        (_patient("x"), "", "the url of this PUT is empty, not 'Patient/x'"),
    ],
)
def test_what_a_request_lacks_is_said(resource: dict[str, Any], url: str, message: str) -> None:
    assert _put(resource, url).startswith(message)


@pytest.mark.parametrize(
    ("element", "value"),
    [("implicitRules", ""), ("birthDate", ""), ("gender", ""), ("language", ""), ("id", ""),
     ("identifier", [{"system": ""}]), ("meta", {"profile": [""]}), ("managingOrganization", {"reference": ""}),
     ("photo", [{"url": ""}]), ("photo", [{"contentType": ""}]), ("deceasedDateTime", "")],
)  # fmt: skip
def test_empty_text_is_said_to_be_empty(element: str, value: object) -> None:
    errors = _errors({"resourceType": "Patient", element: value})

    assert ["empty text is not allowed; leave the element out"] == [issue.message for issue in errors]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Patient/a_b", ": the underscore must not be in the id, only letters, digits, '-' and '.'"),
        ("Patient/a b", ": a space must not be in the id, only letters, digits, '-' and '.'"),
        ("Patient/a_b!", ": the underscore and '!' must not be in the id, only letters, digits, '-' and '.'"),
        ("Patient/a/b", ": a slash must not be in the id, only letters, digits, '-' and '.'"),
        ("Patient/a_b/_history/1", ": the underscore must not be in the id, only letters, digits, '-' and '.'"),
        ("Patient/a/_history/", ": the version is missing"),
        ("Patient/a/_history/1_2", ": the underscore must not be in the version, only letters, digits, '-' and '.'"),
        ("Patient/", ": the id is missing"),
        ("Patient/" + "a" * 65, ": the id has 65 characters, at most 64 are allowed"),
        ("patient/a", "; Type/id, an absolute URL, urn:uuid:… or #id is expected; did you mean 'Patient'?"),
        ("/Patient/a", "; Type/id, an absolute URL, urn:uuid:… or #id is expected"),
        ("Patient", "; Type/id, an absolute URL, urn:uuid:… or #id is expected"),
    ],
)
def test_what_is_wrong_in_a_reference_is_said(text: str, message: str) -> None:
    assert [f"'{text}' is not a reference{message}"] == _reference(text)


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ({"resourceType": "Pattient"}, "'Pattient' is not a resource type of R4; did you mean 'Patient'?"),
        ({"resourceType": "Attachment"}, "'Attachment' is not a resource type of R4"),
        ({"resourceType": ""}, "the resourceType is empty"),
        ({"resourceType": 7}, "the resourceType is no text"),
        ({"resourceType": None}, "the resourceType is no text"),
        ({"id": "a"}, "there is no resourceType"),
    ],
)
def test_what_is_wrong_with_a_type_is_said(resource: dict[str, Any], message: str) -> None:
    assert _errors(resource)[0].message.startswith(message)


def test_a_resource_without_an_id_is_named_by_its_entry() -> None:
    issues = validate(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": _patient("", **_BAD)}]}
    ).issues

    assert "Patient (entry 0)" in {issue.resource for issue in issues}
    assert "Patient/" not in {issue.resource for issue in issues}


def test_a_case_file_names_its_line_in_text_and_the_element_of_its_bundle_in_json(tmp_path: Path) -> None:
    from fhir_case.documents.case_file import located

    (issue,) = [one for one in _errors(_bundle(_patient(**_BAD))) if "'man'" in one.message]
    shown = located(issue, {"Patient/p": "case.yaml:3:5"})

    assert shown.message.endswith("(from case.yaml:3:5)")
    assert "Bundle.entry[0].resource.gender" == shown.full_expression
