"""Read a case file: its text, its values with their places, the model, the times; all its problems in one run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from fhir_case.case.chronology import time_problems
from fhir_case.case.entry import LocatedDict
from fhir_case.case.model import SECTIONS, Case
from fhir_case.case.problems import case_error, found, model_problems, shown
from fhir_case.case.shipped import shipped_case_names, shipped_case_text
from fhir_case.case.text import decode, read_bytes
from fhir_case.case.tree import Problem, read_tree
from fhir_case.errors import CaseError
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case.tree import Loc, Node

__all__ = ["load_case", "read_case"]

# The sections whose entries have a list of keyed entries of their own.
_PARTS = {"tumours": "sizes", "radiotherapies": "volumes"}


def load_case(source: str | Path) -> Case:
    """
    Load a shipped case by its name, or any case file by its path.

    Args:
        source: The name of a shipped case, for example ``hcc-tare-sorafenib``, or a path: whatever has a separator,
            ends in ``.yaml``, ``.yml`` or ``.json``, or is an existing file. A shipped name wins over a file.

    Raises:
        CaseError: There is no such case, or its file is wrong; ``problems`` holds all that is wrong with it.
    """
    if isinstance(source, str) and not _is_path(source):
        if source in shipped_case_names():
            return read_case(shipped_case_text(source), file=f"{source}.yaml")
        if not os.path.isfile(source):  # noqa: PTH113 - Path.is_file raises where a name is too long
            raise _no_such_case(source)
    path = Path(source)
    return read_case(read_bytes(path), file=str(path))


def _is_path(source: str) -> bool:
    return os.sep in source or "/" in source or source.lower().endswith((".yaml", ".yml", ".json"))


def _no_such_case(name: str) -> CaseError:
    names = shipped_case_names()
    near = did_you_mean(name, names)
    return CaseError(
        f"no shipped case is called '{name[:60]}' and there is no such file",
        hint=near or f"shipped are: {', '.join(names)}",
    )


def read_case(text: bytes | str, *, file: str = "case.yaml") -> Case:
    """
    Read a case from the text of its file.

    Args:
        text: YAML or JSON, in UTF-8 when it is bytes.
        file: The name of the file, for messages and for the places that entries keep.

    Raises:
        CaseError: The text is no case; ``problems`` holds all that is wrong with it, in the order of its lines.
    """
    tree = read_tree(decode(text, file), file)
    root = tree.root
    if not isinstance(root.data, LocatedDict):
        raise CaseError(
            f"a case file is a mapping of sections (case, title, report, …), not {shown(root.data)}",
            where=str(root.place),
            hint="'fhir-case new FILE' writes a starter file",
        )
    problems = list(tree.problems)
    keys: dict[str, str] = {}
    problems += _collect_keys(root, keys)
    case: Case | None = None
    try:
        case = Case.model_validate(root.data, context={"keys": keys})
    except ValidationError as error:
        problems += model_problems(error.errors(include_url=False), root, keys)
    if case is not None and not problems:
        problems += (Problem(found(root, loc)[0].place, loc, what, hint) for loc, what, hint in time_problems(case))
    if problems or case is None:
        raise case_error(problems, root)
    return case


def _collect_keys(root: Node, keys: dict[str, str]) -> Iterator[Problem]:
    """Fill in the section of every key of the file, and tell of keys that are given twice."""
    places: dict[str, str] = {}
    for section, loc, entry in _entries(root):
        if "key" not in entry.pairs:
            continue
        node = entry.pairs["key"][1]
        if not isinstance(node.data, str):
            continue
        key = node.data.strip()
        if key in keys:
            what = f"'{key[:60]}' already is the key of an entry of {keys[key]}, at {places[key]}"
            yield Problem(node.place, (*loc, "key"), what, "every entry has a key of its own")
        else:
            keys[key] = section
            places[key] = str(node.place)


def _entries(root: Node) -> Iterator[tuple[str, Loc, Node]]:
    for section in SECTIONS:
        if section not in root.pairs:
            continue
        for index, entry in enumerate(root.pairs[section][1].items):
            yield section, (section, index), entry
            part = _PARTS.get(section)
            if part is not None and part in entry.pairs:
                for position, inner in enumerate(entry.pairs[part][1].items):
                    yield part, (section, index, part, position), inner
