"""Assert that what is stored is what was sent, with each difference in the message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fhir_case.testing.loading import Loaded

__all__ = ["assert_same_resource"]


def assert_same_resource(
    sent: object,
    stored: object,
    *,
    ignore: str | Collection[str] = (),
    places: Mapping[str, str] | Loaded | None = None,
    base_url: str = "",
    strict: bool = False,
) -> None:
    """
    Assert that a resource, or each resource of a Bundle, is stored as it was sent.

    What a server may add (``meta.versionId``, a generated narrative) or write in another way (its own id, an instant in
    another time zone, a reference to where it stored the resource) is not a failure. Decimals are compared with their
    digits, unless one side has floats, as ``response.json()`` returns them; pass ``response.content`` instead.

    Of a Bundle each resource is looked for in the other Bundle, by its place, its id or its identifiers;
    further resources in the other are not a failure.

    Args:
        sent: A dict, JSON as text or bytes, or a model of fhir.resources.
        stored: The same.
        ignore: Elements that may differ, with all below them: ``meta.tag``, ``Observation.component.valueQuantity``
            (of every component) or ``component[0].valueQuantity``.
        places: For a reference, or a fullUrl, ``Type/id`` on the server; or what ``load`` returned.
        base_url: The base URL of the server, with which it may make references absolute.
        strict: Whether what a server added or rewrote is a failure too, and a resource that was not sent.

    Raises:
        AssertionError: They differ; the message has path and both values of each difference.
        BundleError: One of the two is not a resource.

    Source: https://hl7.org/fhir/R4/http.html#update (what a server may change)
    """
    __tracebackhide__ = True
    from fhir_case.errors import FhirCaseError
    from fhir_case.testing.differences import describe_differences
    from fhir_case.testing.loading import Loaded
    from fhir_case.testing.shown import shown

    if isinstance(places, Loaded):
        base_url, places = base_url or places.server, places.places
    try:
        differences = describe_differences(
            sent,
            stored,
            ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
            places=places or {},
            base_url=base_url.rstrip("/"),
            strict=strict,
        )
    except FhirCaseError as error:
        raise error.with_traceback(None) from None  # the reader wants the line of the test, not ours
    if differences:
        raise AssertionError(shown(differences))
