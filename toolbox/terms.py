"""Names that several rooms must agree on: of a graph's tensors, of choices, and of a stimulus set's columns.

Imports nothing of the toolbox. A closed choice is a type, which editors complete, and the tuple of its names.
"""

from __future__ import annotations

from typing import Literal, get_args

IMAGE = "image"
"""Name of the input: float32 (images, 3, height, width), preprocessed as the card specifies."""

PIXELS = "pixels"
"""Name of the input of a graph that does the preprocessing too."""

DIRECTION, GRADIENT = "direction", "gradient"
"""Names of the second input and of the second output of the graph of a gradient."""

Statistic = Literal["maximum", "mean"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
"""Statistics of an activation map that are recorded as responses."""

LEVEL = 0.05
"""A q or corrected p below it is significant."""
DEFAULT_INDEX = "contrast"
"""The index of selectivity where none is named: that of the published Figure 1."""

Range = Literal["filter", "layer"]
RANGES: tuple[Range, ...] = get_args(Range)
"""The range by which equation 1 normalises a response: that of its filter, or of the whole layer."""

Removable = Literal["set", "model", "scheme"]
REMOVABLE: tuple[Removable, ...] = get_args(Removable)
"""What can be removed from a study: a stimulus set, the responses of a model, a label scheme."""

Precision = Literal["float32", "tf32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""Precisions in which a network is computed; all except the first are faster and less exact."""

Convolution = Literal["winograd", "direct"]
CONVOLUTIONS: tuple[Convolution, ...] = get_args(Convolution)
Distance = Literal["standardised", "mahalanobis"]
DISTANCES: tuple[Distance, ...] = get_args(Distance)
"""Algorithms for large convolutions on a CPU: with fewer products, or as the plain sum."""

Decoding = Literal["full", "scaled"]
DECODINGS: tuple[Decoding, ...] = get_args(Decoding)
"""Decodings of a JPEG: at its full size, or at a half, a quarter or an eighth of it."""

Missing = Literal["unlabelled", "category"]
MISSING: tuple[Missing, ...] = get_args(Missing)
"""What a category such as `nan` or `None` means: that its stimuli have no label, or a category of this name."""
Resize = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "area", "hamming"]
RESIZES: tuple[Resize, ...] = get_args(Resize)
"""Resizing methods, with the names in Keras' `load_img(interpolation=...)`; `area` is another name of `box`."""

Fit = Literal["stretch", "crop", "pad"]
FITS: tuple[Fit, ...] = get_args(Fit)
"""Ways to fit an image into the input of a network: without its aspect ratio, without its ends, with borders."""

Engine = Literal["here", "processes", "ray"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
"""Who presents stimuli to a network: one process, several of this computer, or those of a cluster."""

STIMULUS_COLUMNS = {
    "stimulus_id": "int32",
    "sha256": "string",
    "path": "string",
    "width": "int32",
    "height": "int32",
    "format": "string",
    "bytes": "int64",
}
"""Columns that every stimulus set has, and their types as Arrow calls them."""

MEASURED_AT_INGESTION = ("sharpness", "rms_contrast", "darkest", "brightest")
"""What is measured of every image at its ingestion; further properties are measured by `toolbox properties`."""

FILE_BITS = 16
"""Bits of a grey value in image files of more than 8 bits, where no other bit depth is chosen."""

ORIGIN = "origin"
"""The stimulus variable that an import and a merging add: the bundle or study of a stimulus."""

PICTURE_COLUMNS = {"pixels_sha256": "string", "bit_depth": "int32"}
"""Columns about the decoded picture, which sets of older versions lack; all further ones are variables."""

Conflicts = Literal["refuse", "first", "missing"]
CONFLICTS: tuple[Conflicts, ...] = get_args(Conflicts)
"""What counts where merged studies state different things of one stimulus: nothing is merged, the first, neither."""
