from __future__ import annotations

import pytest

from fhir_case.errors import CheckerError
from fhir_case.server.hapi.lock import parse_lock, read_lock

SHA = "0" * 64


def test_the_shipped_lock_file_lists_hapi_and_one_compiler() -> None:
    jars = read_lock()
    assert ["org/eclipse/jdt/ecj/3.40.0/ecj-3.40.0.jar"] == [jar.path for jar in jars if jar.use == "compile"]
    assert any(jar.name == "hapi-fhir-jpaserver-base-8.8.0.jar" for jar in jars)
    assert 200e6 < sum(jar.size for jar in jars) < 300e6


def test_a_classifier_is_part_of_the_file_name() -> None:
    (jar,) = parse_lock(f"# comment\n\nrun org.example:data:1.2:extra 7 {SHA}\n")
    assert "org/example/data/1.2/data-1.2-extra.jar" == jar.path


@pytest.mark.parametrize(
    "line",
    [
        f"run org.example:data:1 7 {SHA[1:]}",
        f"run org.example:data:1 0 {SHA}",
        f"run org.example:data 7 {SHA}",
        f"run ../..:data:1 7 {SHA}",
        f"run org.example:../x:1 7 {SHA}",
        f"test org.example:data:1 7 {SHA}",
    ],
)
def test_a_line_that_is_not_of_the_form_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(CheckerError, match=r"^hapi\.lock:2: the line is not"):
        parse_lock(f"# comment\n{line}\n")


def test_a_jar_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(CheckerError, match="listed twice"):
        parse_lock(f"run a.b:c:1 7 {SHA}\nrun a.b:c:1 8 {SHA}\n")
