"""Are transactions all or nothing, and do references find what they mean?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from fhir_case.fhir.datatypes import TEST_DATA
from fhir_case.fhir.wire import mapping
from fhir_case.interop.entries import created
from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.verdict import FailError, NotRunError, check, need

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Transactions")
_MANY = 200


def _need_transaction(sandbox: Sandbox) -> None:
    need(sandbox.claims.system("transaction"), "the interaction 'transaction'")


def _urn(sandbox: Sandbox, key: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, sandbox.id(key))}"


def _accepted(reply: Reply, sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the response elements of a transaction that was accepted."""
    if not reply.ok:
        sandbox.refused(reply, "the transaction")
    return _responses(reply)


@GROUP.probe(
    "all or nothing", level="SHALL", page="http.html#trules",
    expected="a transaction with one entry that cannot be done is refused as a whole, and nothing of it is stored",
)  # fmt: skip
def transaction_atomic(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    sandbox.stored(sandbox.patient("atomic"))
    sandbox.made("Patient", "atomic")  # a search can tell what is stored
    refused = 0
    for kind, bad in _bad_entries(sandbox).items():
        good = sandbox.entry(sandbox.patient(f"atomic-{kind}"))
        reply = sandbox.transaction(good, bad)
        statuses = [str(each.get("status", "")) for each in _responses(reply)]
        if reply.ok and any(each.startswith(("4", "5")) for each in statuses):
            raise FailError(f"it was carried out in part: the entries answer {', '.join(statuses)} ({kind})")
        if reply.ok:
            continue
        refused += 1
        left = sandbox.holders("Patient", f"atomic-{kind}")
        check(not left, f"it was refused with HTTP {reply.status} ({kind}), and the other entry is stored all the same")
    if not refused:
        raise NotRunError("the server accepts each entry that was meant to fail")
    return f"{refused} transactions were refused, and nothing of them is stored"


def _bad_entries(sandbox: Sandbox) -> dict[str, Resource]:
    """Return entries that cannot be done; no server refuses all of them, and one that refuses is enough."""
    nobody = f"Patient?identifier={sandbox.system}|nobody-at-all"
    late = {**sandbox.patient("stale"), "id": sandbox.id("stale")}
    shapeless = {**sandbox.observation("shapeless", "Patient/1"), "status": {"not": "a code"}}
    return {
        "a conditional reference without a match": sandbox.entry(sandbox.observation("lost", nobody)),
        "an element of the wrong type": sandbox.entry(shapeless),
        "a version that never was": sandbox.entry(
            late, f"Patient/{late['id']}", method="PUT", ifMatch='W/"987654"'
        ),
    }  # fmt: skip


def _responses(reply: Reply) -> list[dict[str, Any]]:
    return [each.get("response") or {} for each in (reply.body or {}).get("entry") or [] if isinstance(each, dict)]


@GROUP.probe(
    "references by urn:uuid are resolved", level="SHALL", page="http.html#trules",
    expected="a reference to the fullUrl of another entry points to the resource that was stored for it",
)  # fmt: skip
def transaction_references(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    urn = _urn(sandbox, "patient")
    reply = sandbox.transaction(
        sandbox.entry(sandbox.observation("refers", urn)), sandbox.entry(sandbox.patient("referred"), full_url=urn)
    )
    _accepted(reply, sandbox)
    observation, patient = _both(reply)
    found = sandbox.read(observation).get("subject", {}).get("reference")
    check(_ends(found, patient), f"subject is '{found}', the Patient is {patient}")
    return f"subject is '{found}'"


def _both(reply: Reply) -> tuple[str, str]:
    stored = list(created(reply))
    check(len(stored) == 2, f"of 2 entries {len(stored)} are answered with 201 and a location")
    return stored[0], stored[1]


def _ends(reference: object, location: str) -> bool:
    return isinstance(reference, str) and (reference == location or reference.endswith(f"/{location}"))


@GROUP.probe(
    "conditional references are resolved", level="SHALL", page="http.html#trules",
    expected="a reference Patient?identifier=… in a transaction points to the one Patient that matches",
)  # fmt: skip
def conditional_reference(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    patient = sandbox.stored(sandbox.patient("conditional-reference"))
    sandbox.finds("Patient", {"identifier": sandbox.identifier("conditional-reference")}, {patient})
    search = f"Patient?identifier={sandbox.identifier('conditional-reference')}"
    reply = sandbox.transaction(sandbox.entry(sandbox.observation("searches", search)))
    _accepted(reply, sandbox)
    stored = next(created(reply), "")
    check(bool(stored), "no location in the answer")
    found = sandbox.read(stored).get("subject", {}).get("reference")
    check(_ends(found, patient), f"subject is '{found}', the Patient is {patient}")
    return f"subject is '{found}'"


@GROUP.probe(
    "one condition twice makes one", level="SHOULD", page="http.html#ccreate",
    expected="two entries with the same ifNoneExist create one resource, or the transaction is refused",
)  # fmt: skip
def transaction_condition_twice(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    need(sandbox.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    condition = f"identifier={sandbox.identifier('condition-twice')}"
    entries = [
        sandbox.entry(sandbox.patient("condition-twice"), full_url=_urn(sandbox, key), ifNoneExist=condition)
        for key in ("condition-twice-1", "condition-twice-2")
    ]
    reply = sandbox.transaction(*entries)
    if not reply.ok:
        return f"it is refused (HTTP {reply.status})"
    found = sandbox.made("Patient", "condition-twice")
    if len(found) > 1:
        sandbox.transaction(entries[0])
        if len(sandbox.made("Patient", "condition-twice", len(found))) > len(found):
            raise NotRunError("ifNoneExist is ignored in transactions, also where there is a match before")
    check(len(found) == 1, f"there are {len(found)} of them now")
    return "there is one"


@GROUP.probe(
    "a placeholder that stands for nothing is refused", level="SHOULD", page="http.html#trules",
    expected="a reference by urn:uuid that is the fullUrl of no entry is refused, and not stored as it is",
)  # fmt: skip
def transaction_unresolved(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    urn = _urn(sandbox, "nobody")
    reply = sandbox.transaction(sandbox.entry(sandbox.observation("unresolved", urn)))
    if not reply.ok:
        return f"it is refused (HTTP {reply.status})"
    stored = next(created(reply), "")
    if not stored:
        raise NotRunError("no location in the answer")
    found = mapping(sandbox.read(stored).get("subject")).get("reference")
    if found == urn and not _resolves(sandbox):
        raise NotRunError("no placeholder is resolved, also none that stands for an entry")
    check(found != urn, f"it answers HTTP {reply.status}, and subject is '{found}'")
    return f"the reference is not stored as it is: {found!r}"


def _resolves(sandbox: Sandbox) -> bool:
    urn = _urn(sandbox, "resolved")
    patient = sandbox.entry(sandbox.patient("resolved"), full_url=urn)
    reply = sandbox.transaction(patient, sandbox.entry(sandbox.observation("resolving", urn)))
    stored = next((each for each in created(reply) if each.startswith("Observation/")), "")
    return not stored or mapping(sandbox.read(stored).get("subject")).get("reference") != urn


@GROUP.probe(
    "a type that FHIR does not have is refused", level="SHALL", page="http.html#trules",
    expected="an entry of a transaction that creates a resource of an unknown type is not stored",
)  # fmt: skip
def transaction_unknown_type(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    unknown = {"resourceType": "Neverland", "meta": {"security": [TEST_DATA]}}
    reply = sandbox.transaction(sandbox.entry(unknown))
    statuses = [str(each.get("status", "")) for each in _responses(reply) if each.get("status")]
    if reply.ok and not statuses:
        raise NotRunError(f"it answers HTTP {reply.status}, and does not say what became of the entry")
    stored = reply.ok and any(each.startswith("2") for each in statuses)
    check(not stored, f"it answers HTTP {reply.status}, and for the entry {', '.join(statuses)}")
    check(reply.status < 500, f"it answers HTTP {reply.status}")
    return f"HTTP {reply.status}"


@GROUP.probe(
    "each entry is answered, in order", level="SHALL", page="http.html#transaction-response",
    expected="a transaction-response that answers each entry of the request, in its order, with status and location",
)  # fmt: skip
def transaction_response(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    keys = [f"order-{number}" for number in range(5)]
    kinds = ["Patient", "Observation", "Patient", "Observation", "Patient"]
    made = [
        sandbox.patient(key) if kind == "Patient" else sandbox.observation(key)
        for key, kind in zip(keys, kinds, strict=True)
    ]
    reply = sandbox.transaction(*(sandbox.entry(each) for each in made))
    answers = _accepted(reply, sandbox)
    check((reply.body or {}).get("type") == "transaction-response", f"the type is {(reply.body or {}).get('type')!r}")
    check(len(answers) == len(keys), f"{len(answers)} entries answer {len(keys)}")
    stored = list(created(reply))
    check(len(stored) == len(keys), f"{len(stored)} of {len(keys)} entries have status 201 and a location")
    for key, location in zip(keys, stored, strict=True):
        value = sandbox.read(location)["identifier"][0]["value"]
        check(value == key, f"the entry of '{key}' in the answer holds '{value}'")
    return f"{len(keys)} entries, in their order"


@GROUP.probe(
    "one resource twice is refused", level="SHALL", page="http.html#trules",
    expected="a transaction that updates the same resource twice fails",
)  # fmt: skip
def transaction_overlap(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    location = sandbox.stored(sandbox.patient("twice"))
    body = {**sandbox.patient("twice"), "id": location.partition("/")[2]}
    first = sandbox.entry({**body, "gender": "male"}, location, method="PUT")
    second = sandbox.entry({**body, "gender": "other"}, location, method="PUT")
    reply = sandbox.transaction(first, second)
    check(not reply.ok, f"it answers HTTP {reply.status}, and '{sandbox.read(location).get('gender')}' is stored")
    return f"HTTP {reply.status}"


@GROUP.probe(
    "entries of a batch stand alone", level="SHOULD", page="http.html#brules",
    expected="in a batch, an entry that cannot be done fails alone; each has a status of its own",
)  # fmt: skip
def batch_independent(sandbox: Sandbox) -> str:
    need(sandbox.claims.system("batch"), "the interaction 'batch'")
    shapeless = {**sandbox.observation("batch-bad", "Patient/1"), "status": {"not": "a code"}}
    reply = sandbox.transaction(
        sandbox.entry(sandbox.patient("batch-1")), sandbox.entry(shapeless), sandbox.entry(sandbox.patient("batch-2")),
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


@GROUP.probe(
    f"takes a Bundle of {_MANY} entries", level="MAY", page="http.html#transaction",
    expected=f"a transaction of {_MANY} Observations is stored, none of them lost",
)  # fmt: skip
def large_bundle(sandbox: Sandbox) -> str:
    _need_transaction(sandbox)
    urn = _urn(sandbox, "large")
    many = [sandbox.entry(sandbox.observation(f"large-{number}", urn)) for number in range(_MANY)]
    reply = sandbox.transaction(sandbox.entry(sandbox.patient("large"), full_url=urn), *many)
    if not reply.ok:
        raise FailError(f"it is refused (HTTP {reply.status})")
    stored = list(created(reply))
    check(len(stored) == _MANY + 1, f"of {_MANY + 1} entries {len(stored)} are answered as created")
    mark = len(sandbox.recorder.exchanges)
    lost = [location for location in stored if sandbox.ask("GET", location).status != 200]
    del sandbox.recorder.exchanges[mark:]
    sandbox.ask("GET", (lost or stored)[0])  # one of so many is evidence enough
    check(not lost, f"answered as created, and not there: {len(lost)}, for example {lost[:1]}")
    return f"all {_MANY + 1} resources are there"
