"""Are resources given and taken in the format that is wanted?"""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import TEST_DATA
from fhir_case.interop.probe import ProbeGroup
from fhir_case.interop.verdict import FailError, NotApplicableError, check, need

if TYPE_CHECKING:
    from fhir_case.interop.recorder import Reply
    from fhir_case.interop.sandbox import Sandbox

__all__ = ["GROUP"]

GROUP = ProbeGroup("Formats")
_JSON, _XML = "application/fhir+json", "application/fhir+xml"
_NAMESPACE = "{http://hl7.org/fhir}"
_VERSIONS = {"R4": "4.0", "R5": "5.0"}
_TEXT = "Grüße aus dem Labor\n"


@GROUP.probe(
    "HEAD is GET without a body", level="SHALL", page="http.html#read",
    expected="HEAD answers with the status and ETag of GET and no body; or with 405 or 501",
)  # fmt: skip
def head(sandbox: Sandbox) -> str:
    location = sandbox.stored(sandbox.patient("head"))
    seen, asked = sandbox.ask("GET", location), sandbox.ask("HEAD", location)
    if asked.status in (405, 501):
        raise NotApplicableError(f"the server has no HEAD (HTTP {asked.status})")
    check(asked.status == seen.status, f"GET answers HTTP {seen.status}, and HEAD {asked.status}")
    tags = seen.headers.get("ETag"), asked.headers.get("ETag")
    check(tags[0] == tags[1], f"the ETag of GET is {tags[0]}, and that of HEAD {tags[1]}")
    return f"HTTP {asked.status}"


@GROUP.probe(
    "_format goes before Accept", level="SHOULD", page="http.html#mime-type",
    expected="_format=json, and application/fhir+json, return JSON also where Accept names another type",
)  # fmt: skip
def format_parameter(sandbox: Sandbox) -> str:
    location = sandbox.stored(sandbox.patient("format"))
    for value in ("json", _JSON):
        reply = sandbox.ask("GET", location, parameters={"_format": value}, headers={"Accept": _XML})
        check(reply.ok, f"_format={value} answers HTTP {reply.status}")
        check(reply.body is not None, f"_format={value} answers {reply.content_type or 'nothing'}")
    return "JSON"


@GROUP.probe(
    "Accept may name the version of FHIR", level="SHOULD", page="http.html#version-parameter",
    expected="Accept and Content-Type with fhirVersion, the server's own, are as good as without",
)  # fmt: skip
def fhir_version(sandbox: Sandbox) -> str:
    location = sandbox.stored(sandbox.patient("fhir-version"))
    named = f"{_JSON}; fhirVersion={_VERSIONS[sandbox.fhir]}"
    reply = sandbox.ask("GET", location, headers={"Accept": named})
    check(reply.status == 200, f"Accept: {named} answers HTTP {reply.status}")
    sent = sandbox.ask("POST", "Patient", sandbox.patient("fhir-version"), content_type=named)
    sandbox.track_created(sent)
    check(sent.ok, f"Content-Type: {named} answers HTTP {sent.status}")
    return f"HTTP {reply.status} and {sent.status}"


@GROUP.probe(
    "bodies may be compressed", level="MAY", page="http.html#mime-type",
    expected="a resource that is sent with Content-Encoding: gzip is stored",
)  # fmt: skip
def gzip_body(sandbox: Sandbox) -> str:
    reply = sandbox.ask("POST", "Patient", sandbox.patient("gzip"), compressed=True)
    sandbox.track_created(reply)
    check(reply.ok, f"it is refused (HTTP {reply.status})")
    check(sandbox.holds(sandbox.read(reply.location()), "gzip"), "something else is stored")
    return f"HTTP {reply.status}"


def _need_xml(sandbox: Sandbox) -> None:
    formats = (sandbox.claims.statement or {}).get("format")
    listed = {str(each) for each in formats} if isinstance(formats, list) else set()
    need(bool(listed & {"xml", _XML, "application/xml", "text/xml"}), "XML")


@GROUP.probe(
    "XML is given where it is claimed", level="SHALL", page="http.html#mime-type",
    expected="Accept: application/fhir+xml returns the resource as XML, with this content type",
)  # fmt: skip
def xml_read(sandbox: Sandbox) -> str:
    _need_xml(sandbox)
    location = sandbox.stored({**sandbox.patient("xml"), "name": [{"family": "Interop", "given": ["A", "B"]}]})
    reply = sandbox.ask("GET", location, headers={"Accept": _XML})
    if not reply.ok:
        sandbox.refused(reply, "XML")
    check(reply.content_type == _XML, f"the content type is '{reply.content_type}'")
    root = _parsed(reply)
    check(root.tag == f"{_NAMESPACE}Patient", f"the root is {root.tag}")
    given = [each.get("value") for each in root.iterfind(f"{_NAMESPACE}name/{_NAMESPACE}given")]
    check(given == ["A", "B"], f"the given names are {given}")
    return _XML


def _parsed(reply: Reply) -> ET.Element:
    if b"<!" in reply.content:  # which FHIR does not have, and which could make a few bytes many
        raise FailError("the XML has a declaration of a document type, which FHIR does not allow")
    try:
        return ET.fromstring(reply.content)  # noqa: S314 - it declares no entities
    except ET.ParseError as error:
        raise FailError(f"it is not XML: {error}") from None


@GROUP.probe(
    "XML is taken where it is claimed", level="SHALL", page="http.html#mime-type",
    expected="a Patient that is sent as XML is stored, all its given names included",
)  # fmt: skip
def xml_create(sandbox: Sandbox) -> str:
    _need_xml(sandbox)
    label = "".join(f'<{name} value="{value}"/>' for name, value in TEST_DATA.items())
    key = sandbox.patient("from-xml")["identifier"][0]
    body = (
        f'<Patient xmlns="http://hl7.org/fhir"><meta><security>{label}</security></meta>'
        f'<identifier><system value="{key["system"]}"/><value value="{key["value"]}"/></identifier>'
        '<active value="true"/><name><family value="Interop"/><given value="A"/><given value="B"/></name></Patient>'
    )
    reply = sandbox.ask("POST", "Patient", body.encode(), content_type=_XML)
    sandbox.track_created(reply)
    if not reply.ok:
        sandbox.refused(reply, "XML")
    stored = sandbox.read(reply.location())
    found = stored.get("active"), [each.get("given") for each in stored.get("name") or []]
    check(found == (True, [["A", "B"]]), f"active and given are {found[0]!r} and {found[1]!r}")
    return f"HTTP {reply.status}"


def _binary(sandbox: Sandbox) -> str:
    need(sandbox.claims.interaction("Binary", "create"), "the interaction 'create' for Binary")
    data = base64.b64encode(_TEXT.encode()).decode()
    return sandbox.stored({
        "resourceType": "Binary", "meta": {"security": [TEST_DATA]}, "contentType": "text/plain", "data": data,
    })  # fmt: skip


@GROUP.probe(
    "a Binary is its content", level="SHOULD", page="binary.html#rest",
    expected="a read that asks for the type of the content returns the content, in this type",
)  # fmt: skip
def binary_content(sandbox: Sandbox) -> str:
    reply = sandbox.ask("GET", _binary(sandbox), headers={"Accept": "text/plain"})
    check(reply.ok, f"it answers HTTP {reply.status}")
    check(reply.content_type == "text/plain", f"the content type is '{reply.content_type}'")
    check(reply.content == _TEXT.encode(), f"{len(reply.content)} bytes come back, which are others")
    return "the content"


@GROUP.probe(
    "a Binary is a resource where FHIR is asked for", level="SHALL", page="binary.html#rest",
    expected="a read with Accept: application/fhir+json returns the Binary as a resource, its data whole",
)  # fmt: skip
def binary_resource(sandbox: Sandbox) -> str:
    reply = sandbox.ask("GET", _binary(sandbox))
    check(reply.ok, f"it answers HTTP {reply.status}")
    body = reply.body or {}
    check(body.get("resourceType") == "Binary", f"the content type is '{reply.content_type}'")
    data = base64.b64decode(str(body.get("data") or ""))
    check(data == _TEXT.encode(), f"the data are {len(data)} bytes, which are others")
    return "the resource"
