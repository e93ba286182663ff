"""Do searches find what they should, all of it, and nothing else?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fhir_case.fhir.systems import UCUM
from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.probes.search_data import labelled, searchable
from fhir_case.interop.verdict import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Search")


def _finds(
    sandbox: Sandbox,
    parameters: Mapping[str, str] | Sequence[tuple[str, str]],
    expected: set[str],
    *,
    kind: str = "Observation",
) -> None:
    """
    Search until just the expected is found, or time is up.

    Raises:
        FailError: Something is missing, or found that should not be.
    """
    found = sandbox.finds(kind, parameters, expected)
    query = urlencode(parameters, safe="|:/,$").replace(sandbox.namespace, "…")
    problems = []
    if missing := expected - found:
        problems.append(f"{len(missing)} of {len(expected)} are not found")
    if more := found - expected:
        problems.append(f"{len(more)} are found that do not match")
    check(not problems, f"{kind}?{query}: {' and '.join(problems)}")


@GROUP.probe(
    "by identifier", level="SHALL", page="search.html#token",
    expected="identifier=system|value finds the one resource that has it; another value or system finds nothing",
)  # fmt: skip
def search_identifier(sandbox: Sandbox) -> str:
    data = searchable(sandbox, "identifier", kind="Patient")
    _finds(sandbox, {"identifier": sandbox.identifier("field-one")}, data.of("one"), kind="Patient")
    _finds(sandbox, {"identifier": sandbox.identifier("field-nobody")}, set(), kind="Patient")
    _finds(sandbox, {"identifier": f"{sandbox.system}-other|field-one"}, set(), kind="Patient")
    return "the one that has it"


@GROUP.probe(
    "by several ids", level="SHALL", page="search.html#id",
    expected="_id=a,b finds both, and no third",
)  # fmt: skip
def search_id(sandbox: Sandbox) -> str:
    data = searchable(sandbox, kind="Patient")
    ids = ",".join(sorted(location.partition("/")[2] for location in data.of("one", "two")))
    _finds(sandbox, {"_id": ids}, data.of("one", "two"), kind="Patient")
    return "both, and no third"


@GROUP.probe(
    "by code", level="SHALL", page="search.html#token",
    expected="code=system|code finds all resources that have it, and no other",
)  # fmt: skip
def search_code(sandbox: Sandbox) -> str:
    data = searchable(sandbox, "code")
    _finds(sandbox, {"code": data.label}, data.observations)
    _finds(sandbox, {"code": data.only}, data.of("jan", "feb", "mar", "two-mar"))
    return "all of the code, and only these"


@GROUP.probe(
    "by patient", level="SHALL", page="search.html#reference",
    expected="patient=id and subject=Patient/id find the observations of one patient",
)  # fmt: skip
def search_patient(sandbox: Sandbox) -> str:
    data = searchable(sandbox, "patient", "subject")
    wanted = data.of("jan", "feb", "mar", "mar-other", "apr", "may")
    _finds(sandbox, {"patient": data.locations["one"].partition("/")[2]}, wanted)
    _finds(sandbox, {"subject": data.locations["one"]}, wanted)
    return "those of the patient"


@GROUP.probe(
    "by date with prefixes", level="SHALL", page="search.html#date",
    expected="date with ge, gt, lt, le and of a whole month finds what lies there",
)  # fmt: skip
def search_date(sandbox: Sandbox) -> str:
    data = labelled(sandbox, "date")
    march = ("mar", "mar-other", "two-mar")
    for date, keys in {
        "ge2018-04-01": ("apr", "may"),
        "lt2018-02-01": ("jan",),
        "le2018-02-10": ("jan", "feb"),
        "gt2018-04-10": ("may",),
        "2018-03": march,
        "2018-02-10": ("feb",),
    }.items():
        _finds(sandbox, {"code": data.label, "date": date}, data.of(*keys))
    return "six searches found what lies there"


@GROUP.probe(
    "between two dates", level="SHALL", page="search.html#combining",
    expected="two parameters of the same name both have to hold",
)  # fmt: skip
def search_date_range(sandbox: Sandbox) -> str:
    data = labelled(sandbox, "date")
    query = [("code", data.label), ("date", "ge2018-02-01"), ("date", "lt2018-03-15")]
    _finds(sandbox, query, data.of("feb", "mar", "mar-other"))
    return "those between"


@GROUP.probe(
    "by value", level="SHALL", page="search.html#quantity",
    expected="value-quantity with gt finds what is greater, with lt what is less, and nothing in another unit",
)  # fmt: skip
def search_value(sandbox: Sandbox) -> str:
    data = labelled(sandbox, "value-quantity")
    for value, keys in {
        f"gt110|{UCUM}|g/L": ("mar", "two-mar"),
        f"lt36|{UCUM}|g/L": ("may",),
        f"gt30|{UCUM}|mmol/L": (),
    }.items():
        _finds(sandbox, {"code": data.label, "value-quantity": value}, data.of(*keys))
    return "those that are greater, those that are less, and none in another unit"


@GROUP.probe(
    "by code and value together", level="SHALL", page="search.html#composite",
    expected="code-value-quantity=code$value finds observations of the code with the value",
)  # fmt: skip
def search_code_value(sandbox: Sandbox) -> str:
    data = searchable(sandbox, "code-value-quantity")
    query = {"code-value-quantity": f"{data.only}$lt111|{UCUM}|g/L"}
    _finds(sandbox, query, data.of("jan", "feb"))
    return "those of the code with the value"


@GROUP.probe(
    "chained", level="SHALL", page="search.html#chaining",
    expected="subject:Patient.identifier=… finds the observations of the patient who has it; of nobody, nothing",
)  # fmt: skip
def search_chained(sandbox: Sandbox) -> str:
    data = searchable(sandbox, "subject")
    _finds(sandbox, {"subject:Patient.identifier": sandbox.identifier("field-two")}, data.of("two-mar"))
    _finds(sandbox, {"subject:Patient.identifier": sandbox.identifier("field-nobody")}, set())
    return "those of the patient"
