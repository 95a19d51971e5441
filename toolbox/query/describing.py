"""`show tables` and `describe VIEW`, as every database answers them. Owns the SELECT that each becomes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from toolbox.errors import UsageError
from toolbox.query.header import query_names, shipped_query
from toolbox.store.columns import PROPERTIES, RELATION_TABLES, ROLLUPS, TABLES
from toolbox.terms import MEASURED_AT_INGESTION, STIMULUS_COLUMNS

_OF_LAYERS = ("layer", "position", "kind", "filters", "height", "width", "stride", "receptive_field")
VIEW_CONTENTS: dict[str, tuple[str, Iterable[str]]] = {
    "stimuli": ("images of the set; its stimulus parameters are further columns", STIMULUS_COLUMNS),
    "labels": ("categories of the chosen scheme", ("stimulus_id", "category")),
    "parameters": ("stimulus parameters, one row each", ("stimulus_id", "parameter", "value")),
    "observations": (
        "single values of parameters added by toolbox parameters",
        ("parameter", "stimulus_id", "observer", "value"),
    ),
    "variables": (
        "numeric parameters and measured properties, one row each",
        ("stimulus_id", "variable", "value"),
    ),
    "properties": (
        "of toolbox properties: images of the set; further properties are further columns",
        ("set", "stimulus_id", *MEASURED_AT_INGESTION),
    ),
    "property_values": ("the same, one row each", ("set", *PROPERTIES)),
    "responses": ("of the chosen network", ("layer", "filter", "stimulus_id", "maximum", "mean")),
    "rollups": ("sums of the responses for every filter and category", ROLLUPS),
    "significance": ("of toolbox significance: every filter and category", TABLES["filters"]),
    "resamples": ("of toolbox significance: every resample, layer and category", TABLES["resamples"]),
    "reliability": ("of toolbox significance: every filter", TABLES["splits"]),
    "relations": ("of toolbox relate: every filter and parameter", RELATION_TABLES["relations"]),
    "relation_permutations": (
        "of toolbox relate: every permutation, layer and parameter",
        RELATION_TABLES["relation_permutations"],
    ),
    "layers": ("layers of the network", (*_OF_LAYERS, "depth", "is_pool")),
    "catalogue": (
        "stimuli of all sets; further properties that were measured are further columns",
        ("set", "scheme", "category", *STIMULUS_COLUMNS, "pixels_sha256", "sharpness"),
    ),
}
"""View -> what its rows are, and its columns."""

_OF_VIEWS = {
    "properties": {
        "darkest": "smallest value of any pixel and colour of the file, 0 (black) to 1 (white)",
        "brightest": "largest value of any pixel and colour of the file, 0 (black) to 1 (white)",
    },
    "property_values": {
        "property": "what was measured: sharpness, contrast …",
        "value": "the property, in its own unit",
    },
    "parameters": {"parameter": "name of the stimulus parameter", "value": "value of the stimulus parameter"},
    "observations": {
        "parameter": "name of the stimulus parameter",
        "observer": "who observed the stimulus, or the number of the repetition",
    },
    "variables": {"variable": "name of a numeric parameter, or of a measured property"},
    "responses": {
        "maximum": "maximum of the activation map, in the units of the network",
        "mean": "mean of the activation map, in the units of the network",
    },
    "rollups": {
        "statistic": "statistic of the activation map: maximum or mean",
        "n": "number of stimuli of the category",
        "sum": "sum of the responses, in the units of the network",
        "squared_deviations": "sum of the squared deviations from the mean response, in squared units of the network",
        "minimum": "smallest response, in the units of the network",
        "maximum": "largest response, in the units of the network",
    },
    "significance": {"permutations": "number of permutations of the labels"},
    "resamples": {
        "kind": "permuted labels, or a bootstrap sample",
        "resample": "number of the resample",
        "selective": "number of filters with an index above the threshold",
        "strength": "mean index of the selective filters",
    },
    "layers": {
        "position": "place of the layer, from 1 at the input",
        "kind": "convolution, pool, dense …",
        "filters": "number of filters",
        "is_pool": "whether the layer is a pooling layer",
    },
}
_OF_RELATIONS = {
    "parameter": "name of the numeric parameter, or of the measured property",
    "given": "what was held constant; empty if nothing was",
    "statistic": "statistic of the activation map: maximum or mean",
}
_MEASURE = {
    "statistic": "statistic of the activation map: maximum or mean",
    "normalise": "range of equation 1",
}
_BY_QUERY = {"significance": "selectivity/significance", "reliability": "selectivity/reliability"}
"""Views whose columns the header of a query describes."""


def view_columns(views: Iterable[str]) -> dict[str, str]:
    """What the columns of some views mean; of a name that means two things in them, nothing.

    Args:
        views: names of views; other names are ignored.

    >>> view_columns(["responses"])["mean"]
    'mean of the activation map, in the units of the network'
    """
    found: dict[str, str] = {}
    ambiguous = set[str]()
    for view in views:
        for name, text in _columns_of_view(view).items():
            if text and found.setdefault(name, text) != text:
                ambiguous.add(name)
    return {name: text for name, text in found.items() if name not in ambiguous}


def _columns_of_view(view: str) -> dict[str, str]:
    measure = _MEASURE if view in {*_BY_QUERY, "resamples"} else {}
    columns = shipped_query(_BY_QUERY[view]).columns if view in _BY_QUERY else ()
    return measure | {column.name: column.description for column in columns} | _OF_VIEWS.get(view, {})


_FORM = re.compile(
    r"(?P<tables>show\s+(?:all\s+)?(?:tables|views)|describe|desc)\s*;?|(?:describe|desc|show)\s+\"?(?P<name>[\w/]+)\"?\s*;?",
    re.IGNORECASE,
)


def described_views(text: str) -> str | None:
    """The SELECT that answers a question about the views; None for any other text.

    Args:
        text: of a question.

    Raises: UsageError for the name of a query.

    >>> described_views("DESCRIBE labels;")
    'select column_name as "column", lower(column_type) as type from (describe select * from labels)'
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    return _list_views() if found["tables"] else _describe_view(found["name"])


def _describe_view(name: str) -> str:
    if name in query_names():
        raise UsageError(f"{name} is a query; to print what it means: toolbox query {name} --describe")
    return f'select column_name as "column", lower(column_type) as type from (describe select * from {name})'


def _list_views() -> str:
    rows = (
        f"('{view}', '{rows}', '{', '.join(columns)}')" for view, (rows, columns) in VIEW_CONTENTS.items()
    )
    return f"select * from (values {', '.join(rows)}) v (view, rows, columns)"
