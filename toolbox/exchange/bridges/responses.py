"""The responses that are exported, read a layer at a time. Owns their order; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.errors import UsageError, expected_names
from toolbox.exchange.bridges.choices import ResponseExport
from toolbox.exchange.bridges.filters import chosen_layers, filters_of, layer_sizes, listed_layers
from toolbox.query import ask
from toolbox.store.availability import AvailableResponses, available_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.layer_responses import check_layer, presented_stimuli, resolve_responses
from toolbox.store.parquet import with_version
from toolbox.store.parts import read_layer
from toolbox.store.selection import Selection
from toolbox.terms import DEFAULT_INDEX, STATISTICS, Statistic

VALUE_BYTES = 4
"""Bytes of a response."""


@dataclass(frozen=True, eq=False)
class LayeredResponses:
    """Responses of chosen filters to the stimuli of a set.

    Attributes:
        set: the stimulus set.
        model: whose responses.
        scheme: the label scheme of `category`; None where the set has none.
        statistic: 'maximum' or 'mean' of the activation map.
        stimuli: stimulus_id, path, sha256, category (null where there is none), a row for every row of the values.
        filters: name, layer, filter, and, where the stimuli have labels, preferred and selectivity; a row for every
            column of the values.
        parts: the files of the responses.
        provenance: where the responses come from.
        notes: what a reader should know.
    """

    set: str
    model: str
    scheme: str | None
    statistic: Statistic
    stimuli: pl.DataFrame
    filters: pl.DataFrame
    parts: Sequence[Path]
    provenance: Mapping[str, str | int]
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Number of stimuli, and of filters."""
        return self.stimuli.height, self.filters.height

    @property
    def layers(self) -> dict[str, slice]:
        """The columns of each layer, in the order of the network."""
        counts = self.filters.group_by("layer", maintain_order=True).len()
        ends = counts["len"].cum_sum().to_list()
        starts = [0, *ends]
        return {layer: slice(starts[place], ends[place]) for place, layer in enumerate(counts["layer"])}

    def blocks(self) -> Iterator[tuple[str, slice, NDArray[np.float32]]]:
        """Every layer with its columns and their values: float32 (stimuli, filters of the layer)."""
        for layer, columns in self.layers.items():
            yield layer, columns, self._values(layer, self.filters["filter"][columns].to_numpy())

    def _values(self, layer: str, filters: NDArray[np.int32]) -> NDArray[np.float32]:
        """The values of filters of a layer, of which one part at a time is in memory with both statistics."""
        identifiers = self.stimuli["stimulus_id"].to_numpy()  # ascending
        values = np.empty((len(identifiers), len(filters)), np.float32)
        for part in self.parts:
            numbers, *both = read_layer([part], layer)
            rows = both[STATISTICS.index(self.statistic)]
            values[np.searchsorted(identifiers, numbers)] = rows[:, filters]
        return values


def exported_responses(study: StudyFolder, selection: Selection, options: ResponseExport) -> LayeredResponses:
    """What is exported of the responses.

    Args:
        study: where they are.
        selection: set, model and label scheme; those that are meant if None.
        options: which layers, filters and statistic.

    Raises: UnknownNameError, AmbiguousError for a name; UsageError for a layer without responses; TableError for a
        table that does not list filters; VerificationError when parts or tables are damaged.
    """
    chosen = resolve_responses(study, selection)
    set_name, model, statistic = str(chosen.set), str(chosen.model), options.statistic or "maximum"
    if statistic not in STATISTICS:
        raise UsageError(f"statistic is {statistic!r}; {expected_names(statistic, STATISTICS)}")
    responses = available_responses(study, set_name, model)
    filters = _filters(study, responses, options)
    stimuli = presented_stimuli(study, chosen, _identifiers(study, responses), "path", "sha256")
    is_tuned = chosen.scheme is not None and stimuli["category"].null_count() < stimuli.height
    return LayeredResponses(
        set=set_name,
        model=model,
        scheme=chosen.scheme,
        statistic=statistic,
        stimuli=stimuli,
        filters=_with_tuning(study, chosen, statistic, filters) if is_tuned else filters,
        parts=responses.paths(study),
        provenance=_provenance(chosen, statistic, responses),
        notes=(*chosen.notes, *responses.notes, *_unlabelled(stimuli, chosen.scheme)),
    )


def _filters(study: StudyFolder, responses: AvailableResponses, options: ResponseExport) -> pl.DataFrame:
    """The chosen filters, all of layers with responses."""
    sizes = layer_sizes(study, responses.model)
    if options.filters is not None and not options.layers:
        layers = listed_layers(options.filters, sizes)
    else:
        layers = chosen_layers(sizes, options.layers, responses.layers)
    for layer in layers:
        check_layer(study, responses, layer)
    return filters_of(sizes, layers, options.filters)


def _identifiers(study: StudyFolder, responses: AvailableResponses) -> NDArray[np.int32]:
    """Numbers of the stimuli with responses, ascending."""
    layer = responses.layers[0]
    return np.sort(np.concatenate([read_layer([part], layer)[0] for part in responses.paths(study)]))


def _with_tuning(
    study: StudyFolder, selection: Selection, statistic: Statistic, filters: pl.DataFrame
) -> pl.DataFrame:
    """The filters with their preferred category, and how selective they are for it; null of dead filters."""
    parameters = {"statistic": statistic}
    preferred = ask(study, "selectivity/filters", parameters, selection).rows
    index = ask(study, "selectivity/index", parameters, selection).rows
    keys = ["layer", "filter"]
    tuned = preferred.select(*keys, "preferred").join(
        index.select(*keys, preferred="category", selectivity=DEFAULT_INDEX), [*keys, "preferred"], how="left"
    )
    return filters.join(tuned, keys, how="left", maintain_order="left")


def _provenance(selection: Selection, statistic: str, responses: AvailableResponses) -> dict[str, str | int]:
    """Where responses come from, as texts and numbers that every format can hold."""
    named: dict[str, Any] = {
        "set": responses.set,
        "model": responses.model,
        "scheme": selection.scheme or "",
        "statistic": statistic,
        **({"selectivity_index": DEFAULT_INDEX} if selection.scheme else {}),
        **responses.provenance,
    }
    return {
        name: ", ".join(value) if isinstance(value, list) else value
        for name, value in with_version(named).items()
    }


def _unlabelled(stimuli: pl.DataFrame, scheme: str | None) -> list[str]:
    """A note on stimuli without a category, which are exported, too."""
    count = stimuli["category"].null_count()
    if scheme is None or not count:
        return []
    return [
        f"{count:,} of {stimuli.height:,} stimuli have no category under {scheme}; they are exported without one"
    ]
