"""Report what a server stored."""

from __future__ import annotations

from dataclasses import asdict
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Self

from fhir_case.load.verify.readback import AS_SENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.load.verify.readback import Comparison, Verification
    from fhir_case.load.verify.summary import Findings

__all__ = ["VerificationJson", "verification_text"]

_LABEL = 70
_CELL = 60
_MOST_RESOURCES = 20
_PIECE_BYTES = 1_000_000


def verification_text(found: Verification | Findings) -> str:
    """
    Return a verification as text: how many in each state, then every resource that is not as it was sent.

    A label names its columns; a long value is cut, and so is a long list. `VerificationJson` is all of it as JSON.
    """
    counts = found.counts
    label = f"Resources  [{', '.join(counts)}]"
    lines = [
        f"Read back from {found.server}",
        f"{label:<{_LABEL}}  {', '.join(str(count) for count in counts.values())}",
    ]
    placeholders = _placeholders(found)
    if placeholders:
        label = f"Placeholders  [{', '.join(placeholders)}]"
        lines.append(f"{label:<{_LABEL}}  {', '.join(str(count) for count in placeholders.values())}")
    if found.wrong:
        lines += ["", "Not as sent  [resource, state; element, kind, sent, stored]"]
    for each in found.wrong[:_MOST_RESOURCES]:
        lines += _lines(each)
    more = sum(number for state, number in counts.items() if state not in AS_SENT) - _MOST_RESOURCES
    if more > 0:
        lines.append(f"  and {more:,} more; the JSON report lists all")
    return "\n".join(lines)


class VerificationJson:
    """
    Write a verification as JSON, as `Verification.to_dict` gives it, without keeping it in memory; a context manager.

    The comparisons wait in a temporary file, since the counts stand before them.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  # it is closed at the end of the context
        self._between = b"\n    "

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, comparisons: Iterable[Comparison]) -> None:
        """Note some comparisons."""
        from fhir_case.fhir import wire

        for each in comparisons:
            text = wire.dump(asdict(each), indent=True).rstrip()
            self._file.write(self._between + text.replace(b"\n", b"\n    "))  # a text in JSON holds no end of a line
            self._between = b",\n    "

    def pieces(self, found: Findings) -> Iterator[bytes]:
        """Return all of it, piece by piece."""
        from fhir_case.fhir import wire

        placeholders = {"placeholders": counts} if (counts := _placeholders(found)) else {}
        head = {"server": found.server, "ok": found.ok, "counts": found.counts, **placeholders, "comparisons": []}
        begin, _, end = wire.dump(head, indent=True).rpartition(b"]")
        yield begin
        if self._file.tell():
            self._file.seek(0)
            while piece := self._file.read(_PIECE_BYTES):
                yield piece
            yield b"\n  "
        yield b"]" + end


def _placeholders(found: Verification | Findings) -> dict[str, int]:
    from fhir_case.load.run.placeholders import PLACES
    from fhir_case.load.verify.summary import Findings

    if not isinstance(found, Findings) or not found.placeholders:
        return {}
    return {place: found.placeholders[place] for place in PLACES}


def _lines(comparison: Comparison) -> list[str]:
    elsewhere = comparison.stored_as not in ("", comparison.resource)
    document = f"{comparison.source}: " if comparison.source else ""
    place = f" (stored as {comparison.stored_as})" if elsewhere else ""
    head = f"  {document}{comparison.resource}{place}: {comparison.state}"
    lines = [f"{head}: {comparison.reason}" if comparison.reason else head]
    told = [each for each in comparison.differences if each.kind not in ("added", "rewritten")]
    wide = max((len(each.path) for each in told), default=0)
    return lines + [
        f"    {each.path:<{wide}}  {each.kind:<10}  {_cell(each.sent)}  ->  {_cell(each.stored)}" for each in told
    ]


def _cell(value: Any) -> str:
    from fhir_case.fhir import wire

    text = "nothing" if value is None else wire.dump(value).decode()
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
