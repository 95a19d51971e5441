"""The responses and categories of a study, layer by layer, resampled. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.analyse.significance.choices import Resampling
from toolbox.errors import UsageError
from toolbox.progress import Progress
from toolbox.query.index_formula import index_formula, index_thresholds
from toolbox.resampling import FloatArray, ResampledLayer, StimulusCategories, resample_layer
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table
from toolbox.store.parts import read_layer
from toolbox.store.plan import read_plan
from toolbox.store.resamples import Labelling


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


def labelled_stimuli(labelling: Labelling, layer: str) -> LabelledStimuli:
    """The categories of the stimuli with responses.

    Args:
        labelling: responses and label scheme.
        layer: any one, as all have responses to the same stimuli.

    Raises: UsageError where there is nothing to compare.
    """
    by_stimulus = read_labels(labelling.labels)
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


def extracted_layers(labelling: Labelling) -> dict[str, bool]:
    """The extracted layers by depth, and whether each pools.

    Args:
        labelling: responses and label scheme.
    """
    plan = read_plan(labelling.study.extraction(labelling.responses.set, labelling.responses.model))
    kept = plan.identity.recorded_layers if plan else ()
    table = read_table(labelling.study.layers(labelling.responses.model)).sort_by("position")
    return {row["layer"]: row["kind"] == "pool" for row in table.to_pylist() if row["layer"] in kept}


def counted_thresholds(choices: Resampling, sizes: Sequence[int]) -> FloatArray:
    """Where the filters of every category are counted; (thresholds, categories), the suitable ones of the index first.

    Args:
        choices: as `check_choices` returns them.
        sizes: stimuli of every category.
    """
    suitable, published = index_thresholds(choices.index, sizes)
    further = sorted({*published, *choices.threshold_list})
    return np.stack([suitable, *(np.full(len(sizes), threshold) for threshold in further)])


def resample_layers(
    labelling: Labelling,
    names: Sequence[str],
    stimuli: LabelledStimuli,
    choices: Resampling,
    thresholds: FloatArray,
    progress: Progress,
) -> dict[str, ResampledLayer]:
    """All layers resampled, by name.

    Args:
        labelling: responses and label scheme.
        names: of the layers.
        stimuli: with their categories.
        choices: as `check_choices` returns them.
        thresholds: (thresholds, categories), above which filters are counted.
        progress: called before each layer and after the last.
    """
    task, layers = f"resample {labelling.responses.set}", {}
    for done, name in enumerate(names):
        progress(task, done, len(names))
        layers[name] = _resample_layer(labelling, name, stimuli, choices, thresholds)
    progress(task, len(names), len(names))
    return layers


def _resample_layer(
    labelling: Labelling, name: str, stimuli: LabelledStimuli, choices: Resampling, thresholds: FloatArray
) -> ResampledLayer:
    _, *both = read_layer(labelling.responses.paths(labelling.study), name)
    maximum, mean = (matrix[stimuli.places].astype(np.float64) for matrix in both)
    return resample_layer(
        maximum if choices.statistic == "maximum" else mean,
        stimuli.categories,
        index_formula(choices.index),
        thresholds,
        resamples=choices.resamples,
        seed=choices.seed,
        peak=_layer_peak(maximum, mean) if choices.normalise == "layer" else None,
    )


def _layer_peak(maximum: FloatArray, mean: FloatArray) -> float:
    """Upper end of the layer's range, from 0; NaN where maps can be negative, since their smallest is not known."""
    return float(maximum.max()) if mean.min() >= 0 else np.nan
