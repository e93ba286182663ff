"""The options of a load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_case.load.survey.jobs import MERGE
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from fhir_case.load.plan.entry import Ids
    from fhir_case.server.quirks import Caps

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """
    How inputs are loaded.

    Args:
        fhir: The release of FHIR in which they are written.
        ids: Whether ids of the inputs are kept, or the server assigns its own to all that has an identifier.
        as_is: Whether each transaction and batch is sent exactly as it came.
        as_resource: Whether each Bundle is stored as a resource, whatever its type, in place of what is in it.
        caps: Limits that count instead of those that are known of the server.
        merge: Up to which size small transactions are merged.
        concurrency: How many transactions are in flight at once; 0 for the default, fewer under overload.
        isolate: Whether to send the rest of a Bundle without the entries that the server refuses.
        whole: Whether to store each document as a whole where the server takes it at once, also where it does not ask
            for that; the first transaction that is not stored then ends the load.
        keep_going: Whether to send the rest when some documents cannot be loaded.
        check_references: Whether to ask the server for the targets of references that are not in the inputs;
            otherwise a warning names them.
        allow_dangling: Whether to send references to what is neither in the inputs nor on the server.
        placeholders: Whether the server makes placeholders for these.
        resend_missing: Whether to send again what an earlier run stored and the server does not have any more.
        real_patient_data: Whether a server that is not this machine may have what is not labelled as test data.
        other_release: Whether to send also what is written in another release of FHIR than the server speaks.
        gzip: Whether large bodies go compressed to a server that is not this machine.
        policy: How often and how long to retry.
    """

    fhir: str = "R4"
    ids: Ids = "given"
    as_is: bool = False
    as_resource: bool = False
    caps: Caps | None = None
    merge: Caps = MERGE
    concurrency: int = 0
    isolate: bool = False
    whole: bool = False
    keep_going: bool = False
    check_references: bool = True
    allow_dangling: bool = False
    placeholders: bool = False
    resend_missing: bool = False
    real_patient_data: bool = False
    other_release: bool = False
    gzip: bool = True
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    def to_dict(self) -> dict[str, Any]:
        """Return what decides which requests are sent."""
        return {
            "ids": self.ids,
            "as_is": self.as_is,
            "as_resource": self.as_resource,
            "merge": self.merge.entries,
            "caps": str(self.caps or ""),
        }
