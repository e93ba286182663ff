"""
A public runner of SQL on FHIR, pysof, and the rows that it makes of resources.

The wheels of pysof bring an OpenSSL that needs glibc 2.38, though they are labelled for 2.34. Where glibc is older, as
in Debian 12, the runner is loaded from a folder of links in which the OpenSSL of this Python has the place of that one;
it reads no address here, so that it calls nothing of it.
"""

from __future__ import annotations

import importlib
import json
import re
import ssl
import sys
import warnings
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Row", "columns_of", "pysof", "rows"]

Row = dict[str, Any]


@cache
def pysof() -> Any:
    """
    Return the module of the runner.

    Raises:
        ImportError: It cannot be loaded here.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=ImportWarning):
            importlib.import_module("pysof._pysof")
    except ImportError as error:
        if "GLIBC" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "pysof"]:
            del sys.modules[name]
        sys.path.insert(0, str(_with_the_openssl_of_python()))
        importlib.import_module("pysof._pysof")
    return importlib.import_module("pysof")


def _with_the_openssl_of_python() -> Path:
    folder = Path(mkdtemp(prefix="pysof-"))
    loaded = _loaded_libraries()
    for file in distribution("pysof").files or ():
        source, link = Path(str(file.locate())), folder / file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(loaded.get(re.split(r"[-.]", source.name)[0], source))
    return folder


def _loaded_libraries() -> dict[str, Path]:
    """Return the files of OpenSSL that this process has loaded, by the beginnings of their names."""
    assert ssl.OPENSSL_VERSION_INFO >= (3,), f"pysof needs OpenSSL 3: {ssl.OPENSSL_VERSION}"
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()}
    return {Path(one).name.partition(".")[0]: Path(one) for one in mapped if re.search(r"/lib(crypto|ssl)\.so", one)}


def rows(view: dict[str, Any], resources: Iterable[dict[str, Any]]) -> list[Row]:
    """Return the rows of a view as the runner makes them, without the columns that are empty."""
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    found: list[Row] = json.loads(pysof().run_view_definition(json.dumps(view), json.dumps(bundle), "json"))
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def columns_of(view: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of a view."""
    return [column for select in view["select"] for column in select["column"]]
