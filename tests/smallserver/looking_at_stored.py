"""For each fault of what is stored a look at a server that shows it; see `looking`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .asking import bundle, entry, observation, patient

if TYPE_CHECKING:
    from collections.abc import Callable

    from .asking import Fhir

__all__ = ["STORED", "Look", "statuses"]

_WORD = {"url": "http://example.org/word", "valueString": "x"}


class Look(NamedTuple):
    """
    One look.

    Args:
        at: Gives what it sees. Many looks are taken at one server: each uses ids of its own.
        correct: What it sees at a correct server.
        faulty: What it sees at a server with the fault.
    """

    at: Callable[[Fhir], Any]
    correct: Any
    faulty: Any


def statuses(answer: Any) -> list[int]:
    """Return the statuses of the entries of a Bundle."""
    return [int(each["response"]["status"][:3]) for each in answer.json()["entry"]]


def _creates(fhir: Fhir) -> Any:
    basic = {"resourceType": "Basic", "code": {"text": "x"}}
    half = bundle(*(entry("POST", "Basic", basic) for _ in range(50)), kind="batch")
    found = {*statuses(fhir.post(half)), *statuses(fhir.post(half))}
    return found, len(fhir.ids("Basic?_count=1000"))


def _words(fhir: Fhir) -> Any:
    code = {"coding": [{"system": "urn:codes", "code": "1"}], "text": "x"}
    return fhir.stored({**observation("words"), "code": code})["code"].get("text")


def _extensions(fhir: Fhir) -> Any:
    sent = patient("extended", extension=[_WORD], gender="male", _gender={"extension": [_WORD]})
    return sorted(fhir.stored(sent).keys() - {"language"})


def _note(fhir: Fhir) -> Any:
    return fhir.stored(observation("noted", note=[{"text": "x"}])).get("note")


def _tag(fhir: Fhir) -> Any:
    return fhir.stored(patient("tagged", meta={"tag": [{"code": "x"}]})).get("meta")


def _label(fhir: Fhir) -> Any:
    return fhir.stored(patient("labelled", meta={"security": [{"code": "x", "display": "y"}]})).get("meta")


def _unknown(fhir: Fhir) -> Any:
    status = fhir.put(patient("unknown", nick="x", name=[{"family": "A", "nick": "x"}], gender="male")).status_code
    read = fhir.ask("GET", "Patient/unknown").json()
    return status, read.get("gender"), read.get("name"), read.get("nick")


def _code(fhir: Fhir) -> Any:
    return fhir.stored(observation("coded", "15"))["code"]["coding"][0]["code"]


def _decimals(fhir: Fhir) -> Any:
    fhir.put(observation("exact", value="15.0"))
    fhir.put(observation("exacter", value="1.10"))
    return [str(fhir.get(f"Observation/{each}")["valueQuantity"]["value"]) for each in ("exact", "exacter")]


def _time(fhir: Fhir) -> str:
    time = fhir.stored(observation("timed", effectiveDateTime="2018-03-05T10:15:30+01:00"))["effectiveDateTime"]
    return str(time)


def _month(fhir: Fhir) -> Any:
    stored = fhir.stored(observation("dated", effectiveDateTime="2018-03", valueString="2018-03"))
    return stored["effectiveDateTime"], stored["valueString"]


def _length(fhir: Fhir) -> Any:
    return len(fhir.stored(observation("long", valueString="x" * 9000))["valueString"])


def _unicode(fhir: Fhir) -> Any:
    return fhir.stored(observation("signs", valueString="Größe 漢"))["valueString"]


STORED = {
    # The first one counts what is created: no more than 99 may be created by all others.
    "loses-one-of-a-hundred": Look(_creates, ({201}, 100), ({201}, 99)),
    "drops-element": Look(_words, "x", None),
    "drops-extension": Look(
        _extensions,
        ["_gender", "extension", "gender", "id", "resourceType"],
        ["gender", "id", "resourceType"],
    ),
    "drops-note": Look(_note, [{"text": "x"}], None),
    "drops-tag": Look(_tag, {"tag": [{"code": "x"}]}, None),
    "drops-label-display": Look(_label, {"security": [{"code": "x", "display": "y"}]}, {"security": [{"code": "x"}]}),
    "adds-language": Look(lambda fhir: fhir.stored(patient("spoken")).get("language"), None, "en"),
    "drops-unknown-silently": Look(_unknown, (422, None, None, None), (201, "male", [{"family": "A"}], None)),
    "rewrites-code": Look(_code, "15", "10"),
    "rounds-decimals": Look(_decimals, ["15.0", "1.10"], ["15", "1.1"]),
    "cuts-seconds": Look(lambda fhir: _time(fhir)[11:19], "10:15:30", "10:15:00"),
    "drops-time-zone": Look(lambda fhir: _time(fhir)[19:], "+01:00", ""),
    "cuts-dates": Look(_month, ("2018-03", "2018-03"), ("2018-03-01", "2018-03")),
    "cuts-long-strings": Look(_length, 9000, 4000),
    "mangles-unicode": Look(_unicode, "Größe 漢", "Gr??e ?"),
}
