"""Each fault changes what it says, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smallserver import FAULTS, SmallServer
from smallserver.asking import bundle, entry, observation, patient, without_own
from smallserver.looking import LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from smallserver.asking import Fhir

    Serve = Callable[..., Fhir]

# Under it nothing is as it should be.
ALL = "answers-200-to-everything"

# What cannot be seen where there is no history, patch or $everything.
ALSO = {
    "claims-too-much": {"history-misses-version", "patch-ignored", "everything-incomplete"},
    # What one does at all times, another does at some.
    "keeps-urn-references": {"keeps-unresolved-placeholders"},
    "ignores-if-none-exist": {"races-on-conditional-create"},
    "duplicates-on-conditional-create": {"judges-conditions-before"},
    "ignores-date-prefix": {"search-misses-periods"},
}


def test_there_is_a_look_for_every_fault() -> None:
    assert list(FAULTS) == list(SmallServer.FAULTS)
    assert set(FAULTS) == {*LOOKS, ALL}


def test_a_correct_server_has_no_fault(fhir: Fhir) -> None:
    assert {name: look.correct for name, look in LOOKS.items()} == {name: look.at(fhir) for name, look in LOOKS.items()}


@pytest.mark.parametrize("fault", LOOKS)
def test_a_fault_changes_what_it_says_and_nothing_else(served: Serve, fhir: Fhir, fault: str) -> None:
    faulty = served(fault)
    seen = {name: look.at(faulty) for name, look in LOOKS.items()}

    assert LOOKS[fault].faulty == seen[fault]
    assert {fault} | ALSO.get(fault, set()) == {name for name, look in LOOKS.items() if seen[name] != look.correct}
    assert fhir.get("metadata")["rest"] == faulty.get("metadata")["rest"]


def test_several_faults_can_be_planted_at_once(served: Serve) -> None:
    faulty = served("rounds-decimals", "drops-note")
    stored = faulty.stored(observation("a", value="15.0", note=[{"text": "x"}]))

    assert ("15", False) == (str(stored["valueQuantity"]["value"]), "note" in stored)


def test_who_answers_200_to_everything_stores_nothing(served: Serve, fhir: Fhir) -> None:
    faulty = served(ALL)

    assert patient("a") == faulty.put(patient("a")).json()
    for method, path in (("GET", "Patient/a"), ("GET", "Nonsense/x/y"), ("DELETE", "Patient/a"), ("GET", "Patient")):
        answer = faulty.ask(method, path)
        assert (200, "searchset", 0) == (answer.status_code, answer.json()["type"], answer.json()["total"])
    sent = bundle(entry("PUT", "Patient/a", patient("a")))
    assert (200, sent) == (faulty.post(sent).status_code, faulty.post(sent).json())
    assert fhir.get("metadata")["rest"] == faulty.get("metadata")["rest"]


def test_what_was_lost_is_an_update_the_next_time(served: Serve) -> None:
    faulty = served("loses-one-of-a-hundred")
    statuses = [faulty.put(patient(f"p{number}")).status_code for number in range(100)]

    assert [201] * 100 == statuses
    assert [200] * 99 + [404] == [faulty.ask("GET", f"Patient/p{number}").status_code for number in range(100)]
    assert (201, 200) == (faulty.put(patient("p99")).status_code, faulty.ask("GET", "Patient/p99").status_code)


def test_a_broken_transaction_leaves_only_the_entries_before_the_fault(served: Serve) -> None:
    faulty = served("breaks-atomicity")
    faulty.post(
        bundle(
            entry("PUT", "Patient/before", patient("before")),
            entry("PUT", "Patient/wrong", patient("other")),
            entry("PUT", "Patient/after", patient("after")),
        )
    )

    assert ["before"] == faulty.ids("Patient")


def test_all_else_of_a_resource_is_stored_as_it_is(served: Serve) -> None:
    faulty = served("drops-extension", "drops-element", "drops-note", "drops-tag")
    name = {"family": "A", "_family": {"extension": [{"url": "http://example.org/x", "valueCode": "x"}]}}
    only = {"extension": [{"url": "http://example.org/x", "valueCode": "x"}]}
    words = {"coding": [{"system": "urn:codes", "code": "1"}], "text": "x"}
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
    meta = {"tag": [{"code": "x"}], "security": [{"code": "y"}]}
    faulty.put(patient("a", meta=meta, text=text, name=[name, only], maritalStatus=words))

    assert patient(
        "a",
        meta={"security": [{"code": "y"}]},
        text=text,
        name=[{"family": "A"}],
        maritalStatus={"coding": words["coding"]},
    ) == without_own(faulty.get("Patient/a"))


@pytest.mark.parametrize("names", [{"faults": ("drops",)}, {"without": ("patches",)}, {"without": ("search-x",)}])
def test_what_has_no_such_name_is_refused(names: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no (fault|capability) is named (drops|patches|search-x); there are "):
        SmallServer(**names)
