"""Which stimuli of a filter a gallery shows: the ends of its responses, and the deciles between. Owns this choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from toolbox.query import Query, ask
from toolbox.query.run import Answer
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

DECILES = tuple(range(90, 0, -10))
"""Percentiles of the responses, the largest first."""


@dataclass(frozen=True)
class Ranked:
    """A stimulus and its place among all responses of a filter.

    Attributes:
        stimulus_id: its number.
        category: None if it has no label.
        response: of the filter.
        rank: 1 for the largest response.
        of: number of stimuli with responses.
    """

    stimulus_id: int
    category: str | None
    response: float
    rank: int
    of: int

    @property
    def percentile(self) -> float:
        """100 for the largest response, 0 for the smallest one."""
        return 100 * (self.of - self.rank) / (self.of - 1) if self.of > 1 else 100.0


@dataclass(frozen=True)
class RankedStimuli:
    """The stimuli of one filter that are shown, each once.

    Attributes:
        largest, deciles, smallest: from the largest to the smallest response.
        of: number of stimuli with responses.
        at_minimum: number of them with the smallest response.
        least: that response.
    """

    largest: tuple[Ranked, ...]
    deciles: tuple[Ranked, ...]
    smallest: tuple[Ranked, ...]
    of: int
    at_minimum: int
    least: float

    @property
    def is_silent(self) -> bool:
        """Whether the filter responds alike to all stimuli, so that none drives it more than another."""
        return self.at_minimum == self.of

    @property
    def all(self) -> tuple[Ranked, ...]:
        """All that are shown."""
        return (*self.largest, *self.deciles, *self.smallest)


def responses_of(study: StudyFolder, selection: Selection, filters: Sequence[tuple[str, int]]) -> Answer:
    """The responses of some filters, in rank order within every filter.

    Args:
        study: with the responses.
        selection: set and model, and a label scheme unless the set has none.
        filters: layers and numbers.

    Returns: layer, filter, stimulus_id, response, category, of every stimulus with responses.
    """
    chosen = dict[str, list[int]]()
    for layer, number in filters:
        chosen.setdefault(layer, []).append(number)
    conditions = " or ".join(
        f"(layer = '{layer}' and filter in ({', '.join(map(str, numbers))}))"
        for layer, numbers in chosen.items()
    )
    category, join = "null::varchar", ""
    if selection.scheme is not None:
        category, join = "l.category", "left join labels l using (stimulus_id)"
    text = f"""
        select r.layer, r.filter, r.stimulus_id, r.maximum::double as response, {category} as category
        from responses r {join}
        where {conditions}
        order by r.layer, r.filter, response desc, r.stimulus_id
        """
    return ask(study, Query("sql", text, ships=True), selection=selection)


def ranked_stimuli(rows: pl.DataFrame, count: int) -> RankedStimuli:
    """The stimuli of a filter that are shown.

    Where stimuli have equal responses, that with the smaller number has the smaller rank. Of fewer stimuli than places,
    each is shown once: at the ends first.

    Args:
        rows: of one filter, as of `responses_of`.
        count: stimuli at either end.

    Example:
        >>> rows = pl.DataFrame({"stimulus_id": range(5), "response": [9.0, 7, 5, 5, 1], "category": ["a"] * 5})
        >>> shown = ranked_stimuli(rows, 1)
        >>> [each.stimulus_id for each in shown.largest], [each.percentile for each in shown.deciles]
        ([0], [75.0, 50.0, 25.0])
    """
    ordered = [
        Ranked(stimulus, category, response, rank, rows.height)
        for rank, (stimulus, category, response) in enumerate(
            rows.select("stimulus_id", "category", "response").iter_rows(), 1
        )
    ]
    largest = ordered[: min(count, -(-len(ordered) // 2))]
    smallest = ordered[max(len(largest), len(ordered) - count) :]
    between = ordered[len(largest) : len(ordered) - len(smallest)]
    deciles = dict.fromkeys(ordered[round((1 - level / 100) * (len(ordered) - 1))] for level in DECILES)
    least = float(rows["response"][-1])
    return RankedStimuli(
        tuple(largest),
        tuple(each for each in deciles if each in {*between}),
        tuple(smallest),
        rows.height,
        int((rows["response"] == least).sum()),
        least,
    )


def wanted_responses(
    chosen: Mapping[tuple[str, int], Sequence[Ranked]],
) -> dict[tuple[str, int], dict[int, float]]:
    """The stored responses of the stimuli that are shown, by filter and stimulus.

    Args:
        chosen: stimuli by layer and number of the filter.
    """
    return {one: {each.stimulus_id: each.response for each in ranked} for one, ranked in chosen.items()}
