"""The database under an embedded server: which one it is, and that both end together. Java only pretends."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fhir_case.errors import CheckerError, FhirCaseError
from fhir_case.server.hapi import HapiServer, running_servers, stop_server
from fhir_case.server.hapi.options import Options
from fhir_case.server.redaction import without_secrets
from server.postgresql.waiting import gone, until

if TYPE_CHECKING:
    from pretended_java import Machine

OWN = "jdbc:postgresql://127.0.0.1:5432/fhir"


def test_an_embedded_postgresql_begins_before_the_server_and_ends_after_it(machine: Machine, tmp_path: Path) -> None:
    machine.java()
    with machine.server(db="postgres", data=tmp_path) as server:
        java, keeper = psutil.Process(server.pid), psutil.Process(server.running.keeper)
        (url,) = (word for word in java.cmdline() if word.startswith("-Dfhircase.database="))
        environment = java.environ()
        assert f"PostgreSQL in {tmp_path}" == server.running.stored_in
        assert "-Dfhircase.kept=true" in java.cmdline()
    assert url.startswith("-Dfhircase.database=jdbc:postgresql://127.0.0.1:")
    assert "fhir" == environment["FHIRCASE_DATABASE_USER"]
    password = (tmp_path / "postgresql-r4" / "password").read_text()
    assert password == environment["FHIRCASE_DATABASE_PASSWORD"]
    assert "***" == without_secrets(password)
    assert not keeper.is_running()
    assert ["PostgreSQL, a new database", "the HAPI FHIR R4 server on Java 21.0.8"] == [
        event.text for event in machine.events if event.step == "start"
    ]


def test_a_killed_server_takes_its_postgresql_with_it_and_the_next_start_finds_the_data(
    machine: Machine, tmp_path: Path
) -> None:
    machine.java()
    first = machine.server(db="postgres", data=tmp_path).start()
    keeper = psutil.Process(first.running.keeper)
    (database,) = keeper.children()
    os.kill(first.pid, signal.SIGKILL)

    assert gone(keeper.pid)
    assert not database.is_running()
    assert not first.alive
    with machine.server(data=tmp_path) as second:  # the folder says which database it holds
        assert "postgres" == second.options.kind
    first.stop()


def test_a_detached_server_is_stopped_with_its_postgresql(machine: Machine, tmp_path: Path) -> None:
    machine.java()
    server = machine.server(db="postgres", data=tmp_path).start_detached()
    state = machine.folder / "state"
    assert psutil.Process(server.keeper).children()

    (found,) = running_servers(state)
    assert server == found
    stop_server(found, state)

    assert not psutil.pid_exists(server.keeper) or psutil.Process(server.keeper).status() == psutil.STATUS_ZOMBIE
    assert f"PostgreSQL (ended) in {tmp_path}" == server.stored_in


def test_a_postgresql_that_ends_for_good_ends_the_server_with_its_log(machine: Machine, tmp_path: Path) -> None:
    machine.java()
    with machine.server(db="postgres", data=tmp_path) as server:
        keeper = psutil.Process(server.running.keeper)
        (database,) = keeper.children()
        keeper.kill()
        assert until(lambda: not server.alive)
        with pytest.raises(CheckerError, match=r"PostgreSQL ended by itself:\n(?s:.*)ready to accept connections"):
            server.check_end()
        assert database.is_running()
    assert gone(database.pid)


def test_without_a_folder_the_postgresql_is_temporary(machine: Machine) -> None:
    machine.java()
    with machine.server(db="postgres") as server:
        assert "PostgreSQL, temporary" == server.running.stored_in
        assert "-Dfhircase.kept=true" not in psutil.Process(server.pid).cmdline()
        (database,) = psutil.Process(server.running.keeper).children()
        folder = Path(database.cmdline()[2]).parent
        assert folder.exists()
    assert not folder.exists()


def test_a_server_that_does_not_start_leaves_no_postgresql(machine: Machine, tmp_path: Path) -> None:
    machine.java(told="FAILED other", ends=True)
    with pytest.raises(CheckerError), machine.server(db="postgres", data=tmp_path):
        pass

    assert not (tmp_path / "postgresql-r4" / "data" / "postmaster.pid").exists()


def test_ones_own_database_gets_user_and_password_from_the_environment(machine: Machine, tmp_path: Path) -> None:
    machine.java()
    (tmp_path / "secret").write_text("from-a-file\n")
    machine.environment |= {"FHIR_CASE_DB_USER": "anna", "FHIR_CASE_DB_PASSWORD_FILE": str(tmp_path / "secret")}
    with machine.server(db=OWN) as server:
        java = psutil.Process(server.pid)
        words, environment = java.cmdline(), java.environ()
        assert OWN == server.running.stored_in
    assert f"-Dfhircase.database={OWN}" in words
    assert ["anna", "from-a-file"] == [environment[f"FHIRCASE_DATABASE_{name}"] for name in ("USER", "PASSWORD")]
    assert "from-a-file" not in " ".join(words)
    assert "refused: ***" == without_secrets("refused: from-a-file")


def test_two_passwords_or_none_that_can_be_read_are_told(machine: Machine, tmp_path: Path) -> None:
    machine.java()
    machine.environment |= {"FHIR_CASE_DB_PASSWORD": "one", "FHIR_CASE_DB_PASSWORD_FILE": str(tmp_path / "none")}
    with pytest.raises(
        FhirCaseError, match="there are FHIR_CASE_DB_PASSWORD and FHIR_CASE_DB_PASSWORD_FILE; unset one"
    ):
        machine.server(db=OWN).start()
    del machine.environment["FHIR_CASE_DB_PASSWORD"]
    with pytest.raises(FhirCaseError, match="none: the password cannot be read: No such file or directory"):
        machine.server(db=OWN).start()


@pytest.mark.parametrize(
    ("db", "message"),
    [
        (
            "postgresql",
            "'postgresql' is not a database of the embedded server; choose h2, postgres or jdbc:postgresql:",
        ),
        ("jdbc:mysql://127.0.0.1/fhir", "this is not the URL of a PostgreSQL"),
        ("jdbc:postgresql://127.0.0.1/fhir?user=a&password=geheim", "holds a password, which others can read"),
        ("jdbc:postgresql://a:geheim@127.0.0.1/fhir", "holds a password, which others can read"),
    ],
)
def test_a_database_that_cannot_be_meant_is_refused_and_no_password_repeated(db: str, message: str) -> None:
    with pytest.raises(CheckerError) as caught:
        Options(db=db).check()
    assert message in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_folder_with_a_database_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fhir-r4.mv.db").touch()
    with pytest.raises(
        CheckerError, match=r"holds a database of H2 for R4, whose data PostgreSQL would not have; choose"
    ):
        Options(db="postgres", data=tmp_path).check()
    Options(db="postgres", data=tmp_path, fhir="R5").check()
    with pytest.raises(CheckerError, match=r"a database of your own keeps its data itself; leave the folder"):
        Options(db=OWN, data=tmp_path).check()


@pytest.mark.parametrize(
    ("reason", "own", "message"),
    [
        ("password", True, f"{OWN}: the database refuses the user or the password: FATAL: no; set FHIR_CASE_DB_USER"),
        ("unreachable", True, f"{OWN}: the database is not reached: FATAL: no; start it"),
        ("no-database", True, f"{OWN}: there is no such database: FATAL: no; make it"),
        ("right", True, f"{OWN}: the user may not do that: FATAL: no; make the user the owner"),
        ("disk", True, f"{OWN}: no space left for the database: FATAL: no; free"),
        ("release R5", True, f"{OWN}: this database holds FHIR R5, and the server would speak R4; choose --fhir R5"),
        ("password", False, "the database refuses the user or the password: FATAL: no; put the file with the password"),
    ],
)
def test_what_java_says_of_a_database_becomes_a_sentence(
    machine: Machine, tmp_path: Path, reason: str, own: bool, message: str
) -> None:
    machine.java(told=f"org.postgresql.util.PSQLException: FATAL: no\nFAILED {reason}", ends=True)
    options: dict[str, Any] = {"db": OWN} if own else {"db": "postgres", "data": tmp_path}
    with pytest.raises(CheckerError) as caught, machine.server(**options):
        pass
    assert message in str(caught.value)


def test_the_arguments_of_the_python_interface_are_those_of_the_command_line() -> None:
    assert "jdbc" == HapiServer(db=OWN).options.kind
    assert "h2" == HapiServer().options.kind
