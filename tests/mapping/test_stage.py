"""Which staging system a stage belongs to: by that it has its profile and its codes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fhir_case import CaseError
from fhir_case.fhir.codes import code_table
from small_case import built

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
CANCER = (
    "conditions: [{key: c, kind: primary-cancer, diagnosis: {text: cancer}, status: active, "
    "verification: confirmed, source: s}]\n"
)


def staged(written: str) -> dict[str, Any]:
    section = f"{CANCER}stages: [{{key: a, of: c, at: anchor, source: s, {written}}}]"
    return built(section)["Observation/a"]


def summary(found: dict[str, Any]) -> tuple[str, list[str], list[str], str, list[str]]:
    """Return the profile, the codes of what is staged, those and the words of the value, the codes of the method."""

    def codes(element: str) -> list[str]:
        return [one["code"] for one in found.get(element, {}).get("coding", [])]

    value = "valueCodeableConcept"
    return found["meta"]["profile"][0], codes("code"), codes(value), found[value]["text"], codes("method")


T, N, M, GROUP = (f"{MCODE}tnm-{name}" for name in (
    "primary-tumor-category", "regional-nodes-category", "distant-metastases-category", "stage-group"
))  # fmt: skip
OTHER = MCODE + "cancer-stage"
AJCC = [
    ("staging: pathologic-t, value: pt2, method: ajcc-8", T, "384625004", "1229852009", "pT2", "897275008"),
    ("staging: pathologic-t, value: t2, method: ajcc-8", T, "384625004", "1229852009", "T2", "897275008"),
    ("staging: pathologic-n, value: pn1a-sn, method: ajcc-7", N, "371494008", "1229953003", "pN1a(sn)", "443830009"),
    ("staging: clinical-m, value: cm0, method: ajcc-6", M, "399387003", "1229901006", "cM0", "444256004"),
    ("staging: post-therapy-t, value: ypt0, method: ajcc-9", T, "78873005", "1228863001", "ypT0", "1269566009"),
    ("staging: pathologic-stage-group, value: stage-iib, method: ajcc-8", GROUP, "399588009", "1222769001",
     "stage IIB", "897275008"),
    ("staging: {text: T}, value: {text: 'pT2(m)'}, method: {text: AJCC 8th edition}", T, "384625004", "1229852009",
     "pT2(m)", "897275008"),
    ("staging: {text: Pathologic stage}, value: {text: Stage IIIB}, method: {text: 'AJCC, 7th edition'}", GROUP,
     "399588009", "1222805004", "Stage IIIB", "443830009"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "profile", "code", "value", "text", "method"), AJCC)
def test_tnm_by_ajcc_has_the_profile_of_its_category_and_the_codes_of_ajcc(
    written: str, profile: str, code: str, value: str, text: str, method: str
) -> None:
    assert (profile, [code], [value], text, [method]) == summary(staged(written))


OTHERS = [
    ("staging: clinical-t, value: t4, method: uicc", ["399504009"], ["1352997003"], "T4", ["C188404"]),
    ("staging: clinical-t, value: ct1c, method: {text: UICC 8}", ["399504009"], ["1352973007"], "cT1c", ["C188404"]),
    ("staging: clinical-t, value: t4, method: modified-uicc", ["399504009"], ["65565005"], "T4", []),
    ("staging: clinical-n, value: uicc-n1, method: {name: uicc, text: modified UICC}", ["399534004"], ["53623008"],
     "N1", []),
    ("staging: clinical-stage-group, value: stage-ivb, method: modified-uicc", ["399537006"], [], "stage IVB", []),
    ("staging: clinical-t, value: t2", ["399504009"], ["67673008"], "T2", []),
    ("staging: bclc-stage, value: {text: C}", ["C115134"], [], "C", ["C115132"]),
    ("staging: figo-stage, value: stage-iiia", ["385361009"], ["C96256"], "stage IIIA", ["254383006"]),
    ("staging: figo-stage, value: stage-ib3, method: figo-cervix", ["385361009"], ["C162222"], "stage IB3",
     ["106250008"]),
    ("staging: lymphoma-stage, value: {text: IV}, method: {text: Ann Arbor}", ["385388004"], ["66445009"], "IV",
     ["254372002"]),
    ("staging: binet-stage, value: {text: B}", ["C141212"], ["C80135"], "B", ["1149099005"]),
    ("staging: rai-stage, value: {text: II}", ["C141207"], ["C7875"], "II", ["1149131009"]),
    ("staging: iss-stage, value: {text: II}", ["C139007"], ["C70659"], "II", ["1149162008"]),
    ("staging: r-iss-stage, value: {text: III}", ["C141392"], ["C141396"], "III", ["1149163003"]),
    ("staging: post-therapy-n, value: {text: ypN0}, method: uicc", ["277206009"], [], "ypN0", ["C188404"]),
    ("staging: pathologic-t, value: {text: pT9}, method: ajcc-8", ["384625004"], [], "pT9", ["897275008"]),
]  # fmt: skip


@pytest.mark.parametrize(("written", "code", "value", "text", "method"), OTHERS)
def test_any_other_system_is_a_cancer_stage_with_codes_of_its_own_or_words(
    written: str, code: list[str], value: list[str], text: str, method: list[str]
) -> None:
    assert (OTHER, code, value, text, method) == summary(staged(written))


@pytest.mark.parametrize("words", ["Histologic grade", "Gleason score", "Nottingham grading"])
def test_a_grade_is_no_cancer_stage(words: str) -> None:
    found = staged(f"staging: {{text: {words}}}, value: {{text: '2'}}")

    assert ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-simple-observation"] == found["meta"]["profile"]


def test_codes_of_the_case_decide_likewise() -> None:
    sct = "system: 'http://snomed.info/sct', code: "
    written = (
        f"staging: {{text: pT, code: {{{sct}'384625004'}}}}, value: {{text: pT1, code: {{{sct}'1228957006'}}}}, "
        f"method: {{text: AJCC 8, code: {{{sct}'897275008'}}}}"
    )

    assert (T, ["384625004"], ["1228957006"], "pT1", ["897275008"]) == summary(staged(written))


WRONG = [
    ("staging: pathologic-t, value: ct2", "ct2 has the prefix c, and pathologic-t has p"),
    ("staging: pathologic-t, value: pn2", "pn2 is a value of N, not of pT category"),
    ("staging: clinical-m, value: {text: T2}", "T2 is a value of T, not of M category"),
]


@pytest.mark.parametrize(("written", "said"), WRONG)
def test_a_value_of_another_category_is_refused_at_its_line(written: str, said: str) -> None:
    with pytest.raises(CaseError, match=re.escape(said)) as caught:
        staged(written)

    assert caught.value.where.startswith("small.yaml:8:")


D = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
     "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")  # fmt: skip
P = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")


def check_digit_fits(code: str) -> bool:
    """Whether the last digit of a SNOMED code is the check digit of the others (Verhoeff)."""
    check = 0
    for position, digit in enumerate(reversed(code)):
        check = int(D[check][int(P[position % 8][int(digit)])])
    return check == 0


def test_each_code_of_a_stage_is_in_itself_right_and_its_display_names_the_stage() -> None:
    for name in ("stages", "stage_types", "stage_methods"):
        for term in code_table("fhir_case_mappings", name).values():
            others = [one for one in map(term.other_concept, ("ajcc", "uicc")) if one]
            codings = [*term.codings, *(coding for one in others for coding in one["coding"])]
            wrong = [one for one in codings if "snomed" in one["system"] and not check_digit_fits(one["code"])]
            named = re.sub("^[TNM].*", "c" + term.text, term.text) if term.name.startswith("uicc-") else term.text

            assert [] == wrong
            assert all(f" {named} (" in one["coding"][0]["display"] for one in others), term.name
