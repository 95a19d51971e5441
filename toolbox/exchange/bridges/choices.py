"""What is exported for another program, and how. Owns the names of the formats; imports no library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolbox.terms import Statistic

BRIDGES = ("xarray", "rsatoolbox", "npy", "csv-wide", "h5ad", "dmask")
"""Names of the formats; `formats` has what they are."""


@dataclass(frozen=True)
class ResponseExport:
    """What of the responses is exported, and where to.

    Attributes:
        to: name of the format.
        output: the file, or the folder of several.
        layers: names of layers or patterns; all with responses if empty.
        filters: table with the columns layer and filter; all filters of the layers if None.
        statistic: of the activation map; None for the maximum.
    """

    to: str
    output: Path
    layers: Sequence[str] = ()
    filters: Path | None = None
    statistic: Statistic | None = None
