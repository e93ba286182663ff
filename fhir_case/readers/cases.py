"""Read the cases of a file in any format that a reader knows, each checked like a case file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.case.reading import case_of
from fhir_case.case.shipped import shipped_case_names
from fhir_case.errors import CaseError
from fhir_case.mapping import cases as case_files
from fhir_case.readers.discovery import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fhir_case.case import Case
    from fhir_case.readers.protocol import Reader, Unused

__all__ = ["CaseRead", "load_case", "read_cases"]


@dataclass(frozen=True, slots=True)
class CaseRead:
    """
    One case of a file as it was read.

    Args:
        case: The case; None where it is wrong.
        error: All that is wrong with it; None where it is a case.
        unused: What of the file was not carried over.
        name: The name of the case, where its file holds several.
    """

    case: Case | None
    error: CaseError | None = None
    unused: tuple[Unused, ...] = ()
    name: str = ""


def read_cases(
    path: Path, reader: Reader, *, mapping_files: Sequence[Path] = (), only_named: bool = False
) -> Iterator[CaseRead]:
    """
    Read the cases of a file one at a time; a wrong one does not keep the others from being read.

    Args:
        path: The file.
        reader: The reader that knows its format, see `reader_of`.
        mapping_files: Python files with further mappings, whose sections the cases may have.
        only_named: Whether each case has only the sections that the file names, see `fhir_case.mapping.read_case`. What
            is said of a wrong one then leaves out what the others might be.

    Raises:
        MappingError: A mapping cannot be imported, or two clash.
    """
    model = None if only_named else case_files.model_of_cases(mapping_files)
    readings = reader.read(path)
    while True:
        try:
            reading = next(readings, None)
        except CaseError as error:  # the file is not what its name or its begin promises
            yield CaseRead(None, error)
            return
        if reading is None:
            return
        case, wrong = None, None
        try:
            tree = reading.tree
            case = case_of(tree, model or case_files.model_of_cases(mapping_files, tree.root.pairs.keys()))
        except CaseError as error:
            wrong = error
        yield CaseRead(case, reading.checked(wrong), reading.unused, reading.name)


def _ignored(_: Unused) -> None:
    """Do nothing with what was not carried over."""


def load_case(
    source: str | Path,
    *,
    mapping_files: Sequence[Path] = (),
    unused: Callable[[Unused], None] = _ignored,
    only_named: bool = False,
) -> Case:
    """
    Load a shipped case by its name, or the one case of a file in any format that a reader knows.

    Args:
        source: The name of a shipped case, or a path: whatever has a separator, ends in ``.yaml``, ``.yml`` or
            ``.json``, or is an existing file. A shipped name wins over a file. What no reader knows is read as a case
            file.
        mapping_files: Python files with further mappings, whose sections the case may have.
        unused: Called with each thing of the file that no entry of the case holds.
        only_named: Whether the case has only the sections that the file names, see `fhir_case.mapping.read_case`.

    Raises:
        CaseError: There is no such case, its file is wrong, or holds several cases.
        MappingError: A mapping cannot be imported, or two clash.
    """
    path = Path(source)
    named = isinstance(source, str) and source in shipped_case_names()
    reader = reader_of(path) if not named and os.path.isfile(source) else None  # noqa: PTH113 - Path.is_file raises where a name is too long
    if reader is None:
        return case_files.load_case(source, mapping_files=mapping_files, only_named=only_named)
    found = list(islice(read_cases(path, reader, mapping_files=mapping_files, only_named=only_named), 2))
    if only_named and any(one.case is None for one in found):  # what is wrong is said with a view of all sections
        found = list(islice(read_cases(path, reader, mapping_files=mapping_files), 2))
    if len(found) != 1:
        what = "the file holds several cases" if found else "the file holds no case"
        raise CaseError(what, where=str(path), hint="'fhir-case import' writes a case file of each" if found else "")
    (read,) = found
    if read.case is None:
        raise read.error or CaseError("this is not a case", where=str(path))
    for one in read.unused:
        unused(one)
    return read.case
