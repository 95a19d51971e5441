"""What differs in the results: one index of every filter, in both studies. SQL joins and counts; owns the tests.

A change is compared with the standard error of the index in both studies, from its bootstrap intervals. Samples of
stimuli are taken as independent; where the studies share some of them, the true error is smaller.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from toolbox.exchange.differences.sides import Side
from toolbox.query import Query, ask
from toolbox.resampling.changes import REACH_OF_95, changes_beyond_error
from toolbox.store.folder import StudyFolder
from toolbox.store.quoting import quote_text
from toolbox.store.resamples import Measure

EQUAL = 1e-9
"""Smaller changes are those of sums in another order."""

_VALUES = """
select
    v.layer, v.position, v.filter, v.category, v.value,
    (s.high - s.low) / (2 * {reach}) as error
from index_values({index}, {statistic}, {normalise}) v
left join (
    select layer, filter, category, low, high from significance
    where index = {index} and statistic = {statistic} and normalise = {normalise}
) s using (layer, filter, category)
where not v.is_pool
order by v.position, v.filter, v.category
"""
_CHANGES = """
with paired as (
    select
        layer, filter, category,
        coalesce(a.position, b.position) as position,
        a.value as first,
        b.value as second,
        b.value - a.value as change,
        a.error as first_error,
        b.error as second_error,
        sqrt(a.error ** 2 + b.error ** 2) as error,
        first_value(a.category) over (of_filter order by a.value desc nulls last, category) as top_first,
        first_value(b.category) over (of_filter order by b.value desc nulls last, category) as top_second
    from first_values a
    full join second_values b using (layer, filter, category)
    window of_filter as (partition by layer, filter)
)
select
    *,
    -- A preference is known where a filter has values, and is one of the categories that both studies have.
    max(first) over of_filter as highest_first,
    max(second) over of_filter as highest_second,
    count(change) over of_filter as compared
from paired
window of_filter as (partition by layer, filter)
order by position, filter, category
"""


def index_changes(sides: tuple[Side, Side], measure: Measure) -> pl.DataFrame:
    """One index of every filter and category in both studies.

    Args:
        sides: the studies.
        measure: the index, statistic and range.

    Returns: layer, position, filter, category, first, second, change, error, p, q; and preferred_first,
        preferred_second, has_changed: of the filter, whose preferred category is the one with the largest index. Null
        where a study lacks the filter or the category, and where nothing was resampled.
    """
    one, other = (_values(side, measure) for side in sides)
    joined = _ask(sides[0].lab.study, _CHANGES, {"first_values": one, "second_values": other})
    preferred = [
        pl.when(pl.col(f"highest_{name}").is_not_null()).then(f"top_{name}").alias(f"preferred_{name}")
        for name in ("first", "second")
    ]
    rows = joined.with_columns(*preferred)
    rows = rows.with_columns(
        has_changed=pl.col("preferred_first") != pl.col("preferred_second"),
        change=pl.when(pl.col("change").abs() > EQUAL).then("change").otherwise(pl.col("change") * 0),
    )
    return _with_tests(rows).drop("top_first", "top_second", "highest_first", "highest_second", "compared")


def _values(side: Side, measure: Measure) -> pl.DataFrame:
    """The index of every filter and category of one study, with its standard error where it was resampled."""
    names = {name: quote_text(value) for name, value in vars(measure).items()}
    sql = _VALUES.format(reach=REACH_OF_95, **names)
    return ask(side.lab.study, Query("diff", sql, ships=True), selection=side.selection).rows


def _ask(study: StudyFolder, sql: str, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    arrow = {name: rows.to_arrow() for name, rows in tables.items()}
    return ask(study, Query("diff", sql, ships=True), tables=arrow).rows


def _with_tests(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with p and q of every change."""
    change, error = (rows[name].fill_null(np.nan).to_numpy() for name in ("change", "error"))
    tests = changes_beyond_error(change, error)
    return rows.with_columns(p=tests.p, q=tests.q).with_columns(pl.col("p", "q").fill_nan(None))


_LAYERS = """
with change_of_preference as (
    -- The margin between both categories changes by no less than this; the error of a margin is at most the sum.
    select
        layer, filter,
        bool_or(has_changed) as has_changed,
        sum(case category when preferred_second then change when preferred_first then -change end) as margin,
        sqrt(
            sum(case when category in (preferred_first, preferred_second) then first_error end) ** 2
            + sum(case when category in (preferred_first, preferred_second) then second_error end) ** 2
        ) as error
    from changes
    group by all
)
select
    c.layer,
    any_value(c.position) as position,
    count(distinct c.filter) as filters,
    count(distinct c.filter) filter (p.has_changed) as preferences_changed,
    case when count(p.error) > 0 then
        count(distinct c.filter) filter (p.has_changed and p.margin > {reach} * p.error)
    end as beyond_noise,
    quantile_cont(c.change, 0.05) as q05,
    quantile_cont(c.change, 0.25) as q25,
    quantile_cont(c.change, 0.5) as q50,
    quantile_cont(c.change, 0.75) as q75,
    quantile_cont(c.change, 0.95) as q95,
    min(c.change) as lowest,
    max(c.change) as highest,
    {reach} * median(c.error) as noise,
    count(*) filter (c.change <> 0) as indices_changed,
    case when count(c.q) > 0 then count(*) filter (c.q < {level}) end as significant,
    arg_max(c.filter, abs(c.change)) as filter,
    arg_max(c.category, abs(c.change)) as category,
    arg_max(c.change, abs(c.change)) as largest
from changes c
join change_of_preference p using (layer, filter)
group by c.layer
order by position
"""


def layer_changes(study: StudyFolder, changes: pl.DataFrame, level: float) -> pl.DataFrame:
    """How far the index changed in every layer.

    Args:
        study: any, whose SQL counts.
        changes: of `index_changes`.
        level: q below which a change is significant.

    Returns: a row for every layer: filters, preferences_changed, beyond_noise, quantiles and extremes of the changes,
        noise (half the width of the band that holds 95 % of the changes of a typical filter by sampling alone),
        indices_changed, significant; and filter, category and change of the largest.
    """
    return _ask(study, _LAYERS.format(reach=REACH_OF_95, level=level), {"changes": changes})
