"""The reports, to the letter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_case.errors import ServerError
from fhir_case.fhir.compare import Difference
from fhir_case.fhir.wire import dump, parse
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.run.result import Result
from fhir_case.load.send.tally import Tally
from fhir_case.load.verification.readback import Comparison, Verification
from fhir_case.load.verification.summary import VerificationSummary
from fhir_case.report.counts import counts_table
from fhir_case.report.upload import summary, summary_text
from fhir_case.report.verification import VerificationJson, verification_text, verification_words
from load.sample import counts_of

BASE = "https://fhir.example/fhir"


def tally(**states: int) -> Tally:
    found = Tally()
    found.answered(200, 0.25, 1234)
    found.states.update(states)
    return found


def result(failures: list[JournalEntry], **of: Any) -> Result:
    found = Result(**of)
    found.note(failures)
    return found


def test_an_upload_that_went_well_is_a_few_lines_to_the_letter() -> None:
    expected = """\
Upload to https://fhir.example/fhir
Resources  created                    62
           updated                     0
           unchanged                   0
           failed                      0
Requests   HTTP 200                    1
Latency    p50                   0.250 s
           p95                   0.250 s
           p99                   0.250 s
           max                   0.250 s
Total      bytes sent              1,234
           time                  1.260 s
           resources per second     49.2
Journal  /state/journal.jsonl"""
    value = summary(BASE, Result(resources=62, seconds=1.26), tally(created=62), (), "/state/journal.jsonl")
    assert expected == summary_text(value)


def test_warnings_failures_and_what_is_not_known_are_shown() -> None:
    failures = [
        JournalEntry("Observation/long-name", "PUT", 0, "failed", reason="the answer has no status", source="a.json"),
        JournalEntry("Group/g", "PUT", 0, "unknown", reason="no answer", source="b.ndjson:7"),
    ]
    counts = tally(created=1, failed=1, unknown=1, **{"updated or unchanged": 1})
    counts.answered(0, 1.0, 10)
    counts.retry(ServerError("no answer from x within 1 s"), 9)
    found = result(failures, resources=10, earlier=4, seconds=12.0, error=ServerError("gone"))

    expected = """\
First failure: a.json: Observation/long-name: the answer has no status
Upload to https://fhir.example/fhir
Resources  created                     1
           updated                     0
           unchanged                   0
           updated or unchanged        1
           failed                      1
           unknown                     1
           of an earlier run           4
           not sent                    2
Requests   no answer                   1
           HTTP 200                    1
Retries    no answer                   1
Latency    p50                   0.250 s
           p95                   0.250 s
           p99                   0.250 s
           max                   0.250 s
Total      bytes sent              1,244
           time                   12.0 s
           resources per second      0.2
Journal  j

Failed:
  a.json: Observation/long-name: the answer has no status
  b.ndjson:7: Group/g: no answer"""
    assert expected == summary_text(summary(BASE, found, counts, ("beware",), "j"))


def test_what_is_stored_with_open_references_counts_once_and_is_listed() -> None:
    counts = Tally()
    reason = "stored as Observation/7, but references in it lead nowhere"
    entry = JournalEntry("Observation/o", "POST", 201, "created", "Observation/7", "1", reason, references="open")
    counts.stored([entry])
    text = summary_text(summary(BASE, result([entry], resources=1), counts, (), ""))

    assert "References  unresolved in resources        1\n" in text
    assert {"created": 1, "updated": 0, "unchanged": 0, "failed": 0} == counts_of(text, "Resources")
    assert text.endswith(f"Failed:\n  Observation/o: {reason}")


def test_what_fails_alike_is_one_line_with_the_number_and_the_first_places() -> None:
    reason = "HTTP 405 Method Not Allowed"
    failures = [
        JournalEntry(f"Patient/{number}", "PUT", 405, "failed", reason=reason, source="a.json") for number in range(250)
    ]
    value = summary(BASE, result(failures, resources=250), tally(failed=250), (), "j")

    named = [f"a.json: Patient/{number}" for number in range(3)]
    assert [{"reason": reason, "count": 250, "first": named}] == value["reasons"]
    assert f"  {', '.join(named)} and 247 more: {reason}" == summary_text(value).splitlines()[-1]
    assert {"place": "a.json: Patient/0", "reason": reason} == value["first_failure"]


def test_reasons_that_name_the_resource_are_alike_but_for_that() -> None:
    failures = [
        JournalEntry(f"Patient/{number}", "PUT", 400, "failed", reason=f"Patient/{number} has no name")
        for number in range(2)
    ]

    text = summary_text(summary(BASE, result(failures, resources=2), tally(failed=2), (), "j"))
    assert text.endswith("Failed:\n  Patient/0, Patient/1: Patient/0 has no name")


def test_a_long_list_of_failures_is_cut_and_says_where_all_are() -> None:
    failures = [
        JournalEntry(f"Patient/{number}", "PUT", 400, "failed", reason=f"no {number:02}") for number in range(25)
    ]
    value = summary(BASE, result(failures, resources=25), tally(failed=25), (), "j")

    assert "  and 5 more; the journal lists all" == summary_text(value).splitlines()[-1]
    assert 25 == len(value["failures"])


def test_the_json_of_an_upload_counts_every_resource() -> None:
    found = Result(resources=10, earlier=4, seconds=2.0, error=ServerError("gone", hint="try again"))
    value = parse(dump(summary(BASE, found, tally(created=1, unchanged=1, failed=1), ("beware",), "j")))

    assert {"created": 1, "unchanged": 1, "failed": 1} == {name: n for name, n in value["resources"].items() if n}
    assert (4, 3) == (value["resources_of_an_earlier_run"], value["resources_not_sent"])
    assert "gone; try again" == value["error"]
    assert (["beware"], "j", Decimal("1.0")) == (value["warnings"], value["journal"], value["resources_a_second"])


def verification() -> Verification:
    differences = (
        Difference("Observation.meta.versionId", "added", None, "1"),
        Difference("Observation.valueQuantity.value", "precision", Decimal("15.00"), Decimal("15.0")),
        Difference("Observation.note[0].text", "changed", "x" * 100, "short"),
        Difference("Observation.issued", "missing", "2026", None),
    )
    return Verification(
        BASE,
        (
            Comparison("Patient/a", "Patient/a", "added", differences[:1]),
            Comparison("Observation/o", "Observation/77", "altered", differences),
            Comparison("Group/g", "", "lost", reason="Group/g was deleted", source="b.ndjson:7"),
        ),
    )


def test_what_is_not_as_sent_is_listed_with_both_values() -> None:
    expected = f"""\
Read back from https://fhir.example/fhir: 1 of 3 as sent
Resources  equal         0
           server-added  1
           rewritten     0
           altered       1
           lost          1
           refused       0
           not checked   0

Not as sent:
  Observation/o (stored as Observation/77): altered
    Observation.valueQuantity.value  precision   15.00  ->  15.0
    Observation.note[0].text         changed     "{"x" * 58}…  ->  "short"
    Observation.issued               missing     "2026"  ->  nothing
  b.ndjson:7: Group/g: lost: Group/g was deleted"""
    assert expected == verification_text(verification())


def test_a_verification_without_differences_is_a_line_and_a_table() -> None:
    good = Verification(BASE, verification().comparisons[:1])
    lines = verification_text(good).splitlines()

    assert good.ok
    assert "Read back from https://fhir.example/fhir: 1 of 1 as sent" == lines[0]
    assert 8 == len(lines)


def test_a_run_names_the_states_of_a_verification_as_verify_does() -> None:
    expected = "1 of 3 as sent: 1 server-added, 1 altered, 1 lost (meta.versionId)"
    assert expected == verification_words(verification())


def test_a_table_of_counts_fits_a_narrow_terminal() -> None:
    table = counts_table(
        {"Resources": {"created": 1_234_567_890, "resources_not_sent": 1}, "Retries": {}, "A": {"b": "-"}}
    )

    assert table == [
        "Resources  created             1,234,567,890",
        "           resources_not_sent              1",
        "A          b                               -",
    ]


def test_a_long_list_is_cut_and_says_so() -> None:
    lost = tuple(Comparison(f"Patient/{number}", "", "lost", reason=f"gone {number:02}") for number in range(25))
    lines = verification_text(Verification(BASE, lost)).splitlines()

    assert "  and 5 more; the JSON report lists all" == lines[-1]
    assert 31 == len(lines)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_json_that_is_written_piece_by_piece_is_that_of_the_whole(count: int) -> None:
    whole = Verification(BASE, verification().comparisons[:count])
    found = VerificationSummary(BASE)
    with VerificationJson() as report:
        for each in whole.comparisons:
            found.add([each])
            report.add([each])
        pieces = list(report.pieces(found))

    assert dump(whole.to_dict(), indent=True) == b"".join(pieces)


def test_a_million_that_are_lost_are_counted_and_a_few_are_kept() -> None:
    found = VerificationSummary(BASE)
    lost = [Comparison("Patient/a", "", "lost", reason="gone")] * 1000
    for _ in range(1000):
        found.add(lost)

    assert (1_000_000, False) == (found.counts["lost"], found.ok)
    assert len(found.wrong) < 1000
    assert "  Patient/a, Patient/a, Patient/a and 999,997 more: lost: gone" == verification_text(found).splitlines()[-1]


def test_the_json_of_a_verification_keeps_the_digits() -> None:
    value = parse(dump(verification().to_dict()))

    assert not value["ok"]
    assert {"equal": 0, "added": 1, "rewritten": 0, "altered": 1, "lost": 1, "refused": 0, "not checked": 0} == value[
        "counts"
    ]
    assert ("15.00", "15.0") == tuple(
        str(value["comparisons"][1]["differences"][1][each]) for each in ("sent", "stored")
    )
