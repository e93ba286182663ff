"""``fhir-case build --layout``: many cases into one folder, in the layout of a cohort."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fhir_case.cli.options.building import say_unused
from fhir_case.cli.options.cohorts import layout_json, say_layout
from fhir_case.cli.options.declarations import usage_errors
from fhir_case.cli.options.recipes import recipe_named, say_losses, several_reader
from fhir_case.cli.output import echo_error, echo_json, echo_warning
from fhir_case.errors import CaseError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fhir_case.case import Case
    from fhir_case.cohort.recipe import Layout
    from fhir_case.fhir.wire import Resource
    from fhir_case.readers import CaseRead

__all__ = ["build_layout"]


class _Cases:
    """
    The cases of several inputs, read one at a time; what is wrong with one is said and counted, and the rest goes on.

    Args:
        names: Shipped cases, files, folders of them, recipes.
        mapping_files: Python files with further mappings.
    """

    def __init__(self, names: Sequence[str], mapping_files: tuple[Path, ...]) -> None:
        self._given, self._mapping_files = names, mapping_files
        self._names = list(_inputs(names))
        self._places: dict[str, str] = {}
        self._latest = ""
        self.wrong = 0

    @property
    def made(self) -> int:
        """Return how many cases were read and are right."""
        return len(self._places)

    def __iter__(self) -> Iterator[Case]:
        from fhir_case.bundle.record import recorded

        for name in self._names:
            for read in _read(name, self._mapping_files):
                for one in read.unused:
                    say_unused(one)
                error = read.error
                if read.case is not None and (other := self._places.get(read.case.case)):
                    error = CaseError(
                        f"the id of the case, '{read.case.case}', is that of a case in {other} too",
                        where=name,
                        hint="its resources would have the same ids; give it an id of its own",
                    )
                if error is not None or read.case is None:
                    self.wrong += 1
                    for problem in error.problems if error else ():
                        echo_error(problem)
                    continue
                self._places[read.case.case] = name
                self._latest = max(self._latest, recorded(read.case))
                yield read.case

    def described(self, fhir: str) -> dict[str, Any]:
        """
        Return what a manifest says of them; its time is that of the latest case file.

        Raises:
            CaseError: There is none.
        """
        from importlib.metadata import version

        if not self.made:
            message = "none of the cases is right" if self.wrong else "there is no case"
            raise CaseError(message, where=", ".join(self._given[:3]), hint="nothing was written")
        return {
            "cases": self.made,
            **({"leftOut": self.wrong} if self.wrong else {}),
            "fhirVersion": fhir,
            "versions": {"fhir-case": version("fhir-case")},
            "inputs": [{"name": name, "sha256": checksum} for name in self._names for name, checksum in _digests(name)],
            "transactionTime": self._latest,
        }


def build_layout(
    names: Sequence[str],
    folder: Path,
    build_one: Callable[..., Resource],
    *,
    layout: Layout,
    size: int | None,
    form: str,
    **options: Any,
) -> NoReturn:
    """Write the Bundles of all cases into a folder, say what is in it, and end the command."""
    from fhir_case.cohort.collection import SHARD_SIZE, write_collection
    from fhir_case.report.counts import counted

    cases = _Cases(names, options["mapping_files"])
    manifest = write_collection(
        (build_one(case, of_several=True, **options) for case in cases),
        folder,
        lambda: cases.described(options["fhir"]),
        layout=layout,
        size=size or SHARD_SIZE,
    )
    say_losses()
    if form == "json":
        echo_json(layout_json(folder, manifest, cases.made) | {"wrong": cases.wrong})
    else:
        say_layout(folder, manifest, cases.made)
    if cases.wrong:
        echo_error(f"{counted(cases.wrong, 'case is', 'cases are')} wrong, and not in it.")
    sys.exit(ExitCode.CASE if cases.wrong else ExitCode.DONE)


def _inputs(names: Sequence[str]) -> Iterator[str]:
    """Return each input: a name as it is, the files that a pattern matches, the cases in a folder."""
    from fhir_case.case.shipped import shipped_case_names
    from fhir_case.documents import expand
    from fhir_case.readers import reader_of

    for name in names:
        if name in shipped_case_names() or several_reader(name):
            yield name
            continue
        with usage_errors():
            paths = expand([name]) if any(sign in name for sign in "*?[") else [Path(name)]
        for path in paths:
            if not path.is_dir():
                yield str(path)
                continue
            for file in _files(path):
                if reader_of(file) is None:
                    echo_warning(f"Passed over (no case): {file}")
                else:
                    yield str(file)


def _files(folder: Path) -> Iterator[Path]:
    """Return the files in a folder that are not hidden, and that do not only say what varies of another."""
    from fhir_case.cohort.recipe import BESIDE
    from fhir_case.documents.folders import walk

    for file, is_folder in walk(folder):
        if not is_folder and not file.name.startswith(".") and not file.name.endswith(BESIDE):
            yield file


def _read(name: str, mapping_files: tuple[Path, ...]) -> Iterator[CaseRead]:
    from fhir_case.readers import CaseRead, load_case, read_cases

    several = several_reader(name)
    if several is not None:
        yield from read_cases(recipe_named(name), several, mapping_files=mapping_files)
        return
    try:
        yield CaseRead(load_case(name, mapping_files=mapping_files, unused=say_unused), None)
    except CaseError as error:
        yield CaseRead(None, error)


def _digests(name: str) -> Iterator[tuple[str, str]]:
    """Return the name and the SHA-256 of each file of an input, those that it leads to included."""
    from fhir_case.case.shipped import shipped_case_names, shipped_case_text
    from fhir_case.documents import digest

    if name in shipped_case_names():
        yield f"{name}.yaml", sha256(shipped_case_text(name)).hexdigest()
    elif (path := recipe_named(name)).exists():
        yield from ((file.name, checksum) for file, _, checksum in digest([path]))
