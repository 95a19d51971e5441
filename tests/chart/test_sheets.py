"""Sheets of pictures: where tiles are, at any width, and that nothing is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from toolbox.chart import length_of, render
from toolbox.chart.sheets import Group, Tile, TilePicture, draw_sheet
from toolbox.errors import UsageError
from toolbox.stimuli.cutting import data_uri

DOT = data_uri(np.full((30, 40, 3), 120, np.uint8))


def tiles(count: int) -> list[Tile]:
    whole = TilePicture(DOT, 40, 30, 0.6)
    return [
        Tile([TilePicture(DOT, 30, 40), whole], ["1,234", "percentile 50", f"stimulus {n}"], {"rank": str(n)})
        for n in range(count)
    ]


def rows(chart: Any, key: str) -> list[dict[str, Any]]:
    return [row for name in chart.to_dict()["datasets"].values() for row in name if key in row]


@pytest.mark.parametrize("width", [None, "60mm", "89mm", "183mm", "400mm"])
@pytest.mark.parametrize("joined", [False, True])
def test_nothing_is_beyond_the_sheet_and_no_pictures_overlap(width: str | None, joined: bool) -> None:
    groups = [Group("First", tiles(3), "a remark"), Group("Second", tiles(3)), Group("Third", tiles(2))]
    chart = draw_sheet(groups, width=length_of(width) if width else None, columns=6, is_joined=joined)
    specification = chart.to_dict()
    pictures = rows(chart, "uri")
    assert len(pictures) == 16
    for each in pictures:
        assert 0 <= each["x"] < each["x2"] <= specification["width"] + 1
        assert 0 <= each["y"] < each["y2"] <= specification["height"]
    for number, one in enumerate(pictures):
        for other in pictures[:number]:
            apart_across = one["x2"] <= other["x"] or other["x2"] <= one["x"]
            assert apart_across or one["y2"] <= other["y"] or other["y2"] <= one["y"]


def test_pictures_keep_their_shape() -> None:
    for each in rows(draw_sheet([Group("", tiles(2))]), "uri"):
        ratio = (each["x2"] - each["x"]) / (each["y2"] - each["y"])
        assert min(abs(ratio - 3 / 4), abs(ratio - 4 / 3)) < 1e-9


def test_every_picture_has_a_frame_so_that_white_at_its_edge_is_seen() -> None:
    chart = draw_sheet([Group("", tiles(2))])
    edges = ("x", "x2", "y", "y2")
    (frames,) = (layer for layer in chart.to_dict()["layer"] if layer["mark"]["type"] == "rect")
    framed = chart.to_dict()["datasets"][frames["data"]["name"]]
    assert [tuple(row[edge] for edge in edges) for row in framed] == [
        tuple(row[edge] for edge in edges) for row in rows(chart, "uri")
    ]
    assert frames["mark"]["stroke"] and frames["mark"]["filled"] is False


def test_a_narrow_sheet_has_whole_groups_in_a_row() -> None:
    groups = [Group(str(number), [Tile([TilePicture(DOT, 1, 1)], ["x"])] * 3) for number in range(4)]
    chart = draw_sheet(groups, width=length_of("89mm"), columns=6, is_joined=True)
    assert len({each["x"] for each in rows(chart, "uri")}) == 3


def test_a_long_line_keeps_both_ends() -> None:
    long = Tile([TilePicture(DOT, 1, 1)], ["face_of_a_person_in_a_very_long_name_0001.jpg"])
    (text,) = [row["text"] for row in rows(draw_sheet([Group("", [long])]), "text")]
    assert text.startswith("face")
    assert "…" in text
    assert text.endswith("1.jpg")


def test_only_pictures_in_the_sheet_itself_are_drawn() -> None:
    with pytest.raises(UsageError, match=r"is no picture; expected a text that starts with data:image/"):
        draw_sheet([Group("", [Tile([TilePicture("https://example.org/a.png", 1, 1)])])])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".html", ".json"])
def test_a_sheet_has_the_formats_of_figures(suffix: str) -> None:
    chart = draw_sheet([Group("A", tiles(2))], title="Title", subtitle="Subtitle", width=length_of("89mm"))
    assert len(render(chart, suffix, {"query": "sql"}, width=length_of("89mm"))) > 1000


def test_a_sheet_without_tiles_is_its_words() -> None:
    drawing = render(draw_sheet([Group("Nothing", [], "no filter responds")]), ".svg", {})
    assert b">no filter responds</text>" in drawing
