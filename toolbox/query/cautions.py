"""What must be known of the rows of a query before anything is concluded from them. Owns these sentences.

Unlike a note, a caution belongs to the result itself: figures print it below their title.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import ToolboxError
from toolbox.query.indices import Index, shipped_indices
from toolbox.query.resampling_notes import category_sizes
from toolbox.query.thresholds import values_over_sizes
from toolbox.store.availability import available_responses
from toolbox.store.columns import TABLES
from toolbox.store.database import Database
from toolbox.store.folder import StudyFolder
from toolbox.store.resamples import Labelling, Measure
from toolbox.store.small_tables import SmallTables
from toolbox.store.verified import open_verified
from toolbox.terms import LEVEL

_NAMED = 3
"""Categories of the control that are named."""
_MOST_NAMED = 6
"""Categories that a caution on single categories names, before it counts the others."""
_WEAK = 0.1
"""Peak of a tuning curve, relative to the median filter of the layer, below which the tuning means nothing."""
_FEW = 10
"""Selective filters below which their mean depth says little of a category."""


def cautions(
    study: StudyFolder,
    database: Database,
    views: Collection[str],
    values: Mapping[str, Any],
    rows: pl.DataFrame,
) -> Iterator[str]:
    """Sentences on the threshold, on chance, and on what an untrained network finds in the same images.

    Args:
        study: that was asked.
        database: still open.
        views: those that the query reads.
        values: of the query's parameters.
        rows: its result.
    """
    index = shipped_indices().get(str(values.get("index")))
    if index and values.get("threshold") is not None and "rollups" in views:
        yield from _cautions_on_threshold(database, index, float(values["threshold"]))
    yield from database.responses.cautions if database.responses else ()
    yield from _cautions_on_chance(rows)
    yield from _cautions_on_depth(rows)
    yield from _cautions_on_weakness(rows, values)
    if index and database.labelling and not {"significance", "resamples"}.isdisjoint(views):
        measure = Measure(index.name, str(values.get("statistic")), str(values.get("normalise")))
        yield from _cautions_on_control(study, database.labelling, measure)


def criterion(values: Mapping[str, Any]) -> str:
    """How filters were selected, in the symbols of the index's file, such as 'contrast > 0.1'; '' if they were not.

    Args:
        values: of the parameters of a query.
    """
    index = shipped_indices().get(str(values.get("index")))
    if index is None or "threshold" not in values:
        return ""
    threshold = values["threshold"]
    if threshold is None:
        return f"{index.name} > {index.threshold[0]}"
    is_published = index.published is not None and f"{threshold:g}" == index.published[0]
    return f"{index.name} > {threshold:g}" + (" (as published)" if is_published else "")


def _cautions_on_threshold(database: Database, index: Index, threshold: float) -> Iterator[str]:
    """Of a threshold that every filter exceeds, or none can."""
    suitable = f"a suitable threshold is {index.threshold[0]} ({index.threshold[1]})"
    ends = re.fullmatch(r"(-?\d+) to (-?\d+)", index.range)
    if ends and threshold >= float(ends[2]):
        yield f"no filter can exceed {threshold:g}: {index.name} ranges from {ends[1]} to {ends[2]}; {suitable}"
    elif index.is_compared and threshold < (chance := min(_chances(database, index), default=threshold)):
        yield (
            f"the threshold {threshold:g} is below the value of {index.name} without any preference ({chance:.3g}), "
            f"so filters without a preference count as selective; {suitable}"
        )


def _chances(database: Database, index: Index) -> list[float]:
    """The value of an index without preference, for every category."""
    return values_over_sizes(index.chance, category_sizes(database))


def _cautions_on_chance(rows: pl.DataFrame) -> Iterator[str]:
    """How many proportions are no larger than permuted labels make them."""
    if not {"beyond_chance", "proportion"} <= {*rows.columns}:
        return
    if "is_pool" in rows.columns:  # they repeat the layer below them
        rows = rows.filter(~pl.col("is_pool"))
    known = rows.filter(pl.col("proportion") > 0, pl.col("beyond_chance").is_not_null())
    inside = known.filter(~pl.col("beyond_chance"))
    if not inside.is_empty():
        verb = "is" if inside.height == 1 else "are"
        # of several layers, points and rows mark which
        found = (
            "stimuli give as many related" if "related" in rows.columns else "labels give as many selective"
        )
        named = "" if "layer" in rows.columns else f" ({_first_names(inside['category'].to_list())})"
        yield (
            f"{inside.height} of {known.height} proportions above 0 {verb} not beyond chance{named}: permuted "
            f"{found} filters"
        )


def _first_names(names: Sequence[str]) -> str:
    """The names, or the first of many and how many more there are."""
    further = len(names) - _MOST_NAMED
    return ", ".join(names) if further < 2 else f"{', '.join(names[:_MOST_NAMED])} and {further} others"


def _cautions_on_depth(rows: pl.DataFrame) -> Iterator[str]:
    """Which mean depths are those of few filters."""
    if {"mean_depth", "selective"} <= {*rows.columns}:
        counts = rows.select("category", "selective")
    elif {"measure", "selective", "selective_other"} <= {*rows.columns}:
        of_others = rows.select(category="other", selective="selective_other")
        counts = pl.concat([rows.select("category", "selective"), of_others]).unique().sort("category")
    else:
        return
    few = counts.filter(pl.col("selective").is_between(1, _FEW - 1))
    if not few.is_empty():
        named = _first_names([f"{category} {count}" for category, count in few.iter_rows()])
        yield f"few filters are selective for {named}, so where they are located depends on single filters"


def _cautions_on_weakness(rows: pl.DataFrame, values: Mapping[str, Any]) -> Iterator[str]:
    """How many filters respond too weakly for their tuning to mean anything."""
    columns = {*rows.columns}
    if {"relative_peak", "peak"} <= columns:
        active = rows.filter(pl.col("peak") > 0)
        weak = active.filter(pl.col("relative_peak") < _WEAK).height
        if weak:
            yield (
                f"{weak:,} of {active.height:,} filters that respond have less than {_WEAK:g} of the median peak of "
                "their layer (relative_peak), too little for their tuning to mean anything"
            )
    elif {"layer", "weak"} <= columns:
        weak = int(rows.select("layer", "weak").unique()["weak"].sum())
        if weak:
            yield (
                f"not counted because of weak responses (relative_peak < {values['least']:g}): {weak:,} filters above "
                "the threshold"
            )


def _cautions_on_control(study: StudyFolder, labelling: Labelling, measure: Measure) -> Iterator[str]:
    """What may stand for the categories in these images, and what untrained networks find in them."""
    responses = labelling.responses
    if is_untrained(responses.provenance):
        return
    controls = []
    for model in study.models(responses.set):
        # what is wrong with another model's responses is reported by the queries that ask for them
        with contextlib.suppress(ToolboxError):
            control = available_responses(study, responses.set, model)
            if model != responses.model and is_untrained(control.provenance):
                controls.append(Labelling(study, control, labelling.scheme))
    for each in controls:
        yield from _caution_on_control(each, labelling, measure)
    if not controls:
        yield from _caution_on_confounds(labelling, measure)


def _caution_on_confounds(labelling: Labelling, measure: Measure) -> Iterator[str]:
    """By what the images of categories differ, as was found when the index was resampled."""
    file = labelling.file("filters", measure)
    if not _is_readable(labelling, file):
        return
    checked = SmallTables()
    differs: Mapping[str, str] = checked.origin(file).get("differs", {})
    if differs:
        named = "; ".join(f"{category} {words}" for category, words in differs.items())
        yield (
            f"images of some categories can be told apart without their content: {named}; filters may respond to that. "
            "An untrained network shows how many do"
        )


def _caution_on_control(control: Labelling, labelling: Labelling, measure: Measure) -> Iterator[str]:
    """How many filters of an untrained network prefer a category, beside those of the network itself."""
    name = control.responses.model
    counts = _significant_filters(control, measure)
    if counts is None:
        yield (
            f"the untrained control {name} was not resampled; to compare with it: {control.command(measure)}"
        )
        return
    if counts:
        own = _significant_filters(labelling, measure)
        of = f" of {labelling.responses.model}" if own else ""
        named = ", ".join(
            f"{category} {count:,}" + (f" ({own.get(category, 0):,}{of if not place else ''})" if own else "")
            for place, (category, count) in enumerate([*counts.items()][:_NAMED])
        )
        yield (
            f"in the untrained control {name}, filters are significant (q < {LEVEL:g}) too: {named}; low-level "
            "differences between the categories, such as size or sharpness, are enough for that"
        )


def _significant_filters(labelling: Labelling, measure: Measure) -> dict[str, int] | None:
    """The number of significant filters by category, the largest first; None where nothing was resampled."""
    file = labelling.file("filters", measure)
    if not _is_readable(labelling, file):
        return None
    with open_verified(file) as opened:
        rows = pl.read_parquet(opened.read(), columns=["category", "q"])
    significant = rows.filter(pl.col("q") < LEVEL).group_by("category").len()
    return dict(significant.sort("len", "category", descending=[True, False]).iter_rows())


def _is_readable(control: Labelling, file: Path) -> bool:
    """Whether a table of p values is of the control's responses and labels now, and whole."""
    if not file.is_file():
        return False
    checked = SmallTables()
    is_of_control = control.is_source_of(checked.origin(file)) and {*TABLES["filters"]} <= {
        *checked.columns(file)
    }
    checked.save()
    return is_of_control


def is_untrained(provenance: Mapping[str, Any]) -> bool:
    """Whether all weights were random numbers.

    Args:
        provenance: of responses.
    """
    weights = provenance.get("weights", [])
    return bool(weights) and all(str(source).startswith("random") for source in weights)
