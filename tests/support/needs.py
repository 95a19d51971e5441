"""What a test needs of a computer: hardware, of whose marks one of two is skipped, and what pip cannot bring."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from toolbox.runtime.hardware import cuda_obstacle, has_bf16

_OBSTACLE = cuda_obstacle()
needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16 instructions")
needs_no_bf16 = pytest.mark.skipif(has_bf16(), reason="this processor has bf16 instructions")
needs_cuda = pytest.mark.skipif(_OBSTACLE is not None, reason=f"no CUDA here: {_OBSTACLE}")
needs_no_cuda = pytest.mark.skipif(_OBSTACLE is None, reason="CUDA can be used here")


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test for what this computer lacks; in CI, which must have it, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
