"""Does the server do what depends on a condition, and only then?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.interop.probe import probe
from fhir_case.interop.sandbox import places
from fhir_case.interop.verdict import NotRunError, check, need

if TYPE_CHECKING:
    from fhir_case.interop.sandbox import Ground

__all__ = ["PROBES"]

_GROUP = "Conditional"


def _condition(ground: Ground, key: str) -> dict[str, str]:
    return {"identifier": ground.identifier(key)}


def _indexed(ground: Ground, key: str, count: int = 1) -> list[str]:
    """Wait until a search finds what was stored, so that a condition can find it as well."""
    condition = _condition(ground, key)
    found: list[str] = ground.eventually(lambda: ground.found("Patient", condition), lambda seen: len(seen) == count)
    return found


@probe(
    _GROUP, "conditional create makes no second", level="SHALL", page="http.html#ccreate",
    expected="If-None-Exist with no match creates (201), with one match does nothing (200)",
)  # fmt: skip
def conditional_create(ground: Ground) -> str:
    need(ground.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    body = ground.patient("if-none-exist")
    headers = {"If-None-Exist": f"identifier={ground.identifier('if-none-exist')}"}
    first = ground.create(body, headers=headers)
    if not first.ok:
        ground.refused(first, "the conditional create")
    _indexed(ground, "if-none-exist")
    second = ground.create(body, headers=headers)
    check(second.ok, f"the second answers HTTP {second.status}")
    found = _indexed(ground, "if-none-exist")
    check(len(found) == 1, f"there are {len(found)} of them now")
    check(first.status == 201, f"the first answers HTTP {first.status}")
    check(second.status == 200, f"nothing was created, and the second answers HTTP {second.status}")
    return "201, then 200, and there is one"


@probe(
    _GROUP, "conditional create refuses many matches", level="SHALL", page="http.html#ccreate",
    expected="If-None-Exist with two matches is refused with 412",
)  # fmt: skip
def conditional_create_many(ground: Ground) -> str:
    need(ground.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    for _ in range(2):
        ground.made(ground.patient("many"))
    if len(_indexed(ground, "many", 2)) != 2:
        raise NotRunError("a search does not find the two that were made for this")
    headers = {"If-None-Exist": f"identifier={ground.identifier('many')}"}
    reply = ground.create(ground.patient("many"), headers=headers)
    check(reply.status == 412, f"it answers HTTP {reply.status}")
    return "412"


@probe(
    _GROUP, "conditional create in a transaction", level="SHALL", page="http.html#trules",
    expected="ifNoneExist with one match creates nothing, and references to the entry point to the match",
)  # fmt: skip
def conditional_create_transaction(ground: Ground) -> str:
    need(ground.claims.system("transaction"), "the interaction 'transaction'")
    need(ground.claims.flag("Patient", "conditionalCreate"), "conditionalCreate for Patient")
    there = ground.made(ground.patient("there"))
    _indexed(ground, "there")
    urn = "urn:uuid:2f6d0f6c-3b5f-4d6e-9f43-0c6d1f6b7a11"
    condition = f"identifier={ground.identifier('there')}"
    reply = ground.transaction(
        ground.entry(ground.patient("there"), full_url=urn, ifNoneExist=condition),
        ground.entry(ground.observation("of-there", urn)),
    )
    if not reply.ok:
        ground.refused(reply, "the transaction")
    found = _indexed(ground, "there")
    check(len(found) == 1, f"there are {len(found)} of them now")
    observation = next((place for place in places(reply) if place.startswith("Observation/")), "")
    check(bool(observation), "no location of the Observation in the answer")
    subject = str(ground.read(observation).get("subject", {}).get("reference"))
    check(subject.endswith(there), f"the Observation refers to '{subject}', the Patient is {there}")
    return "nothing was created, and the reference is right"


@probe(
    _GROUP, "conditional update", level="SHALL", page="http.html#cond-update",
    expected="PUT with a search creates without a match (201), and updates the one match (200)",
)  # fmt: skip
def conditional_update(ground: Ground) -> str:
    need(ground.claims.flag("Patient", "conditionalUpdate"), "conditionalUpdate for Patient")
    condition = _condition(ground, "cond-update")
    first = ground.talk.ask("PUT", "Patient", ground.patient("cond-update"), parameters=condition)
    if not first.ok:
        ground.refused(first, "the conditional update")
    ground.remember_created(first)
    _indexed(ground, "cond-update")
    changed = {**ground.patient("cond-update"), "gender": "other"}
    second = ground.talk.ask("PUT", "Patient", changed, parameters=condition)
    check(second.ok, f"the second answers HTTP {second.status}")
    found = _indexed(ground, "cond-update")
    check(len(found) == 1, f"there are {len(found)} of them now")
    gender = ground.read(found[0]).get("gender")
    check(gender == "other", f"the second was accepted, and the gender is '{gender}' as before")
    check((first.status, second.status) == (201, 200), f"the answers are HTTP {first.status} and {second.status}")
    return "201, then 200, and there is one, updated"


@probe(
    _GROUP, "conditional delete", level="SHALL", page="http.html#3.1.0.7.1",
    expected="DELETE with a search removes the one match, and nothing else",
)  # fmt: skip
def conditional_delete(ground: Ground) -> str:
    stated = ground.claims.says("Patient", "conditionalDelete")
    need(not ground.claims.known or stated in ("single", "multiple"), "conditionalDelete for Patient")
    goes, stays = ground.made(ground.patient("goes")), ground.made(ground.patient("stays"))
    _indexed(ground, "goes")
    reply = ground.talk.ask("DELETE", "Patient", parameters=_condition(ground, "goes"))
    if not reply.ok:
        ground.refused(reply, "the conditional delete")
    gone, there = ground.talk.ask("GET", goes), ground.talk.ask("GET", stays)
    check(gone.status in (404, 410), f"it answers HTTP {reply.status}, and reading what should be gone {gone.status}")
    check(there.status == 200, f"another Patient is gone as well (HTTP {there.status})")
    return f"HTTP {reply.status}, then {gone.status}"


@probe(
    _GROUP, "update as create", level="MAY", page="http.html#upsert",
    expected="where updateCreate is claimed, PUT to a new id creates the resource under it (201)",
)  # fmt: skip
def update_as_create(ground: Ground) -> str:
    need(ground.claims.flag("Patient", "updateCreate"), "updateCreate for Patient")
    place = f"Patient/{ground.id('chosen')}"
    reply = ground.talk.ask("PUT", place, {**ground.patient("chosen"), "id": ground.id("chosen")})
    if not reply.ok:
        ground.refused(reply, "the update of a new id")
    ground.remember(place)
    stored = ground.talk.ask("GET", place)
    check(stored.status == 200, f"it answers HTTP {reply.status}, and reading it {stored.status}")
    check(reply.status == 201, f"it was created, and the answer is HTTP {reply.status}")
    return "201, and it can be read"


PROBES = (
    conditional_create,
    conditional_create_many,
    conditional_create_transaction,
    conditional_update,
    conditional_delete,
    update_as_create,
)
