"""The difference of two studies in words. Owns its sentences; computes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import polars as pl

from toolbox.exchange.differences.values import EQUAL
from toolbox.terms import LEVEL

MOST_MOVERS = 5
"""Filters that a sentence names."""


def difference_paragraph(
    names: tuple[str, str],
    inputs: pl.DataFrame,
    changes: pl.DataFrame,
    layers: pl.DataFrame,
    index: str,
    *,
    has_same_stimuli: bool,
) -> str:
    """What differs between two studies, and by how much.

    Args:
        names: of the studies.
        inputs: of `input_rows`.
        changes: of `index_changes`.
        layers: of `layer_changes`.
        index: what was compared.
        has_same_stimuli: whether both are of the same stimuli with the same labels.
    """
    moved = int(layers["indices_changed"].sum())
    if inputs.is_empty() and not moved and not _incomparable(changes):
        return (
            f"Nothing differs between {names[0]} and {names[1]}: model, weights, preprocessing, stimuli, labels and "
            f"versions are the same, and all {changes.height:,} values of {index} are equal (to {EQUAL:g})."
        )
    sentences = [*_input_sentences(names, inputs), *_value_sentences(changes, layers, index)]
    return " ".join(
        [*sentences, *_noise_sentences(changes, layers, index, has_same_stimuli=has_same_stimuli)]
    )


def _incomparable(changes: pl.DataFrame) -> int:
    """Values that only one study has."""
    return changes.filter(pl.col("first").is_null() != pl.col("second").is_null()).height


def _input_sentences(names: tuple[str, str], inputs: pl.DataFrame) -> Iterator[str]:
    if inputs.is_empty():
        same = "model, weights, preprocessing, stimuli and labels"
        yield f"The inputs of {names[0]} and {names[1]} are the same: {same}."
        return
    kinds = ", ".join(inputs["kind"].unique(maintain_order=True))
    parts = [
        f"{row['what']}"
        + (f": {row['first']} against {row['second']}" if row["first"] or row["second"] else "")
        for row in inputs.iter_rows(named=True)
    ]
    more = f"; and {len(parts) - 2 * MOST_MOVERS} more" if len(parts) > 2 * MOST_MOVERS else ""
    yield f"The inputs of {names[0]} and {names[1]} differ in {kinds} ({'; '.join(parts[: 2 * MOST_MOVERS])}{more})."


def _value_sentences(changes: pl.DataFrame, layers: pl.DataFrame, index: str) -> Iterator[str]:
    known = changes.filter(pl.col("change").is_not_null())
    if known.is_empty():
        yield f"No value of {index} can be compared, as the studies have no layer or category in common."
        return
    moved, filters = int(layers["indices_changed"].sum()), int(layers["filters"].sum())
    changed = int(layers["preferences_changed"].sum())
    sizes = known["change"].abs().to_list()
    if not moved:
        yield f"All {known.height:,} values of {index} are equal (to {EQUAL:g})."
        return
    yield (
        f"Of {known.height:,} values of {index} ({filters:,} filters, pooling layers left out), {moved:,} changed: by "
        f"{median(sizes):.2g} in the median, and by at most {max(sizes):.2g}."
    )
    yield f"The preferred category changed in {changed:,} filters ({100 * changed / max(filters, 1):.1f} %)."
    largest = known.sort(pl.col("change").abs(), descending=True, maintain_order=True).head(MOST_MOVERS)
    texts = [
        f"filter {row['filter']} of {row['layer']} for {row['category']} ({row['first']:.3f} to {row['second']:.3f})"
        for row in largest.iter_rows(named=True)
    ]
    yield f"The largest changes are those of {', '.join(texts)}."


def _noise_sentences(
    changes: pl.DataFrame, layers: pl.DataFrame, index: str, *, has_same_stimuli: bool
) -> Iterator[str]:
    if not int(layers["indices_changed"].sum()):
        return
    if has_same_stimuli:
        yield (
            "Both studies are of the same stimuli with the same labels, so none of these changes is due to the "
            "sampling of stimuli."
        )
        return
    tested = changes.filter(pl.col("q").is_not_null())
    if tested.is_empty():
        yield (
            f"There is no noise band, because {index} was not resampled in both studies: with other stimuli, every "
            "index changes by sampling alone, and whether a change is more than that cannot be seen here."
        )
        return
    significant = int(layers["significant"].fill_null(0).sum())
    beyond = int(layers["beyond_noise"].fill_null(0).sum())
    outside = tested.filter(pl.col("p") < LEVEL).height
    yield (
        f"With other stimuli, indices change by sampling alone: {outside:,} of {tested.height:,} changes are outside "
        f"of the 95 % band of their own, where {LEVEL * tested.height:,.0f} are expected without any true change; "
        f"{significant:,} {'is' if significant == 1 else 'are'} significant after correction (q < {LEVEL:g}), and "
        f"{beyond:,} of the changed preferences are beyond sampling (uncorrected). The errors take the stimuli of both "
        "studies as independent samples; those that are in both make the errors too large."
    )
