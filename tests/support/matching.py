"""Designs of matched sets for tests, from tables in memory."""

from __future__ import annotations

import numpy as np
import polars as pl

from toolbox.design.matching.choices import Matching
from toolbox.design.matching.columns import Links
from toolbox.design.matching.designs import Design
from toolbox.design.matching.pools import make_design, make_pool
from toolbox.design.matching.search import Pairing, Solution
from toolbox.design.matching.solving import make_pairing, solve_design
from toolbox.resampling.arrays import BoolArray


def pool_rows(seed: int, sizes: dict[str, int], variables: int = 2, shift: float = 0.5) -> pl.DataFrame:
    """Stimuli of categories whose means are apart by a shift, with normal variables a, b …"""
    rng = np.random.default_rng(seed)
    category = [name for name, size in sizes.items() for _ in range(size)]
    place = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    values = rng.normal(size=(len(category), variables)) + shift * place[:, None]
    return pl.DataFrame(
        {"stimulus_id": range(len(category)), "path": [f"{number}.png" for number in range(len(category))]}
    ).with_columns(
        category=pl.Series(category), **{chr(97 + each): values[:, each] for each in range(variables)}
    )


def no_links(count: int, places: int, alike: BoolArray | None = None) -> Links:
    """No constraints but what members of a pair have in common."""
    return Links(np.arange(count), np.ones((count, places + 1), bool), np.zeros((count, 0), bool), alike)


def made(rows: pl.DataFrame, options: Matching, links: Links | None = None) -> tuple[Design, Pairing]:
    """The design of a matching, and which candidates are close."""
    pool = make_pool(rows, options)
    links = links or no_links(pool.rows.height, options.sets or 1)
    design, _ = make_design(pool, options, links)
    return design, make_pairing(pool, design, options, links)


def solved(
    rows: pl.DataFrame, options: Matching, links: Links | None = None
) -> tuple[list[pl.DataFrame], Solution]:
    """The chosen stimuli of each group, and the solution."""
    pool = make_pool(rows, options)
    links = links or no_links(pool.rows.height, options.sets or 1)
    design, _ = make_design(pool, options, links)
    found = solve_design(pool, design, make_pairing(pool, design, options, links), options)
    place = found.place[design.unit]
    groups = [
        pool.rows.filter(pl.Series((place == number) & (design.group == group)))
        for number in range(design.places)
        for group in range(design.groups_in_place)
    ]
    return groups, found


def largest_difference(groups: list[pl.DataFrame], names: list[str]) -> float:
    """The largest standardised difference of two groups, by its definition."""
    found = []
    for name in names:
        for place, first in enumerate(groups):
            for second in groups[place + 1 :]:
                one, two = first[name].to_numpy(), second[name].to_numpy()
                spread = np.sqrt((one.var(ddof=1) + two.var(ddof=1)) / 2)
                found.append(abs(one.mean() - two.mean()) / spread)
    return float(max(found))
