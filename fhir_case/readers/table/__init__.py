"""Tables as cases: a recipe says which tables there are and what their columns are in a case file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_case.readers.protocol import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from fhir_case.readers.protocol import Reading

__all__ = ["TABLES"]

_RECIPES = {
    ".yaml": re.compile(rb"^recipe:[ \t]", re.MULTILINE),
    ".yml": re.compile(rb"^recipe:[ \t]", re.MULTILINE),
    ".toml": re.compile(rb"^recipe[ \t]*=", re.MULTILINE),
}


def _is_recipe(head: bytes, path: Path) -> bool:
    begin = _RECIPES.get(path.suffix)
    return begin is not None and begin.search(head) is not None


def _read(path: Path) -> Iterator[Reading]:
    from fhir_case.mapping.cases import model_of_cases
    from fhir_case.readers.table.loading import data_folder, load_recipe
    from fhir_case.readers.table.options import options_in_use
    from fhir_case.readers.table.tables import open_import

    model = model_of_cases()
    with open_import(load_recipe(path, model), data_folder(path), model) as tables:
        yield from tables.readings()
        options_in_use().losses.append(tables.losses)
        if tables.losses.wrong:
            raise tables.losses.error()


def _files(path: Path) -> Iterable[Path]:
    from fhir_case.mapping.cases import model_of_cases
    from fhir_case.readers.table.loading import data_folder, load_recipe
    from fhir_case.readers.table.paths import table_paths

    compiled = load_recipe(path, model_of_cases())
    return [path, *(file for paths in table_paths(compiled, data_folder(path)).values() for file in paths)]


TABLES = Reader(
    "tables",
    _is_recipe,
    _read,
    "Tables (CSV, TSV, Excel), by a recipe of their columns",
    several=True,
    files=_files,
)
