"""A Java program of ours, and its few sources, compiled once for each version of them, of the lock file and of Java."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.cache import exclusive, is_intact, record
from fhir_case.java.events import Event, Listener
from fhir_case.java.lock import LOCK_FILE, Jar
from fhir_case.java.runtime import OLDEST, Java

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["JavaProgram", "class_path", "provide_classes"]

_TIMEOUT_S = 300
_SETTINGS = "logback.xml"
_SHARED = Path(__file__).parent / "shared"  # sources that each program has


@dataclass(frozen=True, slots=True)
class JavaProgram:
    """
    A Java program of ours.

    Args:
        name: The word by which the lock file names its jars.
        main_class: Where it starts.
        sources: The folder of its sources, ``fhircase/*.java`` and the settings of its log, ``logback.xml``, if any.
        title: Its name in messages.
    """

    name: str
    main_class: str
    sources: Path
    title: str


def provide_classes(
    program: JavaProgram,
    java: Java,
    jars: Sequence[Jar],
    folder: Path,
    *,
    environment: Mapping[str, str],
    listener: Listener,
) -> str:
    """
    Return the name of the jar of our own classes, in ``folder``; compile it if it is not there or was altered.

    The compiler is javac where Java brings one, else that of Eclipse, a jar of the lock file.

    Raises:
        CheckerError: The sources do not compile, or the compiler could not be run.
        OSError: The folder cannot be written.
    """
    own = [*program.sources.glob("fhircase/*.java"), *program.sources.glob(_SETTINGS)]
    files = sorted([*own, *_SHARED.glob("fhircase/*.java")])
    key = hashlib.sha256(f"{java.feature}".encode())
    for file in [LOCK_FILE, *files]:
        key.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    name = f"fhircase-{key.hexdigest()[:16]}.jar"
    if is_intact(folder / name):
        return name
    with exclusive(folder, listener):
        listener(Event("compile", text=f"the own classes of {program.title}"))
        with tempfile.TemporaryDirectory(dir=folder, prefix="compile-") as scratch:
            sources = [file for file in files if file.suffix == ".java"]
            path = class_path(program, jars)
            _compile(java, jars, path, sources, folder=folder, scratch=Path(scratch), environment=environment)
            _pack(program, Path(scratch) / "classes", Path(scratch) / name)
            (Path(scratch) / name).replace(folder / name)
        record(folder / name)
    return name


def _compile(
    java: Java,
    jars: Sequence[Jar],
    path: str,
    sources: Sequence[Path],
    *,
    folder: Path,
    scratch: Path,
    environment: Mapping[str, str],
) -> None:
    options = ["-proc:none", "-nowarn", "-encoding", "UTF-8", "-d", str(scratch / "classes")]
    if java.compiler:
        command = [str(java.compiler), "--release", str(OLDEST)]
    else:
        # --release needs a file that runtimes lack
        compiler = next(jar.path for jar in jars if "compile" in jar.uses)
        command = [str(java.executable), "-XX:TieredStopAtLevel=1", "-jar", compiler, f"-{OLDEST}"]
    # too long for the command line of some systems; relative, so that no character needs care
    (scratch / "class-path").write_text(f"-cp\n{path}\n", "ascii")
    try:
        run = subprocess.run(
            [*command, *options, f"@{scratch / 'class-path'}", *map(str, sources)],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CheckerError(f"the Java compiler could not be run: {error}", where=command[0]) from error
    if run.returncode != 0:
        output = (run.stdout + run.stderr).decode(errors="replace").strip().splitlines()
        raise CheckerError("\n".join(["our own classes did not compile:", *output[-15:]]), where=command[0])


def class_path(program: JavaProgram, jars: Sequence[Jar]) -> str:
    """Return the jars of the program as a class path, relative to their folder."""
    return os.pathsep.join(jar.path for jar in jars if program.name in jar.uses)


def _pack(program: JavaProgram, classes: Path, jar: Path) -> None:
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(classes.rglob("*.class")):
            archive.write(file, file.relative_to(classes).as_posix())
        for settings in program.sources.glob(_SETTINGS):
            archive.write(settings, settings.name)
