"""The result of an audit: list, figure, paragraph, and where they come from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from toolbox.chart import Chart
from toolbox.chart.audit import AuditWords, draw_audit
from toolbox.design.audit.choices import AuditChoices
from toolbox.design.audit.confounds import SEPARATION
from toolbox.design.audit.findings import MEANINGS, stimuli_left_out
from toolbox.design.audit.labels import Doubts
from toolbox.design.audit.paragraph import audit_paragraph, counts_by_category
from toolbox.design.audit.stored import StoredSet
from toolbox.query import Answer
from toolbox.store.parquet import with_version


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        set: the stimulus set.
        scheme: the label scheme; None where the set has none.
        model: whose responses; None where there are none.
        findings: a row each: kind, stimulus_id, path, category, measure, value, threshold, the other picture of a pair
            (other_set, other_id, other_path, other_category), conflict, and left_out.
        separations: how well every property alone tells every category: category, property, auc, p, q.
        left_out: numbers of the stimuli that a scheme without the findings leaves out.
        paragraph: what was looked for and found.
        counts: findings of every kind in every category.
        words: of the figure.
        categories: of the set, in the order of their columns.
        notes: what a reader should know.
        provenance: of the findings.
    """

    set: str
    scheme: str | None
    model: str | None
    findings: pl.DataFrame
    separations: pl.DataFrame
    left_out: list[int]
    paragraph: str
    counts: pl.DataFrame
    words: AuditWords
    categories: list[str]
    notes: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def chart(self) -> Chart:
        """The figure."""
        return draw_audit(self.counts, self.separations, self.words, self.categories)

    @property
    def answer(self) -> Answer:
        """The findings, as the result of a query."""
        return Answer(self.findings, self.provenance, self.notes)

    def __repr__(self) -> str:
        """The paragraph."""
        return f"Audit({self.paragraph!r})"


def make_audit(
    audited: StoredSet,
    findings: pl.DataFrame,
    choices: AuditChoices,
    *,
    doubts: Doubts | None,
    separations: pl.DataFrame | None,
    unknown: Collection[str],
    notes: tuple[str, ...],
) -> Audit:
    """An audit from what was found.

    Args:
        audited: the set.
        findings: in their order.
        choices: what was looked for.
        doubts: about labels, if they were judged.
        separations: of properties, if they were compared.
        unknown: kinds that could not be looked for.
        notes: what a reader should know.
    """
    stimuli, responses = audited.stimuli, audited.responses
    left_out = stimuli_left_out(findings)
    labelled = stimuli.drop_nulls("category")
    categories = sorted({*labelled["category"]})
    without = labelled.filter(pl.col("stimulus_id").is_in(left_out)).height
    of = _described(audited, categories)
    return Audit(
        set=audited.set,
        scheme=audited.scheme,
        model=responses.model if responses else None,
        findings=findings,
        separations=pl.DataFrame(schema=SEPARATION) if separations is None else separations,
        left_out=left_out,
        paragraph=audit_paragraph(
            findings, f"{audited.set} ({of})", choices.kinds, doubts, without, labelled.height, unknown
        ),
        counts=counts_by_category(findings, stimuli),
        words=AuditWords(f"Audit of the set {audited.set}", of, choices.auc),
        categories=categories,
        notes=notes,
        provenance=_provenance(audited, findings, choices),
    )


def _described(audited: StoredSet, categories: list[str]) -> str:
    """The set, its size, and whose responses were used."""
    parts = [f"{audited.stimuli.height:,} stimuli"]
    if audited.scheme:
        noun = "category" if len(categories) == 1 else "categories"
        parts.append(f"{len(categories):,} {noun} of the scheme {audited.scheme}")
    if audited.responses:
        parts.append(f"responses of {audited.responses.model}")
    return ", ".join(parts)


def _provenance(audited: StoredSet, findings: pl.DataFrame, choices: AuditChoices) -> dict[str, Any]:
    responses = audited.responses
    names = {"set": audited.set, "scheme": audited.scheme, "model": responses.model if responses else None}
    return with_version(
        {
            **(responses.provenance if responses else {}),
            **{kind: name for kind, name in names.items() if name is not None},
            "query": "audit",
            "parameters": {**asdict(choices), "kind": list(choices.kinds)},
            "layers": {"copies": audited.last_layers, "labels": audited.layers["layer"].to_list()},
            "columns": MEANINGS,
            "rows": findings.height,
        }
    )
