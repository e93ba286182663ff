"""The page about security names tests that exist, and the bill of materials says what the lock file says."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from fhir_case.java.lock import LOCK_FILE, read_lock
from support import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
BILL = ROOT / "docs" / "jars.cdx.json"


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", PAGE)

    assert 20 < len(named)
    assert [] == [f"{file}::{test}" for file, test in named if f"def {test}(" not in (ROOT / file).read_text("utf-8")]


def test_each_row_of_the_page_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| who")]

    assert [] == [row for row in rows if "::test_" not in row]


def test_the_readme_leads_to_what_is_promised() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")

    assert "SECURITY.md" in readme
    assert "docs/security.md" in readme


def test_the_bill_of_materials_has_the_jars_of_the_lock_with_size_and_hash() -> None:
    components = json.loads(BILL.read_text("utf-8"))["components"]
    said = {
        (
            f"{one['group'].replace('.', '/')}/{one['name']}/{one['version']}/",
            one["hashes"][0]["content"],
            {each["name"]: each["value"] for each in one["properties"]}["fhir-case:bytes"],
        )
        for one in components
    }

    assert {(jar.path.rpartition("/")[0] + "/", jar.sha256, str(jar.size)) for jar in read_lock()} == said
    assert len(read_lock()) == len(components)


def test_the_script_writes_the_same_bytes_again() -> None:
    before = BILL.read_bytes()

    subprocess.run([sys.executable, ROOT / "scripts" / "make-sbom"], check=True)

    assert before == BILL.read_bytes()
    assert "jars.lock" == LOCK_FILE.name
