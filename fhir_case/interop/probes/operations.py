"""Do the operations do what they are for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.interop.probe import probe
from fhir_case.interop.probes.field import field_of
from fhir_case.interop.sandbox import named_entries, next_page
from fhir_case.interop.verdict import FailError, check, need

if TYPE_CHECKING:
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Ground

__all__ = ["PROBES"]

_GROUP = "Operations"
_MOST_PAGES = 20


@probe(
    _GROUP, "$everything gives everything", level="SHALL", page="patient-operation-everything.html",
    expected="the patient and all observations of this patient, over all pages, and nothing of another patient",
)  # fmt: skip
def everything(ground: Ground) -> str:
    need(ground.claims.operation("everything", "Patient"), "the operation $everything of Patient")
    field = field_of(ground)
    wanted = field.of("one", "jan", "feb", "mar", "mar-other", "apr", "may")
    found = ground.eventually(lambda: _all_pages(ground, f"{field.places['one']}/$everything"), wanted.issubset)
    check(wanted <= found, f"{len(wanted - found)} of {len(wanted)} are missing")
    strangers = found & field.of("two", "two-mar")
    check(not strangers, "it holds something of another patient")
    return f"{len(wanted)} of {len(wanted)}"


def _all_pages(ground: Ground, path: str) -> set[str]:
    found: set[str] = set()
    for _ in range(_MOST_PAGES):
        reply = ground.talk.ask("GET", path)
        if not reply.ok or (reply.body or {}).get("resourceType") != "Bundle":
            ground.refused(reply, "$everything")
        found |= {name for name, _ in named_entries(reply)}
        path = next_page(reply)
        if not path:
            return found
    raise FailError(f"the pages do not end: {_MOST_PAGES} were read")


@probe(
    _GROUP, "$validate finds a planted error", level="SHALL", page="resource-operation-validate.html",
    expected="an Observation without its status is said to be invalid",
)  # fmt: skip
def validate_error(ground: Ground) -> str:
    need(ground.claims.operation("validate", "Observation"), "the operation $validate of Observation")
    wrong = ground.observation("invalid")
    del wrong["status"]
    reply = ground.talk.ask("POST", "Observation/$validate", wrong)
    issues = _issues(ground, reply)
    if not issues and 400 <= reply.status < 500:
        return f"HTTP {reply.status}"
    check(bool(_grave(issues)), f"{len(issues)} issues, none of them an error")
    return f"{len(_grave(issues))} errors"


@probe(
    _GROUP, "$validate has no false alarm", level="SHALL", page="resource-operation-validate.html",
    expected="a valid Patient has no error, and validating it stores nothing",
)  # fmt: skip
def validate_valid(ground: Ground) -> str:
    need(ground.claims.operation("validate", "Patient"), "the operation $validate of Patient")
    reply = ground.talk.ask("POST", "Patient/$validate", ground.patient("validated"))
    issues = _grave(_issues(ground, reply))
    check(not issues, f"{len(issues)} errors, for example: {_said(issues)}")
    stored = ground.found("Patient", {"identifier": ground.identifier("validated")})
    check(not stored, "the Patient was stored")
    return "no error"


def _issues(ground: Ground, reply: Reply) -> list[dict[str, Any]]:
    body = reply.body or {}
    if body.get("resourceType") != "OperationOutcome" or reply.unsupported:
        ground.refused(reply, "$validate")
    return [each for each in body.get("issue") or [] if isinstance(each, dict)]


def _grave(issues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in issues if each.get("severity") in ("error", "fatal")]


def _said(issues: list[dict[str, Any]]) -> str:
    return str(issues[0].get("diagnostics") or (issues[0].get("details") or {}).get("text") or "") if issues else ""


PROBES = (everything, validate_error, validate_valid)
