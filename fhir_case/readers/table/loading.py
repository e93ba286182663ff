"""Find the recipe and the tables that a path and the command mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.case.text import read_bytes
from fhir_case.errors import CaseError
from fhir_case.readers.table.options import options_in_use, shipped_recipe, shipped_recipes
from fhir_case.readers.table.reading import CompiledRecipe, read_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.case import Case

__all__ = ["data_folder", "load_recipe"]


def load_recipe(path: Path, model: type[Case]) -> CompiledRecipe:
    """
    Read the recipe of a file, with the functions of the command that runs.

    Raises:
        CaseError: It is no recipe.
    """
    return read_recipe(read_bytes(path), model.sections, file=str(path), functions=options_in_use().functions)


def data_folder(path: Path) -> Path:
    """
    Return the folder with the tables of a recipe: that of the command, or the folder of the recipe.

    Raises:
        CaseError: The recipe is shipped without data, and the command names none.
    """
    named = options_in_use().data
    if named is None and path.stem in shipped_recipes() and path == shipped_recipe(path.stem):
        what = "this recipe comes without its tables"
        raise CaseError(what, where=path.stem, hint="--data FOLDER names the folder with them")
    return named or path.parent
