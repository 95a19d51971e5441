"""Many small computations at the same time. Owns how many, and that each has one thread of the linear algebra.

With several threads each, small matrices take longer, many times as long where other programs compute too; and the
last digits of a result would depend on the number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

from toolbox.runtime.hardware import usable_cores

MOST_MEMORY = 2e9
"""Bytes that the computations may need together."""

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def results_in_order(
    compute: Callable[[_Task], _Result], tasks: Sequence[_Task], bytes_each: float
) -> Iterator[_Result]:
    """The results of all tasks, in the order of the tasks, each as soon as it and those before it are there.

    Args:
        compute: mostly linear algebra, which other threads need not wait for.
        tasks: what it is called with.
        bytes_each: that a computation needs.

    Example:
        >>> list(results_in_order(abs, [-1, 2, -3], 8))
        [1, 2, 3]
    """
    workers = max(1, min(usable_cores(), len(tasks), int(MOST_MEMORY / max(bytes_each, 1))))
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(compute, task) for task in tasks]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:  # after an error, or Ctrl-C, nothing else is begun
                future.cancel()
