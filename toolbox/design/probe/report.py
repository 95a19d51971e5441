"""What a probe found: its table, its figures in numbers, and the sentences that follow. Computes nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from toolbox.chart import Chart
from toolbox.chart.probe import probe_chart
from toolbox.design.probe.methods import BANK, BEST, SINGLE, WEIGHTED
from toolbox.design.wording import accuracy_in_percent, in_percent
from toolbox.query import Answer
from toolbox.store.folder import SCHEME

FEW_IMAGES = 10
"""Training images a category below which weights of layers do harm."""
CEILING = 0.98
"""Accuracy of the best layer above which no method can be better."""


@dataclass(frozen=True, repr=False)
class ProbeReport:
    """What a probe found.

    Attributes:
        set: the stimulus set.
        test_on: the set on which was tested; None for cross-validation.
        model: whose responses.
        scheme: the label scheme.
        categories: that were told apart.
        stimuli: images of the set.
        groups: images or groups that stayed in one fold.
        splits: training and test parts: folds of all repeats, or 1.
        rows: a row for every method; see `toolbox.design.probe.rows`.
        noise: share of the variance between categories that no layer explains.
        chance: mean accuracy with permuted labels; None without permutations.
        chance_high: accuracy above the 95th percentile of the permutations.
        p: proportion of permutations, the labels themselves among them, that reach the accuracy of the labels.
        training_images: fewest training images of a category.
        mixed: groups with images of several categories.
        seconds: how long it took.
        bank: rows of the largest bank that was asked for, chosen from all images; None where none was.
        notes: what a reader should know.
        provenance: of the rows.
    """

    set: str
    test_on: str | None
    model: str
    scheme: str
    categories: Sequence[str]
    stimuli: int
    groups: int
    splits: int
    rows: pl.DataFrame
    noise: float
    chance: float | None
    chance_high: float | None
    p: float | None
    training_images: int
    mixed: int
    seconds: float
    bank: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """The paragraph."""
        return self.paragraph

    def row(self, method: str, **at: Any) -> dict[str, Any]:
        """The row of a method.

        Args:
            method: its name.
            **at: values of `layer`, `filters` or `images`; where all are used if none is given.
        """
        wanted = {"filters": None, "images": None, **at}
        found = self.rows.filter(pl.col("method") == method)
        for column, value in wanted.items():
            found = found.filter(pl.col(column).eq_missing(pl.lit(value)))
        return found.row(0, named=True)

    @property
    def layers(self) -> pl.DataFrame:
        """The rows of the single layers, in the order of depth."""
        return self.rows.filter(pl.col("method") == SINGLE)

    @property
    def best(self) -> str:
        """The layer that most splits chose as the best."""
        return str(self.layers.sort("chosen", descending=True, maintain_order=True)["layer"][0])

    @property
    def verdict(self) -> str:
        """The sentence on the weighted layers and the best layer."""
        return _capital(self._gain(self.row(WEIGHTED), "Layers weighted together show", self.best)) + "."

    @property
    def paragraph(self) -> str:
        """The paragraph for a reader."""
        return " ".join([self._design(), *self._accuracies(), self.verdict, *self._weights(), *self._banks()])

    @property
    def chart(self) -> Chart:
        """Layers, methods and curves as a figure."""
        of = f"{self.set} · {self.model}" + (f" · labels {self.scheme}" if self.scheme != SCHEME else "")
        tested = f" · tested on {self.test_on}" if self.test_on else ""
        cautions = [f"{_capital(warning)}." for warning in self.warnings]
        subtitle = "\n".join([f"{of}{tested} · weight of noise {self.noise:.2f}", self.verdict, *cautions])
        guessed = 1 / len(self.categories) if self.chance is None else self.chance
        return probe_chart(
            self.rows, chance=guessed, title="How well layers tell the categories apart", subtitle=subtitle
        )

    @property
    def answer(self) -> Answer:
        """The rows as those of a query, to print or to write."""
        return Answer(self.rows, self.provenance, (*self.notes, *self.warnings))

    @property
    def is_chance(self) -> bool:
        """Whether the weighted layers do no better than with permuted labels."""
        return self.chance_high is not None and bool(self.row(WEIGHTED)["accuracy"] <= self.chance_high)

    @property
    def warnings(self) -> list[str]:
        """Where the result must be read with care."""
        found = []
        if self.training_images < FEW_IMAGES:
            found.append(
                f"a category has only {self.training_images} training images: with fewer than about {FEW_IMAGES}, "
                "weights of layers and chosen filters may do worse than the last layer, and intervals are rough"
            )
        if self.row(BEST)["accuracy"] >= CEILING:
            found.append(
                f"the best layer reaches {in_percent(self.row(BEST)['accuracy'])}, near the ceiling: accuracy "
                "cannot tell methods apart here; compare the AUC, or probe harder categories"
            )
        if self.mixed:
            found.append(
                f"{self.mixed} groups have images of several categories (matched pairs): weighted layers are at their "
                "weakest with these, and the interval is wide"
            )
        if self.is_chance:
            found.append(
                f"the accuracy is not above that of permuted labels (p = {self.p:.2f}): weights and choices "
                "of layers mean nothing here"
            )
        return found

    def _design(self) -> str:
        """What was done."""
        of = f"{len(self.categories)} categories of {self.set} ({', '.join(self.categories)}; {self.stimuli:,} images"
        of += f", {self.groups:,} groups)" if self.groups < self.stimuli else ")"
        how = (
            f"trained on {self.set} and tested on {self.test_on}"
            if self.test_on
            else f"in nested cross-validation ({self.splits} folds in all)"
        )
        return f"A linear probe of {self.model} told {of} apart, {how}; everything was chosen from training images."

    def _accuracies(self) -> list[str]:
        """How well the best layer and the weighted layers did, and chance."""
        best, weighted = self.row(BEST), self.row(WEIGHTED)
        share = self.layers.filter(pl.col("layer") == self.best)["chosen"][0]
        in_all = "" if share == 1 else f" in {share:.0%} of the folds"
        sentences = [
            f"The best layer, chosen inside ({self.best}{in_all}), was correct in {accuracy_in_percent(best)} % "
            f"(AUC {best['auc']:.3f}), all layers weighted in {accuracy_in_percent(weighted)} % (AUC "
            f"{weighted['auc']:.3f})."
        ]
        if self.chance is not None and self.chance_high is not None:
            sentences.append(
                f"With permuted labels {in_percent(self.chance)} were correct (95th percentile "
                f"{in_percent(self.chance_high)})."
            )
        return sentences

    def _weights(self) -> list[str]:
        """Where in depth the answer is, and how much is noise."""
        heaviest = self.layers.sort("weight", descending=True, maintain_order=True).head(2)
        named = " and ".join(
            f"{layer} ({weight:.2f})" for layer, weight in heaviest.select("layer", "weight").rows()
        )
        return [
            f"The layers with the largest weights were {named}; the weight of noise was {self.noise:.2f}."
        ]

    def _banks(self) -> list[str]:
        """A sentence for every size of a bank."""
        return [
            self.sentence_of_bank(row) for row in self.rows.filter(pl.col("method") == BANK).rows(named=True)
        ]

    def sentence_of_bank(self, row: Mapping[str, Any]) -> str:
        """What a bank gains over as many filters of the best layer, and how stable its choice is.

        Args:
            row: of the bank.
        """
        few = f"A bank of {row['filters']} filters of all layers shows"
        gain = self._gain(row, few, "as many filters of the best layer")
        if row["overlap"] is None:
            return f"{gain}."
        overlap = (
            f"two folds shared {row['overlap']:.2f} of their choice (by chance {row['chance_overlap']:.2f})"
        )
        return f"{gain}; {overlap}."

    @staticmethod
    def _gain(row: Mapping[str, Any], subject: str, rival: str) -> str:
        """No gain, a gain or a loss, with the difference in points and its interval."""
        points = f"{100 * row['difference']:+.1f} points"
        if row["difference_low"] is None:
            return f"{subject} a difference of {points} from {rival}, without an interval"
        bounds = f"95 % {100 * row['difference_low']:.1f} to {100 * row['difference_high']:.1f}"
        if row["difference_low"] > 0:
            return f"{subject} a gain over {rival} ({points}, {bounds})"
        if row["difference_high"] < 0:
            return f"{subject} a loss compared with {rival} ({points}, {bounds})"
        return f"{subject} no gain over {rival} ({points}, {bounds})"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
