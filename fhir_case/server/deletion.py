"""Delete resources that may refer to each other: together, else one by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fhir_case.errors import RejectedError
from fhir_case.fhir.wire import mapping, objects
from fhir_case.server.client import WRITE_AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fhir_case.server.client import Client

__all__ = ["delete", "delete_in_any_order", "deletion"]

_GONE = ("404", "410")


def deletion(names: Iterable[str]) -> dict[str, Any]:
    """Return the transaction that deletes some resources, each named by ``Type/id``."""
    entries = [{"request": {"method": "DELETE", "url": name}} for name in names]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def delete(client: Client, names: Iterable[str]) -> dict[str, str]:
    """
    Delete resources together, else one by one, and return those that are left with the reason.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    return delete_in_any_order(names, partial(_delete, client))


def delete_in_any_order(names: Iterable[str], delete_some: Callable[[Sequence[str]], str]) -> dict[str, str]:
    """
    Delete resources together, else one by one in any order that works, and return those that are left with the reason.

    Args:
        names: ``Type/id`` of each.
        delete_some: Deletes some of them together, and returns why the server refuses it; empty where it does not.
    """
    left = dict.fromkeys(names, "")
    if not left or not (reason := delete_some(list(left))):
        return {}
    if len(left) == 1:
        return dict.fromkeys(left, reason)
    progress = True
    while left and progress:  # what others refer to can go once these are gone
        progress = False
        for name in list(left):
            left[name] = delete_some([name])
            if not left[name]:
                del left[name]
                progress = True
    return left


def _delete(client: Client, names: Sequence[str]) -> str:
    try:
        answer = client.request("POST", body=deletion(names), again=WRITE_AGAIN, repeatable=True, exact=False)
    except RejectedError as error:
        return error.message
    entries = objects((answer.body or {}).get("entry"))
    statuses = [str(mapping(entry.get("response")).get("status") or "")[:3] for entry in entries]
    if len(statuses) == len(names) and all(each.startswith("2") or each in _GONE for each in statuses):
        return ""
    return f"HTTP {answer.status}, and the answer does not say that it is deleted"
