"""Is what a search answers whole, in order, and no more than was asked for?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from fhir_case.fhir.wire import objects
from fhir_case.interop.entries import found_entries, next_page
from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.probes.search_data import identified, labelled, searchable
from fhir_case.interop.verdict import FailError, check, need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.interop.probes.search_data import SearchData
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Search")


@GROUP.probe(
    "_include", level="SHALL", page="search.html#revinclude",
    expected="_include=Observation:subject adds the patients, with search.mode 'include'",
)  # fmt: skip
def search_include(sandbox: Sandbox) -> str:
    data, found = _including(sandbox)
    _included(found, data.observations, data.of("one", "two"))
    return "both patients are included"


@GROUP.probe(
    "_include brings no more than was named", level="SHOULD", page="search.html#revinclude",
    expected="_include=Observation:subject adds the patients, and not who is referred to by another element",
)  # fmt: skip
def search_include_only(sandbox: Sandbox) -> str:
    data, found = _including(sandbox)
    _no_more(found, data.observations | data.of("one", "two"))
    return "nothing else is included"


def _including(sandbox: Sandbox) -> tuple[SearchData, dict[str, str]]:
    """Return what was stored, and what a search with _include returns, with its modes."""
    need(sandbox.claims.includes("Observation", "searchInclude", "Observation:subject"), "_include=Observation:subject")
    data = labelled(sandbox)
    query = {"code": data.label, "_include": "Observation:subject"}
    return data, _modes(sandbox, "Observation", query, data.observations | data.of("one", "two"))


@GROUP.probe(
    "_revinclude", level="SHALL", page="search.html#revinclude",
    expected="_revinclude=Observation:subject adds the observations, with search.mode 'include'",
)  # fmt: skip
def search_revinclude(sandbox: Sandbox) -> str:
    data, found = _including_reverse(sandbox)
    _included(found, data.of("three"), data.of("three-mar"))
    return "the observation is included"


@GROUP.probe(
    "_revinclude brings no more than was named", level="SHOULD", page="search.html#revinclude",
    expected="_revinclude=Observation:subject adds the observations of the patient, and not those that another element "
    "refers from",
)  # fmt: skip
def search_revinclude_only(sandbox: Sandbox) -> str:
    data, found = _including_reverse(sandbox)
    _no_more(found, data.of("three", "three-mar"))
    return "nothing else is included"


def _including_reverse(sandbox: Sandbox) -> tuple[SearchData, dict[str, str]]:
    claims = sandbox.claims.includes("Patient", "searchRevInclude", "Observation:subject")
    need(claims, "_revinclude=Observation:subject")
    data = identified(sandbox, "three")
    query = {"identifier": sandbox.identifier("field-three"), "_revinclude": "Observation:subject"}
    return data, _modes(sandbox, "Patient", query, data.of("three", "three-mar"))


def _modes(sandbox: Sandbox, kind: str, query: Mapping[str, str], wanted: set[str]) -> dict[str, str]:
    found = sandbox.eventually(
        lambda: sandbox.entries(kind, query), lambda seen: {each.name for each in seen} == wanted
    )
    return {each.name: each.mode for each in found if each.mode != "outcome"}


def _included(modes: Mapping[str, str], matches: set[str], included: set[str]) -> None:
    missing = included - set(modes)
    check(not missing, f"{len(missing)} of {len(included)} are not included")
    check(matches <= set(modes), "matches are missing")
    wrong = {name for name in included if modes[name] != "include"}
    check(not wrong, "what is included has not the mode 'include'")


def _no_more(modes: Mapping[str, str], wanted: set[str]) -> None:
    more = set(modes) - wanted
    check(not more, f"{len(more)} are returned that were not asked for, for example {sorted(more)[:1]}")


@GROUP.probe(
    "pages lose and repeat nothing", level="SHALL", page="http.html#paging",
    expected="with _count=2 the next links lead to all matches, each once",
)  # fmt: skip
def search_paging(sandbox: Sandbox) -> str:
    data = labelled(sandbox)
    query = {"code": data.label, "_count": "2"}
    found = sandbox.eventually(
        lambda: sandbox.found("Observation", query), lambda seen: len(seen) >= len(data.observations)
    )
    twice = {name for name in found if found.count(name) > 1}
    missing = data.observations - set(found)
    problems = [f"{len(missing)} of {len(data.observations)} are on no page"] if missing else []
    problems += [f"{len(twice)} are on more than one"] if twice else []
    check(not problems, " and ".join(problems))
    check(set(found) == data.observations, f"{len(set(found) - data.observations)} do not match")
    first = sandbox.search("Observation", query)
    if len(found_entries(first)) > 2 or not next_page(first):
        raise FailError(f"_count=2 returns a page of {len(found_entries(first))}")
    return f"{len(found)} on pages of 2, each once"


@GROUP.probe(
    "the total is right", level="SHOULD", page="search.html#total",
    expected="_total=accurate returns Bundle.total with the number of matches, not of the entries of a page",
)  # fmt: skip
def search_total(sandbox: Sandbox) -> str:
    data = labelled(sandbox)
    query, wanted = {"code": data.label, "_total": "accurate", "_count": "3"}, len(data.observations)
    reply = sandbox.eventually(
        lambda: sandbox.search("Observation", query), lambda seen: (seen.body or {}).get("total") == wanted
    )
    if not reply.ok:
        sandbox.refused(reply, "the search")
    total = (reply.body or {}).get("total")
    check(total == wanted, f"total is {total}, and {wanted} match")
    return f"total: {total}"


@GROUP.probe(
    "only a count", level="SHOULD", page="search.html#summary",
    expected="_summary=count returns the number of matches and no entries",
)  # fmt: skip
def search_count(sandbox: Sandbox) -> str:
    data = labelled(sandbox)
    reply = sandbox.search("Observation", {"code": data.label, "_summary": "count"})
    if not reply.ok:
        sandbox.refused(reply, "the search")
    total, entries = (reply.body or {}).get("total"), (reply.body or {}).get("entry") or []
    check(total == len(data.observations), f"total is {total}, and {len(data.observations)} match")
    check(not entries, f"{len(entries)} entries are returned")
    return f"total: {total}"


@GROUP.probe(
    "sorted by date", level="SHOULD", page="search.html#sort",
    expected="_sort=-date returns the latest first",
)  # fmt: skip
def search_sort(sandbox: Sandbox) -> str:
    data = labelled(sandbox, "date")
    query = {"code": data.only, "_sort": "-date"}
    wanted = [data.locations[key] for key in ("two-mar", "mar", "feb", "jan")]
    found = sandbox.eventually(lambda: sandbox.found("Observation", query), lambda seen: seen == wanted)
    check(set(found) == set(wanted), f"{len(found)} are found, and {len(wanted)} match")
    check(found == wanted, "the order is another")
    return "the latest first"


@GROUP.probe(
    "by POST", level="SHALL", page="http.html#search",
    expected="POST Observation/_search with the parameters as a form finds the same as GET",
)  # fmt: skip
def search_post(sandbox: Sandbox) -> str:
    data = labelled(sandbox)
    body = urlencode({"code": data.only}).encode()
    reply = sandbox.ask("POST", "Observation/_search", body, content_type="application/x-www-form-urlencoded")
    if not reply.ok:
        sandbox.refused(reply, "the search by POST")
    found, wanted = {each.name for each in found_entries(reply)}, data.of("jan", "feb", "mar", "two-mar")
    check(found == wanted, f"{len(wanted - found)} are not found, and {len(found - wanted)} that do not match are")
    return "the same"


@GROUP.probe(
    "says what it searched", level="SHALL", page="search.html#conformance",
    expected="the self link names the parameters that were used",
)  # fmt: skip
def search_self_link(sandbox: Sandbox) -> str:
    data = searchable(sandbox, "code", "date")
    reply = sandbox.search("Observation", {"code": data.label, "date": "ge2018-04-01"})
    if not reply.ok:
        sandbox.refused(reply, "the search")
    url = _self_link(reply)
    check(bool(url), "there is no self link")
    missing = [name for name in ("code", "date") if name not in parse_qs(urlsplit(url).query)]
    check(not missing, f"the self link does not name {' and '.join(missing)}, which were asked for")
    return "it names what was asked for"


@GROUP.probe(
    "does not say it searched what it ignored", level="SHALL", page="search.html#conformance",
    expected="where a parameter that does not exist is ignored, the self link does not name it",
)  # fmt: skip
def search_self_link_only(sandbox: Sandbox) -> str:
    data = searchable(sandbox, "code")
    query = {"code": data.label, "no-such-thing": "x"}
    reply = sandbox.search("Observation", query, headers={"Prefer": "handling=lenient"})
    if 400 <= reply.status < 500:
        return f"it is not ignored (HTTP {reply.status})"
    if not reply.ok:
        sandbox.refused(reply, "the search")
    url = _self_link(reply)
    check("no-such-thing" not in parse_qs(urlsplit(url).query), "the self link names what was not searched")
    return "it does not name it"


def _self_link(reply: Reply) -> str:
    links = objects((reply.body or {}).get("link"))
    return next((str(each.get("url")) for each in links if each.get("relation") == "self"), "")


@GROUP.probe(
    "an unknown parameter is reported", level="SHOULD", page="search.html#errors",
    expected="with Prefer: handling=strict, a parameter that does not exist is refused with 400",
)  # fmt: skip
def search_unknown_parameter(sandbox: Sandbox) -> str:
    searchable(sandbox)
    reply = sandbox.search("Observation", {"no-such-thing": "x"}, headers={"Prefer": "handling=strict"})
    check(400 <= reply.status < 500, f"it answers HTTP {reply.status}, as if nothing had been asked")
    return f"HTTP {reply.status}"
