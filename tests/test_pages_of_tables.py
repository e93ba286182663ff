"""The page of import, and what the pages of other commands say of tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smallserver import SmallServer
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

RECIPE = """
recipe: my-register
title: Patient {{id}}
report: {{citation: The register, transcribed: 2024-05-01}}
timeline: {{anchor: diagnosis, index_date: {{column: diagnosed, date: "%d.%m.%Y"}}}}
files:
  patients: {{path: '{file}', patient: id, rows: patient, unused: {{hospital: '{script}'}}}}
entries:
  - section: patient
    file: patients
    fields:
      sex: {{column: sex, map: {{f: female, m: male}}}}
      birth_date: {{column: birth, date: "%d.%m.%Y"}}
  - section: conditions
    file: patients
    key: diagnosis
    fields:
      kind: primary-cancer
      diagnosis: hepatocellular-carcinoma
      verification: confirmed
      status: unknown
      at: anchor
  - section: laboratory
    file: patients
    key: result
    fields:
      test: {{column: test, map: {{AFP: afp}}}}
      value: {{column: value, number: true, unit: ng/mL}}
      at: anchor
"""
HEADER = "id,sex,birth,diagnosed,test,value,hospital,{script}"
ROWS = """
P1,f,17.05.1960,01.03.2021,AFP,33.5,A,
P2,m,03.11.1955,05.06.2020,Ferritin,210,B,{script}
P3,m,03.11.1955,05.06.2020,Ferritin,215,B,
"""


def write_tables(folder: Path, *, more: str = "", script: str = "of ours", file: str = "patients.csv") -> Path:
    """Write a table with a text in its header, its cells and a reason of the recipe, and return the recipe."""
    (folder / file).write_text((HEADER + ROWS).format(script=script) + more, encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE.format(script=script, file=file), encoding="utf-8")
    return folder / "recipe.yaml"


def cells(page: str) -> dict[str, list[str]]:
    """The cells of each row of the tables of a page as text, by the text of its first."""
    found = {}
    for row in re.findall(r"<tr[ >].*?</tr>", page, re.DOTALL):
        first, *others = (re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row))
        found[first] = others
    return found


def test_the_page_of_an_import_has_each_column_and_each_value_that_was_not_carried_over(tmp_path: Path) -> None:
    recipe = write_tables(tmp_path, more="P4,x,01.01.1950,05.06.2020,AFP,1,C,\n")
    code, _, err = run_command("import", recipe, "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    found = cells(page)

    assert 3 == code
    assert f"The page is {tmp_path / 'page.html'}" in err
    assert "<p>4 rows of 1 table read, 3 cases made. 1 patient became no case.</p>" in page
    assert re.search(r"<li>\S+patients.csv:5:2: patient.sex: &#39;x&#39; of &#39;sex&#39;: not a word of its map", page)
    assert ["used in part", "4", "3", ""] == found["sex patients, 4 rows, 1 of them without an entry"]
    assert ["never used", "4", "0", "of ours"] == found["hospital patients, 4 rows, 1 of them without an entry"]
    why, count, place = found["Ferritin test, patients"]
    assert ("unknown not a word of its map", "2") == (why, count)
    assert place.endswith("patients.csv:3:5")
    assert "Ferritin test, patients" == next(name for name in found if name.endswith("test, patients"))


def test_a_page_has_no_more_than_a_thousand_values_and_says_how_many_there_are(tmp_path: Path) -> None:
    header = ",".join(["id,sex,birth,diagnosed,test,value,hospital", *(f"c{number}" for number in range(1_200))])
    values = ",".join(f"v{number}" for number in range(1_200))
    recipe = write_tables(tmp_path)
    (tmp_path / "patients.csv").write_text(f"{header}\nP1,f,17.05.1960,01.03.2021,AFP,33.5,A,{values}\n")
    run_command("import", recipe, "--html", tmp_path / "page.html", "--quiet")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert 1_000 == page.count("<tr data-search")
    assert "<p>And 201 more, which are not shown.</p>" in page
    assert "<p>And 207 more columns, which are not shown.</p>" in page


def test_pages_of_a_recipe_say_what_became_of_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    recipe = write_tables(tmp_path)
    run, check, upload = tmp_path / "out" / "report.html", tmp_path / "check.html", tmp_path / "upload.html"
    with SmallServer.like() as server:
        run_command("validate", recipe, "--engine", "none", "--html", check)
        run_command("upload", recipe, "--server", server.url, "--html", upload)
        done = run_command("run", recipe, "--server", server.url, "--engine", "none", "-o", tmp_path / "out")

    assert 0 == done.exit_code, done.stderr
    for file in (run, check, upload):
        page = file.read_text(encoding="utf-8")
        assert '<h2 id="tables-1">Tables by my-register</h2>' in page, file
        assert "2" == cells(page)["Ferritin test, patients"][1]
        assert '<tr data-search="Ferritin' not in page


def test_the_page_of_a_run_of_a_recipe_has_every_resource_and_what_became_of_it(tmp_path: Path) -> None:
    with SmallServer.like() as server:
        options = ("--server", server.url, "--engine", "none", "-o", tmp_path / "out")
        code, out, err = run_command("run", write_tables(tmp_path), *options)
        number = len(server.names)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    assert 0 == code, err
    assert str(tmp_path / "out" / "report.html") in err + out
    assert f"<p>{number} resources of" in page
    assert number == page.count("<tr data-search")
    assert f"Read back: {number} server-added." in page
    assert '<span class="mark good">loaded</span>' in page
    assert '<span class="mark good">no errors</span>' in page


def test_a_page_of_a_draft_is_refused(tmp_path: Path) -> None:
    write_tables(tmp_path)
    done = run_command("import", "--draft", tmp_path / "patients.csv", "--html", tmp_path / "page.html")

    assert 2 == done.exit_code
    assert not (tmp_path / "page.html").exists()
