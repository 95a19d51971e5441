"""A matching from its options to the chosen list. Owns the order of the steps, and what is kept of a run.

runs/<time>-match-<set>.json   the options, the chosen stimuli and the balance; with them, a label scheme if asked
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

import numpy as np
import polars as pl

from toolbox.chart import Chart
from toolbox.chart.balance import love_plot
from toolbox.design.matching.balance import AGREE, DIFFER, LIMIT, balance_table
from toolbox.design.matching.choices import Matching, check_matching
from toolbox.design.matching.columns import Links, read_links
from toolbox.design.matching.designs import Design
from toolbox.design.matching.pairs import MOST_PAIRS, close_pairs, optimal_tuples, tuple_distances, whitened
from toolbox.design.matching.pools import Pool, criteria_of, make_design, make_pool
from toolbox.design.matching.search import Pairing, Solution, best_solution, best_tuples
from toolbox.design.matching.shortfalls import (
    explain_constraints,
    explain_pairs,
    possible_count,
    remaining_differences,
)
from toolbox.design.matching.words import paragraph
from toolbox.design.result_files import ResultFiles
from toolbox.design.variables import available_variables, stimulus_variables
from toolbox.errors import UsageError
from toolbox.printing import printable
from toolbox.query import Answer
from toolbox.resampling import IntArray
from toolbox.resampling.arrays import BoolArray
from toolbox.store.commits import finish_commit
from toolbox.store.folder import StudyFolder
from toolbox.store.labelling import check_scheme, save_labels, save_run
from toolbox.store.selection import Selection, resolve_labelling, resolve_selection

MATCH = "match"
"""Column of the chosen list: the number of the tuple."""


@dataclass(frozen=True, eq=False)
class MatchedSets:
    """Stimuli that were chosen so that their sets agree.

    Attributes:
        set: the stimulus set.
        scheme: the label scheme of the categories.
        model: whose responses; None where there are none.
        counts: stimuli of each category in each set.
        largest: the largest standardised difference of what was to agree.
        paragraph: the choice in words, for a reviewer.
        saved_as: the label scheme with the chosen stimuli; None if there is none.
        notes: what was left out, and what still differs.
        chosen: the list: stimulus_id, path, category, `set` where several sets were made, `match` (the number of the
            pair or tuple, the closest first), `distance` within it, and the variables that counted.
        balance: the differences of every two sets before and after, in every variable: `balance.BALANCE_COLUMNS`.
        provenance: of both tables.
    """

    set: str
    scheme: str
    model: str | None
    counts: Mapping[str, int]
    largest: float
    paragraph: str
    saved_as: str | None
    notes: tuple[str, ...]
    chosen: pl.DataFrame
    balance: pl.DataFrame
    provenance: dict[str, Any]

    @property
    def answer(self) -> Answer:
        """The chosen list as an answer, to be printed and written."""
        return Answer(self.chosen, {**self.provenance, "rows": self.chosen.height}, self.notes)

    @property
    def balance_answer(self) -> Answer:
        """The balance as an answer, to be printed and written."""
        return Answer(self.balance, {**self.provenance, "rows": self.balance.height}, self.notes)

    @property
    def chart(self) -> Chart:
        """The Love plot of the balance."""
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        agreeing = self.balance.filter(pl.col("role") == AGREE)["variable"].unique(maintain_order=True)
        subtitle = f"{self.set}: {counts}; matched on {', '.join(agreeing)}; broken line: {LIMIT:g}"
        return love_plot(self.balance, limit=LIMIT, title="Balance of the matched sets", subtitle=subtitle)

    def _repr_html_(self) -> str:
        """The balance as a table, below the paragraph."""
        return f"<p>{escape(printable(self.paragraph))}</p>{self.balance._repr_html_()}"


def match(
    study: StudyFolder,
    selection: Selection,
    options: Matching,
    files: ResultFiles | None = None,
    *,
    save_as: str | None = None,
    replace: bool = False,
) -> MatchedSets:
    """Choose stimuli so that categories, or sets of the same stimuli, agree in some variables.

    Args:
        study: with the stimuli.
        selection: set, model and label scheme of the categories; those that are meant if None.
        options: how they are chosen.
        files: of the Love plot and the paragraph.
        save_as: name of a label scheme to make of the chosen stimuli; None for none.
        replace: whether different labels that this scheme already contains are overwritten.

    Raises: UsageError, UnknownNameError for an option, or where the stimuli that are asked for do not exist; BusyError.
    """
    started = datetime.now(UTC)
    check_matching(options)
    study = StudyFolder(study.root.resolve())
    finish_commit(study)
    chosen = _resolve(study, selection)
    scheme = check_scheme(study, str(chosen.set), save_as) if save_as else None
    if scheme is not None and scheme == chosen.scheme:
        raise UsageError(
            f"the categories are those of the scheme {scheme!r}; choose another name with --save-as"
        )
    found = _match(study, chosen, options)
    result = dataclasses.replace(found, saved_as=scheme, notes=(*chosen.notes, *found.notes))
    _keep(study, result, options, replace, started)
    if files is not None:
        files.write(result)
    return result


def _resolve(study: StudyFolder, selection: Selection) -> Selection:
    """Set, scheme, and model if there are responses."""
    labelled = resolve_labelling(study, {"labels"}, selection)
    if labelled.model is None and not study.models(str(labelled.set)):
        return labelled
    return resolve_selection(study, {"labels", "responses", "layers"}, labelled)


def _match(study: StudyFolder, selection: Selection, options: Matching) -> MatchedSets:
    """The chosen stimuli, and how far they agree."""
    set_name, scheme, model = str(selection.set), str(selection.scheme), selection.model
    others = available_variables(study, set_name, scheme, model=model)
    names = list(dict.fromkeys((*options.criteria, *others)))
    rows = stimulus_variables(study, set_name, scheme, names, model=model)
    pool = make_pool(rows, options)
    links = read_links(study, set_name, pool.rows, options)
    design, counts = make_design(pool, options, links)
    pairing = make_pairing(pool, design, options, links)
    solution = solve_design(pool, design, pairing, options)
    chosen = _chosen(pool, design, solution, pairing, options)
    variables = criteria_of(rows.columns[3:], names)
    balance = _balance(pool, design, solution, options, variables)
    is_short = solution.largest > LIMIT
    possible = possible_count(design, pairing) if is_short and options.different is None else 0
    return MatchedSets(
        set=set_name,
        scheme=scheme,
        model=model,
        counts=counts,
        largest=solution.largest,
        paragraph=paragraph(balance, counts, pool.sizes(), options),
        saved_as=None,
        notes=(*pool.notes, *remaining_differences(balance, pool, counts, possible)),
        chosen=chosen,
        balance=balance,
        provenance={
            "task": "match",
            "set": set_name,
            "scheme": scheme,
            "model": model,
            "options": asdict(options),
        },
    )


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
    if options.makes_pairs and len(values) ** 2 > MOST_PAIRS:
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


def _places(design: Design, solution: Solution) -> IntArray:
    """The set of every candidate; the number of sets for none."""
    return solution.place[design.unit]


def _group_names(pool: Pool, design: Design, options: Matching) -> list[str]:
    """Names of the groups that are compared, as the design counts them."""
    if options.sets is None:
        return [*pool.categories]
    sets = [str(number) for number in range(1, options.sets + 1)]
    within = [*pool.categories] if design.groups_in_place > 1 else [""]
    return [f"set {number} {name}".rstrip() for number in sets for name in within]


def _members(design: Design, place: IntArray) -> list[BoolArray]:
    """Which candidates are in each group."""
    return [
        (place == number) & (design.group == group)
        for number in range(design.places)
        for group in range(design.groups_in_place)
    ]


def _chosen(
    pool: Pool, design: Design, solution: Solution, pairing: Pairing, options: Matching
) -> pl.DataFrame:
    """The chosen stimuli, tuple by tuple where sets have equal numbers."""
    place = _places(design, solution)
    is_chosen = place < design.places
    columns = [column for names in pool.criteria.values() for column in names]
    number, distance = _tuples(design, solution, pairing, place)
    rows = pool.rows.select("stimulus_id", "path", "category", *columns).with_columns(
        pl.Series("set", place + 1), pl.Series(MATCH, number), pl.Series("distance", distance)
    )
    order = [
        "stimulus_id",
        "path",
        "category",
        *(["set"] if options.sets else []),
        MATCH,
        "distance",
        *columns,
    ]
    kept = rows.filter(is_chosen).with_columns(
        pl.col("category").cast(pl.Enum(list(pool.categories))), pl.col(MATCH).replace(0, None),
        pl.col("distance").fill_nan(None),
    )  # fmt: skip
    return (
        kept.sort(MATCH, "set", "category", "stimulus_id", nulls_last=True)
        .select(order)
        .with_columns(pl.col("category").cast(pl.String))
    )


def _tuples(
    design: Design, solution: Solution, pairing: Pairing, place: IntArray
) -> tuple[IntArray, np.ndarray]:
    """The number of each candidate's tuple, and the distance within it; 0 and NaN for those that have none."""
    number, distance = np.zeros(len(place), np.int64), np.full(len(place), np.nan)
    done = 0
    for groups in _groups_of_tuples(design, place):
        sizes = {len(group) for group in groups}
        if len(sizes) > 1 or len(groups) < 2 or max(sizes) ** 2 > MOST_PAIRS:
            continue
        tuples = solution.tuples
        if tuples is None:
            tuples = optimal_tuples(groups, pairing.values, len(groups[0]))
        distances = tuple_distances(tuples, pairing.values)
        order = np.argsort(distances, kind="stable")
        for count, row in enumerate(order, done + 1):
            number[tuples[row]], distance[tuples[row]] = count, distances[row]
        done += len(tuples)
    return number, distance


def _groups_of_tuples(design: Design, place: IntArray) -> list[list[IntArray]]:
    """The groups of which tuples have one stimulus each; where categories need not agree, within each category."""
    if design.groups_in_place > 1 or design.places == 1:
        return [[np.flatnonzero(members) for members in _members(design, place)]]
    return [
        [np.flatnonzero((place == number) & (design.category == category)) for number in range(design.places)]
        for category in range(int(design.category.max()) + 1)
    ]


def _balance(
    pool: Pool, design: Design, solution: Solution, options: Matching, variables: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """The differences before and after; sets of the same stimuli have none before."""
    names = _group_names(pool, design, options)
    after = dict(zip(names, _members(design, _places(design, solution)), strict=True))
    before = (
        {name: design.group == number for number, name in enumerate(names)} if options.sets is None else {}
    )
    roles = {name: DIFFER if name == options.different else AGREE for name in pool.criteria}
    return balance_table(pool.rows, after, before, variables, roles)


def _keep(
    study: StudyFolder, result: MatchedSets, options: Matching, replace: bool, started: datetime
) -> None:
    """Write the record of the run and, if it was asked for, the label scheme."""
    chosen = result.chosen
    origin = {"options": asdict(options), "scheme": result.scheme, "model": result.model}
    record = {
        "task": "match",
        "started": started.isoformat(),
        "seconds": (datetime.now(UTC) - started).total_seconds(),
        "set": result.set,
        "source": origin,
        "counts": dict(result.counts),
        "largest": result.largest,
        "paragraph": result.paragraph,
        "saved_as": result.saved_as,
        "notes": list(result.notes),
        "chosen": chosen.select(name for name in chosen.columns if name in _LISTED).to_dicts(),
        "balance": result.balance.to_dicts(),
    }
    if result.saved_as is None:
        save_run(study, f"match-{result.set}", record)
    else:
        labels = dict(zip(chosen["stimulus_id"], label_names(chosen), strict=True))
        save_labels(study, result.set, result.saved_as, labels, record, replace=replace)


_LISTED = ("stimulus_id", "path", "category", "set", MATCH)
"""Columns of the chosen list that the record of a run has."""


def label_names(chosen: pl.DataFrame) -> list[str]:
    """The labels of the chosen stimuli: their categories; where several sets were made, 'set 1' and so on.

    Args:
        chosen: the list.
    """
    if "set" not in chosen.columns:
        return chosen["category"].to_list()
    return [f"set {number}" for number in chosen["set"]]
