"""
No regular expression of the package takes more than linear time, whatever a stranger writes.

Each is run on texts made to hurt it, by a matcher that counts its steps: four times the text may take eight times the
steps, which a quadratic pattern passes with sixteen.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backtracking import SINGLE, TooManySteps, fits, parsed, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

constants: Any = import_module("re._constants")  # there is no public parser of patterns
ROOT = Path(__file__).parent.parent
FOLDERS = {"fhir_case": ROOT, "fhir_case_mappings": ROOT / "mappings"}
METHODS = frozenset({"search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split"})
FROM_EACH_START = METHODS - {"match", "fullmatch"}
FEW, MANY = 25, 100
STEPS = 8  # for each letter: most patterns take fewer, and quadratic ones take more when something is repeated so often
SIGNS = ' aA0<"/'
# The first argument is a local variable there; these are patterns of constant tables, or of one word.
NOT_READ = {
    "fhir_case.server.redaction": "the secrets of the user, escaped",
    "fhir_case.case.variation.checks": "a value of the case, escaped",
    "fhir_case.case.syntax": "patterns of _WORDS, on the words of the parser of YAML",
    "fhir_case.server.quirks": "patterns of quirks.toml",
}


@dataclass(frozen=True)
class Used:
    module: str
    line: int
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package, folder in FOLDERS.items():
        for file in sorted((folder / package).rglob("*.py")):
            name = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.parse(file.read_bytes())


def patterns() -> Iterator[Used]:
    """Yield every pattern that is passed to `re`, with the methods that are called on it."""
    methods_of: dict[str, set[str]] = {}
    trees = dict(modules())
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                used = _name(name, ast.unparse(node.value).rpartition(".")[2])
                methods_of.setdefault(used, set()).add(node.attr)
    for name, tree in trees.items():
        named = {
            id(node.value): ast.unparse(node.targets[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and len(node.targets) == 1
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            method = node.func.attr
            if ast.unparse(node.func.value) != "re" or method not in METHODS | {"compile"}:
                continue
            found = evaluated(name, node)
            if found is not None:
                compiled = methods_of.get(_name(name, named.get(id(node), "")), METHODS)
                methods = compiled if method == "compile" else {method}
                yield Used(name, node.lineno, found, frozenset(methods))


def _name(module: str, pattern: str) -> str:
    """Return the name of a pattern: one that begins with an underscore is used in its own module only."""
    return f"{module}.{pattern}" if pattern.startswith("_") else pattern


def evaluated(name: str, call: ast.Call) -> re.Pattern[Any] | None:
    flags = [each.value for each in call.keywords if each.arg == "flags"]
    at = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)  # type: ignore[attr-defined]
    flags = flags or call.args[at : at + 1]
    namespace = vars(import_module(name))
    try:
        text, *numbers = (eval(ast.unparse(each), namespace) for each in (call.args[0], *flags))  # noqa: S307 - our own code
    except NameError:
        assert name in NOT_READ, f"{name}:{call.lineno}: give re a constant pattern, so that it can be tested here"
        return None
    return re.compile(text, *numbers)


def samples(parsed: Any) -> Iterator[tuple[str, str]]:
    """Yield for each repetition of a parsed pattern what comes before it, and one of what it repeats."""
    before = ""
    for operation, argument in parsed:
        if operation in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            low, high, inner = argument
            once = sample(inner)
            if high > 50:
                yield before, once
            yield from ((before + ahead, one) for ahead, one in samples(inner))
            before += once * max(low, 1)
        elif operation is constants.BRANCH:
            for branch in argument[1]:
                yield from ((before + ahead, one) for ahead, one in samples(branch))
            before += sample(argument[1][0])
        elif operation is constants.SUBPATTERN:
            yield from ((before + ahead, one) for ahead, one in samples(argument[-1]))
            before += sample(argument[-1])
        else:
            before += sample([(operation, argument)])


def sample(nodes: Any) -> str:
    """Return a text that parsed nodes match, but for what looks around or back."""
    text = ""
    for operation, argument in nodes:
        if operation is constants.LITERAL:
            text += chr(argument)
        elif operation in SINGLE:
            text += next((sign for sign in SIGNS + "-x:.\x00" if fits(operation, argument, sign)), "x")
        elif operation in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            text += sample(argument[2]) * max(argument[0], 1)
        elif operation is constants.BRANCH:
            text += sample(argument[1][0])
        elif operation is constants.SUBPATTERN:
            text += sample(argument[-1])
    return text


def literals(parsed: Any) -> Iterator[str]:
    """Yield the runs of letters in a parsed pattern."""
    run = ""
    for operation, argument in parsed:
        if operation is constants.LITERAL:
            run += chr(argument)
            continue
        if run:
            yield run
        run = ""
        inner: list[Any] = []
        if operation in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.SUBPATTERN):
            inner = [argument[-1]]
        elif operation is constants.BRANCH:
            inner = argument[1]
        for each in inner:
            yield from literals(each)
    if run:
        yield run


def attacks(tree: Any) -> Iterator[tuple[str, str]]:
    """Yield beginnings, and what to repeat after them."""
    repeated = list(samples(tree))
    inner = [one for pair in repeated for one in pair]
    words = list(dict.fromkeys([*(one for _, one in repeated), *inner, *literals(tree), *SIGNS]))
    pairs = ["".join(pair) for pair in product(words[:5], words[:5])]
    for before, repeat in product(dict.fromkeys(["", *(before for before, _ in repeated)]), [*words, *pairs]):
        if 0 < len(repeat) <= 16:
            yield before, repeat


def fault(used: Used) -> str:
    """Return nothing for a linear pattern, and the attack for another one."""
    tree = parsed(used.pattern)
    method = "finditer" if used.methods & FROM_EACH_START else min(used.methods, default="finditer")

    def steps(before: str, repeat: str, times: int) -> int:
        return steps_of(tree, before + repeat * times + "\x00", method)

    for before, repeat in attacks(tree):
        try:
            few = steps(before, repeat, FEW)
            if few < STEPS * len(before + repeat * FEW) or steps(before, repeat, MANY) < 8 * few:
                continue
        except TooManySteps:
            pass
        return f"{used.module}:{used.line}: {before!r} and then {repeat!r}, again and again"
    return ""


def test_every_pattern_takes_linear_time_on_any_text() -> None:
    used = list(patterns())

    assert len(used) > 80
    assert [] == [attack for each in used if (attack := fault(each))]


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"url\s*\(\s*['\"]?\s*(?:\w+:)?//", "search"),
        (r"[A-Z][A-Za-z]+/x", "search"),
        (r"(a+)+$", "fullmatch"),
        (r"<(script|style)\b.*?</\1\s*>", "sub"),
        (r"(?:\s*[0-9A-Z]{4}\s*)+", "fullmatch"),
        (r"\[element=\"(\w+)\"\].*?value \"", "search"),
    ],
)
def test_the_measurement_finds_patterns_that_are_not_linear(pattern: str, method: str) -> None:
    assert fault(Used("here", 1, re.compile(pattern), frozenset({method})))
