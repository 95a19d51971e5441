"""Indices under resampled stimuli and shuffled labels, as matrix products. Never reads a file."""

from toolbox.resampling.draws import Draws, Labels, Responses, draws_of
from toolbox.resampling.indices import INDICES, RANKED, index_values, moments, welch
from toolbox.resampling.layer import ResampledLayer, resample_layer

__all__ = [
    "INDICES",
    "RANKED",
    "Draws",
    "Labels",
    "ResampledLayer",
    "Responses",
    "draws_of",
    "index_values",
    "moments",
    "resample_layer",
    "welch",
]
