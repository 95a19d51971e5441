"""Indices under resampled stimuli and permuted labels, as matrix products. Never reads a file."""

from toolbox.resampling.arrays import FloatArray, IntArray
from toolbox.resampling.indices import Formula, resampled_values
from toolbox.resampling.layer import ResampledLayer, resample_layer
from toolbox.resampling.moments import Moments
from toolbox.resampling.resamples import (
    Resamples,
    ResponseMatrix,
    StimulusCategories,
    draw_resamples,
)
from toolbox.resampling.samplers import IndexSampler, MeanSampler, SelectiveFilters, count_selective

__all__ = [
    "FloatArray",
    "Formula",
    "IndexSampler",
    "IntArray",
    "MeanSampler",
    "Moments",
    "ResampledLayer",
    "Resamples",
    "ResponseMatrix",
    "SelectiveFilters",
    "StimulusCategories",
    "count_selective",
    "draw_resamples",
    "resample_layer",
    "resampled_values",
]
