"""A recipe may be written in TOML: the same cases, and mistakes with line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.readers.table.toml_tree import read_toml_tree
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.case.node import Node

RECIPE = """\
recipe = "small"
title = "Patient {id}"
report = { citation = "A made-up table", transcribed = 2026-11-29 }

[timeline]
anchor = "diagnosis"
index_date = 2020-01-01

[files]
patients = { path = "p.csv", patient = "id", rows = "patient" }
weights.path = "w.csv"
weights.patient = "id"

[[entries]]
section = "patient"
file = "patients"
fields = { sex = { column = "sex", map = { f = "female" } } }

[[entries]]
section = "conditions"
file = "patients"
key = "diagnosis"
  [entries.fields]
  kind = "disease"
  diagnosis.text = "gout"
  verification = "confirmed"
  status = "active"
  at = "anchor"

[[entries]]
section = "vital_signs"
file = "weights"
key = "weight"
fields.sign = { column = "sign", map = { weight = "body-weight", shoe = "" } }
fields.value = { column = "value", unit = "kg" }
fields.at = { column = "day" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "p.csv").write_text("id,sex\nA,f\n")
    (tmp_path / "w.csv").write_text("id,sign,value,day\nA,weight,60.5,2021-05\nA,shoe,42,2021-06\n")
    return tmp_path


def test_a_recipe_in_toml_goes_wherever_one_in_yaml_goes(folder: Path) -> None:
    code, out, err = run_command("import", "recipe.toml", "-o", "out", cwd=folder)
    assert 0 == code, err
    assert "3 rows read, 1 case made" in out
    assert "'shoe' (the map of the recipe leaves it out)" in err
    assert "60.5 kg" in (folder / "out" / "a.yaml").read_text()

    code, out, err = run_command("build", "recipe.toml", cwd=folder)
    assert 0 == code, err
    assert "Observation" in out


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('map = { f = "female"', 'map = "sexes"', "recipe.toml:17:36: there is no map 'sexes'"),
        ('key = "diagnosis"\n', "key = diagnosis\n", "recipe.toml:22:7: this is not TOML: Invalid value"),
        ('kind = "disease"', 'knid = "disease"', "recipe.toml:24:3: 'knid' is no field of 'conditions'; did you"),
        ('column = "day"', 'column = "dya"', "recipe.toml:36:15: w.csv has no column 'dya'; did you mean 'day'?"),
        ('section = "vital_signs"', 'section = "vital_sings"', "recipe.toml:31:1: there is no section 'vital_sings'"),
        ('weights.path = "w.csv"', 'weights.path = "v.csv"', "recipe.toml:11:9: no file in . is called 'v.csv'"),
        ('rows = "patient"', 'rows = "p"', "recipe.toml:10:46: files.patients.rows: 'p' is not one of patient, event"),
        ("[timeline]", "[timeline]\n[timeline]", "recipe.toml:6:10: this is not TOML: Cannot declare"),
    ],
)  # fmt: skip
def test_a_mistake_in_toml_has_line_and_column(folder: Path, old: str, new: str, problem: str) -> None:
    assert old in RECIPE
    new = f"{new} }} }}" if "sexes" in new else new
    (folder / "recipe.toml").write_text(
        RECIPE.replace('map = { f = "female" } } }', new) if "sexes" in new else RECIPE.replace(old, new, 1)
    )

    code, _, err = run_command("import", "recipe.toml", cwd=folder)

    assert 3 == code
    assert problem in err


TEXT = """\
# a = 1
a."b c".d = [1, "x, ]", '''y
]''', { e = 1979-05-27 07:32:00, "f" = [ [], [0.50] ] },  # end ]
  2]
g = \"\"\"\\\"\"\" ]\"\"\"
[[h.i]]
j = true
[[h.i]]
[h.i.k]
l = nan
'm' = -1_000
"""


def test_each_value_of_toml_has_its_place() -> None:
    tree = read_toml_tree(TEXT, "x.toml")

    assert {
        ("a", "b c", "d", 0): (2, 14, 1),
        ("a", "b c", "d", 1): (2, 17, "x, ]"),
        ("a", "b c", "d", 2): (2, 25, "y\n]"),
        ("a", "b c", "d", 3, "e"): (3, 9, "1979-05-27T07:32:00"),
        ("a", "b c", "d", 3, "f", 1, 0): (3, 47, "0.50"),
        ("a", "b c", "d", 4): (4, 3, 2),
        ("g",): (5, 1, '""" ]'),
        ("h", "i", 0, "j"): (7, 1, True),
        ("h", "i", 1, "k", "l"): (10, 1, "nan"),
        ("h", "i", 1, "k", "m"): (11, 1, -1000),
    } == {
        steps: (node.place.line, node.place.column, str(node.data) if "0.50" == str(node.data) else node.data)
        for steps, node in _leaves(tree.root, ())
    }


def _leaves(node: Node, steps: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Node]]:
    inner: list[tuple[str | int, Node]] = [(name, one) for name, (_, one) in node.pairs.items()]
    inner += enumerate(node.items)
    if inner:
        return [leaf for step, one in inner for leaf in _leaves(one, (*steps, step))]
    return [] if isinstance(node.data, list | dict) else [(steps, node)]


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "[" * 60 + "]" * 60, "a = [" + "0," * 30_000 + "]"])
def test_toml_that_is_nested_or_long_beyond_all_use_is_refused(folder: Path, text: str) -> None:
    (folder / "recipe.toml").write_text(f'recipe = "x"\n{text}\n')

    code, _, err = run_command("import", "recipe.toml", cwd=folder)

    assert 3 == code
    assert "recipe.toml" in err
