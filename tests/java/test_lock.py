from __future__ import annotations

import pytest

from fhir_case.errors import CheckerError
from fhir_case.java.lock import parse_lock, read_lock

SHA = "0" * 64


def test_the_shipped_lock_file_lists_hapi_the_engine_and_one_compiler() -> None:
    jars = read_lock()
    assert ["org/eclipse/jdt/ecj/3.40.0/ecj-3.40.0.jar"] == [jar.path for jar in jars if "compile" in jar.uses]
    assert any(jar.name == "hapi-fhir-jpaserver-base-8.8.0.jar" for jar in jars)
    assert any(jar.name == "org.hl7.fhir.validation-6.10.4.jar" and jar.uses == {"validator"} for jar in jars)
    assert 200e6 < sum(jar.size for jar in jars if "server" in jar.uses) < 300e6
    assert 100e6 < sum(jar.size for jar in jars if "validator" in jar.uses) < 200e6


def test_a_classifier_is_part_of_the_file_name() -> None:
    (jar,) = parse_lock(f"# comment\n\nserver org.example:data:1.2:extra 7 {SHA}\n")
    assert "org/example/data/1.2/data-1.2-extra.jar" == jar.path


@pytest.mark.parametrize(
    "line",
    [
        f"server org.example:data:1 7 {SHA[1:]}",
        f"server org.example:data:1 0 {SHA}",
        f"server org.example:data 7 {SHA}",
        f"server ../..:data:1 7 {SHA}",
        f"server org.example:../x:1 7 {SHA}",
        f"test org.example:data:1 7 {SHA}",
    ],
)
def test_a_line_that_is_not_of_the_form_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(CheckerError, match=r"^jars\.lock:2: the line is not"):
        parse_lock(f"# comment\n{line}\n")


def test_a_jar_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(CheckerError, match="listed twice"):
        parse_lock(f"server a.b:c:1 7 {SHA}\nserver a.b:c:1 8 {SHA}\n")
