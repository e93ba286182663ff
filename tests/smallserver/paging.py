"""Return what a search found page by page; it is kept, so that pages do not shift when something is stored."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

from .exchange import Refusal
from .kinds import parameters
from .search import included, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.fhir.wire import Resource

    from .behaviour import Behaviour
    from .exchange import Pairs
    from .query import Include, Query
    from .storage import Store, Version

__all__ = ["Pages"]

_PAGE_SIZE = 100
_MOST_SEARCHES = 500


@dataclass(frozen=True, slots=True)
class _Found:
    query: Query
    matches: list[Version]
    self_url: str
    size: int


class Pages:
    """The searches that have more than one page."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._searches: OrderedDict[str, _Found] = OrderedDict()

    def first(
        self, query: Query, matches: list[Version], store: Store, *, place: str, base_url: str, size: int = _PAGE_SIZE
    ) -> Resource:
        """
        Return the first page.

        Args:
            place: What was asked, below the base URL, without parameters.
            size: How many matches a page has when the search does not say.
        """
        used = [(name, str(query.count) if name == "_count" else value) for name, value in query.used]
        url = f"{base_url}/{place}" + (f"?{urlencode(used)}" if used else "")
        found = _Found(query, matches, url, size if query.count is None else query.count)
        if query.summary == "count" or query.count == 0:
            return self._bundle(found, [("self", url)], ())
        return self._page(found, "", 0, store, base_url)

    def further(self, pairs: Pairs, store: Store, base_url: str) -> Resource:
        """
        Return the page that a ``next`` link leads to.

        Raises:
            Refusal: The link is none of ours, or too old.
        """
        parameters = dict(pairs)
        token, offset = parameters.get("_page", ""), parameters.get("_offset", "")
        found = self._searches.get(token)
        if found is None or not offset.isdecimal():
            raise Refusal(410, "this page of a search is no longer there", code="not-found")
        return self._page(found, token, int(offset), store, base_url)

    def _page(self, found: _Found, token: str, offset: int, store: Store, base_url: str) -> Resource:
        end = offset + found.size
        start = offset - 1 if offset and found.size == 1 and self._behaviour.has("repeats-a-page") else offset
        matches = found.matches[start:end]
        links = [("self", found.self_url if not offset else _url(found, token, offset, base_url))]
        following = self._following(found, end)
        if following is not None:
            token = token or self._keep(found)
            links.append(("next", _url(found, token, following, base_url)))
        entries = [_entry(version, shown(version.content, found.query), "match", base_url) for version in matches]
        entries += [
            _entry(version, version.content, "include", base_url)
            for version in self._included(found.query, matches, store, base_url)
        ]
        return self._bundle(found, links, entries)

    def _following(self, found: _Found, end: int) -> int | None:
        if end < len(found.matches):
            back = found.size > 1 and self._behaviour.has("repeats-a-page")
            end += self._behaviour.has("skips-on-paging") - back
        if end < len(found.matches):
            return end
        is_endless = self._behaviour.has("endless-pages") and len(found.matches) > found.size
        return 0 if is_endless else None

    def _keep(self, found: _Found) -> str:
        token = uuid4().hex
        self._searches[token] = found
        if len(self._searches) > _MOST_SEARCHES:
            self._searches.popitem(last=False)
        return token

    def _included(self, query: Query, matches: list[Version], store: Store, base_url: str) -> Iterable[Version]:
        missing = {True: self._behaviour.has("revinclude-missing"), False: self._behaviour.has("include-missing")}
        query.includes = [self._followed(include) for include in query.includes if not missing[include.reverse]]
        return included(store, query, matches, base_url)

    def _followed(self, include: Include) -> Include:
        if not self._behaviour.has("revincludes-too-much" if include.reverse else "includes-too-much"):
            return include
        every = tuple(each for each in parameters(include.source, self._behaviour) if each.type == "reference")
        return replace(include, parameters=every)

    def _bundle(self, found: _Found, links: Iterable[tuple[str, str]], entries: Iterable[dict[str, Any]]) -> Resource:
        total = len(found.matches) + self._behaviour.has("wrong-total")
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            **({} if found.query.total == "none" else {"total": total}),
            "link": [{"relation": relation, "url": url} for relation, url in links],
            **({"entry": written} if (written := list(entries)) else {}),
        }


def _entry(version: Version, resource: Resource, mode: str, base_url: str) -> dict[str, Any]:
    return {"fullUrl": f"{base_url}/{version.name}", "resource": resource, "search": {"mode": mode}}


def _url(found: _Found, token: str, offset: int, base_url: str) -> str:
    return f"{base_url}/{found.query.kind}?{urlencode({'_page': token, '_offset': offset})}"
