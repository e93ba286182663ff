"""
Measure how much memory the loader takes for inputs of several sizes, with a server that only answers.

The real commands run in processes of their own. The inputs are transactions, or resources as in Bulk Data, a quarter of
the files compressed; they refer to each other and to organizations in a file that has to be sent first.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["bench_memory", "run_measured"]

_SIZES_MB = (100, 1000)
_ORGANIZATIONS = 50
_NARRATIVE = "<p>" + "Alpha-1-fetoprotein was measured in serum before the next session. " * 9 + "</p>"
_KEY = "0123456789abcdef"  # what stands for the key of a Bundle in the template
_EVERY_S = 0.05


@dataclass(frozen=True)
class Shape:
    """
    The shape of the inputs.

    Args:
        words: What it is, in words.
        entries: How many resources a patient has, which are one Bundle.
        file_bytes: How large a file becomes, about.
        plain: Whether each resource is a line of its own instead.
    """

    words: str
    entries: int = 100
    file_bytes: int = 25_000_000
    plain: bool = False


SHAPES = {
    "bundles": Shape("transactions of 100 entries as NDJSON"),
    "large": Shape("transactions of 5,000 entries as NDJSON", entries=5000),
    "resources": Shape("one resource a line as NDJSON", plain=True),
    "files": Shape("each transaction of 10 entries a file", entries=10, file_bytes=1),
}


@dataclass
class Measured:
    """
    The resources that one command took.

    Args:
        peak: The most resident memory, in bytes.
        database: The most that its temporary database had on disk, in bytes.
        seconds: How long it took.
    """

    peak: int = 0
    database: int = 0
    seconds: float = 0.0


def bench_memory(shape: str, sizes_mb: Sequence[int], folder: Path | None, *, verify: bool) -> None:
    """
    Print size against memory.

    Args:
        shape: One of `SHAPES`.
        sizes_mb: How large the inputs are, uncompressed, in millions of bytes.
        folder: Where the inputs are made for the time that it takes; None: where the system keeps such files.
        verify: Whether to read all back and undo it too, in the same way; the server then stores as much on disk.
    """
    print(f"{SHAPES[shape].words}, a quarter of the files compressed; a server that only answers")
    print(_row("input", "resources", "command", "peak memory", "database", "journal", "s"))
    for size in sizes_mb or _SIZES_MB:
        with tempfile.TemporaryDirectory(dir=folder, prefix="fhir-case-memory-") as scratch:
            _measure(Path(scratch), SHAPES[shape], size, verify=verify)


def _measure(scratch: Path, shape: Shape, size_mb: int, *, verify: bool) -> None:
    inputs, journal = scratch / "inputs", scratch / "journal.jsonl"
    resources = _write_inputs(inputs, shape, size_mb * 1_000_000)
    with _canned_server(scratch / "stored.sqlite" if verify else None) as url:
        upload = ["upload", str(inputs), "--server", url, "--journal", str(journal), "--quiet"]
        commands = {"upload": upload}
        if verify:
            commands["verify JOURNAL"] = ["verify", str(journal)]
            commands["verify FILES"] = ["verify", str(inputs), "--server", url, "--format", "json"]
            commands["undo"] = ["undo", str(journal)]
        for name, command in commands.items():
            found = run_measured(command, scratch)
            sizes = [_mb(each) for each in (found.peak, found.database, journal.stat().st_size)]
            print(_row(f"{size_mb:,} MB", f"{resources:,}", name, *sizes, f"{found.seconds:.0f}"), flush=True)


def _row(size: str, resources: str, command: str, *rest: str) -> str:
    return f"{size:>10} {resources:>12}  {command:<16}" + "".join(f"{each:>14}" for each in rest)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def run_measured(command: Sequence[str], scratch: Path) -> Measured:
    """Run a command of fhir-case; the system knows its peak, its database is sampled."""
    output = scratch / "output"
    begin = time.perf_counter()
    found = Measured()
    with output.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "fhir_case", *command], stdout=file, stderr=file)
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            found.database = max(found.database, _database_bytes(process.pid))
            time.sleep(_EVERY_S)
    process.returncode = os.waitstatus_to_exitcode(status)
    found.seconds = time.perf_counter() - begin
    found.peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    # Resources without an id cannot be found without a journal: then 5 is right.
    if process.returncode not in ((0, 5) if command[0] == "verify" else (0,)):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {_end_of(output)}")
    return found


def _end_of(file: Path) -> str:
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - 2000))
        return content.read().decode(errors="replace")


def _database_bytes(process: int) -> int:
    """Return the bytes of the temporary files of SQLite, which have no name; 0 where the system does not tell."""
    sizes = 0
    with suppress(OSError):
        for opened in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                sizes += opened.stat().st_size if "etilqs" in str(opened.readlink()) else 0
    return sizes


@contextmanager
def _canned_server(stored_in: Path | None) -> Iterator[str]:
    program = Path(__file__).with_name("canned_server.py")
    command = [sys.executable, str(program), *([str(stored_in)] if stored_in else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        to_server, from_server = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        try:
            yield from_server.readline().strip()
        finally:
            to_server.close()


def _write_inputs(folder: Path, shape: Shape, size: int) -> int:
    """Write so many bytes, and return the number of their resources."""
    folder.mkdir()
    chance = random.Random(size)  # noqa: S311  # no secret
    organizations = [_organization(each) for each in range(_ORGANIZATIONS)]
    (folder / "z-organizations.ndjson").write_bytes(_lines(organizations, plain=shape.plain))
    text = _lines(_of_a_patient(shape.entries), plain=shape.plain).replace(b"%", b"%%")
    template = text.replace(_KEY.encode(), b"%(key)b").replace(b"clinic-0", b"clinic-%(clinic)d")
    resources, written, number = _ORGANIZATIONS, 0, 0
    while written < size:
        with _new_file(folder, number) as file:
            end = min(size, written + shape.file_bytes)
            while written < end:
                key = f"{chance.getrandbits(64):016x}".encode()
                lines = template % {b"key": key, b"clinic": chance.randrange(_ORGANIZATIONS)}
                file.write(lines)
                written += len(lines)
                resources += shape.entries
        number += 1
    return resources


def _new_file(folder: Path, number: int) -> IO[bytes]:
    path = folder / f"{number // 1000:03}" / f"{number:06}.ndjson"
    path.parent.mkdir(exist_ok=True)
    if number % 4 == 3:
        return cast("IO[bytes]", gzip.open(path.with_suffix(".ndjson.gz"), "wb", compresslevel=1))
    return path.open("wb")


def _lines(entries: list[dict[str, Any]], *, plain: bool) -> bytes:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    values = [entry["resource"] for entry in entries] if plain else [bundle]
    return b"".join(json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)


def _organization(number: int) -> dict[str, Any]:
    return _put({"resourceType": "Organization", "id": f"clinic-{number}", "name": f"Clinic {number}"})


def _of_a_patient(count: int) -> list[dict[str, Any]]:
    """Return the entries of a patient: all but one observation have an id, and that one an identifier."""
    clinic = {"reference": "Organization/clinic-0"}
    patient = {"resourceType": "Patient", "id": f"p-{_KEY}", "gender": "male", "managingOrganization": clinic}
    found = [_put(patient | _identified("patient"))]
    found += [_put(_observation() | {"id": f"o-{_KEY}-{each}"} | _identified(str(each))) for each in range(count - 2)]
    condition = f"identifier=urn:fhir-case:bench|{_KEY}-once"
    request = {"method": "POST", "url": "Observation", "ifNoneExist": condition}
    return [*found, {"resource": _observation() | _identified("once"), "request": request}]


def _identified(key: str) -> dict[str, Any]:
    return {"identifier": [{"system": "urn:fhir-case:bench", "value": f"{_KEY}-{key}"}]}


def _observation() -> dict[str, Any]:
    loinc = {"system": "http://loinc.org", "code": "1834-1", "display": "Alpha-1-Fetoprotein in Serum or Plasma"}
    value = {"value": 33996, "unit": "ng/mL", "system": "http://unitsofmeasure.org", "code": "ng/mL"}
    text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{_NARRATIVE}</div>'}
    return {
        "resourceType": "Observation",
        "text": text,
        "status": "final",
        "code": {"coding": [loinc], "text": "AFP"},
        "subject": {"reference": f"Patient/p-{_KEY}"},
        "performer": [{"reference": "Organization/clinic-0"}],
        "effectiveDateTime": "2018-05-01",
        "valueQuantity": value,
    }


def _put(resource: dict[str, Any]) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}
