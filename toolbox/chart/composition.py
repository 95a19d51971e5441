"""What a Vega-Lite specification is composed of: plots, rows of panels, axes with names. Changes nothing of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

Specification = dict[str, Any]


def width_of(part: Specification) -> float:
    """Width of the plots of a row, without what is between and around them.

    Args:
        part: of a specification.
    """
    if "hconcat" in part:
        return sum(width_of(child) for child in part["hconcat"])
    if "concat" in part:
        return min(int(part["columns"]), panels_of(part)) * max(width_of(child) for child in part["concat"])
    if "vconcat" in part:
        return max(width_of(child) for child in part["vconcat"])
    if "facet" in part:
        return min(int(part["columns"]), panels_of(part)) * width_of(part["spec"])
    width = part["width"]
    return float(width["step"] * len(names_along(part)) if isinstance(width, dict) else width)


def rows_of(arrangement: Specification) -> int:
    """How many rows of panels an arrangement has.

    Args:
        arrangement: part that places panels in rows.
    """
    return math.ceil(panels_of(arrangement) / int(arrangement["columns"]))


def height_of(view: Specification) -> float:
    """Height of a plot in units; 0 where it depends on its names.

    Args:
        view: one plot.
    """
    height = view.get("height")
    return float(height) if isinstance(height, int | float) else 0.0


def views(part: Specification) -> Iterator[Specification]:
    """The plots of a specification whose width may change; images keep theirs.

    Args:
        part: of a specification.
    """
    if "mark" in part or "layer" in part:
        if _mark(part) != "image":
            yield part
        return
    for child in children(part):
        yield from views(child)


def children(part: Specification) -> list[Specification]:
    """The parts that a specification is composed of.

    Args:
        part: of a specification.
    """
    placed = [child for kind in ("concat", "hconcat", "vconcat") for child in part.get(kind, [])]
    return [*placed, *([part["spec"]] if "spec" in part else [])]


def arrangements(part: Specification, *, inside: bool = False) -> Iterator[Specification]:
    """The parts of a specification that place panels in rows.

    Args:
        part: of the specification.
        inside: without the part itself.
    """
    if "columns" in part and not inside:
        yield part
    for child in children(part):
        yield from arrangements(child)


def panels_of(arrangement: Specification) -> int:
    """How many panels are arranged.

    Args:
        arrangement: part that places panels in rows.
    """
    if "concat" in arrangement:
        return len(arrangement["concat"])
    return len(arrangement["facet"].get("sort") or [0])


def _mark(view: Specification) -> str:
    mark = view.get("mark", "")
    return str(mark["type"] if isinstance(mark, dict) else mark)


def names_along(view: Specification) -> list[Any]:
    """The names along the x axis.

    Args:
        view: one plot.
    """
    return next((x["scale"]["domain"] for x in named_axes(view)), [0])


def named_axes(view: Specification) -> list[Specification]:
    """The x channels with names and an axis.

    Args:
        view: one plot.
    """
    channels = [part.get("encoding", {}).get("x", {}) for part in [view, *view.get("layer", [])]]
    return [
        x for x in channels if x.get("axis") and x.get("type") in ("ordinal", "nominal") and x.get("scale")
    ]
