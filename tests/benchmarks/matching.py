"""How long a matching takes: optimal pairs of large pools, and whole matchings.

    python tests/benchmarks/matching.py

Prints seconds: for pairs of 2,000 x 2,000 stimuli in four variables, of which 40 to 1,900 are kept (to be at most 10 s
each), and for whole matchings of two categories, with the largest standardised difference that is left.

On two busy cores of a virtual machine (2026): pairs 0.1 to 0.5 s, with 1,900 or all kept 6 s; matchings of 2,000 x
2,000 4 s; three categories of 60 with 30 kept 2 to 4 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.matching import largest_difference, pool_rows, solved
from toolbox.design.matching.choices import Matching
from toolbox.design.matching.pairs import optimal_pairs

LIMIT = 10.0  # seconds


def seconds(task: Callable[[], object]) -> float:
    """How long a task takes."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def main() -> None:
    """Print all times; exit with 1 where pairs take longer than the limit."""
    rng = np.random.default_rng(0)
    distances = cdist(rng.normal(size=(2000, 4)), rng.normal(0.5, 1, size=(2000, 4)))
    slowest = 0.0
    for count in (40, 500, 1000, 1900, 2000):
        taken = seconds(lambda count=count: optimal_pairs(distances, count))  # type: ignore[misc]
        slowest = max(slowest, taken)
        print(f"pairs of 2,000 x 2,000, {count:5,} kept: {taken:5.1f} s")
    names = list("abcd")
    for sizes, count in (({"face": 60, "car": 60, "dog": 60}, 30), ({"face": 2000, "car": 2000}, 40),
                         ({"face": 2000, "car": 2000}, 500), ({"face": 2000, "car": 2000}, 1500)):  # fmt: skip
        rows = pool_rows(0, sizes, 4, shift=0.3)
        start = time.perf_counter()
        groups, _ = solved(rows, Matching(n=count, on=names))
        taken = time.perf_counter() - start
        left = largest_difference(groups, names)
        print(f"{count:4,} of each of {sizes}: {taken:5.1f} s; largest difference {left:.4f}")
    sys.exit(slowest > LIMIT)


if __name__ == "__main__":
    main()
