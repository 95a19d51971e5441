"""What is known of a set and a network, brought together: filters, an untrained control, a probe, confounds."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from toolbox.design.advice.report import Advice
from toolbox.design.probe import ProbeReport, Probing, probe
from toolbox.errors import UnknownNameError
from toolbox.progress import Progress, silent
from toolbox.query import ask
from toolbox.query.result_files import NO_FILES, ResultFiles
from toolbox.stimuli.confounds import CLEAR_AUC, LEAST_IMAGES
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection, resolve_selection

BANK_SIZE = 64
"""Filters of the bank that is tried."""
UNTRAINED = "-untrained"
"""End of the name of the control of a network."""
_COUNTED = ("filters", "selective", "proportion", "chance_high", "beyond_chance")
_PROBED = ("accuracy", "low", "high", "weight", "chosen")


def advise(
    study: StudyFolder,
    choices: Probing | None = None,
    selection: Selection | None = None,
    files: ResultFiles = NO_FILES,
    *,
    control: str | None = None,
    progress: Progress = silent,
) -> Advice:
    """Whether a network has filters for the categories of a set, and which layer, or bank, to take.

    Args:
        study: with responses and labels; significance is used where it was computed.
        choices: of the probe.
        selection: set, model and scheme, where there are several.
        files: where figure and paragraph are written.
        control: an untrained network with responses to the set; the model's own, if there is one, if None.
        progress: called with how much of the probes is done.

    Raises: as `probe`; UnknownNameError for a control without responses.
    """
    chosen = resolve_selection(study, {"responses", "labels", "layers"}, selection or Selection())
    set_name, model = str(chosen.set), str(chosen.model)
    named = Selection(set_name, model, chosen.scheme)
    against = _control(study, set_name, model, control)
    usual = choices or Probing(repeats=2)
    report = probe(study, _with_bank(study, usual, model), named, progress=progress)
    other = None
    if against is not None:
        quick = Probing(group=usual.group, distance=0, repeats=1, permutations=0, seed=usual.seed)
        other = probe(study, quick, Selection(set_name, against, chosen.scheme), progress=progress)
    profile = ask(study, "layers/profile", selection=named)
    significant = _significant(study, named)
    control_significant = (
        None if against is None else _significant(study, Selection(set_name, against, chosen.scheme))
    )
    is_measured, confounds = _confounds(study, named)
    advice = Advice(
        report=report,
        control=against,
        control_report=other,
        rows=_rows(profile.rows, report, significant, control_significant),
        is_resampled=significant is not None,
        control_is_resampled=control_significant is not None,
        is_measured=is_measured,
        confounds=confounds,
        notes=(*chosen.notes, *report.notes),
    )
    files.write(advice)
    return advice


def _control(study: StudyFolder, set_name: str, model: str, named: str | None) -> str | None:
    """The untrained network with responses to the set, if there is one.

    Raises: UnknownNameError for a named one that has none.
    """
    models = study.models(set_name)
    if named is not None:
        if named not in models or named == model:
            others = [each for each in models if each != model]
            raise UnknownNameError(f"control with responses to {set_name}", named, others)
        return named
    own = f"{model}{UNTRAINED}"
    return own if own in models else None


def _with_bank(study: StudyFolder, choices: Probing, model: str) -> Probing:
    """The choices with a bank, unless the network has no more filters than that."""
    from dataclasses import replace

    from toolbox.store.parquet import read_table

    layers = read_table(study.layers(model)).to_pylist()
    filters = sum(row["filters"] for row in layers if row["kind"] != "pool")
    return replace(choices, filters=BANK_SIZE) if filters > BANK_SIZE else choices


def _significant(study: StudyFolder, selection: Selection) -> pl.DataFrame | None:
    """Significant filters by layer and category; None where the default index was not resampled."""
    rows = ask(study, "layers/significant", selection=selection).rows
    return None if rows.is_empty() else rows.select("layer", "category", "significant")


def _rows(
    profile: pl.DataFrame,
    report: ProbeReport,
    significant: pl.DataFrame | None,
    control: pl.DataFrame | None,
) -> pl.DataFrame:
    """A row for every layer and category: its filters, and how well the layer tells all categories apart."""
    rows = profile.filter(~pl.col("is_pool") | pl.col("layer").is_in(report.layers["layer"].implode()))
    rows = rows.filter(pl.col("category").is_in([*report.categories]))
    rows = rows.select("layer", "category", *_COUNTED)
    for name, table in (("significant", significant), ("control_significant", control)):
        known = (
            table
            if table is not None
            else rows.select("layer", "category", significant=pl.lit(None, pl.Int64))
        )
        renamed = known.rename({"significant": name})
        rows = rows.join(renamed, on=["layer", "category"], how="left", maintain_order="left")
    layers = report.layers.select("layer", *_PROBED)
    return rows.join(layers, on="layer", how="left", maintain_order="left")


def _confounds(study: StudyFolder, selection: Selection) -> tuple[bool, Sequence[tuple[str, str, float]]]:
    """Whether properties were measured; category, property and AUC of the clearest one that tells a category alone."""
    rows = ask(
        study, "properties/categories", selection=Selection(selection.set, scheme=selection.scheme)
    ).rows
    others = pl.col("stimuli").sum().over("property") - pl.col("stimuli")
    enough = rows.filter(pl.min_horizontal("stimuli", others) >= LEAST_IMAGES)
    rows = enough.drop_nulls("auc").with_columns(apart=(pl.col("auc") - 0.5).abs())
    clear = rows.filter(pl.col("apart") >= CLEAR_AUC - 0.5).sort(
        "apart", descending=True, maintain_order=True
    )
    found = clear.unique("category", keep="first", maintain_order=True).sort("category")
    return study.measured(str(selection.set)).is_file(), found.select("category", "property", "auc").rows()
