"""The list of an audit: one row a finding. Owns its columns, its order, and which stimuli it leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from toolbox.design.audit.choices import AUDITED

FINDINGS = {
    "kind": pl.String,
    "stimulus_id": pl.Int32,
    "path": pl.String,
    "category": pl.String,
    "measure": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "other_set": pl.String,
    "other_id": pl.Int32,
    "other_path": pl.String,
    "other_category": pl.String,
    "conflict": pl.Boolean,
    "selective": pl.Int64,
    "adjusted": pl.Int64,
    "left_out": pl.String,
}
"""Columns and their types."""
MEANINGS = {
    "kind": "what is wrong: the same pixels, nearly the same responses, a label that fits less than another …",
    "stimulus_id": "of a pair, the picture that may go; none for a confound, which concerns a whole category",
    "measure": "what `value` is of",
    "threshold": "from which `value` is reported",
    "other_set": "set of the other picture of a pair; none within the set",
    "other_id": "stimulus_id of that picture there; none for a file that ingestion left out",
    "other_category": "category of that picture; of a doubtful label, the one that the responses fit",
    "conflict": "whether the two have different categories",
    "selective": "filters selective for the category of a confound: response contrast above 0.1",
    "adjusted": "those that still are at equal values of the property: selectivity/adjusted",
    "left_out": "which of the two a label scheme without the findings leaves out: stimulus, both or none",
}
"""What columns mean that do not say it by their names."""
AuditFinding = Mapping[str, Any]
"""Some of the columns of one row; the others are null, and nothing is left out."""


def findings_table(findings: Iterable[AuditFinding]) -> pl.DataFrame:
    """The list in its order: by kind, the clearest findings first.

    Args:
        findings: in any order.

    Example:
        >>> findings_table([{"kind": "dark", "stimulus_id": 3, "value": 0.1}])["left_out"].to_list()
        ['none']
    """
    rows = [{name: finding.get(name) for name in FINDINGS} for finding in findings]
    order = {kind: place for place, kind in enumerate(AUDITED)}
    table = pl.DataFrame(rows, schema=FINDINGS).with_columns(
        pl.col("left_out").fill_null("none"), pl.col("conflict").fill_null(False)
    )
    place, distance = pl.col("kind").replace_strict(order, default=len(order)), _distance()
    return table.sort(place, distance, "category", "stimulus_id", "other_id", nulls_last=True)


def _distance() -> pl.Expr:
    """How far a value is beyond its threshold, the farthest first; 0 without one."""
    beyond = (pl.col("value") - pl.col("threshold")).abs()
    return -beyond.fill_null(0)


def stimuli_left_out(findings: pl.DataFrame) -> list[int]:
    """Numbers of the stimuli that a scheme without the findings leaves out, in ascending order.

    Args:
        findings: of one set.

    Example:
        >>> pair = {"kind": "near_duplicate", "stimulus_id": 4, "other_id": 2}
        >>> stimuli_left_out(findings_table([pair | {"left_out": "both"}]))
        [2, 4]
    """
    own = findings.filter(pl.col("left_out") != "none")["stimulus_id"]
    other = findings.filter(pl.col("left_out") == "both")["other_id"]
    return sorted({*own.drop_nulls(), *other.drop_nulls()})
