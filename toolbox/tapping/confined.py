"""One run of a graph in a process of its own, with a limit of memory and of time. Started by `bounds`.

    python -m toolbox.tapping.confined FILE IMAGES HEIGHT WIDTH BYTES SECONDS

Exit code: 0 for a run, 3 for a graph that cannot run, anything else for one that exceeds its limits.
"""

from __future__ import annotations

import sys

import onnx

from toolbox.errors import UsageError
from toolbox.tapping.bounds import CANNOT_RUN
from toolbox.tapping.trial import probes, run_all

EXCEEDED = 4
"""Exit code of a run that got no more memory."""


def confine(memory: int, seconds: int) -> None:
    """Limit this process, where the operating system can.

    Args:
        memory: bytes.
        seconds: time of the processor.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (8 * seconds, 8 * seconds))  # of all threads


def run_with_limits(file: str, *numbers: str) -> int:
    """Run a graph on images of noise.

    Args:
        file: the graph.
        *numbers: images, height, width, bytes and seconds.
    """
    images, height, width, memory, seconds = map(int, numbers)
    confine(memory, seconds)
    try:
        run_all(onnx.load(file), probes(images, height, width))
    except MemoryError:
        return EXCEEDED
    except UsageError as error:
        return EXCEEDED if "alloc" in str(error) else CANNOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(run_with_limits(*sys.argv[1:]))
