"""Figures of a probe: accuracy and weight of every layer, what more layers gain, and curves over filters and images.

Rows are those of `toolbox.design.probe.rows`; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from toolbox.chart.notebook import self_contained
from toolbox.chart.theme import (
    COLOURS,
    INK,
    LINE,
    QUIET,
    Chart,
    apply_theme,
    layer_axis,
    layer_marks,
    tooltips,
    values,
)
from toolbox.chart.titles import add_title

METHOD_COLOURS = {
    "weighted layers": COLOURS[0],
    "bank": COLOURS[0],
    "best layer": COLOURS[1],
    "last layer": COLOURS[2],
    "random filters": QUIET,
}
"""Colours of the methods in curves."""
_PANEL = 250  # pixels
_KEY = (
    "Whiskers: 95 % intervals, corrected for the overlap of the folds. Blue line with its band: all layers "
    "weighted together. Dotted line: permuted labels."
)


def probe_chart(rows: pl.DataFrame, *, chance: float | None, title: str, subtitle: str) -> Chart:
    """The panels of a probe: layers, methods and, where there are any, curves over filters and images.

    Args:
        rows: of a probe.
        chance: accuracy with permuted labels, or that of guessing.
        title: of the figure.
        subtitle: below it.
    """
    panels: list[Chart] = [layer_panels(rows, chance), _differences(rows)]
    panels += [_curve(rows, column, title) for column, title in _CURVES if _has_curve(rows, column)]
    lower = alt.hconcat(*panels[1:], spacing=40).resolve_scale(color="independent", shape="independent")
    chart = alt.vconcat(panels[0], lower, spacing=30)
    return self_contained(add_title(apply_theme(chart), title, subtitle, 700, key=[_KEY]))


_CURVES = (("filters", "Filters"), ("images", "Training images a category"))


def _has_curve(rows: pl.DataFrame, column: str) -> bool:
    return rows.filter(pl.col("layer").is_null())[column].is_not_null().any()


def layer_panels(
    rows: pl.DataFrame, chance: float | None, control: pl.DataFrame | None = None
) -> alt.VConcatChart:
    """Accuracy of every layer alone, above its weight where all are weighted together.

    Args:
        rows: of a probe.
        chance: accuracy with permuted labels, or that of guessing.
        control: rows of the layers of an untrained network, if there is one.
    """
    layers = rows.filter(pl.col("method") == "layer")
    names = layers["layer"].to_list()
    x, width = layer_axis(names, 34, least=320)
    plain = alt.X(
        "layer:O", scale=alt.Scale(domain=names), axis=alt.Axis(labels=False, title=None, ticks=False)
    )
    shown = tooltips(layers, "layer:O", "filters:Q", "accuracy:Q", "low:Q", "high:Q", "auc:Q", "chosen:Q")
    base = alt.Chart(values(layers)).encode(x=plain)
    y = alt.Y("accuracy:Q", title="Correct (proportion)", scale=alt.Scale(domain=[0, 1]))
    accuracy = alt.layer(
        *_weighted_band(rows, width),
        *([_rule(chance, INK, [2, 3])] if chance is not None else []),
        *([_control_line(control, plain)] if control is not None else []),
        base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high"),
        base.mark_line(color=INK, strokeWidth=1.2).encode(y=y),
        base.mark_point(filled=True, size=44, color=INK, opacity=1).encode(y=y, tooltip=shown),
    ).properties(width=width, height=190)
    weights = (
        alt.Chart(values(layers))
        .mark_bar(color=COLOURS[0])
        .encode(
            x=x,
            y=alt.Y("weight:Q", title="Weight", axis=alt.Axis(tickCount=3)),
            tooltip=tooltips(layers, "layer:O", "weight:Q"),
        )
        .properties(width=width, height=80)
    )
    return alt.vconcat(accuracy, weights, spacing=8)


def _control_line(control: pl.DataFrame, x: alt.X) -> alt.Chart:
    """Accuracy of the layers of an untrained network."""
    line = alt.Chart(values(control)).mark_line(color=QUIET, strokeWidth=1.2, strokeDash=[5, 3])
    drawn: alt.Chart = line.encode(x=x, y="accuracy:Q", tooltip=tooltips(control, "layer:O", "accuracy:Q"))
    return drawn


def _weighted_band(rows: pl.DataFrame, width: int) -> list[alt.Chart]:
    """The accuracy of all layers weighted, across the panel."""
    row = rows.row(0, named=True)
    band = alt.Chart(values(rows.head(1))).mark_rect(color=COLOURS[0], opacity=0.15)
    ends = {"x": alt.value(0), "x2": alt.value(width)}
    known = [band.encode(**ends, y=alt.Y("low:Q"), y2="high")] if row["low"] is not None else []
    return [*known, _rule(row["accuracy"], COLOURS[0], [1, 0])]


def _rule(at: float, colour: str, dash: Sequence[int]) -> alt.Chart:
    rule = alt.Chart(alt.InlineData(values=[{"at": at}]))
    drawn: alt.Chart = rule.mark_rule(color=colour, strokeDash=list(dash), strokeWidth=1.4).encode(y="at:Q")
    return drawn


def _differences(rows: pl.DataFrame) -> alt.LayerChart:
    """What every method gains over the best layer, in points, with its interval."""
    known = rows.filter(
        pl.col("layer").is_null()
        & pl.col("images").is_null()
        & pl.col("difference").is_not_null()
        & (pl.col("filters").is_null() | (pl.col("method") == "bank"))
    ).with_columns(
        pl.col("difference", "difference_low", "difference_high") * 100,
        name=pl.when(pl.col("filters").is_null())
        .then("method")
        .otherwise(pl.format("{} ({} filters)", "method", "filters")),
    )
    names = known["name"].to_list()
    base = alt.Chart().encode(y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=220)))
    title = "Points above the best layer"
    x = alt.X("difference:Q", title=title, axis=alt.Axis(grid=True, tickCount=5))
    shown = tooltips(
        known, "name:N", "accuracy:Q", "difference:Q", "difference_low:Q", "difference_high:Q", "p:Q"
    )
    zero = alt.Chart().mark_rule(color=LINE).encode(x=alt.XDatum(0, type="quantitative"))
    whiskers = base.mark_rule(strokeWidth=1.4).encode(x=alt.X("difference_low:Q"), x2="difference_high")
    points = base.mark_point(filled=True, size=55, color=INK, opacity=1).encode(x=x, tooltip=shown)
    return layer_marks(zero, whiskers, points, rows=known, width=_PANEL, height=alt.Step(22))


def _curve(rows: pl.DataFrame, column: str, title: str) -> alt.LayerChart:
    """Accuracy over the number of filters, or of training images."""
    known = rows.filter(pl.col("layer").is_null() & pl.col(column).is_not_null())
    found = known["method"].unique(maintain_order=True).to_list()
    names = [name for name in METHOD_COLOURS if name in found]
    ticks = sorted(known[column].unique().to_list())
    scale = alt.Scale(type="log", domain=[ticks[0] * 0.85, ticks[-1] * 1.15])
    base = alt.Chart().encode(
        x=alt.X(f"{column}:Q", title=title, scale=scale, axis=alt.Axis(values=ticks, format="d")),
        color=alt.Color(
            "method:N",
            title=None,
            scale=alt.Scale(domain=names, range=[METHOD_COLOURS[name] for name in names]),
            legend=alt.Legend(orient="bottom", columns=2),
        ),
    )
    y = alt.Y("accuracy:Q", title="Correct (proportion)", scale=alt.Scale(zero=False))
    shown = tooltips(known, "method:N", f"{column}:Q", "accuracy:Q", "low:Q", "high:Q", "auc:Q", "overlap:Q")
    whiskers = base.mark_rule(strokeWidth=1.2, opacity=0.6).encode(y=alt.Y("low:Q"), y2="high")
    line = base.mark_line(strokeWidth=1.6).encode(y=y)
    points = base.mark_point(filled=True, size=44, opacity=1).encode(y=y, tooltip=shown)
    return layer_marks(whiskers, line, points, rows=known, width=220, height=170)
