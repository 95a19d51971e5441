"""Sheets of pictures: groups of tiles under headings, each tile one or more pictures above lines of text.

Owns where everything is placed, and nothing of what is shown: pictures come as data URIs. A sheet is a chart with the
theme, formats and widths of figures; a row has as many tiles as fit into it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from toolbox.chart.notebook import self_contained
from toolbox.chart.theme import INK, LINE, QUIET, Chart, apply_theme
from toolbox.chart.titles import TITLE_WIDTH, add_title
from toolbox.chart.width import Length
from toolbox.errors import UsageError

SIDE = 112.0
"""Side in pixels of the square in which the first picture of a tile is, on a sheet of its own width."""
GAP = 14.0  # between tiles
INSIDE = 4.0  # between the pictures of a tile, and between pictures and text
HEADING, ABOVE_HEADING, UNDER_HEADING = 17.0, 4.0, 4.0
LINE_HEIGHT = 14.0
LEAST_SIDE, MOST_SIDE = 0.7, 1.6
"""Of SIDE: a sheet of a given width has as many tiles in a row as keep their pictures in this range."""
LETTER = {"first": 5.9, "line": 5.3, "heading": 7.0, "remark": 5.6}
"""Mean width in pixels of a letter in the first line of a tile, in the others, and in those above a group."""
MOST_NARROW = 12  # letters of a line, however little room there is


@dataclass(frozen=True)
class TilePicture:
    """One picture of a tile.

    Attributes:
        uri: the picture as `data:image/…`.
        width, height: in any unit; their ratio is kept.
        side: of the square in which it is, as a part of that of a whole picture.
        description: in words, for readers who do not see it.
    """

    uri: str
    width: float
    height: float
    side: float = 1.0
    description: str = ""


@dataclass(frozen=True)
class Tile:
    """Pictures side by side, lines of text under them, and what a pointer shows.

    Attributes:
        pictures: at least one.
        lines: short; those that are longer than the tile is wide end in an ellipsis.
        details: names and values of the tooltip.
    """

    pictures: Sequence[TilePicture]
    lines: Sequence[str] = ()
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Tiles under one heading, in rows.

    Attributes:
        heading: of all its tiles; none if empty.
        tiles: in reading order.
        remark: a sentence beside the heading, or in the place of tiles.
    """

    heading: str
    tiles: Sequence[Tile]
    remark: str = ""


def draw_sheet(
    groups: Sequence[Group],
    *,
    columns: int = 5,
    title: str = "",
    subtitle: str = "",
    width: Length | None = None,
    is_joined: bool = False,
) -> Chart:
    """A sheet of pictures.

    Args:
        groups: from top to bottom.
        columns: tiles in a row, on a sheet of its own width.
        title: above the sheet.
        subtitle: its lines, below the title.
        width: of the whole sheet; its own if None.
        is_joined: whether groups follow one another in a row where several have room in it.

    Returns: a chart without axes.
    Raises: UsageError for a picture that is not a data URI: it would be fetched while the sheet is drawn.

    Example:
        >>> dot = TilePicture("data:image/png;base64,iVBORw0KGgo=", 1, 1)
        >>> draw_sheet([Group("A dot", [Tile([dot], ["black"])])]).to_dict()["layer"][0]["mark"]["type"]
        'image'
    """
    _check_pictures(groups)
    room = width.units if width else None
    together = max((len(group.tiles) for group in groups), default=1) if is_joined else 1
    layout = _Layout(_sides(groups), columns, room, max(1, together))
    placed = layout.place(groups, is_joined)
    chart = apply_theme(_drawn(placed, layout.width))
    return self_contained(add_title(chart, title, subtitle, room or max(TITLE_WIDTH, layout.width)))


def _check_pictures(groups: Sequence[Group]) -> None:
    for group in groups:
        for picture in (each for tile in group.tiles for each in tile.pictures):
            if not picture.uri.startswith("data:image/"):
                raise UsageError(
                    f"{picture.uri[:80]!r} is no picture; expected a text that starts with data:image/"
                )


@dataclass
class _Placed:
    """Rows of the layers of a sheet, names of the tooltip's lines, and where the sheet ends."""

    pictures: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    height: float = 0.0


_Line = list[tuple[int, Tile]]
"""Tiles beside each other, each with its column."""


class _Layout:
    """Sizes of a sheet: of its tiles, of which so many are in a row, and of the whole."""

    def __init__(self, sides: Sequence[float], columns: int, room: float | None, together: int = 1) -> None:
        """Sizes of a sheet.

        Args:
            sides: of the pictures of a tile, as parts of that of a whole one.
            columns: tiles in a row, where there is no given room.
            room: width of the sheet, if given.
            together: tiles that are kept in one row if they fit, so that it has room for whole groups of them.
        """
        self.sides, self.together = sides, together
        self.columns = columns if room is None else self._fitting_columns(room)
        self.side = SIDE if room is None else self._fitting_side(room)
        self.tile = self._tile(self.side)
        self.width = self.columns * (self.tile + GAP) - GAP if room is None else room

    def _tile(self, side: float) -> float:
        """The width of a tile whose whole pictures have a side."""
        return sum(self.sides) * side + INSIDE * (len(self.sides) - 1)

    def _fitting_columns(self, room: float) -> int:
        most = max(1, int((room + GAP) // (self._tile(SIDE * LEAST_SIDE) + GAP)))
        return max(most // self.together * self.together, min(most, self.together))

    def _fitting_side(self, room: float) -> float:
        pictures = (room + GAP) / self.columns - GAP - INSIDE * (len(self.sides) - 1)
        return min(pictures / sum(self.sides), SIDE * MOST_SIDE)

    def place(self, groups: Sequence[Group], is_joined: bool) -> _Placed:
        """Where everything is, from top to bottom.

        Args:
            groups: of the sheet.
            is_joined: whether several groups may be in one row.
        """
        placed = _Placed()
        for row in self._rows_of_groups(groups, is_joined):
            top = placed.height + (ABOVE_HEADING if placed.height else 0)
            placed.height = max(
                self._place_heading(placed, group, start, top, is_joined) for group, start in row
            )
            for line in self._lines(row):
                placed.height = self._place_line(placed, line, placed.height)
        return placed

    def _rows_of_groups(self, groups: Sequence[Group], is_joined: bool) -> Iterator[list[tuple[Group, int]]]:
        """Groups in rows, each with the column where it starts."""
        row, start = list[tuple[Group, int]](), 0
        for group in groups:
            needed = min(max(1, len(group.tiles)), self.columns)
            if row and (not is_joined or start + needed > self.columns):
                yield row
                row, start = [], 0
            row.append((group, start))
            start += needed
        if row:
            yield row

    def _lines(self, row: Sequence[tuple[Group, int]]) -> list[_Line]:
        """The tiles of a row of groups in lines; a group that begins further right has fewer columns."""
        lines = list[_Line]()
        for group, start in row:
            for number, tile in enumerate(group.tiles):
                line, column = divmod(number, self.columns - start)
                lines += [[] for _ in range(line + 1 - len(lines))]
                lines[line].append((start + column, tile))
        return lines

    def _place_heading(self, placed: _Placed, group: Group, start: int, top: float, is_joined: bool) -> float:
        """Place the heading of a group and its remark; returns where they end."""
        columns = min(max(1, len(group.tiles)), self.columns - start) if is_joined else self.columns
        room = columns * (self.tile + GAP) - GAP
        left = start * (self.tile + GAP)
        for text, style in ((group.heading, "heading"), (group.remark, "remark")):
            for line in textwrap.wrap(text, max(MOST_NARROW, int(room / LETTER[style]))):
                placed.texts.append({"x": left, "y": top + HEADING / 2, "text": line, "style": style})
                top += HEADING
        return top + (UNDER_HEADING if group.heading or group.remark else 0)

    def _place_line(self, placed: _Placed, line: _Line, top: float) -> float:
        """Place tiles beside each other, whose pictures end at the same height; returns where they end."""
        sizes = [[self._size(picture) for picture in tile.pictures] for _, tile in line]
        bottom = top + max(down for tile in sizes for _, down in tile)
        for (column, tile), shapes in zip(line, sizes, strict=True):
            left = column * (self.tile + GAP)
            self._place_pictures(placed, tile, shapes, left, bottom)
            for number, text in enumerate(tile.lines):
                style = "first" if number == 0 else "line"
                short = _shortened(text, int(self.tile / LETTER[style]))
                y = bottom + INSIDE + (number + 0.5) * LINE_HEIGHT
                placed.texts.append({"x": left, "y": y, "text": short, "style": style})
        most = max(len(tile.lines) for _, tile in line)
        return bottom + INSIDE + most * LINE_HEIGHT + GAP

    def _place_pictures(
        self, placed: _Placed, tile: Tile, sizes: Sequence[tuple[float, float]], left: float, bottom: float
    ) -> None:
        """Place the pictures of a tile, each in its square, down to the same height."""
        placed.details += [name for name in tile.details if name not in placed.details]
        details = {f"detail{placed.details.index(name)}": value for name, value in tile.details.items()}
        for picture, (across, down), part in zip(tile.pictures, sizes, self.sides, strict=False):
            edges = {"x": left, "x2": left + across, "y": bottom - down, "y2": bottom}
            row = {"uri": picture.uri, "description": picture.description}
            placed.pictures.append({**edges, **row, **details})
            left += part * self.side + INSIDE

    def _size(self, picture: TilePicture) -> tuple[float, float]:
        """Width and height of a picture in its square."""
        factor = picture.side * self.side / max(picture.width, picture.height)
        return picture.width * factor, picture.height * factor


def _sides(groups: Sequence[Group]) -> list[float]:
    """The squares of the pictures of a tile, each as large as that of the largest one at this place."""
    tiles = [tile.pictures for group in groups for tile in group.tiles]
    places = range(max(map(len, tiles), default=1))
    return [max((each[at].side for each in tiles if at < len(each)), default=1.0) for at in places]


def _shortened(text: str, letters: int) -> str:
    """A text of at most so many letters, with an ellipsis in the middle: names of files differ at their ends."""
    if len(text) <= letters:
        return text
    end = max(1, (letters - 1) // 2)
    return f"{text[: max(1, letters - 1 - end)]}…{text[-end:]}"


def _drawn(placed: _Placed, width: float) -> alt.LayerChart:
    """The sheet as a chart whose units are pixels from its upper left corner."""
    across = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False, zero=False))
    down = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[placed.height, 0], nice=False, zero=False))
    tooltip = [alt.Tooltip(f"detail{number}:N", title=name) for number, name in enumerate(placed.details)]
    images = alt.Chart(alt.InlineData(values=placed.pictures or [{}])).mark_image(aspect=False)
    images = images.encode(
        x=across, x2="x2", y=down, y2="y2", url="uri:N", description="description:N", tooltip=tooltip or alt.Undefined
    )  # fmt: skip
    edges = [{name: row[name] for name in ("x", "x2", "y", "y2")} for row in placed.pictures]
    # white at the edge of a picture would be lost on white paper
    frames = alt.Chart(alt.InlineData(values=edges or [{}])).mark_rect(filled=False, stroke=LINE)
    frames = frames.encode(x=across, x2="x2", y=down, y2="y2", strokeWidth=alt.value(0.5))
    texts = [
        alt.Chart(
            alt.InlineData(values=rows), mark=alt.MarkDef("text", align="left", baseline="middle", **looks)
        ).encode(x=across, y=down, text="text:N")
        for style, looks in _TEXT_LOOKS.items()
        if (rows := [row for row in placed.texts if row["style"] == style])
    ]
    height = max(1, round(placed.height))
    return alt.LayerChart(layer=[images, frames, *texts], width=round(width), height=height)


_TEXT_LOOKS: dict[str, dict[str, Any]] = {
    "heading": {"fontSize": 12, "fontWeight": "bold", "color": INK},
    "remark": {"fontSize": 11, "color": QUIET},
    "first": {"fontSize": 11, "color": INK},
    "line": {"fontSize": 10, "color": QUIET},
}
