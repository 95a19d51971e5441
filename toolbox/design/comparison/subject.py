"""What is compared: categories of a set, in the layers of a network. Reads labels and layers; measures nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from toolbox.design.equivalence import check_margin
from toolbox.errors import UnknownNameError, UsageError
from toolbox.resampling import FloatArray
from toolbox.store.availability import AvailableResponses, available_responses, stimuli_with_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table
from toolbox.store.plan import Identity, read_plan
from toolbox.store.selection import Selection, resolve_selection
from toolbox.terms import STATISTICS, Statistic

LEAST_STIMULI = 2
"""Of a category: a single one does not vary."""
_LEAST_RESAMPLES = 20


@dataclass(frozen=True)
class Comparing:
    """How categories are compared; see `Study.compare` for what each option means."""

    layer: str | Sequence[str] | None = None
    reference: str | None = None
    statistic: Statistic = "maximum"
    threshold: float | None = None
    margin: float = 0.05
    property_margin: float = 0.5
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the options.

        Raises: UsageError.
        """
        if self.statistic not in STATISTICS:
            raise UsageError(f"statistic is {self.statistic!r}; expected {' or '.join(STATISTICS)}")
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise UsageError(f"threshold is {self.threshold:g}; expected -1 to 1")
        if self.resamples < _LEAST_RESAMPLES:
            raise UsageError(f"resamples is {self.resamples}; expected {_LEAST_RESAMPLES} or more")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; expected 0 or more")
        for margin in (self.margin, self.property_margin):
            check_margin(margin)

    @property
    def layer_patterns(self) -> tuple[str, ...]:
        """Names or patterns of layers; empty for all."""
        return (self.layer,) if isinstance(self.layer, str) else tuple(self.layer or ())


@dataclass(frozen=True)
class ComparedLayer:
    """A layer that is compared.

    Attributes:
        name: of the layer.
        depth: from 0 (first layer of the network) to 1 (last); NaN of a network of a single layer.
        filters: how many.
    """

    name: str
    depth: float
    filters: int


@dataclass(frozen=True, eq=False)
class ComparedCategories:
    """What is compared.

    Attributes:
        selection: set, model and scheme.
        responses: of the model to the set.
        identity: of these responses.
        categories: that are compared, in this order.
        all_categories: of the label scheme with responses, in alphabetical order.
        labels: category by stimulus_id, of the stimuli with responses.
        layers: that are compared, by depth.
    """

    study: StudyFolder
    selection: Selection
    responses: AvailableResponses
    identity: Identity
    categories: tuple[str, ...]
    all_categories: tuple[str, ...]
    labels: dict[int, str]
    layers: tuple[ComparedLayer, ...]

    @property
    def set(self) -> str:
        """The stimulus set."""
        return str(self.selection.set)

    @property
    def model(self) -> str:
        """The network."""
        return str(self.selection.model)

    @property
    def paths(self) -> list[Path]:
        """The files of the responses."""
        return self.responses.paths(self.study)

    @property
    def filters(self) -> FloatArray:
        """(layers,): filters of each."""
        return np.array([layer.filters for layer in self.layers], dtype=np.float64)

    @property
    def depths(self) -> FloatArray:
        """(layers,): depth of each."""
        return np.array([layer.depth for layer in self.layers])

    def with_layers(self, layers: Sequence[ComparedLayer]) -> ComparedCategories:
        """The same, in some of its layers.

        Args:
            layers: by depth.
        """
        return replace(self, layers=tuple(layers))

    def stimuli_of(self, *categories: str) -> list[int]:
        """Stimuli of some categories, in the order of their numbers.

        Args:
            categories: of the label scheme.
        """
        return sorted(stimulus for stimulus, label in self.labels.items() if label in categories)


def read_subject(
    study: StudyFolder, categories: Sequence[str], choices: Comparing, selection: Selection
) -> ComparedCategories:
    """What is compared, checked.

    Args:
        study: with the responses.
        categories: two or more categories of the label scheme.
        choices: how they are compared.
        selection: set, model and scheme; the only ones if not named.

    Raises: UsageError, UnknownNameError for what cannot be compared; as a query.
    """
    chosen = resolve_selection(study, {"rollups"}, selection)
    set_name, model, scheme = str(chosen.set), str(chosen.model), str(chosen.scheme)
    responses = available_responses(study, set_name, model)
    presented = stimuli_with_responses(study, set_name, model)
    labels = {n: label for n, label in read_labels(study.labels(set_name, scheme)).items() if n in presented}
    names = sorted(set(labels.values()))
    _check_categories(categories, names, labels)
    plan = read_plan(study.extraction(set_name, model))
    assert plan is not None  # there are responses
    layers = _choose_layers(study, model, plan.identity.recorded_layers, choices.layer_patterns)
    return ComparedCategories(
        study, chosen, responses, plan.identity, tuple(categories), tuple(names), labels, tuple(layers)
    )


def _check_categories(categories: Sequence[str], names: Sequence[str], labels: dict[int, str]) -> None:
    """Refuse unknown categories, the same twice, fewer than two, and those of a single stimulus."""
    for name in categories:
        if name not in names:
            raise UnknownNameError("category", name, names)
    if len(set(categories)) < len(categories):
        twice = next(name for name in categories if list(categories).count(name) > 1)
        raise UsageError(f"the category {twice} is named twice; expected different categories")
    if len(categories) < 2:
        named = "1 category is" if categories else "no category is"
        raise UsageError(f"{named} named; expected two or more of {', '.join(names)}")
    sizes = {name: sum(label == name for label in labels.values()) for name in categories}
    small = [name for name, size in sizes.items() if size < LEAST_STIMULI]
    if small:
        raise UsageError(
            f"{small[0]} has a single stimulus with responses; expected {LEAST_STIMULI} or more in each category"
        )


def _choose_layers(
    study: StudyFolder, model: str, recorded: Iterable[str], patterns: Sequence[str]
) -> list[ComparedLayer]:
    """The layers of these names that do not pool, by depth: pooling layers repeat the filters below them."""
    table = read_table(study.layers(model)).sort_by("position").to_pylist()
    last = max(row["position"] for row in table)
    kept = {*recorded}
    rows = [row for row in table if row["kind"] != "pool" and row["layer"] in kept]
    names = [row["layer"] for row in rows]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = "expected a recorded layer that does not pool, or a pattern such as 'block5_*'"
            raise UnknownNameError("layer", pattern, names, hint)
    chosen = [
        row for row in rows if not patterns or any(fnmatchcase(row["layer"], each) for each in patterns)
    ]
    if not chosen:
        raise UsageError(f"only pooling layers of {model} were recorded; expected one that does not pool")
    return [
        ComparedLayer(
            row["layer"],
            (row["position"] - 1) / (last - 1) if last > 1 else np.nan,
            row["filters"],
        )
        for row in chosen
    ]
