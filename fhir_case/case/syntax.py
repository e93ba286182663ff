"""Say in plain words what the YAML parser could not read."""

from __future__ import annotations

import re
from typing import Any

from fhir_case.case.node import Place
from fhir_case.errors import CaseError

__all__ = ["syntax_error"]

_QUOTES = "put text that begins with a special character in quotes"
_COLON = "line keys up, write a blank after their colon, and put text that holds ': ' in quotes"
_INDENT = "line it up with its neighbours, with spaces"

# What the parser says (a part of context and problem), what is wrong, what to do, and whether the place is where the
# construct began rather than where reading stopped.
_WORDS: tuple[tuple[str, str, str, bool], ...] = (
    (r"character '\\t'", "a tab, where YAML wants spaces", "indent with spaces", False),
    (r"mapping values are not allowed", "a colon where none can be", _COLON, False),
    (r"could not find expected ':'", "a key without a colon", "write 'key: value'", True),
    (r"quoted scalar.*end of stream", "a text in quotes that is never closed", "close the quotes", True),
    (r"quoted scalar.*document separator", "a text in quotes that is never closed", "close the quotes", True),
    (r"unknown escape character", "an escape that YAML does not know", r"write a backslash as \\, or use '…'", False),
    (r"escape sequence", "an escape that is not complete", r"write a backslash as \\, or use '…'", False),
    (r"flow sequence.*expected ','", "a list in brackets that is not closed or lacks a comma", "look for ']'", True),
    (r"flow mapping.*expected ','", "a mapping in braces that is not closed or lacks a comma", "look for '}'", True),
    (r"block.*found '-'", "a list entry where a key belongs", _INDENT, False),
    (r"block.*expected <block end>", "the line is not indented like its neighbours", _INDENT, False),
    (r"sequence entries are not allowed", "a list entry cannot begin here", "put it on a line of its own", False),
    (r"(scanning an anchor|scanning an alias)", "'&' and '*' begin a mark and need a name", _QUOTES, False),
    (r"(tag|directive)", "a tag or a directive, which a case file does not use", _QUOTES, False),
    (r"YAML document", "a version of YAML that is not read", "leave the %YAML line out", False),
    (r"cannot start any token", "text cannot begin with this character", _QUOTES, False),
    (r"block scalar", "after '|' or '>' the text begins on the next line", "start a new line", False),
    (r"document start", "something after the end of the case", "give each case a file of its own", False),
)


def syntax_error(error: Exception, text: str, last: Place) -> CaseError:
    """
    Return the error that tells what the parser could not read in a text.

    Args:
        last: The last place that was read, for errors that have none.
    """
    position = getattr(error, "position", None)
    if isinstance(position, int):
        character = text[position] if position < len(text) else "\0"
        line = text.count("\n", 0, position) + 1
        where = f"{last.file}:{line}:{position - text.rfind(chr(10), 0, position)}"
        return CaseError(f"the control character U+{ord(character):04X}", where=where, hint="leave it out")
    said = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or ''}"
    for pattern, what, hint, begins in _WORDS:
        if re.search(pattern, said):
            return CaseError(f"not YAML: {what}", where=_where(error, last, begins=begins), hint=hint)
    hint = "look at the text that begins here"
    return CaseError("not YAML: this cannot be read", where=_where(error, last, begins=False), hint=hint)


def _where(error: Any, last: Place, *, begins: bool) -> str:
    mark = (getattr(error, "context_mark", None) if begins else None) or getattr(error, "problem_mark", None)
    return str(last if mark is None else Place(last.file, mark.line + 1, mark.column + 1))
