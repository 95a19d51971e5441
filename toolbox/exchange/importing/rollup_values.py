"""Roll-ups of a bundle: their ranges, that none is missing, and that they follow from the responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import polars as pl
import pyarrow as pa

from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.quick import Check
from toolbox.exchange.importing.records import ExtractionRecord, TableRecord
from toolbox.exchange.importing.values import Content, check_known, check_plain_rows, refuse_rows
from toolbox.store.columns import ROLLUPS
from toolbox.store.parquet import arrow_schema
from toolbox.store.rollup_comparison import rollup_difference
from toolbox.terms import STATISTICS

_KEYS = ["layer", "filter", "category", "statistic"]


def rollup_checks(content: Content) -> Iterator[Check]:
    """The checks of the values of roll-ups.

    Args:
        content: the tables of a bundle.
    """
    for record in content.bundle.record.tables_named("rollups"):
        yield record.file, partial(_check_rollups, content, record)


def rollup_of(content: Content, each: ExtractionRecord, scheme: str) -> pa.Table:
    """The roll-up of an extraction as a study has it: by layer, filter, category and statistic.

    Args:
        content: the tables of a bundle.
        each: the extraction.
        scheme: the label scheme.
    """
    rows = content.frame("rollups")
    of_these = (pl.col("set") == each.set) & (pl.col("model") == each.model) & (pl.col("scheme") == scheme)
    return rows.filter(of_these).select(*ROLLUPS).sort(_KEYS).to_arrow().cast(arrow_schema(ROLLUPS))


def _check_rollups(content: Content, record: TableRecord) -> None:
    rows = pl.DataFrame(content.rows(record))
    check_plain_rows(record, rows)
    check_known(record, rows, content)
    file = record.file
    refuse_rows(file, rows, ~pl.col("statistic").is_in(list(STATISTICS)), "of another statistic")
    refuse_rows(file, rows, pl.col("n") < 1, "with a number of stimuli below 1")
    refuse_rows(file, rows, pl.col("minimum") > pl.col("maximum"), "with a minimum above the maximum")
    low, high = pl.col("minimum").cast(pl.Float64), pl.col("maximum").cast(pl.Float64)
    mean, margin = pl.col("sum") / pl.col("n"), 1e-6 * pl.max_horizontal(low.abs(), high.abs())
    refuse_rows(file, rows, ~mean.is_between(low - margin, high + margin), "with a mean outside the range")
    # no values in a range deviate more than those of which half are at either end
    most = pl.col("n") * ((high - low) / 2) ** 2 * (1 + 1e-6) + margin**2 * pl.col("n")
    squares = pl.col("squared_deviations")
    refuse_rows(
        file, rows, (squares < -margin) | (squares > most), "with squares that no values in the range have"
    )
    for each in content.bundle.extractions:
        for scheme, stated in each.rollups.items():
            _check_complete(file, content, each, scheme, stated)


def _check_complete(file: str, content: Content, each: ExtractionRecord, scheme: str, stated: int) -> None:
    """Refuse a roll-up that lacks a filter, or whose filters are of different numbers of stimuli."""
    rows = pl.DataFrame(rollup_of(content, each, scheme))
    names = " ".join(map(shortened, (each.set, each.model, scheme)))
    counts = rows.group_by("category").agg(pl.col("n").min().alias("least"), pl.col("n").max().alias("most"))
    filters = sum(content.filters[each.model].get(layer, 0) for layer in each.identity.recorded_layers)
    expected = filters * len(counts) * len(STATISTICS)
    if not len(rows) == expected == stated:
        refuse(
            file,
            f"has {len(rows):,} rows of {names}; expected {expected:,}, one for every filter and category",
        )
    labelled = content.labels.get((each.set, scheme), {})
    for category, least, most in counts.iter_rows():
        known = sum(1 for name in labelled.values() if name == category)
        if least != most or most > known:
            refuse(
                file,
                f"has {least:,} to {most:,} stimuli of {shortened(category)} in {names}, which has {known:,}",
            )


def check_recomputed(stated: pa.Table, computed: pa.Table, names: Mapping[str, str]) -> None:
    """Compare a roll-up with the one that follows from the responses.

    Args:
        stated: the roll-up of the bundle.
        computed: the one that follows.
        names: set, model and scheme, for the message.

    Raises: BundleError.
    """
    if column := rollup_difference(stated, computed):
        where = " ".join(map(shortened, names.values()))
        refuse("rollups.parquet", f"has another {column} of {where} than follows from responses.parquet")
