"""Are the limits those that FHIR sets, neither wider nor narrower?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.verdict import FailError, NotApplicableError, check

if TYPE_CHECKING:
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Limits")
_LONGEST_ID = 64
_LONG = 600


def _id(sandbox: Sandbox, key: str, length: int) -> str:
    return sandbox.id(key).ljust(length, "0")


def _put(sandbox: Sandbox, resource_id: str) -> Reply:
    reply = sandbox.ask("PUT", f"Patient/{resource_id}", {**sandbox.patient("limits"), "id": resource_id})
    if reply.ok:
        sandbox.track(f"Patient/{resource_id}")
    return reply


@GROUP.probe(
    "ids of 64 characters", level="SHALL", page="datatypes.html#id",
    expected="where clients may choose ids, one of 64 letters, digits, dots and hyphens is accepted",
)  # fmt: skip
def id_of_64_characters(sandbox: Sandbox) -> str:
    short = _put(sandbox, sandbox.id("limits"))
    if not short.ok:
        raise NotApplicableError(f"clients may not choose ids (HTTP {short.status})")
    longest = _id(sandbox, "limits-A.b", _LONGEST_ID)
    reply = _put(sandbox, longest)
    check(reply.ok, f"it is refused (HTTP {reply.status})")
    stored = sandbox.ask("GET", f"Patient/{longest}")
    check((stored.body or {}).get("id") == longest, f"it is accepted, and reading it answers HTTP {stored.status}")
    return f"HTTP {reply.status}"


@GROUP.probe(
    "ids that are no ids are refused", level="SHALL", page="datatypes.html#id",
    expected="PUT to an id of 65 characters, or with an underscore, is refused",
)  # fmt: skip
def id_not_allowed(sandbox: Sandbox) -> str:
    found = []
    for what, resource_id in {
        "of 65 characters": _id(sandbox, "limits", _LONGEST_ID + 1),
        "with an underscore": sandbox.id("limits_too"),
    }.items():
        reply = _put(sandbox, resource_id)
        check(not reply.ok, f"an id {what} answers HTTP {reply.status}")
        check(reply.status < 500, f"an id {what} answers HTTP {reply.status}")
        found.append(str(reply.status))
    return f"HTTP {' and '.join(found)}"


@GROUP.probe(
    "long strings can be searched by", level="SHOULD", page="datatypes.html#string",
    expected=f"a Patient whose identifier and family name have {_LONG} characters is stored whole",
)  # fmt: skip
def long_index(sandbox: Sandbox) -> str:
    key, family = "long".ljust(_LONG, "0"), "Interop".ljust(_LONG, "x")
    patient = {**sandbox.patient(key), "name": [{"family": family}]}
    reply = sandbox.create(patient)
    if not reply.ok:
        raise FailError(f"it is refused (HTTP {reply.status})")
    stored = sandbox.read(reply.location())
    check(sandbox.holds(stored, key), "the identifier is another")
    names = [str(each.get("family")) for each in stored.get("name") or []]
    check(names == [family], f"of the family name {len(names[0]) if names else 0} characters are left")
    return f"{_LONG} characters"
