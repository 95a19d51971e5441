"""Names of all shipped queries as a type, so that editors complete them. Written by `make reference`."""

from __future__ import annotations

from typing import Literal

QueryName = Literal[
    "complexity/depth",
    "complexity/layers",
    "complexity/pairs",
    "complexity/stimuli",
    "filters/representative",
    "filters/stimuli",
    "layers/best",
    "layers/profile",
    "layers/significant",
    "properties/categories",
    "replication/filters",
    "replication/layers",
    "selectivity/adjusted",
    "selectivity/agreement",
    "selectivity/filters",
    "selectivity/index",
    "selectivity/population",
    "selectivity/ranks",
    "selectivity/reliability",
    "selectivity/sanity",
    "selectivity/significance",
    "selectivity/threshold",
    "sets/balance",
    "sets/duplicates",
    "sets/near_duplicates",
    "sets/summary",
    "tuning/category",
    "tuning/frequency",
    "tuning/orientation",
    "tuning/parameter",
    "tuning/preferences",
    "tuning/representative",
]
