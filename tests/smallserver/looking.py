"""For each fault a look at a server that shows it: what a correct server gives, and what one with the fault gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .asking import bundle, entry, link, observation, patient
from .looking_at_requests import REQUESTS
from .looking_at_stored import STORED, Look, statuses

if TYPE_CHECKING:
    from .asking import Fhir

__all__ = ["LOOKS"]

_URN = "urn:uuid:11111111-1111-4111-8111-111111111111"
_BROKEN = {"resourceType": "Observation", "status": "final"}


def _number(value: str) -> dict[str, str]:
    return {"system": "urn:numbers", "value": value}


def _atomicity(fhir: Fhir) -> Any:
    sent = bundle(entry("PUT", "Patient/atom", patient("atom")), entry("POST", "Observation", _BROKEN))
    return fhir.post(sent).status_code, fhir.ask("GET", "Patient/atom").status_code


def _placeholder(fhir: Fhir) -> Any:
    of = observation("linked", subject={"reference": _URN})
    sent = entry("PUT", "Observation/linked", of), entry("PUT", "Patient/target", patient("target"), _URN)
    fhir.post(bundle(*sent))
    return fhir.get("Observation/linked")["subject"]["reference"]


def _creates_once(fhir: Fhir) -> Any:
    new = patient("x", identifier=[_number("once")])
    return [fhir.post(new, If_None_Exist="identifier=once").status_code for _ in range(2)]


def _creates_once_in_a_bundle(fhir: Fhir) -> Any:
    new = patient("x", identifier=[_number("one")])
    sent = bundle(entry("POST", "Patient", new, ifNoneExist="identifier=one"))
    return statuses(fhir.post(sent)) + statuses(fhir.post(sent))


def _stale(fhir: Fhir) -> Any:
    fhir.put(patient("stale"))
    fhir.put(patient("stale"))
    return fhir.put(patient("stale"), If_Match='W/"1"').status_code


def _has_etag(fhir: Fhir) -> Any:
    put = fhir.put(patient("etagged"))
    return ["ETag" in each.headers for each in (put, fhir.ask("GET", "Patient/etagged"))]


def _etag(fhir: Fhir) -> Any:
    fhir.put(patient("twice"))
    return fhir.put(patient("twice")).headers.get("ETag", 'W/"2"'), fhir.get("Patient/twice")["meta"]["versionId"]


def _pages(fhir: Fhir, prefix: str, size: int) -> list[list[str]]:
    for each in "abcde":
        fhir.put(patient(f"{prefix}-{each}", identifier=[_number(prefix)]))
    pages = fhir.pages(f"Patient?identifier={prefix}&_count={size}", most=8)
    return [[each.removeprefix(f"{prefix}-") for each in page] for page in pages]


def _overlap(fhir: Fhir) -> Any:
    found = []
    for size in (1, 2):
        pages = _pages(fhir, f"overlap{size}", size)
        found.append(sorted(set(pages[0]) & set(pages[1])))
    return found


def _gaps(fhir: Fhir) -> Any:
    return "".join(sorted({each for page in _pages(fhir, "gaps", 2) for each in page}))


def _end(fhir: Fhir) -> Any:
    return len(_pages(fhir, "end", 2)) < 8


def _total(fhir: Fhir) -> Any:
    return fhir.get("Patient?identifier=nobody")["total"], fhir.get("Patient?identifier=nobody&_count=0")["total"]


def _prefix(fhir: Fhir) -> Any:
    for each in ("2017-01-01", "2018-01-01", "2019-01-01"):
        fhir.put(patient(f"born-{each}", birthDate=each))
    return [fhir.ids(f"Patient?birthdate={prefix}2018-01-01") for prefix in ("", "gt", "le")]


def _born(*years: int) -> list[str]:
    return [f"born-{year}-01-01" for year in years]


def _strict(fhir: Fhir) -> Any:
    asked = [
        fhir.ask("GET", "Patient?nonsense=1&_count=0", Prefer=f"handling={each}") for each in ("strict", "lenient")
    ]
    return [each.status_code for each in asked]


def _by_code(fhir: Fhir) -> Any:
    for each in ("x", "y"):
        of = {"coding": [{"code": "first"}, {"system": "urn:codes", "code": f"second-{each}"}]}
        fhir.put({**observation(f"by-{each}"), "code": of, "method": {"text": f"by {each}"}})
    searches = "code=second-x", "combo-code=second-x"
    return [fhir.ids(f"Observation?{each}&method:text=by") for each in searches]


def _included(fhir: Fhir) -> Any:
    fhir.put(patient("including"))
    fhir.put(observation("included", subject={"reference": "Patient/including"}))
    return fhir.ids("Observation?_id=included&_include=Observation:subject", "include")


def _searched(fhir: Fhir) -> Any:
    fhir.put(patient("searched", identifier=[_number("searched")]))
    sent = bundle(entry("PUT", "Observation/x", observation("x", subject={"reference": "Patient?identifier=searched"})))
    fhir.post(sent)
    return fhir.get("Observation/x")["subject"]["reference"]


def _included_only(fhir: Fhir) -> Any:
    for each in "ab":
        fhir.put(patient(f"only-{each}"))
    of: dict[str, Any] = {"subject": {"reference": "Patient/only-a"}, "performer": [{"reference": "Patient/only-b"}]}
    fhir.put(observation("only", **of))
    return "only-b" in fhir.ids("Observation?_id=only&_include=Observation:subject", "include")


def _reversed_only(fhir: Fhir) -> Any:
    for each in "cd":
        fhir.put(patient(f"only-{each}"))
    fhir.put(observation("only-1", subject={"reference": "Patient/only-c"}))
    of: dict[str, Any] = {"subject": {"reference": "Patient/only-d"}, "performer": [{"reference": "Patient/only-c"}]}
    fhir.put(observation("only-2", **of))
    return "only-2" in fhir.ids("Patient?_id=only-c&_revinclude=Observation:subject", "include")


def _self(fhir: Fhir) -> Any:
    return "nonsense" in str(link(fhir.get("Patient?nonsense=1&_count=0"), "self"))


def _reversed(fhir: Fhir) -> Any:
    fhir.put(patient("reversing"))
    fhir.put(observation("reversed", subject={"reference": "Patient/reversing"}))
    return fhir.ids("Patient?_id=reversing&_revinclude=Observation:subject", "include")


def _chained(fhir: Fhir) -> Any:
    for each in ("one", "two"):
        fhir.put(patient(f"chain-{each}", identifier=[_number(each)]))
        of = {"reference": f"Patient/chain-{each}"}
        fhir.put(observation(f"link-{each}", subject=of, method={"text": "chain"}))
    return fhir.ids("Observation?patient.identifier=two&method:text=chain")


def _deleted(fhir: Fhir) -> Any:
    fhir.put(patient("deleted"))
    fhir.ask("DELETE", "Patient/deleted")
    return fhir.ask("GET", "Patient/deleted").status_code, fhir.ids("Patient?_id=deleted")


def _history(fhir: Fhir) -> Any:
    for _ in range(3):
        fhir.put(patient("old"))
    answer = fhir.ask("GET", "Patient/old/_history").json()
    return [each["resource"]["meta"]["versionId"] for each in answer.get("entry", ())]


def _patched(fhir: Fhir) -> Any:
    fhir.put(patient("patched"))
    done = fhir.ask("PATCH", "Patient/patched", [{"op": "add", "path": "/gender", "value": "male"}])
    return done.status_code, fhir.get("Patient/patched").get("gender")


def _validated(fhir: Fhir) -> Any:
    answer = fhir.ask("POST", "Observation/$validate", _BROKEN)
    return answer.status_code, {each["severity"] for each in answer.json()["issue"]} - {"warning"}


def _everything(fhir: Fhir) -> Any:
    fhir.put(patient("all"))
    fhir.put(observation("all-1", subject={"reference": "Patient/all"}))
    fhir.put(observation("all-2", subject={"reference": "Patient/all"}))
    answer = fhir.ask("GET", "Patient/all/$everything").json()
    return [each["resource"]["id"] for each in answer.get("entry", ())]


def _batch(fhir: Fhir) -> Any:
    put = entry("PUT", "Patient/batched", patient("batched"))
    found = statuses(fhir.post(bundle(entry("POST", "Observation", _BROKEN), put, kind="batch")))
    return found, fhir.ask("GET", "Patient/batched").status_code


def _claimed(fhir: Fhir) -> Any:
    fhir.put(patient("claimed"))
    add = [{"op": "add", "path": "/active", "value": True}]
    asked = [fhir.ask("GET", f"Patient/claimed/{each}").status_code for each in ("$everything", "_history")]
    return [*asked, fhir.ask("PATCH", "Patient/claimed", add).status_code]


def _large(fhir: Fhir) -> Any:
    entries = [entry("GET", "Patient/none")] * 51
    return [fhir.post(bundle(*each, kind="batch")).status_code for each in (entries[:50], entries)]


LOOKS = (
    STORED
    | REQUESTS
    | {
        "breaks-atomicity": Look(_atomicity, (422, 404), (422, 200)),
        "keeps-urn-references": Look(_placeholder, "Patient/target", _URN),
        "keeps-conditional-references": Look(_searched, "Patient/searched", "Patient?identifier=searched"),
        "ignores-if-none-exist": Look(_creates_once, [201, 200], [201, 201]),
        "duplicates-on-conditional-create": Look(_creates_once_in_a_bundle, [201, 200], [201, 201]),
        "ignores-if-match": Look(_stale, 412, 200),
        "no-etag": Look(_has_etag, [True, True], [False, False]),
        "wrong-etag": Look(_etag, ('W/"2"', "2"), ('W/"1"', "2")),
        "repeats-a-page": Look(_overlap, [[], []], [["a"], ["b"]]),
        "skips-on-paging": Look(_gaps, "abcde", "abde"),
        "endless-pages": Look(_end, True, False),
        "wrong-total": Look(_total, (0, 0), (1, 1)),
        "ignores-date-prefix": Look(_prefix, [_born(2018), _born(2019), _born(2017, 2018)], [_born(2018)] * 3),
        "ignores-unknown-parameter-silently-strict": Look(_strict, [400, 200], [200, 200]),
        "search-ignores-code": Look(_by_code, [["by-x"], ["by-x"]], [["by-x", "by-y"], ["by-x"]]),
        "include-missing": Look(_included, ["including"], []),
        "revinclude-missing": Look(_reversed, ["reversed"], []),
        "includes-too-much": Look(_included_only, False, True),
        "revincludes-too-much": Look(_reversed_only, False, True),
        "self-link-names-ignored": Look(_self, False, True),
        "chained-ignored": Look(_chained, ["link-two"], ["link-one", "link-two"]),
        "read-after-delete-200": Look(_deleted, (410, []), (200, [])),
        "history-misses-version": Look(_history, ["3", "2", "1"], ["3", "2"]),
        "patch-ignored": Look(_patched, (200, "male"), (200, None)),
        "validate-finds-nothing": Look(_validated, (200, {"error"}), (200, {"information"})),
        "everything-incomplete": Look(_everything, ["all", "all-1", "all-2"], ["all", "all-1"]),
        "batch-stops-at-first-error": Look(_batch, ([422, 201], 200), ([422, 424], 404)),
        "claims-too-much": Look(_claimed, [200, 200, 200], [501, 501, 405]),
        "large-bundle-refused": Look(_large, [200, 200], [200, 413]),
    }
)
