"""What a figure shows, in one sentence with the numbers of the study. Owns one function a query; computes nothing new.

Every function takes the rows of its query, at least one, and returns a sentence that is true of them, however few
of their values are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from toolbox.chart.theme import column_words
from toolbox.show.report.subject import Subject
from toolbox.terms import LEVEL

Row = dict[str, Any]
_SENTENCES: dict[str, Callable[[pl.DataFrame, Subject], str]] = {}
NAMED = 3
"""Categories that a sentence names, of many."""


def sentence(query: str, rows: pl.DataFrame, subject: Subject) -> str:
    """What the rows of a query show.

    Args:
        query: its name.
        rows: at least one.
        subject: of the report.
    """
    return _SENTENCES[query](rows, subject)


def says(query: str) -> Callable[[Callable[[pl.DataFrame, Subject], str]], Any]:
    """Register a function as the sentence of a query.

    Args:
        query: its name.
    """

    def register(function: Callable[[pl.DataFrame, Subject], str]) -> Any:
        _SENTENCES[query] = function
        return function

    return register


def percent(value: float | None) -> str:
    """A proportion in per cent, with as many digits as are read.

    Args:
        value: from 0 to 1.

    >>> percent(0.8765), percent(0.0123), percent(0.00004), percent(0), percent(None)
    ('88 %', '1.2 %', '< 0.1 %', '0 %', 'unknown')
    """
    if value is None:
        return "unknown"
    if 0 < value < 0.001:
        return "< 0.1 %"
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """A measured value with two decimals.

    Args:
        value: any, or None.

    >>> number(0.4567), number(-0.001), number(-0.14), number(None)
    ('0.46', '0.00', '−0.14', 'unknown')
    """
    return "unknown" if value is None else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def listed(names: Iterable[str]) -> str:
    """Names as in a sentence.

    Args:
        names: any number.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', 'none')
    """
    *most, last = [*names] or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


def largest(rows: pl.DataFrame, column: str) -> Row | None:
    """The first row with the largest value of a column; None where none is known.

    Args:
        rows: of a query.
        column: of numbers.
    """
    known = rows.filter(pl.col(column).is_finite())
    return known.sort(column, descending=True, maintain_order=True).row(0, named=True) if len(known) else None


def few(names: Sequence[str]) -> str:
    """Names as in a sentence, the number of them where they are many.

    Args:
        names: any number.

    >>> few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    shown = [*names[:NAMED], *([f"{len(names) - NAMED} more"] if len(names) > NAMED else [])]
    return listed(shown if len(names) != NAMED + 1 else names)


@says("sets/summary")
def _summary(rows: pl.DataFrame, subject: Subject) -> str:
    sizes = rows.filter(pl.col("category").is_not_null())["stimuli"]
    unlabelled = rows.filter(pl.col("category").is_null())["stimuli"].sum()
    each = f"{sizes.min():,}" if sizes.n_unique() == 1 else f"{sizes.min():,} to {sizes.max():,}"
    further = f", and {unlabelled:,} have no label" if unlabelled else ""
    return f"The set {subject.set} has {len(sizes)} categories with {each} stimuli each{further}."


@says("layers/profile")
def _profile(rows: pl.DataFrame, subject: Subject) -> str:
    best = largest(rows, "proportion")
    if not best or not best["selective"]:
        return f"No filter of {subject.model} is selective ({subject.criterion}) for any category."
    text = (
        f"Selective filters ({subject.criterion}) are most frequent for {best['category']} in {best['layer']}: "
        f"{best['selective']:,} of {best['filters']:,} filters ({percent(best['proportion'])})"
    )
    known = rows.filter(pl.col("proportion") > 0, pl.col("beyond_chance").is_not_null())
    if known.is_empty():
        return f"{text}; how many chance alone makes is not known without permuted labels."
    beyond = int(known["beyond_chance"].sum())
    return f"{text}; {beyond} of the {known.height} proportions above 0 are beyond their chance band."


@says("layers/significant")
def _significant(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    tests, found, strict = (int(rows[name].sum()) for name in ("filters", "significant", "significant_fwe"))
    by_category = rows.group_by("category", maintain_order=True).agg(pl.col("significant").sum())
    first = by_category.sort("significant", descending=True, maintain_order=True).row(0, named=True)
    most = f", most of them for {first['category']} ({first['significant']:,} filters)" if found else ""
    return (
        f"Of {tests:,} tests (filter × category), {found:,} are significant (q < {LEVEL:g}){most}; {strict:,} are so after "
        "correction for the family-wise error."
    )


@says("layers/best")
def _best(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    first = rows.filter(pl.col("rank") == 1).sort("proportion", descending=True, maintain_order=True)
    found = first.filter(pl.col("proportion") > 0)
    if found.is_empty():
        return "No layer has filters that are selective for a category."
    parts = [_best_layer(row, is_first=not place) for place, row in enumerate(found.iter_rows(named=True))]
    lacking = first.filter(pl.col("proportion") == 0)["category"].to_list()
    none = f"; no layer has any for {few(lacking)}" if lacking else ""
    return f"By the proportion of selective filters, the best layer is {few(parts)}{none}."


def _best_layer(row: Row, *, is_first: bool) -> str:
    """The layer and its category, with how often it comes first among the bootstrap samples."""
    often = row["first_by_proportion"]
    words = f"first in {percent(often)} of the bootstrap samples" if is_first else percent(often)
    how_often = "" if often is None else f" ({words})"
    return f"{row['layer']} for {row['category']}{how_often}"


@says("selectivity/index")
def _index(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    grouped = rows.group_by("category", "layer", maintain_order=True).agg(
        low=pl.col("contrast").quantile(0.05, "linear"),
        middle=pl.col("contrast").median(),
        high=pl.col("contrast").quantile(0.95, "linear"),
    )
    top = largest(grouped, "high")
    if top is None:
        return "No filter has a response contrast: all of them respond alike to every stimulus."
    return (
        f"The median response contrast of a layer's filters is between {number(grouped['middle'].min())} and "
        f"{number(grouped['middle'].max())}; the upper 5 % of the filters exceed {number(top['high'])} for {top['category']} "
        f"in {top['layer']}, the largest value of all layers and categories."
    )


@says("selectivity/agreement")
def _agreement(rows: pl.DataFrame, subject: Subject) -> str:
    most, least = largest(rows, "spearman"), largest(rows.with_columns(-pl.col("spearman")), "spearman")
    if most is None or least is None:
        return "No two indices can be compared: each of them is the same for all filters."
    own = subject.index.name
    of_own = rows.filter((pl.col("first") == own) | (pl.col("second") == own))["spearman"].median()
    typical = (
        ""
        if of_own is None
        else f"; that of {column_words(own)} with the others is {number(of_own)} (median)"
    )
    return (
        f"{_pair(most)} rank the filters most alike (rank correlation {number(most['spearman'])}), {_pair(least)} least "
        f"({number(-least['spearman'])}){typical}."
    )


def _pair(row: Row) -> str:
    words = f"{column_words(row['first'])} and {column_words(row['second'])}"
    return words[:1].upper() + words[1:] if row["spearman"] > 0 else words


@says("selectivity/sanity")
def _sanity(rows: pl.DataFrame, subject: Subject) -> str:
    passing = rows.filter(pl.col("passes").fill_null(value=False))["index"].to_list()
    names = f": {few([column_words(name) for name in passing])}" if passing else ""
    own = rows.filter(pl.col("index") == subject.index.name)
    text = f"{len(passing)} of {rows.height} indices notice both missing and false labels in 90 % of the cases{names}"
    if own.is_empty() or own["extra"].item() is None:
        return f"{text}."
    missing, extra = own["missing"].item(), own["extra"].item()
    return (
        f"{text}; the {column_words(subject.index.name)} falls in {percent(missing)} of the cases with missing labels, and in "
        f"{percent(extra)} of those with false ones."
    )


@says("filters/representative")
def _representative(rows: pl.DataFrame, subject: Subject) -> str:
    firsts = rows.filter(pl.col("rank") == 1).sort("value", descending=True, maintain_order=True)
    top = firsts.row(0, named=True)
    interval = "" if top["low"] is None else f", 95 % interval {number(top['low'])} to {number(top['high'])}"
    text = (
        f"The largest {column_words(subject.index.name)} of all is that of {unit(top)} for {top['category']} "
        f"({number(top['value'])}{interval})"
    )
    if firsts.height == 1:
        return f"{text}."
    last = firsts.row(-1, named=True)
    return f"{text}; the best filter for {last['category']} reaches {number(last['value'])} ({unit(last)})."


def unit(row: Row) -> str:
    """A filter as texts name it.

    Args:
        row: with layer and filter.
    """
    return f"{row['layer']} / {row['filter']}"


@says("tuning/representative")
def _tuning(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    curves = [
        _steepness(curve) for _, curve in rows.group_by("preferred", "layer", "filter", maintain_order=True)
    ]
    known = [curve for curve in curves if curve["ratio"] is not None]
    steep = max(known, key=lambda curve: curve["ratio"], default=None)
    own = sum(curve["is_own"] for curve in curves)
    text = f"{own} of {len(curves)} filters respond most, on average, to the category for which they are most selective"
    if steep is None:
        return f"{text}."
    return (
        f"{text}; the curve of {unit(steep)} is the steepest: its mean response to {steep['best']} is "
        f"{steep['ratio']:.1f} times that to {steep['next']}, the next category."
    )


def _steepness(curve: pl.DataFrame) -> Row:
    """How much the best category of one filter exceeds the next."""
    ordered = curve.sort("mean", descending=True, maintain_order=True)
    best, following = ordered.row(0, named=True), ordered.row(min(1, ordered.height - 1), named=True)
    is_ratio = following["mean"] > 0 and ordered.height > 1
    return {
        **best,
        "best": best["category"],
        "next": following["category"],
        "ratio": best["mean"] / following["mean"] if is_ratio else None,
        "is_own": best["category"] == best["preferred"],
    }


@says("complexity/depth")
def _depth(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    most = largest(rows, "proportion")
    deepest, lowest = (
        largest(rows, "mean_depth"),
        largest(rows.with_columns(-pl.col("mean_depth")), "mean_depth"),
    )
    if not most or not most["selective"] or not deepest or not lowest:
        return "No filter is selective for any category, so none has a depth."
    text = (
        f"On average over the layers, {percent(most['proportion'])} of the filters are selective for {most['category']}, the "
        "largest proportion of all categories"
    )
    if deepest["category"] == lowest["category"]:
        return f"{text}; their mean depth is {number(deepest['mean_depth'])} (0: first layer, 1: last)."
    return (
        f"{text}; the filters selective for {deepest['category']} are deepest (mean depth {number(deepest['mean_depth'])}), "
        f"those for {lowest['category']} are the least deep ({number(-lowest['mean_depth'])}; 0: first layer, 1: last)."
    )


@says("complexity/pairs")
def _pairs(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    counts = {
        measure: (int((of_one["p_holm"] < LEVEL).sum()), of_one["p_holm"].count(), of_one.height)
        for (measure,), of_one in rows.group_by("measure", maintain_order=True)
    }
    if not any(tested for _, tested, _ in counts.values()):
        pairs = max(height for _, _, height in counts.values())
        return f"{pairs} pairs of categories are compared; none is tested without bootstrap samples."
    names = {"proportion": "in the proportion of selective filters", "mean_depth": "in their mean depth"}
    parts = [
        f"{found} of {tested} pairs differ {names[measure]}" for measure, (found, tested, _) in counts.items()
    ]
    return f"{listed(parts)} (Holm-corrected p < {LEVEL:g})."


@says("sets/balance")
def _balance(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    row = rows.row(0, named=True)
    most = largest(rows, "ratio")
    if row["evenness"] is None or most is None:
        return "No filter is selective for any category, so the balance of the set is not known."
    interval = (
        ""
        if row["evenness_low"] is None
        else f", 95 % interval {number(row['evenness_low'])} to {number(row['evenness_high'])}"
    )
    spread = "" if row["spread"] is None else f"; the spread of the mean depths is {number(row['spread'])}"
    return (
        f"The evenness of the categories is {number(row['evenness'])} (1: as many selective filters for each{interval}): "
        f"{most['category']} has {most['ratio']:.1f} times the mean proportion{spread}."
    )


@says("selectivity/reliability")
def _reliability(rows: pl.DataFrame, subject: Subject) -> str:  # noqa: ARG001
    value, halves = (rows[name].median() for name in ("value", "cross_validated"))
    agreement, reliability = (rows[name].median() for name in ("agreement", "reliability"))
    known = rows["agreement"].count()
    if not known:
        return "No filter has a preferred category, so there is no preference to be reliable."
    text = (
        f"Of the median filter, both halves of the stimuli prefer the same category in {percent(agreement)} of the halvings, "
        f"and its index is {number(halves)} on the half that did not choose the category ({number(value)} on all stimuli)"
    )
    return f"{text}." if reliability is None else f"{text}; the median reliability is {number(reliability)}."
