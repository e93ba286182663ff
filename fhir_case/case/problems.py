"""Turn what the model refuses into sentences about the file: the place, the field, what is wrong, what to do."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

from fhir_case.case.forms import Amount
from fhir_case.case.forms.concept import CODE_PATTERN
from fhir_case.case.forms.form import ShortForm
from fhir_case.case.node import Problem
from fhir_case.errors import CaseError
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from fhir_case.case.node import Loc, Node, Place

__all__ = ["MAX_PROBLEMS", "case_error", "field_name", "found", "model_problems", "shown"]

MAX_PROBLEMS = 100
"""More do not help: they come from one cause, or from a file that is not a case at all."""

_MISSING = {
    "at": "say when, for example 'at: +3 mo'",
    "key": "give the entry a name of its own, for example 'key: afp-baseline'",
    "source": "name the place in the report, for example 'source: section 2'",
}


def found(root: Node, loc: Loc) -> tuple[Node, Place, Loc]:
    """
    Follow the path to a value as far as the file goes.

    The model has steps that the file need not have (the ``quantity`` of a value, the position of a single code, the
    parts of a short form); these are passed over.

    Returns:
        The innermost value that exists, the place of its key (or its own in a list), and the path to it in the file.
    """
    node, place, path = root, root.place, []
    for step in loc:
        if isinstance(step, str) and step in node.pairs:
            place, node = node.pairs[step]
        elif isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            place = node.place
        else:
            continue
        path.append(step)
    return node, place, tuple(path)


def field_name(root: Node, loc: Loc) -> str:
    """Return the path to a value as a user would write it: entries that have a key are named by it."""
    words, node = "", root
    for step in loc:
        if isinstance(step, str):
            words += f".{step[:60]}" if words else step[:60]
            node = node.pairs[step][1] if step in node.pairs else node
        else:
            node = node.items[step] if step < len(node.items) else node
            key = node.pairs["key"][1].data if "key" in node.pairs else None
            words += f".{key}" if isinstance(key, str) and re.fullmatch(r"[\w-]{1,40}", key) else f"[{step}]"
    return words


def case_error(problems: Iterable[Problem], root: Node) -> CaseError:
    """Return one error that holds all problems in the order of the lines."""
    ordered = sorted(problems, key=lambda problem: problem.place)
    errors = [_error(problem, root) for problem in ordered[:MAX_PROBLEMS]]
    if len(errors) == 1:
        return errors[0]
    if left := len(ordered) - len(errors):
        errors.append(CaseError(f"{left} more problems", where=ordered[0].place.file, hint="mend the first ones"))
    first = errors[0]
    summary = f"{len(ordered)} problems; the first: {first.message}"
    return CaseError(summary, where=first.where, hint=first.hint, problems=tuple(errors))


def _error(problem: Problem, root: Node) -> CaseError:
    field = field_name(root, problem.loc)
    what = re.sub(r"\s+", " ", f"{field}: {problem.what}" if field else problem.what)
    return CaseError(what, where=str(problem.place), hint=problem.hint)


def model_problems(
    details: Sequence[ErrorDetails], root: Node, keys: Mapping[str, str], model: type[BaseModel]
) -> list[Problem]:
    """
    Return what the errors of the model mean for the file; what follows from an earlier problem is left out.

    Args:
        details: The findings of pydantic.
        root: What the file says.
        keys: The section of every key of the file.
        model: The model of the case.
    """
    findings = [finding for detail in details if (finding := _finding(detail, root)) is not None]
    findings.sort(key=lambda finding: finding.place)
    # Sentences take time (the nearest key is looked for): only those that will be read are made.
    read = [Problem(one.place, one.loc, *_words(one.detail, keys, model)) for one in findings[:MAX_PROBLEMS]]
    return read + [Problem(one.place, one.loc, "") for one in findings[MAX_PROBLEMS:]]


class _Finding(NamedTuple):
    place: Place
    loc: Loc
    detail: ErrorDetails


def _finding(detail: ErrorDetails, root: Node) -> _Finding | None:
    loc, kind = detail["loc"], detail["type"]
    node, key_place, path = found(root, loc)
    ours = kind not in get_args(ErrorType)  # about the whole of an entry, or a key that no entry has
    if node.spoiled or (ours and node.doubtful) or (kind == "unknown_key" and root.spoiled):
        return None
    if kind == "too_short" and len(node.items) >= detail.get("ctx", {}).get("min_length", 1):
        return None  # it has enough, of which some are wrong
    if kind == "missing":
        return _Finding(node.place, path, detail)
    if kind == "extra_forbidden":
        return _Finding(key_place, path[:-1], detail)
    if ours and kind in node.pairs:  # the type of an error about a whole entry names the field to look at
        key_place, node = node.pairs[kind]
        path = (*path, kind)
    return _Finding(key_place if node.data is None else node.place, path, detail)


def _words(error: ErrorDetails, keys: Mapping[str, str], model: type[BaseModel]) -> tuple[str, str]:
    kind, name = error["type"], str(error["loc"][-1])
    if kind == "missing":
        return f"'{name}' is missing", _MISSING.get(name, "add it")
    if kind == "extra_forbidden":
        in_text = "text with a comma stands in quotes" if error["input"] is None else ""
        return f"unknown key '{name[:60]}'", "; ".join(filter(None, (in_text, _allowed(error["loc"], model))))
    given, context = error["input"], error.get("ctx", {})
    if kind in _TRANSLATED:
        return _TRANSLATED[kind](given, context)
    if expected := _expected(kind, error["loc"], model):
        return f"{shown(given)} where {expected} is expected", _how_to_write(expected, given, error["loc"], model)
    if kind in get_args(ErrorType):  # of a model from outside, whose words they are
        message = f"{shown(given)}: {error['msg'][:1].lower()}{error['msg'][1:]}"
        return str(context.get("error") or message), ""
    return _our_own_words(error, keys)


def _our_own_words(error: ErrorDetails, keys: Mapping[str, str]) -> tuple[str, str]:
    if error["type"] == "unknown_key":
        key, wanted = (str(error.get("ctx", {})[name]) for name in ("key", "wanted"))
        known = [one for one, section in keys.items() if not wanted or section in wanted.split(" or ")]
        return error["msg"], did_you_mean(key, known[:1000])
    what, _, hint = error["msg"].rpartition("; ")
    return (what, hint) if what else (hint, "")


def shown(given: Any) -> str:
    """Name a value of a file in a sentence."""
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, str):
        text = re.sub(r"\s+", " ", given)
        return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"
    if isinstance(given, int | Decimal):
        return str(given)
    return "a list" if isinstance(given, list | tuple) else "a mapping"


def _expected(kind: str, loc: Loc, case: type[BaseModel]) -> str:
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        model = _model_at(loc, case)
        return "text or a mapping" if model is not None and issubclass(model, ShortForm) else "a mapping"
    return _EXPECTED.get(kind, "")


def _how_to_write(expected: str, given: Any, loc: Loc, case: type[BaseModel]) -> str:
    if given is None:
        return _MISSING.get(str(loc[-1]), "write it") if _is_needed(loc, case) else "write it, or leave the key out"
    if expected == "text" and isinstance(given, bool | int | Decimal):
        return "put it in quotes"
    if expected == "a list":
        return "begin each entry with '- '"
    model = _model_at(loc, case)
    return f"its keys are {', '.join(model.model_fields)}" if expected == "a mapping" and model is not None else ""


def _is_needed(loc: Loc, case: type[BaseModel]) -> bool:
    model = _model_at(loc[:-1], case)
    form = model.model_fields.get(str(loc[-1])) if model is not None else None
    return form is None or form.is_required()


def _not_one_of(given: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    choices = re.findall(r"'([^']*)'", context["expected"])
    listed = ", ".join(choices) or context["expected"]
    if not isinstance(given, str):
        return f"{shown(given)} where one of {listed} is expected", ""
    return f"{shown(given)} is not one of {listed}", did_you_mean(given, choices)


def _not_as_written(given: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    pattern = context["pattern"]
    if pattern == r"\S":
        return "the text is empty", "write it, or leave the key out"
    if "http" in pattern:
        kinds = "http:// or https://" if "urn" not in pattern else "http://, https:// or urn:"
        return f"{shown(given)} is not a web address", f"it begins with {kinds} and has no spaces"
    if pattern.startswith("^[a-z]"):
        slug = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-0123456789")[:40].strip("-")
        example = f"write '{slug}'" if slug else "for example 'afp-baseline'"
        return f"{shown(given)} is not a key (lower-case words joined by hyphens)", example
    if pattern == CODE_PATTERN:
        return f"{shown(given)} is not a code", "a code has no spaces at its ends and no two in a row"
    return f"{shown(given)} does not match {pattern}", ""


_TRANSLATED: dict[str, Callable[[Any, Mapping[str, Any]], tuple[str, str]]] = {
    "literal_error": _not_one_of,
    "string_pattern_mismatch": _not_as_written,
    "string_too_short": lambda _given, _context: ("the text is empty", "write it, or leave the key out"),
    "string_too_long": lambda _given, context: (f"more than {context['max_length']} characters", "shorten it"),
    "too_short": lambda _given, _context: ("the list is empty", "at least one is needed"),
    "greater_than_equal": lambda given, context: (f"{shown(given)} is less than {context['ge']}", "check the number"),
    "less_than_equal": lambda given, context: (f"{shown(given)} is more than {context['le']}", "check the number"),
}

_EXPECTED = {
    **dict.fromkeys(("string_type", "string_unicode", "string_sub_type"), "text"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("decimal_type", "decimal_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "a whole number"),
}


def _allowed(loc: Loc, case: type[BaseModel]) -> str:
    model = _model_at(loc[:-1], case)
    names = [field.alias or name for name, field in model.model_fields.items()] if model is not None else []
    whole = _model_at(loc[:-2], case)
    if whole is not None and issubclass(whole, Amount):  # a quantity, a range or a concept, told apart by its keys
        forms = (_model_in(field.annotation) for field in whole.model_fields.values())
        names = [name for form in forms if form is not None for name in form.model_fields]
    return did_you_mean(str(loc[-1]), names) or f"allowed here: {', '.join(names)}"


def _model_at(loc: Loc, case: type[BaseModel]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = case
    by_name = False  # whether the next step is a name that the file gives, of a mapping of such models
    for step in loc:
        if by_name:
            by_name = False
        elif isinstance(step, str):
            form = model.model_fields.get(step) if model is not None else None
            model = _model_in(form.annotation) if form is not None else None
            by_name = form is not None and get_origin(form.annotation) is dict
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)
