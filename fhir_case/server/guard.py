"""Keep credentials off open wires, and the data of real patients off servers that are not meant for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fhir_case.errors import BundleError, ServerError
from fhir_case.fhir.conditions import asked_beside
from fhir_case.fhir.systems import ACT_REASON
from fhir_case.http.address import host_of, is_loopback, origin
from fhir_case.toml import shipped_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.fhir.wire import Resource

__all__ = [
    "checked_base_url",
    "is_loopback",
    "is_test_data",
    "origin",
    "public_test_server",
    "refuse_foreign_condition",
    "refuse_plain_http",
    "refuse_real_data",
    "refuse_unlabelled",
    "unlabelled_resources",
]

# The elements that hold a resource, by the name of the element around them: there also what has no type counts as one.
_HOLDERS = {"entry": "resource", "parameter": "resource", "part": "resource", "response": "outcome"}

_BESIDE = "a label covers what its resource says itself: ask for that only, such as an identifier that it has"


def checked_base_url(base_url: str) -> str:
    """
    Return a base URL without the slashes at its end.

    Raises:
        ServerError: It is not a URL of a FHIR server. The message never repeats it: it may hold a secret.
    """
    hint = "a base URL looks like http://127.0.0.1:8080/fhir"
    try:
        parts = urlsplit(base_url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ServerError("this is not a base URL of a FHIR server", hint=hint) from None
    if parts.scheme not in ("http", "https") or not host:
        raise ServerError("the base URL of a FHIR server begins with http:// or https:// and a host", hint=hint)
    if "@" in parts.netloc:
        raise ServerError(
            f"the base URL of {host} holds a user name or password, which would end up in logs and reports",
            hint="leave it out; credentials belong in a header",
        )
    if parts.query or parts.fragment:
        raise ServerError(f"the base URL of {host} has a query or a fragment", hint=hint)
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def refuse_plain_http(url: str, has_credentials: bool) -> None:
    """
    Refuse to send credentials where the network can read them.

    Args:
        url: The base URL of a FHIR server, or a token endpoint.
        has_credentials: Whether a password, a token, a secret header or a client certificate goes there.

    Raises:
        ServerError: It is not https and not this machine.
    """
    if has_credentials and urlsplit(url).scheme != "https" and not is_loopback(url):
        raise ServerError(
            f"credentials would go to {host_of(url) or 'the server'} over plain http, where the network can read them",
            hint="use https",
        )


def public_test_server(url: str) -> str:
    """Return the name of the public test server that a URL leads to; empty when it is none that we know."""
    host = host_of(url)
    return next((name for known, name in _public_test_servers() if host == known or host.endswith(f".{known}")), "")


def is_test_data(resource: Resource) -> bool:
    """
    Whether a resource is labelled as test data: HTEST in ``meta.security``, or in ``meta.tag``.

    ``meta.security`` is where the Bundles of this library have it.

    Source: https://terminology.hl7.org/CodeSystem-v3-ActReason.html
    """
    meta = resource.get("meta")
    labels = [meta.get(name) for name in ("security", "tag")] if isinstance(meta, dict) else []
    return any(
        isinstance(label, dict) and (label.get("system"), label.get("code")) == (ACT_REASON, "HTEST")
        for group in labels
        if isinstance(group, list)
        for label in group
    )


def unlabelled_resources(sent: object, path: str = "") -> Iterator[str]:
    """
    Return the path and name of each resource, at any depth of what is sent, that is not labelled as test data.

    A contained resource is covered by the label of the resource that contains it, since it may have none of its own;
    ``contained`` in anything else covers nothing. Every other one needs its own label: the entries of a Bundle inside
    of a Bundle too, and the resources of Parameters. The Bundle that is sent, at the top, is only what its entries are.

    Args:
        sent: A resource, a Bundle, or a part of one.
        path: What messages call it, or where it is; empty at the top.

    Source: https://hl7.org/fhir/R4/domainresource.html#invs (dom-5: a contained resource has no security label)
    """
    waiting: list[tuple[object, str, str, bool]] = [(sent, path, "", False)]
    while waiting:
        value, place, name, covered = waiting.pop()
        if isinstance(value, list):
            waiting += [
                (each, f"{place}[{number}]", name, covered and isinstance(each, dict))
                for number, each in enumerate(value)
            ]
        if not isinstance(value, dict):
            continue
        outermost = not place and value.get("resourceType") == "Bundle" and bool(value.get("entry"))
        if "resourceType" in value and not covered and not outermost and not is_test_data(value):
            yield _named(value, place)
        held = value.get(_HOLDERS.get(name, ""))
        if isinstance(held, dict) and "resourceType" not in held and held:
            yield f"{place}.{_HOLDERS[name]}"
        start = place or str(value.get("resourceType", ""))
        covers = "resourceType" in value and (covered or is_test_data(value))
        waiting += [
            (inner, f"{start}.{element}" if start else element, element, covers and element == "contained")
            for element, inner in value.items()
            if isinstance(inner, dict | list)
        ]


def _named(resource: Resource, place: str) -> str:
    name = f"{resource.get('resourceType')}/{resource.get('id') or ''}".rstrip("/")
    return name if place in ("", name) else f"{place}: {name}"


def refuse_unlabelled(base_url: str, sent: object, *, path: str = "", allowed: bool) -> None:
    """
    Refuse what holds, at any depth, a resource that is not labelled as test data, as `refuse_real_data` does.

    Args:
        sent: A resource, a Bundle, or a part of one.
        path: What messages call it, or where it is; empty at the top.
        allowed: Whether the user allows real data there.

    Raises:
        BundleError: It must not be sent.
    """
    for name in () if is_loopback(base_url) else unlabelled_resources(sent, path):
        refuse_real_data(base_url, name, allowed=allowed)


def refuse_foreign_condition(
    base_url: str, request: Mapping[str, object], resource: Resource, *, path: str, allowed: bool
) -> None:
    """
    Refuse a condition that says more than its resource: the label of a resource covers what that says itself.

    Args:
        request: What the entry asks for.
        resource: Its resource, labelled as test data.
        path: What messages call the request.
        allowed: Whether the user allows real data there.

    Raises:
        BundleError: It must not be sent.
    """
    _, has_query, query = str(request.get("url") or "").partition("?")
    conditions = {"url": query if has_query else "", "ifNoneExist": str(request.get("ifNoneExist") or "")}
    for element, condition in () if is_loopback(base_url) else conditions.items():
        parameter = asked_beside(condition.rpartition("?")[2], resource)
        if parameter:
            where = f"{path}.{element}: the value of {parameter}"
            refuse_real_data(base_url, where, allowed=allowed, label=_BESIDE)


def refuse_real_data(base_url: str, resource_name: str, *, allowed: bool, label: str = "") -> None:
    """
    Refuse to send what is not labelled as test data to a server that is not this machine.

    Args:
        resource_name: A resource that is not labelled, such as ``Patient/4711``, or what else is not.
        allowed: Whether the user allows real data there. A public test server gets none all the same.
        label: What to do where it is test data; empty for a resource, which needs a label.

    Raises:
        BundleError: It must not be sent. What is wrong is the Bundle for this server, and nothing was asked of the
            server: so neither ServerError (try again) nor RejectedError (it said no) would be true.
    """
    if is_loopback(base_url):
        return
    label = label or f"label test data in meta.security with HTEST of {ACT_REASON}"
    if public := public_test_server(base_url):
        raise BundleError(
            f"it is not labelled as test data, and {host_of(base_url)} is a public server ({public}): it would be "
            "published",
            where=resource_name,
            hint=label,
        )
    if not allowed:
        raise BundleError(
            f"it is not labelled as test data, and {host_of(base_url)} is not this machine",
            where=resource_name,
            hint=f"{label}; where the server may have the data of real patients, say real_patient_data=True in Python, "
            "or add --real-patient-data",
        )


@cache
def _public_test_servers() -> tuple[tuple[str, str], ...]:
    table = shipped_toml("fhir_case.server", "public-test-servers.toml")
    return tuple((one["host"], one["name"]) for one in table["server"])
