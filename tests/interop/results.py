"""A result made by hand, with all verdicts and states, and with texts that a hostile server sends."""

from __future__ import annotations

from decimal import Decimal

from fhir_case.fhir.compare import Difference
from fhir_case.interop.result import (
    BundleResult,
    Exchange,
    InteropResult,
    Level,
    ProbeDescription,
    ProbeResult,
    ResourceResult,
    ServerResult,
    State,
    Verdict,
)

SCRIPT = "<script>alert('x')</script></pre></td>"
CONTROL = "bell\x07 null\x00 escape\x1b[31m turned\u202eback half\ud800 end\ufffe"
LONG = "l" * 5_000
SPECIFICATION = "https://hl7.org/fhir/R4/http.html#trules"


def exchange(body: str = "", *, status: int = 201, sent: str = '{"resourceType":"Patient"}') -> Exchange:
    headers = {"ETag": 'W/"1"', "Location": "https://one.example/fhir/Patient/1"}
    return Exchange("POST", "https://one.example/fhir/Patient?a=1&b=2", sent, status, headers, body, 34)


def probe(name: str, level: Level = "SHALL", group: str = "Transactions") -> ProbeDescription:
    return ProbeDescription(name, f"title of {name}", group, level, SPECIFICATION, f"expected of {name}")


def found(name: str, verdict: Verdict, observed: str = "", *exchanges: Exchange) -> ProbeResult:
    return ProbeResult(name, verdict, observed or f"observed of {name}", exchanges)


def resource(name: str, state: State, *differences: Difference, reason: str = "") -> ResourceResult:
    return ResourceResult(name, "" if reason else name, state, differences, reason)


VERSION = Difference("Patient.meta.versionId", "added", None, "1")
PRECISION = Difference("Observation.valueQuantity.value", "precision", Decimal("15.00"), Decimal("15.0"))
PROBES = (
    probe("atomic"),
    probe("order"),
    probe("paging", "SHOULD", "Search"),
    probe("include", "MAY", "Search"),
    probe("history", "SHALL", "Versions"),
)


def good_server(name: str = "one") -> ServerResult:
    """A server that does all it claims."""
    return ServerResult(
        name,
        f"https://{name}.example/fhir",
        "R4",
        "Server One 1.2",
        (
            BundleResult(
                "hcc",
                (
                    resource("Patient/p", "added", VERSION),
                    resource("Observation/o", "equal"),
                    resource("Group/g", "added", VERSION),
                ),
            ),
        ),
        (
            found("atomic", "pass", "", exchange()),
            found("order", "pass"),
            found("paging", "pass"),
            found("include", "not applicable", "it does not claim _include"),
            found("history", "pass"),
        ),
        requests=1_234,
    )


def bad_server(name: str = "two") -> ServerResult:
    """A server that fails at every level, spoils resources and leaves something behind."""
    return ServerResult(
        name,
        f"https://{name}.example/fhir",
        "R4",
        "Server Two",
        (
            BundleResult(
                "hcc",
                (
                    resource("Patient/p", "rewritten", Difference("Patient.id", "rewritten", "p", "77")),
                    resource("Observation/o", "altered", VERSION, PRECISION),
                    resource("Group/g", "rejected", reason="HTTP 422: no Group here"),
                ),
                warnings=("a reference leads nowhere",),
            ),
        ),
        (
            found("atomic", "fail", "one of two entries is stored", exchange(), exchange('{"id":"1"}', status=200)),
            found("order", "pass"),
            found("paging", "fail", "the second page is the first again"),
            found("include", "fail", "nothing is included"),
            found("history", "not run", "the Patient that is needed was not created"),
        ),
        left=("Patient/77: HTTP 409",),
        requests=56,
    )


def dead_server(name: str = "three") -> ServerResult:
    return ServerResult(name, f"https://{name}.example/fhir", error="no answer within 10 s")


def result(*servers: ServerResult, probes: tuple[ProbeDescription, ...] = PROBES) -> InteropResult:
    chosen = servers or (good_server(), bad_server(), dead_server())
    return InteropResult("0.1.0", "2026-05-01T12:00:00Z", probes, chosen)


def hostile() -> InteropResult:
    """A server that says in every place what could break a report."""
    nasty = f"{SCRIPT} {CONTROL} | `x` [y](http://z) {{{{ 7 * 7 }}}} é 漢字 🩺"
    deep: object = "bottom"
    for _ in range(450):
        deep = [deep]
    stored = {nasty: nasty, "deep": deep, "big": 10**40, "exact": Decimal("1.50")}
    talk = Exchange("POST", f"https://one.example/fhir/{SCRIPT}", nasty, 200, {"ETag": nasty}, f'{{"a":"{nasty}"', 1)
    server = ServerResult(
        "one",
        "https://one.example/fhir",
        "R4",
        nasty,
        (
            BundleResult(
                nasty,
                (
                    resource(nasty, "altered", Difference(f"Patient.{nasty}", "unexpected", None, stored)),
                    resource(nasty, "lost", reason=nasty),
                    resource("Patient/long", "altered", Difference("Patient.name", "changed", LONG, "")),
                ),
                nasty,
                (nasty,),
            ),
        ),
        (
            found("atomic", "fail", nasty, talk),
            found("paging", "fail", nasty + LONG, talk),
            found("order", "pass", nasty),
        ),
        (nasty,),
    )
    return result(server, ServerResult("two", "https://two.example", error=nasty))


def large(servers: int = 3, probes: int = 45, resources: int = 120, exchanges: int = 6) -> InteropResult:
    """As much as a real test finds: bodies of 4 kB, no two of them the same."""
    levels: tuple[Level, ...] = ("SHALL", "SHALL", "SHOULD", "SHALL", "MAY")
    groups = (
        "Conformance",
        "Create, update, delete",
        "Versions",
        "Transactions",
        "Search",
        "Conditional",
        "Operations",
    )
    verdicts: tuple[Verdict, ...] = (
        "pass",
        "pass",
        "pass",
        "fail",
        "pass",
        "pass",
        "not applicable",
        "pass",
        "not run",
    )
    states: tuple[State, ...] = ("added", "equal", "added", "rewritten", "added", "altered", "added", "equal", "lost")
    described = tuple(
        probe(f"probe-{number}", levels[number % 5], groups[number * 7 // probes]) for number in range(probes)
    )

    def body(*place: int) -> str:
        entry = '{"reference":"Patient/%s","display":"A name of somebody","period":{"start":"2026-01-01"}}'
        entries = ",".join(entry % "-".join(str(each) for each in (*place, number)) for number in range(40))
        return f'{{"resourceType":"Group","member":[{entries}]}}'

    def one(place: int) -> ServerResult:
        asked = tuple(
            found(
                each.name,
                verdicts[(number + place * number) % 9],
                f"the server did what it does in case {number}",
                *(exchange(body(place, number, turn)) for turn in range(exchanges)),
            )
            for number, each in enumerate(described)
        )
        stored = tuple(
            resource(f"Observation/o-{number}", states[(number * (place + 1)) % 9], PRECISION, VERSION)
            for number in range(resources)
        )
        bundle = BundleResult("hcc-tare-sorafenib", stored)
        names = ("hapi", "blaze", "medplum", "a-server-with-a-long-name", "spark", "aidbox", "firely", "linuxforhealth")
        return ServerResult(
            names[place], f"https://{names[place]}.example/fhir", "R4", f"{names[place]} 8.{place}.0", (bundle,), asked
        )

    return result(*(one(place) for place in range(servers)), probes=described)
