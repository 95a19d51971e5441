"""What a report shows, in which order. Owns the list of its sections and exhibits, and why each is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LARGE = 20_000_000
"""Responses above which what ranks every single one would take minutes, and is left to a command."""


@dataclass(frozen=True)
class Exhibit:
    """A figure or a table of one query.

    Attributes:
        query: its name.
        title: above the figure.
        parameters: beside those of the whole report.
        columns: those of a table, and how they are called; a figure if empty.
        is_main: whether readers without JavaScript see a picture of it, too.
        is_slow: whether it is left out of a very large study.
        of: whose rows: 'model'; 'control' for those of a network before training; 'oriented' for those of other
            sets of oriented stimuli, in the first layer.
        around: SQL around that of the query, which is inserted for `{query}`.
        key: what links and files call it; made from the query's name if empty.
    """

    query: str
    title: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    is_main: bool = False
    is_slow: bool = False
    of: str = "model"
    around: str = ""
    key: str = ""

    @property
    def name(self) -> str:
        """What links and files call it."""
        return self.key or self.query.replace("/", "-")


@dataclass(frozen=True)
class Section:
    """A part of the report that can be folded.

    Attributes:
        key: of links.
        title: its heading.
        lead: what question it answers.
        exhibits: in the order in which they are shown.
        has_pictures: whether pictures of stimuli, and rendered ones, follow them.
    """

    key: str
    title: str
    lead: str
    exhibits: tuple[Exhibit, ...] = ()
    has_pictures: bool = False


OVER_LAYERS = """\
select 'all layers' as layer, first, second, sum(filters)::bigint as filters,
    avg(spearman) as spearman, avg(overlap) as overlap, avg(chance) as chance
from (
{query}
)
group by first, second
order by first, second"""
"""The agreement of two indices as the mean over the layers."""

OF_ONE_SET = """\
select category, stimuli, proportion, width, height, sharpness, differs
from (
{query}
)
where set = '{set}' and scheme = '{scheme}'
order by category"""
"""The categories of the set that the report is about."""

_STIMULI = Section(
    "stimuli",
    "Stimuli and network",
    "What was shown to which network, with which weights.",
    (
        Exhibit(
            "sets/summary",
            "The categories of the stimulus set",
            columns={
                "category": "Category",
                "stimuli": "Stimuli",
                "proportion": "Proportion",
                "width": "Width (median, pixels)",
                "height": "Height (median, pixels)",
                "sharpness": "Sharpness (median)",
                "differs": "Differs from all others",
            },
            around=OF_ONE_SET,
        ),
    ),
)
_LAYERS = Section(
    "layers",
    "Selectivity over the layers",
    "At which depth do filters appear that prefer a category, and are they more than chance makes them?",
    (
        Exhibit("layers/profile", "Proportion of category-selective filters in every layer", is_main=True),
        Exhibit("layers/significant", "Filters that prefer a category beyond chance", is_main=True),
        Exhibit("layers/best", "The best layers for a category"),
        Exhibit(
            "layers/profile",
            "The same images, presented to the network before training",
            of="control",
            key="layers-control",
        ),
    ),
)
_INDICES = Section(
    "indices",
    "Indices and their agreement",
    "Would another index of selectivity have led to the same filters?",
    (
        Exhibit("selectivity/index", "Response contrast of all filters"),
        Exhibit(
            "selectivity/agreement",
            "Agreement of every two indices, mean over the layers",
            is_slow=True,
            around=OVER_LAYERS,
        ),
        Exhibit(
            "selectivity/sanity",
            "Do the indices notice wrong labels?",
            columns={
                "index": "Index",
                "value": "Value (mean)",
                "missing": "Falls when labels are missing",
                "extra": "Falls when false labels are added",
                "passes": "Notices both",
            },
            is_slow=True,
        ),
    ),
)
_FILTERS = Section(
    "filters",
    "Representative filters",
    "Which single filters prefer a category most, and what do they respond to?",
    (
        Exhibit(
            "filters/representative",
            "The most selective filters of each category",
            {"count": 5},
            is_main=True,
        ),
    ),
    has_pictures=True,
)
_TUNING = Section(
    "tuning",
    "Tuning curves",
    "How sharply is a filter tuned to its category?",
    (
        Exhibit(
            "tuning/representative", "Tuning of the most selective filter of each category", is_main=True
        ),
        Exhibit(
            "tuning/orientation",
            "Orientation tuning of the first layer",
            {"statistic": "mean"},
            of="oriented",
        ),
    ),
)
_COMPLEXITY = Section(
    "complexity",
    "Complexity and balance",
    "How many filters are selective for a category, at which depth, and is the set balanced in this respect?",
    (
        Exhibit("complexity/depth", "Complexity of the categories", is_main=True),
        Exhibit("complexity/pairs", "Differences between the categories, pair by pair"),
        Exhibit("sets/balance", "Balance of the stimulus set"),
    ),
)
_RELIABILITY = Section(
    "reliability",
    "Reliability",
    "Would other stimuli of the same categories have given the same result?",
    (
        Exhibit(
            "selectivity/reliability", "Preferences chosen on one half of the stimuli, measured on the other"
        ),
    ),
)
REPORTED = (_STIMULI, _LAYERS, _INDICES, _FILTERS, _TUNING, _COMPLEXITY, _RELIABILITY)
"""The sections with exhibits; warnings stand before them, methods and references behind them."""
