"""From a design to a choice. Owns which stimuli count as close, and the refusals where there is no choice."""

from __future__ import annotations

from toolbox.design.matching.choices import Matching
from toolbox.design.matching.columns import Links
from toolbox.design.matching.designs import Design
from toolbox.design.matching.pairs import MOST_COMPARED, close_pairs, whitened
from toolbox.design.matching.pools import Pool
from toolbox.design.matching.search import Pairing, Solution, best_solution, best_tuples
from toolbox.design.matching.shortfalls import explain_constraints, explain_pairs
from toolbox.errors import UsageError


def make_pairing(pool: Pool, design: Design, options: Matching, links: Links) -> Pairing:
    """How close two candidates are in what is to agree, and which of them may be a pair.

    Args:
        pool: the candidates.
        design: of the choice.
        options: of the user.
        links: with what members of a pair have in common.
    """
    agree = design.criterion != (-1 if design.different is None else design.different)
    values, within = pool.values[:, agree], pool.within[:, agree]
    distances = whitened(values, within) if options.distance == "mahalanobis" else values
    if options.makes_pairs and len(values) ** 2 > MOST_COMPARED:
        raise UsageError(
            f"{len(values):,} stimuli are too many to compare all pairs; choose from fewer, or leave out --within and "
            "--same"
        )
    close = links.alike
    if options.within is not None:
        near = close_pairs(values, design.criterion[agree], options.within)
        close = near if close is None else near & close
    return Pairing(distances, close)


def solve_design(pool: Pool, design: Design, pairing: Pairing, options: Matching) -> Solution:
    """The choice; a refusal that says what is possible where there is none.

    Args:
        pool: the candidates.
        design: of the choice.
        pairing: which candidates are close.
        options: of the user.

    Raises: UsageError.
    """
    if not options.makes_pairs:
        found = best_solution(design, pairing, seed=options.seed)
        if found is None:
            raise UsageError(explain_constraints(design))
        return found
    counts = set(design.quota[0].tolist())
    if len(counts) > 1:
        raise UsageError(
            "pairs need the same n for every category; leave out --within and --same, or make n equal"
        )
    found = best_tuples(design, pairing, counts.pop(), seed=options.seed)
    if found is None:
        raise UsageError(explain_pairs(pool, design, pairing, options.within))
    return found
