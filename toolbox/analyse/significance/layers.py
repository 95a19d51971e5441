"""The responses and categories of a study, layer by layer, resampled. Writes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.analyse.significance.choices import Resampling
from toolbox.analyse.significance.sources import Sources
from toolbox.errors import UsageError
from toolbox.progress import Progress, with_time
from toolbox.query.index_formula import index_formula
from toolbox.query.thresholds import index_thresholds
from toolbox.resampling import FloatArray, ResampledLayer, StimulusCategories, resample_layer
from toolbox.store.parquet import read_table
from toolbox.store.parts import StatisticMatrix, read_layer
from toolbox.store.plan import read_plan
from toolbox.store.resamples import Labelling

MEASURED = 2
"""Layers that are resampled before the time of all is reported."""


@dataclass(frozen=True)
class LabelledStimuli:
    """The categories of all stimuli with responses.

    Attributes:
        names: of the categories, in alphabetical order.
        places: of the labelled stimuli in the order of `read_layer`, by the stimuli's numbers: not by the parts in
            which they happen to be located, so that equal seeds give equal resamples.
        categories: of these stimuli.
    """

    names: list[str]
    places: NDArray[np.int64]
    categories: StimulusCategories


def labelled_stimuli(sources: Sources, layer: str) -> LabelledStimuli:
    """The categories of the stimuli with responses.

    Args:
        sources: responses and labels.
        layer: any one, as all have responses to the same stimuli.

    Raises: UsageError where there is nothing to compare.
    """
    labelling, by_stimulus = sources.labelling, sources.labels
    stimuli, _, _ = read_layer(labelling.responses.paths(labelling.study), layer)
    places = np.array([n for n in np.argsort(stimuli) if int(stimuli[n]) in by_stimulus], dtype=np.int64)
    labels = [by_stimulus[stimulus] for stimulus in stimuli[places].tolist()]
    names = sorted(set(labels))
    if len(names) < 2:
        raise UsageError(
            f"the stimuli of {labelling.responses.set} with responses have {len(names)} categories under "
            f"{labelling.scheme}; expected two or more, or there is nothing to compare"
        )
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.array([number_of[label] for label in labels])
    return LabelledStimuli(names, places, StimulusCategories(numbers, len(names)))


@dataclass(frozen=True)
class ExtractedLayer:
    """What is known of a layer before its responses are read."""

    is_pool: bool
    filters: int


def extracted_layers(labelling: Labelling) -> dict[str, ExtractedLayer]:
    """The extracted layers, by depth.

    Args:
        labelling: responses and label scheme.
    """
    plan = read_plan(labelling.study.extraction(labelling.responses.set, labelling.responses.model))
    kept = plan.identity.recorded_layers if plan else ()
    table = read_table(labelling.study.layers(labelling.responses.model)).sort_by("position")
    rows = [row for row in table.to_pylist() if row["layer"] in kept]
    return {row["layer"]: ExtractedLayer(row["kind"] == "pool", row["filters"]) for row in rows}


def counted_thresholds(choices: Resampling, sizes: Sequence[int]) -> FloatArray:
    """Where the filters of every category are counted; (thresholds, categories), the suitable ones of the index first.

    Args:
        choices: as `check_choices` returns them.
        sizes: stimuli of every category.
    """
    suitable, published = index_thresholds(choices.index, sizes)
    further = sorted({*published, *choices.threshold_list})
    return np.array([suitable, *([threshold] * len(sizes) for threshold in further)])


def resample_layers(
    labelling: Labelling,
    layers: Mapping[str, ExtractedLayer],
    stimuli: LabelledStimuli,
    choices: Resampling,
    thresholds: FloatArray,
    progress: Progress,
) -> dict[str, ResampledLayer]:
    """All layers resampled, by name.

    The smallest layer and the largest come first: from their times follows that of all others, which is reported.

    Args:
        labelling: responses and label scheme.
        layers: the layers, by depth.
        stimuli: with their categories.
        choices: as `check_choices` returns them.
        thresholds: (thresholds, categories), above which filters are counted.
        progress: called with the number of filters that are done.
    """
    filters = {name: layer.filters for name, layer in layers.items()}
    resampled, seconds = dict[str, ResampledLayer](), dict[str, float]()
    task, total = f"resample {labelling.responses.set}", sum(filters.values())
    progress("measure the speed", 0, 0)
    for name in _measured_first(filters):
        if len(seconds) == MEASURED:
            progress("measure the speed", 1, 1)
            task = with_time(task, expected_seconds(filters, seconds))
        if len(seconds) >= MEASURED:
            progress(task, sum(filters[done] for done in seconds), total)
        started = time.monotonic()
        resampled[name] = _resample_layer(labelling, name, stimuli, choices, thresholds)
        seconds[name] = time.monotonic() - started
    progress(task, total, total)
    return {name: resampled[name] for name in layers}


def _measured_first(filters: Mapping[str, int]) -> list[str]:
    """The smallest layer and the largest, then the others in their order."""
    first = list(
        dict.fromkeys([min(filters, key=filters.__getitem__), max(filters, key=filters.__getitem__)])
    )
    return [*first, *(name for name in filters if name not in first)]


def expected_seconds(filters: Mapping[str, int], seconds: Mapping[str, float]) -> float:
    """The time for all layers: a constant for each, and a time for each filter, from the layers that were measured.

    Args:
        filters: of every layer.
        seconds: of the measured layers, the smallest first.

    Example:
        >>> expected_seconds({"a": 10, "b": 20, "c": 30}, {"a": 2.0, "c": 4.0})
        9.0
    """
    (small, shorter), (large, longer) = [(filters[name], taken) for name, taken in seconds.items()][:MEASURED]
    of_a_filter = max(0.0, (longer - shorter) / (large - small)) if large > small else 0.0
    of_a_layer = max(0.0, shorter - small * of_a_filter)
    return of_a_layer * len(filters) + of_a_filter * sum(filters.values())


def _resample_layer(
    labelling: Labelling, name: str, stimuli: LabelledStimuli, choices: Resampling, thresholds: FloatArray
) -> ResampledLayer:
    _, maximum, mean = read_layer(labelling.responses.paths(labelling.study), name)
    peak = _layer_peak(maximum, mean, stimuli.places) if choices.normalise == "layer" else None
    values = (maximum if choices.statistic == "maximum" else mean)[stimuli.places].astype(np.float64)
    del maximum, mean  # of many stimuli, each is as large as all that follows
    return resample_layer(
        values,
        stimuli.categories,
        index_formula(choices.index),
        thresholds,
        resamples=choices.resamples,
        seed=choices.seed,
        peak=peak,
    )


def _layer_peak(maximum: StatisticMatrix, mean: StatisticMatrix, places: NDArray[np.int64]) -> float:
    """Upper end of the layer's range, from 0; NaN where maps can be negative, since their smallest is not known."""
    return float(maximum[places].max()) if mean[places].min() >= 0 else np.nan
