"""What a server honestly lacks is neither in its CapabilityStatement nor done, and all else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smallserver import FEATURES
from smallserver.asking import bundle, entry, link, observation, patient
from smallserver.looking import LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from smallserver.asking import Fhir

    Serve = Callable[..., Fhir]

PATCH = [{"op": "add", "path": "/active", "value": True}]


def of_patients(fhir: Fhir) -> dict[str, Any]:
    resources: list[dict[str, Any]] = fhir.get("metadata")["rest"][0]["resource"]
    return next(each for each in resources if each["type"] == "Patient")


def claims(fhir: Fhir) -> dict[str, bool]:
    """Return for each capability that a statement can tell whether it does."""
    statement = fhir.get("metadata")
    of = of_patients(fhir)
    rest = statement["rest"][0]
    codes = {each["code"] for each in (*rest.get("interaction", ()), *of["interaction"])}
    operations = {each["name"] for each in of.get("operation", ())}
    observations = next(each for each in rest["resource"] if each["type"] == "Observation")
    return {
        "batch": "batch" in codes,
        "composite": "composite" in {each["type"] for each in observations["searchParam"]},
        "conditional-create": of["conditionalCreate"],
        "conditional-delete": of["conditionalDelete"] == "single",
        "conditional-update": of["conditionalUpdate"],
        "delete": "delete" in codes,
        "everything": "everything" in operations,
        "history": "history-instance" in codes,
        "include": "searchInclude" in of,
        "patch": "patch" in codes and "patchFormat" in statement,
        "revinclude": "searchRevInclude" in of,
        "transaction": "transaction" in codes,
        "update-create": of["updateCreate"],
        "validate": "validate" in operations,
        "versioned-update": of["versioning"] == "versioned-update",
        "vread": "vread" in codes and of["readHistory"],
        "xml": "xml" in statement["format"],
    }


def done(fhir: Fhir) -> dict[str, int]:
    """Return for each capability the status of a request that needs it."""
    own = fhir.post(patient("x")).json()["id"]
    created = fhir.put(patient("created")).status_code
    of = patient(own, gender="male")
    strict = {"Prefer": "handling=strict"}

    def status(method: str, path: str, body: Any = None, **headers: str) -> int:
        return fhir.ask(method, path, body, **headers).status_code

    return {
        "update-create": created,
        "batch": status("POST", "", bundle(kind="batch")),
        "transaction": status("POST", "", bundle()),
        "chained": status("GET", "Observation?patient.gender=male", **strict),
        "composite": status("GET", "Observation?code-value-quantity=1$2", **strict),
        "include": status("GET", "Observation?_include=Observation:patient", **strict),
        "revinclude": status("GET", "Patient?_revinclude=Observation:patient", **strict),
        "vread": status("GET", f"Patient/{own}/_history/1"),
        "history": status("GET", f"Patient/{own}/_history"),
        "everything": status("GET", f"Patient/{own}/$everything"),
        "validate": status("POST", "Patient/$validate", of),
        "patch": status("PATCH", f"Patient/{own}", PATCH),
        "conditional-create": status("POST", "Patient", of, If_None_Exist="_id=none"),
        "conditional-update": status("PUT", f"Patient?_id={own}", of),
        "versioned-update": status("PUT", f"Patient/{own}", of, If_Match='W/"77"'),
        "conditional-delete": status("DELETE", "Patient?_id=none"),
        "xml": status("GET", f"Patient/{own}", Accept="application/fhir+xml"),
        "delete": status("DELETE", f"Patient/{own}"),
    }


USUAL = dict.fromkeys(FEATURES, 200) | {
    "update-create": 201,
    "conditional-create": 201,
    "versioned-update": 412,
    "conditional-delete": 204,
    "delete": 204,
}
LACKING = {
    "update-create": 405,
    "batch": 501,
    "transaction": 501,
    "chained": 400,
    "composite": 400,
    "include": 400,
    "revinclude": 400,
    "vread": 501,
    "history": 501,
    "everything": 501,
    "validate": 501,
    "patch": 405,
    "conditional-create": 501,
    "conditional-update": 405,
    "versioned-update": 200,
    "conditional-delete": 405,
    "xml": 406,
    "delete": 405,
}
# Without the one there is not the other.
ALSO = {"delete": {"conditional-delete"}}


def test_a_correct_server_claims_and_does_everything(fhir: Fhir) -> None:
    assert {True} == set(claims(fhir).values())
    assert USUAL == done(fhir)


@pytest.mark.parametrize("feature", FEATURES)
def test_what_is_taken_away_is_neither_claimed_nor_done(served: Serve, feature: str) -> None:
    fhir = served(without=(feature,))
    gone = {feature} | ALSO.get(feature, set())

    assert (gone - {"chained"}) == {name for name, claimed in claims(fhir).items() if not claimed}
    assert USUAL | {name: LACKING[name] for name in gone} == done(fhir)


def test_all_can_be_taken_away_and_the_rest_is_correct(served: Serve) -> None:
    fhir = served(without=tuple(FEATURES))

    assert {False} == set(claims(fhir).values())
    assert LACKING == done(fhir)
    assert 501 == fhir.post(bundle(entry("GET", "Patient"))).status_code
    made = fhir.post(observation("x", value="15.0")).json()["id"]
    assert [made] == fhir.ids("Observation?code=1")


def test_a_patch_by_condition_needs_both(served: Serve) -> None:
    for lacking in ("patch", "conditional-update"):
        fhir = served(without=(lacking,))
        fhir.put(patient("a"))
        assert 405 == fhir.ask("PATCH", "Patient?_id=a", PATCH).status_code


def test_a_transaction_cannot_do_what_the_server_cannot(served: Serve) -> None:
    fhir = served(without=("patch", "delete"))

    assert 405 == fhir.post(bundle(entry("DELETE", "Patient/a"))).status_code


@pytest.mark.parametrize("name", ["identifier", "date", "_lastUpdated"])
def test_a_search_parameter_can_be_taken_away(served: Serve, name: str) -> None:
    fhir = served(without=(f"search-{name}",))
    names = {each["name"] for of in fhir.get("metadata")["rest"][0]["resource"] for each in of.get("searchParam")}

    assert name not in names
    assert len(names) > 50
    assert 400 == fhir.ask("GET", f"Observation?{name}=2018", Prefer="handling=strict").status_code
    assert f"{fhir.base_url}/Observation" == link(fhir.get(f"Observation?{name}=2018"), "self")


def test_what_is_taken_away_does_not_touch_the_rest(served: Serve) -> None:
    fhir = served(without=("patch", "history", "everything", "validate"))
    seen = {name for name, look in LOOKS.items() if _seen(look.at, fhir) != look.correct}

    assert {
        "patch-ignored",
        "history-misses-version",
        "everything-incomplete",
        "validate-finds-nothing",
        "claims-too-much",
    } == seen


def _seen(at: Callable[[Fhir], Any], fhir: Fhir) -> Any:
    try:
        return at(fhir)
    except (KeyError, AssertionError) as error:
        return error
