"""Do searches find what they should, all of it, and nothing else?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from fhir_case.interop.probe import probe
from fhir_case.interop.probes.field import field_of
from fhir_case.interop.sandbox import named_entries, next_page
from fhir_case.interop.verdict import FailError, check, need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.interop.probes.field import Field
    from fhir_case.interop.sandbox import Ground

__all__ = ["PROBES"]

_GROUP = "Search"


def _need(ground: Ground, *names: str, kind: str = "Observation") -> Field:
    need(ground.claims.interaction(kind, "search-type"), f"searches for {kind}")
    for name in names:
        need(ground.claims.parameter(kind, name), f"the search parameter '{name}' of {kind}")
    return field_of(ground)


def _finds(ground: Ground, parameters: Mapping[str, str], wanted: set[str], *, kind: str = "Observation") -> None:
    """
    Search with patience until just the wanted is found.

    Raises:
        FailError: Something is missing, or found that should not be.
    """
    found = ground.finds(kind, parameters, wanted)
    query = urlencode(parameters, safe="|:/,$").replace(ground.namespace, "…")
    problems = []
    if missing := wanted - found:
        problems.append(f"{len(missing)} of {len(wanted)} are not found")
    if more := found - wanted:
        problems.append(f"{len(more)} are found that do not match")
    check(not problems, f"{kind}?{query}: {' and '.join(problems)}")


@probe(
    _GROUP, "by identifier", level="SHALL", page="search.html#token",
    expected="identifier=system|value finds the one resource that has it; another value finds nothing",
)  # fmt: skip
def search_identifier(ground: Ground) -> str:
    field = _need(ground, "identifier", kind="Patient")
    _finds(ground, {"identifier": ground.identifier("field-one")}, field.of("one"), kind="Patient")
    _finds(ground, {"identifier": ground.identifier("field-nobody")}, set(), kind="Patient")
    return "the one that has it"


@probe(
    _GROUP, "by several ids", level="SHALL", page="search.html#id",
    expected="_id=a,b finds both",
)  # fmt: skip
def search_id(ground: Ground) -> str:
    field = _need(ground, kind="Patient")
    ids = ",".join(sorted(place.partition("/")[2] for place in field.of("one", "two")))
    _finds(ground, {"_id": ids}, field.of("one", "two"), kind="Patient")
    return "both"


@probe(
    _GROUP, "by code", level="SHALL", page="search.html#token",
    expected="code=system|code finds all resources that have it, and no other",
)  # fmt: skip
def search_code(ground: Ground) -> str:
    field = _need(ground, "code")
    _finds(ground, {"code": field.label}, field.observations)
    _finds(ground, {"code": field.only}, field.of("jan", "feb", "mar", "two-mar"))
    return "all of the code, and only these"


@probe(
    _GROUP, "by patient", level="SHALL", page="search.html#reference",
    expected="patient=id and subject=Patient/id find the observations of one patient",
)  # fmt: skip
def search_patient(ground: Ground) -> str:
    field = _need(ground, "patient", "subject")
    wanted = field.of("jan", "feb", "mar", "mar-other", "apr", "may")
    _finds(ground, {"patient": field.places["one"].partition("/")[2]}, wanted)
    _finds(ground, {"subject": field.places["one"]}, wanted)
    return "those of the patient"


@probe(
    _GROUP, "by date with prefixes", level="SHALL", page="search.html#date",
    expected="date with ge, gt, lt, le and of a whole month finds what lies there",
)  # fmt: skip
def search_date(ground: Ground) -> str:
    field = _need(ground, "date", "code")
    march = ("mar", "mar-other", "two-mar")
    for date, keys in {
        "ge2018-04-01": ("apr", "may"),
        "lt2018-02-01": ("jan",),
        "le2018-02-10": ("jan", "feb"),
        "gt2018-04-10": ("may",),
        "2018-03": march,
        "2018-02-10": ("feb",),
    }.items():
        _finds(ground, {"code": field.label, "date": date}, field.of(*keys))
    return "six searches found what lies there"


@probe(
    _GROUP, "between two dates", level="SHALL", page="search.html#combining",
    expected="two parameters of the same name both have to hold",
)  # fmt: skip
def search_date_range(ground: Ground) -> str:
    field = _need(ground, "date", "code")
    query = urlencode([("code", field.label), ("date", "ge2018-02-01"), ("date", "lt2018-03-15")])
    wanted = field.of("feb", "mar", "mar-other")
    found = ground.eventually(lambda: set(ground.found(f"Observation?{query}", {})), lambda seen: seen == wanted)
    check(found == wanted, f"{len(wanted - found)} are not found, and {len(found - wanted)} that do not match are")
    return "those between"


@probe(
    _GROUP, "by value", level="SHALL", page="search.html#quantity",
    expected="value-quantity with gt finds what is greater",
)  # fmt: skip
def search_value(ground: Ground) -> str:
    field = _need(ground, "value-quantity", "code")
    query = {"code": field.label, "value-quantity": "gt110|http://unitsofmeasure.org|g/L"}
    _finds(ground, query, field.of("mar", "two-mar"))
    return "those that are greater"


@probe(
    _GROUP, "by code and value together", level="SHALL", page="search.html#composite",
    expected="code-value-quantity=code$value finds observations of the code with the value",
)  # fmt: skip
def search_code_value(ground: Ground) -> str:
    field = _need(ground, "code-value-quantity")
    query = {"code-value-quantity": f"{field.only}$lt111|http://unitsofmeasure.org|g/L"}
    _finds(ground, query, field.of("jan", "feb"))
    return "those of the code with the value"


@probe(
    _GROUP, "chained", level="SHALL", page="search.html#chaining",
    expected="subject:Patient.identifier=… finds the observations of the patient with that identifier",
)  # fmt: skip
def search_chained(ground: Ground) -> str:
    field = _need(ground, "subject")
    _finds(ground, {"subject:Patient.identifier": ground.identifier("field-two")}, field.of("two-mar"))
    return "those of the patient"


@probe(
    _GROUP, "_include", level="SHALL", page="search.html#revinclude",
    expected="_include=Observation:subject adds the patient, with search.mode 'include'",
)  # fmt: skip
def search_include(ground: Ground) -> str:
    need(ground.claims.includes("Observation", "searchInclude", "Observation:subject"), "_include=Observation:subject")
    field = _need(ground, "code")
    query = {"code": field.label, "_include": "Observation:subject"}
    _included(ground, "Observation", query, field.observations, field.of("one", "two"))
    return "both patients are included"


@probe(
    _GROUP, "_revinclude", level="SHALL", page="search.html#revinclude",
    expected="_revinclude=Observation:subject adds the observations, with search.mode 'include'",
)  # fmt: skip
def search_revinclude(ground: Ground) -> str:
    claims = ground.claims.includes("Patient", "searchRevInclude", "Observation:subject")
    need(claims, "_revinclude=Observation:subject")
    field = _need(ground, "identifier", kind="Patient")
    query = {"identifier": ground.identifier("field-two"), "_revinclude": "Observation:subject"}
    _included(ground, "Patient", query, field.of("two"), field.of("two-mar"))
    return "the observation is included"


def _included(ground: Ground, kind: str, query: Mapping[str, str], matches: set[str], included: set[str]) -> None:
    wanted = matches | included
    found = ground.eventually(lambda: ground.entries(kind, query), lambda seen: {name for name, _ in seen} == wanted)
    modes = dict(found)
    missing = included - set(modes)
    check(not missing, f"{len(missing)} of {len(included)} are not included")
    check(matches <= set(modes), "matches are missing")
    check(set(modes) == wanted, f"{len(set(modes) - wanted)} are given that were not asked for")
    wrong = {name for name in included if modes[name] != "include"}
    check(not wrong, "what is included has not the mode 'include'")


@probe(
    _GROUP, "pages lose and repeat nothing", level="SHALL", page="http.html#paging",
    expected="with _count=2 the next links lead to all matches, each once",
)  # fmt: skip
def search_paging(ground: Ground) -> str:
    field = _need(ground, "code")
    query = {"code": field.label, "_count": "2"}
    found = ground.eventually(lambda: ground.found("Observation", query), lambda seen: len(seen) >= 7)
    twice = {name for name in found if found.count(name) > 1}
    missing = field.observations - set(found)
    problems = [f"{len(missing)} of {len(field.observations)} are on no page"] if missing else []
    problems += [f"{len(twice)} are on more than one"] if twice else []
    check(not problems, " and ".join(problems))
    check(set(found) == field.observations, f"{len(set(found) - field.observations)} do not match")
    first = ground.search("Observation", query)
    if len(named_entries(first)) > 2 or not next_page(first):
        raise FailError(f"_count=2 gives a page of {len(named_entries(first))}")
    return f"{len(found)} on pages of 2, each once"


@probe(
    _GROUP, "the total is right", level="SHOULD", page="search.html#total",
    expected="_total=accurate gives Bundle.total with the number of matches, not of the entries of a page",
)  # fmt: skip
def search_total(ground: Ground) -> str:
    field = _need(ground, "code")
    query = {"code": field.label, "_total": "accurate", "_count": "3"}
    reply = ground.eventually(
        lambda: ground.search("Observation", query), lambda seen: (seen.body or {}).get("total") == 7
    )
    if not reply.ok:
        ground.refused(reply, "the search")
    total = (reply.body or {}).get("total")
    check(total == len(field.observations), f"total is {total}, and {len(field.observations)} match")
    return f"total: {total}"


@probe(
    _GROUP, "only a count", level="SHOULD", page="search.html#summary",
    expected="_summary=count gives the number of matches and no entries",
)  # fmt: skip
def search_count(ground: Ground) -> str:
    field = _need(ground, "code")
    reply = ground.search("Observation", {"code": field.label, "_summary": "count"})
    if not reply.ok:
        ground.refused(reply, "the search")
    total, entries = (reply.body or {}).get("total"), (reply.body or {}).get("entry") or []
    check(total == len(field.observations), f"total is {total}, and {len(field.observations)} match")
    check(not entries, f"{len(entries)} entries are given")
    return f"total: {total}"


@probe(
    _GROUP, "sorted by date", level="SHOULD", page="search.html#sort",
    expected="_sort=-date gives the latest first",
)  # fmt: skip
def search_sort(ground: Ground) -> str:
    field = _need(ground, "date", "code")
    query = {"code": field.only, "_sort": "-date"}
    wanted = [field.places[key] for key in ("two-mar", "mar", "feb", "jan")]
    found = ground.eventually(lambda: ground.found("Observation", query), lambda seen: seen == wanted)
    check(set(found) == set(wanted), f"{len(found)} are found, and {len(wanted)} match")
    check(found == wanted, "the order is another")
    return "the latest first"


@probe(
    _GROUP, "by POST", level="SHALL", page="http.html#search",
    expected="POST Observation/_search with the parameters as a form finds the same as GET",
)  # fmt: skip
def search_post(ground: Ground) -> str:
    field = _need(ground, "code")
    body = urlencode({"code": field.only}).encode()
    reply = ground.talk.ask("POST", "Observation/_search", body, content_type="application/x-www-form-urlencoded")
    if not reply.ok:
        ground.refused(reply, "the search by POST")
    found, wanted = {name for name, _ in named_entries(reply)}, field.of("jan", "feb", "mar", "two-mar")
    check(found == wanted, f"{len(wanted - found)} are not found, and {len(found - wanted)} that do not match are")
    return "the same"


@probe(
    _GROUP, "says what it searched", level="SHALL", page="search.html#conformance",
    expected="the self link names the parameters that were used",
)  # fmt: skip
def search_self_link(ground: Ground) -> str:
    field = _need(ground, "code", "date")
    reply = ground.search("Observation", {"code": field.label, "date": "ge2018-04-01"})
    if not reply.ok:
        ground.refused(reply, "the search")
    links = (reply.body or {}).get("link") or []
    url = next((str(each.get("url")) for each in links if each.get("relation") == "self"), "")
    check(bool(url), "there is no self link")
    missing = [name for name in ("code", "date") if name not in parse_qs(urlsplit(url).query)]
    check(not missing, f"the self link does not name {' and '.join(missing)}, which were asked for")
    return "it names what was asked for"


@probe(
    _GROUP, "an unknown parameter is said", level="SHOULD", page="search.html#errors",
    expected="with Prefer: handling=strict, a parameter that does not exist is refused with 400",
)  # fmt: skip
def search_unknown_parameter(ground: Ground) -> str:
    _need(ground)
    reply = ground.search("Observation", {"no-such-thing": "x"}, headers={"Prefer": "handling=strict"})
    check(400 <= reply.status < 500, f"it answers HTTP {reply.status}, as if nothing had been asked")
    return f"HTTP {reply.status}"


PROBES = (
    search_identifier,
    search_id,
    search_code,
    search_patient,
    search_date,
    search_date_range,
    search_value,
    search_code_value,
    search_chained,
    search_include,
    search_revinclude,
    search_paging,
    search_total,
    search_count,
    search_sort,
    search_post,
    search_self_link,
    search_unknown_parameter,
)
