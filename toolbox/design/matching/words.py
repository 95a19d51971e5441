"""A matching in one paragraph, as a reviewer reads it. Owns its sentences; computes nothing but counts of rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from toolbox.design.differences import BALANCED
from toolbox.design.matching.balance import AGREE, DIFFER, NOT_ASKED, largest_by_variable
from toolbox.design.matching.choices import Matching
from toolbox.design.wording import enumerated
from toolbox.distribution import toolbox_version
from toolbox.stimuli.image_property import FILE

_MOST_NAMED = 8
"""Variables that the paragraph names."""


def paragraph(
    balance: pl.DataFrame,
    counts: Mapping[str, int],
    pools: Mapping[str, int],
    options: Matching,
    *,
    is_measured: bool,
) -> str:
    """What was chosen, how, how well it agrees, and in what it does not.

    Args:
        balance: as `balance_table` returns it.
        counts: stimuli of each category in each set.
        pools: candidates of each category.
        options: how they were chosen.
        is_measured: whether the properties of the images were measured.
    """
    unknown = "Other properties of the images were not measured; the sets may differ in them."
    sentences = [
        _chosen(counts, pools, options),
        _method(options),
        *_agreement(balance),
        *_difference(balance),
        *_others(balance),
        *([] if is_measured else [unknown]),
    ]
    return " ".join(sentences)


def _chosen(counts: Mapping[str, int], pools: Mapping[str, int], options: Matching) -> str:
    chosen = enumerated([f"{count} of {pools[name]} {name}" for name, count in counts.items()], _MOST_NAMED)
    if options.sets is None:
        return f"From the stimuli of each category we chose {chosen}; no image was changed."
    return f"From the stimuli we made {options.sets} sets, each with {chosen}; no image was changed."


def _method(options: Matching) -> str:
    agreeing = [name for name in options.criteria if name != options.different]
    caliper = (
        f"optimal assignment, with members of a pair within {options.within:g} standard deviations in each"
        if options.within
        else ("optimal assignment" if options.same else "optimal assignment and random choices")
    )
    distance = ", Mahalanobis distances" if options.distance == "mahalanobis" else ""
    constraints = [
        phrase
        for phrase, value in (
            (f"members of a pair have the same {options.same}", options.same),
            (f"stimuli with the same {options.together} stay together", options.together),
            (f"stimuli with the same {options.apart} are not in one set", options.apart),
            ("some stimuli had a fixed place", options.fixed or options.keep or options.leave_out),
        )
        if value
    ]
    under = f"; {enumerated(constraints, _MOST_NAMED)}" if constraints else ""
    return (
        "The choice minimises the largest standardised difference in "
        f"{enumerated(agreeing, _MOST_NAMED)} (start: {caliper}{distance}; "
        f"then exchange of stimuli{under}; seed {options.seed}; selectivity-toolbox {toolbox_version()})."
    )


def _agreement(balance: pl.DataFrame) -> list[str]:
    """How far the variables that were to agree differ before and after."""
    asked = balance.filter(pl.col("role") == AGREE)
    known = asked.drop_nulls("difference_after")
    if known.is_empty():
        return []
    after = known.sort(pl.col("difference_after").abs(), descending=True).row(0, named=True)
    before = asked.drop_nulls("difference_before").sort(pl.col("difference_before").abs(), descending=True)
    fell = ""
    if not before.is_empty():
        worst = before.row(0, named=True)
        fell = (
            f" (before: {abs(worst['difference_before']):.2f}, {worst['variable']}, "
            f"{worst['first']} and {worst['second']})"
        )
    ratios = known["variance_ratio_after"].drop_nulls()
    ends = [float(ratio) for ratio in (*ratios.top_k(1), *ratios.bottom_k(1))]
    spread = f" Variance ratios are {min(ends):.2f} to {max(ends):.2f}." if ends else ""
    largest = largest_by_variable(known).filter(pl.col("after") > BALANCED).sort("after", descending=True)
    named = [f"{row['variable']} ({row['after']:.2f})" for row in largest.iter_rows(named=True)]
    short = (
        f" The sets are not balanced (at most {BALANCED:g}) in {enumerated(named, _MOST_NAMED)}."
        if named
        else ""
    )
    return [
        f"The largest standardised mean difference of any two sets is {abs(after['difference_after']):.2f} "
        f"({after['variable']}, {after['first']} and {after['second']}){fell}.{short}{spread}"
    ]


def _difference(balance: pl.DataFrame) -> list[str]:
    """How far the variable that was to differ differs."""
    differing = balance.filter(pl.col("role") == DIFFER).drop_nulls("difference_after")
    parts = [
        f"{abs(row['difference_after']):.2f} ({row['first']} and {row['second']})"
        for row in differing.iter_rows(named=True)
    ]
    return (
        [f"By design, {differing['variable'][0]} differs by {enumerated(parts, _MOST_NAMED)}."]
        if parts
        else []
    )


def _others(balance: pl.DataFrame) -> list[str]:
    """In which variables that were not asked for the sets differ."""
    others = largest_by_variable(balance.filter(pl.col("role") == NOT_ASKED)).drop_nulls("after")
    if others.is_empty():
        return []
    left = others.filter(pl.col("after") > BALANCED).sort("after", descending=True)
    if left.is_empty():
        return [f"In {others.height} further measures no difference is above {BALANCED:g}."]
    named = [f"{row['variable']} ({row['after']:.2f})" for row in left.iter_rows(named=True)]
    is_twice = any(str(name).endswith(FILE) for name in others["variable"])
    key = f" ({FILE}: on the pixels of the file, not as the network sees them)" if is_twice else ""
    some = "all" if left.height == others.height else left.height
    return [
        f"Of {others.height} further measures{key} that were not matched, {some} differ by more than {BALANCED:g}, "
        f"which may explain an effect: {enumerated(named, _MOST_NAMED)}."
    ]
