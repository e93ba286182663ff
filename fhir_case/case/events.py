"""The events of a YAML parser: those of libyaml, which is fast, or those of ruamel.yaml, which is exact."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fhir_case.case.node import Place
from fhir_case.case.syntax import syntax_error

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["events_of", "quick_events"]

# What libyaml reads in another way than YAML 1.2, or ruamel.yaml, does.
_READ_IN_ANOTHER_WAY = re.compile("[\t\ufeff]|^%|^ +$", re.MULTILINE)


def quick_events(text: str) -> Iterator[Any] | None:
    """
    Return the events of libyaml; nothing where it is not there, or may take the text for something else.

    Raises:
        ValueError: While they are taken: the text is not YAML as it was in version 1.1.
    """
    try:
        parser = import_module("yaml.cyaml").CParser
    except ImportError:
        return None
    return None if _READ_IN_ANOTHER_WAY.search(text) else _events(parser, text)


def _events(parser: Any, text: str) -> Iterator[Any]:
    try:
        get_event = parser(text).get_event
        while (event := get_event()) is not None:
            yield event
    except import_module("yaml").YAMLError as error:
        raise ValueError("this is not YAML as it was in version 1.1") from error


def events_of(text: str, file: str) -> Iterator[Any]:
    """
    Return the events of ruamel.yaml.

    Raises:
        CaseError: While they are taken: the text is not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    last = Place(file, 1, 1)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            last = Place(file, event.end_mark.line + 1, event.end_mark.column + 1)
            yield event
    except (YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The parser lets a few of its own slips through: \\UFFFFFFFF in a text is an OverflowError.
        raise syntax_error(error, text, last) from None
