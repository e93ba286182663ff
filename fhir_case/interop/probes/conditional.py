"""Does the server do what depends on a condition, and only then?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.wire import mapping
from fhir_case.interop.entries import created
from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.verdict import NotRunError, check, need

if TYPE_CHECKING:
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Conditional")
_AT_ONCE = 8


def _condition(sandbox: Sandbox, key: str) -> dict[str, str]:
    return {"identifier": sandbox.identifier(key)}


@GROUP.probe(
    "conditional create makes no second", level="SHALL", page="http.html#ccreate",
    expected="If-None-Exist with no match creates (201), with one match does nothing (200)",
)  # fmt: skip
def conditional_create(sandbox: Sandbox) -> str:
    need(sandbox.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    body = sandbox.patient("if-none-exist")
    headers = {"If-None-Exist": f"identifier={sandbox.identifier('if-none-exist')}"}
    first = sandbox.create(body, headers=headers)
    if not first.ok:
        sandbox.refused(first, "the conditional create")
    sandbox.made("Patient", "if-none-exist")
    second = sandbox.create(body, headers=headers)
    check(second.ok, f"the second answers HTTP {second.status}")
    found = sandbox.made("Patient", "if-none-exist")
    check(len(found) == 1, f"there are {len(found)} of them now")
    check(first.status == 201, f"the first answers HTTP {first.status}")
    check(second.status == 200, f"nothing was created, and the second answers HTTP {second.status}")
    return "201, then 200, and there is one"


@GROUP.probe(
    "conditional creates at once make one", level="SHOULD", page="http.html#ccreate",
    expected=f"of {_AT_ONCE} conditional creates that come at the same time one creates, whatever the others answer",
)  # fmt: skip
def conditional_create_parallel(sandbox: Sandbox) -> str:
    need(sandbox.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    headers = {"If-None-Exist": f"identifier={sandbox.identifier('at-once')}"}
    replies = sandbox.recorder.at_once(_AT_ONCE, "POST", "Patient", sandbox.patient("at-once"), headers=headers)
    for reply in replies:
        sandbox.track_created(reply)
    statuses = ", ".join(str(number) for number in sorted(each.status for each in replies))
    made = {each.location() for each in replies if each.status == 201}
    if not any(each.ok for each in replies):
        raise NotRunError(f"none of them was done: HTTP {statuses}")
    found = set(sandbox.made("Patient", "at-once")) | made
    if len(found) > 1 and sandbox.create(sandbox.patient("at-once"), headers=headers).status == 201:
        raise NotRunError("If-None-Exist is ignored, also where nothing else comes at the same time")
    check(len(found) == 1, f"there are {len(found)} of them now: HTTP {statuses}")
    return f"there is one: HTTP {statuses}"


@GROUP.probe(
    "conditional create refuses many matches", level="SHALL", page="http.html#ccreate",
    expected="If-None-Exist with two matches is refused with 412",
)  # fmt: skip
def conditional_create_many(sandbox: Sandbox) -> str:
    need(sandbox.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    for _ in range(2):
        sandbox.stored(sandbox.patient("many"))
    sandbox.made("Patient", "many", 2)
    headers = {"If-None-Exist": f"identifier={sandbox.identifier('many')}"}
    reply = sandbox.create(sandbox.patient("many"), headers=headers)
    check(reply.status == 412, f"it answers HTTP {reply.status}")
    return "412"


@GROUP.probe(
    "conditional create in a transaction", level="SHALL", page="http.html#trules",
    expected="ifNoneExist with one match creates nothing, and references to the entry point to the match",
)  # fmt: skip
def conditional_create_transaction(sandbox: Sandbox) -> str:
    need(sandbox.claims.system("transaction"), "the interaction 'transaction'")
    need(sandbox.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    there = sandbox.stored(sandbox.patient("there"))
    sandbox.made("Patient", "there")
    urn = "urn:uuid:2f6d0f6c-3b5f-4d6e-9f43-0c6d1f6b7a11"
    condition = f"identifier={sandbox.identifier('there')}"
    reply = sandbox.transaction(
        sandbox.entry(sandbox.patient("there"), full_url=urn, ifNoneExist=condition),
        sandbox.entry(sandbox.observation("of-there", urn)),
    )
    if not reply.ok:
        sandbox.refused(reply, "the transaction")
    found = sandbox.made("Patient", "there")
    check(len(found) == 1, f"there are {len(found)} of them now")
    observation = next((location for location in created(reply) if location.startswith("Observation/")), "")
    check(bool(observation), "no location of the Observation in the answer")
    subject = str(mapping(sandbox.read(observation).get("subject")).get("reference"))
    if subject == urn:  # that no reference is resolved is another question
        return "nothing was created"
    check(subject.endswith(there), f"the Observation refers to '{subject}', the Patient is {there}")
    return "nothing was created, and the reference is right"


@GROUP.probe(
    "conditional update", level="SHALL", page="http.html#cond-update",
    expected="PUT with a search creates without a match (201), and updates the one match (200)",
)  # fmt: skip
def conditional_update(sandbox: Sandbox) -> str:
    need(sandbox.claims.flag("Patient", "conditionalUpdate"), "conditionalUpdate for Patient")
    condition = _condition(sandbox, "cond-update")
    first = sandbox.ask("PUT", "Patient", sandbox.patient("cond-update"), parameters=condition)
    if not first.ok:
        sandbox.refused(first, "the conditional update")
    sandbox.track_created(first)
    sandbox.made("Patient", "cond-update")
    changed = {**sandbox.patient("cond-update"), "gender": "other"}
    second = sandbox.ask("PUT", "Patient", changed, parameters=condition)
    check(second.ok, f"the second answers HTTP {second.status}")
    found = sandbox.made("Patient", "cond-update")
    check(len(found) == 1, f"there are {len(found)} of them now")
    gender = sandbox.read(found[0]).get("gender")
    check(gender == "other", f"the second was accepted, and the gender is '{gender}' as before")
    check((first.status, second.status) == (201, 200), f"the answers are HTTP {first.status} and {second.status}")
    return "201, then 200, and there is one, updated"


@GROUP.probe(
    "conditional delete", level="SHALL", page="http.html#3.1.0.7.1",
    expected="DELETE with a search removes the one match, and nothing else",
)  # fmt: skip
def conditional_delete(sandbox: Sandbox) -> str:
    stated = sandbox.claims.says("Patient", "conditionalDelete")
    need(not sandbox.claims.known or stated in ("single", "multiple"), "conditionalDelete for Patient")
    goes, stays = sandbox.stored(sandbox.patient("goes")), sandbox.stored(sandbox.patient("stays"))
    sandbox.made("Patient", "goes")
    reply = sandbox.ask("DELETE", "Patient", parameters=_condition(sandbox, "goes"))
    if not reply.ok:
        sandbox.refused(reply, "the conditional delete")
    gone, there = sandbox.ask("GET", goes), sandbox.ask("GET", stays)
    # Where a read still returns what was deleted, which is another question, a search tells.
    left = gone.status not in (404, 410) and goes in sandbox.holders("Patient", "goes")
    check(not left, f"it answers HTTP {reply.status}, and reading what should be gone {gone.status}")
    check(there.status == 200, f"another Patient is gone as well (HTTP {there.status})")
    return f"HTTP {reply.status}, then {gone.status}"


@GROUP.probe(
    "update as create", level="MAY", page="http.html#upsert",
    expected="where updateCreate is claimed, PUT to a new id creates the resource under it (201)",
)  # fmt: skip
def update_as_create(sandbox: Sandbox) -> str:
    need(sandbox.claims.flag("Patient", "updateCreate"), "updateCreate for Patient")
    location = f"Patient/{sandbox.id('chosen')}"
    reply = sandbox.ask("PUT", location, {**sandbox.patient("chosen"), "id": sandbox.id("chosen")})
    if not reply.ok:
        sandbox.refused(reply, "the update of a new id")
    sandbox.track(location)
    stored = sandbox.ask("GET", location)
    check(stored.status == 200, f"it answers HTTP {reply.status}, and reading it {stored.status}")
    check(reply.status == 201, f"it was created, and the answer is HTTP {reply.status}")
    return "201, and it can be read"
