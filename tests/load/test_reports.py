"""The reports, to the letter."""

from __future__ import annotations

from decimal import Decimal

from fhir_case.fhir.wire import dump, parse
from fhir_case.load.compare import Difference
from fhir_case.load.journal import Journal, JournalEntry
from fhir_case.load.readback import Comparison, Verification
from fhir_case.report.upload import upload_text
from fhir_case.report.verification import verification_text

BASE = "https://fhir.example/fhir"


def test_an_upload_that_went_well_is_three_lines() -> None:
    journal = Journal(BASE, tuple(JournalEntry(f"Patient/{n}", "PUT", 201, "created") for n in range(62)), 1.26)

    expected = """\
Upload to https://fhir.example/fhir
Resources  [created, updated, unchanged, failed]  62, 0, 0, 0
Duration   [seconds]                              1.3"""
    assert expected == upload_text(journal)


def test_warnings_failures_and_what_is_not_known_are_shown() -> None:
    entries = (
        JournalEntry("Patient/a", "PUT", 201, "created"),
        JournalEntry("Observation/long-name", "PUT", 0, "failed", reason="the answer has no status"),
        JournalEntry("Group/g", "PUT", 409, "failed", reason="HTTP 409"),
        JournalEntry("Patient/b", "PUT", 200, "updated or unchanged"),
    )

    expected = """\
Upload to https://fhir.example/fhir
Resources  [created, updated, unchanged, updated or unchanged, failed]  1, 0, 0, 1, 2
Duration   [seconds]                              0.0
Warning: beware

Failed     [resource, reason]
  Observation/long-name  the answer has no status
  Group/g                HTTP 409"""
    assert expected == upload_text(Journal(BASE, entries, 0.0, ("beware",)))


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
            Comparison("Group/g", "", "lost", reason="Group/g was deleted"),
        ),
    )


def test_what_is_not_as_sent_is_listed_with_both_values() -> None:
    expected = f"""\
Read back from https://fhir.example/fhir
Resources  [equal, added, rewritten, altered, lost, not checked]        0, 1, 0, 1, 1, 0

Not as sent  [resource, state; element, kind, sent, stored]
  Observation/o (stored as Observation/77): altered
    Observation.valueQuantity.value  precision   15.00  ->  15.0
    Observation.note[0].text         changed     "{"x" * 58}…  ->  "short"
    Observation.issued               missing     "2026"  ->  nothing
  Group/g: lost: Group/g was deleted"""
    assert expected == verification_text(verification())


def test_a_verification_that_went_well_is_two_lines() -> None:
    good = Verification(BASE, verification().comparisons[:1])

    assert good.ok
    assert 2 == len(verification_text(good).splitlines())


def test_a_long_list_is_cut_and_says_so() -> None:
    lost = tuple(Comparison(f"Patient/{number}", "", "lost", reason="gone") for number in range(25))
    lines = verification_text(Verification(BASE, lost)).splitlines()

    assert "  and 5 more; the JSON report lists all" == lines[-1]
    assert 25 == len(lines)


def test_the_json_of_a_verification_keeps_the_digits() -> None:
    value = parse(dump(verification().to_dict()))

    assert not value["ok"]
    assert {"equal": 0, "added": 1, "rewritten": 0, "altered": 1, "lost": 1, "not checked": 0} == value["counts"]
    assert ("15.00", "15.0") == tuple(
        str(value["comparisons"][1]["differences"][1][each]) for each in ("sent", "stored")
    )
