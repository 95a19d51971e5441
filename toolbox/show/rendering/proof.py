"""The response to a finished picture by the ordinary path. Owns presenting it exactly as a stimulus.

The file is decoded, fitted into the input and presented to the graph of an extraction, whose maximum (or mean) of the
map is what a study stores. A picture that was only driven on its canvas has proved nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolbox.network.model import Model
from toolbox.network.pooling import pixel_graph, pooled_graph
from toolbox.runtime.session import Session, start_session
from toolbox.stimuli.images import decode, resize_pixels
from toolbox.terms import Statistic


def start_proof(model: Model, layer: str) -> Session:
    """The network of an extraction, which records one layer.

    Args:
        model: the network.
        layer: name of the layer.
    """
    graph = pixel_graph(pooled_graph(model.graph, [layer]), model.network.input)
    return start_session(graph, device="cpu")


def proven_responses(
    session: Session, model: Model, files: Sequence[bytes], layer: str, statistic: Statistic
) -> NDArray[np.float32]:
    """The responses of all filters to image files.

    Args:
        session: of `start_proof`.
        model: the network.
        files: contents of image files.
        layer: name of the layer.
        statistic: 'maximum' or 'mean' of the map.

    Returns: (files, filters).
    """
    entry = model.network.input
    images = [
        resize_pixels(
            decode(
                content, at_least=max(entry.height, entry.width) if entry.decoding == "scaled" else None
            ).pixels,
            entry.height,
            entry.width,
            entry.resize,
            entry.fit,
        )
        for content in files
    ]
    found = [session.run(image[None])[f"{layer}.{statistic}"] for image in images]
    return np.concatenate(found)
