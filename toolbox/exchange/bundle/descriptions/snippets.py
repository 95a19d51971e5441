"""The examples on the page of a bundle: each reads the roll-ups and computes the response contrast."""

from __future__ import annotations

WARNINGS = {
    "MATLAB": "Written from the documentation of MATLAB (R2019a or newer). Unlike the others, this example is not run "
    "by the tests of the toolbox: compare its rows with those of another one."
}
"""Title -> what to know before an example is used."""
SNIPPETS = {
    "Python, with polars": (
        "python",
        """
import polars as pl

rollups = pl.read_parquet("rollups.parquet").filter(
    set=<set>, model=<model>, scheme=<scheme>, statistic="maximum"
)
cell = ["layer", "filter"]
rest = pl.col("sum").sum().over(cell) - pl.col("sum")
rest_n = pl.col("n").sum().over(cell) - pl.col("n")
highest = pl.col("maximum").cast(pl.Float64).max().over(cell)
lowest = pl.col("minimum").cast(pl.Float64).min().over(cell)
difference = pl.col("sum") / pl.col("n") - rest / rest_n
contrast = rollups.with_columns(
    contrast=pl.when(highest > lowest).then(difference / (highest - lowest))  # null for a dead filter
).select("layer", "filter", "category", "contrast")
print(contrast.sort("contrast", descending=True, nulls_last=True).head())
""",
    ),
    "Python, with pyarrow and pandas": (
        "python",
        """
import pyarrow.parquet as pq

names = [("set", "=", <set>), ("model", "=", <model>), ("scheme", "=", <scheme>)]
rollups = pq.read_table("rollups.parquet", filters=[*names, ("statistic", "=", "maximum")]).to_pandas()
cell = rollups.groupby(["layer", "filter"])
rest = cell["sum"].transform("sum") - rollups["sum"]
rest_n = cell["n"].transform("sum") - rollups["n"]
span = cell["maximum"].transform("max").astype(float) - cell["minimum"].transform("min").astype(float)
difference = rollups["sum"] / rollups["n"] - rest / rest_n
contrast = rollups.assign(contrast=difference / span.where(span > 0))[["layer", "filter", "category", "contrast"]]
print(contrast.sort_values("contrast", ascending=False).head())
""",
    ),
    "R, with nanoparquet": (
        "r",
        """
library(nanoparquet)

rollups <- as.data.frame(read_parquet("rollups.parquet"))
chosen <- rollups$set == <set> & rollups$model == <model> & rollups$scheme == <scheme>
rollups <- rollups[chosen & rollups$statistic == "maximum", ]
cell <- paste(rollups$layer, rollups$filter)
rest <- ave(rollups$sum, cell, FUN = sum) - rollups$sum
rest_n <- ave(rollups$n, cell, FUN = sum) - rollups$n
span <- ave(rollups$maximum, cell, FUN = max) - ave(rollups$minimum, cell, FUN = min)
difference <- rollups$sum / rollups$n - rest / rest_n
rollups$contrast <- ifelse(span > 0, difference / span, NA)
contrast <- rollups[, c("layer", "filter", "category", "contrast")]
print(head(contrast[order(-contrast$contrast), ]), row.names = FALSE)
""",
    ),
    "MATLAB": (
        "matlab",
        """
rollups = parquetread("rollups.parquet");
chosen = rollups.set == <set> & rollups.model == <model> & rollups.scheme == <scheme>;
rollups = rollups(chosen & rollups.statistic == "maximum", :);
cell = findgroups(rollups.layer, rollups.filter);
total = splitapply(@sum, rollups.sum, cell);
n = double(rollups.n);
all_n = splitapply(@sum, n, cell);
highest = splitapply(@max, double(rollups.maximum), cell);
lowest = splitapply(@min, double(rollups.minimum), cell);
span = highest - lowest;
span(span == 0) = NaN;
difference = rollups.sum ./ n - (total(cell) - rollups.sum) ./ (all_n(cell) - n);
rollups.contrast = difference ./ span(cell);
contrast = rollups(:, ["layer", "filter", "category", "contrast"]);
disp(head(sortrows(contrast, "contrast", "descend", "MissingPlacement", "last")))
""",
    ),
    "DuckDB": (
        "sql",
        """
.read views.sql
.read queries.sql
select layer, filter, category, contrast
from "selectivity/index"
order by contrast desc nulls last, layer, filter, category
limit 5;
""",
    ),
}
"""Title -> language and code; `<set>`, `<model>` and `<scheme>` are those in use."""
