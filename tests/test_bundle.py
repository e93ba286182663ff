"""What is asked of a Bundle: another day, another namespace, no profiles."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

import pytest

from fhir_case import BundleError, build_bundle, load_case
from fhir_case.fhir.wire import dump
from support import SHIPPED, case_source, resources


def test_another_index_date_moves_every_computed_day_and_no_offset() -> None:
    case = load_case(SHIPPED)
    before = dump(build_bundle(case)).decode()
    after = dump(build_bundle(case, index_date=date(2020, 6, 15))).decode()
    day = re.compile(r'"(\d{4}-\d{2}-\d{2})"')

    assert day.findall(before) != day.findall(after)
    assert len(day.findall(before)) == len(day.findall(after))
    assert min(day.findall(after)) == "2020-06-15"
    assert re.sub(r"\d{4}(-\d{2}-\d{2})?", "", before) == re.sub(r"\d{4}(-\d{2}-\d{2})?", "", after)


def test_the_index_date_of_the_case_itself_stays() -> None:
    case = load_case(SHIPPED)
    first = build_bundle(case)
    build_bundle(case, index_date=date(2020, 6, 15))

    assert first == build_bundle(case)


def test_a_namespace_begins_every_id_identifier_and_reference() -> None:
    case = load_case(SHIPPED)
    first, second = resources(build_bundle(case)), resources(build_bundle(case, namespace="second"))

    assert not first.keys() & second.keys()
    assert f'"{SHIPPED}' not in dump(list(second.values())).decode()
    assert all(f"/{SHIPPED}-" not in name for name in second)
    assert SHIPPED not in dump([one.get("identifier") for one in second.values()]).decode()
    references = re.findall(r'"reference":"([^"]+)"', dump(list(second.values())).decode())
    assert set(references) <= second.keys()


@pytest.mark.parametrize("namespace", ["Upper", "a b", "1st", "a_b", "x" * 60, "ends-"])
def test_a_namespace_that_makes_no_ids_is_refused(namespace: str) -> None:
    with pytest.raises(BundleError, match=r"is not a namespace|is not allowed"):
        build_bundle(load_case(SHIPPED), namespace=namespace)


def test_profiles_can_be_left_out_and_nothing_else_changes() -> None:
    case = load_case(SHIPPED)
    with_profiles, without = resources(build_bundle(case)), resources(build_bundle(case, profiles="none"))

    assert all("profile" not in one["meta"] for one in without.values())
    for one in with_profiles.values():
        one["meta"].pop("profile", None)
    assert with_profiles == without


def test_the_exchange_form_is_an_mcode_patient_bundle_named_like_its_patient() -> None:
    bundle = build_bundle(load_case(SHIPPED), type="collection")

    assert bundle["meta"]["profile"] == ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-patient-bundle"]
    assert bundle["id"] == f"{SHIPPED}-patient"
    assert bundle["type"] == "collection"


@pytest.mark.parametrize("fhir", ["R4", "R5"])
@pytest.mark.parametrize("name", [SHIPPED, "colon-cancer-open-codes"])
def test_every_reference_stays_inside_the_bundle(name: str, fhir: Literal["R4", "R5"]) -> None:
    bundle = build_bundle(load_case(case_source(name)), fhir=fhir)
    references = set(re.findall(r'"reference":"([^"]+)"', dump(bundle).decode()))

    assert references <= resources(bundle).keys()


def test_entries_are_put_by_readable_ids() -> None:
    bundle = build_bundle(load_case(SHIPPED))

    for entry in bundle["entry"]:
        one = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9\-.]{0,63}", one["id"])
