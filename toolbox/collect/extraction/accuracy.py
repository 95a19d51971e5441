"""How far a cheaper computation agrees with the exact one, in what a study is about: indices of selectivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolbox.collect.extraction.presentation import Stimulus, present
from toolbox.collect.extraction.remaining import sample_stimuli
from toolbox.collect.extraction.task import Task, start_session
from toolbox.network.card import Input
from toolbox.runtime.session import Session

SAMPLED = 48
"""Stimuli on which a cheaper computation is compared with the exact one."""
Responses = Mapping[str, NDArray[np.float32]]
"""`<layer>.maximum` and `<layer>.mean`, each (stimuli, filters)."""


@dataclass(frozen=True)
class Agreement:
    """The same stimuli, computed twice.

    Attributes:
        of, against: the two computations.
        correlation: Pearson's, over all filters, categories and both statistics, of the contrasts; None where they
            do not vary.
        largest: the largest absolute difference between two contrasts, which lie between -1 and 1.
        largest_response: of the normalised responses, which lie between 0 and 1.
    """

    of: str
    against: str
    stimuli: int
    categories: int
    correlation: float | None
    largest: float | None
    largest_response: float

    def __str__(self) -> str:
        told = f"{self.of} against {self.against} on {self.stimuli} stimuli: "
        if self.correlation is not None and self.largest is not None:
            told += f"contrasts correlate at r = {self.correlation:.6f} and differ by {self.largest:.2g} at most, "
        return f"{told}normalised responses by {self.largest_response:.2g} at most"


def compare_with_exact(task: Task, session: Session, waiting: Sequence[int]) -> Agreement | None:
    """A cheaper computation compared with the exact one on a sample; None where all is exact, or nothing is readable.

    Args:
        waiting: stimuli to be presented, from which the sample is taken.
    """
    if task.is_exact:
        return None
    entry = task.network.input
    is_full = entry.decoding == "full"
    cheaper = [session.precision] * (session.precision != "float32") + ["scaled decoding"] * (not is_full)
    stimuli, categories = sample_stimuli(task.request, waiting, SAMPLED)
    presented, found = _responses(session, entry, stimuli)
    if not presented:
        return None
    exact = start_session(task, len(stimuli), precision="float32")
    _, expected = _responses(exact, replace(entry, decoding="full"), stimuli)
    known = dict(zip((stimulus.stimulus_id for stimulus in stimuli), categories, strict=True))
    return agreement(
        found,
        expected,
        [known[identifier] for identifier in presented],
        of=" with ".join(cheaper),
        against="float32" if is_full else "float32 and full decoding",
    )


def _responses(session: Session, entry: Input, stimuli: Sequence[Stimulus]) -> tuple[list[int], Responses]:
    """Stimuli that can be presented, and what they evoke."""
    with closing(present([stimuli], entry, session)) as stream:
        found = [batch for batch in stream if batch.shown]
    presented = [identifier for batch in found for identifier in batch.shown]
    if not presented:
        return [], {}
    return presented, {
        name: np.concatenate([batch.outputs[name] for batch in found]) for name in session.outputs
    }


def agreement(
    found: Responses, expected: Responses, categories: Sequence[str | None], *, of: str, against: str
) -> Agreement:
    """Compare two computations of the responses to the same stimuli.

    Responses are normalised per filter over these stimuli (equation 1) by the range of the exact computation;
    contrasts are m_c - m_rest of every category. Dead filters are left out.

    Args:
        categories: of every stimulus; None for one without.
    """
    names = sorted({category for category in categories if category is not None})
    contrasts: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    largest_response = 0.0
    for name, exact in expected.items():
        least, most = exact.min(axis=0).astype(np.float64), exact.max(axis=0).astype(np.float64)
        alive = most > least
        pair = [(values[:, alive] - least[alive]) / (most - least)[alive] for values in (found[name], exact)]
        if alive.any():
            largest_response = max(largest_response, float(np.abs(pair[0] - pair[1]).max()))
        for kept, normalised in zip(contrasts, pair, strict=True):
            kept += [_contrast(normalised, categories, category) for category in names if len(names) > 1]
    one, other = (np.concatenate(kept) if kept else np.empty(0) for kept in contrasts)
    varies = one.size > 1 and float(one.std()) > 0 and float(other.std()) > 0
    return Agreement(
        of,
        against,
        len(categories),
        len(names),
        float(np.corrcoef(one, other)[0, 1]) if varies else None,
        float(np.abs(one - other).max()) if one.size else None,
        largest_response,
    )


def _contrast(
    normalised: NDArray[np.float64], categories: Sequence[str | None], category: str
) -> NDArray[np.float64]:
    """m_c - m_rest of every filter, over the stimuli that have a category."""
    inside = np.array([entry == category for entry in categories])
    rest = np.array([entry is not None and entry != category for entry in categories])
    difference: NDArray[np.float64] = normalised[inside].mean(axis=0) - normalised[rest].mean(axis=0)
    return difference
