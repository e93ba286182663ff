"""A mapping from outside, as a file of its own, has the same rights as one of the house."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from fhir_case import CaseError, MappingError, build_bundle, validate
from fhir_case.mapping import discover, read_case, sections_of
from support import resources, run_command

if TYPE_CHECKING:
    from fhir_case.case import Section
    from fhir_case.fhir.wire import Resource

OUTSIDE = Path(__file__).parent / "outside"
ECOG, DEATH = OUTSIDE / "ecog.py", OUTSIDE / "death.py"

CASE = """\
case: small
title: A small case
report: {citation: made up, transcribed: 2026-01-01}
timeline: {anchor: visit, index_date: 2020-01-31}
patient: {sex: female, source: page 1}
procedures: [{key: visit, procedure: {text: visit}, at: anchor, source: page 1}]
"""
ENTRIES = """\
ecog:
  - {key: before, grade: 1, at: 1 wk before visit, source: page 1}
  - {key: later, grade: 2, assessor: oncologist, at: +2 mo, after: visit, compared_with: before, source: page 2}
laboratory: [{key: alt, test: alt, value: 3 U/L, at: 1 d after later, source: page 2}]
"""


def built(text: str, *files: Path, **options: Any) -> dict[str, Resource]:
    case = read_case(text, file="small.yaml", mapping_files=files)
    return resources(build_bundle(case, mapping_files=files, **options))


def said(text: str, *files: Path) -> list[str]:
    with pytest.raises(CaseError) as caught:
        built(text, *files)
    return [str(problem) for problem in caught.value.problems]


def mapping(folder: Path, body: str, *, name: str = "mine") -> Path:
    file = folder / f"{name}.py"
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    head = "from fhir_case.mapping import Addition, Mapping\n\ndef give(case):\n"
    file.write_text(f'{head}{lines}\n\nMAPPING = Mapping("{name}", give, "x")\n')
    return file


def test_a_section_from_outside_becomes_resources_that_count_and_are_counted_from() -> None:
    made = built(CASE + ENTRIES, ECOG)
    later = made["Observation/small-later"]

    assert (2, "2020-03-31") == (later["valueInteger"], later["effectiveDateTime"])
    assert [{"reference": "Procedure/small-visit"}] == later["partOf"]
    assert [{"reference": "Observation/small-before"}] == later["derivedFrom"]
    relative = made["Observation/small-alt"]["_effectiveDateTime"]["extension"][0]["extension"]
    assert {"reference": "Observation/small-later"} == relative[0]["valueReference"]
    assert "effectiveDateTime" == relative[1]["valueString"]


def test_a_section_from_outside_is_an_unknown_key_without_its_mapping() -> None:
    (problem,) = said(CASE + "ecog: [{key: a, grade: 1, at: anchor, source: page 1}]")

    assert problem.startswith("small.yaml:7:1: unknown key 'ecog'")


def test_all_mistakes_in_a_section_from_outside_are_reported_with_line_and_column() -> None:
    section = """\
ecog:
  - {key: a, grade: 9, assessor: oncologost, at: anchor, source: page 1}
  - {key: b, grad: 1, at: anchor, after: a, source: page 1}
laboratory: [{key: c, test: albumim, value: 4 g/dL, at: 1 d after c, source: page 1}]
procedures2: []
"""

    assert [
        "small.yaml:8:21: ecog.a.grade: 9 is more than 5; check the number",
        (
            "small.yaml:8:34: ecog.a.assessor: 'oncologost' is not a known short name of assessors; "
            "did you mean 'oncologist'?; "
            "a thing that no table knows is written {text: …} or {text: …, code: {system: …, code: …}}"
        ),
        "small.yaml:9:5: ecog.b: 'grade' is missing; add it",
        "small.yaml:9:14: ecog.b: unknown key 'grad'; did you mean 'grade'?",
        (
            "small.yaml:9:42: ecog.b.after: 'a' is an entry of ecog; this names an entry "
            "of radiotherapies or procedures or transfusions or regimens or medications or administrations"
        ),
    ] == said(CASE + section, ECOG)[:5]


def test_the_schema_and_the_example_of_a_section_from_outside(tmp_path: Path) -> None:
    schema = tmp_path / "case.schema.json"
    assert run_command("schema", "--mapping", ECOG, "-o", schema).exit_code == 0
    example = run_command("new", "--section", "ecog", "--mapping", ECOG).stdout
    starter = run_command("new", "-").stdout
    checked = jsonschema_rs.validator_for(json.loads(schema.read_bytes()))
    case = read_case(starter + example, mapping_files=[ECOG])

    assert "ecog-baseline" == case.ecog[0].key
    properties = json.loads(schema.read_bytes())["$defs"]["Ecog"]["properties"]
    assert "The grade, 0 to 5." == properties["grade"]["description"]
    good = {"key": "a", "grade": 1, "at": "anchor", "source": "page 1"}
    whole = json.loads((Path(__file__).parent / "outside" / "small.json").read_text())
    assert checked.is_valid(whole | {"ecog": [good]})
    assert not checked.is_valid(whole | {"ecog": [good | {"grade": 6}]})


@pytest.mark.parametrize("section", sections_of(discover()), ids=lambda section: section.name)
def test_each_section_of_the_house_has_an_example_that_fits_the_starter_case(section: Section) -> None:
    yaml = YAML(typ="safe")
    starter, example = run_command("new", "-").stdout, run_command("new", "--section", section.name).stdout

    build_bundle(read_case(json.dumps(yaml.load(starter) | yaml.load(example), default=str)))


def test_a_death_is_added_to_the_patient_and_to_its_narrative() -> None:
    patient = built(CASE + "death: {at: +20 mo, source: page 3}", DEATH)["Patient/small-patient"]

    assert "2021-09-30" == patient["deceasedDateTime"]
    assert "cqf-relativeDateTime" in patient["_deceasedDateTime"]["extension"][0]["url"]
    assert patient["text"]["div"].endswith("<p>Died: 2021-09-30.</p></div>")
    assert "deceasedDateTime" not in built(CASE, DEATH)["Patient/small-patient"]


def test_the_same_death_is_in_r5() -> None:
    patient = built(CASE + "death: {at: +20 mo, source: page 3}", DEATH, fhir="R5")["Patient/small-patient"]

    assert "2021-09-30" == patient["deceasedDateTime"]


def test_two_that_set_the_same_element_are_an_error_that_names_both(tmp_path: Path) -> None:
    other = mapping(tmp_path, 'yield Addition("Patient", "patient", {"deceasedBoolean": True})')
    with pytest.raises(MappingError) as caught:
        built(CASE + "death: {at: +20 mo, source: page 3}", DEATH, other)

    assert (
        f"the mapping 'mine' ({other}:4) sets Patient/patient: deceasedBoolean, and the mapping 'death' ({DEATH}:32), "
        "at the entry small.yaml:7:8 sets deceasedDateTime; leave one of them out"
    ) == str(caught.value)


def test_what_repeats_is_appended(tmp_path: Path) -> None:
    other = mapping(tmp_path, 'yield Addition("Patient", "patient", {"name": [{"text": "Known as A."}]})')
    names = built(CASE, other)["Patient/small-patient"]["name"]

    assert [False, True] == ["text" in name for name in names]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('yield Addition("Patient", "patient", {"gender": "male"})', "sets Patient/patient: gender, and .* 'patient'"),
        (
            'yield Addition("Patient", "patient", {"_deceasedBoolean": {}, "deceasedDateTime": "2020"})',
            "sets .* sets _dec",
        ),
        ('yield Addition("Patient", "patient", [("active", True)])', "adds to Patient/patient what is not a dict"),
        ('yield Addition("Patient", "patient", {}, text=5)', "adds to Patient/patient what is not a dict"),
        ('yield Addition("Patient", "nobody", {"active": True})', "adds to Patient/nobody, which no mapping gives"),
        ('yield Addition("Patient", "patient", {"id": "x"})', "adds 'id' to Patient/patient"),
        (
            'yield Addition("Patient", "patient", {"activ": True})',
            "'activ' is no.* element here; did you mean 'active'",
        ),
    ],
)
def test_an_addition_that_does_not_fit_says_why(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        built(CASE, mapping(tmp_path, body))


def test_a_mistake_in_a_mapping_names_its_line_and_that_of_the_entry(tmp_path: Path) -> None:
    file = mapping(tmp_path, 'for entry in case.procedures:\n    yield {}["nothing"]')
    (tmp_path / "small.yaml").write_text(CASE)
    result = run_command("build", "small.yaml", "--mapping", file, cwd=tmp_path)
    debug = run_command("build", "small.yaml", "--mapping", file, "--debug", cwd=tmp_path)

    assert 4 == result.exit_code == debug.exit_code
    assert (
        f"fhir-case: {file}:5: the mapping 'mine' failed, at the entry small.yaml:6:14: KeyError: 'nothing'; "
        "mend the mapping; --debug shows the traceback\n"
    ) == result.stderr
    assert "Traceback" in debug.stderr
    assert "Traceback" not in result.stderr
    assert debug.stderr.endswith(result.stderr)


def test_a_mapping_file_that_cannot_be_run_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1\n1/0\n")
    with pytest.raises(MappingError) as caught:
        built(CASE, file)

    assert f"{file}:2" == caught.value.where


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('Section("conditions", Entry, resource="Basic")', "the section 'conditions' comes twice"),
        ('Section("timeline", Entry, resource="Basic")', "a section cannot be called 'timeline'"),
        ('Section("model_dump", Entry, resource="Basic")', "a section cannot be called 'model_dump'"),
        ('Section("own", dict, resource="Basic")', "'own' is not a Section as"),
        ('"own"', "'own' is not a Section"),
        ('Section("own", Event, resource="Basic")', "the section 'own' needs 'time'"),
        ('Section("own", Event, resource="Basic", time="x", roles="imaging")', "'own' is not a Section as"),
        ('Section("own", Event, resource="", time="x")', "'own' is not a Section as"),
        ('Section("own", Event, resource="Basic", time="x", required=True)', "is a list, which cannot be required"),
        (
            'Section("own", Event, resource="Basic", time="x", parts=(Section("own2", Event, resource="Basic"),))',
            "own2",
        ),
        ('Section("class", Entry, resource="Basic")', "a section cannot be called 'class'"),
    ],
)
def test_a_section_that_cannot_be_is_refused(tmp_path: Path, section: str, message: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from fhir_case.case import Entry, Event, Section\nfrom fhir_case.mapping import Mapping\n"
        f'MAPPING = Mapping("mine", lambda case: iter(()), "x", sections=({section},))\n'
    )
    with pytest.raises(MappingError, match=message):
        built(CASE, file)


def test_types_that_the_house_does_not_give_are_built_in_r5(tmp_path: Path) -> None:
    file = mapping(
        tmp_path,
        """\
patient = {"reference": "Patient/patient"}
coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
yield {"resourceType": "Encounter", "id": "icu", "status": "finished", "class": coding, "subject": patient,
       "period": {"start": "2022-03-26"}}
yield {"resourceType": "FamilyMemberHistory", "id": "sister", "status": "completed", "patient": patient,
       "relationship": {"text": "sister"}}
""",
    )
    bundle = build_bundle(read_case(CASE, mapping_files=[file]), mapping_files=[file], fhir="R5")
    made = resources(bundle)
    encounter = made["Encounter/small-icu"]

    assert ("completed", {"start": "2022-03-26"}) == (encounter["status"], encounter["actualPeriod"])
    assert "sister" == made["FamilyMemberHistory/small-sister"]["relationship"]["text"]
    assert validate(bundle, fhir="R5").ok


def test_all_wrong_names_and_units_of_a_file_come_in_one_run_with_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(
        CASE
        + """\
laboratory:
  - {key: w1, test: white-blood-cells, value: 21000 /mm3, at: anchor, source: s}
  - {key: w2, test: white-blood-cells, value: 20510 /mm3, at: anchor, source: s}
  - {key: w3, test: no-such-test, value: 1 g/dL, at: anchor, source: s}
imaging: [{key: scan, study: no-such-study, modalities: [ct, nuclear], at: anchor, source: s}]
"""
    )
    result = run_command("build", "small.yaml", cwd=tmp_path)

    assert 3 == result.exit_code
    assert ["8:47", "9:47", "10:21", "11:30", "11:62"] == [
        ":".join(line.split(":")[1:3]) for line in result.stderr.splitlines()[:-1]
    ]


def test_times_of_right_entries_are_checked_beside_what_is_wrong_with_others() -> None:
    section = """\
laboratory:
  - {key: a, test: no-such-test, value: 4 g/dL, at: anchor, source: page 1}
  - {key: b, test: alt, value: 4 U/L, at: 1 d after c, source: page 1}
  - {key: c, test: alt, value: 4 U/L, at: 1 d after b, source: page 1}
  - {key: d, test: alt, value: 4 U/L, at: 1 d after a, source: page 1}
"""

    assert ["laboratory.a.test: 'no-such-test'", "laboratory.b.at: the times count in a cycle"] == [
        problem.partition(": ")[2][: len(start)]
        for problem, start in zip(
            said(CASE + section),
            ["laboratory.a.test: 'no-such-test'", "laboratory.b.at: the times count in a cycle"],
            strict=True,
        )
    ]


@pytest.mark.parametrize(
    "function", ["partial(give, 0)", "Giver()", "lru_cache(give)"], ids=["partial", "an object", "cached"]
)
def test_a_mapping_that_is_no_plain_function_shows_its_own_error(tmp_path: Path, function: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"""
from functools import lru_cache, partial
from fhir_case.mapping import Mapping
def give(*_):
    raise LookupError("of its own")
class Giver:
    __call__ = give
MAPPING = Mapping("mine", {function}, "x")
""")
    with pytest.raises(MappingError, match="the mapping 'mine' failed: LookupError: of its own"):
        built(CASE, file)


def test_a_mapping_that_ends_the_process_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="the mapping 'mine' failed: SystemExit: 0"):
        built(CASE, mapping(tmp_path, "raise SystemExit(0)\nyield"))


def test_a_wrong_addition_is_laid_to_the_mapping_that_made_it(tmp_path: Path) -> None:
    file = mapping(tmp_path, 'yield Addition("Patient", "patient", {"activ": True})')
    with pytest.raises(MappingError, match=rf"mend the mapping 'mine' \({file}:4"):
        built(CASE, file)


def test_a_wrong_resource_names_the_line_of_the_mapping_and_of_the_entry(tmp_path: Path) -> None:
    body = 'for entry in case.procedures:\n    yield {"resourceType": "Flag", "id": entry.key, "statu": "active"}'
    file = mapping(tmp_path, body)
    with pytest.raises(MappingError) as caught:
        built(CASE, file)

    assert f"mend the mapping 'mine' ({file}:5), at the entry small.yaml:6:14" == caught.value.hint


def test_what_is_not_in_r5_names_the_mapping(tmp_path: Path) -> None:
    patient, education = '{"reference": "Patient/patient"}', '[{"documentType": "x"}]'
    file = mapping(
        tmp_path,
        f'yield {{"resourceType": "Immunization", "id": "a", "patient": {patient}, "education": {education}}}',
    )
    with pytest.raises(MappingError, match=r"Immunization.education cannot be written in R5.*leave it out in the map"):
        built(CASE, file, fhir="R5")


def test_a_resource_that_the_bundle_makes_itself_cannot_be_given(tmp_path: Path) -> None:
    file = mapping(tmp_path, 'yield {"resourceType": "Device", "id": "software", "type": {"text": "x"}}')
    with pytest.raises(
        MappingError, match=r"Device/software of the mapping 'mine' .* is what the Bundle makes by itself"
    ):
        built(CASE, file)


PARTS = """
from typing import Annotated
from pydantic import Field, field_validator
from fhir_case.case import Event, KeyedEntry, Section
from fhir_case.case.entry import key_of
from fhir_case.case.forms import Concept, Key, Quantity
from fhir_case.mapping import Codes, Mapping, observation
codes = Codes.beside(__name__)
class Mutation(Event):
    gene: Annotated[Concept, codes.table("genes")]
    share: Quantity | None = None
class Assay(KeyedEntry):
    mutations: tuple[Mutation, ...] = ()
    chief: Annotated[Key, key_of("variant")] | None = None
    number: int = 1
    @field_validator("number")
    @classmethod
    def odd(cls, value):
        if value % 2 == 0:
            raise ValueError("a number of assays is odd")
        if value > 100:
            raise LookupError("far too many")
        return value
def give(case):
    for assay in case.entries_of(Assay):
        yield {"resourceType": "Basic", "id": assay.key, "code": {"text": "assay"}}
        for variant in assay.mutations:
            share = {"valueQuantity": codes.quantity(variant.share)} if variant.share else {}
            yield observation(case, variant, kind="laboratory", code=codes.concept("genes", variant.gene, variant),
                              value=share, words=str(variant.share), at=variant.at, profile="urn:p")
mutations = Section("mutations", Mutation, resource="Observation", time="effectiveDateTime", roles=("variant",))
MAPPING = Mapping("assay", give, "x", sections=(Section("assays", Assay, resource="Basic", parts=(mutations,)),))
"""


@pytest.fixture
def assays(tmp_path: Path) -> Path:
    (tmp_path / "genes.toml").write_text(
        '[egfr]\ntext = "EGFR"\ncodings = [{ system = "http://www.genenames.org/geneId", code = "HGNC:3236" }]\n'
    )
    file = tmp_path / "assay.py"
    file.write_text(PARTS)
    return file


def test_parts_have_roles_tables_beside_the_file_and_the_units_of_the_house(assays: Path) -> None:
    section = """\
assays:
  - key: first
    mutations: [{key: v, gene: egfr, share: 12 %, at: anchor, source: page 1}]
    chief: v
    source: page 1
laboratory: [{key: a, test: alt, value: 4 U/L, at: 2 wk after v, source: page 1}]
"""
    made = built(CASE + section, assays)

    assert "HGNC:3236" == made["Observation/small-v"]["code"]["coding"][0]["code"]
    assert "%" == made["Observation/small-v"]["valueQuantity"]["code"]
    assert "2020-02-14" == made["Observation/small-a"]["effectiveDateTime"]


def test_the_words_of_an_outside_model_are_kept(assays: Path) -> None:
    assert ["small.yaml:7:31: assays.first.number: a number of assays is odd"] == said(
        CASE + "assays: [{key: first, number: 2, source: page 1}]", assays
    )
    with pytest.raises(MappingError) as caught:
        built(CASE + "assays: [{key: first, number: 101, source: page 1}]", assays)
    assert f"{assays}:22: the model of a section failed at small.yaml: LookupError: far too many" in str(caught.value)


def test_a_broken_table_of_a_mapping_is_an_error_of_the_mapping_that_names_the_table(assays: Path) -> None:
    (assays.parent / "genes.toml").write_text('egfr = "EGFR"\n')
    assays.write_text(PARTS + "# another content, so that nothing is remembered\n")
    section = "assays: [{key: p, mutations: [{key: v, gene: egfr, at: anchor, source: s}], source: s}]"
    with pytest.raises(MappingError, match=r"genes\.toml: \[egfr\]: it is a table with 'text'"):
        built(CASE + section, assays)


def test_an_entry_that_becomes_no_resource_of_its_key_is_an_error_when_it_is_referred_to(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("""
from fhir_case.case import Event, Section
from fhir_case.mapping import Mapping
MAPPING = Mapping("mine", lambda case: iter(()), "x", sections=(Section("own", Event, resource="Basic", time="x"),))
""")
    section = """\
own: [{key: q, at: anchor, source: page 1}]
laboratory: [{key: a, test: alt, value: 4 U/L, at: 2 wk after q, source: page 1}]
"""
    with pytest.raises(MappingError, match="Observation/a refers to Basic/q, an entry of own, and no mapping gives it"):
        built(CASE + section, file)


def test_validate_reads_a_case_file_with_an_outside_mapping(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(CASE + ENTRIES)
    without = run_command("validate", "small.yaml", cwd=tmp_path)
    checked = run_command("validate", "small.yaml", "--mapping", ECOG, cwd=tmp_path)
    nowhere = run_command("validate", "small.yaml", "--mapping", "nowhere.py", cwd=tmp_path)

    assert (5, 0, 4) == (without.exit_code, checked.exit_code, nowhere.exit_code)
    assert "unknown key 'ecog'" in without.stdout
    assert "nowhere.py: there is no such mapping file" in nowhere.stderr


def test_a_section_that_the_house_has_too_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("""
from fhir_case.case import Event, Section
from fhir_case.mapping import Mapping
section = Section("specimens", Event, resource="Basic", time="x")
MAPPING = Mapping("mine", lambda case: iter(()), "x", sections=(section,))
""")
    with pytest.raises(MappingError) as caught:
        built(CASE, file)

    assert "the section 'specimens' comes twice: from fhir-case" in caught.value.message
    assert caught.value.message.endswith(f"from {file}")
    assert "write its entries as `fhir-case new --section specimens` shows them" in (caught.value.hint or "")
