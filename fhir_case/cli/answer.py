"""What a command says to a program: with ``--format json`` one envelope, at its end, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import json_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from tempfile import SpooledTemporaryFile

    from fhir_case.errors import ExitCode

__all__ = ["Answer", "asks_for_json"]

_IN_MEMORY_BYTES = 1_000_000
_PIECE_CHARACTERS = 1_000_000


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, also one that is wrong, so that its mistakes are told in JSON too."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--format=json" in options or ("--format", "json") in pairwise(options)


class Answer:
    """
    What a command has found, warned of and failed at, as long as it runs.

    Args:
        as_json: Whether it is written as JSON.

    Attributes:
        command: Its name, ``server list`` with that of its group; empty as long as it is not known.
        quiet: Whether standard error has errors only.
        warnings: In their order; the answer has them also where standard error has not.
        errors: Where, what, and what to do next.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.command = ""
        self.quiet = False
        self.warnings: list[str] = []
        self.errors: list[dict[str, str]] = []
        self._result: SpooledTemporaryFile[str] | None = None
        self._written = False

    def take(self, result: Iterable[str]) -> None:
        """
        Keep the result, JSON in pieces, in place of an earlier one; nothing of it when its making fails.

        Raises:
            FhirCaseError: There is no room for a large one.
        """
        from tempfile import SpooledTemporaryFile

        self._drop()
        kept = SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="utf-8", newline="\n")  # noqa: SIM115 - `_drop`
        try:
            end = ""
            for piece in result:
                try:
                    text = json_characters(end + piece)
                    end = "\n" if text.endswith("\n") else ""
                    kept.write(text.removesuffix("\n"))
                except OSError as error:
                    from fhir_case.load.temporary import unwritable

                    raise unwritable(error) from error
        except BaseException:
            kept.close()
            raise
        self._result = kept

    def pieces(self, exit_code: ExitCode) -> Iterator[str]:
        """Return the envelope, once."""
        from fhir_case.report.envelope import envelope_pieces
        from fhir_case.server.redaction import redacted

        if self._written:
            return
        self._written = True
        said: dict[str, Any] = redacted({"errors": self.errors, "warnings": self.warnings})
        try:
            yield from envelope_pieces(self.command, exit_code, **said, result=self._kept())
        finally:
            self._drop()

    def _kept(self) -> Iterator[str]:
        if self._result is not None:
            self._result.seek(0)
            while piece := self._result.read(_PIECE_CHARACTERS):
                yield piece

    def _drop(self) -> None:
        if self._result is not None:
            self._result.close()
            self._result = None
