"""``fhir-case cases`` and ``fhir-case new``, each as a whole command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.case.schema import schema_path
from fhir_case.mapping import load_case, read_case, shipped_cases
from support import result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path


def test_cases_lists_name_title_and_citation() -> None:
    code, out, err = run_command("cases")

    assert (code, err) == (0, "")
    for case in shipped_cases():
        assert f"{case.name}\n    {case.title}\n    {case.citation}\n" in out


def test_cases_as_json_holds_the_same() -> None:
    code, out, _ = run_command("cases", "--format", "json")

    assert code == 0
    assert [(one["name"], one["title"], one["citation"]) for one in result_of(out)["cases"]] == [
        (case.name, case.title, case.citation) for case in shipped_cases()
    ]


def test_every_listed_case_loads_and_is_named_as_its_file() -> None:
    names = [case.name for case in shipped_cases()]

    assert "hcc-tare-sorafenib" in names
    assert names == [load_case(name).case for name in names]


def test_new_writes_a_case_that_loads_without_any_change(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"

    code, out, err = run_command("new", str(path))

    assert (code, out) == (0, "")
    assert err == f"{path}: a fictitious case to start from; build its Bundle with: fhir-case build {path}\n"
    assert load_case(path).case == "colon-cancer-example"


def test_the_first_line_of_a_new_case_points_an_editor_to_the_schema(tmp_path: Path) -> None:
    run_command("new", str(tmp_path / "mine.yaml"))

    first = (tmp_path / "mine.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={schema_path().as_uri()}"
    assert schema_path().is_file()


def test_new_writes_to_standard_output() -> None:
    code, out, err = run_command("new", "-")

    assert (code, err) == (0, "")
    assert read_case(out).case == "colon-cancer-example"


def test_new_replaces_nothing_unless_told_to(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("precious", encoding="utf-8")

    code, out, err = run_command("new", str(path))

    assert (code, out) == (2, "")
    assert f"Error: {path} exists; --force replaces it" in err
    assert path.read_text(encoding="utf-8") == "precious"

    code, _, _ = run_command("new", "--force", str(path))

    assert code == 0
    assert load_case(path).case == "colon-cancer-example"


def test_new_in_a_folder_that_is_missing_says_so(tmp_path: Path) -> None:
    code, out, err = run_command("new", str(tmp_path / "no" / "mine.yaml"))

    assert (code, out) == (2, "")
    assert f"Error: there is no folder {tmp_path / 'no'}; make it first" in err


def test_new_with_the_name_of_a_folder_says_so(tmp_path: Path) -> None:
    code, _, err = run_command("new", "--force", str(tmp_path))

    assert code == 2
    assert f"{tmp_path} is a folder" in err


def test_the_starter_shows_every_kind_of_time_and_form() -> None:
    (path,) = schema_path().parent.glob("starter.yaml")
    text = path.read_text(encoding="utf-8")

    for shown in (
        "at: anchor",
        "at: baseline",
        "+12 mo",
        "wk after",
        "index_date",
        "{text:",
        "code: {system:",
        "source:",
    ):
        assert shown in text
