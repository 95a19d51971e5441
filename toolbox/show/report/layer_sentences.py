"""Sentences of the figures of filters and layers: profiles, indices, reliability. Compute nothing new.

Every function takes the rows of its query, at least one, and returns a sentence that is true of them, however few of
their values are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from toolbox.chart.theme import column_words
from toolbox.show.report.subject import ReportSubject
from toolbox.show.report.words import RowValues, few, largest, median, number, percent, unit
from toolbox.terms import LEVEL

_STRONG = 0.1
"""Peak relative to the median of the layer below which a tuning means nothing."""


def _profile(rows: pl.DataFrame, subject: ReportSubject) -> str:
    rows = (
        rows.filter(~pl.col("is_pool")) if "is_pool" in rows.columns else rows
    )  # as the figure and its caution
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


def _significant(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
    tests, found, strict = (int(rows[name].sum()) for name in ("filters", "significant", "significant_fwe"))
    by_category = rows.group_by("category", maintain_order=True).agg(pl.col("significant").sum())
    first = by_category.sort("significant", descending=True, maintain_order=True).row(0, named=True)
    most = f", most of them for {first['category']} ({first['significant']:,} filters)" if found else ""
    return (
        f"Of {tests:,} tests (filter × category), {found:,} are significant (q < {LEVEL:g}){most}; {strict:,} are so "
        "after correction for the family-wise error."
    )


def _best(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
    first = rows.filter(pl.col("rank") == 1).sort("proportion", descending=True, maintain_order=True)
    found = first.filter(pl.col("proportion") > 0)
    if found.is_empty():
        return "No layer has filters that are selective for a category."
    parts = [_best_layer(row, is_first=not place) for place, row in enumerate(found.iter_rows(named=True))]
    lacking = first.filter(pl.col("proportion") == 0)["category"].to_list()
    none = f"; no layer has any for {few(lacking)}" if lacking else ""
    return f"By the proportion of selective filters, the best layer is {few(parts)}{none}."


def _best_layer(row: RowValues, *, is_first: bool) -> str:
    """The layer and its category, with how often it comes first among the bootstrap samples."""
    often = row["first_by_proportion"]
    words = f"first in {percent(often)} of the bootstrap samples" if is_first else percent(often)
    how_often = "" if often is None else f" ({words})"
    return f"{row['layer']} for {row['category']}{how_often}"


def _index(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
    grouped = rows.group_by("category", "layer", maintain_order=True).agg(
        low=pl.col("contrast").quantile(0.05, "linear"),
        middle=pl.col("contrast").median(),
        high=pl.col("contrast").quantile(0.95, "linear"),
    )
    top = largest(grouped, "high")
    if top is None:
        return "No filter has a response contrast: all of them respond alike to every stimulus."
    middle = grouped["middle"].drop_nulls().to_list()
    return (
        f"The median response contrast of a layer's filters is between {number(min(middle))} and "
        f"{number(max(middle))}; the upper 5 % of the filters exceed {number(top['high'])} for {top['category']} "
        f"in {top['layer']}, the largest value of all layers and categories."
    )


def _agreement(rows: pl.DataFrame, subject: ReportSubject) -> str:
    most, least = largest(rows, "spearman"), largest(rows.with_columns(-pl.col("spearman")), "spearman")
    if most is None or least is None:
        return "No two indices can be compared: each of them is the same for all filters."
    own = subject.index.name
    of_own = median(rows.filter((pl.col("first") == own) | (pl.col("second") == own)), "spearman")
    typical = (
        ""
        if of_own is None
        else f"; that of {column_words(own)} with the others is {number(of_own)} (median)"
    )
    return (
        f"{_pair(most)} rank the filters most alike (rank correlation {number(most['spearman'])}), {_pair(least)} "
        f"least ({number(-least['spearman'])}){typical}."
    )


def _pair(row: RowValues) -> str:
    words = f"{column_words(row['first'])} and {column_words(row['second'])}"
    return words[:1].upper() + words[1:] if row["spearman"] > 0 else words


def _sanity(rows: pl.DataFrame, subject: ReportSubject) -> str:
    passing = rows.filter(pl.col("passes").fill_null(value=False))["index"].to_list()
    names = f": {few([column_words(name) for name in passing])}" if passing else ""
    own = rows.filter(pl.col("index") == subject.index.name)
    text = f"{len(passing)} of {rows.height} indices notice both missing and false labels in 90 % of the cases{names}"
    if own.is_empty() or own["extra"].item() is None:
        return f"{text}."
    missing, extra = own["missing"].item(), own["extra"].item()
    return (
        f"{text}; the {column_words(subject.index.name)} falls in {percent(missing)} of the cases with missing labels, "
        f"and in {percent(extra)} of those with false ones."
    )


def _reliability(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
    value, halves = (median(rows, name) for name in ("value", "cross_validated"))
    agreement, reliability = (median(rows, name) for name in ("agreement", "reliability"))
    known = rows["agreement"].count()
    if not known:
        return "No filter has a preferred category, so there is no preference to be reliable."
    text = (
        f"Of the median filter, both halves of the stimuli prefer the same category in {percent(agreement)} of the "
        f"halvings, and its index is {number(halves)} on the half that did not choose the category ({number(value)} on "
        "all stimuli)"
    )
    return f"{text}." if reliability is None else f"{text}; the median reliability is {number(reliability)}."


def _orientation(rows: pl.DataFrame, subject: ReportSubject) -> str:  # noqa: ARG001
    strong = rows.filter(pl.col("relative_peak") >= _STRONG)
    sharpest = largest(strong, "selectivity")
    if sharpest is None:
        return "No filter responds strongly enough for its tuning to mean anything."
    return (
        f"Of the {strong.height} filters whose peak is at least a tenth of the median peak, {unit(sharpest)} is tuned "
        f"most sharply (orientation selectivity {number(sharpest['selectivity'])}) and prefers "
        f"{sharpest['preferred']:.0f} degrees; the median selectivity is {number(median(strong, 'selectivity'))}."
    )


LAYER_SENTENCES: Mapping[str, Callable[[pl.DataFrame, ReportSubject], str]] = {
    "layers/profile": _profile,
    "tuning/orientation": _orientation,
    "layers/significant": _significant,
    "layers/best": _best,
    "selectivity/index": _index,
    "selectivity/agreement": _agreement,
    "selectivity/sanity": _sanity,
    "selectivity/reliability": _reliability,
}
"""Query -> the function that makes its sentence."""
