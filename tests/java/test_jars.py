from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from fhir_case.errors import CheckerError
from fhir_case.java.jars import provide_jars
from fhir_case.java.repositories import remote_repositories, without_secrets
from fhir_case.server.hapi import Event, silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fhir_case.java.events import Listener
    from fhir_case.java.lock import Jar
    from pretended_java import Machine, Repository


@pytest.fixture
def get(machine: Machine) -> _Get:
    machine.store.mkdir(parents=True)
    return _Get(machine)


class _Get:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def __call__(self, jars: Sequence[Jar], listener: Listener = silent) -> None:
        provide_jars(
            jars, self.machine.store, title="the jars", environment=self.machine.environment, listener=listener
        )

    def content(self, jar: Jar) -> bytes:
        return (self.machine.store / jar.path).read_bytes()


def test_the_jars_are_downloaded_once(get: _Get, repository: Repository) -> None:
    jars = [repository.add(f"jar{n}", os.urandom(200_000)) for n in range(20)]
    events: list[Event] = []
    get(jars, events.append)
    get(jars)
    assert [repository.files[jar.path] for jar in jars] == [get.content(jar) for jar in jars]
    assert 20 == len(repository.asked)
    assert (4_000_000, 4_000_000) == (events[-1].done, events[-1].total)


def test_a_file_with_another_hash_is_refused_and_not_kept(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"what is listed")
    repository.files[jar.path] = b"what is served"
    with pytest.raises(CheckerError, match="SHA-256 differs"):
        get([jar])
    assert [] == [file.name for file in get.machine.store.rglob("jar-1*")]


def test_a_longer_file_is_refused(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"listed")
    repository.files[jar.path] += b" and more"
    with pytest.raises(CheckerError, match="more than 6 bytes"):
        get([jar])


def test_a_download_that_broke_off_goes_on_where_it_was(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", os.urandom(300_000))
    repository.break_off_after = 200_000
    get([jar])
    assert repository.files[jar.path] == get.content(jar)
    first, second = (wanted for _, wanted in repository.asked)
    assert ("", True) == (first, second.startswith("bytes=") and int(second[6:-1]) > 0)


def test_a_part_of_an_earlier_run_is_gone_on_with(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"0123456789")
    part = get.machine.store / f"{jar.path}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"0123")
    get([jar])
    assert [(jar.path, "bytes=4-")] == repository.asked
    assert b"0123456789" == get.content(jar)


def test_a_server_that_knows_no_ranges_sends_the_file_from_the_start(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"0123456789")
    repository.ranges = False
    part = get.machine.store / f"{jar.path}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"xxxx")
    get([jar])
    assert b"0123456789" == get.content(jar)


def test_an_overloaded_repository_is_asked_again(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"content")
    repository.failures = 1
    get([jar])
    assert b"content" == get.content(jar)


def test_a_jar_that_no_repository_has_is_a_clear_error(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"content")
    repository.files.clear()
    with pytest.raises(CheckerError, match=r"jar-1\.jar could not be downloaded \(http://127.*not there\).*mirror"):
        get([jar])


def test_no_network_is_a_clear_error(
    get: _Get, repository: Repository, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_case.java.download._ATTEMPTS", 1)
    jar = repository.add("jar", b"content")
    get.machine.environment["FHIR_CASE_MAVEN_REPOSITORY"] = f"http://user:hush@127.0.0.1:{unused_port}"
    with pytest.raises(CheckerError, match=r"no connection.*check the network") as caught:
        get([jar])
    assert "hush" not in str(caught.value)


def test_an_altered_jar_is_replaced_before_it_is_used(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"content")
    get([jar])
    (get.machine.store / jar.path).write_bytes(b"CONTENT")
    get([jar])
    assert b"content" == get.content(jar)


def test_a_jar_that_was_only_touched_is_not_downloaded_again(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"content")
    get([jar])
    os.utime(get.machine.store / jar.path, (1, 1))
    get([jar])
    assert 1 == len(repository.asked)


def test_the_local_maven_repository_saves_the_download(get: _Get, repository: Repository, tmp_path: Path) -> None:
    good, bad = repository.add("good", b"content"), repository.add("bad", b"content")
    for jar, content in ((good, b"content"), (bad, b"CONTENT")):
        (tmp_path / "m2" / jar.path).parent.mkdir(parents=True)
        (tmp_path / "m2" / jar.path).write_bytes(content)
    get([good, bad])
    assert [bad.path] == [path for path, _ in repository.asked]
    assert (b"content", b"content") == (get.content(good), get.content(bad))
    assert b"CONTENT" == (tmp_path / "m2" / bad.path).read_bytes()  # what is not ours is left as it is


def test_a_second_process_waits_for_the_one_that_downloads(get: _Get, repository: Repository) -> None:
    jar = repository.add("jar", b"content")
    waits = threading.Event()
    with FileLock(get.machine.store / "filling.lock"):
        other = threading.Thread(target=get, args=([jar], lambda event: waits.set() if event.step == "wait" else None))
        other.start()
        assert waits.wait(60)
        assert [] == repository.asked
    other.join()
    assert b"content" == get.content(jar)


def test_a_full_disk_is_told_before_the_download(
    get: _Get, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: full)
    with pytest.raises(CheckerError, match="no space left"):
        get([repository.add("jar", b"content")])
    assert [] == repository.asked


def test_without_jgo_and_mirror_the_extra_is_named(machine: Machine) -> None:
    with pytest.raises(CheckerError, match=r"pip install 'fhir-case\[hapi\]'"):
        remote_repositories({})
    assert (machine.environment["FHIR_CASE_MAVEN_REPOSITORY"],) == remote_repositories(machine.environment)


def test_a_mirror_that_is_no_url_is_refused_without_its_password(machine: Machine) -> None:
    with pytest.raises(CheckerError, match="'ftp://host/x' is not") as caught:
        remote_repositories({"FHIR_CASE_MAVEN_REPOSITORY": "ftp://user:hush@host/x"})
    assert "hush" not in str(caught.value)
    assert "https://host/x" == without_secrets("https://user:hush@host/x?token=hush")
