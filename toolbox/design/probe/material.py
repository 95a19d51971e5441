"""The stimuli of a set, or of two, with responses and labels, as a problem for a probe. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.design.kernels import layer_features
from toolbox.design.probe.choices import Probing
from toolbox.design.probe.discrimination import Discrimination
from toolbox.design.probe.groups import linked_groups, near_duplicates, tells_copies
from toolbox.errors import UnknownNameError, UsageError
from toolbox.resampling.arrays import BoolArray
from toolbox.store.availability import available_responses, note_extraction
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table
from toolbox.store.parts import read_layer
from toolbox.store.selection import Selection, resolve_selection
from toolbox.store.stimuli import variable_names

LARGEST_KERNELS = 1.5e9
"""Bytes of the kernels of all layers together."""


@dataclass(frozen=True, eq=False)
class Material:
    """What is probed.

    Attributes:
        problem: of all images, those of the training set first.
        is_test: (stimuli,): which images are of the other set; None where there is none.
        copies: near-duplicates among the images.
        mixed: groups with images of several categories.
        set: the stimulus set.
        model: whose responses.
        scheme: the label scheme.
        provenance: of the responses.
        notes: what a reader should know.
    """

    problem: Discrimination
    is_test: BoolArray | None
    copies: int
    mixed: int
    set: str
    model: str
    scheme: str
    provenance: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _SetResponses:
    """The labelled stimuli of one set that are probed."""

    name: str
    numbers: NDArray[np.int64]
    labels: list[str]
    keys: list[object]
    maxima: list[NDArray[np.float32]]
    means: list[NDArray[np.float32]]
    notes: tuple[str, ...]


def read_material(
    study: StudyFolder, selection: Selection, choices: Probing, test_on: str | None
) -> Material:
    """The stimuli of a set, and of another one on which is tested.

    Args:
        study: with the sets.
        selection: set, model and scheme.
        choices: categories, and what stays in one fold.
        test_on: the other set.

    Raises: UsageError where there is nothing to tell apart; UnknownNameError for a name; as `available_responses`.
    """
    chosen = resolve_selection(study, {"responses", "labels", "layers"}, selection)
    model, scheme = str(chosen.model), str(chosen.scheme)
    if test_on is not None and test_on not in study.sets():
        raise UnknownNameError("stimulus set", test_on, study.sets())
    if test_on is not None and test_on == chosen.set:
        raise UsageError(f"the probe of {test_on} cannot be tested on {test_on} itself; name another set")
    names = [str(chosen.set), *([test_on] if test_on else [])]
    layers = _layers(study, names, model)
    sets = [_read_set(study, name, model, scheme, layers, choices) for name in names]
    categories, notes = _categories(sets, choices)
    sets = [_keep(each, categories, len(layers), choices) for each in sets]
    notes += [note for each in sets for note in each.notes]
    problem, is_test, copies, more = _problem(
        sets, categories, layers, choices, _deepest(study, model, layers)
    )
    responses = available_responses(study, names[0], model)
    mixed = sum(
        len(set(problem.labels[problem.groups == group].tolist())) > 1
        for group, count in Counter(problem.groups.tolist()).items()
        if count > 1
    )
    return Material(
        problem, is_test, copies, mixed, names[0], model, scheme, dict(responses.provenance),
        (*chosen.notes, *notes, *more),
    )  # fmt: skip


def _layers(study: StudyFolder, sets: Sequence[str], model: str) -> list[str]:
    """The layers with responses to all sets, without pools, which repeat the layer below them."""
    table = read_table(study.layers(model)).sort_by("position").to_pylist()
    extracted = [{*available_responses(study, name, model).layers} for name in sets]
    found = [row for row in table if all(row["layer"] in each for each in extracted)]
    convolutions = [row["layer"] for row in found if row["kind"] != "pool"]
    return convolutions or [row["layer"] for row in found]


def _deepest(study: StudyFolder, model: str, layers: Sequence[str]) -> int:
    """The number of the deepest layer with maps, by whose responses copies are told; else of the last one."""
    rows = {row["layer"]: row for row in read_table(study.layers(model)).to_pylist()}
    with_maps = [n for n, name in enumerate(layers) if rows[name]["height"] * rows[name]["width"] > 1]
    return with_maps[-1] if with_maps else len(layers) - 1


def _read_set(
    study: StudyFolder, name: str, model: str, scheme: str, layers: Sequence[str], choices: Probing
) -> _SetResponses:
    """The labelled stimuli of a set with responses, in the order of their numbers."""
    if name not in study.sets():
        raise UnknownNameError("stimulus set", name, study.sets())
    if scheme not in study.schemes(name):
        raise UnknownNameError(f"label scheme of {name}", scheme, study.schemes(name))
    responses, labels = available_responses(study, name, model), read_labels(study.labels(name, scheme))
    maxima, means = [], []
    for layer in layers:
        numbers, maximum, mean = read_layer(responses.paths(study), layer)
        places = np.array([n for n in np.argsort(numbers) if int(numbers[n]) in labels], int)
        maxima.append(maximum[places])
        means.append(mean[places])
    stimuli = numbers[places].astype(np.int64)
    keys = _keys(study, name, choices.group)
    return _SetResponses(
        name,
        stimuli,
        [labels[number] for number in stimuli.tolist()],
        [keys.get(number) for number in stimuli.tolist()],
        maxima,
        means,
        (*responses.notes, *note_extraction(study, responses)),
    )


def _keys(study: StudyFolder, name: str, group: str | None) -> Mapping[int, object]:
    """The value by which stimuli are grouped: of a column of the set, or of a label scheme."""
    if group is None:
        return {}
    table = read_table(study.stimuli(name))
    columns, schemes = variable_names(table.column_names), study.schemes(name)
    if group in columns:
        return dict(zip(table["stimulus_id"].to_pylist(), table[group].to_pylist(), strict=True))
    if group in schemes:
        return dict(read_labels(study.labels(name, group)))
    raise UnknownNameError(f"column or label scheme of {name}", group, [*columns, *schemes], "for --group")


def _categories(sets: Sequence[_SetResponses], choices: Probing) -> tuple[list[str], list[str]]:
    """The categories to tell apart, in alphabetical order, and what is left out."""
    first = set(sets[0].labels)
    common = sorted(first.intersection(*(each.labels for each in sets)))
    wanted = [choices.category] if isinstance(choices.category, str) else choices.category
    for name in wanted or ():
        if name not in common:
            raise UnknownNameError(f"category of {' and '.join(each.name for each in sets)}", name, common)
    categories = sorted({*wanted}) if wanted else common
    if len(categories) < 2:
        of = " and ".join(each.name for each in sets)
        shared = " in common" if len(sets) > 1 else ""
        if wanted:
            raise UsageError(
                f"only the category {categories[0]} is named; expected two or more of {', '.join(common)}"
            )
        noun = "category" if len(categories) == 1 else "categories"
        raise UsageError(f"{of} has {len(categories)} {noun} with responses{shared}; expected two or more")
    every = {name for each in sets for name in each.labels}
    left_out = sorted(every - {*common})
    of_one = "of one set only, left out" if left_out and not wanted else ""
    return categories, [f"categories {of_one}: {', '.join(left_out)}"] if of_one else []


def _keep(of: _SetResponses, categories: Sequence[str], layers: int, choices: Probing) -> _SetResponses:
    """The stimuli of these categories; of very many, a sample of each."""
    places = np.flatnonzero(np.isin(of.labels, categories))
    notes = of.notes
    most = int(np.sqrt(LARGEST_KERNELS / 8 / layers))
    if len(places) > most:
        chance = np.random.default_rng(choices.seed)
        labels = np.array(of.labels)[places]
        share = most / len(places)
        drawn = []
        for category in categories:
            members = places[labels == category]
            number = min(len(members), max(2, int(share * len(members))))
            drawn.append(chance.choice(members, number, replace=False))
        sampled = np.sort(np.concatenate(drawn))
        notes += (
            f"{len(sampled):,} of the {len(places):,} images of {of.name} are probed, drawn by category",
        )
        places = sampled
    return _SetResponses(
        of.name,
        of.numbers[places],
        [of.labels[n] for n in places],
        [of.keys[n] for n in places],
        [each[places] for each in of.maxima],
        [each[places] for each in of.means],
        notes,
    )


def _problem(
    sets: Sequence[_SetResponses],
    categories: Sequence[str],
    layers: Sequence[str],
    choices: Probing,
    deepest: int,
) -> tuple[Discrimination, BoolArray | None, int, list[str]]:
    """The problem over one or two sets; which images are of the second; how many are copies; notes."""
    maxima = [np.concatenate([each.maxima[n] for each in sets]) for n in range(len(layers))]
    means = [np.concatenate([each.means[n] for each in sets]) for n in range(len(layers))]
    labels = np.array([categories.index(name) for each in sets for name in each.labels])
    of_set = np.repeat(np.arange(len(sets)), [len(each.labels) for each in sets])
    keys = [None if key is None else (n, key) for n, each in enumerate(sets) for key in each.keys]
    links, notes = _links(maxima[deepest], layers[deepest], choices)
    keep = (
        ~((of_set == 1) & links[:, of_set == 0].any(axis=1)) if len(sets) > 1 else np.ones(len(labels), bool)
    )
    if not keep.all():
        notes.append(
            f"{int((~keep).sum())} images of {sets[1].name} are near-duplicates of training images and are not tested"
        )
    widths = np.array([each.shape[1] for each in maxima])
    problem = Discrimination(
        layer_features(np.concatenate(maxima, axis=1)[keep], np.concatenate(means, axis=1)[keep]),
        layers,
        widths,
        categories,
        labels[keep],
        linked_groups(links[keep][:, keep], [key for key, kept in zip(keys, keep, strict=True) if kept]),
    )
    copies = int((links.sum(axis=1) > 1).sum())
    return problem, (of_set[keep] == 1) if len(sets) > 1 else None, copies, notes


def _links(maxima: NDArray[np.float32], layer: str, choices: Probing) -> tuple[BoolArray, list[str]]:
    """Which images are near-duplicates; none where the layer's distances tell nothing of copies."""
    alone = np.eye(len(maxima), dtype=bool)
    if choices.distance == 0:
        return alone, []
    links = near_duplicates(maxima, choices.distance) | alone
    if tells_copies(links):
        return links, []
    same = near_duplicates(maxima, 1e-6) | alone
    note = (
        f"in {layer} so many images are within a distance of {choices.distance:g} that copies cannot be told from "
        "others; only images with the same responses are kept in one fold: name others with group=… (--group …)"
    )
    return (same if tells_copies(same) else alone), [note]
