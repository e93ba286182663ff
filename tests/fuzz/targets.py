"""The readers, each as a function of bytes that raises only what is a fault; and good inputs to begin with."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import responses

from fhir_case.bundle import build_bundle
from fhir_case.case.reading import case_of
from fhir_case.documents import find_documents
from fhir_case.errors import FhirCaseError
from fhir_case.export import to_phenopacket
from fhir_case.fhir.compare import compare
from fhir_case.fhir.wire import dump, mapping, parse
from fhir_case.interop.baseline import compare_with
from fhir_case.interop.result import InteropResult
from fhir_case.load.journal.reader import read_header, read_records, read_requests
from fhir_case.mapping.cases import model_of_cases, read_case
from fhir_case.readers import read_cases
from fhir_case.readers.phenopacket import PHENOPACKET
from fhir_case.readers.phenopacket.reading import read_packet
from fhir_case.readers.table import TABLES
from fhir_case.readers.table.loading import load_recipe
from fhir_case.readers.table.tables import open_import
from fhir_case.server.capabilities import from_statement
from fhir_case.server.client import Client
from fhir_case.server.named.reading import read_servers
from fhir_case.server.outcome import outcome_text, page_text
from fhir_case.timeline import draw, entries_of, read_timeline
from fhir_case.validation import validate
from fhir_case.validation.engine.answers import read_answer
from fhir_case.validation.engine.packages import read_package
from fhir_case.validation.waivers import read_waivers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TARGETS", "seeds"]

BASE = "http://127.0.0.1:8080/fhir"
CASES = Path(__file__).parent.parent / "cases"
PACKET = CASES.parent / "readers" / "phenopackets" / "everything.yaml"


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fhir-case-fuzz-"))


def _file(name: str, data: bytes) -> Path:
    file = _folder() / name
    file.write_bytes(data)
    return file


def _documents(name: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        for document in find_documents(_file(name, data)):
            content = getattr(document, "content", None)
            if isinstance(content, dict):
                validate(content, skip=("structure",))

    return read


def _journal(data: bytes) -> None:
    file = _file("journal.jsonl", data)
    read_header(file)
    list(read_requests(file))
    list(read_records(file))


def _baseline(data: bytes) -> None:
    compare_with(_file("baseline.json", data), InteropResult("1", "2026-01-01T00:00:00Z"))


def _package(data: bytes) -> None:
    for _ in read_package(_file("package.tgz", data)).files():
        pass


def _json(use: Callable[[Any], object]) -> Callable[[bytes], None]:
    """Return a target that uses what is parsed, as the client does; text that is no JSON is its error already."""

    def read(data: bytes) -> None:
        try:
            value = parse(data)
        except (ValueError, RecursionError, ArithmeticError):
            return
        use(value)

    return read


def _compared(value: Any) -> None:
    bundle = mapping(value)
    pair = [mapping(each) for each in bundle.get("entry", [])[:2]] if isinstance(bundle.get("entry"), list) else []
    try:
        dump(pair[:1])
    except TypeError:
        return  # what cannot be written cannot have been sent
    if len(pair) == 2:
        compare(*pair)


def _answer(data: bytes) -> None:
    """The first line is the status, those up to an empty one are headers, the rest is the body."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").splitlines() or [""]
    status = int(first) % 1000 if first.isascii() and first.isdigit() and len(first) < 9 else 200
    headers = dict(line.split(":", 1) for line in lines if ":" in line and line.split(":", 1)[0].isidentifier())
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        for method in (responses.GET, responses.POST):
            mocked.add(
                method,
                f"{BASE}/metadata" if method == responses.GET else BASE,
                body=body,
                status=max(status, 200),
                headers=headers,
                content_type="application/fhir+json",
            )
        mocked.add(responses.GET, f"{BASE}/Patient/a", body=body, status=max(status, 200), headers=headers)
        client = Client(BASE)
        for ask in (
            client.capabilities,
            lambda: client.read("Patient", "a"),
            lambda: client.transaction({"resourceType": "Bundle", "type": "transaction", "entry": []}),
        ):
            try:
                ask()
            except FhirCaseError:
                continue


def _phenopacket(data: bytes) -> None:
    for one in read_cases(_file("packet.json", data), PHENOPACKET):
        if one.case is not None:
            build_bundle(one.case)


def _recipe(name: str) -> Callable[[bytes], None]:
    """The recipe changes, its tables do not."""

    def read(data: bytes) -> None:
        for table, content in TABLES_OF_RECIPE.items():
            _file(table, content)
        for _ in read_cases(_file(name, data), TABLES):
            pass

    return read


def _table(name: str, form: str) -> Callable[[bytes], None]:
    """The table changes, its recipe does not; the rows that are right become cases."""

    def read(data: bytes) -> None:
        recipe = _file(f"of-{name}.yaml", RECIPE.replace(b"events.csv", form.encode()))
        _file("patients.csv", TABLES_OF_RECIPE["patients.csv"])
        _file(name, data)
        with open_import(load_recipe(recipe, model_of_cases()), recipe.parent, model_of_cases()) as tables:
            for _ in tables.cases(model_of_cases(), keep_going=True):
                pass

    return read


def _exported(value: Any) -> None:
    entries = mapping(value).get("entry")
    listed = entries if isinstance(entries, list) else [{"resource": value}]
    to_phenopacket(mapping(mapping(one).get("resource")) for one in listed)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": _documents("a.json"),
    "ndjson": _documents("a.ndjson"),
    "gzip": _documents("a.json.gz"),
    "zip": _documents("a.zip"),
    "case": lambda data: void(read_case(data)),
    "case as a document": _documents("a.yaml"),
    "phenopacket": _phenopacket,
    "to a phenopacket": _json(_exported),
    "recipe": _recipe("recipe.yaml"),
    "recipe in TOML": _recipe("recipe.toml"),
    "table": _table("events-1.csv", "events-1.csv"),
    "table in another encoding": _table("events-2.csv", "events-2.csv, encoding: utf-16"),
    "workbook": _table("events-3.xlsx", "events-3.xlsx, sheet: Events"),
    "servers": lambda data: void(read_servers(_file("servers.toml", data))),
    "waivers": lambda data: void(read_waivers(_file("waivers.toml", data))),
    "journal": _journal,
    "baseline": _baseline,
    "package": _package,
    "outcome": _json(lambda value: outcome_text(mapping(value))),
    "page": lambda data: void(page_text(data.decode("utf-8", "replace"))),
    "statement": _json(lambda value: from_statement(mapping(value))),
    "validator": _json(read_answer),
    "comparison": _json(_compared),
    "answer": _answer,
    "timeline": _json(lambda value: draw(read_timeline(entries_of(mapping(value))))),
}


def void(_: object) -> None:
    """Return nothing."""


OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "invalid",
            "diagnostics": "Bundle.entry[0]: x",
            "details": {"coding": [{"system": "urn:x", "code": "a", "display": "b"}], "text": "c"},
            "expression": ["Bundle.entry[0]"],
            "extension": [{"url": "http://x", "valueString": "y"}],
        }
    ],
}
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "software": {"name": "x", "version": "1"},
    "format": ["json"],
    "rest": [
        {
            "mode": "server",
            "interaction": [{"code": "transaction"}],
            "resource": [
                {
                    "type": "Patient",
                    "interaction": [{"code": "read"}],
                    "conditionalCreate": True,
                    "searchParam": [{"name": "identifier", "type": "token"}],
                }
            ],
        }
    ],
}
TABLES_OF_RECIPE = {
    "patients.csv": b"id,sex,day\nA,f,17.05.2020\nB,m,-9\n",
    "events.csv": b"id,test,value,unit,kinds\nA,AFP,12.5,ng/mL,x|y\nA,Hb,<5,g/dL,\nB,?,7,mg,y\n",
}
RECIPE = b"""recipe: fuzz
title: Patient {id}
report: {citation: Made up, transcribed: 2026-11-29}
timeline: {anchor: diagnosis, index_date: {any: [{column: day, date: "%d.%m.%Y"}, 2020-01-01]}}
absent: [-9]
maps: {sexes: {f: female, m: male}}
files:
  patients: {path: patients.csv, patient: id, rows: patient}
  events: {path: events.csv, patient: id}
entries:
  - {section: patient, file: patients, fields: {sex: {column: sex, map: sexes}}}
  - section: conditions
    file: patients
    key: diagnosis
    fields: {kind: disease, diagnosis: {text: gout}, verification: confirmed, status: active, at: anchor}
  - section: laboratory
    file: events
    key: result
    fields:
      test: {column: test, map: {AFP: afp}, others: words}
      value: {column: value, unit: {column: unit}}
      at: anchor
  - section: procedures
    file: events
    key: done
    each: [kinds]
    only_if: {column: kinds, not: [z]}
    fields: {procedure: {column: kinds, words: true}, at: "after diagnosis", note: "{value} {unit}"}
"""
RECIPE_IN_TOML = b"""recipe = "fuzz"
title = "Patient {id}"
absent = [-9]
report = { citation = "Made up", transcribed = 2026-11-29 }
timeline = { anchor = "diagnosis", index_date = 2020-01-01 }

[files]
patients = { path = "patients.csv", patient = "id", rows = "patient" }
events.path = "events.csv"
events.patient = 'id'

[[entries]]
section = "patient"
file = "patients"
fields = { sex = { column = "sex", map = { f = "female", m = "male" } } }

[[entries]]
section = "conditions"
file = "patients"
key = "diagnosis"
[entries.fields]
kind = "disease"
diagnosis.text = "gout"
verification = "confirmed"
status = "active"
at = "anchor"
"""
SERVERS = b"""[a]
url = "http://localhost:8080/fhir"
fhir = "R4"
auth = { kind = "bearer", token = "${TOKEN}" }
headers = { "X-Tenant" = "b" }
"""
WAIVERS = b"""[[waiver]]
check = "dom-6"
resource = "Patient/*"
reason = "none is needed"
"""


def seeds(target: str) -> Iterator[bytes]:
    """Yield good inputs of a target."""
    small = [file.read_bytes() for file in sorted(CASES.glob("*/bundle.json"), key=lambda one: one.stat().st_size)[:3]]
    cases = [file.read_bytes() for file in sorted(CASES.glob("*/case.yaml"), key=lambda one: one.stat().st_size)[:4]]
    patient = json.dumps(parse(small[0])["entry"][0]["resource"], default=float).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", patient)
        archive.writestr("folder/b.ndjson", patient + b"\n" + patient)
    packet = PACKET.read_bytes()
    outcome, statement = json.dumps(OUTCOME).encode(), json.dumps(STATEMENT).encode()
    answers = [
        b'%d\nETag: W/"1"\nRetry_After: 1\n\n%b' % (code, body) for code in (200, 422) for body in (outcome, statement)
    ]
    yield from {
        "json": [patient, *small],
        "ndjson": [patient + b"\n" + patient],
        "gzip": [gzip.compress(patient, mtime=0)],
        "zip": [packed.getvalue()],
        "case": cases,
        "case as a document": cases[:1],
        "phenopacket": [packet],
        "to a phenopacket": [
            json.dumps(
                build_bundle(case_of(read_packet(packet.decode(), "packet.yaml").tree, model_of_cases())), default=float
            ).encode()
        ]
        if target == "to a phenopacket"
        else (),
        "recipe": [RECIPE],
        "recipe in TOML": [RECIPE_IN_TOML],
        "table": [TABLES_OF_RECIPE["events.csv"]],
        "table in another encoding": [TABLES_OF_RECIPE["events.csv"].decode().encode("utf-16")],
        "workbook": [_workbook()] if target == "workbook" else (),
        "servers": [SERVERS],
        "waivers": [WAIVERS],
        "journal": _journals() if target == "journal" else (),
        "baseline": [b'{"servers": [{"name": "a", "probes": [], "bundles": []}], "version": 1}'],
        "package": [gzip.compress(bytes(1024), mtime=0), b""],
        "outcome": [outcome],
        "page": [b"<html><head><title>x</title></head><body><!-- a --><script>b</script>Down &amp; out</body>"],
        "statement": [statement],
        "validator": [outcome],
        "comparison": [b'{"entry": [%b, %b]}' % (patient, patient)],
        "answer": answers,
        "timeline": [patient, *small],
    }[target]


def _workbook() -> bytes:
    import csv

    import openpyxl

    book, written = openpyxl.Workbook(), io.BytesIO()
    sheet = book.create_sheet("Events", 0)
    for row in csv.reader(io.StringIO(TABLES_OF_RECIPE["events.csv"].decode())):
        sheet.append(row)
    book.save(written)
    return written.getvalue()


@cache
def _journals() -> tuple[bytes, ...]:
    from load.sample import bundle, labelled, write
    from smallserver import SmallServer
    from support import run_command

    with SmallServer.like() as server:
        write(_folder(), "loaded.json", labelled(bundle("a")))
        command = ["upload", _folder() / "loaded.json", "--server", server.url, "--journal", _folder() / "loaded.jsonl"]
        assert 0 == run_command(*command).exit_code
    return ((_folder() / "loaded.jsonl").read_bytes(),)
