"""Read TOML: files of the user, with the position of each error, and tables that are shipped with this library."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fhir_case.bounded import read_bounded
from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["parse_toml", "read_toml", "shipped_toml"]

_MOST_BYTES = 20_000_000

# tomllib takes time and memory that grow with the square of the parts of a dotted key. Quotes that are not closed match
# too, so that a search takes linear time; tomllib refuses them.
_MOST_PARTS = 50
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"?+|'[^'\n]*+'?+)"""
_DOT = r"[ \t]*+\.[ \t]*+"
_LONG_BASIC = r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*+(?:"""|\\?\Z)'
_LONG_LITERAL = r"'''(?:[^']|'(?!''))*+(?:'''|\Z)"
_TOKEN = re.compile(
    rf"{_LONG_BASIC}|{_LONG_LITERAL}|#[^\n]*+|"
    rf"(?P<deep>{_PART}(?:{_DOT}{_PART}){{{_MOST_PARTS}}})|{_PART}(?:{_DOT}{_PART})*+"
)


def read_toml(path: Path, *, hint: str = "", secret: bool = False) -> dict[str, Any]:
    """
    Return the content of a file of the user.

    Args:
        hint: What to do when it is not TOML.
        secret: Whether it may hold a secret, so that nothing of it is repeated.

    Raises:
        FhirCaseError: The file cannot be read, or is not TOML.
    """
    try:
        text = read_bounded(path, _MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise FhirCaseError(f"this cannot be read: {error.strerror or error}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise FhirCaseError(f"this is not UTF-8: byte {error.start}", where=str(path)) from None
    return parse_toml(text, str(path), hint=hint, secret=secret)


def parse_toml(
    text: str, file: str, *, hint: str = "", secret: bool = False, parse_float: Callable[[str], Any] = float
) -> dict[str, Any]:
    """
    Return the content of a text.

    Args:
        file: The name of its file, for messages.
        hint: What to do when it is not TOML.
        secret: Whether it may hold a secret, so that nothing of it is repeated.
        parse_float: Makes a number of a text with decimals.

    Raises:
        FhirCaseError: It is not TOML.
    """
    try:
        _refuse_deep_keys(text, file)
        return tomllib.loads(text, parse_float=parse_float)
    except RecursionError:
        raise FhirCaseError("this TOML is nested too deep", where=file) from None
    except tomllib.TOMLDecodeError as error:
        # Only from Python 3.14 on the error has the position apart from the message.
        found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
        where = f"{file}:{found[2]}:{found[3]}" if found else file
        what = "" if secret else f": {found[1] if found else error}"
        raise FhirCaseError(f"this is not TOML{what}", where=where, hint=hint) from None
    except ValueError:  # tomllib lets that of int() pass
        raise FhirCaseError("this TOML has a number of thousands of digits", where=file, hint=hint) from None


def _refuse_deep_keys(text: str, file: str) -> None:
    for token in _TOKEN.finditer(text):
        if token["deep"]:
            where = f"{file}:{text.count(chr(10), 0, token.start()) + 1}"
            raise FhirCaseError(f"a key has more than {_MOST_PARTS} parts", where=where, hint="write shorter keys")


def shipped_toml(package: str, name: str) -> dict[str, Any]:
    """Return the content of a file that lies in a package."""
    return tomllib.loads(files(package).joinpath(name).read_text("utf-8"))
