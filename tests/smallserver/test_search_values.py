"""What a search finds: https://hl7.org/fhir/R4/search.html, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smallserver.asking import bundle, entry, escaped, observation, patient

if TYPE_CHECKING:
    from smallserver.asking import Fhir


def fill(fhir: Fhir, *resources: dict[str, Any]) -> None:
    entries = (entry("PUT", f"{each['resourceType']}/{each['id']}", each) for each in resources)
    assert 200 == fhir.post(bundle(*entries)).status_code


def found(fhir: Fhir, kind: str, parameter: str) -> str:
    """Return the ids that are found, each one letter, in one word."""
    name, _, value = parameter.partition("=")
    return "".join(fhir.ids(f"{kind}?{name}={escaped(value)}", Prefer="handling=strict"))


# https://hl7.org/fhir/R4/search.html#token
@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("identifier=1", "abd"),
        ("identifier=urn:x|1", "a"),
        ("identifier=|1", "d"),
        ("identifier=urn:y|", "bc"),
        ("identifier=urn:y|2,urn:x|1", "ac"),
        ("identifier=urn:z|1", ""),
        ("identifier=a\\,b", "e"),
        ("identifier=a\\|b", "f"),
        ("_id=a", "a"),
        ("_id=a,c", "ac"),
        ("gender=male", "a"),
        ("gender=http://hl7.org/fhir/administrative-gender|male", "a"),
        ("gender=urn:x|male", ""),
        ("gender:not=male", "bcdef"),
        ("active=true", "b"),
        ("telecom=tel-1", "c"),
        ("_tag=urn:tags|t", "d"),
        ("gender:missing=true", "bcdef"),
        ("gender:missing=false", "a"),
    ],
)
def test_tokens(fhir: Fhir, parameter: str, ids: str) -> None:
    fill(
        fhir,
        patient("a", identifier=[{"system": "urn:x", "value": "1"}], gender="male"),
        patient("b", identifier=[{"system": "urn:y", "value": "1"}], active=True),
        patient("c", identifier=[{"system": "urn:y", "value": "2"}], telecom=[{"system": "phone", "value": "tel-1"}]),
        patient("d", identifier=[{"value": "1"}], meta={"tag": [{"system": "urn:tags", "code": "t"}]}),
        patient("e", identifier=[{"value": "a,b"}]),
        patient("f", identifier=[{"value": "a|b"}]),
    )

    assert ids == found(fhir, "Patient", parameter)


@pytest.mark.parametrize(
    ("parameter", "ids"),
    [("code=urn:codes|1", "a"), ("code=1,2", "ab"), ("code=urn:other|1", ""), ("code:text=alpha", "b")],
)
def test_codes(fhir: Fhir, parameter: str, ids: str) -> None:
    worded = observation("b", "2")
    worded["code"]["text"] = "Alpha fetoprotein"
    fill(fhir, observation("a", "1"), worded)

    assert ids == found(fhir, "Observation", parameter)


# https://hl7.org/fhir/R4/search.html#string
@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("family=Müller", "ab"),
        ("family=mull", "ab"),
        ("family=ler", ""),
        ("family:contains=LLE", "ab"),
        ("family:exact=Müller", "a"),
        ("family:exact=müller", ""),
        ("given=Ann", "b"),
        ("given=Bo", "b"),
        ("name=bo", "b"),
        ("name=muller", "ab"),
        ("name=Doctor", "c"),
        ("address=Wien", "c"),
        ("address-city=wi", "c"),
        ("name=a\\,b", "d"),
    ],
)
def test_strings(fhir: Fhir, parameter: str, ids: str) -> None:
    fill(
        fhir,
        patient("a", name=[{"family": "Müller"}]),
        patient("b", name=[{"family": "Mullerian", "given": ["Anna", "Bob"]}]),
        patient("c", name=[{"text": "Doctor Who", "use": "usual"}], address=[{"city": "Wien", "use": "home"}]),
        patient("d", name=[{"text": "A,B"}]),
    )

    assert ids == found(fhir, "Patient", parameter)


# https://hl7.org/fhir/R4/search.html#prefix: the stretch of the search value and that of the element are compared.
@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("date=2018", "abcd"),
        ("date=eq2018-03", "bcd"),
        ("date=2018-03-05", "cd"),
        ("date=2018-03-05T10:15:30Z", "d"),
        ("date=2018-03-05T11:15:30+01:00", "d"),
        ("date=2018-03-05T10:15", "d"),
        ("date=ne2018", "efg"),
        ("date=gt2018-03-05", "abefg"),
        ("date=gt2018-03", "aefg"),
        ("date=gt2018", "efg"),
        ("date=lt2018-03-05", "abf"),
        ("date=lt2018", "f"),
        ("date=ge2018-03-05", "abcdefg"),
        ("date=ge2018-04", "aefg"),
        ("date=ge2019-06", "eg"),
        ("date=le2018-03-05", "abcdf"),
        ("date=le2018-02", "af"),
        ("date=sa2018-03", "eg"),
        ("date=sa2019-05", "eg"),
        ("date=eb2018-03", ""),
        ("date=eb2019", "abcd"),
        ("date=gt2030-01-01", "e"),
        ("date=lt2017-12-31", "f"),
        ("date=2019-06", "g"),
        ("date=ge9999", "e"),
    ],
)
def test_dates(fhir: Fhir, parameter: str, ids: str) -> None:
    fill(
        fhir,
        observation("a", effectiveDateTime="2018"),
        observation("b", effectiveDateTime="2018-03"),
        observation("c", effectiveDateTime="2018-03-05"),
        observation("d", effectiveDateTime="2018-03-05T10:15:30Z"),
        observation("e", effectivePeriod={"start": "2019-06-01"}),
        observation("f", effectivePeriod={"start": "2017-01-01", "end": "2019-01"}),
        observation("g", effectiveTiming={"event": ["2019-06-10", "2019-06-20"]}),
        observation("h"),
    )

    assert ids == found(fhir, "Observation", parameter)


@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("date=2018-03-05T23:30:00-05:00", "a"),
        ("date=2018-03-06T04:30:00Z", "a"),
        ("date=2018-03-06", "ab"),
        ("date=gt2018-03-06T04:30:00.120Z", "ab"),
        ("date=gt2018-03-06T04:30:01Z", "b"),
        ("date=2018-03-06T12:00:00.123Z", "b"),
        ("date=2018-03-06T12:00:00.12Z", "b"),
        ("date=2018-03-06T12:00:00.124Z", ""),
    ],
)
def test_times_are_compared_across_zones(fhir: Fhir, parameter: str, ids: str) -> None:
    fill(
        fhir,
        observation("a", effectiveDateTime="2018-03-05T23:30:00-05:00"),
        observation("b", effectiveInstant="2018-03-06T12:00:00.123Z"),
    )

    assert ids == found(fhir, "Observation", parameter)


def test_dates_of_other_elements(fhir: Fhir) -> None:
    fill(fhir, patient("a", birthDate="1961-04"), patient("b", birthDate="1961"))

    assert "a" == found(fhir, "Patient", "birthdate=1961-04")
    assert "ab" == found(fhir, "Patient", "birthdate=1961")
    assert "b" == found(fhir, "Patient", "birthdate=gt1961-04")
    assert "ab" == found(fhir, "Patient", "_lastUpdated=ge2020")
    assert "" == found(fhir, "Patient", "_lastUpdated=lt2020")


# https://hl7.org/fhir/R4/search.html#reference
@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("subject=Patient/a", "xv"),
        ("subject=a", "xvz"),
        ("patient=a", "xv"),
        ("patient=Patient/a", "xv"),
        ("subject=Device/a", "z"),
        ("subject:Device=a", "z"),
        ("subject:Patient=a", "xv"),
        ("subject=Patient/b", ""),
        ("subject=http://elsewhere.example/Patient/a", "w"),
        ("subject:identifier=urn:x|1", "u"),
        ("subject=Patient/a,Device/a", "xvz"),
    ],
)
def test_references(fhir: Fhir, parameter: str, ids: str) -> None:
    fill(
        fhir,
        observation("x", subject={"reference": "Patient/a"}),
        observation("v", subject={"reference": f"{fhir.base_url}/Patient/a"}),
        observation("z", subject={"reference": "Device/a"}),
        observation("w", subject={"reference": "http://elsewhere.example/Patient/a"}),
        observation("u", subject={"identifier": {"system": "urn:x", "value": "1"}}),
    )

    assert ids == found(fhir, "Observation", parameter)
    own = parameter.replace("=Patient/a", f"={fhir.base_url}/Patient/a")
    assert ids == found(fhir, "Observation", own)


# https://hl7.org/fhir/R4/search.html#quantity: eq by the precision that is written, all else exactly
@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("value-quantity=5.4", "ab"),
        ("value-quantity=5.40", "a"),
        ("value-quantity=5.4|http://unitsofmeasure.org|mg", "ab"),
        ("value-quantity=5.4||mg", "ab"),
        ("value-quantity=5.4|http://unitsofmeasure.org|kg", ""),
        ("value-quantity=ne5.4", "cde"),
        ("value-quantity=gt5.4", "bce"),
        ("value-quantity=ge5.4", "abce"),
        ("value-quantity=lt5.44", "ad"),
        ("value-quantity=le5.44", "abd"),
        ("value-quantity=lt3", "d"),
        ("value-quantity=sa5.44", "ce"),
        ("value-quantity=eb5.44", "ad"),
        ("value-quantity=100", "c"),
        ("value-quantity=1e2", "c"),
        ("value-quantity=7||drops", "e"),
        ("value-quantity=7|http://unitsofmeasure.org|drops", ""),
    ],
)
def test_quantities(fhir: Fhir, parameter: str, ids: str) -> None:
    less = observation("d", value="3")
    less["valueQuantity"]["comparator"] = "<"
    drops = observation("e", valueQuantity={"value": 7, "unit": "drops"})
    values = {"a": "5.4", "b": "5.44", "c": "100"}
    fill(fhir, *(observation(each, value=value) for each, value in values.items()), less, drops)

    assert ids == found(fhir, "Observation", parameter)


def test_a_quantity_on_the_edge_belongs_to_the_next_one(fhir: Fhir) -> None:
    fill(fhir, observation("a", value="5.35"), observation("b", value="5.45"))

    assert "a" == found(fhir, "Observation", "value-quantity=5.4")
    assert "b" == found(fhir, "Observation", "value-quantity=5.5")


# https://hl7.org/fhir/R4/search.html#composite
@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("code-value-quantity=urn:codes|1$gt5", "a"),
        ("code-value-quantity=1$lt5", "b"),
        ("code-value-quantity=2$gt5", "c"),
        ("code-value-quantity=2$6||mg", "c"),
        ("code-value-quantity=1$gt5,2$gt5", "ac"),
        ("code-value-concept=3$urn:codes|yes", "d"),
        ("code-value-concept=3$no", ""),
        ("component-code-value-quantity=8$gt5", "e"),
        ("component-code-value-quantity=8$lt5", ""),
        ("component-code-value-quantity=9$lt5", "e"),
        ("combo-code-value-quantity=8$gt5", "e"),
        ("combo-code-value-quantity=1$gt5", "a"),
    ],
)
def test_composites_are_of_one_and_the_same_element(fhir: Fhir, parameter: str, ids: str) -> None:
    parts = [observation("", "8", value="6"), observation("", "9", value="4")]
    yes = {"coding": [{"system": "urn:codes", "code": "yes"}]}
    fill(
        fhir,
        observation("a", "1", value="6"),
        observation("b", "1", value="4"),
        observation("c", "2", value="6"),
        observation("d", "3", valueCodeableConcept=yes),
        observation("e", "4", component=[{name: each[name] for name in ("code", "valueQuantity")} for each in parts]),
    )

    assert ids == found(fhir, "Observation", parameter)


# https://hl7.org/fhir/R4/search.html#chaining
@pytest.mark.parametrize(
    ("parameter", "ids"),
    [
        ("subject:Patient.identifier=urn:x|1", "x"),
        ("patient.identifier=urn:x|1", "x"),
        ("subject.identifier=1", "xz"),
        ("subject:Device.identifier=1", "z"),
        ("patient.family=B", "y"),
        ("patient.family:exact=b", ""),
        ("patient.organization.name=Org", "y"),
        ("patient.birthdate=lt1970", "x"),
        ("patient._id=a", "x"),
    ],
)
def test_chains(fhir: Fhir, parameter: str, ids: str) -> None:
    number = {"system": "urn:x", "value": "1"}
    fill(
        fhir,
        {"resourceType": "Organization", "id": "o", "name": "Org"},
        patient("a", identifier=[number], birthDate="1961"),
        patient("b", name=[{"family": "B"}], managingOrganization={"reference": "Organization/o"}),
        {"resourceType": "Device", "id": "d", "identifier": [number]},
        observation("x", subject={"reference": "Patient/a"}),
        observation("y", subject={"reference": "Patient/b"}),
        observation("z", subject={"reference": "Device/d"}),
        observation("w", subject={"reference": "Patient/none"}),
    )

    assert ids == found(fhir, "Observation", parameter)


def test_all_parameters_have_to_hold(fhir: Fhir) -> None:
    fill(fhir, observation("a", "1", value="5"), observation("b", "1", value="6"), observation("c", "2", value="6"))

    assert ["b"] == fhir.ids("Observation?code=1&value-quantity=6")
    assert ["b"] == fhir.ids("Observation?value-quantity=gt5&value-quantity=lt7&code=1")


@pytest.mark.parametrize(
    "query",
    [
        "date=yesterday",
        "date=2018-13",
        "date=2018-02-30",
        "value-quantity=much",
        "value-quantity=1e999999999",
        "code-value-quantity=1",
        "_count=-1",
        "_count=many",
        "_total=perhaps",
        "code:above=1",
        "date:missing=maybe",
    ],
)
def test_a_value_or_a_modifier_that_makes_no_sense_is_refused(fhir: Fhir, query: str) -> None:
    refused = fhir.ask("GET", f"Observation?{query}")

    assert (400, "OperationOutcome") == (refused.status_code, refused.json()["resourceType"])
