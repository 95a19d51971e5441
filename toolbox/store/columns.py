"""Columns of the small tables of a study, and their types by pyarrow's names. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping

Columns = Mapping[str, str]
"""Name -> type of every column of a table."""

LABELS = {"stimulus_id": "int32", "category": "string"}
PROPERTIES = {"stimulus_id": "int32", "property": "string", "value": "double"}
OBSERVATIONS = {"stimulus_id": "int32", "observer": "string", "value": "double"}
PLAN = {"stimulus_id": "int32", "part": "int32"}
ROLLUPS = {
    "layer": "string",
    "filter": "int32",
    "category": "string",
    "statistic": "string",
    "n": "int64",
    "sum": "double",
    "squared_deviations": "double",
    "minimum": "float",
    "maximum": "float",
}
_MEASURE = {"index": "string", "statistic": "string", "normalise": "string"}
_FILTERS = {
    "layer": "string",
    "filter": "int32",
    "category": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "p": "double",
    "q": "double",
    "p_fwe": "double",
    "p_welch": "double",
    "q_welch": "double",
    "permutations": "int32",
}
_RESAMPLES = {
    "kind": "string",
    "resample": "int32",
    "layer": "string",
    "category": "string",
    "threshold": "double",
    "selective": "int32",
    "strength": "double",
}
_SPLITS = {
    "layer": "string",
    "filter": "int32",
    "preferred": "string",
    "value": "double",
    "cross_validated": "double",
    "agreement": "double",
    "reliability": "double",
}
_RELATION = {"parameter": "string", "given": "string", "statistic": "string"}
_RELATED = {
    "layer": "string",
    "filter": "int32",
    "n": "int64",
    "correlation": "double",
    "p": "double",
    "q": "double",
    "p_fwe": "double",
    "permutations": "int32",
}
_PERMUTED = {
    "permutation": "int32",
    "layer": "string",
    "threshold": "double",
    "related": "int32",
    "strongest": "double",
}
RELATION_TABLES = {"relations": _RELATION | _RELATED, "relation_permutations": _RELATION | _PERMUTED}
"""Table, which is the view and the folder too, -> its columns and their types."""
TABLES = {"filters": _MEASURE | _FILTERS, "resamples": _MEASURE | _RESAMPLES, "splits": _MEASURE | _SPLITS}
"""Table -> its columns and their types. In SQL they are the views `significance`, `resamples` and `reliability`."""
