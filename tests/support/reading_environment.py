"""Libraries that read what the toolbox exports, in an environment of their own: AnnData pins an old pandas.

The environment is made once, below `.pytest_cache`, with pip; without a package index the tests that need it are
skipped, except in CI. A test module names this one in its `pytest_plugins`.
"""

from __future__ import annotations

import subprocess
import sys
import venv

import pytest
from filelock import FileLock

from support.needs import skip_or_fail

READERS = ("anndata==0.12.19", "rsatoolbox==0.3.2")
_DONE = "readers.txt"


@pytest.fixture(scope="session")
def reading_python(request: pytest.FixtureRequest) -> str:
    """The Python of an environment with the libraries."""
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir(f"readers-{sys.version_info.major}.{sys.version_info.minor}")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    with FileLock(folder.with_suffix(".lock")):
        done = folder / _DONE
        if not done.exists() or done.read_text(encoding="utf-8").split() != list(READERS):
            venv.create(folder, with_pip=True, clear=True)
            command = [str(python), "-m", "pip", "install", "--quiet", *READERS]
            installed = subprocess.run(command, capture_output=True, text=True, check=False)
            if installed.returncode:
                skip_or_fail(
                    f"{', '.join(READERS)} cannot be installed here: {installed.stderr.strip()[-300:]}"
                )
            done.write_text("\n".join(READERS), encoding="utf-8")
    return str(python)
