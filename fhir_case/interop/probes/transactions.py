"""Are transactions all or nothing, and do references find what they mean?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from fhir_case.interop.probe import probe
from fhir_case.interop.sandbox import places
from fhir_case.interop.verdict import FailError, NotRunError, check, need

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Ground

__all__ = ["PROBES"]

_GROUP = "Transactions"
_MANY = 200


def _need_transaction(ground: Ground) -> None:
    need(ground.claims.system("transaction"), "the interaction 'transaction'")


def _urn(ground: Ground, key: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, ground.id(key))}"


def _accepted(reply: Reply, ground: Ground) -> list[dict[str, Any]]:
    """Return the response elements of a transaction that was accepted."""
    if not reply.ok:
        ground.refused(reply, "the transaction")
    entries = (reply.body or {}).get("entry") or []
    return [each.get("response") or {} for each in entries]


@probe(
    _GROUP, "all or nothing", level="SHALL", page="http.html#trules",
    expected="a transaction with one entry that cannot be done is refused as a whole, and nothing of it is stored",
)  # fmt: skip
def transaction_atomic(ground: Ground) -> str:
    _need_transaction(ground)
    refused = 0
    for kind, bad in _bad_entries(ground).items():
        good = ground.entry(ground.patient(f"atomic-{kind}"))
        reply = ground.transaction(good, bad)
        statuses = [str(each.get("status", "")) for each in _responses(reply)]
        if reply.ok and any(each.startswith(("4", "5")) for each in statuses):
            raise FailError(f"it was carried out in part: the entries answer {', '.join(statuses)} ({kind})")
        if reply.ok:
            continue
        refused += 1
        left = ground.found("Patient", {"identifier": ground.identifier(f"atomic-{kind}")})
        check(not left, f"it was refused with HTTP {reply.status} ({kind}), and the other entry is stored all the same")
    if not refused:
        raise NotRunError("the server accepts each entry that was meant to fail")
    return f"{refused} transactions were refused, and nothing of them is stored"


def _bad_entries(ground: Ground) -> dict[str, Resource]:
    """Return entries that cannot be done; no server refuses all of them, and one that refuses is enough."""
    nobody = f"Patient?identifier={ground.system}|nobody-at-all"
    late = {**ground.patient("stale"), "id": ground.id("stale")}
    shapeless = {**ground.observation("shapeless", "Patient/1"), "status": {"not": "a code"}}
    return {
        "a conditional reference without a match": ground.entry(ground.observation("lost", nobody)),
        "an element of the wrong type": ground.entry(shapeless),
        "a version that never was": ground.entry(
            late, f"Patient/{late['id']}", method="PUT", ifMatch='W/"987654"'
        ),
    }  # fmt: skip


def _responses(reply: Reply) -> list[dict[str, Any]]:
    return [each.get("response") or {} for each in (reply.body or {}).get("entry") or [] if isinstance(each, dict)]


@probe(
    _GROUP, "references by urn:uuid are resolved", level="SHALL", page="http.html#trules",
    expected="a reference to the fullUrl of another entry points to the resource that was stored for it",
)  # fmt: skip
def transaction_references(ground: Ground) -> str:
    _need_transaction(ground)
    urn = _urn(ground, "patient")
    reply = ground.transaction(
        ground.entry(ground.observation("refers", urn)), ground.entry(ground.patient("referred"), full_url=urn)
    )
    _accepted(reply, ground)
    observation, patient = _both(reply)
    found = ground.read(observation).get("subject", {}).get("reference")
    check(_ends(found, patient), f"subject is '{found}', the Patient is {patient}")
    return f"subject is '{found}'"


def _both(reply: Reply) -> tuple[str, str]:
    stored = list(places(reply))
    check(len(stored) == 2, f"of 2 entries {len(stored)} are answered with 201 and a location")
    return stored[0], stored[1]


def _ends(reference: object, place: str) -> bool:
    return isinstance(reference, str) and (reference == place or reference.endswith(f"/{place}"))


@probe(
    _GROUP, "conditional references are resolved", level="SHALL", page="http.html#trules",
    expected="a reference Patient?identifier=… in a transaction points to the one Patient that matches",
)  # fmt: skip
def conditional_reference(ground: Ground) -> str:
    _need_transaction(ground)
    patient = ground.made(ground.patient("conditional-reference"))
    ground.finds("Patient", {"identifier": ground.identifier("conditional-reference")}, {patient})
    search = f"Patient?identifier={ground.identifier('conditional-reference')}"
    reply = ground.transaction(ground.entry(ground.observation("searches", search)))
    _accepted(reply, ground)
    stored = next(places(reply), "")
    check(bool(stored), "no location in the answer")
    found = ground.read(stored).get("subject", {}).get("reference")
    check(_ends(found, patient), f"subject is '{found}', the Patient is {patient}")
    return f"subject is '{found}'"


@probe(
    _GROUP, "each entry is answered, in order", level="SHALL", page="http.html#transaction-response",
    expected="a transaction-response that answers each entry of the request, in its order, with status and location",
)  # fmt: skip
def transaction_response(ground: Ground) -> str:
    _need_transaction(ground)
    keys = [f"order-{number}" for number in range(5)]
    kinds = ["Patient", "Observation", "Patient", "Observation", "Patient"]
    made = [
        ground.patient(key) if kind == "Patient" else ground.observation(key)
        for key, kind in zip(keys, kinds, strict=True)
    ]
    reply = ground.transaction(*(ground.entry(each) for each in made))
    answers = _accepted(reply, ground)
    check((reply.body or {}).get("type") == "transaction-response", f"the type is {(reply.body or {}).get('type')!r}")
    check(len(answers) == len(keys), f"{len(answers)} entries answer {len(keys)}")
    stored = list(places(reply))
    check(len(stored) == len(keys), f"{len(stored)} of {len(keys)} entries have status 201 and a location")
    for key, place in zip(keys, stored, strict=True):
        value = ground.read(place)["identifier"][0]["value"]
        check(value == key, f"the place of '{key}' in the answer holds '{value}'")
    return f"{len(keys)} entries, in their order"


@probe(
    _GROUP, "one resource twice is refused", level="SHALL", page="http.html#trules",
    expected="a transaction that updates the same resource twice fails",
)  # fmt: skip
def transaction_overlap(ground: Ground) -> str:
    _need_transaction(ground)
    place = ground.made(ground.patient("twice"))
    body = {**ground.patient("twice"), "id": place.partition("/")[2]}
    first = ground.entry({**body, "gender": "male"}, place, method="PUT")
    second = ground.entry({**body, "gender": "other"}, place, method="PUT")
    reply = ground.transaction(first, second)
    check(not reply.ok, f"it answers HTTP {reply.status}, and '{ground.read(place).get('gender')}' is stored")
    return f"HTTP {reply.status}"


@probe(
    _GROUP, "entries of a batch stand alone", level="SHOULD", page="http.html#brules",
    expected="in a batch, an entry that cannot be done fails alone; each has a status of its own",
)  # fmt: skip
def batch_independent(ground: Ground) -> str:
    need(ground.claims.system("batch"), "the interaction 'batch'")
    shapeless = {**ground.observation("batch-bad", "Patient/1"), "status": {"not": "a code"}}
    reply = ground.transaction(
        ground.entry(ground.patient("batch-1")), ground.entry(shapeless), ground.entry(ground.patient("batch-2")),
        kind="batch",
    )  # fmt: skip
    if not reply.ok:
        raise FailError(f"one bad entry, and the whole batch is refused (HTTP {reply.status})")
    statuses = [str(each.get("status", ""))[:3] for each in _responses(reply)]
    check(len(statuses) == 3, f"{len(statuses)} entries answer 3")
    check(statuses[0][:1] == "2" and statuses[2][:1] == "2", f"the entries answer {', '.join(statuses)}")
    if statuses[1][:1] not in ("4", "5"):
        raise NotRunError(f"the server accepts the entry that was meant to fail ({statuses[1]})")
    return f"the entries answer {', '.join(statuses)}"


@probe(
    _GROUP, f"takes a Bundle of {_MANY} entries", level="MAY", page="http.html#transaction",
    expected=f"a transaction of {_MANY} Observations is stored, none of them lost",
)  # fmt: skip
def large_bundle(ground: Ground) -> str:
    _need_transaction(ground)
    urn = _urn(ground, "large")
    many = [ground.entry(ground.observation(f"large-{number}", urn)) for number in range(_MANY)]
    reply = ground.transaction(ground.entry(ground.patient("large"), full_url=urn), *many)
    if not reply.ok:
        raise FailError(f"it is refused (HTTP {reply.status})")
    stored = list(places(reply))
    check(len(stored) == _MANY + 1, f"of {_MANY + 1} entries {len(stored)} are answered as created")
    mark = len(ground.talk.exchanges)
    lost = [place for place in stored if ground.talk.ask("GET", place).status != 200]
    del ground.talk.exchanges[mark:]
    ground.talk.ask("GET", (lost or stored)[0])  # one of so many is evidence enough
    check(not lost, f"answered as created, and not there: {len(lost)}, for example {lost[:1]}")
    return f"all {_MANY + 1} resources are there"


PROBES = (
    transaction_atomic,
    transaction_references,
    conditional_reference,
    transaction_response,
    transaction_overlap,
    batch_independent,
    large_bundle,
)
