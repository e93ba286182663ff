"""The code systems, profiles and extensions that a Bundle of ours names; no URI is written anywhere else."""

from __future__ import annotations

__all__ = [
    "ACT_REASON",
    "ADMINISTRATIVE_GENDER",
    "ADVERSE_EVENT_SERIOUSNESS",
    "ADVERSE_EVENT_SEVERITY",
    "ALLERGY_CLINICAL",
    "ALLERGY_TYPE",
    "ALLERGY_VERIFICATION",
    "ASSERTED_DATE",
    "BODY_STRUCTURE_TYPE",
    "CAREPLAN_CATEGORY",
    "CODED_STRING",
    "CONDITION_CATEGORY",
    "CONDITION_CLINICAL",
    "CONDITION_RELATED",
    "CONDITION_VERIFICATION",
    "DATA_ABSENT",
    "DATA_ABSENT_REASON",
    "DATA_ABSENT_REASON_CODES",
    "DATA_OPERATION",
    "DCM",
    "DEVICE_ASSOCIATION_STATUS",
    "DIAGNOSIS_ROLE",
    "DIAGNOSTIC_SERVICE",
    "DOCUMENT_RELATIONSHIP",
    "ELEMENT_OF_R4",
    "ELEMENT_OF_R5",
    "FHIR_DEFINITION",
    "GENDER_IDENTITY",
    "HEALTH_CONCERN",
    "HGVS",
    "ISCN",
    "LOINC",
    "MCODE",
    "MEDICATION_ADHERENCE",
    "NULL_FLAVOR",
    "OBSERVATION_CATEGORY",
    "OBSERVATION_INTERPRETATION",
    "ORIGINAL_TEXT",
    "OTHER_UNIT",
    "PROVENANCE_PARTICIPANT",
    "RACE_AND_ETHNICITY",
    "RELATIVE_DATE_TIME",
    "REQUEST_STATUS_REASON",
    "RESOURCE_PLACEHOLDER",
    "SNOMED",
    "SYSTEMS",
    "UCUM",
    "US_CORE",
]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
ADMINISTRATIVE_GENDER = "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
HEALTH_CONCERN = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
DATA_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
DATA_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
OBSERVATION_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CAREPLAN_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/careplan-category"
CONDITION_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ALLERGY_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
ADVERSE_EVENT_SERIOUSNESS = "http://terminology.hl7.org/CodeSystem/adverse-event-seriousness"
ADVERSE_EVENT_SEVERITY = "http://terminology.hl7.org/CodeSystem/adverse-event-severity"
PROVENANCE_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
RACE_AND_ETHNICITY = "urn:oid:2.16.840.1.113883.6.238"
HGVS = "http://varnomen.hgvs.org"
ISCN = "https://iscn.karger.com"
BODY_STRUCTURE_TYPE = "http://hl7.org/fhir/resource-types"
DIAGNOSIS_ROLE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
DIAGNOSTIC_SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"

# Code systems of R5.
ALLERGY_TYPE = "http://hl7.org/fhir/allergy-intolerance-type"
DEVICE_ASSOCIATION_STATUS = "http://hl7.org/fhir/deviceassociation-status"
DOCUMENT_RELATIONSHIP = "http://hl7.org/fhir/document-relationship-type"
MEDICATION_ADHERENCE = "http://hl7.org/fhir/CodeSystem/medication-statement-adherence"

FHIR_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"
ELEMENT_OF_R4 = "http://hl7.org/fhir/4.0/StructureDefinition/extension-"
DATA_ABSENT_REASON_CODES = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
ELEMENT_OF_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"
DATA_ABSENT_REASON = FHIR_DEFINITION + "data-absent-reason"
RESOURCE_PLACEHOLDER = "http://hapifhir.io/fhir/StructureDefinition/resource-placeholder"  # HAPI FHIR 8.8.0
ASSERTED_DATE = FHIR_DEFINITION + "condition-assertedDate"
REQUEST_STATUS_REASON = FHIR_DEFINITION + "request-statusReason"
CONDITION_RELATED = FHIR_DEFINITION + "condition-related"
CODED_STRING = FHIR_DEFINITION + "iso21090-SC-coding"
GENDER_IDENTITY = FHIR_DEFINITION + "patient-genderIdentity"
ORIGINAL_TEXT = FHIR_DEFINITION + "originalText"
OTHER_UNIT = FHIR_DEFINITION + "iso21090-PQ-translation"
RELATIVE_DATE_TIME = FHIR_DEFINITION + "cqf-relativeDateTime"

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"

# The short names that the code tables write.
SYSTEMS = {
    "SNOMED": SNOMED,
    "LOINC": LOINC,
    "DCM": DCM,
    "NCIT": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "ICD-10": "http://hl7.org/fhir/sid/icd-10",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "MEDDRA": "https://www.meddra.org",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ATC": "http://www.whocc.no/atc",
    "GTS": "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation",
    "NULL-FLAVOR": NULL_FLAVOR,
    "HPO": "http://human-phenotype-ontology.org",
    "ROLE": "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
    "ACT-CODE": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "ACT-REASON": ACT_REASON,
    "ACT-PRIORITY": "http://terminology.hl7.org/CodeSystem/v3-ActPriority",
    "ADMIT-SOURCE": "http://terminology.hl7.org/CodeSystem/admit-source",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "DISCHARGE-DISPOSITION": "http://terminology.hl7.org/CodeSystem/discharge-disposition",
    "ORGANIZATION-TYPE": "http://terminology.hl7.org/CodeSystem/organization-type",
    "PRACTITIONER-ROLE": "http://terminology.hl7.org/CodeSystem/practitioner-role",
    "ROLE-CODE": "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
    "HGNC": "http://www.genenames.org",
}
