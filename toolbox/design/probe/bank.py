"""A bank of filters: which ones, and how their responses add up to a score of each category. Chosen from all images.

It is a table, so that `probe/bank` can apply it to the responses of any set, and other programs too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from toolbox.design.probe.choices import Probing
from toolbox.design.probe.discrimination import Discrimination, split
from toolbox.design.probe.methods import targets_of
from toolbox.design.probe.selection import MOST_FORWARD, contrast_quotas, forward_selection, response_contrast
from toolbox.design.ridge import Ridge
from toolbox.errors import UsageError
from toolbox.query.files import check_rows_file
from toolbox.resampling.arrays import BoolArray

_COLUMNS = (
    "rank",
    "layer",
    "filter",
    "statistic",
    "chosen_for",
    "category",
    "weight",
    "intercept",
    "middle",
    "spread",
)


def bank_rows(problem: Discrimination, size: int, training: BoolArray | None = None) -> pl.DataFrame:
    """The filters of a bank and their weights, a row for every filter, statistic and category.

    The score of an image for a category is intercept + sum of weight * (root - middle) / spread over all rows of the
    category, where root is the square root of the response (maximum or mean, as `statistic` has it).

    Args:
        problem: whose images choose filters and weights.
        size: number of filters.
        training: (stimuli,): the images that choose; all if None.

    Returns: rank (from 1), layer, filter, statistic, chosen_for (the category of the largest response contrast, or the
        one whose turn it was), category, weight, intercept, middle, spread.
    """
    known = np.ones(len(problem.labels), bool) if training is None else training
    of = split(problem, known, known)
    size, candidates = min(size, problem.filters), np.arange(problem.filters)
    if size <= MOST_FORWARD:
        chosen = forward_selection(of, size, candidates)
        chosen_for = response_contrast(problem, known)[:, chosen].argmax(axis=0)
    else:
        chosen, chosen_for = contrast_quotas(of, size, candidates)
    columns = problem.columns(chosen)
    scores, targets = of.scores[known][:, columns].astype(float), targets_of(of)
    scale = float((scores**2).sum(axis=1).mean()) or 1.0
    ridge = Ridge(scores @ scores.T / scale, of.groups)
    alpha = ridge.coefficients(targets, ridge.choose_penalty(targets).penalty)
    weights = scores.T @ alpha / scale
    roots = problem.features[known][:, columns].astype(float)
    middle, spread = roots.mean(axis=0), roots.std(axis=0)
    layer_of, starts = problem.layer_of_filter, np.cumsum(problem.widths) - problem.widths
    rows = []
    for place in range(len(columns)):
        rank = place % size
        layer = int(layer_of[chosen[rank]])
        for number, category in enumerate(problem.categories):
            rows.append(
                (
                    rank + 1,
                    problem.layers[layer],
                    int(chosen[rank] - starts[layer]),
                    "maximum" if place < size else "mean",
                    problem.categories[int(chosen_for[rank])],
                    category,
                    float(weights[place, number]),
                    float(targets[:, number].mean()),
                    float(middle[place]),
                    float(spread[place]) or 1.0,
                )
            )
    return pl.DataFrame(rows, schema=list(_COLUMNS), orient="row").sort("rank", "statistic", "category")


def check_bank_file(file: Path | None, choices: Probing) -> None:
    """Refuse a file to which no bank can be written, before anything is computed.

    Args:
        file: of the bank; None if it is not wanted.
        choices: which must have the size of a bank.

    Raises: UsageError.
    """
    if file is None:
        return
    check_rows_file(file)
    if not choices.bank_sizes:
        raise UsageError(f"{file} is to contain a bank, but its size is missing: filters=64 (--filters 64)")
