"""What the tables of a bundle are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from toolbox.exchange.bundle.contents import Contents
from toolbox.exchange.bundle.credits import Credits
from toolbox.exchange.bundle.names import Replacements
from toolbox.exchange.bundle.withholding import Withheld
from toolbox.store.resamples import Labelling


@dataclass(frozen=True)
class TableSources:
    """What the tables of a bundle are made of."""

    contents: Contents
    withheld: Withheld
    replacements: Replacements
    included: tuple[str, ...]
    credits: Credits
    rows: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Rows of the roll-up by set, model and scheme, once the tables are written."""

    def labellings(self) -> Iterator[tuple[dict[str, str], Labelling]]:
        """Set, model and scheme, and the labelling, of all responses and schemes that are shared."""
        for extraction in self.contents.extractions:
            for scheme in sorted(extraction.schemes):
                names = {"set": extraction.set, "model": extraction.model, "scheme": scheme}
                yield names, extraction.labelling(scheme)
