"""How a server behaves: the faults planted into it, the capabilities that it honestly lacks, and its quirks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .kinds import NAMES
from .quirks import QUIRKS

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["FAULTS", "FEATURES", "Behaviour"]

FAULTS = {
    "drops-element": "stores coded elements without their words, CodeableConcept.text",
    "drops-extension": "stores no extension, also none of a simple value",
    "drops-note": "stores no note",
    "drops-tag": "stores no meta.tag",
    "drops-label-display": "stores the labels of meta.security without their display",
    "adds-language": "stores a language with each resource",
    "drops-unknown-silently": "accepts elements that FHIR does not have, and drops them",
    "rewrites-code": "stores another code in the first coding of the element code",
    "rounds-decimals": "stores 15.0 as 15, and 1.10 as 1.1",
    "cuts-seconds": "stores 10:15:30 as 10:15:00",
    "drops-time-zone": "stores times without their zone",
    "cuts-dates": "stores 2018-03 as 2018-03-01",
    "cuts-long-strings": "stores the first 4000 characters of a text",
    "mangles-unicode": "stores a question mark for what is not ASCII",
    "answers-200-to-everything": "answers 200 with what was sent or with no match, and stores nothing",
    "loses-one-of-a-hundred": "answers 201 to each hundredth new resource, and does not store it",
    "breaks-atomicity": "keeps of a transaction that fails the entries before the one that fails",
    "keeps-urn-references": "stores the placeholders of a transaction in place of the references",
    "keeps-conditional-references": "stores the searches of a transaction in place of the references",
    "keeps-unresolved-placeholders": "stores a placeholder that stands for no entry as it came",
    "stores-unknown-types": "stores in transactions resources of types that FHIR does not have",
    "judges-conditions-before": "looks for the match of ifNoneExist among what was there before the transaction",
    "races-on-conditional-create": "creates one for each of several conditional creates that come at the same time",
    "ignores-if-none-exist": "creates with the header If-None-Exist as without",
    "duplicates-on-conditional-create": "creates with ifNoneExist in a Bundle as without",
    "ignores-if-match": "updates with a stale If-Match",
    "accepts-any-id": "lets clients choose ids that are too long, or have characters that ids have not",
    "refuses-long-ids": "lets no client choose an id of more than 36 characters",
    "breaks-on-long-strings": "answers 500 to a resource with a string of more than 500 characters that is searched by",
    "head-is-404": "answers HEAD as if nothing were there",
    "ignores-format": "answers as Accept says, whatever _format says",
    "refuses-fhir-version": "answers 406 to an Accept that names fhirVersion",
    "refuses-gzip": "answers 415 to a body that is compressed with gzip",
    "answers-json-for-xml": "answers JSON also where XML is asked for",
    "reads-first-of-xml": "reads of repeated elements in XML only the first",
    "binary-never-raw": "returns a Binary as a resource also where its content is asked for",
    "binary-always-raw": "returns the content of a Binary also where the resource is asked for",
    "cuts-bundles": "stores of a Bundle the first entry only",
    "unpacks-bundles": "stores the resources of a stored Bundle also one by one",
    "drops-periods": "stores no effectivePeriod",
    "search-misses-periods": "finds by date no resource that has a period",
    "no-etag": "gives no ETag",
    "wrong-etag": "gives the ETag of the first version for every version",
    "repeats-a-page": "begins each further page with the last match of the one before",
    "skips-on-paging": "leaves one match out between two pages",
    "endless-pages": "gives, where there is more than one page, a next page for ever, from the first one on again",
    "wrong-total": "gives a total that is one too high",
    "ignores-date-prefix": "searches dates as if every prefix were eq",
    "ignores-unknown-parameter-silently-strict": "ignores unknown parameters also under Prefer: handling=strict",
    "search-ignores-code": "finds everything whatever code is searched, and says that it searched it",
    "include-missing": "includes nothing for _include",
    "revinclude-missing": "includes nothing for _revinclude",
    "includes-too-much": "includes for _include what any element of the matches refers to",
    "revincludes-too-much": "includes for _revinclude what refers to the matches by any element",
    "self-link-names-ignored": "names in the link to itself also the parameters that it ignores",
    "chained-ignored": "finds everything for a chained parameter, and says that it searched it",
    "read-after-delete-200": "still gives what was deleted when it is read",
    "history-misses-version": "leaves the first version out of a history of several",
    "patch-ignored": "answers 200 to a patch, and changes nothing",
    "validate-finds-nothing": "finds nothing wrong with any resource",
    "everything-incomplete": "leaves the last resource out of $everything",
    "batch-stops-at-first-error": "carries nothing of a batch out after an entry that fails",
    "claims-too-much": "claims $everything, PATCH and history, and has none of them",
    "large-bundle-refused": "refuses Bundles of more than 50 entries, and does not say so in its CapabilityStatement",
}
"""Each fault with what it does."""

FEATURES = {
    "batch": "batches",
    "chained": "chained search parameters",
    "composite": "composite search parameters",
    "conditional-create": "If-None-Exist and ifNoneExist",
    "conditional-delete": "DELETE with a query",
    "conditional-update": "PUT and PATCH with a query",
    "delete": "DELETE",
    "everything": "the operation $everything",
    "history": "the history of a resource",
    "include": "_include",
    "patch": "PATCH",
    "revinclude": "_revinclude",
    "transaction": "transactions",
    "update-create": "PUT of what is not there",
    "validate": "the operation $validate",
    "versioned-update": "If-Match",
    "vread": "reading a version",
    "xml": "resources as XML",
}
"""Each capability that can be taken away; ``search-NAME`` takes away the search parameter of that name."""

_CLAIMED_TOO_MUCH = frozenset({"everything", "patch", "history"})
_ON_TOP_OF = {"conditional-delete": ("delete",), "conditional-patch": ("conditional-update", "patch")}


@dataclass(slots=True)
class Behaviour:
    """
    What is wrong with a server, what it honestly does not have, and what it has a way of its own with.

    Args:
        faults: Names in `FAULTS`.
        without: Names in `FEATURES`, and ``search-NAME``.
        quirks: Names in `QUIRKS`; they may change while the server runs.
        software: What the server calls itself; empty when it does not say.
        fhir_version: The release that it says it speaks.

    Raises:
        ValueError: There is no such name.
    """

    faults: Collection[str] = ()
    without: Collection[str] = ()
    quirks: set[str] = field(default_factory=set)
    software: str = "small server"
    fhir_version: str = "4.0.1"

    def __post_init__(self) -> None:
        searches = {f"search-{name}" for name in NAMES}
        for what, unknown, known in (
            ("fault", set(self.faults) - FAULTS.keys(), FAULTS),
            ("quirk", self.quirks - QUIRKS.keys(), QUIRKS),
            ("capability", set(self.without) - FEATURES.keys() - searches, (*FEATURES, "search-NAME")),
        ):
            if unknown:
                raise ValueError(f"no {what} is named {', '.join(sorted(unknown))}; there are {', '.join(known)}")

    def has(self, name: str) -> bool:
        """Whether a fault is planted, or the server has a quirk."""
        return name in self.faults or name in self.quirks

    def claims(self, feature: str) -> bool:
        """Whether the CapabilityStatement has a capability."""
        return not {feature, *_ON_TOP_OF.get(feature, ())} & set(self.without)

    def can(self, feature: str) -> bool:
        """Whether the server has a capability."""
        only_claimed = _CLAIMED_TOO_MUCH if self.has("claims-too-much") else frozenset()
        return self.claims(feature) and not {feature, *_ON_TOP_OF.get(feature, ())} & only_claimed
