"""Properties of the images that alone tell a category from the others. Reads no file.

The AUC of a property is the probability that an image of the category exceeds one of all others in it. Where the
property is known of the picture as the network sees it and of its file, the clearer of the two counts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.design.differences import rank_auc
from toolbox.stimuli.confounds import LEAST_IMAGES
from toolbox.stimuli.image_property import FILE

SEPARATION = {
    "category": pl.String,
    "property": pl.String,
    "auc": pl.Float64,
    "p": pl.Float64,
    "q": pl.Float64,
}


def separations(pictures: pl.DataFrame, properties: list[str]) -> pl.DataFrame:
    """How well every property alone tells every category from the others.

    Args:
        pictures: category, and a column for every property; what is not known is null.
        properties: names of columns.

    Returns: category, property, auc (0.5 is no difference), p of the rank sum test (normal approximation, corrected for
        equal values), and q over all of them; a row for every category and property with enough images.
    Source: Mann and Whitney (1947), doi 10.1214/aoms/1177730491; Benjamini and Hochberg (1995).

    Example:
        >>> dark, light = ([{"category": name, "luminance": float(value + more)} for value in range(10)]
        ...                for name, more in (("cat", 0), ("dog", 30)))
        >>> separations(pl.DataFrame([*dark, *light]), ["luminance"])["auc"].to_list()
        [0.0, 1.0]
    """
    rows = [row for name in properties for row in _of_property(pictures, name)]
    table = pl.DataFrame(
        rows, schema={name: kind for name, kind in SEPARATION.items() if name != "q"}, orient="row"
    )
    if table.is_empty():
        return pl.DataFrame(schema=SEPARATION)
    from scipy.stats import false_discovery_control

    return _clearer(table.with_columns(q=false_discovery_control(table["p"].to_numpy())))


def _of_property(pictures: pl.DataFrame, name: str) -> Iterator[tuple[str, str, float, float]]:
    """Category, property, AUC and p, for every category with enough images."""
    known = pictures.select("category", value=pl.col(name).cast(pl.Float64)).drop_nulls()
    known = known.filter(pl.col("value").is_finite())
    values = known["value"].to_numpy()
    categories = known["category"].to_numpy()
    ties = known["value"].value_counts()["count"].to_numpy().astype(float) if known.height else np.ones(1)
    for category in sorted({*categories}):
        inside = categories == category
        if min(inside.sum(), (~inside).sum()) >= LEAST_IMAGES:
            auc = rank_auc(values, inside)
            yield category, name, auc, _rank_sum_p(auc, inside, ties)


def _rank_sum_p(auc: float, inside: NDArray[np.bool_], ties: NDArray[np.float64]) -> float:
    """P of an AUC, two-sided, by the normal approximation."""
    from scipy.special import ndtr

    n, count = float(inside.sum()), float(len(inside))
    pairs = n * (count - n)
    variance = pairs / 12 * (count + 1 - (ties**3 - ties).sum() / (count * (count - 1)))
    z = (auc - 0.5) * pairs / np.sqrt(variance) if variance > 0 else 0.0
    return float(2 * ndtr(-abs(z)))


def _clearer(table: pl.DataFrame) -> pl.DataFrame:
    """Of a property of the presented picture and of the file, the one that tells any category more clearly."""
    plain = pl.col("property").str.strip_suffix(FILE)
    clear = (pl.col("auc") - 0.5).abs().max().over("property")
    ranked = table.with_columns(plain=plain, clear=clear)
    is_best = (
        pl.col("property")
        == pl.col("property").sort_by("clear", "property", descending=[True, False]).first()
    )
    best = ranked.filter(is_best.over("plain"))
    return best.sort("category", "property").select(*SEPARATION)
