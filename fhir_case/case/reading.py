"""Read a case file: its text, its values with their places, the model, the times; all its problems in one run."""

from __future__ import annotations

from traceback import extract_tb
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from fhir_case.case.chronology import time_problems
from fhir_case.case.model import Timeline
from fhir_case.case.node import LocatedDict, Problem
from fhir_case.case.problems import case_error, found, model_problems, shown
from fhir_case.case.section import keyed_nodes, sections_by_role
from fhir_case.case.text import decode
from fhir_case.case.tree import read_tree
from fhir_case.case.variation.checks import declaration_problems
from fhir_case.case.variation.taking import declared_beside, take_declarations
from fhir_case.case.variation.varied import VariedCase
from fhir_case.errors import CaseError, MappingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case.model import Case
    from fhir_case.case.node import Node
    from fhir_case.case.section import Section
    from fhir_case.case.tree import Tree

__all__ = ["case_of", "read_case", "varied_case_of"]

_Model = TypeVar("_Model", bound=BaseModel)


def read_case(text: bytes | str, model: type[Case], *, file: str = "case.yaml") -> Case:
    """
    Read a case from the text of its file.

    Args:
        text: YAML or JSON, in UTF-8 when it is bytes.
        model: The model of the case, see `fhir_case.case.model.case_model`.
        file: The name of the file, for messages and for the places that entries keep.

    Raises:
        CaseError: The text is not a case; ``problems`` holds all that is wrong with it, in the order of its lines.
    """
    return case_of(read_tree(decode(text, file), file), model)


def case_of(tree: Tree, model: type[Case]) -> Case:
    """
    Check what a file says, and return the case that it is; the file may be of any format.

    Args:
        tree: The values of the case with their places in the file, and what was found wrong already.
        model: The model of the case, see `fhir_case.case.model.case_model`.

    Raises:
        CaseError: It is not a case; ``problems`` holds all that is wrong with it, in the order of the lines.
    """
    return varied_case_of(tree, model).case


def varied_case_of(tree: Tree, model: type[Case], beside: Tree | None = None) -> VariedCase:
    """
    Check what a file says, and return the case that it is with what varies of it in a cohort.

    Args:
        tree: The values of the case with their places in the file, and what was found wrong already.
        model: The model of the case.
        beside: The values of a file beside it that declares what varies, in addition.

    Raises:
        CaseError: It is not a case, or what is declared does not fit it.
    """
    root = tree.root
    if not isinstance(root.data, LocatedDict):
        raise CaseError(
            f"a case file is a mapping of sections (case, title, report, …), not {shown(root.data)}",
            where=str(root.place),
            hint="'fhir-case new FILE' writes a starter file",
        )
    keys: dict[str, str] = {}
    twice: set[str] = set()
    declared = take_declarations(root, model.sections)
    problems = [*tree.problems, *_collect_keys(root, model.sections, keys, twice)]
    if beside is not None:
        single = (section.name for section in model.sections if not section.is_list)
        declared.add(declared_beside(beside, (*keys, *single, "timeline")))
    context = {"keys": keys, "roles": sections_by_role(model.sections)}
    case = None
    try:
        case = model.model_validate(root.data, context=context)
    except ValidationError as error:
        problems += model_problems(error.errors(include_url=False), root, keys, model)
    except MappingError:
        raise
    except (Exception, SystemExit) as error:
        raise _broken_model(error, root.place.file) from error
    if case is not None and not problems:
        problems += (Problem(found(root, loc)[0].place, loc, what, hint) for loc, what, hint in time_problems(case))
    else:
        problems += _time_problems_of_valid_entries(root, model, context, twice)
    if case is None or problems:
        raise case_error([*problems, *declared.problems], root)
    varied = VariedCase(case, root.data, declared.variations, declared.presences)
    if declared and (wrong := [*declared.problems, *declaration_problems(varied, whole=not declared.problems)]):
        raise case_error(wrong, root)
    return varied


def _broken_model(error: BaseException, file: str) -> MappingError:
    """Return the error for a validator of a section that failed by itself, with the last line that was running."""
    last = extract_tb(error.__traceback__)[-1]
    return MappingError(
        f"the model of a section failed at {file}: {type(error).__name__}: {error}",
        where=f"{last.filename}:{last.lineno}",
        hint="mend its validator; --debug shows the traceback",
    )


def _collect_keys(
    root: Node, sections: tuple[Section, ...], keys: dict[str, str], twice: set[str]
) -> Iterator[Problem]:
    """Fill in the section of every key of the file, and the keys that are given twice, which are reported."""
    places: dict[str, str] = {}
    for section, loc, entry in keyed_nodes(sections, root):
        if "key" not in entry.pairs:
            continue
        node = entry.pairs["key"][1]
        if not isinstance(node.data, str):
            continue
        key = node.data.strip()
        if key in keys:
            twice.add(key)
            what = f"'{key[:60]}' already is the key of an entry of {keys[key]}, at {places[key]}"
            yield Problem(node.place, (*loc, "key"), what, "every entry has a key of its own")
        else:
            keys[key] = section
            places[key] = str(node.place)


def _time_problems_of_valid_entries(
    root: Node, model: type[Case], context: dict[str, Any], twice: set[str]
) -> Iterator[Problem]:
    """Check the times of those entries with which nothing else is wrong, so that all problems come in one run."""
    timeline = _valid(Timeline, root, "timeline", context)
    if root.spoiled or (timeline is None and "timeline" in root.pairs):
        return
    parts: dict[str, Any] = {"case": "", "title": "", "report": None, "timeline": timeline}
    positions: dict[str, list[int]] = {}
    for section in model.sections:
        if not section.is_list:
            parts[section.name] = _valid(section.model, root, section.name, context)
            continue
        items = root.pairs[section.name][1].items if section.name in root.pairs else []
        entries = [(at, _valid_entry(section.model, node, context)) for at, node in enumerate(items)]
        kept = [(at, entry) for at, entry in entries if entry is not None and twice.isdisjoint(_keys(section, entry))]
        positions[section.name] = [at for at, _ in kept]
        parts[section.name] = tuple(entry for _, entry in kept)
    case = model.model_construct(**parts)
    right = {entry.key for _, entry in case.entries()}
    for (name, *path), what, hint in time_problems(case, wrong=context["keys"].keys() - right):
        loc = (name, *path)
        if path and isinstance(path[0], int) and str(name) in positions:
            loc = (name, positions[str(name)][path[0]], *path[1:])
        yield Problem(found(root, loc)[0].place, loc, what, hint)


def _keys(section: Section, entry: Any) -> Iterator[str]:
    yield entry.key
    for part in section.parts:
        yield from (inner.key for inner in getattr(entry, part.name))


def _valid(model: type[_Model], root: Node, name: str, context: dict[str, Any]) -> _Model | None:
    return _valid_entry(model, root.pairs[name][1], context) if name in root.pairs else None


def _valid_entry(model: type[_Model], node: Node, context: dict[str, Any]) -> _Model | None:
    if node.spoiled or node.doubtful:
        return None
    try:
        return model.model_validate(node.data, context=context)
    except ValidationError:
        return None
