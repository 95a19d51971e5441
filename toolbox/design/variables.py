"""Numbers that describe single stimuli, whatever table they come from. Owns which names there are and what they mean.

    a property of the image             such as `luminance`, measured by the toolbox
    a numeric parameter of the user     a further column of the ingested table, or added later, such as a rating
    `depth`, `responsive_filters`       of the filters that respond to the stimulus: `complexity/stimuli`
    a layer, or a pattern of layers     such as `block1_*`: its responses, as principal components

Writes nothing. A value that is not known is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.errors import MOST_NAMES, UnknownNameError, UsageError, nearest_name
from toolbox.query import ask
from toolbox.resampling import FloatArray
from toolbox.stimuli.image_property import FILE
from toolbox.store.availability import available_responses
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parameters import observed_means
from toolbox.store.parquet import read_table
from toolbox.store.parts import read_layer
from toolbox.store.properties import read_properties
from toolbox.store.selection import Selection, resolve_selection
from toolbox.store.stimuli import variable_names

RESPONSE_MEASURES = {"depth": "mean_depth", "responsive_filters": "responsive"}
"""Variable -> its column in `complexity/stimuli`."""
EXPLAINED_VARIANCE = 0.95
"""Part of the variance of a layer's responses that its components explain together."""
_POOL = "pool"
"""Kind of the layers that a pattern leaves out."""
_COMPONENT = "_pc"
"""Between the name of a layer and the number of its component, from 1."""


@dataclass(frozen=True)
class _Source:
    """Where the variables of one question are: the set, the model and scheme if there are any, and the tables."""

    study: StudyFolder
    set: str
    scheme: str | None
    model: str | None
    own: pl.DataFrame
    """stimulus_id, and the numeric parameters of the user."""
    measured: pl.DataFrame
    """stimulus_id, and the properties of the images."""

    def names(self, place: str) -> list[str]:
        """Names of single variables: those of one table, or of the responses."""
        if place == "responses":
            return list(RESPONSE_MEASURES) if self.model and self.scheme else []
        table = self.own if place == "parameters" else self.measured
        return table.columns[1:]


_PLACES = ("parameters", "properties", "responses")
"""Where single variables come from; one that two of them have is written as `parameters.depth`."""


def stimulus_variables(
    study: StudyFolder,
    set_name: str,
    scheme: str | None,
    names: Sequence[str],
    *,
    model: str | None = None,
) -> pl.DataFrame:
    """Variables of all stimuli of a set.

    A layer's responses are the maxima of its filters, standardised per filter, as principal components that explain
    95 % of their variance. They are divided by the square root of the number of filters that vary, so that all
    components of a layer together have a variance of 1, and a distance of them is that of the responses.

    Args:
        study: with the set.
        set_name: the stimulus set.
        scheme: the label scheme; the one in use or the only one if None.
        names: of variables; `parameters.NAME`, `properties.NAME` or `responses.NAME` where several are called so.
        model: whose responses; the one in use or the only one if None.

    Returns: stimulus_id, path, category (null where a stimulus has no label), and a float column for every name, or
        for every component of a layer: `block1_conv1_pc1`, `block1_conv1_pc2` …
    Raises: UnknownNameError for a name that lists what there is; UsageError for a name with two meanings.

    Example:
        >>> stimulus_variables(study.folder, "colours", None, ["depth", "colour"]).columns
        ['stimulus_id', 'path', 'category', 'depth', 'colour_pc1', 'colour_pc2']
    """
    return read_between_commits(study, lambda: _read(study, set_name, scheme, names, model))


def available_variables(
    study: StudyFolder, set_name: str, scheme: str | None = None, *, model: str | None = None
) -> list[str]:
    """Names of all single variables of a set: parameters, properties, and measures of responses if there are any.

    Args:
        study: with the set.
        set_name: the stimulus set.
        scheme: as of `stimulus_variables`.
        model: as of `stimulus_variables`.

    Example:
        >>> available_variables(study.folder, "colours")[-2:]
        ['depth', 'responsive_filters']
    """
    return read_between_commits(study, lambda: _all_names(_source(study, set_name, scheme, model)))


def _read(
    study: StudyFolder, set_name: str, scheme: str | None, names: Sequence[str], model: str | None
) -> pl.DataFrame:
    source = _source(study, set_name, scheme, model)
    rows = _stimuli(source)
    for name in dict.fromkeys(names):
        columns = _columns(source, name)
        repeated = sorted({*columns.columns} & {*rows.columns} - {"stimulus_id"})
        rows = rows.join(columns.drop(repeated), on="stimulus_id", how="left", maintain_order="left")
    return rows


def _source(study: StudyFolder, set_name: str, scheme: str | None, model: str | None) -> _Source:
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets())
    views = {"stimuli"} | ({"labels"} if scheme or study.schemes(set_name) else set())
    if model or study.models(set_name):
        views |= {"responses", "layers"}
    chosen = resolve_selection(study, views, Selection(set_name, model or (), scheme))
    own, measured = _own(study, set_name), _measured(study, set_name)
    return _Source(study, set_name, chosen.scheme, chosen.model, own, measured)


def _own(study: StudyFolder, set_name: str) -> pl.DataFrame:
    """The numeric parameters of the user, also those added later; true and false are 1 and 0."""
    table = pl.DataFrame(read_table(study.stimuli(set_name)))
    is_number = [kind.is_numeric() or kind == pl.Boolean for kind in table.schema.values()]
    numeric = [name for name, fits in zip(table.columns, is_number, strict=True) if fits]
    own = table.select("stimulus_id", pl.col(variable_names(numeric)).cast(pl.Float64))
    for name in study.added_parameters(set_name):
        means = observed_means(study.observations(set_name, name))
        values = [means.get(number) for number in own["stimulus_id"]]
        own = own.with_columns(pl.Series(name, values, dtype=pl.Float64))
    return own


def _measured(study: StudyFolder, set_name: str) -> pl.DataFrame:
    """The properties of the images that were measured, a column each."""
    rows = read_properties(study, set_name)
    return rows.select(column for column in rows if column.null_count() < rows.height)


def _stimuli(source: _Source) -> pl.DataFrame:
    """Number, path and category of every stimulus."""
    study, set_name = source.study, source.set
    table = pl.DataFrame(read_table(study.stimuli(set_name), "stimulus_id", "path")).sort("stimulus_id")
    labels = read_labels(study.labels(set_name, source.scheme)) if source.scheme else {}
    category = [labels.get(number) for number in table["stimulus_id"]]
    return table.with_columns(category=pl.Series(category, dtype=pl.String))


def _all_names(source: _Source) -> list[str]:
    """Single variables, by place; one that two places have is written with its place."""
    found = [(place, name) for place in _PLACES for name in source.names(place)]
    plain = [name for _, name in found]
    return [f"{place}.{name}" if plain.count(name) > 1 else name for place, name in found]


def _columns(source: _Source, name: str) -> pl.DataFrame:
    """stimulus_id, and the columns of one name."""
    places = [place for place in _PLACES if name in source.names(place)]
    if len(places) > 1:
        meanings = " or ".join(f"{place}.{name}" for place in places)
        raise UsageError(f"{source.set} has several variables named {name!r}; write {meanings}")
    place, _, plain = name.partition(".")
    if not places and place in _PLACES and plain in source.names(place):
        return _single(source, place, plain).rename({plain: name})
    if places:
        return _single(source, places[0], name)
    if layers := _layers(source, name):
        return _components(source, layers)
    more = "'block1_*' would be those layers" if source.model else "toolbox extract adds those of responses"
    known = _all_names(source)
    remedy = f"{_listed(name, known)}toolbox properties measures more of the images; {more}"
    raise UnknownNameError(f"variable of {source.set}", name, known, remedy)


def _listed(name: str, known: list[str]) -> str:
    """All variables in a line, where none resembles the name; of properties of the file only how they are called."""
    if nearest_name(name, known) or len(known) <= MOST_NAMES:
        return ""
    plain = [each for each in known if not each.endswith(FILE)]
    of_files = f"; {FILE} behind a property: of the file" if len(plain) < len(known) else ""
    return f"{', '.join(plain)}{of_files}; "


def _single(source: _Source, place: str, name: str) -> pl.DataFrame:
    """stimulus_id and one variable; infinite values and NaN are not known."""
    tables = {"parameters": source.own, "properties": source.measured}
    table = _complexity(source) if place == "responses" else tables[place]
    value = pl.col(name).cast(pl.Float64)
    return table.select("stimulus_id", pl.when(value.is_finite()).then(value).alias(name))


def _complexity(source: _Source) -> pl.DataFrame:
    selection = Selection(source.set, source.model or (), source.scheme)
    rows = ask(source.study, "complexity/stimuli", selection=selection).rows
    return rows.select("stimulus_id", **{name: pl.col(column) for name, column in RESPONSE_MEASURES.items()})


def _layers(source: _Source, pattern: str) -> list[str]:
    """Layers with responses that have the name or fit the pattern, in the order of the network.

    A pattern leaves out pooling layers, whose maxima are those of the layer below.
    """
    if source.model is None:
        return []
    rows = read_table(source.study.layers(source.model), "layer", "kind").to_pylist()
    extracted = {*available_responses(source.study, source.set, source.model).layers}
    return [
        row["layer"]
        for row in rows
        if row["layer"] in extracted
        and (row["layer"] == pattern or (fnmatchcase(row["layer"], pattern) and row["kind"] != _POOL))
    ]


def _components(source: _Source, layers: Sequence[str]) -> pl.DataFrame:
    """stimulus_id, and the components of the layers, for the stimuli with responses."""
    paths = available_responses(source.study, source.set, str(source.model)).paths(source.study)
    numbers: NDArray[np.int32] = np.empty(0, np.int32)
    columns = dict[str, FloatArray]()
    for layer in layers:
        numbers, maxima, _ = read_layer(paths, layer)
        found = principal_components(maxima.astype(np.float64))
        columns |= {f"{layer}{_COMPONENT}{place}": values for place, values in enumerate(found.T, 1)}
    return pl.DataFrame({"stimulus_id": numbers, **columns}, schema_overrides={"stimulus_id": pl.Int32})


def principal_components(responses: FloatArray, explained: float = EXPLAINED_VARIANCE) -> FloatArray:
    """The responses of a layer as few columns, with distances that are those of the standardised responses.

    Args:
        responses: (stimuli, filters).
        explained: part of the variance that the components explain together, above 0 to 1.

    Returns: (stimuli, components): the first has the largest variance; the sign of each is such that its largest
        weight is positive. All components together have a variance of 1. A layer in which nothing varies has one
        component, of zeros.

    Example:
        >>> principal_components(np.array([[0.0, 0.0], [2.0, 4.0]])).round(3).tolist()
        [[-1.0], [1.0]]
    """
    spread = responses.std(axis=0)
    varying = spread > 0
    if not varying.any():
        return np.zeros((len(responses), 1))
    centred = responses[:, varying] - responses[:, varying].mean(axis=0)
    standardised = centred / spread[varying] / np.sqrt(varying.sum())
    left, singular, right = np.linalg.svd(standardised, full_matrices=False)
    share = np.cumsum(singular**2) / (singular**2).sum()
    count = int(np.searchsorted(share, explained * (1 - 1e-12))) + 1
    largest = right[np.arange(count), np.abs(right[:count]).argmax(axis=1)]
    components: FloatArray = left[:, :count] * singular[:count] * np.where(largest < 0, -1.0, 1.0)
    return components
