"""Names beside points without overlap. Owns one small placement; knows no figure.

A greedy search: point by point, the free place nearest to it is taken. It is not the best arrangement of all names,
which would take long to find, but the names of a dozen classes find room. The y axis points upwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LABEL_HEIGHT = 13.0  # pixels, at 11-pixel type
LETTER = 5.8  # mean width of a letter at that type, on the generous side
GAP = 8.0  # from the middle of a point to a name beside it
POINT = 5.0  # radius of a point
DOTS = 12  # by which a leading line is tested for the names that it might cross
SHIFTS = sorted(
    ((across, lines * LABEL_HEIGHT) for across in (0, 10, 30, 60, 100, 140) for lines in range(-9, 10)),
    # Of equal distances the less far across first, then the lower.
    key=lambda shift: (shift[0] ** 2 + shift[1] ** 2, shift),
)
"""How far, in pixels across and along, a name may be from its place beside the point; the nearest first."""

Box = tuple[float, float, float, float]
"""Left, low, right and high edge in pixels."""


@dataclass(frozen=True)
class LabelPlace:
    """Where a name begins (`align` left) or ends (right), in pixels from the lower left corner.

    Attributes:
        x, y: of that end, in the middle of the name's height.
        align: 'left' or 'right'.
        is_far: whether a line should lead from the point to it.
        box: what the name covers.
    """

    x: float
    y: float
    align: str
    is_far: bool
    box: Box


def place_labels(
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    width: float,
    height: float,
    *,
    bars: Sequence[Box] = (),
) -> list[LabelPlace]:
    """A place for the name of each point: the nearest that covers no point, no bar and no earlier name.

    Args:
        points: in pixels from the lower left corner.
        names: one for each point.
        width: of the plot in pixels; a name stays inside if it can.
        height: of the plot in pixels.
        bars: what else no name should cover.
    """
    dots = [(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    places: list[LabelPlace] = []
    for point, name in zip(points, names, strict=True):
        candidates = _candidates(point, len(name) * LETTER, width, height)
        earlier = [place.box for place in places]
        places.append(_cheapest(point, candidates, [*dots, *bars], earlier))
    return places


def _candidates(
    point: tuple[float, float], length: float, width: float, height: float
) -> Iterator[LabelPlace]:
    """Places for one name inside the plot, the nearest first, and one for a name that fits nowhere."""
    for across, along in SHIFTS:
        y = point[1] + along
        for align, x in (("left", point[0] + GAP + across), ("right", point[0] - GAP - across)):
            box = _box_of(x, y, align, length)
            if box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height:
                yield LabelPlace(x, y, align, bool(across or along), box)
    x, y = point[0] + GAP, point[1]
    yield LabelPlace(x, y, "left", False, _box_of(x, y, "left", length))


def _box_of(x: float, y: float, align: str, length: float) -> Box:
    """What a name covers that begins or ends at a place."""
    left = x if align == "left" else x - length
    return (left, y - LABEL_HEIGHT / 2, left + length, y + LABEL_HEIGHT / 2)


def _cheapest(
    point: tuple[float, float], candidates: Iterator[LabelPlace], marks: Sequence[Box], names: Sequence[Box]
) -> LabelPlace:
    """The first place that costs nothing, or else the first of those that cost least; no further ones are tried.

    A place costs the area of the marks and names under the name, and that of the names under the line that leads to
    it. A line may cross points and bars: they stay visible under it, and in a crowd there is no way around them.
    """
    obstacles = [*marks, *names]
    best, least = None, float("inf")
    for place in candidates:
        cost = _area_on(place.box, obstacles) + _area_of_line(point, place, names)
        if cost < least:
            best, least = place, cost
        if least == 0:
            break
    assert best is not None  # there is always a candidate
    return best


def _area_on(box: Box, others: Sequence[Box]) -> float:
    """Area that a box has in common with others, in square pixels."""
    return sum(_common_area(box, other) for other in others)


def _area_of_line(point: tuple[float, float], place: LabelPlace, names: Sequence[Box]) -> float:
    """Area on names of the line that leads from a point to its own name, as a row of dots two pixels wide."""
    if not place.is_far:
        return 0.0
    # neither end is tested: the point is no name, and the other end touches the line's own name
    steps = [step / DOTS for step in range(1, DOTS)]
    across, along = place.x - point[0], place.y - point[1]
    dots = [(point[0] + across * step, point[1] + along * step) for step in steps]
    return sum(_area_on((x - 1, y - 1, x + 1, y + 1), names) for x, y in dots)


def _common_area(one: Box, other: Box) -> float:
    """Common area of two boxes in square pixels."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, along)
