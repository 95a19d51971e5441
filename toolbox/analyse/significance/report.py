"""What the tables of resampling show, in numbers. Owns the notes about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from toolbox.analyse.significance.choices import Resampling
from toolbox.display import Report
from toolbox.store.commits import Commit
from toolbox.store.parquet import read_table
from toolbox.store.resamples import Labelling
from toolbox.terms import LEVEL


@dataclass(frozen=True)
class SignificanceReport(Report):
    """What was found. `tests` are filters times categories without pooling layers; dead filters are in none."""

    set: str
    model: str
    scheme: str
    index: str
    resamples: int
    filters: int
    dead: int
    tests: int
    significant: int
    """Tests with q < 0.05."""
    significant_fwe: int
    """Tests with a family-wise error (FWE) corrected p < 0.05."""
    seconds: float
    """0 if all was there already."""
    notes: tuple[str, ...] = ()


def significance_report(
    labelling: Labelling,
    choices: Resampling,
    family: Sequence[str],
    seconds: float,
    commit: Commit | None = None,
) -> SignificanceReport:
    """What the tables show of the layers that count in the family of tests.

    Args:
        labelling: responses and label scheme.
        choices: those of the tables.
        family: names of the layers.
        seconds: that it took to make the tables.
        commit: the commit in which the tables were just written; None for those of the study.
    """
    files = {table: labelling.file(table, choices.measure) for table in ("filters", "splits")}
    if commit:
        files = {table: commit.stage(file) for table, file in files.items()}
    tests = pl.DataFrame(read_table(files["filters"]))
    tests = tests.filter(pl.col("layer").is_in(list(family)))
    filters = tests.group_by("layer", "filter").agg(pl.col("value").is_null().all().alias("dead"))
    return SignificanceReport(
        set=labelling.responses.set,
        model=labelling.responses.model,
        scheme=labelling.scheme,
        index=choices.index,
        resamples=choices.resamples,
        filters=filters.height,
        dead=int(filters["dead"].sum()),
        tests=tests["p"].count(),
        significant=int((tests["q"] < LEVEL).sum()),
        significant_fwe=int((tests["p_fwe"] < LEVEL).sum()),
        seconds=seconds,
        notes=tuple(_notes(labelling, choices, tests, pl.DataFrame(read_table(files["splits"])))),
    )


def _notes(labelling: Labelling, choices: Resampling, tests: pl.DataFrame, splits: pl.DataFrame) -> list[str]:
    """What a reader of the tables should know."""
    notes = list(labelling.responses.notes)
    if splits["agreement"].null_count() == splits.height:
        notes.append(
            "a category has a single stimulus, which cannot be divided into halves: reliability is null for all filters"
        )
    if (tests["q"] >= LEVEL).all() and (tests["p_fwe"] < LEVEL).any():
        # the least p is 1 / (permutations + 1), and q multiplies it by the number of tests
        notes.append(
            f"no q is below {LEVEL}, but FWE-corrected p are: {choices.resamples:,} permutations give no p below "
            f"{1 / (choices.resamples + 1):.2g}, too large for {tests['p'].count():,} tests; "
            "raise resamples (--resamples)"
        )
    return notes
