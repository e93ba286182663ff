"""Report what would be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.report.characters import encodable, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.load.plan.transaction import Transaction

__all__ = ["plan_pieces", "plan_text"]


def plan_text(name: str, level: int, transaction: Transaction) -> str:
    """Return one transaction as text: its name, the level in which it is sent, and a line for each entry."""
    kind = f"{transaction.type.capitalize()}{' as it came' if transaction.raw else ''}"
    lines = [f"{kind} {name}, level {level + 1}, entries: {len(transaction.entries)}"]
    for position, entry in enumerate(transaction.entries):
        copy = transaction.copies.get(position)
        why = entry.why if copy is None else f"says again what entry {copy} says, and is not sent"
        source = f"{entry.original.source}: " if entry.original.source else ""
        lines.append(f"  {entry.method:<4} {entry.request_line}  ({source}{why})")
    return "\n".join(map(printable, lines))


def plan_pieces(server: str, requests: Iterable[tuple[str, int, Transaction]]) -> Iterator[str]:
    """
    Return a plan as JSON, a line for each request, without the resources.

    Args:
        requests: Name, level, and what is sent.
    """
    from fhir_case.fhir import wire

    yield f'{{"server": {wire.dump(server).decode()}, "requests": ['
    between = "\n"
    for request in requests:
        yield between + _as_json(*request)
        between = ",\n"
    yield "\n]}"


def _as_json(name: str, level: int, transaction: Transaction) -> str:
    from fhir_case.fhir import wire

    return wire.dump(
        encodable(
            {
                "name": name,
                "wave": level + 1,
                "type": transaction.type,
                "as_is": bool(transaction.raw),
                "repeatable": transaction.repeatable,
                "entries": [
                    {
                        "source": entry.original.source,
                        "resource": entry.original.name,
                        "method": entry.method,
                        "url": entry.url,
                        "condition": entry.condition,
                        "copy_of": transaction.copies.get(position),
                        "why": entry.why,
                    }
                    for position, entry in enumerate(transaction.entries)
                ],
            }
        )
    ).decode()
