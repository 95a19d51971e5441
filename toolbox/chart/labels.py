"""Names beside points without overlap. Owns one small placement; knows no figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LINE = 13.0  # height of a name in pixels, at 11-pixel type
LETTER = 5.8  # mean width of a letter at that type, on the generous side
GAP = 8.0  # from the middle of a point to a name beside it
POINT = 5.0  # radius of a point
DOTS = 12  # by which a leading line is held against the names it might cross
SHIFTS = sorted(
    ((across, lines * LINE) for across in (0, 10, 30, 60, 100, 140) for lines in range(-9, 10)),
    key=lambda shift: (shift[0] ** 2 + shift[1] ** 2, shift),
)
"""How far, in pixels across and along, a name may stand from its place beside the point."""

Box = tuple[float, float, float, float]
"""Left, low, right and high edge in pixels."""


@dataclass(frozen=True)
class Place:
    """Where a name begins (`align` left) or ends (right), in pixels from the lower left corner."""

    x: float
    y: float
    align: str
    is_far: bool
    box: Box


def placed(
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    width: float,
    height: float,
    *,
    bars: Sequence[Box] = (),
) -> list[Place]:
    """A place for the name of each point: the nearest that covers no point, no bar and no name placed before.

    Args:
        points: in pixels from the lower left corner.
        names: one for each point.
        width, height: of the plot in pixels; a name stays inside if it can.
        bars: what else no name should cover.
    """
    taken: list[Box] = [*((x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points), *bars]
    places: list[Place] = []
    for point, name in zip(points, names, strict=True):
        candidates = _candidates(point, len(name) * LETTER, width, height)
        names_so_far = [place.box for place in places]
        costs = ((_covered(at.box, taken) + _crossed(point, at, names_so_far), at) for at in candidates)
        best = _cheapest(costs)
        taken.append(best.box)
        places.append(best)
    return places


def _candidates(point: tuple[float, float], length: float, width: float, height: float) -> Iterator[Place]:
    """Places for one name inside the plot, the nearest first, and one for a name that fits nowhere."""
    for across, along in SHIFTS:
        y = point[1] + along
        for align, x in (("left", point[0] + GAP + across), ("right", point[0] - GAP - across)):
            left = x if align == "left" else x - length
            box = (left, y - LINE / 2, left + length, y + LINE / 2)
            if box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height:
                yield Place(x, y, align, bool(across or along), box)
    x, y = point[0] + GAP, point[1]
    yield Place(x, y, "left", False, (x, y - LINE / 2, x + length, y + LINE / 2))


def _cheapest(costs: Iterator[tuple[float, Place]]) -> Place:
    """The first place that costs nothing, or else the first of those that cost least; no further ones are tried."""
    best = next(costs)
    for one in costs:
        if best[0] == 0:
            break
        best = one if one[0] < best[0] else best
    return best[1]


def _covered(box: Box, others: Sequence[Box]) -> float:
    """Area of a box that lies on others, in square pixels."""
    return sum(_overlap(box, other) for other in others)


def _crossed(point: tuple[float, float], place: Place, names: Sequence[Box]) -> float:
    """The same of the line that leads from a point to a name far from it, as a row of dots."""
    if not place.is_far:
        return 0.0
    steps = [step / DOTS for step in range(1, DOTS)]
    dots = [
        (point[0] + (place.x - point[0]) * step, point[1] + (place.y - point[1]) * step) for step in steps
    ]
    return sum(_covered((x - 1, y - 1, x + 1, y + 1), names) for x, y in dots)


def _overlap(one: Box, other: Box) -> float:
    """Common area of two boxes in square pixels."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, along)
