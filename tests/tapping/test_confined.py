"""The process that runs a graph of unknown size: each of its limits alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from support.foreign_graphs import residual, saved
from support.hostile_graphs import of_the_image
from toolbox.tapping.bounds import CANNOT_RUN
from toolbox.tapping.confined import EXCEEDED
from toolbox.terms import IMAGE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems lack some of these limits")
PROGRAM = """
import resource, sys
from pathlib import Path
from toolbox.tapping import confined

def used():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

{then}
"""


def ended(then: str) -> int:
    """The exit code of a program."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(then=then)], check=False, stderr=subprocess.PIPE
    )
    return done.returncode


def with_own_input(model: onnx.ModelProto) -> onnx.ModelProto:
    """A graph whose input has the name that the toolbox gives it."""
    model.graph.input[0].name = IMAGE
    for node in model.graph.node:
        node.input[:] = [IMAGE if name == "x" else name for name in node.input]
    return model


def code_of(model: onnx.ModelProto, folder: Path, more: int = 3 * 2**30) -> int:
    """The exit code of the run of a graph with some memory more than is used before."""
    file = saved(with_own_input(model), folder / "net.onnx")
    words = f"{str(file)!r}, '2', '32', '32', str(used() + {more}), '20'"
    return ended(f"sys.exit(confined.run_with_limits({words}))")


@pytest.mark.parametrize(("bytes_", "code"), [(2 * 10**8, 0), (10**9, 7)])
def test_the_memory_is_limited(bytes_: int, code: int) -> None:
    then = (
        f"confined.confine(used() + 5 * 10**8, 20)\ntry: bytearray({bytes_})\nexcept MemoryError: sys.exit(7)"
    )
    assert ended(then) == code


def test_the_time_of_the_processor_is_limited() -> None:
    assert ended("import time\nconfined.confine(2**40, 0)\nwhile time.process_time() < 30: pass") in (
        -signal.SIGXCPU,
        -signal.SIGKILL,
    )


def test_no_image_of_the_memory_is_written() -> None:
    assert (
        ended("confined.confine(2**40, 20)\nsys.exit(resource.getrlimit(resource.RLIMIT_CORE) != (0, 0))")
        == 0
    )


def test_the_exit_code_tells_a_graph_that_exceeds_its_limits_from_one_that_cannot_run(tmp_path: Path) -> None:
    assert code_of(residual(), tmp_path) == 0
    assert code_of(of_the_image(), tmp_path) == EXCEEDED
    model = residual()
    model.graph.node[0].op_type = "Nothing"
    assert code_of(model, tmp_path) == CANNOT_RUN


def test_a_file_that_is_larger_than_the_memory_exceeds_it(tmp_path: Path) -> None:
    model = residual()
    model.graph.initializer.append(
        onnx.TensorProto(name="w", data_type=1, dims=[2**26], raw_data=bytes(2**28))
    )
    assert code_of(model, tmp_path, more=2**27) == EXCEEDED
