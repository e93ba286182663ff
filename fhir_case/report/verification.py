"""Report the comparison of what a server stored with what was sent."""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Self

from fhir_case.load.verification.readback import AS_SENT, GOOD
from fhir_case.report.characters import encodable, json_characters, printable, value_text
from fhir_case.report.counts import counts_table
from fhir_case.report.reasons import reasons_json, reasons_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fhir_case.load.verification.readback import Comparison, ComparisonState, Verification
    from fhir_case.load.verification.summary import VerificationSummary

__all__ = ["VerificationJson", "state_word", "verification_text", "verification_words"]

_CELL = 60
_MAX_RESOURCES = 20
_WORDS: dict[ComparisonState, str] = {"added": "server-added", "there": "there, not compared"}
_PIECE_BYTES = 1_000_000


def verification_text(found: Verification | VerificationSummary) -> str:
    """
    Return a verification as text: how many in each state, then every resource that is not as it was sent.

    A long value is cut, and so is a long list. `VerificationJson` is all of it as JSON.
    """
    counts = found.counts
    states = {state_word(state): number for state, number in counts.items()}
    lines = [
        printable(f"Read back from {found.server}: {_as_sent(counts)}"),
        *counts_table({"Resources": states, "Placeholders": _placeholders(found), "There": _types(found)}),
    ]
    if said := _sample(found).get("sample"):
        lines.append(
            f"Counts of all; {said['compared']:,} compared in full, chosen by seed {said['seed']}; "
            f"the other {said['not_compared']:,} not compared"
        )
    if found.wrong:
        lines += ["", "Not as sent:"]
    different = [each for each in found.wrong if each.differences][:_MAX_RESOURCES]
    for each in different:
        lines += _lines(each)
    wrong = sum(number for state, number in counts.items() if state not in GOOD)
    lines += reasons_text(reasons_json(found.reasons), wrong - len(different), rest="the JSON report lists all")
    return "\n".join(lines)


def state_word(state: ComparisonState) -> str:
    """Return a state as people read it."""
    return _WORDS.get(state, state)


def verification_words(verification: Verification) -> str:
    """Return a verification in one line: how many are as sent, in which states, and what the server added."""
    counts = verification.counts
    found = [f"{number} {state_word(state)}" for state, number in counts.items() if number]
    added = {one.path for each in verification.comparisons for one in each.differences if one.kind == "added"}
    elements = sorted({path.partition(".")[2] or path for path in added})
    names = ", ".join(elements[:4]) + (", …" if len(elements) > 4 else "")
    return f"{_as_sent(counts)}: {', '.join(found)}" + (f" ({names})" if added else "")


def _as_sent(counts: Mapping[ComparisonState, int]) -> str:
    there = counts.get("there", 0)
    rest = f", and {there:,} are there" if there else ""
    return f"{sum(counts[state] for state in AS_SENT):,} of {sum(counts.values()) - there:,} as sent{rest}"


class VerificationJson:
    """
    A verification as JSON, the same as `Verification.to_dict`, without keeping it in memory; a context manager.

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
        """Note some comparisons; not of what was not compared."""
        from fhir_case.fhir import wire
        from fhir_case.load.temporary import unwritable

        for each in comparisons:
            if each.state == "there":
                continue
            text = json_characters(wire.dump(encodable(each), indent=True).rstrip().decode())
            try:  # a text in JSON holds no end of a line
                self._file.write(self._between + text.replace("\n", "\n    ").encode())
            except OSError as error:
                raise unwritable(error) from error
            self._between = b",\n    "

    def pieces(self, found: VerificationSummary) -> Iterator[bytes]:
        """Return all of it, piece by piece."""
        from fhir_case.fhir import wire

        placeholders = {"placeholders": counts} if (counts := _placeholders(found)) else {}
        head = {"server": found.server, "ok": found.ok, "counts": found.counts, **placeholders, **_sample(found)}
        head["comparisons"] = []
        begin, _, end = wire.dump(encodable(head), indent=True).rpartition(b"]")
        yield begin
        if self._file.tell():
            self._file.seek(0)
            while piece := self._file.read(_PIECE_BYTES):
                yield piece
            yield b"\n  "
        yield b"]" + end


def _placeholders(found: Verification | VerificationSummary) -> dict[str, int]:
    from fhir_case.load.verification.summary import PLACEHOLDER_STATES, VerificationSummary

    if not isinstance(found, VerificationSummary) or not found.placeholders:
        return {}
    return {place: found.placeholders[place] for place in PLACEHOLDER_STATES}


def _types(found: Verification | VerificationSummary) -> dict[str, str]:
    """Return how many resources of each type are there, where only a sample was compared."""
    types = _sample(found).get("sample", {}).get("types", {})
    return {kind: f"{count['there']:,} of {count['sent']:,}" for kind, count in types.items()}


def _sample(found: Verification | VerificationSummary) -> dict[str, dict[str, Any]]:
    from fhir_case.load.verification.summary import VerificationSummary

    if not isinstance(found, VerificationSummary) or not found.sample:
        return {}
    not_compared = found.counts.get("there", 0)
    types = {kind: {"sent": sent, "there": there} for kind, (sent, there) in sorted(found.types.items())}
    said = {"seed": found.sample.seed, "compared": sum(found.counts.values()) - not_compared}
    return {"sample": {**said, "not_compared": not_compared, "types": types}}


def _lines(comparison: Comparison) -> list[str]:
    head = f"  {comparison.place}: {comparison.state}"
    lines = [printable(f"{head}: {comparison.reason}" if comparison.reason else head)]
    shown = [each for each in comparison.differences if each.kind not in ("added", "rewritten")]
    width = max((len(each.path) for each in shown), default=0)
    return lines + [
        f"    {printable(each.path):<{width}}  {each.kind:<10}  {_cell(each.sent)}  ->  {_cell(each.stored)}"
        for each in shown
    ]


def _cell(value: Any) -> str:
    text = value_text(value, _CELL)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
