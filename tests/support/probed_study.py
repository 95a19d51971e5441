"""A study of responses made up for probes: what each layer tells of three categories is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from support.small_study import (
    MODEL,
    add_labels,
    add_layers,
    add_measurement,
    add_responses,
    add_stimuli,
    digest,
    long_table,
)
from toolbox.store.folder import StudyFolder, create_study

CATEGORIES = ("car", "cat", "dog")
FILTERS = {"early": 10, "pool": 10, "middle": 10, "deep": 20}


def make_probed_study(
    root: Path,
    *,
    images: int = 20,
    deep: float = 2.0,
    both: bool = False,
    copies: int = 0,
    second: str | None = None,
    shared: int = 0,
    bright: str | None = None,
) -> StudyFolder:
    """A set `photos` whose categories differ in the layer `deep`, and in no other.

    Args:
        images: of every category.
        deep: distance of the categories in the roots of the responses, in standard deviations.
        both: whether `deep` tells only cars from the others, and `early` cats from dogs.
        copies: first images that have near copies, which are further stimuli with the same label.
        second: another set of the same kind.
        shared: first images of the second set that are those of the first one.
        bright: a category whose images have a larger luminance than all others, if they are measured.
    """
    study, chance = create_study(root), np.random.default_rng(42)
    codes = {layer: chance.normal(size=(3, filters)) for layer, filters in FILTERS.items()}
    layers = {
        "layer": [*FILTERS],
        "position": range(1, 5),
        "kind": ["convolution", "pool", "convolution", "convolution"],
        "filters": [*FILTERS.values()],
        "height": 4,
        "width": 4,
    }
    add_layers(study, pl.DataFrame(layers))
    first: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for number, name in enumerate(["photos", *([second] if second else [])]):
        seen = {layer: tuple(each[: number * shared] for each in pair) for layer, pair in first.items()}
        first = _add_set(study, name, 1000 * number, images, copies, codes, deep, both, chance, seen)
    if bright is not None:
        numbers = range(3 * images)
        luminance = [50.0 + n % images / 100 + 20 * (CATEGORIES[n // images] == bright) for n in numbers]
        add_measurement(study, pl.DataFrame({"stimulus_id": numbers, "luminance": luminance}), "photos")
    return study


def add_control(study: StudyFolder, deep: float = 0.0, images: int = 20) -> StudyFolder:
    """Responses of an untrained network to the set `photos`.

    Args:
        study: as made above, with the same number of images.
        deep: distance of the categories in its deep layer.
        images: of every category.
    """
    chance, name = np.random.default_rng(8), f"{MODEL}-untrained"
    layers = pl.DataFrame({"layer": [*FILTERS], "position": range(1, 5), "filters": [*FILTERS.values()]})
    kinds = ["convolution", "pool", "convolution", "convolution"]
    add_layers(study, layers.with_columns(kind=pl.Series(kinds), height=4, width=4), name)
    labels = np.repeat(np.arange(3), images)
    responses = {}
    for layer, filters in FILTERS.items():
        code = chance.normal(size=(3, filters)) * (deep if layer == "deep" else 0)
        roots = 10 + chance.normal(size=(len(labels), filters)) + np.eye(3)[labels] @ code
        responses[layer] = (roots**2, roots**2 / 4)
    add_responses(study, long_table(responses).cast({"stimulus_id": pl.Int32}), "photos", name)
    return study


def _add_set(study, name, start, images, copies, codes, deep, both, chance, seen):  # type: ignore[no-untyped-def]
    """Stimuli, labels, two ways of grouping, and responses of one set."""
    labels = np.append(np.repeat(np.arange(3), images), np.repeat(np.arange(3), images)[:copies])
    numbers = np.arange(len(labels))
    stimuli = {"stimulus_id": numbers, "sha256": [digest(n) for n in numbers], "pair": numbers // 2}
    stimuli["across"] = [f"group {n % images}" for n in numbers]
    stimuli["path"] = [f"/pictures/{start + n}.png" for n in numbers]
    add_stimuli(study, pl.DataFrame(stimuli), name)
    named = pl.DataFrame({"stimulus_id": numbers, "category": [CATEGORIES[n] for n in labels]})
    add_labels(study, named.cast({"stimulus_id": pl.Int32}), name)
    told = {"deep": np.eye(3)[labels] @ codes["deep"] * deep}
    if both:
        told["deep"] = np.outer(labels == 0, codes["deep"][0]) * deep
        told["early"] = np.outer((labels == 1) * 1.0 - (labels == 2), codes["early"][0]) * deep
    responses = {}
    for layer, filters in FILTERS.items():
        roots = 10 + chance.normal(size=(len(labels), filters)) + told.get(layer, 0)
        if copies:
            roots[-copies:] = roots[:copies] + 0.001
        responses[layer] = (roots**2, (roots + chance.normal(size=roots.shape) / 10) ** 2 / 4)
        if copies:
            responses[layer][1][-copies:] = responses[layer][1][:copies]
    for layer, pair in seen.items():
        for values, known in zip(responses[layer], pair, strict=True):
            values[: len(known)] = known
    long = long_table(responses).cast({"stimulus_id": pl.Int32})
    add_responses(study, long, name)
    return responses
