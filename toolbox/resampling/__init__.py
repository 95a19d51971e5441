"""Indices under resampled stimuli and permuted labels, as matrix products. Never reads a file."""

from toolbox.resampling.arrays import FloatArray, IntArray
from toolbox.resampling.indices import INDICES, RANK_INDICES, index_values, moments, welch
from toolbox.resampling.layer import ResampledLayer, resample_layer
from toolbox.resampling.resamples import (
    Resamples,
    ResponseMatrix,
    StimulusCategories,
    draw_resamples,
)

__all__ = [
    "INDICES",
    "RANK_INDICES",
    "FloatArray",
    "IntArray",
    "ResampledLayer",
    "Resamples",
    "ResponseMatrix",
    "StimulusCategories",
    "draw_resamples",
    "index_values",
    "moments",
    "resample_layer",
    "welch",
]
