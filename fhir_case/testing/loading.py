"""What the fixtures ``case_bundle`` and ``load`` return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError, FhirCaseError, RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import Journal
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.client import Client
    from fhir_case.testing.namespace import FhirNamespace
    from fhir_case.testing.servers import Servers

__all__ = ["CaseBundle", "Load", "Loaded"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    What was loaded, and where it is.

    A name, such as ``Observation/afp``, is that of the Bundle, with or without the namespace before the id.

    Args:
        server: The base URL.
        journal: What became of every resource.
        places: For every name and fullUrl of the Bundle, ``Type/id`` on the server.
    """

    server: str
    journal: Journal
    places: Mapping[str, str]
    _sent: Mapping[str, Resource] = field(repr=False)
    _namespace: str = field(repr=False)
    _client: Client = field(repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return ``Type/id`` on the server of every resource, in the order of sending."""
        return tuple(entry.stored_as for entry in self.journal.entries)

    def place(self, name: str) -> str:
        """
        Return ``Type/id`` on the server of a resource.

        Raises:
            FhirCaseError: The Bundle has no such resource.
        """
        return self.places[self._full_name(name)]

    def sent(self, name: str) -> Resource:
        """
        Return a resource as it was sent.

        Raises:
            FhirCaseError: The Bundle has no such resource.
        """
        return self._sent[self._full_name(name)]

    def read(self, name: str) -> Resource:
        """
        Read a resource from the server; its decimals keep their digits.

        Raises:
            FhirCaseError: The Bundle has no such resource.
            RejectedError: The server does not return it; the status is 404 or 410 where it is gone.
            ServerError: The server was not reached.
        """
        __tracebackhide__ = True
        place = self.place(name)
        try:
            return self._client.read(*place.split("/", 1))
        except FhirCaseError as error:
            raise error.with_traceback(None) from None

    def _full_name(self, name: str) -> str:
        kind, _, key = name.partition("/")
        for each in (name, f"{kind}/{self._namespace}-{key}"):
            if each in self.places:
                return each
        from fhir_case.wording import did_you_mean

        names = [each.replace(f"/{self._namespace}-", "/") for each in self._sent]
        near = did_you_mean(name.replace(f"/{self._namespace}-", "/"), names)
        raise FhirCaseError(f"no {name} was loaded", hint=near or ", ".join(names[:10]))


@dataclass(frozen=True, slots=True)
class Load:
    """Load into a server what is removed after the test; the fixture ``load``."""

    _servers: Servers = field(repr=False)
    _namespace: FhirNamespace
    _server: Callable[[], str] = field(repr=False)

    def __call__(self, bundle: object, server: str | None = None) -> Loaded:
        """
        Load a Bundle, or one resource, and see to it that all of it is stored.

        Args:
            bundle: A dict, JSON as text or bytes, or a model of fhir.resources, in the release of the server.
            server: The base URL; by default that of ``hapi_r5`` where the test has this fixture and not ``hapi_r4``,
                else that of ``hapi_r4``.

        Raises:
            BundleError: It cannot be loaded, or is not labelled as test data and the server is not this machine.
            RejectedError: The server refused.
            ServerError: The server was not reached.
        """
        __tracebackhide__ = True
        from fhir_case.testing.resource import resource_of

        try:
            return self._load(resource_of(bundle), server or self._server())
        except FhirCaseError as error:
            raise error.with_traceback(None) from None  # the reader wants the line of the test, not ours

    def _load(self, bundle: Resource, server: str) -> Loaded:
        from fhir_case.load.run.bundle import BundleLoad

        client, release = self._servers.client(server), self._servers.release(server)
        capabilities = self._servers.capabilities(server)
        created = self._namespace.notes.created
        with BundleLoad(
            bundle,
            lambda: client,
            fhir=release,
            capabilities=capabilities,
            close_clients=False,
            real_patient_data=True,  # the guard below is stricter
        ) as loading:
            planned = loading.planned
            _guard(planned, client.base_url)
            try:
                journal = loading.upload()
            except FhirCaseError:
                ours = [each.original.name for each in planned if each.original.id.startswith(f"{self._namespace}-")]
                created |= {(client.base_url, name): None for name in ours}  # which of them are stored is unknown
                raise
        stored = [entry for entry in journal.entries if entry.state == "created" and entry.stored_as]
        created |= {(client.base_url, entry.stored_as): None for entry in stored}
        if not journal.ok:
            failed = [f"{entry.resource}: {entry.reason}" for entry in journal.entries if not entry.ok]
            of = f"{len(failed)} of {len(journal.entries)} resources"
            raise RejectedError(
                f"{of} are not stored as they should be: {'; '.join(failed[:5])}",
                where=client.base_url,
            )
        planned_at = {each.original.position: each for each in planned}
        places: dict[str, str] = {}
        for entry in journal.entries:
            places |= dict.fromkeys((entry.resource, *planned_at[entry.position].names), entry.stored_as)
        sent = {each.resource: planned_at[each.position].original.resource for each in journal.entries}
        return Loaded(client.base_url, journal, places, sent, self._namespace.name, client)


def _guard(planned: Iterable[PlannedEntry], base_url: str) -> None:
    """Refuse to send to another machine what does not say that it is test data: tests have no other."""
    from fhir_case.server.guard import refuse_foreign_condition, refuse_unlabelled

    for entry in planned:
        original = entry.original
        try:
            refuse_unlabelled(base_url, original.resource, path=original.name, allowed=False)
            refuse_foreign_condition(
                base_url, original.request, original.resource, path=f"{original.name}: request", allowed=False
            )
        except BundleError as error:
            hint, _, _ = error.hint.partition("; where the server may")
            raise BundleError(error.message, where=error.where, hint=hint) from None


@dataclass(frozen=True, slots=True)
class CaseBundle:
    """Build the Bundle of a case with ids of the test's own; the fixture ``case_bundle``."""

    _namespace: FhirNamespace
    _release: Callable[[], FhirVersion] = field(repr=False)

    def __call__(self, case: str | Path, *, fhir: FhirVersion | None = None, **options: Any) -> Resource:
        """
        Build a Bundle.

        Args:
            case: The name of a shipped case, for example ``hcc-tare-sorafenib``, or the path of a case file.
            fhir: The release; by default R5 where the test has the fixture ``hapi_r5`` and not ``hapi_r4``, else R4.
            options: Further arguments of `build_bundle`, such as ``index_date``.

        Raises:
            CaseError: There is no such case, or its file is wrong.
            MappingError: A mapping failed, or gave no valid resource.
        """
        __tracebackhide__ = True
        from fhir_case.bundle import build_bundle
        from fhir_case.readers import load_case

        arguments: dict[str, Any] = {"namespace": self._namespace.name, **options}
        try:
            return build_bundle(load_case(case), fhir=fhir or self._release(), **arguments)
        except FhirCaseError as error:
            raise error.with_traceback(None) from None
