"""The command, run as a user does."""

from __future__ import annotations

import os
import subprocess
import sys


def run(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in a process of its own."""
    environment = {**os.environ, "COLUMNS": "100", **environment}
    done = subprocess.run(
        [sys.executable, "-m", "toolbox", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == code, done.stderr
    return done
