"""Check resources by the operation ``$validate`` of a server, as a second opinion."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError, CheckerError, FhirCaseError, RejectedError
from fhir_case.server.client import Client
from fhir_case.server.guard import refuse_unlabelled
from fhir_case.validation.engine.answers import Answer, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from fhir_case.fhir.models import FhirVersion

__all__ = ["ServerEngine"]


class ServerEngine:
    """
    Check resources by the operation ``$validate`` of a server. Nothing is stored there.

    Args:
        base_url: Returns the base URL of the server when it is first needed, so that it need not run before.
        real_patient_data: Whether another machine may receive what is not labelled as test data.

    Source: https://hl7.org/fhir/R4/resource-operation-validate.html
    """

    name = "profiles-server"
    claimed_only = False

    def __init__(self, base_url: Callable[[], str], *, real_patient_data: bool = False) -> None:
        self._base_url = base_url
        self._real_patient_data = real_patient_data
        self._client: Client | None = None
        self._failure: CheckerError | None = None
        self._lock = Lock()  # one request at a time

    @property
    def started(self) -> bool:
        """Whether it is connected."""
        return self._client is not None

    def check(self, document: Mapping[str, Any], fhir: FhirVersion, claimed: Collection[str]) -> Answer:
        """
        Return the findings of the server, and what it could not check.

        Args:
            document: The JSON.
            fhir: Its release, which is that of the server.
            claimed: The profiles that it claims; the server has to know them.

        Raises:
            CheckerError: The server could not be reached, has no ``$validate``, or may not receive this.
        """
        del fhir, claimed
        with self._lock:
            return self._checked(document)

    def _checked(self, document: Mapping[str, Any]) -> Answer:
        if self._failure:
            raise self._failure
        kind = document.get("resourceType")
        try:
            if self._client is None:
                self._client = Client(self._base_url())
            refuse_unlabelled(self._client.base_url, document, allowed=self._real_patient_data)
            return read_answer(self._client.request("POST", f"{kind}/$validate", body=dict(document)).body)
        except BundleError as error:
            raise CheckerError(f"not sent: {error.message}", where=error.where, hint=error.hint) from error
        except RejectedError as error:
            if error.outcome is None or error.status in (401, 403, 404, 405, 501):
                raise CheckerError(f"the server does not validate: {error}") from error
            return read_answer(error.outcome)
        except FhirCaseError as error:
            self._failure = CheckerError(str(error))
            raise self._failure from error

    def close(self) -> None:
        """Close the connections."""
        if self._client:
            self._client.close()
