"""Stimuli that stay together, stay apart, or have their place: from columns of the set, label schemes, and names.

A column is a further column of the table that was ingested, or a label scheme of the set. Empty values mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import polars as pl

from toolbox.design.matching.choices import Matching
from toolbox.errors import UnknownNameError, UsageError
from toolbox.resampling import IntArray
from toolbox.resampling.arrays import BoolArray
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table
from toolbox.store.stimuli import variable_names

IN, OUT = ("yes", "true", "1"), ("no", "false", "0")
"""What a column of fixed stimuli says of those that are chosen, and of those that are not."""


@dataclass(frozen=True, eq=False)
class Links:
    """Constraints of candidates.

    Attributes:
        unit: (candidates,) number of the unit of each: those that stay together have the same.
        allowed: (units, places + 1) where a unit may be; the last place is none of the sets.
        apart: (units, values) units that share a value may not be in one set.
        alike: (candidates, candidates) whether two have the same value; None where they need not.
    """

    unit: IntArray
    allowed: BoolArray
    apart: BoolArray
    alike: BoolArray | None = None


def read_links(study: StudyFolder, set_name: str, rows: pl.DataFrame, options: Matching) -> Links:
    """The constraints of candidates.

    Args:
        study: with the set.
        set_name: the stimulus set.
        rows: the candidates: stimulus_id, path.
        options: of the user, with the names of columns and stimuli.

    Raises: UnknownNameError for a column or a stimulus; UsageError for values that contradict each other.
    """
    numbers, places = rows["stimulus_id"].to_list(), options.sets or 1
    together, apart, fixed = (
        _values(study, set_name, name, numbers) for name in (options.together, options.apart, options.fixed)
    )
    unit = _units(together)
    allowed = np.ones((int(unit.max()) + 1, places + 1), bool)
    for candidate, value in enumerate(fixed):
        if value is not None:
            allowed[unit[candidate]] &= _place(str(options.fixed), value, places)
    for names, is_kept in ((options.keep, True), (options.leave_out, False)):
        for candidate in _find_stimuli(rows, _listed(names)):
            allowed[unit[candidate]] &= (
                np.arange(places + 1) < places if is_kept else np.arange(places + 1) == places
            )
    contradictory = np.flatnonzero(~allowed.any(1))
    if len(contradictory):
        path = rows["path"][int(np.flatnonzero(unit == contradictory[0])[0])]
        raise UsageError(
            f"{path} must be chosen and left out, or in two sets, at once; remove one of the two"
        )
    alike = _alike(_values(study, set_name, options.same, numbers)) if options.same else None
    return Links(unit, allowed, _apart(apart, unit, str(options.apart)), alike)


def _alike(values: Sequence[str | None]) -> BoolArray:
    """Whether two candidates have the same value, which is known of both."""
    texts = np.array(["" if value is None else value for value in values])
    alike: BoolArray = (texts[:, None] == texts) & (texts != "")
    return alike


def _listed(names: Sequence[str] | str | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


def _values(study: StudyFolder, set_name: str, name: str | None, numbers: Sequence[int]) -> list[str | None]:
    """The value of a column for each candidate, as text; None where it is empty or no column was named."""
    if name is None:
        return [None] * len(numbers)
    found = _column(study, set_name, name)
    texts = (found.get(number) for number in numbers)
    return [None if text is None or not text.strip() else text.strip() for text in texts]


def _column(study: StudyFolder, set_name: str, name: str) -> Mapping[int, str | None]:
    table = read_table(study.stimuli(set_name))
    own, schemes = variable_names(table.column_names), study.schemes(set_name)
    if name in own:
        column = pl.DataFrame(table.select(["stimulus_id", name]))
        texts = column[name].cast(pl.String)
        return dict(zip(column["stimulus_id"], texts, strict=True))
    if name in schemes:
        return {**read_labels(study.labels(set_name, name))}
    raise UnknownNameError(f"column or label scheme of {set_name}", name, [*own, *schemes])


def _units(together: Sequence[str | None]) -> IntArray:
    """Numbers of units: one for each value, and for each candidate without one."""
    names = [
        ("value", value) if value is not None else ("alone", place) for place, value in enumerate(together)
    ]
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names], np.int64)


def _place(column: str, value: str, places: int) -> BoolArray:
    """Where a candidate may be, according to a column of fixed stimuli."""
    allowed = np.zeros(places + 1, bool)
    plain = value.casefold().removesuffix(".0")
    if places > 1 and plain.isdigit() and 1 <= int(plain) <= places:
        allowed[int(plain) - 1] = True
    elif plain in OUT:
        allowed[places] = True
    elif plain in IN and (places == 1 or plain != "1"):
        allowed[:places] = True
    else:
        sets = f", or the number of a set, 1 to {places}" if places > 1 else ""
        raise UsageError(f"{column} has the value {value!r}; expected yes, no or nothing{sets}")
    return allowed


def _find_stimuli(rows: pl.DataFrame, names: Sequence[str]) -> list[int]:
    """Places of the candidates with these names: a stimulus_id, a path, or its end."""
    by_number = {str(number): place for place, number in enumerate(rows["stimulus_id"])}
    paths = rows["path"].to_list()
    found = []
    for name in names:
        end = PurePosixPath(name.replace("\\", "/"))
        matching = [place for place, path in enumerate(paths) if f"/{path}".endswith(f"/{end}")]
        if name in by_number and not matching:
            matching = [by_number[name]]
        if len(matching) != 1:
            reason = f"{len(matching)} candidates are called so" if matching else "no candidate is called so"
            raise UsageError(
                f"{name!r} is no stimulus that can be chosen: {reason}; write its path or stimulus_id"
            )
        found += matching
    return found


def _apart(values: Sequence[str | None], unit: IntArray, column: str) -> BoolArray:
    """Which units share a value of which only one may be in a set."""
    counted = [value for value in values if value is not None]
    shared = sorted({value for value in counted if counted.count(value) > 1})
    numbers = {value: number for number, value in enumerate(shared)}
    apart = np.zeros((int(unit.max()) + 1, len(shared)), bool)
    for candidate, value in enumerate(values):
        if value in numbers:
            if apart[unit[candidate], numbers[value]]:
                raise UsageError(
                    f"two stimuli with {column} {value!r} must stay apart, and together; remove one of the two"
                )
            apart[unit[candidate], numbers[value]] = True
    return apart
