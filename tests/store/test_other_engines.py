"""Other programs read the files of a study as they are, and compute the same selectivities from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from support.own_sql import seen
from toolbox import Study

CONTRAST = """
with labelled as (
    select layer, filter, category, cast(maximum as double) as response
    from responses join labels on responses.stimulus_id = labels.stimulus_id
),
filters as (
    select layer, filter, count(*) as n, sum(response) as total, max(response) - min(response) as span
    from labelled group by layer, filter
),
categories as (
    select layer, filter, category, count(*) as n, sum(response) as total
    from labelled group by layer, filter, category
)
select c.layer, c.filter, c.category,
    (c.total / c.n - (f.total - c.total) / (f.n - c.n)) / nullif(f.span, 0) as contrast
from categories c join filters f on c.layer = f.layer and c.filter = f.filter
"""
"""The response contrast in the SQL that every engine has."""


def by_datafusion(responses: Path, labels: Path, _: Path) -> pl.DataFrame:
    import datafusion

    context = datafusion.SessionContext()
    context.register_parquet("responses", str(responses))
    context.register_parquet("labels", str(labels))
    return pl.from_arrow(context.sql(CONTRAST).to_arrow_table())  # type: ignore[return-value]


def by_polars(responses: Path, labels: Path, _: Path) -> pl.DataFrame:
    return contrast(pl.scan_parquet(responses / "*.parquet"), pl.scan_parquet(labels))


def by_iceberg(responses: Path, labels: Path, place: Path) -> pl.DataFrame:
    import pyarrow.parquet as pq
    from pyiceberg.catalog.sql import SqlCatalog

    place.mkdir()
    catalog = SqlCatalog("study", uri=f"sqlite:///{place}/catalog.db", warehouse=place.as_uri())
    catalog.create_namespace("colours")
    for name, files in (("responses", sorted(responses.glob("*.parquet"))), ("labels", [labels])):
        made = catalog.create_table(f"colours.{name}", pq.read_schema(files[0]))
        made.add_files([str(file) for file in files])
    tables = (catalog.load_table(f"colours.{name}").scan().to_arrow() for name in ("responses", "labels"))
    read = contrast(*(pl.DataFrame(pl.from_arrow(table)).lazy() for table in tables))
    catalog.close()
    return read


def contrast(responses: pl.LazyFrame, labels: pl.LazyFrame) -> pl.DataFrame:
    """The response contrast by expressions of polars."""
    response = pl.col("maximum").cast(pl.Float64)
    filters = responses.join(labels, on="stimulus_id").group_by("layer", "filter")
    whole = filters.agg(all_n=pl.len(), whole=response.sum(), span=response.max() - response.min())
    categories = responses.join(labels, on="stimulus_id").group_by("layer", "filter", "category")
    means = categories.agg(n=pl.len(), total=response.sum()).join(whole, on=["layer", "filter"])
    rest = (pl.col("whole") - pl.col("total")) / (pl.col("all_n") - pl.col("n"))
    found = (pl.col("total") / pl.col("n") - rest) / pl.when(pl.col("span") != 0).then("span")
    return means.select("layer", "filter", "category", contrast=found).collect()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("read", [by_polars, by_datafusion, by_iceberg])
def test_selectivities_are_those_of_the_toolbox(
    read: Callable[[Path, Path, Path], pl.DataFrame], study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    study.extract("colours", model=card, weights=weights, part=2)
    folder = study.folder.root / "responses" / "set=colours" / "model=tiny"
    files = {file: file.read_bytes() for file in sorted(folder.iterdir())}
    assert len(files) == 3
    labels = study.folder.labels("colours")
    expected = study.query(
        seen("select layer, filter, category, contrast from selectivity('maximum', 'filter')")
    )
    found = read(folder, labels, tmp_path / "iceberg").cast(expected.schema)
    assert_frame_equal(found, expected, check_row_order=False, abs_tol=1e-12)
    assert expected["contrast"].drop_nulls().len() > 0
    assert {file: file.read_bytes() for file in sorted(folder.iterdir())} == files
