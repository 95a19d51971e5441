"""A comparison as a paragraph for a reviewer. Owns its words; computes nothing.

"Not shown to be equivalent" is never worded as "different".
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from toolbox.design.comparison.measures import COMPLEXITY, MEAN_DEPTH, PROPERTY, PROPORTION
from toolbox.design.comparison.pairs import BOTH, DIFFERENT, EQUIVALENT
from toolbox.design.comparison.reference import ReferenceResponses
from toolbox.design.comparison.subject import ComparedCategories, Comparing
from toolbox.design.differences import BALANCED
from toolbox.design.equivalence import ALPHA
from toolbox.design.wording import counted, enumerated
from toolbox.stimuli.image_property import FILE

_MOST_PAIRS = 6
"""Pairs that a sentence names."""
_WORDS = {PROPORTION: "in the proportion of such filters", MEAN_DEPTH: "in their mean depth"}


def comparison_paragraph(
    subject: ComparedCategories,
    rows: pl.DataFrame,
    categories: pl.DataFrame,
    choices: Comparing,
    reference: ReferenceResponses | None,
    threshold: float,
) -> str:
    """What was compared, how, and what was found.

    Args:
        subject: what is compared.
        rows: of `pair_rows`.
        categories: of `category_rows`.
        choices: statistic, margins and resamples.
        reference: what the categories were compared with; each other if None.
        threshold: above which a filter responds highly.
    """
    return " ".join(
        [
            _subject_sentence(subject, choices),
            _criterion_sentence(subject, reference, threshold),
            *_value_sentences(categories, choices),
            *_equivalence_sentences(rows, choices),
            _verdict(rows),
            *_property_sentences(rows, choices),
        ]
    )


def _subject_sentence(subject: ComparedCategories, choices: Comparing) -> str:
    sizes = [f"{name} ({len(subject.stimuli_of(name))})" for name in subject.categories]
    filters = int(subject.filters.sum())
    return (
        f"The categories {enumerated(sizes)} of the set {subject.set} (number of stimuli in parentheses; labels: "
        f"{subject.selection.scheme}) were compared in the complexity of their representation in {subject.model} "
        f"({counted(len(subject.layers), 'layer')}, {filters:,} filters, {choices.statistic} of the activation map)."
    )


def _criterion_sentence(
    subject: ComparedCategories, reference: ReferenceResponses | None, threshold: float
) -> str:
    if reference is None:
        others = len(subject.all_categories)
        return (
            "A filter responds highly to a category if its mean normalised response to the category exceeds that to "
            f"all other stimuli of the set by more than {threshold:g} (response contrast). The numbers are therefore "
            f"relative to the {others} categories of the set, and would change with another one."
        )
    return (
        "A filter responds highly to a category if its mean response to the category exceeds that to the reference by "
        f"more than {threshold:g} of the range of its responses to the reference ({reference.description}). The "
        "numbers of a category therefore do not depend on the other categories, but on this reference."
    )


def _value_sentences(categories: pl.DataFrame, choices: Comparing) -> Iterator[str]:
    for measure, words in (
        (PROPORTION, "The proportion of such filters (mean over the layers"),
        (MEAN_DEPTH, "Their mean depth in the network (0: first layer, 1: last layer"),
    ):
        found = categories.filter((pl.col("kind") == COMPLEXITY) & (pl.col("measure") == measure))
        parts = [
            f"{row['category']} {_number(row['value'])}{_interval(row['low'], row['high'])}"
            for row in found.iter_rows(named=True)
        ]
        note = (
            f"; 95 % intervals from {choices.resamples:,} bootstrap samples" if measure == PROPORTION else ""
        )
        yield f"{words}{note}) is {enumerated(parts)}."


def _equivalence_sentences(rows: pl.DataFrame, choices: Comparing) -> Iterator[str]:
    """What the tests of each measure show, pair by pair."""
    for measure, words in _WORDS.items():
        found = rows.filter((pl.col("kind") == COMPLEXITY) & (pl.col("measure") == measure))
        yield _equivalence_sentence(found, words, choices.margin)


def _equivalence_sentence(rows: pl.DataFrame, words: str, margin: float) -> str:
    equivalent = rows.filter(pl.col("p_equivalence") < ALPHA)
    different = rows.filter(pl.col("conclusion") == DIFFERENT)
    small = rows.filter(pl.col("conclusion") == BOTH)
    undecided = rows.filter(~pl.col("conclusion").is_in([EQUIVALENT, BOTH, DIFFERENT]).fill_null(value=False))
    which = f"within a margin of {margin:g} {words} (two one-sided tests, p {{}} {ALPHA:g})"
    start = f"equivalent {which.format('<')}: {_pairs(equivalent)}"
    if equivalent.is_empty():
        start = f"no pair is shown to be equivalent {which.format('>=')}"
    parts = [
        (
            _lenient(equivalent, margin),
            "of these with two proportions below the margin, so that this says little",
        ),
        (small, "of these with a significant difference, smaller than the margin"),
        (different, f"different (Holm-corrected p < {ALPHA:g})"),
        (undecided, "neither equivalence nor a difference is shown, which is evidence of neither"),
    ]
    text = "; ".join([start, *(f"{note}: {_pairs(found)}" for found, note in parts if found.height)])
    return f"{text[0].upper()}{text[1:]}."


def _lenient(rows: pl.DataFrame, margin: float) -> pl.DataFrame:
    """Pairs whose proportions are both below the margin: whatever is between them and 0 counts as equivalent."""
    are_below = pl.max_horizontal("value", "value_other") < margin
    return rows.filter((pl.col("measure") == PROPORTION) & are_below)


def _verdict(rows: pl.DataFrame) -> str:
    tests = rows.filter(pl.col("kind") == COMPLEXITY)
    shown = tests.filter(pl.col("p_equivalence") < ALPHA).height
    if shown == tests.height:
        return (
            "All pairs are equivalent in both measures: the categories are of similar complexity for the network, "
            "within this margin."
        )
    return (
        f"Similar complexity is shown in {shown} of {tests.height} comparisons; it is not shown for these categories "
        "as a whole, which would take all of them."
    )


def _property_sentences(rows: pl.DataFrame, choices: Comparing) -> Iterator[str]:
    found = rows.filter((pl.col("kind") == PROPERTY) & ~pl.col("measure").str.ends_with(FILE))
    if found.is_empty():
        yield "Properties of the images were not measured."
        return
    sizes = found.with_columns(size=pl.col("effect_size").abs())
    largest_of = sizes.group_by("measure", maintain_order=True).agg(pl.col("size").max())
    balanced = largest_of.filter(pl.col("size") <= BALANCED).height or "none"
    equivalent = found.filter(pl.col("p_equivalence") < ALPHA).height
    text = (
        f"Of {counted(largest_of.height, 'property', 'properties')} of the images, {balanced} "
        f"{'is' if balanced in (1, 'none') else 'are'} balanced in all pairs (standardised difference of at most "
        f"{BALANCED:g}); "
        f"{equivalent} of {found.height} comparisons are equivalent within {choices.property_margin:g} standard "
        "deviations."
    )
    worst = (
        sizes.filter(pl.col("size").is_not_null()).sort("size", descending=True, maintain_order=True).head(1)
    )
    for row in worst.iter_rows(named=True):
        text += (
            f" The largest difference is that of {row['category']} and {row['other']} in {_words(row['measure'])}: "
            f"{_number(row['effect_size'])} standard deviations (variance ratio {_number(row['variance_ratio'])}, "
            f"distance of the distributions {_number(row['ks_distance'])})."
        )
    yield text
    yield from _correlation_sentences(found)


def _correlation_sentences(rows: pl.DataFrame) -> Iterator[str]:
    """The properties that go with the complexity of single stimuli."""
    properties = rows.unique("measure", keep="first", maintain_order=True)
    parts = []
    for column, words in (
        ("rho_proportion", "the proportion of filters that respond to a stimulus"),
        ("rho_depth", "their mean depth"),
    ):
        known = properties.filter(pl.col(column).is_not_null())
        best = known.sort(pl.col(column).abs(), descending=True, maintain_order=True).head(1)
        parts += [
            f"{_words(name)} with {words} (rank correlation {value:.2f})"
            for name, value in best.select("measure", column).iter_rows()
        ]
    if parts:
        yield f"Within the categories, the closest associations are those of {' and '.join(parts)}."


def _pairs(rows: pl.DataFrame) -> str:
    """Pairs by name, or their number where they are many."""
    if rows.height > _MOST_PAIRS:
        return f"{rows.height} pairs"
    return ", ".join(f"{row['category']} – {row['other']}" for row in rows.iter_rows(named=True))


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({_number(low)} to {_number(high)})"


def _number(value: float | None) -> str:
    """Three digits behind the point for proportions, fewer for larger numbers."""
    if value is None:
        return "unknown"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"


def _words(measure: str) -> str:
    return measure.replace("_", " ")
