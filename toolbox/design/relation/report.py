"""What the table of related filters shows, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from toolbox.design.relation.choices import Relating
from toolbox.design.relation.sources import NetworkLayer, network_layers
from toolbox.display import Report
from toolbox.store.availability import note_extraction
from toolbox.store.resamples import Labelling
from toolbox.terms import LEVEL


@dataclass(frozen=True)
class RelationReport(Report):
    """How many filters are related to a parameter. Filters of pooling layers are not counted."""

    set: str
    model: str
    scheme: str
    parameter: str
    given: list[str]
    stimuli: int
    resamples: int
    filters: int
    dead: int
    significant: int
    """Filters with q < 0.05."""
    significant_fwe: int
    """Filters with a family-wise error (FWE) corrected p < 0.05."""
    strongest: str
    """Layer and number of the filter with the largest absolute correlation."""
    correlation: float | None
    """Of that filter."""
    seconds: float
    """0 if all was there already."""
    notes: tuple[str, ...] = ()


def tested_layers(layers: Mapping[str, NetworkLayer]) -> list[str]:
    """The layers whose filters are tested: those that do not pool, unless all do.

    Args:
        layers: by name.
    """
    return [name for name, layer in layers.items() if not layer.is_pool] or list(layers)


def relation_report(
    labelling: Labelling, choices: Relating, rows: pl.DataFrame, seconds: float
) -> RelationReport:
    """What the table of filters shows.

    Args:
        labelling: responses and label scheme.
        choices: those of the table.
        rows: of the table `relations`.
        seconds: that it took to make it.
    """
    tested = rows.filter(pl.col("layer").is_in(tested_layers(network_layers(labelling))))
    known = tested.drop_nulls("correlation")
    strongest = known.sort(pl.col("correlation").abs(), descending=True, maintain_order=True).head(1)
    return RelationReport(
        set=labelling.responses.set,
        model=labelling.responses.model,
        scheme=labelling.scheme,
        parameter=choices.relation.parameter,
        given=choices.relation.given_names,
        stimuli=rows["n"].item(0),
        resamples=choices.resamples,
        filters=tested.height,
        dead=tested["correlation"].null_count(),
        significant=int((tested["q"] < LEVEL).sum()),
        significant_fwe=int((tested["p_fwe"] < LEVEL).sum()),
        strongest="".join(
            f"{layer} {number}" for layer, number in strongest.select("layer", "filter").rows()
        ),
        correlation=strongest["correlation"].item() if len(strongest) else None,
        seconds=seconds,
        notes=tuple(_notes(labelling, choices, tested)),
    )


def _notes(labelling: Labelling, choices: Relating, tested: pl.DataFrame) -> list[str]:
    """What a reader of the tables should know."""
    responses = labelling.responses
    notes = [*responses.notes, *note_extraction(labelling.study, responses)]
    if not (tested["q"] < LEVEL).any() and (tested["p_fwe"] < LEVEL).any():
        notes.append(
            f"no q is below {LEVEL}, but FWE-corrected p are: {choices.resamples:,} permutations give no p below "
            f"{1 / (choices.resamples + 1):.2g}, too large for {tested['p'].count():,} tests; "
            "raise resamples (--resamples)"
        )
    return notes
