from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.errors import CheckerError
from fhir_case.java.runtime import find_java

if TYPE_CHECKING:
    from pretended_java import Machine


def test_no_java_is_a_clear_error(machine: Machine) -> None:
    with pytest.raises(
        CheckerError, match=r"no Java of version 17 or newer was found; pip install 'fhir-case\[hapi\]'"
    ):
        find_java(machine.environment)


def test_a_java_that_is_too_old_is_named_with_its_version(machine: Machine) -> None:
    machine.java("1.8.0_392")
    with pytest.raises(CheckerError, match=r"was found \(.*bin/java is Java 1\.8\.0_392\)"):
        find_java(machine.environment)


def test_java_home_goes_before_path(machine: Machine) -> None:
    machine.java("17.0.1")
    machine.java("25.0.2", folder="home/bin")
    java = find_java({**machine.environment, "JAVA_HOME": str(machine.folder / "home")})
    assert (25, "25.0.2", None) == (java.feature, java.version, java.compiler)


def test_a_java_home_without_java_is_passed_over_for_the_one_on_path(machine: Machine) -> None:
    machine.java("17.0.1")
    java = find_java({**machine.environment, "JAVA_HOME": str(machine.folder / "nowhere")})
    assert 17 == java.feature


def test_the_compiler_beside_it_is_found_through_a_link(machine: Machine) -> None:
    real = machine.java("17.0.1", folder="jdk")
    (real.parent / "javac").write_text("#!/bin/sh\n")
    (real.parent / "javac").chmod(0o755)
    (machine.folder / "bin").mkdir()
    (machine.folder / "bin" / "java").symlink_to(real)
    assert real.parent / "javac" == find_java(machine.environment).compiler
