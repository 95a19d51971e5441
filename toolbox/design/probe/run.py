"""From choices to a report: splits, predictions, permutations. Owns their order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from toolbox.design.kernels import layer_weights, stratified_folds
from toolbox.design.parallel import results_in_order
from toolbox.design.probe.bank import bank_rows
from toolbox.design.probe.choices import Probing, check_probing
from toolbox.design.probe.discrimination import Discrimination, split
from toolbox.design.probe.intervals import balanced_accuracy
from toolbox.design.probe.material import Material, read_material
from toolbox.design.probe.methods import SplitResult, solve_split, targets_of, weighted_scores
from toolbox.design.probe.report import ProbeReport
from toolbox.design.probe.rows import PROBE_COLUMNS, Splits, probe_rows
from toolbox.errors import UsageError
from toolbox.progress import Progress, silent
from toolbox.query.result_files import NO_FILES, ResultFiles
from toolbox.resampling.arrays import BoolArray, FloatArray, IntArray
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.selection import Selection


def probe(
    study: StudyFolder,
    choices: Probing | None = None,
    selection: Selection | None = None,
    files: ResultFiles = NO_FILES,
    *,
    test_on: str | None = None,
    progress: Progress = silent,
) -> ProbeReport:
    """How well the categories of a set are told apart by a layer, by several, or by chosen filters.

    Args:
        study: with responses and labels.
        choices: categories, sizes of banks, numbers of images, folds, permutations.
        selection: set, model and scheme, where there are several.
        files: where figure and paragraph are written.
        test_on: another set, on which is tested what was learned from the whole first one.
        progress: called with how many splits and permutations are done.

    Raises: UsageError for an impossible choice, or too few images; as a query where responses or labels are missing.
    """
    started, checked = time.monotonic(), choices or Probing()
    check_probing(checked)
    chosen = selection or Selection()
    material = read_between_commits(study, lambda: read_material(study, chosen, checked, test_on))
    problem = material.problem
    _check_banks(checked, int(problem.widths.sum()))
    splits, notes = _splits(material, checked)
    least = _fewest_training_images(problem, splits)
    _check_images(checked, least)
    results, permuted = _solve(problem, splits, checked, progress)
    rows = probe_rows(problem, splits, results)
    reached = float(rows["accuracy"][0])
    report = ProbeReport(
        set=material.set,
        test_on=test_on,
        model=material.model,
        scheme=material.scheme,
        categories=problem.categories,
        stimuli=len(problem.labels),
        groups=len(np.unique(problem.groups)),
        splits=len(splits),
        rows=rows,
        noise=float(np.mean([each.noise for each in results])),
        chance=float(permuted.mean()) if len(permuted) else None,
        chance_high=float(np.quantile(permuted, 0.95)) if len(permuted) else None,
        p=float((1 + (permuted >= reached).sum()) / (1 + len(permuted))) if len(permuted) else None,
        training_images=least,
        mixed=material.mixed,
        seconds=time.monotonic() - started,
        bank=_largest_bank(material, checked),
        notes=(*material.notes, *notes),
        provenance=_provenance(material, checked, test_on),
    )
    files.write(report)
    return report


def _check_banks(choices: Probing, filters: int) -> None:
    """Refuse a bank of more filters than there are."""
    if choices.bank_sizes and choices.bank_sizes[-1] > filters:
        raise UsageError(
            f"filters is {choices.bank_sizes[-1]}; expected at most {filters}, the filters of all layers"
        )


def _largest_bank(material: Material, choices: Probing) -> pl.DataFrame | None:
    """The filters of the largest bank, chosen from all images of the set; None where no bank was asked for."""
    if not choices.bank_sizes:
        return None
    training = None if material.is_test is None else ~material.is_test
    return bank_rows(material.problem, choices.bank_sizes[-1], training)


def _provenance(material: Material, choices: Probing, test_on: str | None) -> dict[str, Any]:
    """Where the rows come from."""
    names = {"set": material.set, "model": material.model, "scheme": material.scheme}
    parameters = {name: value for name, value in asdict(choices).items() if value is not None}
    return with_version(
        {
            **material.provenance,
            **names,
            "query": "probe",
            "parameters": {**parameters, "test_on": test_on},
            "columns": {name: meaning for name, (_, meaning) in PROBE_COLUMNS.items()},
        }
    )


_SMALLER_GROUPS = (
    "near copies form one group: probe with a smaller distance (--distance), or 0 for no groups of copies"
)
"""What to do where too much is one group."""


def _splits(material: Material, choices: Probing) -> tuple[Splits, list[str]]:
    """The folds of all repeats, or a single split where another set is tested."""
    problem = material.problem
    if material.is_test is not None:
        return [(~material.is_test, material.is_test)], []
    groups = [len(np.unique(problem.groups[problem.labels == n])) for n in range(len(problem.categories))]
    folds, notes = min(choices.folds, *groups), list[str]()
    if folds < 2:
        name = problem.categories[int(np.argmin(groups))]
        raise UsageError(
            f"{name} of {material.set} has {min(groups)} image or group of images with responses; expected 2 or more, "
            f"as some are for training and others for testing; {_SMALLER_GROUPS}"
        )
    if folds < choices.folds:
        notes.append(
            f"the smallest category has {folds} images or groups: {folds} folds instead of {choices.folds}"
        )
    splits = []
    for repeat in range(choices.repeats):
        place = stratified_folds(problem.labels, problem.groups, folds, choices.seed + repeat)
        splits += [(place != fold, place == fold) for fold in range(folds)]
    return [pair for pair in splits if pair[1].any()], notes


def _fewest_training_images(problem: Discrimination, splits: Splits) -> int:
    """Of any category in any split.

    Raises: UsageError where a split has none of a category.
    """
    counts = [
        np.bincount(problem.labels[training], minlength=len(problem.categories)) for training, _ in splits
    ]
    least = np.array(counts).min(axis=0)
    if not least.min():
        name = problem.categories[int(least.argmin())]
        raise UsageError(
            f"the groups of {name} are so large that a fold has all its images, and none is left for training; "
            f"expected two groups or more of every category; {_SMALLER_GROUPS}"
        )
    return int(least.min())


def _check_images(choices: Probing, least: int) -> None:
    """Refuse learning curves beyond the training images."""
    if choices.image_numbers and choices.image_numbers[-1] > least:
        raise UsageError(
            f"images is {choices.image_numbers[-1]}, but the smallest category has {least} training images in a fold; "
            f"expected {least} or less"
        )


def _solve(
    problem: Discrimination, splits: Splits, choices: Probing, progress: Progress
) -> tuple[list[SplitResult], FloatArray]:
    """The results of all splits; and (permutations,): accuracies of the weighted layers with permuted labels.

    Permutations take the folds of the first repeat. The responses, and so the kernels, are the same for all of them.
    """
    labels = _permuted_labels(problem, splits, choices)
    permuted_splits = splits[: min(len(splits), choices.folds)] if labels else []
    total = len(splits) + len(permuted_splits)
    size = 16 * len(problem.layers) * len(problem.labels) ** 2 + 2 * problem.features.nbytes
    progress("probing", 0, total)

    def solve(number: int) -> SplitResult:
        return solve_split(problem, *splits[number], choices, choices.seed + number)

    results = list[SplitResult]()
    for result in results_in_order(solve, range(len(splits)), size):
        results.append(result)
        progress("probing", len(results), total)
    accuracies = list[list[float]]()
    for of_fold in results_in_order(
        lambda pair: _permuted_fold(problem, *pair, labels), permuted_splits, size
    ):
        accuracies.append(of_fold)
        progress("probing", len(results) + len(accuracies), total)
    return results, np.mean(accuracies, axis=0) if accuracies else np.empty(0)


def _permuted_labels(problem: Discrimination, splits: Splits, choices: Probing) -> list[IntArray]:
    """Labels that say nothing of the images; those of another set, on which is tested, stay as they are."""
    chance = np.random.default_rng(choices.seed)
    changed = splits[0][0] if len(splits) == 1 else np.ones(len(problem.labels), bool)
    found = []
    for _ in range(choices.permutations):
        labels = problem.labels.copy()
        labels[changed] = chance.permutation(labels[changed])
        found.append(labels)
    return found


def _permuted_fold(
    problem: Discrimination, training: BoolArray, test: BoolArray, labels: Sequence[IntArray]
) -> list[float]:
    """The accuracy of the weighted layers for every permutation of the labels."""
    of = split(problem, training, test)
    found = []
    for permuted in labels:
        targets = targets_of(of, permuted)
        weights, _ = layer_weights(of.inside, targets)
        predicted = weighted_scores(of, targets, weights).argmax(axis=1)
        found.append(balanced_accuracy(predicted, permuted[test]))
    return found
