"""How closely a less exact computation agrees with the exact one, in responses and in selectivity indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolbox.collect.extraction.presentation import present
from toolbox.collect.extraction.remaining import sample_stimuli
from toolbox.collect.extraction.task import Task, start_network
from toolbox.network.architecture import Input
from toolbox.runtime.session import Session
from toolbox.store.stimuli import Stimulus

SAMPLED = 48
"""Number of stimuli on which a less exact computation is compared with the exact one."""
OutputArrays = Mapping[str, NDArray[np.float32]]
"""`<layer>.maximum` and `<layer>.mean`, each (stimuli, filters)."""
Normalised = NDArray[np.float64]
"""Normalised responses (equation 1), or differences between their means."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of two computations of the responses to the same stimuli.

    Attributes:
        of, against: the names of the two computations.
        correlation: Pearson correlation of the response contrasts, over all filters, categories and both statistics;
            None where they do not vary.
        largest: largest absolute difference between two response contrasts; they range from -1 to 1.
        largest_response: largest absolute difference between two normalised responses; they range from 0 to 1.
    """

    of: str
    against: str
    stimuli: int
    categories: int
    correlation: float | None
    largest: float | None
    largest_response: float

    def __str__(self) -> str:
        """One sentence for the screen."""
        text = f"{self.of} compared with {self.against} on {self.stimuli} stimuli: "
        if self.correlation is not None and self.largest is not None:
            text += (
                f"response contrasts correlate at r = {self.correlation:.6f} and differ by at most "
                f"{self.largest:.2g}, "
            )
        return f"{text}normalised responses differ by at most {self.largest_response:.2g}"


def compare_with_exact(
    task: Task, session: Session, waiting: Sequence[int], layers: Sequence[str]
) -> Agreement | None:
    """Compare a less exact computation with the exact one on a sample of stimuli.

    Args:
        task: the extraction.
        session: the network as this run computes it.
        waiting: stimuli to be presented, from which the sample is taken.
        layers: names of the layers that the session computes.

    Returns: None where the computation is exact, or no stimulus of the sample is readable.
    """
    if task.is_exact:
        return None
    entry = task.network.input
    stimuli, categories = sample_stimuli(task.request, waiting, SAMPLED)
    presented, found = responses_to(session, entry, stimuli)
    if not presented:
        return None
    exact = start_network(task, len(stimuli), layers, precision="float32")
    _, expected = responses_to(exact, replace(entry, decoding="full"), stimuli)
    known = dict(zip((stimulus.stimulus_id for stimulus in stimuli), categories, strict=True))
    of, against = _names(session, entry)
    return agreement(found, expected, [known[number] for number in presented], of=of, against=against)


def _names(session: Session, entry: Input) -> tuple[str, str]:
    """The names of the less exact computation and of the exact one."""
    is_full = entry.decoding == "full"
    cheaper = [session.precision] * (session.precision != "float32") + ["scaled decoding"] * (not is_full)
    return " with ".join(cheaper), "float32" if is_full else "float32 and full decoding"


def responses_to(
    session: Session, entry: Input, stimuli: Sequence[Stimulus]
) -> tuple[list[int], OutputArrays]:
    """Stimuli that can be presented, and the responses to them.

    Args:
        session: the network, ready to run.
        entry: its preprocessing.
        stimuli: what is presented.
    """
    with closing(present([stimuli], entry, session)) as stream:
        found = [batch for batch in stream if batch.stimuli]
    presented = [identifier for batch in found for identifier in batch.stimuli]
    if not presented:
        return [], {}
    outputs = {name: np.concatenate([batch.outputs[name] for batch in found]) for name in session.outputs}
    return presented, outputs


def agreement(
    found: OutputArrays, expected: OutputArrays, categories: Sequence[str | None], *, of: str, against: str
) -> Agreement:
    """Compare two computations of the responses to the same stimuli.

    Responses are normalised per filter over these stimuli (equation 1), by the range of the exact computation. The
    response contrast of a category is m_c - m_rest. Dead filters are left out.

    Args:
        found: outputs of the less exact computation, each (stimuli, filters).
        expected: the same outputs of the exact computation.
        categories: the category of every stimulus; None for an unlabelled one.
        of: name of the less exact computation.
        against: name of the exact computation.
    """
    names = sorted({category for category in categories if category is not None})
    pairs = [_normalise(found[name], exact) for name, exact in expected.items()]
    cheap, exact = (_contrasts([pair[side] for pair in pairs], categories, names) for side in (0, 1))
    return Agreement(
        of,
        against,
        stimuli=len(categories),
        categories=len(names),
        correlation=_correlation(cheap, exact),
        largest=float(np.abs(cheap - exact).max()) if cheap.size else None,
        largest_response=max((float(np.abs(a - b).max()) for a, b in pairs if a.size), default=0.0),
    )


def _normalise(found: NDArray[np.float32], exact: NDArray[np.float32]) -> tuple[Normalised, Normalised]:
    """One output of both computations, normalised by the range of the exact one, without dead filters."""
    least, most = exact.min(axis=0).astype(np.float64), exact.max(axis=0).astype(np.float64)
    alive = most > least
    span = (most - least)[alive]
    return (found[:, alive] - least[alive]) / span, (exact[:, alive] - least[alive]) / span


def _contrasts(
    outputs: Sequence[Normalised], categories: Sequence[str | None], names: Sequence[str]
) -> Normalised:
    """m_c - m_rest of all filters and categories, over the labelled stimuli; empty for a single category."""
    if len(names) < 2:
        return np.empty(0)
    inside = [np.array([entry == name for entry in categories]) for name in names]
    rest = [np.array([entry not in (None, name) for entry in categories]) for name in names]
    return np.concatenate(
        [
            values[members].mean(axis=0) - values[others].mean(axis=0)
            for values in outputs
            for members, others in zip(inside, rest, strict=True)
        ]
    )


def _correlation(one: Normalised, other: Normalised) -> float | None:
    """Pearson correlation; None where either side does not vary."""
    if one.size < 2 or not float(one.std()) or not float(other.std()):
        return None
    return float(np.corrcoef(one, other)[0, 1])
