"""Refuse what must not be sent, or could not be, before anything is."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.fhir.releases import family, sign_of_other_release
from fhir_case.load.plan.plan import is_sent_as_it_came
from fhir_case.server.guard import is_test_data, refuse_foreign_condition, refuse_unlabelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_case.documents import Document
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.load.plan.plan import Plan, Rules

__all__ = ["check_release", "check_text", "check_writable", "entry_place", "guard"]

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # perhaps half of a surrogate pair


def entry_place(entry: BundleEntry) -> str:
    """Return an entry as messages name it."""
    return (
        entry.name
        if entry.alone or entry.name.startswith("Bundle.")
        else f"Bundle.entry[{entry.position}] ({entry.name})"
    )


def check_release(originals: Iterable[BundleEntry], rules: Rules) -> None:
    """
    Refuse what is written in another release of FHIR than the server speaks: it would refuse all of the request.

    Raises:
        BundleError: Something in it is of another release for certain.
    """
    for each in originals if rules.release else ():
        sign = sign_of_other_release(each.resource, rules.release)
        if sign is not None:
            speaks = f"{rules.release} ({rules.capabilities.fhir_version})"
            raise BundleError(
                f"{sign.path} {sign.reason}: it is written in {sign.release}, and the server speaks {speaks}",
                where=entry_place(each),
                hint=f"choose a server that speaks {sign.release}, or convert it to {rules.release} (a case file: "
                f"--fhir {family(rules.release)}); --other-release (other_release=True) sends it as it is",
            )


def guard(document: Document, originals: Sequence[BundleEntry], rules: Rules) -> None:
    """
    Refuse what the server must not have: of what is sent as it came all is judged, else each resource and request.

    Raises:
        BundleError: Something in it is not labelled as test data.
    """
    if not rules.server:
        return
    if is_sent_as_it_came(document, rules):
        refuse_unlabelled(rules.server, document.content, allowed=rules.real_patient_data)
        _guard_conditions(originals, rules)
        return
    whole = any((each.resource or {}).get("resourceType") == "Bundle" for each in originals)  # stored as a resource
    alone = not whole and _has_no_inner_resource(document, len(originals))
    for each in originals:
        if not (alone and is_test_data(each.resource)) and each.request.get("method") != "DELETE":
            refuse_unlabelled(rules.server, each.resource, path=each.name, allowed=rules.real_patient_data)
        if each.request:
            refuse_unlabelled(
                rules.server,
                each.request,
                path=f"Bundle.entry[{each.position}].request",
                allowed=rules.real_patient_data,
            )
    _guard_conditions(originals, rules)


def _guard_conditions(originals: Sequence[BundleEntry], rules: Rules) -> None:
    for each in originals:
        if each.request:
            path = f"Bundle.entry[{each.position}].request"
            refuse_foreign_condition(
                rules.server, each.request, each.resource, path=path, allowed=rules.real_patient_data
            )


def _has_no_inner_resource(document: Document, entries: int) -> bool:
    """
    Whether a document surely has no other resources than its entries, as its bytes say.

    What Parameters and nested Bundles hold counts also without a type, so that their elements must not be there either.
    """
    raw, around = document.raw, (document.content or {}).get("resourceType") == "Bundle"
    return (
        bool(raw)
        and b"\\u" not in raw
        and raw.count(b'"resourceType"') == entries + around
        and raw.count(b'"resource"') <= entries * around
        and b'"outcome"' not in raw
    )


def check_text(document: Document) -> None:
    """
    Refuse a text that is not Unicode: neither the database nor the journal nor a URL can have it.

    Raises:
        BundleError: There is half a surrogate pair in it.
    """
    if document.raw and not _HALF.search(document.raw):
        return
    try:
        json.dumps(document.content, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise BundleError(f"a text is not valid Unicode: half a surrogate pair, \\u{code:04x}") from None


def check_writable(plan: Plan) -> None:
    """
    Refuse now what could not be written when it is sent; what is sent as it came need not be written.

    Raises:
        BundleError: A resource cannot be written.
    """
    if plan.transactions[0].raw:
        return
    with suppress(TypeError):
        wire.dump([entry.original.resource for entry in plan.entries])
        return
    for entry in plan.entries:  # which of them it is
        try:
            wire.dump(entry.original.resource)
        except TypeError as error:
            raise BundleError(f"it cannot be written as JSON: {error}", where=entry.original.name) from error
