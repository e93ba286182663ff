"""Do create, update and delete return versions, and are lost updates prevented?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.interop.entries import found_entries
from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.verdict import NotRunError, check, need

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Versions")
_PATCH = "application/json-patch+json"


def _versioned(sandbox: Sandbox) -> None:
    need(
        not sandbox.claims.known or sandbox.claims.says("Patient", "versioning") in ("versioned", "versioned-update"),
        "versioning for Patient",
    )


def _version_id(resource: Resource | None) -> str:
    return str(((resource or {}).get("meta") or {}).get("versionId") or "")


def _update(sandbox: Sandbox, location: str, key: str, *, if_match: str = "", **changes: Any) -> Reply:
    body = {**sandbox.patient(key), "id": location.partition("/")[2], **changes}
    return sandbox.ask("PUT", location, body, headers={"If-Match": if_match} if if_match else None)


def _stale_update(sandbox: Sandbox, location: str, key: str) -> Reply:
    """Update a resource, and again with If-Match of the version before."""
    old = _version_id(sandbox.read(location)) or "1"
    _update(sandbox, location, key, gender="other")
    return _update(sandbox, location, key, if_match=f'W/"{old}"', gender="male")


@GROUP.probe(
    "create returns the location", level="SHALL", page="http.html#create",
    expected="201 with a Location that has the new id and version, and the resource can be read there at once",
)  # fmt: skip
def create_location(sandbox: Sandbox) -> str:
    reply = sandbox.create(sandbox.patient("created"))
    check(reply.ok, f"it answers HTTP {reply.status}")
    location = reply.headers.get("Location", "")
    check(bool(location), f"HTTP {reply.status} without a Location")
    stored = sandbox.ask("GET", reply.location())
    check(stored.status == 200, f"Location is '{location}', and reading it answers HTTP {stored.status}")
    check(sandbox.holds(stored.body, "created"), "something else is there")
    check(reply.status == 201, f"it was created, and the answer is HTTP {reply.status}")
    meta = (stored.body or {}).get("meta") or {}
    missing = [name for name in ("versionId", "lastUpdated") if not meta.get(name)]
    check(not missing, f"meta has no {' and no '.join(missing)}")
    return f"201, Location: {location}"


@GROUP.probe(
    "create ignores the id of the client", level="SHALL", page="http.html#create",
    expected="POST of a resource with an id assigns it an id of the server's",
)  # fmt: skip
def create_ignores_id(sandbox: Sandbox) -> str:
    given = sandbox.id("mine")
    reply = sandbox.create({**sandbox.patient("mine"), "id": given})
    check(reply.ok, f"it answers HTTP {reply.status}")
    check(reply.location() != f"Patient/{given}", "the id of the client is kept")
    return "the server gave its own id"


@GROUP.probe(
    "each update is a version", level="SHALL", page="http.html#versioning",
    expected="after an update meta.versionId is another one, and meta.lastUpdated is not earlier",
)  # fmt: skip
def version_grows(sandbox: Sandbox) -> str:
    _versioned(sandbox)
    location = sandbox.stored(sandbox.patient("versions"))
    before = _version_id(sandbox.read(location))
    reply = _update(sandbox, location, "versions", gender="other")
    check(reply.status in (200, 201), f"the update answers HTTP {reply.status}")
    stored = sandbox.read(location)
    check(stored.get("gender") == "other", f"the update was accepted, and the gender is '{stored.get('gender')}'")
    check(bool(before) and _version_id(stored) != before, f"the version is '{before}' before and after")
    return f"version {before}, then {_version_id(stored)}"


@GROUP.probe(
    "ETag is the version", level="SHOULD", page="http.html#read",
    expected='a read returns ETag W/"…" with meta.versionId, and Last-Modified',
)  # fmt: skip
def etag(sandbox: Sandbox) -> str:
    _versioned(sandbox)
    location = sandbox.stored(sandbox.patient("etag"))
    _update(sandbox, location, "etag", gender="other")
    reply = sandbox.ask("GET", location)
    given, version = reply.headers.get("ETag", ""), _version_id(reply.body)
    check(bool(given), "there is no ETag")
    check(reply.version() == version, f"ETag is {given}, meta.versionId '{version}'")
    check("Last-Modified" in reply.headers, f"ETag is {given}, and there is no Last-Modified")
    return f"ETag: {given}"


@GROUP.probe(
    "If-Match prevents lost updates", level="SHALL", page="http.html#concurrency",
    expected="an update with If-Match of an older version changes nothing, with that of the current one it does",
)  # fmt: skip
def if_match(sandbox: Sandbox) -> str:
    _versioned(sandbox)
    location = sandbox.stored(sandbox.patient("if-match"))
    stale = _stale_update(sandbox, location, "if-match")
    stored = sandbox.read(location)
    check(stored.get("gender") == "other", f"it answers HTTP {stale.status}, and the newer version is overwritten")
    check(not stale.ok, f"nothing was overwritten, and the answer is HTTP {stale.status}")
    current = _update(sandbox, location, "if-match", if_match=f'W/"{_version_id(stored)}"', gender="unknown")
    check(current.ok, f"with the current version it answers HTTP {current.status}")
    return f"HTTP {stale.status} for the older version, {current.status} for the current one"


@GROUP.probe(
    "a stale If-Match is 412", level="SHOULD", page="http.html#concurrency",
    expected="an update that is refused since its version is not the current one answers 412",
)  # fmt: skip
def if_match_status(sandbox: Sandbox) -> str:
    _versioned(sandbox)
    location = sandbox.stored(sandbox.patient("if-match-status"))
    reply = _stale_update(sandbox, location, "if-match-status")
    if reply.ok:
        raise NotRunError("the update was not refused")
    check(reply.status == 412, f"it answers HTTP {reply.status}")
    return "412"


@GROUP.probe(
    "an update of another id is refused", level="SHALL", page="http.html#update",
    expected="PUT whose body has another id than the URL is refused with 400",
)  # fmt: skip
def update_id_mismatch(sandbox: Sandbox) -> str:
    location = sandbox.stored(sandbox.patient("mismatch"))
    reply = sandbox.ask("PUT", location, {**sandbox.patient("mismatch"), "id": sandbox.id("another")})
    if reply.ok:
        sandbox.track(f"Patient/{sandbox.id('another')}")
    check(400 <= reply.status < 500, f"it answers HTTP {reply.status}")
    check(reply.status == 400, f"it is refused, with HTTP {reply.status}")
    return "400"


@GROUP.probe(
    "an older version can be read", level="SHALL", page="http.html#vread",
    expected="where vread is claimed, the first version can be read after an update, as it was",
)  # fmt: skip
def version_read(sandbox: Sandbox) -> str:
    need(sandbox.claims.interaction("Patient", "vread"), "the interaction 'vread' for Patient")
    location = sandbox.stored(sandbox.patient("vread"))
    version = _version_id(sandbox.read(location)) or "1"
    _update(sandbox, location, "vread", gender="other")
    reply = sandbox.ask("GET", f"{location}/_history/{version}")
    if reply.status != 200:
        sandbox.refused(reply, "reading the first version")
    body = reply.body or {}
    check(_version_id(body) == version, f"asked for version {version}, and the answer is {_version_id(body)!r}")
    check(body.get("gender") == "female", f"its gender is '{body.get('gender')}', which it was not then")
    return f"version {version} is as it was"


@GROUP.probe(
    "history has each version", level="SHALL", page="http.html#history",
    expected="where history-instance is claimed: all versions, the latest first, deletion included",
)  # fmt: skip
def history(sandbox: Sandbox) -> str:
    need(sandbox.claims.interaction("Patient", "history-instance"), "the interaction 'history-instance' for Patient")
    location = sandbox.stored(sandbox.patient("history"))
    _update(sandbox, location, "history", gender="other")
    sandbox.ask("DELETE", location)
    reply = sandbox.ask("GET", f"{location}/_history")
    if reply.status != 200 or (reply.body or {}).get("type") != "history":
        sandbox.refused(reply, "the history")
    entries = (reply.body or {}).get("entry") or []
    check(len(entries) == 3, f"it has {len(entries)} entries after create, update and delete")
    check((entries[0].get("request") or {}).get("method") == "DELETE", "its first entry is not the deletion")
    genders = [each["resource"].get("gender") for each in entries[1:] if each.get("resource")]
    check(genders == ["other", "female"], f"the versions before are, from the latest: {genders}")
    check(len(found_entries(reply)) >= 2, "versions have no resource")
    return "3 entries, the deletion first"


@GROUP.probe(
    "what is deleted is gone", level="SHALL", page="http.html#delete",
    expected="after DELETE a read returns 410 (404 where deletions are not tracked), and searches do not find it",
)  # fmt: skip
def delete_and_read(sandbox: Sandbox) -> str:
    need(sandbox.claims.interaction("Patient", "delete"), "the interaction 'delete' for Patient")
    location = sandbox.stored(sandbox.patient("deleted"))
    searched = sandbox.claims.interaction("Patient", "search-type") and sandbox.claims.parameter(
        "Patient", "identifier"
    )
    if searched:
        sandbox.made("Patient", "deleted")
    reply = sandbox.ask("DELETE", location)
    check(reply.ok, f"DELETE answers HTTP {reply.status}")
    after = sandbox.ask("GET", location)
    check(after.status in (404, 410), f"DELETE answers HTTP {reply.status}, and the read after it {after.status}")
    if searched:
        left = sandbox.eventually(lambda: sandbox.holders("Patient", "deleted"), lambda seen: not seen)
        check(not left, "a search still finds it")
    return f"DELETE {reply.status}, then {after.status}"


@GROUP.probe(
    "deleting twice is not an error", level="SHOULD", page="http.html#delete",
    expected="DELETE of what is deleted already answers 200, 202 or 204",
)  # fmt: skip
def delete_twice(sandbox: Sandbox) -> str:
    need(sandbox.claims.interaction("Patient", "delete"), "the interaction 'delete' for Patient")
    location = sandbox.stored(sandbox.patient("deleted-twice"))
    sandbox.ask("DELETE", location)
    reply = sandbox.ask("DELETE", location)
    check(reply.ok, f"it answers HTTP {reply.status}")
    return f"HTTP {reply.status}"


@GROUP.probe(
    "JSON Patch changes what it names", level="SHALL", page="http.html#patch",
    expected="where PATCH is claimed: the element is changed, the rest is as before, and there is a new version",
)  # fmt: skip
def json_patch(sandbox: Sandbox) -> str:
    _need_patch(sandbox)
    location = sandbox.stored(sandbox.patient("patched"))
    before = sandbox.read(location)
    reply = sandbox.ask("PATCH", location, [{"op": "replace", "path": "/gender", "value": "other"}],
                            content_type=_PATCH)  # fmt: skip
    if not reply.ok:
        sandbox.refused(reply, "the patch")
    after = sandbox.read(location)
    check(after.get("gender") == "other", f"it answers HTTP {reply.status}, and the gender is '{after.get('gender')}'")
    rest = [name for name in {**before, **after} if name not in ("meta", "text", "gender")]
    altered = [name for name in rest if before.get(name) != after.get(name)]
    check(not altered, f"it has changed {', '.join(altered)} as well")
    return f"HTTP {reply.status}, and the element is changed"


@GROUP.probe(
    "a patch whose test fails is refused", level="SHALL", page="http.html#patch",
    expected="JSON Patch with a test that does not hold is refused, and changes nothing",
)  # fmt: skip
def json_patch_test(sandbox: Sandbox) -> str:
    _need_patch(sandbox)
    location = sandbox.stored(sandbox.patient("patch-test"))
    steps = [
        {"op": "replace", "path": "/gender", "value": "other"},
        {"op": "test", "path": "/gender", "value": "male"},
    ]
    reply = sandbox.ask("PATCH", location, steps, content_type=_PATCH)
    stored = sandbox.read(location).get("gender")
    check(stored == "female", f"it answers HTTP {reply.status}, and the gender is '{stored}'")
    check(not reply.ok, f"nothing was changed, and the answer is HTTP {reply.status}")
    return f"HTTP {reply.status}"


def _need_patch(sandbox: Sandbox) -> None:
    need(sandbox.claims.interaction("Patient", "patch"), "the interaction 'patch' for Patient")
    need(sandbox.claims.patch_format(_PATCH), f"the patch format {_PATCH}")
