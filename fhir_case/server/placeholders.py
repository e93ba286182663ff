"""
Placeholders: resources that a server makes so that a reference to what it does not have points to something.

Source: https://hapifhir.io/hapi-fhir/docs/server_jpa/configuration.html
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from fhir_case.fhir.systems import RESOURCE_PLACEHOLDER
from fhir_case.fhir.wire import mapping, objects
from fhir_case.server.lookup import found_by_id, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.server.client import Client
    from fhir_case.server.lookup import Lookup

__all__ = ["RUN_DIGITS", "batches", "found_placeholders", "is_placeholder", "made_by"]

RUN_DIGITS = 8
"""How many digits are the same at the begin of each ``X-Request-ID`` of one run."""

_AT_ONCE = 200


def is_placeholder(resource: Resource) -> bool:
    """Whether a server made a resource only so that a reference points to something."""
    return any(each.get("url") == RESOURCE_PLACEHOLDER for each in objects(resource.get("extension")))


def found_placeholders(client: Client, names: Sequence[str]) -> Lookup:
    """
    Search for resources with what tells whether they are placeholders.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    return found_by_id(client, names, elements="id,meta,extension")


def made_by(runs: set[str], lookup: Lookup) -> dict[str, str]:
    """
    Return the version of each placeholder, except those of which the server says that another request made them.

    Args:
        runs: The first digits of the requests of each run.
    """
    made = {}
    for name, resource in lookup.resources.items():
        meta = mapping(resource.get("meta"))
        request = str(meta.get("source") or "").partition("#")[2]
        if is_placeholder(resource) and (not request or request[:RUN_DIGITS] in runs):
            made[name] = version_of(resource)
    return made


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    """Return names as many together as one search takes."""
    remaining = iter(names)
    while batch := list(islice(remaining, _AT_ONCE)):
        yield batch
