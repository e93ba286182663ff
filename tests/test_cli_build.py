"""The commands `build`, `mappings`, and what is common to all: help, errors, exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fhir_case import build_bundle, errors, load_case
from fhir_case.cli import COMMANDS
from fhir_case.fhir.wire import dump, parse
from support import CASES, ROOT, SHIPPED, SHIPPED_COUNT, result_of, run_command

REFERENCE = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")


def test_build_writes_the_bundle_and_says_what_it_holds(tmp_path: Path) -> None:
    target = tmp_path / "new" / "bundle.json"
    done = run_command("build", SHIPPED, "-o", str(target), cwd=tmp_path)

    assert (0, "") == (done.exit_code, done.stdout)
    assert done.stderr == f"{target}: {SHIPPED_COUNT} resources, transaction\n"
    assert target.read_bytes() == dump(build_bundle(load_case(SHIPPED)), indent=True)
    assert [one.name for one in target.parent.iterdir()] == ["bundle.json"]


def test_build_to_standard_output_is_json_alone() -> None:
    done = run_command("build", SHIPPED, "--type", "collection", "--namespace", "side", "--index-date", "2020-01-01")

    assert done.stderr == ""
    assert parse(done.stdout)["id"] == "side-patient"


def test_build_gives_r5_where_it_is_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "bundle.json"
    done = run_command("build", SHIPPED, "--fhir", "R5", "-o", str(target))

    bundle = build_bundle(load_case(SHIPPED), fhir="R5")
    assert done.stderr == f"{target}: {len(bundle['entry'])} resources, transaction, FHIR R5\n"
    assert target.read_bytes() == dump(bundle, indent=True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["build", "hcc-tare-sorafenob"], 3, "did you mean 'hcc-tare-sorafenib'"),
        (["build", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["build", SHIPPED, "--index-date", "2020-02-30"], 2, "'2020-02-30' is not a date; write YYYY-MM-DD"),
        (["build", SHIPPED, "--index-date", "0001-01-01"], 2, "outside the years 1900 to 2200"),
        (["build", SHIPPED, "--namespace", "A B"], 4, "'A B' is not a namespace"),
        (["build", SHIPPED, "--mapping", "none.py"], 4, "none.py: there is no such mapping file"),
        (["build", SHIPPED, "-o", "/proc/none/x.json"], 1, "cannot be written"),
        (["biuld"], 2, "Did you mean 'build'?"),
        (["build"], 2, "Missing argument 'CASE...'"),
        (["build", SHIPPED, "--type", "message"], 2, "'message' is not one of"),
        (["build", SHIPPED, "--fhir", "R3"], 2, "'R3' is not one of"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_in_words(arguments: list[str], code: int, message: str) -> None:
    done = run_command(*arguments)

    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert (code, "") == (done.exit_code, done.stdout)


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "bundle.json"
    target.mkdir()
    done = run_command("build", SHIPPED, "-o", str(target))

    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["bundle.json"]


def test_an_output_that_is_full_is_said_in_words() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fhir_case", "build", SHIPPED],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )

    assert (1, "fhir-case: the output cannot be written: No space left on device\n") == (done.returncode, done.stderr)


def test_a_link_and_a_pipe_are_written_through_and_stay_what_they_are(tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "target.json", tmp_path / "link.json", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    os.mkfifo(pipe)
    run_command("build", SHIPPED, "-o", str(link))
    with subprocess.Popen([sys.executable, "-m", "fhir_case", "build", SHIPPED, "-o", str(pipe)]) as writer:
        piped = pipe.read_bytes()

    assert 0 == writer.returncode
    assert link.is_symlink()
    assert pipe.is_fifo()
    assert target.read_bytes() == piped == dump(build_bundle(load_case(SHIPPED)), indent=True)


def test_mappings_lists_each_with_its_origin() -> None:
    done = run_command("mappings")

    assert done.exit_code == 0
    assert "radiotherapy" in done.stdout
    assert all("[fhir-case " in line for line in done.stdout.splitlines())
    assert [one["name"] for one in result_of(run_command("mappings", "--format", "json").stdout)["mappings"]] == [
        line.split()[0] for line in done.stdout.splitlines()
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_agrees_with_the_list(command: str) -> None:
    done = run_command(command, "--help")

    assert (0, "") == (done.exit_code, done.stderr)
    assert f"Usage: fhir-case {command}" in done.stdout


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    script = tmp_path / "probe.py"
    script.write_text(
        "import sys\nfrom fhir_case.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'requests', 'pydantic', 'fhir', 'rich', 'ruamel', 'jsonschema_rs', 'orjson'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=60)

    assert done.stderr == "[]\n"


def test_a_build_imports_nothing_that_a_right_case_does_not_need(tmp_path: Path) -> None:
    script = tmp_path / "probe.py"
    script.write_text(
        "import sys\nfrom fhir_case.cli import main\n"
        f"try:\n    main(['build', '{SHIPPED}', '-o', sys.argv[1]])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'requests', 'fhir', 'rich', 'ruamel', 'fhirpathpy', 'jinja2', 'ucumvert'} & set(sys.modules)))\n"
    )
    command = [sys.executable, str(script), str(tmp_path / "bundle.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    assert done.stdout == "[]\n"


def test_each_kind_of_error_has_an_exit_code_of_its_own_and_two_and_five_are_left_to_others() -> None:
    classes = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
    numbers = [one.exit_code for one in classes if "exit_code" in vars(one)]

    assert sorted(numbers) == sorted(set(numbers))
    assert not {0, 2, 5, 130} & set(numbers)
    assert errors.BundleError.exit_code == errors.MappingError.exit_code


def test_help_and_reference_list_every_exit_code_with_its_meaning() -> None:
    shown = re.search(r"^Exit codes:\n(.*)", run_command("--help").stdout, flags=re.MULTILINE | re.DOTALL)
    table = re.search(r"^\| code \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", REFERENCE, flags=re.MULTILINE)
    expected = [(str(code.value), code.meaning) for code in errors.ExitCode]

    assert shown
    assert table
    assert expected == re.findall(r"^ +(\d+) +(.*)$", shown[1], flags=re.MULTILINE)
    assert expected == re.findall(r"^\| (\d+) \| (.*) \|$", table[1], flags=re.MULTILINE)


def test_the_tree_of_errors_in_its_docstring_has_their_exit_codes() -> None:
    drawn = dict(re.findall(r"(\w+Error) +(\d+)", errors.__doc__ or ""))

    assert {name: str(getattr(errors, name).exit_code.value) for name in errors.__all__ if name in drawn} == drawn
    assert {name for name in errors.__all__ if name.endswith("Error")} == set(drawn)


def test_the_public_names_are_there_and_sorted() -> None:
    import fhir_case as library

    assert library.__all__ == sorted(library.__all__)
    assert all(getattr(library, name) is not None for name in library.__all__)


def test_no_public_name_is_also_a_package_that_would_take_its_place() -> None:
    import pkgutil

    import fhir_case as library

    assert not {one.name for one in pkgutil.iter_modules(library.__path__)} & set(library.__all__)


def test_an_unknown_name_of_the_library_is_an_attribute_error() -> None:
    import fhir_case as library

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = library.nothing


def test_all_problems_of_a_case_come_in_one_run(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    text = (CASES / "minimal" / "case.yaml").read_text(encoding="utf-8")
    broken.write_text(
        text.replace("sex: unknown", "sex: mle").replace("key: operation", "key: Operation"), encoding="utf-8"
    )
    done = run_command("build", str(broken))

    assert done.exit_code == 3
    assert f"{broken}:6:16: patient.sex: 'mle' is not one of" in done.stderr
    assert "problems in the case file" in done.stderr
