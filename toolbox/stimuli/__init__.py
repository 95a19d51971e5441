"""Stimuli: decoding image files, and the sources of stimuli. Never writes a table, never runs a network.

A recipe beside a card in `datasets/` imports `Drawing` and `MID_GREY` from here.
"""

from __future__ import annotations

from toolbox.stimuli.images import MID_GREY
from toolbox.stimuli.sources import Drawing

__all__ = ["MID_GREY", "Drawing"]
