"""The fixtures, each as a test of a user's project has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import responses

from fhir_case.errors import BundleError, RejectedError
from fhir_case.server.client import Client
from fhir_case.server.hapi import HapiServer
from fhir_case.testing.loading import Load
from fhir_case.testing.namespace import FhirNamespace
from fhir_case.testing.servers import Servers
from smallserver import Reply, Request, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., pytest.RunResult]

# What each run of pytest of everybody would import.
HEAVY = (
    "fhir_case.load",
    "fhir_case.server",
    "filelock",
    "orjson",
    "psutil",
    "pydantic",
    "requests",
)


def test_a_run_that_uses_nothing_imports_nothing_of_weight_and_says_nothing(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error")
    pytester.makepyfile("import sys\n\ndef test_modules():\n    print(' '.join(['MODULES', *sys.modules]))")

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-s")

    result.assert_outcomes(passed=1)
    modules = set(re.findall(r"MODULES (.*)", result.stdout.str())[0].split())
    ours = {name for name in modules if name.partition(".")[0] == "fhir_case"}
    assert {"fhir_case", "fhir_case.testing", "fhir_case.testing.plugin"} == ours
    assert not modules & set(HEAVY)
    assert "fhir" not in result.stdout.str().split("MODULES")[0].split("plugins:")[0].lower()


def test_all_names_for_annotations_are_there() -> None:
    import fhir_case.testing

    found = {name: getattr(fhir_case.testing, name) for name in fhir_case.testing.__all__}
    assert all(each.__name__ == name for name, each in found.items())


@pytest.mark.server
def test_tests_with_the_same_case_do_not_meet_and_leave_nothing(run: Run, hapi_r4: str) -> None:
    result = run(
        """
        import pytest
        from fhir_case.server.client import Client

        seen = []

        @pytest.mark.parametrize("number", [1, 2])
        def test_case(hapi_r4, case_bundle, load, fhir_namespace, number):
            loaded = load(case_bundle("hcc-tare-sorafenib", profiles="none"))
            kind, patient = loaded.place("Patient/patient").split("/")
            with Client(hapi_r4) as client:
                found = list(client.search("Observation", {"subject": f"Patient/{patient}", "code": "53962-7"}))
            assert 4 == len(found)
            assert loaded.read("Patient/patient") == loaded.read(f"Patient/{patient}")
            assert patient == fhir_namespace.id("patient")
            assert len(set(loaded.ids)) == len(loaded.journal.entries) > 100
            seen.append(fhir_namespace.name)
            print("NAME", fhir_namespace)
            assert number == 1, "the second one fails"

        def test_names():
            assert 2 == len(set(seen))
        """,
        "--fhir-server", hapi_r4, "-s",
    )  # fmt: skip

    result.assert_outcomes(passed=2, failed=1)
    assert f"fhir-server: {hapi_r4}" in result.stdout.str()
    names = re.findall(r"NAME (\w+)", result.stdout.str())
    assert 2 == len(names)
    with Client(hapi_r4) as client:
        for name in names:
            for kind in ("Patient", "Observation", "Condition", "Procedure"):
                assert [] == list(client.search(kind, {"identifier": f"urn:fhir-case:{name}|"}))
            with pytest.raises(RejectedError, match="deleted"):
                client.read("Provenance", f"{name}-provenance")


@pytest.mark.server
def test_what_the_code_under_test_created_is_removed_if_it_can_be_found(run: Run, hapi_r4: str) -> None:
    result = run(
        """
        import requests

        def post(base, resource):
            return requests.post(f"{base}/{resource['resourceType']}", json=resource, timeout=30)

        def test_it(hapi_r4, load, fhir_namespace):
            patient = load({"resourceType": "Patient", "id": fhir_namespace.id("p")}).ids[0]
            about = {"subject": {"reference": patient}, "status": "final", "code": {"text": "x"}}
            told = post(hapi_r4, {"resourceType": "Observation", **about})
            fhir_namespace.created(told.headers["Location"])
            posted = post(hapi_r4, {"resourceType": "Device", "identifier": [fhir_namespace.identifier("d")]}).json()
            fhir_namespace.created(posted)
            found = [
                told,
                post(hapi_r4, {"resourceType": "Device", "identifier": [fhir_namespace.identifier("d2")]}),
                post(hapi_r4, {"resourceType": "Basic", "code": {}, "meta": {"tag": [fhir_namespace.tag]}}),
            ]
            fhir_namespace.look_in("Basic")
            print("REMOVED", *(each.headers["Location"] for each in found), f"{hapi_r4}/{patient}")
            print("KEPT", post(hapi_r4, {"resourceType": "Location", "name": "x"}).headers["Location"])
        """,
        "--fhir-server", hapi_r4, "-s", "-W", "error",
    )  # fmt: skip

    result.assert_outcomes(passed=1)
    told = {word: rest.split() for word, rest in re.findall(r"(REMOVED|KEPT) (.*)", result.stdout.str())}
    with Client(hapi_r4) as client:
        for url in told["REMOVED"]:
            with pytest.raises(RejectedError, match="410"):
                client.request("GET", url.partition("/_history")[0])
        assert 200 == client.request("GET", told["KEPT"][0]).status


@pytest.mark.server
def test_what_cannot_be_removed_is_a_warning_that_names_it(run: Run, hapi_r4: str) -> None:
    result = run(
        """
        import requests

        def test_it(hapi_r4, load, fhir_namespace):
            load({"resourceType": "Organization", "id": fhir_namespace.id("other")})
            patient = load({"resourceType": "Patient", "id": fhir_namespace.id("p")}).ids[0]
            finding = {"resourceType": "Flag", "status": "active", "code": {}, "subject": {"reference": patient}}
            print("FLAG", requests.post(f"{hapi_r4}/Flag", json=finding, timeout=30).headers["Location"])
            print("NAME", fhir_namespace)
        """,
        "--fhir-server", hapi_r4, "-s", "-W", "default",
    )  # fmt: skip

    result.assert_outcomes(passed=1, warnings=1)
    told = result.stdout.str()
    name = re.findall(r"NAME (\w+)", told)[0]
    warning = told.split("LeftOverWarning: ")[1]
    assert f"::test_it: could not be removed from {hapi_r4}: Patient/{name}-p (" in warning
    assert re.findall(r"FLAG \S+/(Flag/\w+)", told)[0] in warning
    with Client(hapi_r4) as client, pytest.raises(RejectedError, match="410"):
        client.read("Organization", f"{name}-other")


def test_what_was_there_before_stays(run: Run, fake: SmallServer) -> None:
    fake.put({"resourceType": "Patient", "id": "theirs"})
    result = run(
        """
        def test_it(load, fhir_namespace):
            theirs = {"resourceType": "Patient", "id": "theirs", "gender": "male"}
            ours = {"resourceType": "Patient", "id": fhir_namespace.id("p")}
            entries = [{"resource": each} for each in (theirs, ours)]
            load({"resourceType": "Bundle", "type": "collection", "entry": entries})
        """,
        "--fhir-server", fake.url,
    )  # fmt: skip

    result.assert_outcomes(passed=1)
    assert {"Patient/theirs"} == fake.names


def test_a_refused_bundle_fails_at_the_line_of_the_test_with_the_words_of_the_server(
    run: Run, fake: SmallServer
) -> None:
    result = run(
        """
        def test_it(load, fhir_namespace):
            subject = {"reference": "Patient/nobody"}
            load({"resourceType": "Observation", "id": fhir_namespace.id("o"), "subject": subject})
        """,
        "--fhir-server", fake.url,
    )  # fmt: skip

    result.assert_outcomes(failed=1)
    told = result.stdout.str()
    assert re.search(r"E +fhir_case.errors.RejectedError: .*Resource Patient/nobody not found", told)
    assert ">       load({" in told
    assert "fhir_case/testing" not in told
    assert set() == fake.names


def test_what_a_broken_load_left_behind_is_removed(run: Run, fake: SmallServer) -> None:
    def stores_and_breaks_off(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        found = answer()
        if request.is_transaction and request.entries[0]["request"]["method"] == "PUT":
            return Reply(400, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "I lie"}]})
        return found

    fake.hook = stores_and_breaks_off
    result = run(
        """
        def test_it(load, fhir_namespace):
            load({"resourceType": "Patient", "id": fhir_namespace.id("p")})
        """,
        "--fhir-server", fake.url,
    )  # fmt: skip

    result.assert_outcomes(failed=1)
    assert "I lie" in result.stdout.str()
    assert any(each.is_transaction and each.entries[0]["request"]["method"] == "DELETE" for each in fake.requests)
    assert set() == fake.names


def test_of_a_server_that_ignores_the_search_only_our_own_is_removed(run: Run, fake: SmallServer) -> None:
    fake.put({"resourceType": "Patient", "id": "theirs", "identifier": [{"system": "urn:theirs", "value": "1"}]})
    fake.hook = lambda request, answer: (
        Reply(200, {"resourceType": "Bundle", "entry": [{"resource": each} for each in fake.resources.values()]})
        if request.method == "GET" and request.path == ("Patient",)
        else answer()
    )
    result = run(
        """
        def test_it(load, fhir_namespace):
            load({"resourceType": "Patient", "id": fhir_namespace.id("p")})
        """,
        "--fhir-server", fake.url,
    )  # fmt: skip

    result.assert_outcomes(passed=1)
    assert {"Patient/theirs"} == fake.names


def test_a_wrong_case_name_and_a_wrong_resource_name_are_told_in_one_line_each(run: Run, fake: SmallServer) -> None:
    result = run(
        """
        def test_case(case_bundle):
            case_bundle("hcc-tare-sorafenip")

        def test_name(load, fhir_namespace):
            load({"resourceType": "Patient", "id": fhir_namespace.id("patient")}).read("Patient/patent")

        def test_created(fhir_namespace):
            fhir_namespace.created("Patient 1")

        def test_id(fhir_namespace):
            fhir_namespace.id("a b")
        """,
        "--fhir-server", fake.url, "-q", "--tb=line",
    )  # fmt: skip

    told = result.stdout.str()
    assert "there is no such file; did you mean 'hcc-tare-sorafenib'?" in told
    assert "no Patient/patent was loaded; did you mean 'Patient/patient'?" in told
    assert "'Patient 1' names no resource; pass Type/id" in told
    assert re.search(r"'\w+-a b' is not an id", told)


def test_a_server_that_is_not_reached_is_an_error_of_each_test_without_a_traceback(run: Run) -> None:
    with SmallServer.like() as gone:
        pass
    result = run(
        """
        def test_one(hapi_r4): pass
        def test_two(hapi_r5): pass
        def test_three(load, fhir_namespace):
            load({"resourceType": "Patient"})
        """,
        "--fhir-server", gone.url,
    )  # fmt: skip

    result.assert_outcomes(errors=2, failed=1)
    assert "refused" in result.stdout.str()
    assert "fhir_case/testing" not in result.stdout.str()


def test_no_url_ends_the_run_before_any_test(run: Run) -> None:
    result = run("def test_one(): pass", "--fhir-server", "https://user:secret@fhir.example/fhir")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    assert "ERROR: --fhir-server: the base URL of fhir.example holds a user name" in result.stderr.str()
    assert "secret" not in result.stderr.str().replace("holds a user name or password", "")


def test_the_release_of_a_server_decides_which_fixture_it_is_for(
    run: Run, fake: SmallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    class Embedded(HapiServer):
        @property
        def base_url(self) -> str:
            return "http://127.0.0.1:9/embedded"

        def start(self) -> Embedded:
            started.append(self.options)
            return self

        def stop(self) -> None:
            started.append("stopped")

    monkeypatch.setattr("fhir_case.server.hapi.HapiServer", Embedded)
    result = run(
        f"""
        import pytest

        @pytest.fixture(scope="session")
        def hapi_options():
            return {{"heap": "1g", "strict": True}}

        def test_four(hapi_r4):
            assert hapi_r4 == {fake.url!r}

        def test_five(hapi_r5):
            assert hapi_r5 == "http://127.0.0.1:9/embedded"
        """,
        "--fhir-server", fake.url, "--fhir-db", "postgres",
    )  # fmt: skip

    result.assert_outcomes(passed=2)
    assert [("R5", "1g", True, "postgres"), "stopped"] == [
        each if isinstance(each, str) else (each.fhir, each.heap, each.strict, each.db) for each in started
    ]


def test_an_unknown_option_of_the_embedded_server_is_told(run: Run) -> None:
    result = run("""
        import pytest

        @pytest.fixture(scope="session")
        def hapi_options():
            return {"heat": "1g"}

        def test_four(hapi_r4): pass
    """)

    result.assert_outcomes(errors=1)
    assert "hapi_options: the embedded server has no option 'heat'; did you mean 'heap'?" in result.stdout.str()


def test_a_test_of_r5_alone_means_the_r5_server(run: Run, fake: SmallServer) -> None:
    result = run(
        f"""
        import pytest

        asked = []

        @pytest.fixture(scope="session")
        def hapi_r5():
            asked.append(5)
            return "http://127.0.0.1:9/r5"

        @pytest.fixture
        def client(hapi_r5):
            return hapi_r5

        def of_five(bundle):
            procedures = [each["resource"] for each in bundle["entry"] if "/Procedure/" in each["fullUrl"]]
            return any("occurrencePeriod" in each or "occurrenceDateTime" in each for each in procedures)

        def test_five(client, fhir_namespace, case_bundle):
            assert of_five(case_bundle("hcc-tare-sorafenib"))
            assert not of_five(case_bundle("hcc-tare-sorafenib", fhir="R4"))
            fhir_namespace.created("Patient/5")
            assert [("http://127.0.0.1:9/r5", "Patient/5")] == list(fhir_namespace.notes.created)
            fhir_namespace.notes.created.clear()

        def test_both(hapi_r4, hapi_r5, fhir_namespace, case_bundle):
            assert not of_five(case_bundle("hcc-tare-sorafenib"))
            assert of_five(case_bundle("hcc-tare-sorafenib", fhir="R5"))
            fhir_namespace.created("Patient/4")
            assert [({fake.url!r}, "Patient/4")] == list(fhir_namespace.notes.created)

        def test_neither(fhir_namespace):
            fhir_namespace.look_in("Patient")
            assert [({fake.url!r}, "Patient")] == list(fhir_namespace.notes.types)
        """,
        "--fhir-server", fake.url,
    )  # fmt: skip

    result.assert_outcomes(passed=3)


def test_only_labelled_data_leave_this_machine() -> None:
    base = "https://fhir.example/fhir"
    with responses.RequestsMock() as http:  # what is not announced here fails
        http.get(f"{base}/metadata", json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
        servers = Servers([base], None, None)
        load = Load(servers, FhirNamespace("t1", lambda: base), lambda: base)
        with pytest.raises(BundleError, match=r"it is not labelled as test data, and fhir\.example is not") as caught:
            load({"resourceType": "Patient", "id": "t1-p"})
    assert "--real-patient-data" not in str(caught.value)


def test_credentials_go_to_the_named_server_and_to_no_other(pytester: pytest.Pytester, fake: SmallServer) -> None:
    from support import ROOT

    page = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
    pytester.makeconftest(re.findall(r"```python\n(# conftest.py\n.*?bearer.*?)```", page, flags=re.DOTALL)[0])
    with SmallServer.like() as other, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FHIR_TOKEN", "s3cret")
        pytester.makepyfile(f"""
            def test_it(load, fhir_namespace):
                load({{"resourceType": "Patient", "id": fhir_namespace.id("p")}})
                load({{"resourceType": "Patient", "id": fhir_namespace.id("p")}}, {other.url!r})
        """)
        pytester.runpytest("-p", "no:cacheprovider", "--fhir-server", fake.url).assert_outcomes(passed=1)

        assert {"Bearer s3cret"} == {each.headers.get("Authorization") for each in fake.requests}
        assert {None} == {each.headers.get("Authorization") for each in other.requests}
        assert set() == fake.names | other.names
