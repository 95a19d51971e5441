"""Notes on resampling: that a query shows no intervals or chance levels yet. Owns the command that makes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl

from toolbox.query.header import Query
from toolbox.query.indices import shipped_index
from toolbox.query.syntax import parse_select
from toolbox.query.thresholds import index_thresholds
from toolbox.store.database import Database
from toolbox.store.resamples import Measure
from toolbox.store.views import RESAMPLE_VIEWS
from toolbox.terms import LEVEL

_LACK_OF_COUNTS = "intervals and chance levels for this index and threshold are missing; to compute them"
_POOLED = {"index": "indices", "statistic": "statistics", "normalise": "ranges of normalisation"}
"""Columns of a measure, and what several of them are called."""
_LACK = "this index was not resampled; to resample it"


def note_missing_resamples(database: Database, views: Collection[str], values: Mapping[str, Any]) -> None:
    """Say which tables are ignored, and how to have what a query would show of resampling but nobody resampled.

    Args:
        database: open; the note is added to its own.
        views: those that the query reads.
        values: of the query's parameters.
    """
    chosen = [values.get(name) for name in ("index", "statistic", "normalise")]
    measure = None if None in chosen else Measure(*map(str, chosen))
    database.notes += [note for of, note in database.stale if measure in (None, of)]
    if database.labelling is None or measure is None:
        return
    read = [view for view in RESAMPLE_VIEWS if view in views]
    missing = [view for view in read if not _is_resampled(database, view, measure, values)]
    if not missing:
        return
    lack, further = _LACK, []
    if "resamples" in missing and "threshold" in values:
        lack, further = _LACK_OF_COUNTS, _further_thresholds(measure, values["threshold"])
    command = database.labelling.command(measure, further)
    if not any(command in note for note in database.notes):  # that of a stale table says the same
        database.notes.append(f"{lack}: {command}")


def notes_on_pooling(database: Database, query: Query, rows: pl.DataFrame) -> Iterator[str]:
    """Which indices, statistics or ranges the SQL of a user reads together without naming them.

    Args:
        database: open.
        query: of a user, or one that ships: those choose a measure themselves.
        rows: its result, in which a column of the measure separates them too.
    """
    text = re.sub(r"--[^\n]*|/\*.*?\*/", " ", query.sql, flags=re.DOTALL).lower()
    unnamed = [name for name in _POOLED if name not in rows.columns and not re.search(rf"\b{name}\b", text)]
    for view in RESAMPLE_VIEWS if not query.ships else ():
        for name in unnamed if view in parse_select(query).tables else ():
            found = database.connection.execute(f"select distinct {name} from {view} order by all").fetchall()
            if len(found) > 1:
                values = [str(value) for (value,) in found]
                yield (
                    f"{view} holds {len(values)} {_POOLED[name]} ({', '.join(values)}), and this SQL reads all of them "
                    f"together; to choose one: where {name} = '{values[-1]}'"
                )


def resolution_notes(rows: pl.DataFrame) -> list[str]:
    """What the rows cannot show, however large the differences: corrected p that so few resamples keep large.

    Args:
        rows: of any query.
    """
    remedy = "to resolve smaller ones: toolbox significance --resamples, with a larger number"
    if {"p_holm", "is_bound"} <= set(rows.columns):
        bounds = rows.filter(pl.col("is_bound") & (pl.col("p_holm") >= LEVEL)).height
        return (
            [f"p_holm not below {LEVEL} because of the number of resamples: {bounds}; {remedy}"]
            if bounds
            else []
        )
    finds_by_fwe_alone = (
        {"significant", "significant_fwe"} <= set(rows.columns)
        and not rows["significant"].sum()
        and rows["significant_fwe"].sum()
    )
    if finds_by_fwe_alone:
        return [f"no q is small enough with so few permutations, but FWE-corrected p are; {remedy}"]
    return []


def _further_thresholds(measure: Measure, threshold: float | None) -> list[float]:
    """The threshold, unless filters are counted above it anyway."""
    if threshold is None or threshold in shipped_index(measure.index).standard_thresholds:
        return []
    return [threshold]


def _is_resampled(database: Database, view: str, measure: Measure, values: Mapping[str, Any]) -> bool:
    """Whether a view has rows of a measure and, where it counts filters, of the threshold of the query."""
    asked: dict[str, Any] = dict(vars(measure))
    wanted = " and ".join(f"v.{name} = ${name}" for name in asked)
    if view == "resamples" and "threshold" in values:  # a query that counts filters reads `rollups` too
        asked["thresholds"] = _thresholds(database, measure, values["threshold"])
        wanted += " and list_contains($thresholds, v.threshold)"
    sql = f"select 1 from {view} v where {wanted} limit 1"
    return bool(database.connection.execute(sql, asked).fetchall())


def _thresholds(database: Database, measure: Measure, threshold: float | None) -> list[float]:
    """The threshold of the query; null stands for that of the index, which may differ between categories."""
    if threshold is not None:
        return [threshold]
    return index_thresholds(measure.index, category_sizes(database))[0]


def category_sizes(database: Database) -> list[int]:
    """Stimuli of every category, in no order.

    Args:
        database: open, with the view `rollups`.
    """
    rows = database.connection.execute("select max(n) from rollups group by category").fetchall()
    return [size for (size,) in rows]
