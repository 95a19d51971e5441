"""Poor pictures: dark, light, blurred, nearly empty, of an odd shape or size, grey among coloured ones.

Dark, light and odd aspect ratio have the thresholds of CleanVision (cleanlab), which owners of data sets expect, and so
has odd size. Objects on a plain ground and drawings, as vision science presents them, would be light, dark or nearly
empty by such measures; the contrast of what is not ground tells them from a picture without content.

Reads no file: the values were measured before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from toolbox.design.audit.findings import AuditFinding

CONTENT = 0.1
"""RMS contrast, of what is not uniform ground, from which a light or dark picture shows something on its ground."""
SOME_CONTENT = 0.05
"""The same of a picture that has few levels because most of it is ground."""
FACTOR = 3
"""Interquartile ranges beyond the quartiles from which a size is odd."""
MOST_GREY = 0.5
"""Proportion of grey pictures from which a set is a grey one, in which they are not reported."""
GREYEST = 0.5
"""Colourfulness up to which a picture is grey; JPEG leaves 0 where a grey picture was saved in colours."""


@dataclass(frozen=True)
class Limit:
    """When a picture is poor.

    Attributes:
        measure: in words.
        value: of the columns of properties and of stimuli.
        threshold: of the value.
        is_below: whether the pictures below it are poor, not those above it.
        unless: what tells that the picture is as it should be; None if nothing does.
        needs: columns of properties that are read.
    """

    measure: str
    value: pl.Expr
    threshold: float
    is_below: bool
    unless: pl.Expr | None
    needs: tuple[str, ...]


SMALLEST = 0.02
"""Proportion of the pixels that are an object at least; fewer are left of a ground that is not quite uniform."""
_CONTRAST = pl.col("rms_contrast")
_OBJECT = 1 - pl.col("uniform_background")
_CONTENT = pl.when(_OBJECT >= SMALLEST).then(_CONTRAST / _OBJECT.sqrt())
"""The variance of a picture is that of what is not ground, times its proportion of the pixels; null without any."""
_CONTENT_NEEDS = ("rms_contrast", "uniform_background")
LIMITS: Mapping[str, Limit] = {
    "dark": Limit(
        "99th percentile of brightness",
        pl.col("brightness_high_file"),
        0.32,
        True,
        _CONTENT >= CONTENT,
        ("brightness_high_file", *_CONTENT_NEEDS),
    ),
    "light": Limit(
        "5th percentile of brightness",
        pl.col("brightness_low_file"),
        0.95,
        False,
        _CONTENT >= CONTENT,
        ("brightness_low_file", *_CONTENT_NEEDS),
    ),
    # Relative to the variance of the grey levels, sharpness does not fall with contrast, or with the size of an object.
    "blurred": Limit(
        "sharpness / variance of grey levels",
        pl.col("sharpness") / (255 * _CONTRAST) ** 2,
        0.02,
        True,
        None,
        ("sharpness", "rms_contrast"),
    ),
    "low_information": Limit(
        "entropy of the luminance in bits",
        pl.col("luminance_entropy_file"),
        3.0,
        True,
        _CONTENT >= SOME_CONTENT,
        ("luminance_entropy_file", *_CONTENT_NEEDS),
    ),
    "odd_aspect_ratio": Limit(
        "shorter / longer side",
        pl.min_horizontal("width", "height") / pl.max_horizontal("width", "height"),
        0.35,
        True,
        None,
        (),
    ),
    "grey": Limit(
        "colourfulness",
        pl.col("colourfulness_file"),
        GREYEST,
        True,
        None,
        ("colourfulness_file",),
    ),
}


def poor_pictures(pictures: pl.DataFrame, kinds: tuple[str, ...]) -> Iterator[AuditFinding]:
    """Pictures of the kinds that are looked for, as far as their properties are known.

    Args:
        pictures: stimulus_id, path, category, width, height, and the columns of properties there are.
        kinds: some of POOR.
    """
    for kind, limit in LIMITS.items():
        if kind in kinds and {*limit.needs} <= {*pictures.columns}:
            found = _beyond(pictures, limit)
            if kind != "grey" or found.height < MOST_GREY * pictures.height:
                yield from _findings(kind, found, limit.measure)
    if "odd_size" in kinds:
        yield from _findings("odd_size", _odd_sizes(pictures), "root of width x height in pixels")


def unknown_kinds(columns: list[str], kinds: tuple[str, ...]) -> list[str]:
    """The kinds that cannot be looked for without further properties.

    Args:
        columns: of properties that are known.
        kinds: that are looked for.
    """
    return [kind for kind, limit in LIMITS.items() if kind in kinds and not {*limit.needs} <= {*columns}]


def _beyond(pictures: pl.DataFrame, limit: Limit) -> pl.DataFrame:
    """Pictures beyond a limit, with value and threshold; what is not defined for a picture is within it."""
    valued = pictures.with_columns(value=limit.value.cast(pl.Float64), threshold=pl.lit(limit.threshold))
    is_beyond = pl.col("value") < limit.threshold if limit.is_below else pl.col("value") > limit.threshold
    is_poor = is_beyond if limit.unless is None else is_beyond & ~limit.unless.fill_null(False)
    return valued.filter(is_poor & pl.col("value").is_finite())


def _odd_sizes(pictures: pl.DataFrame) -> pl.DataFrame:
    """Pictures much larger or smaller than most, with the limit that they pass."""
    valued = pictures.with_columns(value=(pl.col("width") * pl.col("height")).cast(pl.Float64).sqrt())
    low, high = (valued["value"].quantile(part, "linear") or 0.0 for part in (0.25, 0.75))
    room = FACTOR * (high - low)
    nearest = pl.when(pl.col("value") < low).then(low - room).otherwise(high + room)
    return valued.with_columns(threshold=nearest).filter(
        (pl.col("value") < low - room) | (pl.col("value") > high + room)
    )


def _findings(kind: str, found: pl.DataFrame, measure: str) -> Iterator[AuditFinding]:
    for row in found.iter_rows(named=True):
        names = ("stimulus_id", "path", "category", "value", "threshold")
        yield {
            "kind": kind,
            "measure": measure,
            "left_out": "stimulus",
            **{name: row[name] for name in names},
        }
