"""Counts of false relations between filters and parameters that mean nothing, and of true ones that are found.

    python tests/attacks/relation.py [STUDIES]

In every study 90 stimuli of three categories drive 150 correlated filters, and a random parameter is related to them.
FWE: studies with any filter of a corrected p < 0.05; q: the same for q < 0.05. Expected by chance: 0.05 of the studies.

    noise       the parameter is independent of all                        0.05 or less
    confounded  parameter and filters differ between categories alone      near 1, given the category 0.05 or less
    covariate   parameter and filters follow a third variable              near 1, given the variable 0.05 to 0.1
    planted     30 of 150 filters follow the parameter (r about 0.4)       q finds most; false ones among found <= 0.05
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.stats import false_discovery_control, rankdata

from toolbox.resampling import FloatArray, IntArray
from toolbox.resampling.relation import RelatedLayer, corrected_for_all, ranked_variable, relate_layer

STIMULI, FILTERS, PLANTED = 90, 150, 30
NOTHING = np.zeros((STIMULI, 0))
CATEGORIES = np.repeat(np.arange(3), STIMULI // 3)
TOGETHER = np.zeros(STIMULI, dtype=np.int64)


def related(
    responses: FloatArray, parameter: FloatArray, given: FloatArray, groups: IntArray, seed: int
) -> RelatedLayer:
    """The filters of a study, related to a parameter by 400 permutations."""

    def centred(values: FloatArray) -> FloatArray:
        ranks: FloatArray = rankdata(values, axis=0)
        for group in np.unique(groups):
            ranks[groups == group] -= ranks[groups == group].mean(axis=0)
        return ranks

    variable = ranked_variable(centred(parameter), centred(given), groups, 400, seed)
    return relate_layer(responses, variable, np.array([0.3]))


def found(layer: RelatedLayer) -> tuple[bool, bool]:
    """Whether any filter is found, by FWE-corrected p and by q."""
    fwe = corrected_for_all(layer.correlation, layer.strongest)
    return bool((fwe < 0.05).any()), bool((false_discovery_control(layer.p) < 0.05).any())


def main(studies: int) -> None:
    """Print the counts."""
    chance = np.random.default_rng(20)
    counts: dict[str, FloatArray] = {}
    true, false = [], []
    for seed in range(studies):
        shared = chance.normal(size=(STIMULI, 5)) @ chance.normal(size=(5, FILTERS))
        responses = np.maximum(shared + 2 * chance.normal(size=(STIMULI, FILTERS)), 0)
        noise = chance.normal(size=STIMULI)
        means = chance.normal(size=(3, FILTERS))[CATEGORIES]
        third = chance.normal(size=STIMULI)
        by_category, by_third = responses + 3 * means, responses + 2 * third[:, None]
        confounded, following = noise + 2 * CATEGORIES, noise + third
        trials = {
            "noise": (responses, noise, NOTHING, TOGETHER),
            "confounded": (by_category, confounded, NOTHING, TOGETHER),
            "confounded, given category": (by_category, confounded, NOTHING, CATEGORIES),
            "covariate": (by_third, following, NOTHING, TOGETHER),
            "covariate, given it": (by_third, following, third[:, None], TOGETHER),
        }
        for name, trial in trials.items():
            counts.setdefault(name, np.zeros(2))
            counts[name] += found(related(*trial, seed))
        planted = responses.copy()
        planted[:, :PLANTED] += 1.2 * noise[:, None]
        hits = false_discovery_control(related(planted, noise, NOTHING, TOGETHER, seed).p) < 0.05
        true.append(hits[:PLANTED].mean())
        false.append(hits[PLANTED:].sum() / max(hits.sum(), 1))
    for name, (fwe, q) in counts.items():
        print(f"{name:28} FWE {fwe / studies:.3f}  q {q / studies:.3f}")
    print(f"{'planted':28} found {np.mean(true):.3f}  false among found {np.mean(false):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
