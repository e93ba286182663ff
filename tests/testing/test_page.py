"""The page on pytest tells the truth: its example passes, and its failure looks as it is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fhir_case.testing import plugin
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.server


def files() -> Iterator[tuple[str, str]]:
    """Return each file of the page, its name and its text."""
    for language, text in BLOCKS:
        if language == "python":
            yield text.partition("\n")[0].removeprefix("# "), text


def test_the_example_passes_with_each_conftest(pytester: pytest.Pytester, hapi_r4: str) -> None:
    conftests = [text for name, text in files() if name == "conftest.py"]
    for name, text in files():
        pytester.path.joinpath(name).write_text(text, "utf-8")
    assert 2 == len(conftests)
    pytester.path.joinpath("conftest.py").write_text("\n".join(conftests), "utf-8")

    result = pytester.runpytest("-p", "no:cacheprovider", "-W", "error", "--fhir-server", hapi_r4)

    result.assert_outcomes(passed=2)


def test_a_client_that_rounds_fails_as_it_is_shown(pytester: pytest.Pytester, hapi_r4: str) -> None:
    example = dict(files())
    broken = example["markers.py"].replace(
        "json=observation,", "json={**observation, 'valueQuantity': {'value': 21, 'unit': 'ng/mL'}},"
    )
    assert broken != example["markers.py"]
    pytester.path.joinpath("markers.py").write_text(broken, "utf-8")
    pytester.path.joinpath("test_markers.py").write_text(example["test_markers.py"], "utf-8")

    result = pytester.runpytest("-p", "no:cacheprovider", "-k", "recorded", "--fhir-server", hapi_r4)

    result.assert_outcomes(failed=1, deselected=1)
    shown = next(text for language, text in BLOCKS if language == "text")
    assert shown in result.stdout.str()


def test_every_fixture_is_on_the_page() -> None:
    fixtures = {name for name, each in vars(plugin).items() if "pytest_fixture" in repr(each) and name[0] != "_"}
    assert len(fixtures) == 7
    assert not {name for name in fixtures if f"`{name}" not in PAGE}
