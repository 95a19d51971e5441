"""The stimuli from which sets are chosen, and the design of the choice. Owns which stimuli are candidates, and why not.

Stimuli without a category, or for which a variable that counts is not known, are left out with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from toolbox.design.matching.choices import Matching, counts_of
from toolbox.design.matching.columns import Links
from toolbox.design.matching.designs import Design
from toolbox.errors import UnknownNameError, UsageError
from toolbox.resampling import FloatArray, IntArray

LEAST_SET = 2
"""Stimuli of a set: of one, there is no spread."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates, and the numbers by which they are compared.

    Attributes:
        rows: stimulus_id, path, category, and a column for every variable.
        categories: in the order in which they were named.
        criteria: variable -> its columns: one, or the components of a layer.
        values: (candidates, columns of the criteria) in standard deviations of their criterion.
        within: (candidates, columns) the same, less the mean of the category.
        notes: which stimuli and variables are left out, and why.
    """

    rows: pl.DataFrame
    categories: Sequence[str]
    criteria: Mapping[str, Sequence[str]]
    values: FloatArray
    within: FloatArray
    notes: Sequence[str]

    @property
    def category(self) -> IntArray:
        """Number of the category of each candidate."""
        numbers = {name: number for number, name in enumerate(self.categories)}
        return np.array([numbers[name] for name in self.rows["category"]], np.int64)

    @property
    def criterion(self) -> IntArray:
        """Number of the criterion of each column."""
        return np.repeat(np.arange(len(self.criteria)), [len(columns) for columns in self.criteria.values()])

    def sizes(self) -> dict[str, int]:
        """Number of candidates by category."""
        found = self.rows["category"].value_counts()
        counts = dict(zip(found["category"], found["count"], strict=True))
        return {name: counts.get(name, 0) for name in self.categories}


def make_pool(rows: pl.DataFrame, options: Matching) -> Pool:
    """The candidates of a matching.

    Args:
        rows: all stimuli of a set, with category and variables.
        options: which categories, and which variables count.

    Raises: UnknownNameError for a category; UsageError where no stimulus is left, or no variable varies.
    """
    known = sorted(rows["category"].drop_nulls().unique())
    categories = _categories(options, known)
    chosen = rows.filter(pl.col("category").is_in(categories))
    criteria = criteria_of(rows.columns[3:], options.criteria)
    notes = list(_notes_on_missing(chosen, criteria, categories))
    columns = [column for names in criteria.values() for column in names]
    chosen = chosen.drop_nulls(columns)
    if chosen.is_empty():
        raise UsageError(f"no stimulus has a value of all of {', '.join(criteria)}; leave out one of them")
    values = chosen.select(columns).to_numpy().astype(float)
    by_group = chosen["category"].to_list() if options.makes_categories_agree else [""] * chosen.height
    within = values - _means(values, by_group)
    scale = _scales(within, criteria, len(set(by_group)))
    constant = [name for name, size in zip(criteria, scale, strict=True) if size == 0]
    if constant:
        raise UsageError(
            f"{', '.join(constant)} does not vary within the categories, so that no difference can be standardised; "
            "leave it out of --on"
        )
    each = np.repeat(scale, [len(names) for names in criteria.values()])
    centred = values - values.mean(0)
    return Pool(chosen, categories, criteria, centred / each, within / each, notes)


def criteria_of(columns: Sequence[str], names: Iterable[str]) -> dict[str, list[str]]:
    """The columns of every criterion: a variable has one, each layer that a pattern means has its components.

    Args:
        columns: of the variables.
        names: that were asked for, which come first.

    Example:
        >>> criteria_of(["depth", "block1_conv1_pc1", "block1_conv1_pc2", "luminance"], ["block1_*", "depth"])
        {'depth': ['depth'], 'block1_conv1': ['block1_conv1_pc1', 'block1_conv1_pc2']}
    """
    wanted = {*names}
    found: dict[str, list[str]] = {}
    for column in columns:
        component = re.fullmatch(r"(.+)_pc\d+", column)
        if column in wanted:
            found[column] = [column]
        elif component:
            found.setdefault(component[1], []).append(column)
    return found


def _categories(options: Matching, known: Sequence[str]) -> list[str]:
    for name in options.categories:
        if name not in known:
            raise UnknownNameError("category", name, known)
    categories = list(options.categories or known)
    if len(categories) < 2 and options.sets is None:
        raise UsageError(
            f"only one category is named ({', '.join(categories) or 'none'}); name two or more with --category, or "
            "make several sets of one with --sets"
        )
    return categories


def _notes_on_missing(
    rows: pl.DataFrame, criteria: Mapping[str, Sequence[str]], categories: Sequence[str]
) -> Iterable[str]:
    """One note for each variable that is not known of all stimuli."""
    for name, columns in criteria.items():
        lacking = rows.filter(pl.any_horizontal(pl.col(columns).is_null()))["category"].to_list()
        if lacking:
            counts = ", ".join(f"{lacking.count(each)} {each}" for each in categories if each in lacking)
            yield f"left out, as {name} is not known of them: {counts}"


def _means(values: FloatArray, groups: Sequence[str]) -> FloatArray:
    """The mean of its group, for every row."""
    names, place = np.unique(groups, return_inverse=True)
    means = np.stack([values[place == number].mean(0) for number in range(len(names))])
    return np.asarray(means[place])


def _scales(within: FloatArray, criteria: Mapping[str, Sequence[str]], groups: int) -> FloatArray:
    """The pooled standard deviation within the groups of every criterion; of a layer, of all its components."""
    variances = (within**2).sum(0) / max(1, len(within) - groups)
    starts = np.cumsum([0, *(len(columns) for columns in criteria.values())])[:-1]
    largest = np.sqrt(np.add.reduceat(variances, starts))
    return np.where(largest > 1e-12 * np.abs(within).max(initial=1e-300), largest, 0.0)


def make_design(pool: Pool, options: Matching, links: Links) -> tuple[Design, dict[str, int]]:
    """The design of the choice, and the number of stimuli of each category in each set.

    Args:
        pool: the candidates.
        options: of the user.
        links: which candidates are kept together, apart or in their place.

    Raises: UsageError where a category has too few candidates.
    """
    places = options.sets or 1
    counts = counts_of(options.n, pool.categories) or _largest_counts(pool, places, options)
    _check_sizes(pool, counts, places, options.makes_categories_agree)
    category = pool.category
    names = [*pool.criteria]
    design = Design(
        values=pool.values,
        category=category,
        group=category if options.makes_categories_agree else np.zeros_like(category),
        criterion=pool.criterion,
        quota=np.tile([counts[name] for name in pool.categories], (places, 1)),
        unit=links.unit,
        allowed=links.allowed,
        apart=links.apart,
        different=names.index(options.different) if options.different else None,
        wanted=options.by,
        order=_order(pool, options, category),
    )
    return design, counts


def _largest_counts(pool: Pool, places: int, options: Matching) -> dict[str, int]:
    """As many stimuli of each category as fit: the same number of all that are to agree."""
    fitting = {name: size // places for name, size in pool.sizes().items()}
    least = min(fitting.values())
    return dict.fromkeys(fitting, least) if options.makes_categories_agree else fitting


def _check_sizes(pool: Pool, counts: Mapping[str, int], places: int, is_by_category: bool) -> None:
    """Refuse more stimuli than there are, and sets without a spread."""
    for name, size in pool.sizes().items():
        needed = counts[name] * places
        if needed > size:
            sets = f" in each of {places} sets" if places > 1 else ""
            left_out = f" ({'; '.join(pool.notes)})" if pool.notes else ""
            raise UsageError(
                f"n is {counts[name]} for {name}{sets}, and {size} stimuli can be chosen{left_out}; "
                f"expected n of at most {size // places}"
            )
    least = min(counts.values()) if is_by_category else sum(counts.values())
    if least < LEAST_SET:
        noun = "stimulus" if least == 1 else "stimuli"
        raise UsageError(f"a set would have {least} {noun} to compare; expected {LEAST_SET} or more")


def _order(pool: Pool, options: Matching, category: IntArray) -> list[tuple[int, int]]:
    """Pairs of groups, the first of which is to have smaller values of what is to differ."""
    if options.different is None:
        return []
    if options.sets is None:
        [column] = np.flatnonzero(pool.criterion == [*pool.criteria].index(options.different))
        means = [pool.values[category == number, column].mean() for number in range(len(pool.categories))]
        ascending = [int(number) for number in np.argsort(means, kind="stable")]
        return list(pairwise(ascending))
    groups = len(pool.categories) if options.makes_categories_agree else 1
    return [
        (place * groups + group, (place + 1) * groups + group)
        for place in range(options.sets - 1)
        for group in range(groups)
    ]
