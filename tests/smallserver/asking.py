"""Ask a FHIR server over HTTP; what the tests of the small server share."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from .digits import dump, parse

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Fhir", "bundle", "entry", "observation", "patient"]

_JSON = "application/fhir+json"
_PATCH = "application/json-patch+json"


class Fhir:
    """The connection to one server; a context manager."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Send a request; bytes are sent as they are, and an underscore in the name of a header is a hyphen."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = {"Content-Type": _PATCH if method == "PATCH" else _JSON} if body is not None else {}
        data = body if body is None or isinstance(body, bytes) else dump(body)
        url = path if path.startswith("http") else f"{self.base_url}/{path}".rstrip("/")
        return self._session.request(method, url, data=data, headers={**kind, **given}, timeout=30)

    def get(self, path: str, **headers: str) -> Any:
        """Return the JSON of an answer of 200."""
        found = self.ask("GET", path, **headers)
        assert found.status_code == 200, found.text
        return parse(found.content)

    def put(self, resource: dict[str, Any], **headers: str) -> requests.Response:
        """Store a resource under its id."""
        return self.ask("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **headers)

    def post(self, resource: dict[str, Any], **headers: str) -> requests.Response:
        """Create a resource, or send a transaction or a batch."""
        kind = resource["resourceType"]
        return self.ask("POST", "" if kind == "Bundle" else kind, resource, **headers)

    def stored(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Store a resource, and give what is stored, without what is the server's in meta."""
        assert self.put(resource).status_code in (200, 201)
        return without_own(self.get(f"{resource['resourceType']}/{resource['id']}"))

    def ids(self, path: str, mode: str = "match", **headers: str) -> list[str]:
        """Return the ids on a page of a search."""
        return _ids(self.get(path, **headers), mode)

    def pages(self, path: str, most: int = 20) -> list[list[str]]:
        """Return the ids on each page of a search, to the end or so many pages."""
        found: list[list[str]] = []
        following: str | None = path
        while following and len(found) < most:
            page = self.get(following)
            found.append(_ids(page, "match"))
            following = link(page, "next")
        return found


def _ids(page: dict[str, Any], mode: str) -> list[str]:
    return [each["resource"]["id"] for each in page.get("entry", ()) if each["search"]["mode"] == mode]


def link(page: dict[str, Any], relation: str) -> str | None:
    """Return the URL of a link of a Bundle."""
    return next((str(each["url"]) for each in page.get("link", ()) if each["relation"] == relation), None)


def without_own(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource without what a server writes into its meta."""
    meta = {name: value for name, value in resource["meta"].items() if name not in ("versionId", "lastUpdated")}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": meta} if meta else rest


def patient(resource_id: str, **elements: Any) -> dict[str, Any]:
    """Return a Patient."""
    return {"resourceType": "Patient", "id": resource_id, **elements}


def observation(resource_id: str, code: str = "1", **elements: Any) -> dict[str, Any]:
    """Return an Observation with a code of a system of its own; a number as ``value`` becomes a quantity in mg."""
    if "value" in elements:
        mg = {"unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
        elements["valueQuantity"] = {"value": Decimal(elements.pop("value")), **mg}
    coding = [{"system": "urn:codes", "code": code}]
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": "final",
        "code": {"coding": coding},
        **elements,
    }


def entry(method: str, url: str, resource: Any = None, full_url: str = "", **request: str) -> dict[str, Any]:
    """Return an entry of a transaction or batch."""
    return {
        **({"fullUrl": full_url} if full_url else {}),
        **({"resource": resource} if resource is not None else {}),
        "request": {"method": method, "url": url, **request},
    }


def bundle(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    """Return a transaction or batch."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def escaped(text: str) -> str:
    """Write a text so that it can stand in a query."""
    return quote(text, safe="")
