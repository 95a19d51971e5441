"""Sentences of the figures of categories: the set, single filters, tuning, complexity. Compute nothing new.

Every function takes the rows of its query, at least one, and returns a sentence that is true of them, however few of
their values are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from toolbox.chart.theme import column_words
from toolbox.show.report.subject import ReportSubject
from toolbox.show.report.words import RowValues, largest, listed, number, percent, unit
from toolbox.terms import LEVEL


def _summary(rows: pl.DataFrame, subject: ReportSubject) -> str:
    sizes = rows.drop_nulls("category")["stimuli"].to_list()
    unlabelled = rows.filter(pl.col("category").is_null())["stimuli"].sum()
    least, most = min(sizes), max(sizes)
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    further = f", and {unlabelled:,} have no label" if unlabelled else ""
    return f"The set {subject.set} has {len(sizes)} categories with {each} stimuli each{further}."


def _representative(rows: pl.DataFrame, subject: ReportSubject) -> str:
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


def _tuning(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
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


def _steepness(curve: pl.DataFrame) -> RowValues:
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


def _depth(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
    most = largest(rows, "proportion")
    deepest, lowest = (
        largest(rows, "mean_depth"),
        largest(rows.with_columns(-pl.col("mean_depth")), "mean_depth"),
    )
    if not most or not most["selective"] or not deepest or not lowest:
        return "No filter is selective for any category, so none has a depth."
    text = (
        f"On average over the layers, {percent(most['proportion'])} of the filters are selective for "
        f"{most['category']}, the largest proportion of all categories"
    )
    if deepest["category"] == lowest["category"]:
        return f"{text}; their mean depth is {number(deepest['mean_depth'])} (0: first layer, 1: last)."
    return (
        f"{text}; the filters selective for {deepest['category']} are deepest (mean depth "
        f"{number(deepest['mean_depth'])}), those for {lowest['category']} are the least deep "
        f"({number(-lowest['mean_depth'])}; 0: first layer, 1: last)."
    )


def _pairs(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
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


def _balance(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
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
        f"The evenness of the categories is {number(row['evenness'])} (1: as many selective filters for each"
        f"{interval}): {most['category']} has {most['ratio']:.1f} times the mean proportion{spread}."
    )


CATEGORY_SENTENCES: Mapping[str, Callable[[pl.DataFrame, ReportSubject], str]] = {
    "sets/summary": _summary,
    "filters/representative": _representative,
    "tuning/representative": _tuning,
    "complexity/depth": _depth,
    "complexity/pairs": _pairs,
    "sets/balance": _balance,
}
"""Query -> the function that makes its sentence."""
