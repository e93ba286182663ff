"""
Choose the format of an answer, and read and write resources in it: JSON, XML, and the content of a Binary.

Source: https://hl7.org/fhir/R4/http.html#mime-type; https://hl7.org/fhir/R4/binary.html#rest
"""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import TYPE_CHECKING, Any, Literal

from .digits import dump, parse
from .exchange import Refusal
from .xml import XML, from_xml, to_xml

if TYPE_CHECKING:
    from .behaviour import Behaviour
    from .exchange import Reply

__all__ = ["JSON", "Format", "chosen", "plain", "read", "written"]

JSON = "application/fhir+json"

Format = Literal["json", "xml", "raw"]

_PATCH = "application/json-patch+json"
_JSON = ("", JSON, "application/json", _PATCH, "text/json")
_FORMATS = {"json", "application/json", JSON, "application/fhir json", "text/json"}
_XML = ("xml", XML, "application/fhir xml", "application/xml", "text/xml")
_ANY = ("", "*/*", "application/*")


def chosen(accept: str, format_: str | None, behaviour: Behaviour, *, of_binary: bool = False) -> Format:
    """
    Return the format that is wanted.

    Args:
        accept: The header.
        format_: The parameter ``_format``, which goes before it; None when there is none.
        of_binary: Whether a Binary is read, which is returned as its content unless FHIR is asked for.

    Raises:
        Refusal: There is no such format here.
    """
    accepted = [each.strip().lower() for each in accept.split(",")]
    if behaviour.has("refuses-fhir-version") and any("fhirversion=" in each for each in accepted):
        raise Refusal(406, "the parameter fhirVersion is not supported")
    types = [each.partition(";")[0].strip() for each in accepted]
    asks_for_fhir = any(each in (JSON, XML) for each in types)
    if of_binary and not behaviour.has("binary-never-raw"):
        if format_ is None and (not asks_for_fhir or behaviour.has("binary-always-raw")):
            return "raw"
    elif of_binary and not asks_for_fhir:
        types = [JSON]
    if format_ is not None and not behaviour.has("ignores-format"):
        types = [format_.lower()]
    for each in types:
        if each in _FORMATS or each in (*_ANY, *_JSON):
            return "json"
        if each in _XML and behaviour.can("xml"):
            return "json" if behaviour.has("answers-json-for-xml") else "xml"
    raise Refusal(406, f"there is no {', '.join(types)} here")


def plain(body: bytes, encoding: str, behaviour: Behaviour) -> bytes:
    """
    Return a body without its encoding.

    Raises:
        Refusal: It cannot be decoded.
    """
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip" or behaviour.has("refuses-gzip"):
        raise Refusal(415, f"a body encoded as {encoding} cannot be read")
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise Refusal(400, f"the body is not gzip: {error}") from error


def read(body: bytes, content_type: str, behaviour: Behaviour) -> Any:
    """
    Read a resource or a patch.

    Raises:
        Refusal: It is neither, or of a type that is not supported.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _XML and behaviour.can("xml"):
        try:
            return _first_only(from_xml(body)) if behaviour.has("reads-first-of-xml") else from_xml(body)
        except (ValueError, KeyError, IndexError) as error:
            raise Refusal(400, f"the body is not XML of FHIR: {error}", code="structure") from error
    if kind not in _JSON:
        raise Refusal(415, f"{kind} is not supported; {JSON} is")
    try:
        return parse(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}", code="structure") from error


def _first_only(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _first_only(each) for name, each in node.items()}
    return [_first_only(each) for each in node[:1]] if isinstance(node, list) else node


def written(reply: Reply, format_: Format, *, pretty: bool) -> tuple[bytes, str]:
    """Return the body of an answer in a format, and its content type; both empty without a body."""
    if reply.body is None:
        return b"", ""
    if isinstance(reply.body, str):
        return reply.body.encode(), "text/html;charset=utf-8"
    if format_ == "raw" and reply.version is not None:
        content = base64.b64decode(str(reply.version.content.get("data", "")))
        return content, str(reply.version.content.get("contentType", ""))
    if format_ == "xml":
        return to_xml(reply.body), f"{XML};charset=utf-8"
    return dump(reply.body, pretty=pretty), f"{JSON};charset=utf-8"
