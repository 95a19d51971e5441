"""Which layers have responses, and to which stimuli. Owns what is asked of the store before a layer is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.errors import UnknownNameError, UsageError, command_line
from toolbox.store.availability import AvailableResponses
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table
from toolbox.store.selection import Selection, resolve_selection


def resolve_responses(study: StudyFolder, selection: Selection) -> Selection:
    """Set and model, and the label scheme unless the set has none and none is named.

    Args:
        study: where the responses are.
        selection: what is named of them.

    Raises: UnknownNameError, AmbiguousError for a name; UsageError where there are no responses.
    """
    chosen = resolve_selection(study, {"responses"}, selection)
    if chosen.scheme is None and not study.schemes(str(chosen.set)):
        return chosen
    return resolve_selection(study, {"responses", "labels"}, chosen)


def check_layer(study: StudyFolder, responses: AvailableResponses, layer: str) -> None:
    """Refuse a name that the model does not have, and a layer that was not extracted.

    Args:
        study: where the responses are.
        responses: those that are available.
        layer: its name.

    Raises: UnknownNameError, UsageError.
    """
    names = read_table(study.layers(responses.model), "layer")["layer"].to_pylist()
    if layer not in names:
        raise UnknownNameError(f"layer of {responses.model}", layer, names)
    if layer not in responses.layers:
        again = command_line(
            "extract", responses.set, "--model", responses.model, "--layers", "*", "--replace"
        )
        raise UsageError(
            f"no responses of {layer} to {responses.set} are stored, only of {', '.join(responses.layers)}; to have "
            f"them: study.extract({responses.set!r}, model={responses.model!r}, layers='*', replace=True), or {again}"
        )


def presented_stimuli(
    study: StudyFolder, selection: Selection, numbers: Sequence[int] | NDArray[np.int32], *columns: str
) -> pl.DataFrame:
    """Number, columns and category of stimuli, in the order of the numbers.

    Args:
        study: where the responses are.
        selection: set and label scheme, as `resolve_responses` returns them.
        numbers: of the stimuli.
        *columns: of the table of stimuli.

    Returns: stimulus_id, the columns, and category (null where the scheme has none).
    """
    set_name = str(selection.set)
    table = pl.DataFrame(read_table(study.stimuli(set_name), "stimulus_id", *columns))
    labels = read_labels(study.labels(set_name, selection.scheme)) if selection.scheme else {}
    category = pl.Series("category", [labels.get(int(number)) for number in numbers], dtype=pl.String)
    rows = pl.DataFrame({"stimulus_id": numbers}, schema={"stimulus_id": pl.Int32})
    return rows.join(table, on="stimulus_id", how="left", maintain_order="left").with_columns(category)
