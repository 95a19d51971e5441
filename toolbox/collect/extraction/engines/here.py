"""The engine that presents all parts in this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from toolbox.collect.extraction.parts import PartReport
from toolbox.collect.extraction.worker import Count, Worker


def schedule(parts: Sequence[int], worker: Worker, presented: Count) -> Generator[PartReport, None, None]:
    """Present parts one after the other.

    Args:
        parts: their numbers.
        worker: presents them.
        presented: is called with the number of stimuli of every batch.
    """
    return worker.present(parts, presented)
