"""What is stored of a set, as an audit needs it: stimuli with labels, maxima and means of layers. Owns reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.store.availability import AvailableResponses, available_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table
from toolbox.store.parts import read_layer
from toolbox.store.selection import Selection, resolve_selection

LAST_LAYERS = 3
"""Layers whose maxima tell copies from other pictures: the last ones with maps, pools left out."""
DESCRIBED = ("stimulus_id", "path", "pixels_sha256", "width", "height")
_Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class StoredSet:
    """A set with its labels, and the responses of one model to it if there are any.

    Attributes:
        study: where it is.
        set: its name.
        scheme: of the labels; None where the set has none.
        responses: of the model; None without.
    """

    study: StudyFolder
    set: str
    scheme: str | None
    responses: AvailableResponses | None

    @cached_property
    def stimuli(self) -> pl.DataFrame:
        """DESCRIBED, null where an older version did not write one, and category, null without a label."""
        table = pl.DataFrame(read_table(self.study.stimuli(self.set)))
        missing = [pl.lit(None).alias(name) for name in DESCRIBED if name not in table.columns]
        labels = read_labels(self.study.labels(self.set, self.scheme)) if self.scheme else {}
        numbers = list(labels)
        category = pl.DataFrame(
            {"stimulus_id": numbers, "category": [labels[number] for number in numbers]},
            schema={"stimulus_id": pl.Int32, "category": pl.String},
        )
        rows = table.with_columns(missing).select(DESCRIBED)
        return rows.join(category, on="stimulus_id", how="left", maintain_order="left").sort("stimulus_id")

    @cached_property
    def layers(self) -> pl.DataFrame:
        """layer, has_maps: those with responses that are no pools, in the order of the network."""
        if self.responses is None:
            return pl.DataFrame(schema={"layer": pl.String, "has_maps": pl.Boolean})
        table = pl.DataFrame(read_table(self.study.layers(self.responses.model)))
        recorded = table.filter(pl.col("layer").is_in(self.responses.layers), pl.col("kind") != "pool").sort(
            "position"
        )
        has_maps = (pl.col("height") * pl.col("width") > 1).fill_null(False)
        return recorded.select("layer", has_maps=has_maps)

    @property
    def last_layers(self) -> list[str]:
        """The layers that tell copies from other pictures; the last of all where none has maps."""
        with_maps = self.layers.filter("has_maps")
        chosen = with_maps if with_maps.height else self.layers
        return chosen["layer"].tail(LAST_LAYERS).to_list()

    def read(self, layer: str) -> tuple[NDArray[np.int32], _Matrix, _Matrix]:
        """Numbers of the stimuli with responses, ascending; maximum and mean, (stimuli, filters).

        Args:
            layer: its name.
        """
        paths = self.responses.paths(self.study) if self.responses else []
        numbers, maximum, mean = read_layer(paths, layer)
        order = np.argsort(numbers)
        return numbers[order], maximum[order], mean[order]

    def maxima(self, layers: Sequence[str]) -> tuple[NDArray[np.int32], list[_Matrix]]:
        """Numbers of the stimuli with responses, and the maxima of some layers.

        Args:
            layers: at least one.
        """
        read = [self.read(layer) for layer in layers]
        return read[0][0], [maximum for _, maximum, _ in read]


def stored_set(study: StudyFolder, selection: Selection) -> tuple[StoredSet, tuple[str, ...]]:
    """The set that is meant, with what there is of it, and notes on what was chosen.

    Args:
        study: where it is.
        selection: set, model and label scheme; those that are meant if None.

    Raises: UnknownNameError, UsageError for the selection; VerificationError for damaged tables.
    """
    of_set = resolve_selection(
        study, {"stimuli"}, Selection(selection.set, selection.models, selection.scheme)
    )
    name = str(of_set.set)
    views = {"labels"} if selection.scheme or study.schemes(name) else set[str]()
    if selection.models or study.models(name):
        views |= {"layers"}
    chosen = resolve_selection(study, views, Selection(name, selection.models, selection.scheme))
    has_responses = chosen.model is not None and chosen.model in study.models(name)
    responses = available_responses(study, name, str(chosen.model)) if has_responses else None
    return StoredSet(study, name, chosen.scheme, responses), (*of_set.notes, *chosen.notes)
