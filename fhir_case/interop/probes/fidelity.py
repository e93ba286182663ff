"""Is what was stored what was sent?"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.compare import compare
from fhir_case.fhir.systems import LOINC, UCUM
from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.result import deviations
from fhir_case.interop.verdict import FailError, NotRunError, check

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP", "kept"]

GROUP = ProbeGroup("Fidelity")
_INDEX = re.compile(r"\[\d+\]")
_UCUM = {"system": UCUM, "code": "1"}
_URL = "urn:fhir-case:interop:extension"


def kept(sandbox: Sandbox, resource: Resource, *paths: str) -> str:
    """
    Store a resource and compare the elements that are asked about with what comes back.

    Args:
        paths: The elements, such as ``name.given``. What else a server alters, adds or leaves out is another question.

    Raises:
        FailError: It was refused, or one of the elements is not as it was sent.
        NotRunError: The server does not keep what holds them.
    """
    reply = sandbox.create(resource)
    if not reply.ok or not reply.location():
        raise FailError(f"it is refused (HTTP {reply.status})")
    stored = sandbox.read(reply.location())
    sent = {**resource, "id": stored.get("id")}
    differences = compare(sent, stored, base_url=sandbox.recorder.base_url)
    asked = [each for each in differences if any(_below(_plain(each.path), path) for path in paths)]
    altered = deviations(asked)
    observed = "; ".join(f"{each.path}: {_short(each.sent)} is now {_short(each.stored)}" for each in altered[:3])
    check(not altered, observed + (f"; and {len(altered) - 3} more" if len(altered) > 3 else ""))
    lost = [each for each in differences if any(_below(path, _plain(each.path)) for path in paths)]
    if lacking := [each.path for each in lost if each.stored is None]:
        raise NotRunError(f"the server does not keep {', '.join(lacking[:3])}, which this is about a part of")
    rewritten = [each.path for each in asked if each.kind == "rewritten"]
    return f"the same, in another spelling: {', '.join(rewritten)}" if rewritten else "the same"


def _plain(path: str) -> str:
    """Return a path without its type and indices."""
    return _INDEX.sub("", path).partition(".")[2]


def _below(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.")


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:60]}… ({len(text):,} characters)"


@GROUP.probe(
    "decimals keep their precision", level="SHALL", page="datatypes.html#decimal",
    expected="15.0, 0.80, 0.000001 and 12345678901234.5 come back with all their digits",
)  # fmt: skip
def decimals(sandbox: Sandbox) -> str:
    values = ("15.0", "0.80", "100", "0.000001", "12345678901234.5")
    components = [
        {"code": {"text": text}, "valueQuantity": {"value": Decimal(text), "unit": "1", **_UCUM}} for text in values
    ]
    return kept(sandbox, sandbox.observation("decimals", component=components), "component.valueQuantity.value")


@GROUP.probe(
    "dates keep their precision", level="SHOULD", page="datatypes.html#dateTime",
    expected="a year, a month, a day and a time with its zone come back as they were, or as the same instant",
)  # fmt: skip
def dates(sandbox: Sandbox) -> str:
    values = ("2018", "2018-03", "2018-03-14", "2018-03-14T09:30:00+02:00", "2018-03-14T09:30:00.120Z")
    components = [{"code": {"text": text}, "valueDateTime": text} for text in values]
    return kept(sandbox, sandbox.observation("dates", component=components), "component.valueDateTime")


@GROUP.probe(
    "time zones are kept", level="SHOULD", page="datatypes.html#dateTime",
    expected="a time with the zone +05:45 comes back with this zone",
)  # fmt: skip
def time_zones(sandbox: Sandbox) -> str:
    sent = "2018-03-14T09:30:00+05:45"
    location = sandbox.stored(sandbox.observation("zone", effectiveDateTime=sent))
    stored = sandbox.read(location).get("effectiveDateTime")
    check(stored == sent, f"{sent} is now {stored}")
    return str(stored)


@GROUP.probe(
    "extensions are kept", level="SHOULD", page="extensibility.html#exchange",
    expected="unknown extensions on the resource, on an element and on a primitive come back",
)  # fmt: skip
def extensions(sandbox: Sandbox) -> str:
    own = {"url": _URL, "valueString": "kept"}
    nested = {"url": f"{_URL}:nested", "extension": [{"url": "inner", "valueCode": "kept"}]}
    patient = sandbox.patient(
        "extensions", extension=[own, nested], birthDate="1958-03-14", _birthDate={"extension": [own]}
    )
    patient["name"] = [{"family": "Interop", "extension": [own]}]
    return kept(sandbox, patient, "extension", "_birthDate", "name.extension")


@GROUP.probe(
    "codings are kept", level="SHOULD", page="datatypes.html#CodeableConcept",
    expected="three codings of one concept, a version, a display and userSelected come back, in their order",
)  # fmt: skip
def codings(sandbox: Sandbox) -> str:
    given = [
        {"system": LOINC, "version": "2.77", "code": "1834-1", "userSelected": True},
        {"system": sandbox.system, "code": "own-code", "display": "A display of our own"},
        {"code": "without-a-system"},
    ]
    return kept(sandbox, sandbox.observation("codings", code={"coding": given, "text": "AFP"}), "code.coding")


@GROUP.probe(
    "words of a concept are kept", level="SHOULD", page="datatypes.html#CodeableConcept",
    expected="CodeableConcept.text comes back, beside a coding and without one",
)  # fmt: skip
def texts(sandbox: Sandbox) -> str:
    code = {"coding": [{"system": LOINC, "code": "1834-1"}], "text": "AFP, as the laboratory calls it"}
    observation = sandbox.observation("texts", code=code, method={"text": "in words only"})
    return kept(sandbox, observation, "code.text", "method.text")


@GROUP.probe(
    "tags and labels are kept", level="SHOULD", page="resource.html#Meta",
    expected="meta.tag and meta.security come back",
)  # fmt: skip
def tags(sandbox: Sandbox) -> str:
    patient = sandbox.patient("tags")
    patient["meta"] = {**patient["meta"], "tag": [{"system": sandbox.system, "code": "tag", "display": "A tag"}]}
    return kept(sandbox, patient, "meta.tag", "meta.security")


@GROUP.probe(
    "lists keep their order", level="SHALL", page="json.html#repeat",
    expected="five given names come back in their order",
)  # fmt: skip
def order(sandbox: Sandbox) -> str:
    patient = sandbox.patient("order")
    patient["name"] = [{"family": "Interop", "given": ["E", "C", "A", "D", "B"]}]
    return kept(sandbox, patient, "name.given")


@GROUP.probe(
    "no element is left out", level="SHOULD", page="http.html#create",
    expected="an Observation with a dozen elements comes back with each of them",
)  # fmt: skip
def elements(sandbox: Sandbox) -> str:
    sent = sandbox.observation(
        "elements",
        category=[{"text": "laboratory"}], effectiveDateTime="2018-03-14",
        issued="2018-03-15T09:30:00Z", valueString="positive", interpretation=[{"text": "high"}],
        note=[{"text": "a note"}], bodySite={"text": "liver"}, method={"text": "counted"},
        referenceRange=[{"text": "negative"}], component=[{"code": {"text": "part"}, "valueBoolean": True}],
    )  # fmt: skip
    stored = sandbox.read(sandbox.stored(sent))
    lacking = [name for name in sent if name not in stored]
    check(not lacking, f"it comes back without {', '.join(lacking)}")
    return f"{len(sent)} elements"


@GROUP.probe(
    "an unknown element is not dropped silently", level="SHOULD", page="http.html#create",
    expected="a resource with an element that FHIR does not have is refused; or the element is kept",
)  # fmt: skip
def unknown_element(sandbox: Sandbox) -> str:
    reply = sandbox.create({**sandbox.patient("unknown-element"), "favouriteColour": "green"})
    if not reply.ok:
        return f"it is refused (HTTP {reply.status})"
    stored = sandbox.read(reply.location())
    check("favouriteColour" in stored, f"it answers HTTP {reply.status}, and the element is gone")
    return "the element is kept"


@GROUP.probe(
    "a wrong code is refused", level="SHOULD", page="http.html#create",
    expected="a Patient whose gender is not a code of the required value set is refused",
)  # fmt: skip
def wrong_code(sandbox: Sandbox) -> str:
    reply = sandbox.create({**sandbox.patient("wrong-code"), "gender": "purple"})
    check(not reply.ok, f"it answers HTTP {reply.status}")
    return f"it is refused (HTTP {reply.status})"


@GROUP.probe(
    "all of Unicode is kept", level="SHALL", page="http.html#mime-type",
    expected="Greek, Chinese, right-to-left, combining and astral characters come back",
)  # fmt: skip
def unicode(sandbox: Sandbox) -> str:
    texts = ["Ωμέγα", "肝細胞癌", "סרטן الكبد", "e\u0301\u200d\u00a0\u2009", "𝔉ℌ𝕀ℝ 🧬👩🏽‍⚕️", "<&\"'\\/>"]
    note = [{"text": text} for text in texts]
    return kept(sandbox, sandbox.observation("unicode", note=note), "note.text")


@GROUP.probe(
    "long texts are kept", level="SHOULD", page="datatypes.html#string",
    expected="a note of 100,000 characters comes back whole",
)  # fmt: skip
def long_text(sandbox: Sandbox) -> str:
    text = "".join(f"line {number:05}\n" for number in range(100_000 // 11))
    return kept(sandbox, sandbox.observation("long", note=[{"text": "short"}, {"text": text}]), "note.text")


@GROUP.probe(
    "narrative is kept", level="SHOULD", page="narrative.html",
    expected="the XHTML of the narrative comes back, apart from how it is written",
)  # fmt: skip
def narrative(sandbox: Sandbox) -> str:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>TARE with <b>Y-90</b> &amp; sorafenib: 4 &lt; 6</p></div>'
    return kept(sandbox, sandbox.patient("narrative", text={"status": "additional", "div": div}), "text")


@GROUP.probe(
    "contained resources are kept", level="SHOULD", page="references.html#contained",
    expected="a contained resource and the reference to it come back",
)  # fmt: skip
def contained(sandbox: Sandbox) -> str:
    inner: dict[str, Any] = {"resourceType": "Organization", "id": "inner", "name": "Clinic"}
    patient = sandbox.patient("contained", contained=[inner], managingOrganization={"reference": "#inner"})
    return kept(sandbox, patient, "contained", "managingOrganization")
