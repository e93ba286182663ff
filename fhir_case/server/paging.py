"""The pages of a search: which entries match it, and where the next page is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from fhir_case.errors import ServerError
from fhir_case.fhir import wire
from fhir_case.http.address import is_below

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["next_page", "search_mode"]


def search_mode(entry: Mapping[str, Any]) -> object:
    """Return why an entry of a searchset is there; a server that does not say so means that it matches."""
    search = entry.get("search")
    return search.get("mode", "match") if isinstance(search, dict) else "match"


def next_page(page: Resource, resource_type: str, base_url: str) -> str:
    """
    Return the URL of the page after a page, which is below the base URL; empty after the last.

    Raises:
        ServerError: The next page is at another address.
    """
    links = {str(link.get("relation")): str(link.get("url") or "") for link in wire.objects(page.get("link"))}
    following = links.get("next", "")
    if not following:
        return ""
    try:
        following = urljoin(f"{base_url}/", following)
    except ValueError:
        following = "no URL"
    # Behind a proxy a server may not know its own address: the link to this page has what it takes it for.
    own, found, _ = links.get("self", "").partition(f"/{resource_type}?")
    if found and not is_below(following, base_url):
        following = base_url + following.removeprefix(own) if following.startswith(own) else following
    if not is_below(following, base_url):
        raise ServerError(
            f"the next page of a search is at another address: {following.partition('?')[0]}",
            where=f"GET {base_url}/{resource_type}",
            hint="use the address that the server has for itself as base URL",
        )
    return following
