"""Processes that are started quickly: forks of one that has imported everything and done nothing yet."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SERVING = """
import json, os, sys
import {imports}

{program}

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        run(*json.loads(line))
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

EXTRACTION = "toolbox.collect.extraction.run, toolbox.cli"
"""All that an extraction needs."""


@dataclass
class Forks:
    """Starts processes one after another; each runs the function `run` of a program."""

    process: subprocess.Popen[str]

    def start(self, *arguments: object) -> int:
        """Start a process that calls `run` with these arguments; its id."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(arguments, default=str) + "\n")
        self.process.stdin.flush()
        return self._number()

    def exit_code(self) -> int:
        """Wait until the process has ended; negative for the signal that killed it."""
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@contextlib.contextmanager
def forks_of(program: str, *, imports: str = EXTRACTION, root: Path | None = None) -> Iterator[Forks]:
    """Where forks of a program come from; the program defines a function `run`.

    Args:
        program: source text.
        imports: modules that are imported once, before the forks.
        root: folder of another copy of the toolbox, which is imported instead of this one.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _SERVING.format(imports=imports, program=program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)} if root else None,
    ) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()
