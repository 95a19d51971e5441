"""Names beside points."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from toolbox.chart.labels import GAP, Box, place_labels

WIDTH, HEIGHT = 480.0, 340.0


def area(one: Box, other: Box) -> float:
    across, along = (
        min(one[2], other[2]) - max(one[0], other[0]),
        min(one[3], other[3]) - max(one[1], other[1]),
    )
    return max(0.0, across) * max(0.0, along)


def test_a_lonely_point_has_its_name_at_its_right():
    (place,) = place_labels([(100.0, 100.0)], ["dog"], WIDTH, HEIGHT)
    assert (place.x, place.y, place.align, place.is_far) == (100.0 + GAP, 100.0, "left", False)


def test_a_point_at_the_right_edge_has_its_name_at_its_left():
    (place,) = place_labels([(WIDTH - 2, 100.0)], ["dog"], WIDTH, HEIGHT)
    assert (place.align, place.is_far) == ("right", False)


@pytest.mark.parametrize("number", [2, 6, 12])
def test_names_of_points_in_one_place_do_not_overlap(number):
    places = place_labels([(200.0, 150.0)] * number, [f"category {k}" for k in range(number)], WIDTH, HEIGHT)
    assert all(area(one.box, other.box) == 0 for one, other in combinations(places, 2))
    assert [place.is_far for place in places] == [k >= 2 for k in range(number)]


POINTS = some.lists(some.tuples(some.floats(20, WIDTH - 20), some.floats(20, HEIGHT - 20)), max_size=12)


@settings(deadline=None)
@given(POINTS)
def test_a_dozen_names_find_room_anywhere(points):
    places = place_labels(points, [f"class {k}" for k in range(len(points))], WIDTH, HEIGHT)
    assert all(area(one.box, other.box) == 0 for one, other in combinations(places, 2))
    assert all(place.box[1] >= 0 and place.box[3] <= HEIGHT for place in places)


def test_a_name_longer_than_the_plot_is_placed_all_the_same():
    (place,) = place_labels([(100.0, 100.0)], ["x" * 500], WIDTH, HEIGHT)
    assert (place.align, place.is_far) == ("left", False)
