"""Judge references to what is not in the inputs: the server has it, makes a placeholder for it, or it is nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import BundleError
from fhir_case.load.plan.plan import some
from fhir_case.load.run.placeholders import await_placeholders
from fhir_case.load.survey.survey import Concern, Problem, unanswered
from fhir_case.server.lookup import found_by_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.load.survey.index import Index
    from fhir_case.load.survey.survey import Survey
    from fhir_case.server.client import Client

__all__ = ["check_leaving"]

_MOST_LEAVING = 2_000


def check_leaving(
    found: Survey, index: Index, client: Client, *, keep_going: bool, allow_dangling: bool, placeholders: bool
) -> None:
    """
    Refuse references to what is neither in the files nor on the server.

    Args:
        found: What is in the files; it is told what is left out, and what the user should know.
        index: The index of the files.
        keep_going: Whether to leave out the documents that have such references.
        allow_dangling: Whether to send them.
        placeholders: Whether the server makes placeholders for them; what it has to make is noted in the index.

    Raises:
        BundleError: There are such references.
        ServerError: The server was not reached, or is overloaded.
    """
    missing = _missing_with_placeholders(found, index, client) if placeholders else _missing(index, client)
    if not missing:
        return
    if keep_going:
        _leave_out(found, index, missing)
        return
    words = "references to what is neither in the files nor on the server"
    if allow_dangling:
        found.concern(words, *missing)
        return
    raise BundleError(
        f"{words}: {some(missing)}",
        hint="no server makes a placeholder for these; load what they refer to first or along"
        if placeholders
        else "load what they refer to first or along, or allow it: with --placeholders where the server makes "
        "placeholders, with --allow-dangling where it takes references to nothing",
    )


def _missing(index: Index, client: Client) -> list[str]:
    names = list(unanswered(index, _MOST_LEAVING + 1))
    on_server = [name for name in names[:_MOST_LEAVING] if not name.startswith("urn:")]
    lookup = found_by_id(client, on_server, elements="id")
    return [name for name in names if name not in lookup.resources and name.partition("/")[0] not in lookup.refused]


def _missing_with_placeholders(found: Survey, index: Index, client: Client) -> list[str]:
    missing = list(await_placeholders(unanswered(index), client, index))
    awaited = Concern()
    for name in index.awaited():
        awaited.note(name)
    if awaited.count:
        found.concern("the server shall make placeholders for what is nowhere", str(awaited))
    return missing


def _leave_out(found: Survey, index: Index, missing: Sequence[str]) -> None:
    """Leave out the documents that refer to what is missing, then those that refer to these."""
    while missing:
        units = index.leave_out(missing)
        for number, name in units:
            found.refuse(number, Problem(found.name_of(number), f"it refers to {name}, which is nowhere"))
        missing = index.forget(number for number, _ in units)
