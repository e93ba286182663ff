"""
Read and write resources as XML, by the strict JSON Schema of R4: what is a list, a number or a truth, and the order.

Source: https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["XML", "from_xml", "to_xml"]

XML = "application/fhir+xml"

_FHIR = "http://hl7.org/fhir"
_XHTML = "http://www.w3.org/1999/xhtml"
_ATTRIBUTES = ("url", "id")  # of an Extension, and of each element
_RESOURCE = "Resource"


def to_xml(resource: Resource) -> bytes:
    """Write a resource as XML."""
    ET.register_namespace("", _FHIR)
    return bytes(ET.tostring(_written(resource), encoding="utf-8"))


def _written(resource: Resource) -> ET.Element:
    kind = str(resource["resourceType"])
    found = ET.Element(f"{{{_FHIR}}}{kind}")
    _write_children(found, resource, kind)
    return found


def _write_children(element: ET.Element, node: Mapping[str, Any], kind: str) -> None:
    properties = _definition(kind)["properties"]
    for name in properties:
        if name.startswith("_"):
            continue
        values, extras = _listed(node.get(name)), _listed(node.get(f"_{name}"))
        for number in range(max(len(values), len(extras))):
            value = values[number] if number < len(values) else None
            extra = extras[number] if number < len(extras) else None
            if name in _ATTRIBUTES and kind.partition("(")[0] not in _TYPES_WITH_AN_ID and isinstance(value, str):
                element.set(name, value)
                continue
            _write(ET.SubElement(element, f"{{{_FHIR}}}{name}"), value, extra, _kind(properties[name]))
            if name == "div":
                element.remove(element[-1])
                element.append(ET.fromstring(str(value)))  # noqa: S314 - what a test sends


def _write(child: ET.Element, value: Any, extra: Any, kind: str) -> None:
    if kind == _RESOURCE and isinstance(value, dict):
        child.append(_written(value))
    elif isinstance(value, dict):
        _write_children(child, value, kind)
    elif value is not None:
        child.set("value", value if isinstance(value, str) else _plain(value))
    if isinstance(extra, dict):
        _write_children(child, extra, "Element")


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_xml(text: bytes) -> Resource:
    """
    Read a resource from XML.

    Raises:
        ValueError: It is not the XML of a resource.
    """
    try:
        return _read_resource(ET.fromstring(text))  # noqa: S314 - what a test sends
    except ET.ParseError as error:
        raise ValueError(str(error)) from error


def _read_resource(element: ET.Element) -> Resource:
    kind = _name(element)
    return {"resourceType": kind, **_read_children(element, kind)}


def _read_children(element: ET.Element, kind: str) -> dict[str, Any]:
    properties = _definition(kind)["properties"]
    found: dict[str, Any] = {name: element.get(name) for name in _ATTRIBUTES if element.get(name) is not None}
    for child in element:
        name = _name(child)
        value, extra = _read(child, _kind(properties.get(name, {})))
        if "items" in properties.get(name, {}):
            found.setdefault(name, []).append(value)
        elif value is not None:
            found[name] = value
        if extra:
            found[f"_{name}"] = extra
    return found


def _read(child: ET.Element, kind: str) -> tuple[Any, dict[str, Any]]:
    if child.tag.startswith(f"{{{_XHTML}}}"):
        return ET.tostring(child, encoding="unicode"), {}
    if kind == _RESOURCE:
        return _read_resource(child[0]), {}
    if "properties" in _definition(kind):
        return _read_children(child, kind), {}
    text, types = child.get("value"), _definition(kind).get("type")
    extra = _read_children(child, "Element") if len(child) else {}
    if text is not None and types == "boolean":
        return text == "true", extra
    if text is not None and types in ("integer", "number"):
        return (int(text) if types == "integer" else Decimal(text)), extra
    return text, extra


def _name(element: ET.Element) -> str:
    return element.tag.partition("}")[2]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _kind(schema: Mapping[str, Any]) -> str:
    return str(schema.get("items", schema).get("$ref", "")).rpartition("#/$defs/")[2].rstrip("?").partition(":")[0]


def _definition(kind: str) -> Mapping[str, Any]:
    from fhir_case.fhir.definitions import definitions

    found: Mapping[str, Any] = definitions("R4").get(kind, {})
    return found


class _ResourceTypes:
    """The types whose id is an element and no attribute: the resources."""

    def __contains__(self, kind: object) -> bool:
        return "meta" in _definition(str(kind)).get("properties", {})


_TYPES_WITH_AN_ID = _ResourceTypes()
