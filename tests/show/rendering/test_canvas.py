"""A unit sees on its canvas what it sees in the whole input, and the picture is put exactly there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from support.foreign_graphs import SIDE, inception, residual
from support.imported_networks import add_graph
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.network.pooling import preprocess
from toolbox.show.rendering.canvas import canvas_of
from toolbox.show.rendering.driving import presented, start_network_driver
from toolbox.stimuli.images import Pixels
from toolbox.tapping.trial import run_graph

pytest_plugins = ("support.imported_fixtures",)


@pytest.mark.parametrize(
    ("make", "layer"), [(residual, "stem.act"), (inception, "relu_6"), (inception, "relu_1")]
)
def test_the_unit_on_the_canvas_is_one_of_the_map_of_the_whole_input(
    make: Callable[[], onnx.ModelProto], layer: str, own: Path, tmp_path: Path
) -> None:
    """And no longer where the picture is a pixel further: it is put exactly where a unit sees it."""
    add_graph(make(), tmp_path, preprocessing="caffe")
    net = network("net")
    model = load_model(net, [layer])
    described = next(each for each in net.layers if each.name == layer)
    canvas = canvas_of(model, described, "maximum")
    picture = np.random.default_rng(1).integers(0, 256, (3, *canvas.sides)).astype(np.float64)
    weights = np.ones((1, described.filters), np.float32)
    driver = start_network_driver(canvas, net.input, weights)
    values, _ = driver.network.run(presented(picture[None], net.input), canvas.direction(weights))
    unit = np.maximum(values[0, :, 0, 0], 0)

    def distance(pixels: Pixels) -> float:
        """Between the unit and the most similar position of the map."""
        (found,) = run_graph(model.graph, preprocess(net.input, pixels)[None])[layer]
        return float(np.abs(found - unit[:, None, None]).max(axis=0).min() / unit.max())

    whole = canvas.embed(picture, 0)
    assert whole.shape == (SIDE, SIDE, 3)
    assert distance(whole) < 1e-5
    assert distance(np.roll(whole, 1, axis=0)) > 0.01


def test_colours_are_presented_as_pixels_are(own: Path, tmp_path: Path) -> None:
    """In the order of channels, with mean and scale, of the card."""
    for preprocessing in ("caffe", "torch", "tf", "unit"):
        add_graph(residual(), tmp_path, f"net-{preprocessing}", preprocessing=preprocessing)
        entry = network(f"net-{preprocessing}").input
        pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
        found = presented(pixels.transpose(2, 0, 1)[None].astype(np.float64), entry)
        assert np.allclose(found[0], preprocess(entry, pixels), atol=1e-5)


@pytest.mark.parametrize("preprocessing", ["caffe", "torch"])
def test_the_gradient_by_the_pixels_is_that_of_central_differences(
    preprocessing: str, own: Path, tmp_path: Path
) -> None:
    """In red, green and blue of 0 to 255, whatever the network expects."""
    add_graph(residual(), tmp_path, preprocessing=preprocessing)
    net = network("net")
    model = load_model(net, ["stem.act"])
    canvas = canvas_of(model, net.layers[0], "maximum")
    driver = start_network_driver(canvas, net.input, np.eye(8, dtype=np.float32)[[3, 5]])
    random = np.random.default_rng(2)
    pixels, change = (random.uniform(0, 255, (2, 3, *canvas.sides)) for _ in range(2))
    change -= 127
    _, gradient = driver(pixels, [0, 1])
    ahead, back = (driver(pixels + step * change, [0, 1])[0] for step in (0.01, -0.01))
    assert np.allclose((ahead - back) / 0.02, (gradient * change).sum(axis=(1, 2, 3)), rtol=1e-2)
