"""The table of the stimuli of a set. Owns its fixed columns; every further column is a stimulus variable."""

from __future__ import annotations

import pyarrow as pa

from toolbox.terms import STIMULUS_COLUMNS

STIMULI = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in STIMULUS_COLUMNS.items()])
"""The columns that every set has."""


def variable_names(schema: pa.Schema) -> list[str]:
    """Names of the stimulus variables of a set, in the order of its columns."""
    return [name for name in schema.names if name not in STIMULI.names]
