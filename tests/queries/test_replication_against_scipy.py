"""Agreement with a published table is what numpy and scipy find in the same pairs of values."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from support.nearly import nearly
from support.own_sql import seen
from support.random_study import FILTERS, LAYERS, RandomStudy
from toolbox.query import ask

CATEGORIES = ("axe", "car", "face")


@pytest.fixture(scope="module")
def published() -> pl.DataFrame:
    """Values of many ties for every filter, a tenth of them unknown; no dogs."""
    chance = np.random.default_rng(1904)
    rows = [
        (layer, number, category) for layer in LAYERS for number in range(FILTERS) for category in CATEGORIES
    ]
    values = np.round(chance.normal(0, 0.05, len(rows)), 2)
    known = chance.random(len(rows)) < 0.9
    table = pl.DataFrame(
        rows, schema={"layer": pl.String, "filter": pl.Int32, "category": pl.String}, orient="row"
    )
    return table.with_columns(value=pl.when(pl.Series(known)).then(pl.Series(values)))


def overlap(pairs: pl.DataFrame, count: int) -> float:
    """Shared part of the first `count` of both lists, equal values in the order of filter and category."""
    order = ["filter", "category"]
    best = [
        {*pairs.sort(side, *order, descending=[True, False, False]).head(count).select(order).rows()}
        for side in ("here", "there")
    ]
    return len(best[0] & best[1]) / min(count, pairs.height)


@pytest.mark.parametrize("index", ["contrast", "share"])
@pytest.mark.parametrize(("statistic", "normalise"), [("mean", "layer"), ("maximum", "filter")])
@pytest.mark.parametrize(("count", "threshold"), [(3, 0.02), (25, 0.0)])
def test_correlations_and_overlap_are_those_of_the_pairs(
    index: str, statistic: str, normalise: str, count: int, threshold: float,
    published: pl.DataFrame, random_study: RandomStudy,
) -> None:  # fmt: skip
    chosen = {"index": index, "statistic": statistic, "normalise": normalise}
    here = ask(
        random_study.folder, seen("select * from index_values($index, $statistic, $normalise)"), chosen
    ).rows
    joined = published.join(here.rename({"value": "here"}), on=["layer", "filter", "category"]).rename(
        {"value": "there"}
    )
    expected = []
    for layer in LAYERS:
        for category in (*CATEGORIES, "all"):
            rows = joined.filter(layer=layer).filter((pl.col("category") == category) | (category == "all"))
            pairs = rows.drop_nulls(["here", "there"])
            x, y = pairs["here"].to_numpy(), pairs["there"].to_numpy()
            agreement = (np.corrcoef(x, y)[0, 1], stats.spearmanr(x, y).statistic, overlap(pairs, count))
            selective = (int((x > threshold).sum()), int((y > threshold).sum()))
            expected.append(
                (layer, category, len(x), rows.height - len(x), *map(float, agreement), *selective)
            )
    parameters = {**chosen, "count": count, "threshold": threshold}
    tables = {"reference": published.to_arrow()}
    answer = ask(random_study.folder, "replication/layers", parameters, tables=tables).rows
    assert answer.rows() == nearly(expected, 1e-10)
    filters = ask(random_study.folder, "replication/filters", chosen, tables=tables).rows
    order = joined.select("layer", "filter", "category", "here", "there")
    assert sorted(filters.rows(), key=lambda row: row[:3]) == nearly(
        sorted(order.rows(), key=lambda row: row[:3])
    )


def test_the_rank_correlation_does_not_mind_the_unit(
    published: pl.DataFrame, random_study: RandomStudy
) -> None:
    scaled = published.with_columns(pl.col("value") * 1000 + 7)
    one, other = (
        ask(random_study.folder, "replication/layers", tables={"reference": table.to_arrow()}).rows
        for table in (published, scaled)
    )
    for column in ("pearson", "spearman", "overlap", "selective_here"):
        assert one[column].to_list() == pytest.approx(other[column].to_list(), rel=1e-9)
    assert one["selective_there"].to_list() != other["selective_there"].to_list()
