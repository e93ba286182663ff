"""The reports of an interoperability test: what each says, and that nothing that a server sends breaks one."""

from __future__ import annotations

import re
from dataclasses import asdict, fields, replace
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any, get_args
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from fhir_case import validate
from fhir_case.fhir.compare import Difference, Kind
from fhir_case.fhir.wire import dump, parse
from fhir_case.interop import result as model
from fhir_case.interop.result import STATES, VERDICTS, InteropResult, Level, ProbeResult, ServerResult
from fhir_case.report.interop.json import interop_json, interop_schema_path
from fhir_case.report.interop.junit import interop_junit
from fhir_case.report.interop.page import interop_page
from fhir_case.report.interop.testreport import interop_test_reports
from fhir_case.report.interop.text import interop_markdown, interop_text
from interop import results

NOTHING = results.result(ServerResult("one", "https://one.example"), probes=())
NO_SERVER = InteropResult("0.1.0", "2026-05-01T12:00:00Z", results.PROBES)
ANY = pytest.mark.parametrize(
    "result",
    [results.result(), results.hostile(), NOTHING, NO_SERVER],
    ids=["usual", "hostile", "nothing", "no server"],
)


# --- text


def test_the_text_is_the_counts_the_tables_and_the_reasons_to_the_letter() -> None:
    expected = """\
Interoperability of 3 servers, fhir-case 0.1.0, 2026-05-01T12:00:00Z

SERVER  SOFTWARE        FHIR  SHALL   SHOULD  MAY     N/A  NOT RUN  AS SENT
one     Server One 1.2  R4    3 of 3  1 of 1  -       1    0        3 of 3
two     Server Two      R4    1 of 2  0 of 1  0 of 1  0    1        1 of 3
three   not tested      -     -       -       -       -    -        -
Requests  [one, two, three]  1,234, 56, 0

PROBE         LEVEL   one   two      three
Transactions
  atomic      SHALL   pass  FAIL     not run
  order       SHALL   pass  pass     not run
Search
  paging      SHOULD  pass  fail     not run
  include     MAY     n/a   fail     not run
Versions
  history     SHALL   pass  not run  not run

Resources of hcc
STATE                         one  two  three
  equal                       1    0    0
  added                       2    0    0
  rewritten                   0    1    0
  altered                     0    1    0
  rejected                    0    1    0
  not tried, or broken off              yes

two  https://two.example/fhir
  FAIL atomic (SHALL): one of two entries is stored
  fail paging (SHOULD): the second page is the first again
  fail include (MAY): nothing is included
  hcc: warning: a reference leads nowhere
  hcc: Observation/o altered: Observation.valueQuantity.value
  hcc: Group/g rejected: HTTP 422: no Group here
  could not be removed: Patient/77: HTTP 409

three  https://three.example/fhir
  not tested: no answer within 10 s"""
    assert expected == interop_text(results.result())
    assert expected == interop_text(results.result(), width=80)


def test_servers_that_do_not_stand_side_by_side_are_written_one_below_the_other() -> None:
    text = interop_text(results.large(8), width=80)

    table = text[text.index("PROBE") : text.index("Resources of")]
    heads = [line.split()[2:] for line in table.splitlines() if line.startswith("PROBE")]
    names = ["hapi", "blaze", "medplum", "long-name", "spark", "aidbox", "firely", "linuxforhealth"]
    assert names == [name for block in heads for name in block]
    assert "a-server-with-a-" in text
    assert 80 >= max(len(line) for line in table.splitlines())
    assert len(heads) * 45 == table.count("  probe-")


def test_a_text_has_colours_only_when_it_is_asked_for_them() -> None:
    assert "\x1b" not in interop_text(results.result())
    assert re.search(r"\x1b\[1;31mFAIL *\x1b\[0m", interop_text(results.result(), width=100, colour=True))


@ANY
def test_nothing_in_a_text_steers_the_terminal(result: InteropResult) -> None:
    assert all(line.isprintable() for line in interop_text(result).split("\n"))


def test_a_long_list_in_a_text_is_cut_and_says_so() -> None:
    lines = interop_text(results.large()).splitlines()

    assert 2 == sum(line.endswith("6 more resources; the JSON lists all") for line in lines)
    assert 400 > max(len(line) for line in interop_text(results.hostile()).splitlines() if "lll" in line)


# --- Markdown


def test_the_markdown_is_one_table_with_a_link_for_each_probe() -> None:
    lines = interop_markdown(results.result()).splitlines()

    assert "| Probe | Level | one | two | three |" == lines[0]
    assert "| *Software* |  | Server One 1.2 | Server Two | no answer within 10 s |" in lines
    assert "| *Passed* | SHALL | 3 of 3 | 1 of 2 | - |" in lines
    assert "| *As sent: hcc* |  | 3 of 3 | 1 of 3 | - |" in lines
    assert f"| [title of atomic]({results.SPECIFICATION}) | SHALL | pass | **FAIL** | not run |" in lines
    assert f"| [title of include]({results.SPECIFICATION}) | MAY | n/a | fail | not run |" in lines


@ANY
def test_every_line_of_the_markdown_has_the_same_cells_and_no_html(result: InteropResult) -> None:
    lines = interop_markdown(result).splitlines()

    assert {len(result.servers) + 3} == {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
    assert not re.search(r"(?<!\\)[<`]", "".join(lines))


# --- the page


class Page(HTMLParser):
    """Read a page as a browser does, and note what one of this kind may not have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]

    @property
    def links(self) -> list[str]:
        return [attributes["href"] or "" for _, attributes in self.tags if "href" in attributes]


def cells(page: str, title: str) -> list[tuple[str, str]]:
    """Return tone and word of each cell in the row of a probe or resource."""
    (row,) = re.findall(rf'<tr><th scope="row">{re.escape(title)}[ <].*?</tr>', page, flags=re.DOTALL)
    return re.findall(r'<td class="(\w+)".*?</span> ([^<]+)</', row, flags=re.DOTALL)


def evidence(page: str, anchor: str) -> str:
    (found,) = re.findall(rf'<article class="evidence" id="{anchor}".*?</article>', page, flags=re.DOTALL)
    return str(found)


@ANY
def test_a_page_is_whole_and_loads_and_runs_nothing(result: InteropResult) -> None:
    page = Page(interop_page(result))

    assert [] == page.open
    assert not {"script", "img", "link", "iframe", "object", "svg", "form"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"]
    assert all(link.startswith(("#", "https://hl7.org/fhir/")) for link in page.links)


@ANY
def test_every_link_within_a_page_leads_somewhere(result: InteropResult) -> None:
    page = Page(interop_page(result))

    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_what_a_server_says_is_text_in_a_page() -> None:
    page = Page(interop_page(results.hostile()))

    shown = "".join(text for _, text in page.texts)
    assert {"script", "pre", "td"} <= set(re.findall(r"</(\w+)>", shown))
    assert "{{ 7 * 7 }}" in shown
    assert "bell\\u0007 null\\u0000 escape\\u001b[31m turned\\u202eback half\\ud800 end\\ufffe" in shown
    assert all(one.isprintable() or one in "\n\t" for one in shown)
    assert "nested deeper than 100 levels" in interop_page(results.hostile())


def test_only_a_fail_of_a_shall_is_red() -> None:
    page = interop_page(results.result())

    assert [("good", "pass"), ("bad", "FAIL"), ("unknown", "not run")] == cells(page, "title of atomic")
    assert [("good", "pass"), ("weak", "fail"), ("unknown", "not run")] == cells(page, "title of paging")
    assert [("none", "n/a"), ("weak", "fail"), ("unknown", "not run")] == cells(page, "title of include")
    assert [("good", "equal"), ("bad", "altered"), ("unknown", "not checked")] == cells(page, "Observation/o")


def test_a_server_has_its_counts_and_what_it_could_not_be_asked() -> None:
    page = interop_page(results.result())

    assert '<td class="bad">1 of 2</td>' in page
    assert '<td class="weak">0 of 1</td>' in page
    assert "<td>3 of 3</td>" in page
    assert "<b>three</b> could not be tested: no answer within 10 s" in page
    assert "<li>Patient/77: HTTP 409</li>" in page
    assert "<li>a reference leads nowhere</li>" in page


def test_behind_a_cell_is_all_the_evidence() -> None:
    page = interop_page(results.result())
    behind = "".join(text for _, text in Page(evidence(page, "p-atomic-2")).texts)

    assert 'href="#p-atomic-2"' in page
    for said in (
        "SHALL", results.SPECIFICATION, "expected of atomic", "one of two entries is stored", "POST",
        "https://one.example/fhir/Patient?a=1&b=2", '"resourceType":"Patient"', "201", "34 ms", 'ETag: W/"1"',
        "Location: https://one.example/fhir/Patient/1", '"id":"1"', "200",
    ):  # fmt: skip
        assert said in behind
    (place,) = re.findall(r'href="#(r-\d+-\d+-2)" aria-label="altered: Observation/o, two"', page)
    behind = "".join(text for _, text in Page(evidence(page, place)).texts)
    assert ["15.00", "15.0"] == re.findall(r"15\.0+", behind)
    assert behind.index("precision") < behind.index("added")


def test_resources_that_are_equal_everywhere_are_only_counted_and_the_worst_come_first() -> None:
    page = interop_page(results.large())

    names = re.findall(r'<tr><th scope="row">(Observation/o-\d+)</th>', page)
    worst = [min(results_order(word) for _, word in cells(page, name)) for name in names]
    assert sorted(worst) == worst
    assert "Observation/o-0" not in names  # what servers add is all there is
    assert f"{len(names)} resources are not equal" in page


def results_order(word: str) -> int:
    return ("rejected", "lost", "altered", "not checked", "rewritten", "added", "equal").index(word)


def test_a_page_says_that_all_is_equal() -> None:
    page = interop_page(results.result(results.good_server("one"), results.good_server("two")))

    assert "Every resource is equal everywhere, but for what servers add." in page
    assert 'id="r-1' not in page


def test_a_long_body_that_is_the_same_stands_in_a_page_once() -> None:
    body = '{"resourceType":"Bundle","id":"once","note":"' + 1_000 * "x" + '"}'
    asked = results.found("atomic", "pass", "", results.exchange(body), results.exchange(body))
    servers = [ServerResult(name, f"https://{name}.example", probes=(asked,)) for name in ("one", "two")]
    page = interop_page(results.result(*servers, probes=results.PROBES[:1]))

    assert 1 == page.count('"id":"once"')
    assert 3 == page.count('the same as <a href="#p-atomic-1">answer 1 of atomic, one</a>')


def test_a_page_of_a_real_size_is_a_few_megabytes() -> None:
    page = interop_page(results.large())

    assert 3 * 45 == len(re.findall(r'id="p-probe-\d+-\d"', page))
    assert len(page.encode()) < 6_000_000


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"a":[1.50,{"b":"}{,"}],"d":[]}', '{\n\t"a":[\n\t\t1.50,\n\t\t{\n\t\t\t"b":"}{,"\n\t\t}\n\t],\n\t"d":[]\n}'),
        ('[1e2,"\\""]', '[\n\t1e2,\n\t"\\""\n]'),
        ('{"a":"cut he\n… cut: 17 more characters', '{\n\t"a":"cut he\n… cut: 17 more characters'),
        ("]}]", "]}]"),
        ("{]}}", "{]\n}\n}"),
        ('{\n  "a": 1\n}', '{\n  "a": 1\n}'),
        ("<html>\r\n{,}</html>", "<html>\n{,}</html>"),
        ("", ""),
    ],
)  # fmt: skip
def test_json_in_one_line_is_broken_into_lines_and_no_character_is_changed(body: str, shown: str) -> None:
    asked = results.found("atomic", "pass", "", results.exchange("answer", sent=body))
    page = interop_page(results.result(ServerResult("one", "https://one.example", probes=(asked,))))

    bodies = [text for tag, text in Page(evidence(page, "p-atomic-1")).texts if tag == "pre"]
    assert ([shown] if shown else []) == bodies[:-2]


def test_what_is_no_address_of_the_web_is_no_link() -> None:
    probe = replace(results.PROBES[0], specification="javascript:alert(1)")
    page = Page(interop_page(results.result(probes=(probe,))))

    assert not [link for link in page.links if not link.startswith("#")]


# --- JSON


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = parse(interop_schema_path().read_bytes())
    return found


@pytest.fixture(scope="module")
def checker(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for(schema)


def test_the_schema_is_one_of_its_draft_and_names_itself(schema: dict[str, Any]) -> None:
    assert jsonschema_rs.meta.is_valid(schema)
    assert "urn:fhir-case:interop-schema" == schema["$id"] == parse(interop_json(NOTHING))["$schema"]


@ANY
def test_what_is_written_is_valid_by_the_schema(checker: Any, result: InteropResult) -> None:
    assert [] == [error.message for error in checker.iter_errors(parse(interop_json(result)))]


def places(value: Any) -> list[dict[str, Any]]:
    """Return every object of a result that the schema describes."""
    if isinstance(value, list):
        return [each for item in value for each in places(item)]
    if not isinstance(value, dict):
        return []
    inner = [each for name, item in value.items() if name not in ("sent", "stored", "headers") for each in places(item)]
    return [value, *inner]


def test_an_unknown_or_missing_property_is_refused_everywhere(checker: Any) -> None:
    value = parse(interop_json(results.result()))

    assert 35 < len(places(value))
    for place in places(value):
        place["unknown"] = ""
        assert not checker.is_valid(value), place
        del place["unknown"]
        name, kept = place.popitem()
        assert not checker.is_valid(value), name
        place[name] = kept
    assert checker.is_valid(value)


def test_the_schema_knows_each_field_state_and_verdict_of_the_model(schema: dict[str, Any]) -> None:
    parts = schema["$defs"]

    for name in ("ProbeDescription", "ServerResult", "ProbeResult", "Exchange", "BundleResult", "ResourceResult"):
        known = [each.name for each in fields(getattr(model, name))]
        assert known == [each for each in parts[name]["properties"] if each != "counts"]
    assert [each.name for each in fields(Difference)] == list(parts["Difference"]["properties"])
    assert ["$schema", *(each.name for each in fields(InteropResult))] == list(schema["properties"])
    assert list(VERDICTS) == parts["ProbeResult"]["properties"]["verdict"]["enum"]
    assert list(STATES) == parts["ResourceResult"]["properties"]["state"]["enum"]
    assert list(get_args(Level)) == parts["ProbeDescription"]["properties"]["level"]["enum"]
    assert list(get_args(Kind)) == parts["Difference"]["properties"]["kind"]["enum"]
    assert list(STATES) == parts["BundleResult"]["properties"]["counts"]["required"]
    described = [each for part in (schema, *parts.values()) for each in part["properties"].values()]
    assert all("description" in each or each == {"type": "integer", "minimum": 0} for each in described)


def test_the_json_is_all_of_the_result_with_its_digits() -> None:
    result = results.result()
    written = parse(interop_json(result))

    assert written.pop("$schema")
    for server in written["servers"]:
        assert server.pop("counts")
        assert all(bundle.pop("counts") for bundle in server["bundles"])
    assert parse(dump(asdict(result))) == written
    difference = written["servers"][1]["bundles"][0]["resources"][1]["differences"][1]
    assert ("15.00", "15.0") == (str(difference["sent"]), str(difference["stored"]))


def test_what_cannot_be_json_is_written_as_text() -> None:
    written = parse(interop_json(results.hostile()))
    (difference,) = written["servers"][0]["bundles"][0]["resources"][0]["differences"]

    assert "half\\ud800" in written["servers"][0]["software"]
    assert 10**40 == int(difference["stored"]["big"])
    assert "nested deeper than 100 levels" in str(difference["stored"]["deep"])


# --- JUnit


def junit(result: InteropResult) -> ET.Element:
    return ET.fromstring(interop_junit(result))  # noqa: S314 - our own


def outcome(root: ET.Element, place: str, name: str) -> tuple[str, str]:
    """Return what became of a test case, and its message."""
    (case,) = root.findall(f"./testsuite/testcase[@classname='{place}'][@name='{name}']")
    found = [each for each in case if each.tag != "system-out"]
    return (found[0].tag, found[0].get("message", "")) if found else ("passed", "")


def test_a_suite_is_a_server_and_a_case_a_probe_or_a_resource() -> None:
    root = junit(results.result())

    assert ["one", "two", "three"] == [suite.get("name") for suite in root]
    assert {"tests": "8", "failures": "0", "errors": "0", "skipped": "1"} == {
        name: root[0].get(name) for name in ("tests", "failures", "errors", "skipped")
    }
    assert ("25", "3", "1", "12") == tuple(root.get(name) for name in ("tests", "failures", "errors", "skipped"))
    assert ("passed", "") == outcome(root, "one.Transactions", "atomic")
    assert ("passed", "") == outcome(root, "one.hcc", "Patient/p")
    assert ("passed", "") == outcome(root, "two.hcc", "Patient/p")


def test_only_a_fail_of_a_shall_and_a_spoilt_resource_fail_a_build() -> None:
    root = junit(results.result())

    assert ("failure", "one of two entries is stored") == outcome(root, "two.Transactions", "atomic")
    assert ("failure", "altered: Observation.valueQuantity.value") == outcome(root, "two.hcc", "Observation/o")
    assert ("failure", "rejected: HTTP 422: no Group here") == outcome(root, "two.hcc", "Group/g")
    assert {"SHALL", "altered", "rejected"} == {each.get("type") for each in root.findall(".//failure")}
    followed = "SHOULD, which the server does not follow: the second page is the first again"
    assert ("skipped", followed) == outcome(root, "two.Search", "paging")


def test_what_was_not_judged_is_skipped_with_its_reason() -> None:
    root = junit(results.result())

    assert ("skipped", "not applicable: it does not claim _include") == outcome(root, "one.Search", "include")
    assert ("skipped", "not run: the Patient that is needed was not created") == outcome(
        root, "two.Versions", "history"
    )
    assert ("skipped", "not run: no answer within 10 s") == outcome(root, "three.Versions", "history")
    assert ("skipped", "not checked: it was not tried") == outcome(root, "three.hcc", "Group/g")
    assert ("error", "no answer within 10 s") == outcome(root, "three", "server")


def test_a_resource_that_was_not_checked_neither_passes_nor_fails() -> None:
    unknown = results.resource("Patient/p", "not checked", reason="its id is unknown")
    server = ServerResult("one", "https://one.example", bundles=(model.BundleResult("hcc", (unknown,)),))

    assert ("skipped", "not checked: its id is unknown") == outcome(
        junit(results.result(server)), "one.hcc", "Patient/p"
    )


def test_a_failure_tells_what_was_expected_and_asked() -> None:
    failure = junit(results.result()).find(".//failure")

    assert failure is not None
    assert failure.text is not None
    for said in (
        "expected of atomic",
        "one of two entries is stored",
        results.SPECIFICATION,
        "POST https://one.example",
    ):
        assert said in failure.text


def test_a_bundle_that_was_broken_off_is_an_error_beside_its_resources() -> None:
    server = results.good_server()
    broken = replace(server, bundles=(replace(server.bundles[0], error="broken off: gone"),))
    root = junit(results.result(broken))

    assert ("error", "broken off: gone") == outcome(root, "one.hcc", "Bundle")
    assert ("passed", "") == outcome(root, "one.hcc", "Patient/p")


@ANY
def test_junit_is_xml_whatever_a_server_says_and_its_numbers_are_right(result: InteropResult) -> None:
    root = junit(result)

    for part in (root, *root):
        for name, path in {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}.items():
            assert str(len(list(part.iter(path)))) == part.get(name)


# --- TestReport


@ANY
def test_a_test_report_is_valid_fhir_whatever_a_server_says(result: InteropResult) -> None:
    reports = interop_test_reports(result)

    assert [server.name for server in result.servers] == [
        each["participant"][1]["display"].split()[0] for each in reports
    ]
    for report in reports:
        found = validate(parse(dump(report)))
        assert [] == [str(issue) for issue in found.issues if issue.severity != "information"]
        assert {"structure", "strict"} <= {check.name for check in found.checks if check.state == "ran"}


def test_a_test_report_has_the_results_of_the_server() -> None:
    good, bad, dead = interop_test_reports(results.result())

    assert [("completed", "pass"), ("completed", "fail"), ("stopped", "fail")] == [
        (each["status"], each["result"]) for each in (good, bad, dead)
    ]
    assert (Decimal("100.0"), Decimal("50.0"), None) == tuple(each.get("score") for each in (good, bad, dead))
    assert "error" == dead["setup"]["action"][0]["operation"]["result"]
    assert "2026-05-01T12:00:00Z" == good["issued"]
    said = {
        test["name"]: [action["assert"]["result"] for action in test["action"]]
        for each in (bad,)
        for test in each["test"]
    }
    assert {
        "atomic": ["fail"],
        "order": ["pass"],
        "paging": ["warning"],
        "include": ["warning"],
        "history": ["skip"],
        "hcc": ["pass", "fail", "fail"],
    } == said
    assert {
        "result": "fail",
        "message": "one of two entries is stored",
        "detail": results.SPECIFICATION,
    } == bad["test"][0]["action"][0]["assert"]
    assert "Group/g: rejected: HTTP 422: no Group here" == bad["test"][-1]["action"][2]["assert"]["message"]


def test_a_server_that_could_not_be_started_has_a_valid_test_report_without_its_address() -> None:
    (report,) = interop_test_reports(results.result(ServerResult("one", "", error="it did not start")))

    assert ["test-engine"] == [each["type"] for each in report["participant"]]
    assert validate(parse(dump(report))).ok


def test_an_empty_text_becomes_no_empty_string_of_fhir() -> None:
    server = ServerResult("one", "https://one.example", probes=(ProbeResult("atomic", "fail", " "),))
    (report,) = interop_test_reports(results.result(server, probes=results.PROBES[:1]))

    assert "-" == report["test"][0]["action"][0]["assert"]["message"]


def test_a_server_of_which_nothing_was_learned_has_not_passed() -> None:
    unasked = tuple(ProbeResult(each.name, "not run", "why") for each in results.PROBES)
    (report,) = interop_test_reports(results.result(ServerResult("one", "https://one.example", probes=unasked)))

    assert "pending" == report["result"]
    assert "score" not in report


def test_a_message_of_a_server_is_neither_markup_nor_html_in_a_test_report() -> None:
    report, _ = interop_test_reports(results.hostile())

    messages = [action["assert"]["message"] for test in report["test"] for action in test["action"]]
    assert any("\\<script>" in each for each in messages)
    assert not any(re.search(r"(?<!\\)[<`\[]", each) for each in messages)
