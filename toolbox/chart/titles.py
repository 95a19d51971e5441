"""What is written above a figure: its title, its subtitle, and the key of its marks. Owns how their lines break."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from toolbox.chart.letters import wrap_text
from toolbox.chart.theme import QUIET, SUBTITLE_SIZE, TITLE_SIZE, Chart

TITLE_WIDTH = 560.0  # pixels of a title's line, if the figure has no given width and is no wider
ROOM_BESIDE = 20.0  # pixels of a title's line that are kept free: the margins


def add_key(chart: Chart, lines: Sequence[str]) -> Chart:
    """The chart with what its marks mean, which is written below the title of the whole figure.

    Args:
        chart: of a figure.
        lines: sentences.
    """
    return chart.properties(title=alt.TitleParams([], subtitle=list(lines))) if lines else chart


def take_key(chart: Chart) -> tuple[Chart, list[str]]:
    """The chart without its key, and the key: no lines if it has none.

    Args:
        chart: of a figure.
    """
    if not isinstance(chart.title, alt.TitleParams) or chart.title.text:
        return chart, []
    lines = list(chart.title.subtitle)
    without: Chart = chart.copy()
    without.title = alt.Undefined
    return without, lines


def add_title(
    chart: Chart, title: str, subtitle: str, width: float = TITLE_WIDTH, *, key: Sequence[str] = ()
) -> Chart:
    """The chart under a title and a subtitle; without either and a key, as it is.

    Args:
        chart: any.
        title: broken into lines that fit.
        subtitle: its lines, each broken where it does not fit.
        width: pixels of a line.
        key: what the marks mean, below the subtitle.
    """
    if not title and not subtitle and not key:
        return chart
    room = width - ROOM_BESIDE
    parts = [*subtitle.splitlines(), *([" ".join(key)] if key else [])]
    lines = [line for part in parts for line in wrap_text(part, room, SUBTITLE_SIZE)]
    if title or subtitle:
        names = wrap_text(title, room, TITLE_SIZE, is_bold=True)
        return chart.properties(title=alt.TitleParams(names, subtitle=lines))
    # a title of no lines would have a place of its own above the subtitle
    plain = alt.TitleParams(lines, fontSize=SUBTITLE_SIZE, fontWeight="normal", color=QUIET)
    return chart.properties(title=plain)
