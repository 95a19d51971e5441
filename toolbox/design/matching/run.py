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

import polars as pl

from toolbox.chart import Chart
from toolbox.chart.balance import love_plot
from toolbox.design.differences import BALANCED
from toolbox.design.matching.balance import AGREE, BALANCE_MEANINGS, DIFFER, balance_table
from toolbox.design.matching.choices import Matching, check_matching
from toolbox.design.matching.chosen import (
    LIST_MEANINGS,
    MATCH,
    chosen_list,
    group_names,
    members_of,
    places_of,
)
from toolbox.design.matching.columns import read_links
from toolbox.design.matching.designs import Design
from toolbox.design.matching.pools import Pool, criteria_of, make_design, make_pool
from toolbox.design.matching.search import Solution
from toolbox.design.matching.shortfalls import (
    possible_count,
    remaining_differences,
)
from toolbox.design.matching.solving import make_pairing, solve_design
from toolbox.design.matching.words import paragraph
from toolbox.design.variables import available_variables, stimulus_variables
from toolbox.errors import UsageError
from toolbox.printing import printable
from toolbox.query import Answer
from toolbox.query.result_files import NO_FILES, ResultFiles
from toolbox.store.availability import AvailableResponses, available_responses, note_extraction
from toolbox.store.commits import finish_commit
from toolbox.store.folder import StudyFolder
from toolbox.store.labelling import check_scheme, save_labels, save_run
from toolbox.store.parquet import with_version
from toolbox.store.selection import Selection, resolve_labelling, resolve_selection


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
        subtitle = f"{self.set}: {counts}; matched on {', '.join(agreeing)}; broken line: {BALANCED:g}"
        return love_plot(self.balance, limit=BALANCED, title="Balance of the matched sets", subtitle=subtitle)

    def _repr_html_(self) -> str:
        """The balance as a table, below the paragraph."""
        return f"<p>{escape(printable(self.paragraph))}</p>{self.balance._repr_html_()}"


def match(
    study: StudyFolder,
    selection: Selection,
    options: Matching,
    files: ResultFiles = NO_FILES,
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
    responses = available_responses(study, set_name, model) if model else None
    of_responses = [*responses.notes, *note_extraction(study, responses)] if responses else []
    others = available_variables(study, set_name, scheme, model=model)
    names = list(dict.fromkeys((*options.criteria, *others)))
    rows = stimulus_variables(study, set_name, scheme, names, model=model)
    pool = make_pool(rows, options)
    links = read_links(study, set_name, pool.rows, options)
    design, counts = make_design(pool, options, links)
    pairing = make_pairing(pool, design, options, links)
    solution = solve_design(pool, design, pairing, options)
    chosen = chosen_list(pool, design, solution, pairing, options)
    variables = criteria_of(rows.columns[3:], names)
    balance = _balance(pool, design, solution, options, variables)
    is_short = solution.largest > BALANCED
    possible = possible_count(design, pairing) if is_short and options.different is None else 0
    return MatchedSets(
        set=set_name,
        scheme=scheme,
        model=model,
        counts=counts,
        largest=solution.largest,
        paragraph=paragraph(
            balance, counts, pool.sizes(), options, is_measured=study.measured(set_name).is_file()
        ),
        saved_as=None,
        notes=(*of_responses, *pool.notes, *remaining_differences(balance, pool, counts, possible)),
        chosen=chosen,
        balance=balance,
        provenance=_provenance(responses, selection, options),
    )


def _provenance(
    responses: AvailableResponses | None, selection: Selection, options: Matching
) -> dict[str, Any]:
    """Where list and balance come from, and what their columns mean."""
    return with_version(
        {
            **(responses.provenance if responses else {}),
            **selection.names(),
            "query": "match",
            "parameters": asdict(options),
            "columns": {**LIST_MEANINGS, **BALANCE_MEANINGS},
        }
    )


def _balance(
    pool: Pool, design: Design, solution: Solution, options: Matching, variables: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """The differences before and after; sets of the same stimuli have none before."""
    names = group_names(pool, design, options)
    after = dict(zip(names, members_of(design, places_of(design, solution)), strict=True))
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
