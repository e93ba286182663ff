"""Read a table of TOML value by value, and note what is wrong instead of ending at the first fault."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError
from fhir_case.server.named.variables import has_fault
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """
    One table; what is wrong in it is added to the problems, and counts as not there.

    No value is repeated: it may be a secret.

    Args:
        content: Its keys and values.
        place: Where it is, for an error; that of a key is joined by the joint.
        problems: All that was found in the file.
        joint: What stands between the place and a key.
    """

    content: Mapping[str, Any]
    place: str
    problems: list[FhirCaseError]
    joint: str = " "

    def wrong(self, key: str, what: str, hint: str = "") -> None:
        """Note what is wrong with a key; with an empty one, with the table."""
        where = f"{self.place}{self.joint}{key}" if key else self.place
        self.problems.append(FhirCaseError(what, where=where, hint=hint))

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Note each key that is not known."""
        for key in self.content:
            if key not in known:
                self.wrong("", f"'{key}' is not known", did_you_mean(key, known) or f"known are {', '.join(known)}")

    def text(self, key: str) -> str:
        """Return a text that may hold variables; empty where there is none."""
        value = self._value(key, lambda value: isinstance(value, str) and bool(value.strip()), "a text in quotes")
        if value and has_fault(value):
            self.wrong(key, "a variable in it is not written as one", "write ${NAME}, with letters, digits and _")
            return ""
        return value or ""

    def number(self, key: str, *, whole: bool = False, zero: bool = False) -> Any:
        """
        Return a number above zero; None where there is none.

        Args:
            whole: Whether it has to be a whole one.
            zero: Whether it may be zero.
        """

        def fits(value: object) -> bool:
            right = isinstance(value, int) or (isinstance(value, float) and not whole and isfinite(value))
            return right and not isinstance(value, bool) and (value > 0 or (zero and value == 0))  # type: ignore[operator]  # a number by now

        return self._value(key, fits, f"a {'whole ' if whole else ''}number {'of at least' if zero else 'above'} 0")

    def truth(self, key: str) -> bool:
        """Return true or false; false where there is none."""
        return bool(self._value(key, lambda value: isinstance(value, bool), "true or false, without quotes"))

    def table(self, key: str, example: str) -> Table:
        """Return a table in the table; an empty one where there is none."""
        value = self._value(key, lambda value: isinstance(value, dict), f"a table, such as {example}")
        return Table(value or {}, f"{self.place}{self.joint}{key}", self.problems, joint=".")

    def _value(self, key: str, fits: Callable[[Any], bool], expected: str) -> Any:
        value = self.content.get(key)
        if value is None or fits(value):
            return value
        self.wrong(key, f"this is not {expected}", "correct it, or leave the key out")
        return None
