"""Marks of tests that the hardware decides upon: of each pair one is skipped, and the report says which and why."""

from __future__ import annotations

import pytest

from toolbox.runtime.hardware import cuda_obstacle, has_bf16

_OBSTACLE = cuda_obstacle()
needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16 instructions")
needs_no_bf16 = pytest.mark.skipif(has_bf16(), reason="this processor has bf16 instructions")
needs_cuda = pytest.mark.skipif(_OBSTACLE is not None, reason=f"no CUDA here: {_OBSTACLE}")
needs_no_cuda = pytest.mark.skipif(_OBSTACLE is None, reason="CUDA can be used here")
