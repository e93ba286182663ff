"""Read all inputs once before anything is sent: find what cannot be loaded, and in which order the rest has to go."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote
from zlib import crc32

from fhir_case.errors import BundleError, FhirCaseError
from fhir_case.fhir import wire
from fhir_case.fhir.identifiers import identifiers_of
from fhir_case.fhir.references import pointers_of_text, references_in, unversioned
from fhir_case.load.plan.cycles import waves
from fhir_case.load.plan.given import given_entries
from fhir_case.load.plan.plan import Plan, left_references_concern, planned
from fhir_case.load.plan.transaction import Transaction
from fhir_case.load.plan.unresolved import SIGN
from fhir_case.server.guard import is_test_data, refuse_real_data
from fhir_case.server.quirks import Caps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import Ids, PlannedEntry
    from fhir_case.load.plan.given import Given
    from fhir_case.load.survey.index import Index
    from fhir_case.server.capabilities import Capabilities

__all__ = ["Problem", "Rules", "Survey", "plan_document", "survey", "unanswered"]

_AT_ONCE = Caps(entries=1000)  # of what nobody asked to be stored as a whole
_NAMED = 3
_KEPT_BYTES = 16_000_000  # of JSON, which as plans are some 150 MB in memory
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Say how documents become transactions.

    Args:
        capabilities: What the server can do.
        caps: What it takes at most.
        ids: Whether ids that were given are kept, or the server gives its own.
        as_is: Whether each transaction and batch is sent exactly as it came.
        server: The base URL; empty where any data may go there.
        real_patient_data: Whether the user says that what is not labelled as test data may go there.
        leaves_references: Whether the server is known to leave references inside the extensions of primitive values.
    """

    capabilities: Capabilities
    caps: Caps
    ids: Ids = "given"
    as_is: bool = False
    server: str = ""
    real_patient_data: bool = False
    leaves_references: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document cannot be loaded."""

    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}{f'; {self.hint}' if self.hint else ''}"


class Concern:
    """Count what the user should know, and name the first three."""

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []

    def note(self, *names: str) -> None:
        """Add names; what was counted before stays named."""
        self.count += len(names)
        self.names += names[: max(0, _NAMED - len(self.names))]

    def __str__(self) -> str:
        more = self.count - len(self.names)
        return ", ".join(self.names) + (f" and {more:,} more" if more else "")


class Kept(NamedTuple):
    """The plan of a document that need not be read again, with its name and the number of its bytes."""

    name: str
    size: int
    plan: Plan


@dataclass(slots=True)
class Survey:
    """
    What is in the inputs.

    Args:
        resources: How many resources there are.
        wave: For each document, by its number, the wave in which it is sent.
        circle: For documents that refer to each other in a circle: the number of the circle, by that of the document.
        left_out: The numbers of the documents that cannot be loaded.
        problems: The first hundred of them, and why.
        crossing: Whether documents refer to each other.
        files: For each file the number of its first document, and that of the first one after it.
        concerns: What the user should know.
        kinds: How many resources of each type there are.
        counts: How many resources each document has.
        plans: For small inputs the plan of each document, by its number, so that they need not be read again. None
            when the inputs are larger, which keeps memory flat.
    """

    resources: int = 0
    wave: array[int] = field(default_factory=lambda: array("I"))
    circle: dict[int, int] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    crossing: bool = False
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    concerns: dict[str, Concern] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    counts: array[int] = field(default_factory=lambda: array("I"))
    plans: dict[int, Kept] | None = field(default_factory=dict)
    _kept_bytes: int = 0

    def keep(self, number: int, document: Document, plan: Plan) -> None:
        """Keep the plan of a document, unless all are too much to be kept."""
        if self.plans is not None:
            self._kept_bytes += len(document.raw) or _KEPT_BYTES
            self.plans[number] = Kept(document.name, len(document.raw), plan)
            if self._kept_bytes > _KEPT_BYTES:
                self.plans = None

    @property
    def waves(self) -> int:
        """Return how many waves there are."""
        return max(self.wave, default=0) + 1

    def refuse(self, number: int, problem: Problem) -> None:
        """Note that a document cannot be loaded."""
        self.left_out.add(number)
        if number < len(self.counts):
            self.resources -= self.counts[number]
        if len(self.problems) < _LISTED:
            self.problems.append(problem)

    def concern(self, words: str, *names: str) -> None:
        """Note what the user should know."""
        if names:
            self.concerns.setdefault(words, Concern()).note(*names)

    def name_of(self, number: int) -> str:
        """Return a document by the name of its file, with its place there when there are several."""
        for name, (first, end) in self.files.items():
            if first <= number < end:
                return name if end - first == 1 else f"{name}: document {number - first + 1}"
        return str(number)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the user should know, in words."""
        return tuple(f"{words}: {names}" for words, names in self.concerns.items())


def survey(files: Iterable[tuple[str, Iterable[Document]]], index: Index, rules: Rules) -> Survey:
    """
    Read all documents, note their names and references in an index, and find the order of sending.

    Args:
        files: The name of each file, and its documents, in order.
        index: An index of its own, which is filled.
        rules: How documents become transactions.
    """
    found = Survey()
    count = 0
    for name, documents in files:
        first = count
        for document in documents:
            before = found.resources
            _look_at(count, document, found, index, rules)
            found.counts.append(found.resources - before)
            count += 1
        found.files[name] = (first, count)
    found.wave, circles = waves(count, index.crossing())
    found.circle = {member: number for number, circle in enumerate(circles) for member in circle}
    found.crossing = found.waves > 1 or bool(circles)
    return found


def _look_at(number: int, document: Document, found: Survey, index: Index, rules: Rules) -> None:
    errors = [issue for issue in document.issues if issue.severity == "error"]
    if document.content is None or errors:
        message = errors[0].message if errors else document.unread or "this is no FHIR resource"
        found.refuse(number, Problem(document.name, message))
        return
    if not isinstance(document.content.get("resourceType"), str):
        found.refuse(number, Problem(document.name, "this is no FHIR resource: it has no resourceType"))
        return
    try:
        given, remarks = given_entries(document.content, source=document.name)
        _guard(given, rules)
        plan = plan_document(document, given, rules)
        _check_writable(plan)
        named = list(_named(plan.entries, digests=not rules.as_is))
    except FhirCaseError as error:
        where = f"{document.name}: {error.where}" if error.where else document.name
        found.refuse(number, Problem(where, error.message, error.hint))
        return
    entries = plan.entries
    names = {name for entry in entries for name in entry.names}
    clashes = index.add_names(number, named)
    if clashes:
        name, _ = clashes[0]
        found.refuse(
            number,
            Problem(document.name, f"{name} is in an earlier document with other content",
                    "only one of the two can be stored under that id; leave one out, or send both with --as-is"),
        )  # fmt: skip
        return
    _note_concerns(document, remarks, plan, found, rules)
    index.add_needs(number, _needs(plan, names))
    found.keep(number, document, plan)
    found.resources += len(entries)
    found.kinds.update(entry.given.type for entry in entries)


def _needs(plan: Plan, names: set[str]) -> set[str]:
    """Return what other documents, or the server, have to answer: ``Type/id``, ``urn:…``, ``Type?identifier=…``."""
    pointers = plan.transactions[0].pointers
    found = (
        pointers.references
        if pointers
        else {text for entry in plan.entries for text in references_in(entry.given.resource)}
    )
    needs = set()
    for reference in found - names:
        kind, conditional, query = reference.partition("?")
        if conditional:
            needs.add(f"{kind}?{unquote(query)}")
        elif not reference.startswith("#") and unversioned(reference) not in names:
            needs.add(unversioned(reference))
    return needs


def _guard(given: Sequence[Given], rules: Rules) -> None:
    for each in given if rules.server else ():
        if each.request.get("method") != "DELETE" and not is_test_data(each.resource):
            refuse_real_data(rules.server, each.name, allowed=rules.real_patient_data)


def _check_writable(plan: Plan) -> None:
    """
    Refuse now what could not be written when it is sent; what is sent as it came need not be written.

    Raises:
        BundleError: A resource cannot be written.
    """
    for entry in plan.entries if not plan.transactions[0].raw else ():
        try:
            wire.dump(entry.given.resource)
        except TypeError as error:
            raise BundleError(f"it cannot be written as JSON: {error}", where=entry.given.name) from error


def _named(entries: Iterable[PlannedEntry], *, digests: bool) -> Iterator[tuple[str, bytes]]:
    """Return each name, and a digest of what is sent to a place that we choose."""
    for entry in entries:
        if entry.deletes:
            continue
        if entry.given.id:
            yield entry.given.name, _digest(entry.given.resource) if digests and entry.by_id else b""
        if entry.given.full_url:
            yield entry.given.full_url, b""
        for token in identifiers_of(entry.given.resource):
            yield f"{entry.given.type}?identifier={token}", b""


def _digest(resource: Resource) -> bytes:
    return crc32(wire.dump(resource, sort=True)).to_bytes(4)


def plan_document(document: Document, given: Sequence[Given], rules: Rules) -> Plan:
    """
    Return the transactions for some entries of one document.

    Raises:
        BundleError: They clash, or do not fit the server.
    """
    content = document.content or {}
    kind = content.get("type") if content.get("resourceType") == "Bundle" else ""
    pointers = pointers_of_text(document.raw)
    if rules.as_is and kind in ("transaction", "batch"):
        entries = planned(given, rules.capabilities, caps=Caps(), ids=rules.ids, deletions=True).entries
        raw = document.raw or wire.dump(content)
        return Plan(((Transaction(entries, raw=raw, type=str(kind), pointers=pointers),),))
    caps = rules.caps if kind == "transaction" else rules.caps.within(_AT_ONCE)
    return planned(given, rules.capabilities, caps=caps, ids=rules.ids, pointers=pointers)


def _note_concerns(document: Document, remarks: Iterable[str], plan: Plan, found: Survey, rules: Rules) -> None:
    for remark in remarks if not plan.transactions[0].raw else ():  # they are about what is sent otherwise
        found.concern(remark, document.name)
    found.concern(
        "loading twice will duplicate what has no condition",
        *(entry.given.name for entry in plan.entries if not entry.repeatable),
    )
    found.concern(
        "the server does not list these types",
        *dict.fromkeys(
            entry.given.type
            for entry in plan.entries
            if not rules.capabilities.lists(entry.given.type) and entry.given.type not in found.kinds
        ),
    )
    if not document.raw or SIGN in document.raw:
        words, left = left_references_concern(plan, certain=rules.leaves_references)
        found.concern(words, *(entry.given.name for entry in left))
    if len(plan.transactions) > 1 and (document.content or {}).get("type") == "transaction":
        found.concern(f"not all or nothing, since the server takes {rules.caps} at once", document.name)


def unanswered(index: Index, most: int | None = None) -> Iterator[str]:
    """Return the references that no document answers, and that name no other server, up to a number."""
    # What names another server is not ours, and what asks for a search is for the server to answer.
    names = (name for name, _ in index.unanswered() if "://" not in name and "?" not in name)
    return islice(names, most)
