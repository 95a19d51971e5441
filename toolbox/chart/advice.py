"""The figure of an advice: selective filters by layer and category, above what the layers tell apart."""

from __future__ import annotations

import altair as alt
import polars as pl

from toolbox.chart.notebook import self_contained
from toolbox.chart.probe import layer_panels
from toolbox.chart.theme import INK, QUIET, Chart, apply_theme, layer_axis, layer_marks, tooltips
from toolbox.chart.titles import add_title


def advice_chart(
    rows: pl.DataFrame,
    probed: pl.DataFrame,
    *,
    chance: float,
    control: pl.DataFrame | None,
    title: str,
    subtitle: str,
) -> Chart:
    """Selective filters, accuracy and weights over the layers.

    Args:
        rows: of an advice, a row for every layer and category.
        probed: rows of its probe.
        chance: accuracy with permuted labels, or that of guessing.
        control: rows of the layers of an untrained network, if there is one.
        title: of the figure.
        subtitle: below it.
    """
    chart = alt.vconcat(_selective(rows), layer_panels(probed, chance, control), spacing=16)
    chart = chart.resolve_scale(color="independent")
    has_band = rows["beyond_chance"].is_not_null().any()
    key = [
        "Numbers: percent of the filters that are selective"
        + ("; grey ones are not beyond chance." if has_band else " (chance is not known)."),
        "Black: each layer alone; whiskers: 95 % intervals. Blue: all layers weighted. Dotted line: chance.",
        *(["Grey line: the untrained control."] if control is not None else []),
    ]
    return self_contained(add_title(apply_theme(chart), title, subtitle, 640, key=key))


def _selective(rows: pl.DataFrame) -> alt.LayerChart:
    """A cell for every layer and category: the percentage of selective filters."""
    names = rows["layer"].unique(maintain_order=True).to_list()
    percent = (100 * pl.col("proportion")).alias("percent")
    whole = percent.round(0).cast(pl.Int64).cast(pl.String)
    number = pl.when(percent < 1).then(pl.lit("<1")).otherwise(whole)
    cells = rows.with_columns(
        percent,
        shown=pl.when(pl.col("proportion") > 0).then(number).otherwise(pl.lit("")),
        unclear=~pl.col("beyond_chance").fill_null(True),
    )
    _, width = layer_axis(names, 34, least=320)
    x = alt.X("layer:O", scale=alt.Scale(domain=names), axis=alt.Axis(labels=False, title=None, ticks=False))
    base = alt.Chart().encode(x=x, y=alt.Y("category:N", title=None))
    scale = alt.Scale(range=["#f7f7f7", "#024297"], domain=[0, 100])
    is_dark, is_unclear = alt.datum.percent > 50, alt.datum.unclear
    fields = ("layer:O", "category:N", "filters:Q", "selective:Q", "proportion:Q", "chance_high:Q", "significant:Q",
              "control_significant:Q")  # fmt: skip
    fill = base.mark_rect().encode(
        color=alt.Color("percent:Q", scale=scale, title="Selective (%)", legend=None),
        tooltip=tooltips(cells, *fields),
    )
    text = base.mark_text(fontSize=10).encode(
        text="shown:N",
        color=alt.when(is_unclear)
        .then(alt.value(QUIET))
        .when(is_dark)
        .then(alt.value("white"))
        .otherwise(alt.value(INK)),
    )
    return layer_marks(fill, text, rows=cells, width=width, height=alt.Step(22))
