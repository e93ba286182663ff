"""
The vital signs of FHIR: which LOINC code is one, in which units it is measured, and its profiles.

FHIR asks whoever writes one of these codes to follow its profile, whatever is claimed in ``meta``, and the HL7
validation engine checks that for all codes that are named here.

Source: https://hl7.org/fhir/R4/observation-vitalsigns.html, the profiles of hl7.fhir.r4.core 4.0.1 and hl7.fhir.us.core
6.1.0, for further codes of a sign BasePolicyAdvisorForFullValidation of org.hl7.fhir.validation 6.10.4, and for SNOMED
CT the value set snomed-intl-gps of hl7.terminology.r4 7.0.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "BLOOD_PRESSURE",
    "DIASTOLIC",
    "PANEL",
    "PRESSURE_UNITS",
    "SNOMED_OF_PRESSURES",
    "SYSTOLIC",
    "VITAL_SIGNS",
    "VitalSign",
    "vital_sign_of",
]


@dataclass(frozen=True, slots=True)
class VitalSign:
    """
    One vital sign.

    Args:
        code: The LOINC code that its profile requires.
        display: What LOINC calls it.
        profile: The name of its profile in FHIR.
        us_core: The name of its profile in US Core, without prefix; empty where there is none.
        units: The UCUM codes that the profile allows; none where it has no value of its own.
        snomed: Code and display of SNOMED CT for what was observed; empty where none is known.
        further: Other LOINC codes that make it this sign, too.
    """

    code: str
    display: str
    profile: str
    us_core: str
    units: tuple[str, ...]
    snomed: tuple[str, str] = ("", "")
    further: frozenset[str] = frozenset()


SYSTOLIC = ("8480-6", "Systolic blood pressure")
DIASTOLIC = ("8462-4", "Diastolic blood pressure")
SNOMED_OF_PRESSURES = {
    SYSTOLIC[0]: ("271649006", "Systolic blood pressure (observable entity)"),
    DIASTOLIC[0]: ("271650006", "Diastolic blood pressure (observable entity)"),
}
PRESSURE_UNITS = ("mm[Hg]",)
_LENGTHS = ("cm", "[in_i]")

BLOOD_PRESSURE = VitalSign(
    "85354-9",
    "Blood pressure panel with all children optional",
    "bp",
    "blood-pressure",
    (),
    ("75367002", "Blood pressure (observable entity)"),
    frozenset({"35094-2", "8459-0", "76534-7", "55284-4", SYSTOLIC[0]}),
)
PANEL = VitalSign("85353-1", "Vital signs panel", "vitalspanel", "", ())

VITAL_SIGNS = (
    PANEL,
    BLOOD_PRESSURE,
    VitalSign(
        "9279-1",
        "Respiratory rate",
        "resprate",
        "respiratory-rate",
        ("/min",),
        ("86290005", "Respiratory rate (observable entity)"),
        frozenset({"76170-0", "76172-6", "76171-8", "19840-8", "33438-3", "76270-8", "11291-2"}),
    ),
    VitalSign(
        "8867-4",
        "Heart rate",
        "heartrate",
        "heart-rate",
        ("/min",),
        ("364075005", "Heart rate (observable entity)"),
        frozenset(
            {"60978-4", "73795-7", "73799-9", "76476-1", "76477-9", "8889-8", "8890-6", "8891-4", "8892-2", "8893-0"}
            | {"40443-4", "55425-3", "68999-2", "11328-2", "69000-8", "8886-4"}
        ),
    ),
    VitalSign(
        "2708-6",
        "Oxygen saturation in Arterial blood",
        "oxygensat",
        "pulse-oximetry",
        ("%",),
        ("103228002", "Hemoglobin saturation with oxygen (observable entity)"),
        frozenset(
            {"19224-5", "20564-1", "2709-4", "2710-2", "2713-6", "51733-4", "59408-5", "59417-6", "89276-0", "97549-0"}
        ),
    ),
    VitalSign(
        "8310-5",
        "Body temperature",
        "bodytemp",
        "body-temperature",
        ("Cel", "[degF]"),
        ("386725007", "Body temperature (observable entity)"),
        frozenset(
            {"60834-9", "60835-6", "60836-4", "60838-0", "60955-2", "61009-7", "75539-7", "75987-8", "76010-8"}
            | {"76011-6", "76278-1", "8309-7", "8328-7", "8329-5", "8330-3", "8331-1", "8332-9", "8333-7", "8334-5"}
            | {"91371-5", "98657-0", "98663-8"}
        ),
    ),
    VitalSign(
        "8302-2",
        "Body height",
        "bodyheight",
        "body-height",
        _LENGTHS,
        further=frozenset({"3137-7", "3138-5", "8306-3", "8308-9"}),
    ),
    VitalSign(
        "9843-4",
        "Head Occipital-frontal circumference",
        "headcircum",
        "head-circumference",
        _LENGTHS,
        further=frozenset({"8287-5"}),
    ),
    VitalSign(
        "29463-7",
        "Body weight",
        "bodyweight",
        "body-weight",
        ("kg", "[lb_av]", "g"),
        further=frozenset({"3141-9", "3142-7", "75292-3", "79348-9", "8350-1", "8351-9"}),
    ),
    VitalSign(
        "39156-5",
        "Body mass index (BMI) [Ratio]",
        "bmi",
        "bmi",
        ("kg/m2",),
        ("60621009", "Body mass index (observable entity)"),
        frozenset({"89270-3"}),
    ),
)

_BY_CODE = {code: sign for sign in VITAL_SIGNS for code in (sign.code, *sign.further)}


def vital_sign_of(codes: Collection[str]) -> VitalSign | None:
    """Return the vital sign that some LOINC codes of an Observation make it; none where they make it none."""
    return next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
