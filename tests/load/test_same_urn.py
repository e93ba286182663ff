"""Two Bundles may call different resources the same ``urn:uuid:…``, also where each is sent in parts."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

from load.sample import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Reply, Request, SmallServer

    Run = Callable[..., tuple[int, str, str]]

URN = "urn:uuid:00000000-0000-4000-8000-000000000001"


def a_bundle(family: str) -> dict[str, Any]:
    """Return a patient and five findings about her, which say her name too."""
    patient = {"resourceType": "Patient", "name": [{"family": family}]}
    finding = {"resourceType": "Observation", "status": "final", "code": {"text": "AFP"}, "subject": {"reference": URN}}
    entries: list[dict[str, Any]] = [
        {"fullUrl": URN, "resource": patient, "request": {"method": "POST", "url": "Patient"}}
    ]
    for number in range(5):
        resource = {**finding, "valueString": f"{family} {number}"}
        entries.append({"resource": resource, "request": {"method": "POST", "url": "Observation"}})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def test_each_finding_is_about_the_patient_of_its_own_bundle(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    second_of_berta_came = Event()

    def in_turn(request: Request, answer: Callable[[], Reply]) -> Reply:
        # Anna's last part is made when Berta's first one is stored, and her name is the last that is known.
        if b"Berta 1" in request.content:
            second_of_berta_came.set()
        reply = answer()
        if b"Anna 1" in request.content:
            assert second_of_berta_came.wait(20)
        return reply

    fake.hook = in_turn
    for family in ("Anna", "Berta"):
        write(tmp_path, f"in/{family}.json", a_bundle(family))
    code, _, err = run("upload", tmp_path / "in", "--server", fake.url, "--max-entries", "2", "--concurrency", "2")

    assert code == 0, err
    family_of = {
        name: stored["name"][0]["family"] for name, stored in fake.resources.items() if name.startswith("Patient/")
    }
    found = [stored for name, stored in fake.resources.items() if name.startswith("Observation/")]
    assert len(found) == 10
    for each in found:
        assert each["valueString"].startswith(family_of[each["subject"]["reference"]])
