"""``fhir-case packages`` takes files and asks the registry that the user names, and none else."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from support import result_of, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support import Result

CROSS = "hl7.fhir.xver-extensions"


def archive(name: str, version: str, **needs: str) -> bytes:
    out = io.BytesIO()
    dependencies = {need.replace("_", "."): wanted for need, wanted in needs.items()}
    manifest = {"name": name, "version": version, "canonical": f"http://{name}", "dependencies": dependencies}
    with tarfile.open(fileobj=out, mode="w:gz") as target:
        data = json.dumps(manifest).encode()
        member = tarfile.TarInfo("package/package.json")
        member.size = len(data)
        target.addfile(member, io.BytesIO(data))
    return out.getvalue()


@contextmanager
def serving(answers: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """A registry of FHIR packages or of npm: bytes are archives, all else is JSON; and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = answers.get(self.path)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), "FHIR_CASE_PACKAGE_REGISTRY": ""}


def run(home: dict[str, str], *arguments: object) -> Result:
    return run_command("packages", *arguments, environment=home)


def listed(home: dict[str, str]) -> list[str]:
    found = result_of(run(home, "list", "--format", "json").stdout)["packages"]
    return [f"{each['name']}#{each['version']}" for each in found]


def test_a_file_is_kept_and_listed(tmp_path: Path, home: dict[str, str]) -> None:
    file = tmp_path / "any-name.tgz"
    file.write_bytes(archive("guide", "1.0.0"))
    assert [] == listed(home)

    done = run(home, "add", file)
    file.unlink()

    assert (0, "") == (done.exit_code, done.stderr)
    assert "guide#1.0.0 is here: " in done.stdout
    assert ["guide#1.0.0"] == listed(home)
    assert "http://guide" in run(home, "list").stdout


def test_a_file_that_is_no_package_or_is_not_there_is_named(tmp_path: Path, home: dict[str, str]) -> None:
    (tmp_path / "x.tgz").write_bytes(b"no archive")

    for name, said in {"x.tgz": "is not a FHIR package", "absent.tgz": "there is no such file"}.items():
        done = run(home, "add", tmp_path / name)
        assert 8 == done.exit_code
        assert f"{name}: {said}" in done.stderr
    assert [] == listed(home)


def test_a_package_comes_from_the_registry_that_is_named_with_what_it_needs(home: dict[str, str]) -> None:
    answers = {
        "/guide": {"dist-tags": {"latest": "2.0.0"}},
        "/guide/2.0.0": archive("guide", "2.0.0", base="1.0.0", absent="3.0.0"),
        "/base/1.0.0": archive("base", "1.0.0", guide="2.0.0"),
        f"/{CROSS}/0.1.0": archive(CROSS, "0.1.0"),
    }
    with serving(answers) as (url, asked):
        done = run(home, "add", "guide", "--registry", url)

    assert 0 == done.exit_code
    assert ["base#1.0.0", "guide#2.0.0", f"{CROSS}#0.1.0"] == listed(home)
    assert "absent#3.0.0 is not in the registry; guide#2.0.0 needs it" in done.stderr
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("label", ["guide#1.0.0", "guide@1.0.0"])
def test_a_registry_of_npm_says_where_the_archive_is(home: dict[str, str], label: str) -> None:
    answers: dict[str, Any] = {"/guide/-/guide-1.0.0.tgz": archive("guide", "1.0.0")}
    with serving(answers) as (url, _):
        answers["/guide/1.0.0"] = {"dist": {"tarball": f"{url}/guide/-/guide-1.0.0.tgz"}}
        done = run({**home, "FHIR_CASE_PACKAGE_REGISTRY": url}, "add", label)

    assert 0 == done.exit_code, done.stderr
    assert ["guide#1.0.0"] == listed(home)


@pytest.mark.parametrize("answer", [{"dist": {"tarball": "file:///etc/passwd"}}, {"dist": 5}, {}])
def test_a_registry_that_names_no_archive_is_told(home: dict[str, str], answer: Any) -> None:
    with serving({"/guide/1.0.0": answer}) as (url, _):
        done = run(home, "add", "guide#1.0.0", "--registry", url)

    assert 8 == done.exit_code
    assert "without saying where it is" in done.stderr
    assert [] == listed(home)


def test_a_package_that_is_not_there_is_an_error(home: dict[str, str]) -> None:
    with serving({}) as (url, _):
        unknown = run(home, "add", "guide#1.0.0", "--registry", url)
        latest = run(home, "add", "guide", "--registry", url)

    assert (8, 8) == (unknown.exit_code, latest.exit_code)
    assert "there is no package guide#1.0.0" in unknown.stderr
    assert "does not say which version of guide is the latest; name one: NAME#VERSION" in latest.stderr


def test_without_a_registry_nothing_is_asked(home: dict[str, str]) -> None:
    done = run(home, "add", "guide#1.0.0")

    assert 2 == done.exit_code
    assert "needs --registry URL" in done.stderr


@pytest.mark.parametrize("url", ["https://anna:SECRET@127.0.0.1:9", "http://127.0.0.1:9/?key=SECRET", "http://[::1"])
@pytest.mark.parametrize("label", ["guide", "guide#1.0.0"])
def test_a_registry_with_a_secret_in_its_address_is_refused_without_being_repeated(
    home: dict[str, str], url: str, label: str
) -> None:
    done = run(home, "add", label, "--registry", url)

    assert 2 == done.exit_code
    assert "is not the address of a registry of packages" in done.stderr
    assert "SECRET" not in done.stdout + done.stderr


def test_two_packages_whose_labels_look_alike_are_kept_apart(home: dict[str, str]) -> None:
    answers = {"/a/6.1.0-ballot": archive("a", "6.1.0-ballot"), "/a-6.1.0/ballot": archive("a-6.1.0", "ballot")}
    with serving(answers) as (url, asked):
        for label in ("a#6.1.0-ballot", "a-6.1.0#ballot"):
            assert 0 == run(home, "add", label, "--registry", url).exit_code

    assert answers.keys() <= set(asked)
    assert {"a#6.1.0-ballot", "a-6.1.0#ballot"} == set(listed(home))


def test_a_kept_file_that_is_another_package_is_refused_by_name(home: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "fhir-case" / "packages"
    folder.mkdir(parents=True)
    (folder / "guide#1.0.0.tgz").write_bytes(archive("other", "2.0.0"))

    done = run(home, "add", "guide#1.0.0", "--registry", "http://127.0.0.1:9")

    assert 8 == done.exit_code
    assert "guide#1.0.0.tgz: is other#2.0.0 and not guide#1.0.0" in done.stderr


def test_dependencies_without_end_are_refused_by_name(home: dict[str, str]) -> None:
    answers = {f"/guide/{n}.0.0": archive("guide", f"{n}.0.0", guide=f"{n + 1}.0.0") for n in range(120)}
    with serving({**answers, f"/{CROSS}/0.1.0": archive(CROSS, "0.1.0")}) as (url, asked):
        done = run(home, "add", "guide#0.0.0", "--registry", url)

    assert 8 == done.exit_code
    assert "which guide#98.0.0 needs, would be beyond 100 packages in one command" in done.stderr
    assert 100 == len(asked)


def test_packages_of_too_many_bytes_in_all_are_refused_by_name(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_case.validation.engine.obtaining._MOST_BYTES", 100)
    answers = {"/guide/1.0.0": archive("guide", "1.0.0", base="1.0.0")}
    with serving(answers) as (url, asked):
        done = run(home, "add", "guide#1.0.0", "--registry", url)

    assert 8 == done.exit_code
    assert "base#1.0.0, which guide#1.0.0 needs, would be beyond 0 MB of packages" in done.stderr
    assert ["/guide/1.0.0"] == asked
