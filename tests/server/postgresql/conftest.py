"""A place that the ordinary account of PostgreSQL can reach, which the folders of pytest are not for root."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a new folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="fhir-case-test-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
