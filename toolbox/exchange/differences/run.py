"""The use case that compares two studies: first their inputs, then their results. Writes nothing into them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.chart import Chart
from toolbox.chart.changes import ChangeWords, draw_changes
from toolbox.errors import UsageError, expected_names
from toolbox.exchange.differences.inputs import input_rows
from toolbox.exchange.differences.paragraph import difference_paragraph
from toolbox.exchange.differences.sides import Side, notes_of, sides_of
from toolbox.exchange.differences.values import index_changes, layer_changes
from toolbox.exchange.merging.labs import opened_labs
from toolbox.exchange.merging.matching import match_stimuli
from toolbox.faults import explains_faults
from toolbox.query import Answer, index_names
from toolbox.query.result_files import result_files
from toolbox.store.parquet import with_version
from toolbox.store.resamples import Measure
from toolbox.terms import DEFAULT_INDEX, LEVEL, RANGES, STATISTICS, Range, Statistic


@dataclass(frozen=True, eq=False)
class StudyDifference:
    """What differs between two studies.

    Attributes:
        inputs: a row for everything that differs in the inputs: kind, what, first, second.
        layers: a row for every layer: how many preferences and indices changed, and how far.
        rows: a row for every filter and category: first, second, change, and whether that is more than sampling.
        paragraph: what differs, in words.
        chart: the figure.
        provenance: of the rows.
        notes: what a reader should know.
    """

    inputs: pl.DataFrame
    layers: pl.DataFrame
    rows: pl.DataFrame
    paragraph: str
    chart: Chart
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return (
            self.inputs.is_empty()
            and not self.rows.filter(pl.col("first").ne_missing(pl.col("second"))).height
        )

    @property
    def answer(self) -> Answer:
        """The rows, as the result of a query."""
        return Answer(self.rows, self.provenance, self.notes)

    def __repr__(self) -> str:
        """The paragraph."""
        return f"StudyDifference({self.paragraph!r})"


@explains_faults
def diff(
    first: str | Path,
    second: str | Path,
    *,
    index: str = DEFAULT_INDEX,
    statistic: Statistic = "maximum",
    normalise: Range = "filter",
    set: str | None = None,
    model: str | None = None,
    scheme: str | None = None,
    figure: str | Path | None = None,
    text: str | Path | None = None,
) -> StudyDifference:
    """Compare two studies: first what differs in their inputs, then which filters and indices changed, and how far.

    Inputs are the model, its weights and preprocessing, stimuli, labels, parameters, precision, provider and versions.
    Where the index was resampled in both studies (toolbox significance), every change is compared with what the
    sampling of stimuli alone explains.

    Args:
        first: directory of a study, or a bundle.
        second: another one; changes are those from the first to this one.
        index: the index that is compared.
        statistic: statistic of the activation map.
        normalise: range of equation 1.
        set: the stimulus set, in each study that has one of this name; None for the one that each means.
        model: the model in both; None for the one that the first means.
        scheme: the label scheme in both; None for the one that the first means.
        figure: file for the figure (.html, .pdf, .png, .svg, .json).
        text: file for the paragraph (.md, .txt).

    Returns: `inputs`, `layers`, `rows`, `paragraph`, `chart` and `notes`.
    Raises: UsageError for names that a study lacks; VerificationError for damaged files.

    Example:
        >>> from toolbox import diff
        >>> other = Study("other-study", create=True)
        >>> _ = other.ingest("photographs", set="colours")
        >>> _ = other.extract("colours", model="tiny.toml", weights="tiny.npz")
        >>> found = diff("my-study", "other-study")
        >>> found.inputs.height, found.layers["indices_changed"].sum()
        (0, 0)
        >>> found.paragraph[:47]
        'Nothing differs between my-study and other-stud'
    """
    measure = _measure(index, statistic, normalise)
    files = result_files(figure, text)
    with ExitStack() as stack:
        labs = stack.enter_context(opened_labs([str(first), str(second)], set))
        sides = sides_of(labs[0], labs[1], model, scheme)
        found = _compare(sides, measure)
    files.write(found)
    return found


def _measure(index: str, statistic: str, normalise: str) -> Measure:
    """What is compared.

    Raises: UsageError.
    """
    for name, value, known in (
        ("index", index, index_names()),
        ("statistic", statistic, STATISTICS),
        ("normalise", normalise, RANGES),
    ):
        if value not in known:
            raise UsageError(f"{name} is {value!r}; {expected_names(value, known)}")
    return Measure(index, statistic, normalise)


def _compare(sides: tuple[Side, Side], measure: Measure) -> StudyDifference:
    first, second = sides
    stimuli = match_stimuli([first.lab, second.lab])
    inputs = input_rows(first, second, stimuli)
    rows = index_changes(sides, measure)
    layers = layer_changes(first.lab.study, rows, LEVEL)
    names = first.lab.place, second.lab.place
    is_same = not {"stimuli", "labels"}.intersection(inputs["kind"])
    if is_same:
        rows = rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("error", "p", "q"))
        layers = layers.with_columns(
            noise=pl.lit(None, pl.Float64),
            beyond_noise=pl.lit(None, pl.Int64),
            significant=pl.lit(None, pl.Int64),
        )
    paragraph = difference_paragraph(names, inputs, rows, layers, measure.index, has_same_stimuli=is_same)
    return StudyDifference(
        inputs,
        layers,
        rows.drop("first_error", "second_error", "position"),
        paragraph,
        draw_changes(layers, _words(sides, measure, layers)),
        _provenance(sides, measure, rows),
        tuple(dict.fromkeys([*notes_of(sides), *_notes_on_noise(sides, measure, rows, is_same=is_same)])),
    )


def _notes_on_noise(
    sides: tuple[Side, Side], measure: Measure, rows: pl.DataFrame, *, is_same: bool
) -> list[str]:
    if is_same or rows["q"].null_count() < rows.height:
        return []
    options = "" if measure == Measure() else f" --index {measure.index} --statistic {measure.statistic}"
    remedies = [
        f"{side.lab.place}: ask for a bundle with it (toolbox share --with significance)"
        if side.lab.is_temporary
        else f"toolbox significance {side.lab.set}{options} --study {side.lab.place}"
        for side in sides
    ]
    lack = f"there is no noise band: {measure.index} was not resampled in both studies"
    return [f"{lack}; {'; '.join(remedies)}"]


def _words(sides: tuple[Side, Side], measure: Measure, layers: pl.DataFrame) -> ChangeWords:
    first, second = sides
    noise = ""
    if layers["noise"].null_count() < layers.height:
        noise = "Grey band: holds 95 % of the changes of a typical filter by the sampling of stimuli alone."
    return ChangeWords(
        title=f"From {first.lab.origin} to {second.lab.origin}",
        subtitle=f"{second.lab.set} · {second.model} · {measure.index} ({measure.statistic} of the map)",
        index=measure.index,
        noise=noise,
    )


def _provenance(sides: tuple[Side, Side], measure: Measure, rows: pl.DataFrame) -> dict[str, Any]:
    origins = [
        {**side.lab.responses(side.model).provenance, **side.selection.names(), "study": side.lab.origin}
        for side in sides
    ]
    parameters = dict(vars(measure))
    return with_version(
        {
            "query": "diff",
            "parameters": parameters,
            "first": origins[0],
            "second": origins[1],
            "rows": rows.height,
        }
    )
