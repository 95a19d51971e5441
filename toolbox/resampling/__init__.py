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

__all__ = [
    "FloatArray",
    "Formula",
    "IntArray",
    "Moments",
    "ResampledLayer",
    "Resamples",
    "ResponseMatrix",
    "StimulusCategories",
    "draw_resamples",
    "resample_layer",
    "resampled_values",
]
