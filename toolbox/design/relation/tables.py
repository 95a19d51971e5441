"""The rows of the tables on related filters. Owns the correction for all filters; computes nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from toolbox.resampling import FloatArray
from toolbox.resampling.relation import RelatedLayer, corrected_for_all, false_discovery_rates


def relation_tables(
    layers: Mapping[str, RelatedLayer], family: Collection[str], thresholds: FloatArray, stimuli: int
) -> dict[str, pl.DataFrame]:
    """The rows of every table, by its name.

    Args:
        layers: by name, in the order of depth.
        family: names of the layers whose filters are tested: those that do not pool.
        thresholds: (thresholds,), above which filters were counted.
        stimuli: how many were compared.
    """
    filters = pl.concat([_filters_table(name, layer) for name, layer in layers.items()])
    strongest = np.max([layers[name].strongest for name in family], axis=0)
    tested = pl.col("layer").is_in([*family])
    p = filters.select(pl.when(tested).then("p"))["p"].to_numpy()
    correlation = filters.select(pl.when(tested).then("correlation"))["correlation"].to_numpy()
    filters = filters.select(
        "layer",
        "filter",
        pl.lit(stimuli, pl.Int64).alias("n"),
        "correlation",
        "p",
        pl.Series("q", false_discovery_rates(p)),
        pl.Series("p_fwe", corrected_for_all(correlation, strongest)),
        pl.lit(len(strongest), pl.Int32).alias("permutations"),
    )
    permuted = pl.concat([_permutations_table(name, layer, thresholds) for name, layer in layers.items()])
    plain = filters.with_columns(pl.selectors.float().fill_nan(None))
    return {"relations": plain, "relation_permutations": permuted}


def _filters_table(name: str, layer: RelatedLayer) -> pl.DataFrame:
    """One row per filter."""
    return pl.DataFrame(
        {
            "layer": [name] * len(layer.p),
            "filter": np.arange(len(layer.p), dtype=np.int32),
            "correlation": layer.correlation,
            "p": layer.p,
        }
    )


def _permutations_table(name: str, layer: RelatedLayer, thresholds: FloatArray) -> pl.DataFrame:
    """One row per permutation and threshold."""
    permutations, count = layer.counts.shape
    return pl.DataFrame(
        {
            "permutation": np.repeat(np.arange(permutations, dtype=np.int32), count),
            "layer": [name] * layer.counts.size,
            "threshold": np.tile(thresholds, permutations),
            "related": layer.counts.ravel().astype(np.int32),
            "strongest": np.repeat(layer.strongest, count),
        }
    )
