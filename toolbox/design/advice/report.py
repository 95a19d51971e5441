"""The advice in sentences, as a table and as a figure. Owns what may be concluded from what; computes nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from toolbox.chart import Chart
from toolbox.chart.advice import advice_chart
from toolbox.design.probe.methods import BANK, BEST, WEIGHTED
from toolbox.design.probe.report import ProbeReport
from toolbox.design.wording import accuracy_in_percent, in_percent
from toolbox.errors import command_line
from toolbox.query import Answer
from toolbox.store.folder import SCHEME

MOST_OF_CONTROL = 0.5
"""Significant filters of the control, relative to those of the network, from which training explains little."""
ADVICE_MEANINGS = {
    "filters": "of the layer",
    "selective": "filters selective for the category: response contrast above 0.1",
    "proportion": "selective / filters",
    "chance_high": "upper end of the chance band of the proportion",
    "beyond_chance": "whether the proportion is above the chance band",
    "significant": "filters with q < 0.05 for the category",
    "control_significant": "the same of the untrained control",
    "accuracy": "of the layer, for all categories: proportion of correct images",
}
"""What columns mean, where it is not as in a probe."""
Kind = Literal["filters", "control", "none"]


@dataclass(frozen=True, repr=False)
class Advice:
    """What is known of the filters of a network for the categories of a set.

    Attributes:
        report: of the probe.
        control: the untrained network; None if there is none.
        control_report: of its probe.
        rows: a row for every layer and category: filters, selective ones, their proportion and its chance band,
            significant ones (q < 0.05) here and in the control, and accuracy, weight and choices of the layer.
        is_resampled: whether significance was computed.
        control_is_resampled: whether it was computed for the control.
        is_measured: whether properties of the images were measured.
        confounds: category, property and AUC, where a property of the images alone tells a category.
        notes: what a reader should know.
    """

    report: ProbeReport
    control: str | None
    control_report: ProbeReport | None
    rows: pl.DataFrame
    is_resampled: bool
    control_is_resampled: bool
    is_measured: bool
    confounds: Sequence[tuple[str, str, float]]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The paragraph."""
        return self.paragraph

    @property
    def significant(self) -> dict[str, int]:
        """Significant filters of all layers, by category; empty where significance was not computed."""
        return self._counts("significant") if self.is_resampled else {}

    @property
    def kinds(self) -> dict[str, Kind]:
        """By category: it has filters, the control has about as many, or there are none."""
        control = self._counts("control_significant")
        return {
            category: "none"
            if not count
            else "control"
            if self.control_is_resampled and control[category] >= MOST_OF_CONTROL * count
            else "filters"
            for category, count in self.significant.items()
        }

    @property
    def layer(self) -> str | None:
        """The layer to take; None where the categories are not told apart."""
        return None if self.report.is_chance else self.report.best

    @property
    def equals(self) -> list[str]:
        """Layers whose accuracy is not clearly below that of the best layer."""
        rows = self.report.layers.filter(pl.col("layer") != self.report.best, pl.col("difference_high") >= 0)
        return rows["layer"].to_list()

    @property
    def paragraph(self) -> str:
        """The paragraph for a reader."""
        return " ".join([*self._filters(), *self._on_control(), *self._on_layers(), *self._on_confounds()])

    @property
    def answer(self) -> Answer:
        """The rows as those of a query, to print or to write."""
        return Answer(self.rows, self.provenance, (*self.notes, *self.report.warnings))

    @property
    def provenance(self) -> dict[str, Any]:
        """Of the rows."""
        of_probe = self.report.provenance
        columns = {**of_probe["columns"], **ADVICE_MEANINGS}
        return {**of_probe, "query": "advise", "control": self.control, "columns": columns}

    @property
    def chart(self) -> Chart:
        """Selective filters by layer and category, above accuracy and weight of every layer."""
        report = self.report
        of = f"{report.set} · {report.model}" + (
            f" · labels {report.scheme}" if report.scheme != SCHEME else ""
        )
        guessed = 1 / len(report.categories) if report.chance is None else report.chance
        return advice_chart(
            self.rows,
            report.rows,
            chance=guessed,
            control=None if self.control_report is None else self.control_report.layers,
            title="Filters for the categories, and layers that tell them apart",
            subtitle="\n".join([of, *self._on_layers()]),
        )

    def _counts(self, column: str) -> dict[str, int]:
        """A column of counts, summed over the layers, by category."""
        sums = self.rows.group_by("category", maintain_order=True).agg(pl.col(column).sum())
        return {category: count or 0 for category, count in sorted(sums.rows())}

    def _filters(self) -> list[str]:
        """For which categories there are filters."""
        report = self.report
        if not self.is_resampled:
            command = self._significance_command(report.model)
            return [
                f"Whether {report.model} has more filters for a category than chance gives is not known: "
                f"significance was not computed ({command})."
            ]
        by_kind: dict[Kind, list[str]] = {"filters": [], "control": [], "none": []}
        for category, kind in self.kinds.items():
            by_kind[kind].append(category)
        sentences = []
        if found := by_kind["filters"]:
            listed = ", ".join(f"{name} ({self.significant[name]:,}{self._most(name)})" for name in found)
            sentences.append(f"{report.model} has significant filters (q < 0.05) for {listed}.")
        if doubtful := by_kind["control"]:
            control = self._counts("control_significant")
            listed = ", ".join(f"{name} ({self.significant[name]:,}; {control[name]:,})" for name in doubtful)
            sentences.append(
                f"For {listed} the untrained control {self.control} has about as many, or more: these filters "
                "need no training, and may respond to low-level differences of the images."
            )
        if by_kind["none"]:
            sentences.append(
                f"No filter is significant for {', '.join(by_kind['none'])}; with more images some may be."
            )
        return sentences

    def _most(self, category: str) -> str:
        """The layer with the largest proportion of significant filters."""
        rows = self.rows.filter(pl.col("category") == category)
        rows = rows.with_columns(part=pl.col("significant") / pl.col("filters"))
        best = rows.sort("part", descending=True, nulls_last=True, maintain_order=True).row(0, named=True)
        return f", most in {best['layer']}: {best['part']:.0%}"

    def _on_control(self) -> list[str]:
        """What an untrained network reaches, or how to have one."""
        if self.control_report is None:
            return [
                "There is no untrained control, so none of this shows what training added"
                f"{self._control_command()}."
            ]
        best = f"The untrained {self.control} tells {in_percent(self.control_report.row(BEST)['accuracy'])} correctly"
        if self.control_is_resampled or not self.is_resampled:
            return [f"{best}."]
        command = self._significance_command(self.control)
        return [f"{best}; its significance was not computed ({command})."]

    def _significance_command(self, model: str | None) -> str:
        """What computes the significance of a network's filters, for the labels of this report."""
        model_option = ["--model", model] if model else []
        scheme = self.report.scheme
        scheme_option = ["--scheme", scheme] if scheme and scheme != SCHEME else []
        return command_line("significance", self.report.set, *model_option, *scheme_option)

    def _control_command(self) -> str:
        from toolbox.content import content_folder

        control = f"{self.report.model}-untrained"
        is_shipped = (content_folder("models") / f"{control}.toml").is_file()
        return f" ({command_line('extract', self.report.set, '--model', control)})" if is_shipped else ""

    def _on_layers(self) -> list[str]:
        """Which layer to take, and whether several or a bank are better."""
        report = self.report
        if report.is_chance:
            return [
                "No layer can be recommended: the categories are not told apart better than with permuted labels "
                f"({accuracy_in_percent(report.row(WEIGHTED))} %; permuted {in_percent(report.chance)})."
            ]
        best = report.row(BEST)
        sentence = f"To tell the categories apart, take {report.best}: {accuracy_in_percent(best)} % correct"
        chance = f", {in_percent(report.chance)} by chance" if report.chance is not None else ""
        alike = f"; not clearly worse: {', '.join(self.equals)}" if self.equals else ""
        sentences = [f"{sentence}{chance}{alike}.", report.verdict]
        banks = report.rows.filter(pl.col("method") == BANK).rows(named=True)
        sentences += [report.sentence_of_bank(row) for row in banks]
        if report.row(WEIGHTED)["difference_low"] is not None and report.row(WEIGHTED)["difference_low"] > 0:
            sentences[0] = (
                f"To tell the categories apart, take all layers, weighted; of single layers, {report.best}."
            )
        return sentences

    def _on_confounds(self) -> list[str]:
        """Which categories a property of the images tells alone."""
        if not self.is_measured:
            command = command_line("properties", self.report.set)
            return [
                f"Whether properties of the images alone tell the categories apart was not measured ({command})."
            ]
        if not self.confounds:
            return []
        listed = ", ".join(f"{category} ({name}, AUC {auc:.2f})" for category, name, auc in self.confounds)
        return [
            f"A property of the images alone tells {listed} from the others: filters and layers may use "
            "it instead of the category."
        ]
