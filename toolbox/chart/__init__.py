"""Figures: the rows of one query in, one chart out. Owns how results look; never computes one, nor sees SQL.

    chart = draw("layers/profile", rows, title="…", subtitle="…")
    Path("figure.png").write_bytes(render(chart, ".png", provenance))

A new figure is a function under `@figure("<query>", columns…)` in the module of its family.
"""

from __future__ import annotations

from toolbox.chart import (
    agreement,
    complexity,
    depth,
    filters,
    gratings,
    layers,
    pairs,
    properties,
    relation,
    replication,
    selectivity,
    sets,
    tuning,
)
from toolbox.chart.plain import draw_plain
from toolbox.chart.registry import FigureDefinition, draw, figures
from toolbox.chart.render import FIGURE_SUFFIXES, check_format, render
from toolbox.chart.theme import Chart
from toolbox.chart.width import Length, length_of

__all__ = [
    "FIGURE_SUFFIXES",
    "Chart",
    "FigureDefinition",
    "Length",
    "check_format",
    "draw",
    "draw_plain",
    "figures",
    "length_of",
    "render",
]

# Importing a module registers its figures; that is all that these imports are for, and nothing reads the tuple.
_REGISTERED = (
    agreement,
    complexity,
    depth,
    filters,
    gratings,
    layers,
    pairs,
    properties,
    relation,
    replication,
    selectivity,
    sets,
    tuning,
)
