"""Load cases with the sections of the mappings that are installed or given."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.case.model import case_model
from fhir_case.case.reading import case_of
from fhir_case.case.reading import read_case as _read
from fhir_case.case.shipped import shipped_case_names, shipped_case_text
from fhir_case.case.text import decode, read_bytes
from fhir_case.case.tree import read_tree
from fhir_case.errors import CaseError
from fhir_case.mapping.discovery import discover, sections_of
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from fhir_case.case import Case

__all__ = ["ShippedCase", "load_case", "model_of_cases", "read_case", "shipped_cases"]


@dataclass(frozen=True, slots=True)
class ShippedCase:
    """
    A case that comes with this package.

    Args:
        name: The name by which it is loaded.
        title: What it is about.
        citation: The report that it was taken from.
    """

    name: str
    title: str
    citation: str


def model_of_cases(mapping_files: Sequence[Path] = (), named: AbstractSet[str] | None = None) -> type[Case]:
    """
    Return the model of cases with the sections of the installed mappings, and of those of some files.

    Args:
        mapping_files: Python files with further mappings.
        named: The sections that a case has, see `discover`.

    Raises:
        MappingError: A mapping cannot be imported, or two clash.
    """
    installed = case_model(sections_of(discover(named=None if mapping_files else named)))
    further = sections_of(discover(mapping_files, named))[len(installed.sections) :]
    return case_model(further, installed) if further else installed


def load_case(source: str | Path, *, mapping_files: Sequence[Path] = (), only_named: bool = False) -> Case:
    """
    Load a shipped case by its name, or any case file by its path.

    Args:
        source: The name of a shipped case, for example ``hcc-tare-sorafenib``, or a path: whatever has a separator,
            ends in ``.yaml``, ``.yml`` or ``.json``, or is an existing file. A shipped name wins over a file.
        mapping_files: Python files with further mappings, whose sections the case may have.
        only_named: See `read_case`.

    Raises:
        CaseError: There is no such case, or its file is wrong; ``problems`` holds all that is wrong with it.
        MappingError: A mapping cannot be imported, or two clash.
    """
    if isinstance(source, str) and not _is_path(source):
        if source in shipped_case_names():
            text = shipped_case_text(source)
            return read_case(text, file=f"{source}.yaml", mapping_files=mapping_files, only_named=only_named)
        if not os.path.isfile(source):  # noqa: PTH113 - Path.is_file raises where a name is too long
            raise _no_such_case(source)
    path = Path(source)
    return read_case(read_bytes(path), file=str(path), mapping_files=mapping_files, only_named=only_named)


def read_case(
    text: bytes | str, *, file: str = "case.yaml", mapping_files: Sequence[Path] = (), only_named: bool = False
) -> Case:
    """
    Read a case from the text of its file.

    Args:
        text: YAML or JSON, in UTF-8 when it is bytes.
        file: The name of the file, for messages and for the places that entries keep.
        mapping_files: Python files with further mappings, whose sections the case may have.
        only_named: Whether the case has only the sections that the file names, so that the modules of others need not
            be imported, which takes longer than to read it. It becomes the same Bundle, and has another class.

    Raises:
        CaseError: The text is not a case; ``problems`` holds all that is wrong with it, in the order of its lines.
        MappingError: A mapping cannot be imported, or two clash.
    """
    if only_named:
        tree = read_tree(decode(text, file), file)
        with suppress(CaseError):  # what is wrong is said with a view of all sections
            return case_of(tree, model_of_cases(mapping_files, tree.root.pairs.keys()))
    return _read(text, model_of_cases(mapping_files), file=file)


def shipped_cases() -> tuple[ShippedCase, ...]:
    """
    Return the shipped cases in the order of their names.

    Raises:
        CaseError: A shipped case cannot be read.
    """
    cases = ((name, read_case(shipped_case_text(name), file=f"{name}.yaml")) for name in shipped_case_names())
    return tuple(ShippedCase(name, case.title, case.report.citation) for name, case in cases)


def _is_path(source: str) -> bool:
    return os.sep in source or "/" in source or source.lower().endswith((".yaml", ".yml", ".json"))


def _no_such_case(name: str) -> CaseError:
    names = shipped_case_names()
    near = did_you_mean(name, names)
    return CaseError(
        f"no shipped case is called '{name[:60]}' and there is no such file",
        hint=near or f"shipped are: {', '.join(names)}",
    )
