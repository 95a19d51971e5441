"""What an audit found, in words for the owner of the set, and in numbers for its figure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import polars as pl

from toolbox.chart.audit import property_words
from toolbox.chart.theme import column_words
from toolbox.design.audit.choices import AUDITED, POOR
from toolbox.design.audit.labels import Doubts
from toolbox.design.wording import counted

WITHOUT_LABEL = "no label"
WORDS = {
    "low_information": "with little information",
    "odd_aspect_ratio": "of an odd aspect ratio",
    "odd_size": "of an odd size",
}
"""Kinds of poor pictures as a sentence has them, after their number."""
NAMED_PROPERTIES = 2
"""Properties of a category that the paragraph names; the list has all."""


def audit_paragraph(
    findings: pl.DataFrame,
    of: str,
    kinds: Sequence[str],
    doubts: Doubts | None,
    left_out: int,
    labelled: int,
    unknown: Collection[str] = (),
) -> str:
    """What was looked for, what was found, and what a scheme without it would leave out.

    Args:
        findings: of the audit.
        of: the set, its size, and whose responses.
        kinds: that were looked for.
        doubts: about labels, if they were judged.
        left_out: labelled stimuli that a scheme without the findings leaves out.
        labelled: all labelled stimuli.
        unknown: kinds that could not be looked for, of which the paragraph claims nothing.
    """
    missing = [kind for kind in kinds if kind in unknown]
    kinds = [kind for kind in kinds if kind not in unknown]
    counts = dict(findings.group_by("kind").len().iter_rows())
    sentences = [
        f"Audit of {of}.",
        *_copies(findings, kinds),
        *(_labels(counts.get("doubtful_label", 0), doubts) if doubts else ()),
        *_poor(counts, kinds),
        *(_confounds(findings) if "confound" in kinds else ()),
        *([f"Not looked for: {', '.join(map(column_words, missing))}."] if missing else []),
        f"A label scheme without what was found leaves out {left_out:,} of {labelled:,} labelled stimuli.",
    ]
    return " ".join(sentences)


def _copies(findings: pl.DataFrame, kinds: Sequence[str]) -> Iterator[str]:
    words = {
        "duplicate": (
            ("picture", "pictures"),
            "has a copy with the same pixels",
            "have a copy with the same pixels",
        ),
        "near_duplicate": (
            ("pair of pictures", "pairs of pictures"),
            "is nearly the same",
            "are nearly the same",
        ),
    }
    for kind, (nouns, singular, plural) in words.items():
        if kind not in kinds:
            continue
        found = findings.filter(kind=kind)
        elsewhere = found.drop_nulls("other_set")
        conflicts = found.filter("conflict").height
        sets = ", ".join(sorted({*elsewhere["other_set"].drop_nulls()}))
        details = [
            *([f"{elsewhere.height:,} of them in another set ({sets})"] if elsewhere.height else []),
            *([f"{conflicts:,} in two categories"] if conflicts else []),
        ]
        many = _counted(found.height, *nouns)
        verb = singular if found.height == 1 else plural
        yield f"{many} {verb}{': ' + ', '.join(details) if details else ''}."


def _labels(found: int, doubts: Doubts) -> Iterator[str]:
    yield (
        f"{_counted(found, 'label', 'labels')} {'fits' if found == 1 else 'fit'} the responses less than another "
        f"category does (margin above {doubts.threshold:.2f})."
    )
    yield (
        f"Of labels that were exchanged on purpose, {doubts.found:.0%} are found so, and {doubts.false_alarms:.1%} of "
        "the labels left alone are listed only because of that."
    )


def _poor(counts: dict[str, int], kinds: Sequence[str]) -> Iterator[str]:
    wanted = [kind for kind in POOR if kind in kinds]
    found = [f"{counts[kind]:,} {WORDS.get(kind, kind)}" for kind in wanted if counts.get(kind)]
    if wanted:
        yield f"Of the pictures, {', '.join(found)}." if found else "No picture is poor."


def _confounds(findings: pl.DataFrame) -> Iterator[str]:
    found = findings.filter(kind="confound")
    if found.is_empty():
        yield "No category is told from the others by a single property of its images."
    for (category,), rows in found.group_by("category", maintain_order=True):
        listed = " or ".join(map(_confound, rows.head(NAMED_PROPERTIES).iter_rows(named=True)))
        unnamed = rows.height - NAMED_PROPERTIES
        noun = "property" if unnamed == 1 else "properties"
        more = f", and by {unnamed} more {noun}" if unnamed > 0 else ""
        yield f"Images of {category} are told from the others by {listed} alone{more}."


def _confound(row: dict[str, object]) -> str:
    """A property, its AUC, and how many filters are selective without it."""
    without = ""
    if row["selective"] is not None:
        without = f"; {row['adjusted']:,} of {row['selective']:,} selective filters remain at equal values"
    return f"{property_words(str(row['measure']))} (AUC {row['value']:.2f}{without})"


def _counted(count: int, noun: str, several: str) -> str:
    """A number with its noun, at the start of a sentence."""
    return counted(count, noun, several) if count else f"No {several}"


def counts_by_category(findings: pl.DataFrame, stimuli: pl.DataFrame) -> pl.DataFrame:
    """Findings of every kind in every category, for the figure: a row for every kind that was found at all.

    Args:
        findings: of the audit.
        stimuli: stimulus_id, category.
    """
    sizes = stimuli.group_by(pl.col("category").fill_null(WITHOUT_LABEL)).len("stimuli")
    single = findings.filter(pl.col("kind") != "confound").with_columns(
        pl.col("category").fill_null(WITHOUT_LABEL)
    )
    counts = single.group_by("kind", "category").agg(
        findings=pl.len(), found=pl.col("stimulus_id").n_unique()
    )
    order = {kind: place for place, kind in enumerate(AUDITED)}
    grid = single.select("kind").unique().join(sizes, how="cross")
    rows = grid.join(counts, on=["kind", "category"], how="left").with_columns(
        pl.col("findings").fill_null(0).cast(pl.Int64),
        proportion=(pl.col("found").fill_null(0) / pl.col("stimuli")),
        place=pl.col("kind").replace_strict(order, default=len(order), return_dtype=pl.Int32),
    )
    return rows.sort("place", "category").select("kind", "category", "findings", "stimuli", "proportion")
