"""Check dangling references, whose target is not in the inputs: is it on the server, or will be a placeholder?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import BundleError
from fhir_case.fhir.references import location_of
from fhir_case.load.plan.plan import abbreviated
from fhir_case.load.survey.result import CountedNames, Problem
from fhir_case.load.survey.survey import unanswered
from fhir_case.server.lookup import found_by_id
from fhir_case.server.placeholders import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fhir_case.load.survey.index import Index
    from fhir_case.load.survey.options import Options
    from fhir_case.load.survey.result import Survey
    from fhir_case.server.client import Client

__all__ = ["check_dangling"]

_MOST_DANGLING = 2_000


def check_dangling(
    found: Survey, index: Index, client: Client, options: Options, *, place: Callable[[str], str]
) -> None:
    """
    Refuse references to what is neither in the inputs nor on the server, as far as the options do not allow them.

    Args:
        found: What is in the inputs; documents that are left out, and warnings, are added to it.
        index: The index of the inputs; placeholders that the server has to make are added to it.
        place: Returns the document and entry that has a reference.

    Raises:
        BundleError: There are such references.
        ServerError: The server was not reached, or is overloaded.
    """
    if not options.check_references:
        found.warn("references that leave the Bundle, which the server has to know", *unanswered(index))
        return
    missing = _missing_with_placeholders(found, index, client) if options.placeholders else _missing(index, client)
    if not missing:
        return
    message = "references to what is neither in the files nor on the server"
    if options.allow_dangling:
        found.warn(message, *missing)
        return
    if options.keep_going:
        _leave_out(found, index, missing)
        return
    first, *more = missing
    named = [first, *(f"{name} ({place(name)})" for name in more[:2]), *more[2:]]
    raise BundleError(
        f"{message}: {abbreviated(named)}",
        where=place(first),
        hint="no server makes a placeholder for these; load what they refer to first or along"
        if options.placeholders
        else "load what they refer to first or along, or allow it: with --placeholders where the server makes "
        "placeholders, with --allow-dangling where it takes references to nothing",
    )


def _missing(index: Index, client: Client) -> list[str]:
    names = list(unanswered(index, _MOST_DANGLING + 1))
    on_server = [name for name in names[:_MOST_DANGLING] if not name.startswith("urn:")]
    lookup = found_by_id(client, on_server, elements="id")
    return [name for name in names if name not in lookup.resources and name.partition("/")[0] not in lookup.refused]


def _missing_with_placeholders(found: Survey, index: Index, client: Client) -> list[str]:
    missing = list(_await_placeholders(index, client))
    awaited = CountedNames()
    for name in index.awaited():
        awaited.note(name)
    if awaited.count:
        found.warn("the server shall make placeholders for unresolved references", str(awaited))
    return missing


def _await_placeholders(index: Index, client: Client) -> Iterator[str]:
    """Note in the index what the server does not have, and return the references that no placeholder can answer."""
    for names in batches(unanswered(index)):
        locations = [name for name in names if (location := location_of(name)) and location.reference == name]
        lookup = found_by_id(client, locations, elements="id")
        known = (*lookup.resources, *(name for name in locations if name.partition("/")[0] in lookup.refused))
        index.put_awaited(set(locations).difference(known))
        yield from (name for name in names if name not in locations)


def _leave_out(found: Survey, index: Index, missing: Sequence[str]) -> None:
    """Leave out the documents that refer to what is missing, then those that refer to these."""
    while missing:
        units = index.leave_out(missing)
        for number, name in units:
            found.refuse(number, Problem(found.name_of(number), f"unresolved reference: {name}"))
        missing = index.forget(number for number, _ in units)
