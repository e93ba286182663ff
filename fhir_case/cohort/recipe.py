"""What a cohort is made of: everything that decides its bytes."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fhir_case.bounded import read_bounded
from fhir_case.case.reading import varied_case_of
from fhir_case.case.shipped import shipped_case_names, shipped_case_text, shipped_variation
from fhir_case.case.text import decode, read_bytes
from fhir_case.case.tree import read_tree
from fhir_case.case.variation.draws import uniform_numbers
from fhir_case.mapping.cases import load_case, model_of_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.variation.draws import Corner
    from fhir_case.case.variation.varied import VariedCase
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource

__all__ = [
    "BESIDE",
    "LAYOUTS",
    "Layout",
    "Recipe",
    "Source",
    "checked",
    "checked_corner",
    "codes_of",
    "patient_bundle",
    "patient_case",
    "source_of",
    "varied_case",
]

Layout = Literal["bulk", "transactions"]

LAYOUTS: tuple[Layout, ...] = ("bulk", "transactions")
"""Files by type as a Bulk Data export has them, or one transaction a patient."""

_MOST_BYTES = 20_000_000

BESIDE = ".vary.yaml"
"""How the name of a file ends that declares beside a case what varies of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    The text of a case file, and of a file beside it that declares what varies.

    Args:
        text: Of the case file.
        file: Its name, for messages.
        beside: Of the other file; nothing where there is none.
        beside_file: Its name.
    """

    text: bytes
    file: str
    beside: bytes = b""
    beside_file: str = ""


def source_of(case: str, beside: Path | None = None) -> Source:
    """
    Return the source of a shipped case or of a case file.

    Args:
        case: The name of a shipped case, or a path.
        beside: A file that declares what varies; when absent, that beside the case: ``NAME.vary.yaml``.

    Raises:
        CaseError: There is no such case, or a file cannot be read.
    """
    shipped = case in shipped_case_names()
    if not shipped and not Path(case).exists():
        load_case(case)  # says what it may have been meant for
    text, file = (shipped_case_text(case), f"{case}.yaml") if shipped else (read_bytes(Path(case)), case)
    if beside is None and shipped:
        declared = shipped_variation(case)
        return Source(text, file, declared, f"{case}{BESIDE}" if declared else "")
    if beside is None:
        found = Path(case).with_suffix(BESIDE)
        beside = found if found.is_file() else None
    return Source(text, file, read_bytes(beside), str(beside)) if beside is not None else Source(text, file)


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    What a cohort is made of.

    Args:
        source: The case.
        patients: How many.
        seed: What all chance starts from.
        namespace: The begin of all ids, before the number of the patient; empty for the id of the case.
        layout: How the files are organized.
        fhir: The release of FHIR.
        profiles: ``mcode`` or ``none``.
        narratives: Whether each resource has a text for people.
        defects: How many of all patients have a planted defect, from 0 to 1.
        shard_size: How many patients are in one shard; 0 for a number that fits the patients.
        mapping_files: Python files with further mappings.
        code_files: Files with further codes.
    """

    source: Source
    patients: int
    seed: int = 1
    namespace: str = ""
    layout: Layout = "bulk"
    fhir: FhirVersion = "R4"
    profiles: Literal["mcode", "none"] = "mcode"
    narratives: bool = True
    defects: Decimal = Decimal(0)
    shard_size: int = 0
    mapping_files: tuple[Path, ...] = ()
    code_files: tuple[Path, ...] = ()

    @property
    def size(self) -> int:
        """Return how many patients are in one shard; it depends on nothing that another machine has otherwise."""
        return self.shard_size or min(1000, max(50, -(-self.patients // 8)))

    @property
    def shards(self) -> int:
        """Return how many shards there are."""
        return -(-self.patients // self.size)

    def numbers(self, shard: int) -> range:
        """Return the numbers of the patients of a shard; they begin with 1."""
        return range(shard * self.size + 1, min((shard + 1) * self.size, self.patients) + 1)

    @property
    def fingerprint(self) -> str:
        """Return what tells two recipes apart, with the versions of what makes patients of them."""
        from fhir_case.mapping import discover

        said = {name: value for name, value in asdict(self).items() if not name.endswith("_files")}
        said |= {"source": (self.source.text, self.source.beside), "shard_size": self.size}
        said["versions"] = sorted({one.origin for one in discover()})
        files = (read_bounded(file, _MOST_BYTES) for file in (*self.mapping_files, *self.code_files))
        said["files"] = [sha256(content).hexdigest() for content in files]
        return sha256(repr(sorted(said.items())).encode()).hexdigest()

    def described(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        from importlib.metadata import version

        from fhir_case.bundle.record import recorded

        said: dict[str, Any] = {
            "case": Path(self.source.file).name,
            "caseSha256": sha256(self.source.text).hexdigest(),
            "patients": self.patients,
            "seed": self.seed,
            "fhirVersion": self.fhir,
            "versions": {"fhir-case": version("fhir-case")},
            "transactionTime": recorded(varied_case(self.source, self.mapping_files).case),
        }
        if self.source.beside:
            said |= {
                "variation": Path(self.source.beside_file).name,
                "variationSha256": sha256(self.source.beside).hexdigest(),
            }
        return said | ({"defectRate": str(self.defects)} if self.defects else {})


@contextmanager
def codes_of(recipe: Recipe) -> Iterator[None]:
    """Use the further codes of a recipe, for all that happens inside."""
    with ExitStack() as stack:
        if recipe.code_files:
            from fhir_case.mapping.own_codes import own_codes

            stack.enter_context(own_codes(recipe.code_files))
        yield


@lru_cache(maxsize=2)
def varied_case(source: Source, mapping_files: tuple[Path, ...]) -> VariedCase:
    """
    Read a case with what varies of it; the same source is read once.

    Raises:
        CaseError: It is wrong, or what is declared is; ``problems`` holds all.
    """
    tree = read_tree(decode(source.text, source.file), source.file)
    beside = read_tree(decode(source.beside, source.beside_file), source.beside_file) if source.beside else None
    return varied_case_of(tree, model_of_cases(mapping_files), beside)


def patient_case(recipe: Recipe, number: int) -> Case:
    """Return the case of one patient of a recipe."""
    varied = varied_case(recipe.source, recipe.mapping_files)
    return varied.patient(number, uniform_numbers(recipe.seed, number))


def patient_bundle(recipe: Recipe, number: int) -> Resource:
    """
    Return the transaction of one patient, checked by every check of our own that is about what is in it.

    Raises:
        BundleError: An error was found.
    """
    return _bundle(recipe, patient_case(recipe, number), number, f"patient {number}")


def checked_corner(recipe: Recipe, corner: Corner) -> None:
    """
    Check the patient at an end of what is declared, before any is made.

    Raises:
        BundleError: Such a patient is not valid.
    """
    varied = varied_case(recipe.source, recipe.mapping_files)
    _bundle(recipe, varied.patient(0, corner.uniform), 0, corner.words)


def _bundle(recipe: Recipe, case: Case, number: int, name: str) -> Resource:
    from fhir_case.bundle import build_bundle

    own = recipe.namespace or varied_case(recipe.source, recipe.mapping_files).case.case
    bundle = build_bundle(
        case,
        namespace=f"{own}-{number}",
        profiles=recipe.profiles,
        narratives=recipe.narratives,
        fhir=recipe.fhir,
        mapping_files=recipe.mapping_files,
    )
    return checked(bundle, recipe.fhir, name)


def checked(bundle: Resource, fhir: FhirVersion, name: str) -> Resource:
    """
    Return a Bundle in which the strict schema and all rules find no error.

    Args:
        name: What it is of, for messages.

    Raises:
        BundleError: They find one.
    """
    from fhir_case.errors import BundleError
    from fhir_case.validation import validate

    result = validate(bundle, fhir=fhir, closed=True, skip=("structure",))
    for issue in result.issues:
        if issue.severity == "error":
            hint = "narrow what is declared, so that no patient is so"
            raise BundleError(f"{name}: {issue.text} [{issue.check}]", hint=hint)
    return bundle
