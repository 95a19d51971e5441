"""What a report is about: one stimulus set, presented to one network, under one labelling.

Owns what all its parts must know of them; asks, and concludes nothing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl

from toolbox.chart.theme import column_words
from toolbox.errors import ToolboxError
from toolbox.network.architecture import Network
from toolbox.network.card import network
from toolbox.query import Answer, Query, ask
from toolbox.query.cautions import is_untrained
from toolbox.query.indices import Index, shipped_index
from toolbox.query.parameters import find_query
from toolbox.show.presented import chosen_card
from toolbox.store.availability import AvailableResponses, available_responses
from toolbox.store.contents import study_title
from toolbox.store.folder import StudyFolder
from toolbox.store.resamples import Labelling, Measure
from toolbox.store.selection import OF_RESPONSES, Selection, resolve_selection
from toolbox.terms import DEFAULT_INDEX, Range, Statistic


@dataclass(frozen=True)
class Choices:
    """How selectivity is measured in the whole report.

    Attributes:
        index: that is compared with the threshold.
        statistic: of the activation map.
        normalise: range of equation 1.
        threshold: a filter above it is selective; None for that of the index.
    """

    index: str = DEFAULT_INDEX
    statistic: Statistic = "maximum"
    normalise: Range = "filter"
    threshold: float | None = None

    def parameters_of(self, query: Query) -> dict[str, Any]:
        """The values for those of the choices that are parameters of a query.

        Args:
            query: any.
        """
        declared = {parameter.name for parameter in query.parameters}
        return {name: value for name, value in vars(self).items() if name in declared and value is not None}


@dataclass(frozen=True)
class ReportSubject:
    """A study, and which of its responses the report is about.

    Attributes:
        folder: of the study.
        selection: set, model and scheme, all of them named.
        choices: how selectivity is measured.
        model_card: path of the network's card, where it was named by that.
        page_title: title of the page, where it is not that of the study.
    """

    folder: StudyFolder
    selection: Selection
    choices: Choices
    model_card: str | None = None
    page_title: str = ""

    def ask(self, query: Query | str, **parameters: Any) -> Answer:
        """The answer to a query, of the responses that the report is about.

        Args:
            query: a shipped query's name, or a `Query`.
            **parameters: its values, beside those of the choices.
        """
        question = find_query(query)
        given = {**self.choices.parameters_of(question), **parameters}
        return ask(self.folder, question, given, self.selection)

    def rows(self, sql: str) -> pl.DataFrame:
        """The rows of a statement of the toolbox's own.

        Args:
            sql: one SELECT over the views.
        """
        return self.ask(Query("sql", sql, ships=True)).rows

    def of_model(self, model: str) -> ReportSubject:
        """The same, of another network.

        Args:
            model: its name.
        """
        return replace(self, selection=replace(self.selection, models=(model,)), model_card=None)

    def of_set(self, name: str) -> ReportSubject:
        """The same network, with another stimulus set.

        Args:
            name: of the set.
        """
        return replace(self, selection=replace(self.selection, set=name, scheme=None))

    @cached_property
    def oriented_sets(self) -> list[str]:
        """Other sets of oriented stimuli with responses of the network, such as gratings."""
        sql = "select count(*) as n from parameters where parameter = 'orientation'"
        others = [name for name in self.folder.sets() if name != self.set]
        extracted = [name for name in others if self.model in self.folder.models(name)]
        return [name for name in extracted if self.of_set(name).rows(sql)["n"].item()]

    @property
    def first_layer(self) -> str:
        """The first layer of the recorded ones."""
        return str(self.layers["layer"][0])

    @property
    def set(self) -> str:
        """The stimulus set."""
        return str(self.selection.set)

    @property
    def model(self) -> str:
        """The network."""
        return str(self.selection.model)

    @property
    def scheme(self) -> str:
        """The label scheme."""
        return str(self.selection.scheme)

    @cached_property
    def title(self) -> str:
        """That of the page: that of the study, where no other is stated."""
        return self.page_title or study_title(self.folder) or self.set

    @cached_property
    def measure(self) -> Measure:
        """Index, statistic and range, as tables of resampled indices are called by them."""
        return Measure(self.choices.index, self.choices.statistic, self.choices.normalise)

    @cached_property
    def index(self) -> Index:
        """The index by which filters are selective."""
        return shipped_index(self.choices.index)

    @cached_property
    def criterion(self) -> str:
        """What a selective filter is, in words, such as 'response contrast > 0.1'."""
        threshold = self.choices.threshold
        value = self.index.threshold[0] if threshold is None else f"{threshold:g}"
        return f"{column_words(self.index.name)} > {value}"

    @cached_property
    def responses(self) -> AvailableResponses:
        """What there is of them, and where they come from."""
        return available_responses(self.folder, self.set, self.model)

    @cached_property
    def labelling(self) -> Labelling:
        """The responses under their labels."""
        return Labelling(self.folder, self.responses, self.scheme)

    @cached_property
    def categories(self) -> dict[str, int]:
        """Number of labelled stimuli with responses of every category, in alphabetical order."""
        sql = "select category, max(n)::bigint as n from rollups group by category order by category"
        return dict(self.rows(sql).iter_rows())

    @cached_property
    def stimuli(self) -> int:
        """Number of labelled stimuli with responses."""
        return sum(self.categories.values())

    @cached_property
    def layers(self) -> pl.DataFrame:
        """The recorded layers in the order of the network: layer, kind, filters, receptive_field, is_pool."""
        sql = "select layer, kind, filters, receptive_field, is_pool from layers order by position"
        recorded = self.rows(sql)
        return recorded.filter(pl.col("layer").is_in(self.responses.layers))

    @property
    def filters(self) -> int:
        """Number of filters, but for those of pooling layers, which repeat others."""
        return int(self.layers.filter(~pl.col("is_pool"))["filters"].sum())

    @cached_property
    def summary(self) -> pl.DataFrame:
        """Rows of `sets/summary` of this set and scheme."""
        return self.ask("sets/summary").rows.filter(set=self.set, scheme=self.scheme)

    @cached_property
    def significant(self) -> pl.DataFrame | None:
        """Rows of `layers/significant`; None where the index was not resampled with these responses and labels."""
        rows = self.ask("layers/significant").rows
        return None if rows.is_empty() else rows

    @cached_property
    def dead_filters(self) -> pl.DataFrame:
        """Layers other than pools, with the number of filters that respond alike to every stimulus."""
        rows = self.ask("layers/profile").rows.unique("layer", maintain_order=True)
        return rows.join(self.layers.filter(~pl.col("is_pool")), on="layer", how="semi").select(
            "layer", "dead"
        )

    @property
    def dead(self) -> int:
        """Number of filters that respond alike to every stimulus."""
        return int(self.dead_filters["dead"].sum())

    @cached_property
    def card(self) -> Network | None:
        """That of the network; None where there is none any more."""
        with contextlib.suppress(ToolboxError):
            return network(self.model_card or self.model)
        return None

    @cached_property
    def controls(self) -> list[str]:
        """Networks before training with responses to the same set."""
        return [model for model in self._other_models if self._is_untrained(model)]

    @property
    def is_control(self) -> bool:
        """Whether the network itself is one before training."""
        return is_untrained(self.responses.provenance)

    @property
    def _other_models(self) -> list[str]:
        return [model for model in self.folder.models(self.set) if model != self.model]

    def _is_untrained(self, model: str) -> bool:
        with contextlib.suppress(ToolboxError):  # of another network, whose own report says what is wrong
            return is_untrained(available_responses(self.folder, self.set, model).provenance)
        return False


def subject_of(folder: StudyFolder, selection: Selection, choices: Choices) -> ReportSubject:
    """What a report is about, with all that the user did not name.

    Args:
        folder: of the study.
        selection: set, model (its name, or the path of its card) and scheme, as far as the user named them.
        choices: how selectivity is measured.

    Raises: UnknownNameError, AmbiguousError, UsageError as a query; UsageError for a threshold outside the range.
    """
    index = shipped_index(choices.index)
    if choices.threshold is not None:
        index.check_threshold(choices.threshold)
    name, card = chosen_card(selection.model)
    named = replace(selection, models=(name,) if name else ())
    return ReportSubject(folder, resolve_selection(folder, OF_RESPONSES, named), choices, card)
