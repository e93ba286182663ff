"""Does the server say what it does, and answer as HTTP and FHIR ask?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.interop.probe import probe
from fhir_case.interop.verdict import NotApplicableError, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Ground

__all__ = ["PROBES"]

_GROUP = "Conformance"
_PATCH = "application/json-patch+json"
_RELEASES = {"R4": "4.0", "R5": "5.0"}
_OPERATIONS = (("validate", "Patient"), ("everything", "Patient"))


@probe(
    _GROUP, "tells what it does", level="SHALL", page="http.html#capabilities",
    expected="GET metadata gives a CapabilityStatement of the server's release, with a rest element for the server",
)  # fmt: skip
def capability_statement(ground: Ground) -> str:
    reply = ground.talk.ask("GET", "metadata")
    body = reply.body or {}
    check(reply.status == 200, f"GET metadata answers HTTP {reply.status}")
    check(body.get("resourceType") == "CapabilityStatement", f"metadata is a {body.get('resourceType') or 'something'}")
    version = str(body.get("fhirVersion") or "")
    check(version.startswith(_RELEASES[ground.fhir]), f"fhirVersion is '{version}'")
    missing = [name for name in ("status", "date", "kind", "format", "rest") if name not in body]
    check(not missing, f"required elements are missing: {', '.join(missing)}")
    check(ground.claims.known, "no rest element has mode 'server'")
    return f"a CapabilityStatement of FHIR {version}"


@probe(
    _GROUP, "does what it claims", level="SHALL", page="http.html#capabilities",
    expected="no interaction or operation that the CapabilityStatement claims for Patient is answered as unsupported",
)  # fmt: skip
def capability_true(ground: Ground) -> str:
    if not ground.claims.known:
        raise NotApplicableError("the server claims nothing")
    place = ground.made(ground.patient("claims"))
    asked, broken = 0, []
    for claim, reply in _claimed(ground, place):
        asked += 1
        if reply.unsupported:
            broken.append(f"{claim} (HTTP {reply.status})")
    check(not broken, f"claimed, and answered as unsupported: {', '.join(broken)}")
    return f"{asked} claims were put to the test"


def _claimed(ground: Ground, place: str) -> list[tuple[str, Reply]]:
    claims, ask = ground.claims, ground.talk.ask
    body = {**ground.patient("claims"), "id": place.partition("/")[2]}
    patch = [{"op": "replace", "path": "/gender", "value": "male"}]
    calls: dict[str, Callable[[], Reply]] = {
        "read": lambda: ask("GET", place),
        "search-type": lambda: ask("GET", "Patient", parameters={"_count": "1"}),
        "update": lambda: ask("PUT", place, body),
        "history-instance": lambda: ask("GET", f"{place}/_history"),
        "vread": lambda: ask("GET", f"{place}/_history/{_version(ask('GET', place))}"),
        "history-type": lambda: ask("GET", "Patient/_history", parameters={"_count": "1"}),
        "patch": lambda: ask("PATCH", place, patch, content_type=_PATCH),
    }
    if not claims.patch_format(_PATCH):
        del calls["patch"]
    found = [(name, call()) for name, call in calls.items() if claims.interaction("Patient", name)]
    for name, kind in _OPERATIONS:
        if claims.operation(name, kind):
            reply = ask("POST", f"{kind}/${name}", body) if name == "validate" else ask("GET", f"{place}/${name}")
            found.append((f"${name}", reply))
    return found


def _version(reply: Reply) -> str:
    return reply.version() or str(((reply.body or {}).get("meta") or {}).get("versionId") or "1")


@probe(
    _GROUP, "an unknown id is 404", level="SHALL", page="http.html#read",
    expected="reading an id that never was gives 404, with an OperationOutcome",
)  # fmt: skip
def unknown_id(ground: Ground) -> str:
    reply = ground.talk.ask("GET", f"Patient/{ground.id('nobody')}")
    check(reply.status == 404, f"it answers HTTP {reply.status}")
    return "404"


@probe(
    _GROUP, "an unknown type is 404", level="SHALL", page="http.html#read",
    expected="a resource type that FHIR does not have gives 404",
)  # fmt: skip
def unknown_type(ground: Ground) -> str:
    reply = ground.talk.ask("GET", "Neverland/1")
    check(reply.status == 404, f"it answers HTTP {reply.status}")
    return "404"


@probe(
    _GROUP, "says what is wrong", level="SHOULD", page="http.html#create",
    expected="JSON that ends too early gives 400 with an OperationOutcome that has an error",
)  # fmt: skip
def error_outcome(ground: Ground) -> str:
    reply = ground.talk.ask("POST", "Patient", b'{"resourceType": "Patient", "name": [')
    ground.remember_created(reply)
    check(400 <= reply.status < 500, f"it answers HTTP {reply.status}")
    body = reply.body or {}
    check(body.get("resourceType") == "OperationOutcome", f"HTTP {reply.status} without an OperationOutcome")
    grave = [each for each in body.get("issue") or [] if each.get("severity") in ("error", "fatal")]
    check(bool(grave), "an OperationOutcome without an error")
    return f"HTTP {reply.status} with an OperationOutcome"


@probe(
    _GROUP, "answers as FHIR JSON", level="SHALL", page="http.html#mime-type",
    expected="an answer to Accept: application/fhir+json has this content type",
)  # fmt: skip
def content_type(ground: Ground) -> str:
    place = ground.made(ground.patient("mime"))
    given = ground.talk.ask("GET", place).headers.get("Content-Type", "")
    check(given.partition(";")[0].strip() == "application/fhir+json", f"the content type is '{given}'")
    return given


PROBES = (capability_statement, capability_true, unknown_id, unknown_type, error_outcome, content_type)
