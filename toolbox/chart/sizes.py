"""How large panels are, and how many are in a row. Knows no figure."""

from __future__ import annotations

import math
from dataclasses import dataclass

ROOM, BETWEEN, AROUND = 820, 18, 36
"""Pixels that a row of panels fills before the next row begins, between two panels of it, and around two rows."""
STEPS = {2: 24, 6: 16, 12: 13}
"""Pixels from layer to layer, by the largest number of panels that have them; more panels have the least."""
HEIGHTS = {2: 200, 6: 130, 12: 110}
"""Pixels of a panel, as the steps."""
LEAST_STEP, LEAST_PANEL = (
    11,
    130,
)  # pixels: names of layers are legible, and a panel has room for its own name
HIGHEST, LEAST_HEIGHT = 900, 56  # pixels of all panels of a figure, and of one


@dataclass(frozen=True)
class PanelSize:
    """How large panels are, and how many are in a row.

    Attributes:
        step: pixels from layer to layer.
        height: pixels.
        columns: panels in a row.
    """

    step: int
    height: int
    columns: int


def panel_size(panels: int, layers: int, parts: int = 1) -> PanelSize:
    """The size of so many panels, which together are no higher than a page, as long as they can be read.

    Args:
        panels: their number.
        layers: of each.
        parts: of the figure, which have as many panels each.

    >>> panel_size(6, 13), panel_size(30, 13).columns
    (PanelSize(step=16, height=130, columns=3), 5)
    """
    step = next((step for most, step in STEPS.items() if panels <= most), LEAST_STEP)
    most = max(1, ROOM // (max(step * layers, LEAST_PANEL) + BETWEEN))
    rows = math.ceil(panels / most)
    columns = math.ceil(panels / rows)  # so that rows are as even as they can be
    height = next((height for most, height in HEIGHTS.items() if panels <= most), 80)
    return PanelSize(step, max(LEAST_HEIGHT, min(height, HIGHEST // (rows * parts) - AROUND)), columns)
