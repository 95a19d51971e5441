"""Filters that are chosen on other stimuli than those on which they are measured. Owns the table `choice`.

A shipped query that reads `choice` (layer, filter, category, value) has the parameters $chosen_on and $seed. The table
contains the index on the set that $chosen_on names or, without it, on one half of every category; the query itself then
reads the other half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from toolbox.errors import MixtureError, UnknownNameError, UsageError
from toolbox.query.header import Query
from toolbox.store.folder import StudyFolder
from toolbox.store.halves import Half
from toolbox.store.labels import read_labels
from toolbox.store.selection import Selection, resolve_selection

CHOICE = "choice"
TRANSFER_FORMULA = "transferred_filters"
"""The formula that reads it."""
_VALUES = Query(
    "sql",
    "select layer, filter, category, value from index_values($index, $statistic, $normalise) "
    "order by layer, filter, category",
    ships=True,
)


@dataclass(frozen=True)
class HeldOutChoice:
    """What a query of chosen filters reads.

    Attributes:
        tables: `choice`.
        selection: the stimuli on which the filters are measured.
        notes: what a reader should know.
    """

    tables: dict[str, Any]
    selection: Selection
    notes: list[str] = field(default_factory=list)


def chosen_elsewhere(
    study: StudyFolder,
    values: Mapping[str, Any],
    selection: Selection,
    ask: Callable[..., Any],
) -> HeldOutChoice:
    """The index on the stimuli that choose the filters.

    Args:
        study: the study.
        values: of the query's parameters: chosen_on, seed, index, statistic, normalise.
        selection: set, model and scheme.
        ask: runs a query.

    Raises: UnknownNameError for a set that the study lacks; UsageError where there is nothing to choose; MixtureError
        when the responses to the two sets are of different networks.
    """
    measured = {name: values[name] for name in ("index", "statistic", "normalise")}
    whole = replace(resolve_selection(study, {"rollups"}, selection), notes=())
    if values["chosen_on"] is None:
        seed = int(values["seed"])
        answer = ask(study, _VALUES, measured, replace(whole, half=Half(1, seed)))
        notes = _notes_on_halves(study, whole)
        return HeldOutChoice({CHOICE: answer.rows.to_arrow()}, replace(whole, half=Half(2, seed)), notes)
    other = str(values["chosen_on"])
    if other not in study.sets():
        raise UnknownNameError("stimulus set", other, study.sets())
    if other == whole.set:
        raise UsageError(
            f"filters cannot be chosen on {other} and measured on the same stimuli; name another set, or none for "
            "halves"
        )
    scheme = selection.scheme if selection.scheme in study.schemes(other) else None
    answer = ask(study, _VALUES, measured, Selection(other, whole.models, scheme))
    present = ask(study, _VALUES, measured, whole)
    _check_same_network(answer, present)
    _check_common(answer, present)
    return HeldOutChoice({CHOICE: answer.rows.to_arrow()}, whole)


def _check_same_network(answer: Any, present: Any) -> None:
    """Refuse responses of two networks of one name."""
    if answer.provenance["identity"] != present.provenance["identity"]:
        raise MixtureError(
            f"the responses to {answer.provenance['set']} and {present.provenance['set']} are of different networks or "
            "preprocessings; extract one of them again with replace (--replace)"
        )


def _check_common(answer: Any, present: Any) -> None:
    """Refuse sets without a category in common."""
    names = [sorted({*each.rows["category"].to_list()}) for each in (answer, present)]
    if not {*names[0]} & {*names[1]}:
        first, second = (", ".join(each) for each in names)
        raise UsageError(
            f"{answer.provenance['set']} and {present.provenance['set']} have no category in common "
            f"({first}; {second}); label one of them again: toolbox label"
        )


def _notes_on_halves(study: StudyFolder, selection: Selection) -> list[str]:
    """Which categories cannot be halved."""
    counts = Counter(read_labels(study.labels(str(selection.set), str(selection.scheme))).values())
    single = sorted(category for category, count in counts.items() if count == 1)
    named = ", ".join(single)
    return (
        [f"a single stimulus cannot be divided into halves, so these are left out: {named}"] if single else []
    )
