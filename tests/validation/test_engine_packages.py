"""Which packages a check needs and where they come from, and what a validator's answer is worth. No Java here."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
import requests

from fhir_case import Hl7Engine, validate
from fhir_case.errors import CheckerError
from fhir_case.java.events import silent
from fhir_case.validation.engine.answers import read_answer
from fhir_case.validation.engine.home import provide_home
from fhir_case.validation.engine.packages import Package, choose, for_server, packages_in_cache, read_package
from fhir_case.validation.engine.registry import fetch_package
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator

MCODE_PATIENT = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-patient"
CORE, CROSS = "hl7.fhir.r4.core", "hl7.fhir.xver-extensions"


def package(name: str, version: str = "1.0.0", canonical: str = "", **dependencies: str) -> Package:
    needs = {name.replace("_", "."): wanted for name, wanted in dependencies.items()}
    return Package(name, version, canonical, needs, Path(name))


CORES = (package(CORE, "4.0.1"), package(CROSS, "0.1.0"))


def none(name: str, version: str) -> None:
    """No registry."""


def labels(*claimed: str, given: tuple[Package, ...] = (), cached: tuple[Package, ...] = CORES) -> list[str]:
    return [one.label for one in choose(claimed, "R4", given=given, cached=cached, fetch=none)]


def archive(folder: Path, name: str, version: str, content: dict[str, Any], **manifest: Any) -> Path:
    file = folder / f"{name}-{version}.tgz"
    files = {"package.json": {"name": name, "version": version, **manifest}, **content}
    with tarfile.open(file, "w:gz") as target:
        for path, value in files.items():
            data = json.dumps(value).encode()
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return file


def test_the_package_of_a_claimed_profile_is_taken_with_what_it_needs() -> None:
    mcode = package("hl7.fhir.us.mcode", "4.0.0", hl7_fhir_us_core="6.1.0", us_nlm_vsac="0.10.0")
    core = package("hl7.fhir.us.core", "6.1.0")
    chosen = labels(MCODE_PATIENT, cached=(*CORES, mcode, core, package("other", canonical="http://example.org")))
    assert [f"{CORE}#4.0.1", f"{CROSS}#0.1.0", "hl7.fhir.us.mcode#4.0.0", "hl7.fhir.us.core#6.1.0"] == chosen


def test_another_package_is_found_by_the_begin_of_its_urls_the_longest_first() -> None:
    short, long = package("short", canonical="http://example.org"), package("long", canonical="http://example.org/a")
    assert "long#1.0.0" in labels("http://example.org/a/StructureDefinition/x", cached=(*CORES, short, long))
    assert "short#1.0.0" in labels("http://example.org/b/StructureDefinition/x", cached=(*CORES, short, long))


def test_the_version_that_is_claimed_wins_over_the_newest() -> None:
    versions = tuple(
        package("guide", version, "http://example.org") for version in ("2.0.0", "10.0.0", "10.0.0-ballot")
    )
    assert "guide#2.0.0" in labels("http://example.org/x|2.0.0", cached=(*CORES, *versions))
    assert "guide#10.0.0" in labels("http://example.org/x", cached=(*CORES, *versions))


def test_packages_that_need_each_other_come_once() -> None:
    one, two = package("one", two="1.0.0"), package("two", one="1.0.0")
    assert ["one#1.0.0", "two#1.0.0"] == labels(given=(one, two))[2:]


def test_without_the_core_package_the_error_says_where_it_may_come_from() -> None:
    with pytest.raises(CheckerError, match=r"hl7\.fhir\.r4\.core 4\.0\.1 is missing; name it with --package"):
        labels(cached=())


def test_a_file_that_is_no_package_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "x-1.tgz"
    damaged.write_bytes(b"\x1f\x8b no archive")
    with pytest.raises(CheckerError, match=r"x-1\.tgz: is not a FHIR package"):
        read_package(damaged)
    unnamed = archive(tmp_path, "a", "1", {}, canonical=7)
    with pytest.raises(CheckerError, match="another form"):
        read_package(unnamed)


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a,b", "a#b", "", "a\nb", "a" * 200, "..", 5, None])
def test_a_package_whose_name_is_a_path_or_a_list_is_refused(name: Any, tmp_path: Path) -> None:
    file = archive(tmp_path, "good", "1.0.0", {"package.json": {"name": name, "version": "1.0.0"}})

    with pytest.raises(CheckerError, match=r"is not a FHIR package: .*name or version"):
        read_package(file)


@pytest.mark.parametrize("needs", [{"../x": "1.0.0"}, {"x": "../../1"}, {"x": {}}, {"x": None}])
def test_a_package_that_needs_one_whose_name_or_version_is_a_path_is_refused(needs: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckerError, match="name or version"):
        read_package(archive(tmp_path, "good", "1.0.0", {}, dependencies=needs))


def test_a_document_that_claims_a_version_with_a_path_makes_no_request_and_no_file(tmp_path: Path) -> None:
    assert None is fetch_package("http://127.0.0.1:9", "hl7.fhir.us.mcode", "../../outside", tmp_path / "a" / "b")
    assert [] == list(tmp_path.rglob("*"))


def members(file: Path, *named: tuple[str, bytes, dict[str, Any]]) -> Path:
    """Write an archive of members with attributes of their own after the manifest of a good package."""
    manifest = json.dumps({"name": "good", "version": "1.0.0"}).encode()
    with tarfile.open(file, "w:gz") as target:
        for name, data, attributes in (("package/package.json", manifest, {}), *named):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for attribute, value in attributes.items():
                setattr(member, attribute, value)
            target.addfile(member, io.BytesIO(data))
    return file


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("package/../../outside.json", {}),
        ("/outside.json", {}),
        ("other/outside.json", {}),
        ("package/link.json", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("package/link.json", {"type": tarfile.LNKTYPE, "linkname": "../../outside.json"}),
        ("package/device.json", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}),
        ("package/control\x1b[31m.json", {}),
        (".", {}),
    ],
)
def test_a_member_outside_of_the_package_or_no_file_is_passed_over(
    name: str, attributes: dict[str, Any], tmp_path: Path
) -> None:
    package = read_package(members(tmp_path / "p.tgz", (name, b"", attributes)))

    assert ["package.json"] == [str(path) for path, _ in package.files()]


def sparse_claim(file: Path, kind: bytes, size: int) -> Path:
    """Write an archive whose only member claims a size that it does not have."""
    member = tarfile.TarInfo("package/large.json")
    member.type, member.size = kind, size
    file.write_bytes(gzip.compress(member.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)))
    return file


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_member_that_claims_gigabytes_is_refused_before_it_is_read(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(CheckerError, match=r"is not a FHIR package: it has (more than|a header)"):
        read_package(sparse_claim(tmp_path / "p.tgz", kind, 8_000_000_000))


def test_a_manifest_of_any_depth_or_size_is_refused(tmp_path: Path) -> None:
    for data in (b"[" * 100_000, b"[]", b"5", b" " * 2_000_000, b"{"):
        file = tmp_path / "p.tgz"
        with tarfile.open(file, "w:gz") as target:
            member = tarfile.TarInfo("package/package.json")
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
        with pytest.raises(CheckerError, match="is not a FHIR package"):
            read_package(file)


def test_terminology_of_any_shape_in_a_package_is_no_traceback(tmp_path: Path) -> None:
    include: list[Any] = [5, {"system": [], "concept": [{}, 5, {"code": {}}]}]
    odd: list[dict[str, Any]] = [{"compose": 5}, {"compose": {"include": include}}, {"url": []}]
    content: dict[str, Any] = {
        f"ValueSet-{number}.json": {"resourceType": "ValueSet", **more} for number, more in enumerate(odd)
    }
    content |= {"CodeSystem-a.json": {"resourceType": "CodeSystem", "content": [], "url": {}}, "ValueSet-b.json": []}
    package = read_package(archive(tmp_path, "good", "1.0.0", content))

    assert provide_home([package], tmp_path / "homes", silent).is_dir()


def test_a_damaged_package_in_the_cache_is_passed_over(tmp_path: Path) -> None:
    for name, text in {"a#1": '{"name": "a", "version": "1"}', "b#1": "{"}.items():
        (tmp_path / name / "package").mkdir(parents=True)
        (tmp_path / name / "package" / "package.json").write_text(text)
    assert ["a#1"] == [one.label for one in packages_in_cache(tmp_path)]
    assert () == packages_in_cache(tmp_path / "absent")


def test_a_server_gets_the_packages_it_lacks_each_after_what_it_needs(tmp_path: Path) -> None:
    core = archive(tmp_path, CORE, "4.0.1", {})
    guide = archive(tmp_path, "guide", "1.0.0", {}, dependencies={"base": "1.0.0", CORE: "4.0.1"})
    base = archive(tmp_path, "base", "1.0.0", {})
    assert (base, guide) == for_server([core, guide, base])


def test_the_home_of_the_engine_has_no_dependency_that_is_not_there_and_no_circle(tmp_path: Path) -> None:
    files = [
        archive(tmp_path, CORE, "4.0.1", {"ValueSet-a.json": value_set("http://example.org/codes", "1", "One")}),
        archive(tmp_path, "one", "1.0.0", {}, dependencies={"two": "9", "absent": "1"}),
        archive(tmp_path, "two", "1.0.0", {}, dependencies={"one": "9"}),
    ]
    home = provide_home([read_package(file) for file in files], tmp_path / "homes", silent)
    root = home / ".fhir" / "packages"

    def needs(label: str) -> dict[str, str]:
        manifest: dict[str, Any] = json.loads((root / label / "package" / "package.json").read_text())
        return dict(manifest["dependencies"])

    assert ({"two": "1.0.0"}, {}) == (needs("one#1.0.0"), needs("two#1.0.0"))
    assert "version=4" in (root / "packages.ini").read_text()
    systems = [json.loads(file.read_text()) for file in root.glob("fhircase.*/package/CodeSystem-*.json")]
    assert [{"code": "1", "display": "One"}] == next(
        one["concept"] for one in systems if one["url"] == "http://example.org/codes"
    )


def test_a_changed_package_gets_a_home_of_its_own(tmp_path: Path) -> None:
    first = provide_home([read_package(archive(tmp_path, CORE, "4.0.1", {}))], tmp_path / "homes", silent)
    again = provide_home([read_package(archive(tmp_path, CORE, "4.0.1", {"a.json": {}}))], tmp_path / "homes", silent)
    assert first != again


def value_set(system: str, code: str, display: str) -> dict[str, Any]:
    concept = {"code": code, "display": display}
    return {"resourceType": "ValueSet", "compose": {"include": [{"system": system, "concept": [concept]}]}}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry with one package, one that is another, and one that it does not give out."""
    good = archive(tmp_path, "guide", "1.0.0", {}).read_bytes()
    answers = {"/guide/1.0.0": (200, good), "/false/1.0.0": (200, good), "/secret/1.0.0": (403, b"")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_registry_is_asked_once_for_a_package(registry: str, tmp_path: Path) -> None:
    fetched = fetch_package(registry, "guide", "1.0.0", tmp_path / "packages")
    assert fetched is not None
    assert "guide#1.0.0" == fetched.label
    assert fetched == fetch_package("http://127.0.0.1:9", "guide", "1.0.0", tmp_path / "packages")
    assert fetch_package(registry, "absent", "1.0.0", tmp_path / "packages") is None


@pytest.mark.parametrize(("name", "said"), [("false", "sent guide#1.0.0 when false#1.0.0"), ("secret", "HTTP 403")])
def test_a_registry_that_gives_something_else_is_named(registry: str, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(CheckerError, match=said) as caught:
        fetch_package(registry, name, "1.0.0", tmp_path / "packages")
    assert registry in caught.value.where
    assert [] == list((tmp_path / "packages").iterdir())


def test_a_registry_with_a_password_in_its_address_is_refused_without_being_repeated(
    registry: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckerError, match="is not the address of a registry of packages") as caught:
        fetch_package(registry.replace("//", "//user:secret@"), "guide", "1.0.0", tmp_path / "packages")
    assert "secret" not in str(caught.value)


def test_a_certificate_that_is_not_accepted_is_told_with_where_to_name_an_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = requests.exceptions.SSLError("certificate verify failed: self-signed certificate")
    monkeypatch.setattr("fhir_case.http.session.Session.get", Mock(side_effect=refused))

    with pytest.raises(CheckerError, match=r"could not be fetched: .*REQUESTS_CA_BUNDLE.*--package"):
        fetch_package("https://127.0.0.1:9", "guide", "1.0.0", tmp_path)


def test_a_registry_that_is_not_reached_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CheckerError, match=r"could not be fetched: no connection; .*FHIR_CASE_PACKAGE_REGISTRY"):
        fetch_package("http://127.0.0.1:9", "guide", "1.0.0", tmp_path)


def outcome(*issues: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def said(severity: str, message_id: str, text: str, place: str = "Observation.code") -> dict[str, Any]:
    url = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id"
    extension = [{"url": url, "valueCode": message_id}]
    return {
        "severity": severity, "code": "code-invalid", "details": {"text": text}, "expression": [place],
        "extension": extension,
    }  # fmt: skip


def test_what_a_validator_has_no_code_system_for_is_neither_passed_nor_failed() -> None:
    absent = said(
        "error",
        "Terminology_TX_NoValid_1_CC",
        "ValueSet http://example.org/v could not be found, so the code cannot be validated",
    )
    answer = read_answer(outcome(absent))
    assert ((), ("http://example.org/v",)) == (answer.findings, answer.unchecked)


def test_a_code_of_an_unknown_system_is_an_error_where_the_binding_is_required() -> None:
    unknown = said(
        "warning", "UNKNOWN_CODESYSTEM", "CodeSystem is unknown http://example.org/s", "Observation.code.coding[0]"
    )
    required = said("error", "Terminology_TX_NoValid_1_CC", "None of the codings provided are in the value set")
    extensible = said("warning", "Terminology_TX_NoValid_2_CC", "None of the codings provided are in the value set")
    assert ["error"] == [one.severity for one in read_answer(outcome(unknown, required)).findings]
    assert () == read_answer(outcome(unknown, extensible)).findings
    assert ["warning"] == [one.severity for one in read_answer(outcome(extensible)).findings]


ODD = {"severity": "error", "code": "x", "diagnostics": "y"}


@pytest.mark.parametrize(
    "answer",
    [
        *(None, [], {}, {"resourceType": "Patient", "issue": []}, outcome({"code": "x"})),
        *(outcome({**ODD, "expression": [5]}), outcome({**ODD, "code": ["x"]}), outcome({**ODD, "diagnostics": 5})),
        outcome({**ODD, "details": {"coding": [{"code": 5}]}}),
    ],
)
def test_an_answer_that_is_no_outcome_is_said_to_be_none(answer: Any) -> None:
    with pytest.raises(CheckerError, match="not an OperationOutcome"):
        read_answer(answer)


def test_an_engine_that_cannot_start_is_a_check_that_could_not_run(tmp_path: Path) -> None:
    with Hl7Engine(package_cache=tmp_path, cache=tmp_path / "cache", state=tmp_path, environment={}) as engine:
        result = validate({"resourceType": "Patient"}, engines=[engine])
    states = {run.name: (run.state, run.reason) for run in result.checks if run.name.startswith("profiles")}
    assert "could not run" == states["profiles"][0]
    assert "hl7.fhir.r4.core 4.0.1 is missing" in states["profiles"][1]
    assert ("not applicable", "profiles could not run") == states["profiles-terminology"]
    assert result.ok  # no error, and no pass either


@pytest.mark.parametrize("command", [["validate", "patient.json"], ["run", "--out", "out"]])
def test_an_engine_that_was_asked_for_and_cannot_run_is_no_success(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "patient.json").write_text('{"resourceType": "Patient", "gender": "male"}')
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    ended = run_command(*command, "--engine", "hl7", cwd=tmp_path, environment=home)
    assert 8 == ended.exit_code
    assert "hl7.fhir.r4.core 4.0.1 is missing" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()


def test_headers_that_follow_one_another_without_end_are_told_as_damage(tmp_path: Path) -> None:
    def member(name: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
        header = tarfile.TarInfo(name)
        header.size, header.type = len(content), kind
        return header.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)

    file = tmp_path / "a-1.tgz"
    manifest = member("package/package.json", b'{"name": "a", "version": "1.0.0"}')
    file.write_bytes(gzip.compress(manifest + 3000 * member("x", b"11 path=ab\n", tarfile.XHDTYPE)))

    with pytest.raises(CheckerError, match=r"a-1\.tgz: is not a FHIR package: .* headers follow one another"):
        list(read_package(file).files())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_no_package_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "a-1.tgz"
    os.mkfifo(pipe)

    with pytest.raises(CheckerError, match="it is a pipe or a device"):
        read_package(pipe)
