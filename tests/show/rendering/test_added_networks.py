"""Pictures that drive the filters of added networks, whatever their operators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from support.foreign_graphs import (
    SIDE,
    Builder,
    channels_last,
    grouped,
    inception,
    mobile,
    residual,
    transformer,
)
from support.imported_networks import add_graph
from toolbox import GradientError, Study

pytest_plugins = ("support.imported_fixtures",)

WHOLE = (0, 0, SIDE, SIDE)
CASES = {
    "before branches meet": (residual, "stem.act", (13, 13, 20, 20)),
    "after branches with different padding": (residual, "layer2.0.act", WHOLE),
    "a dense layer": (residual, "fc", WHOLE),
    "branches that lose equal padding": (inception, "relu_6", (9, 9, 24, 24)),
    "a gated block": (mobile, "stem.act", (15, 15, 18, 18)),
    "tokens": (transformer, "blocks.0.add_1", WHOLE),
    "channels last": (channels_last, "relu_of_conv1", WHOLE),
    "groups": (grouped, "relu_3", WHOLE),
}


@pytest.mark.parametrize("name", CASES)
def test_a_picture_of_any_added_network_exceeds_the_best_stimulus(
    name: str, own: Path, noise: Study, tmp_path: Path
) -> None:
    """On the receptive field where that can be cut out of the image, else on the whole image."""
    make, layer, place = CASES[name]
    add_graph(make(), tmp_path)
    noise.extract("noise", model="net", layers=layer)
    report = noise.render(layer=layer, filter=0, seeds=1, steps=60)
    (picture,) = report.pictures
    assert picture.multiple is not None
    assert picture.multiple > 1
    assert picture.record.place == place
    is_map_of_the_whole = place == WHOLE and layer != "fc"
    assert any("whole image is the canvas" in note for note in report.notes) == is_map_of_the_whole


def test_a_stimulus_is_exaggerated_where_it_drives_the_filter_most(
    own: Path, noise: Study, tmp_path: Path
) -> None:
    """The response grows, and most pixels stay nearly as they are."""
    add_graph(residual(), tmp_path)
    noise.extract("noise", model="net", layers="stem.act")
    report = noise.render(layer="stem.act", filter=0, stimulus=2, seeds=1)
    (picture,) = report.pictures
    before = noise.query("filters/stimuli", layer="stem.act", filter=0).filter(pl.col("stimulus_id") == 2)
    assert picture.response > 1.3 * before["response"][0]
    path = noise.folder.image(before["path"][0])
    pixels = [np.asarray(Image.open(file), np.int16) for file in (path, noise.folder.root / picture.file)]
    assert np.median(np.abs(pixels[0] - pixels[1])) <= 4


def test_an_operator_without_a_gradient_is_one_line_and_leaves_nothing(
    own: Path, noise: Study, tmp_path: Path
) -> None:
    """The layers before it can be rendered."""
    b = Builder()
    first = b.add("Relu", b.convolution("x", 4, 3), name="/first/Relu")
    summed = b.add("CumSum", first, b.fixed(2), name="/sums/CumSum")
    b.add("Relu", b.convolution(summed, 4, 4), name="/second/Relu")
    add_graph(b.model("t" + str(len(b.nodes) - 1)), tmp_path)
    noise.extract("noise", model="net")
    with pytest.raises(GradientError, match=r"operator CumSum .* has no rule; choose a layer before it"):
        noise.render(layer=["first", "second"], filter=0, seeds=1)
    assert not list(noise.folder.root.glob("rendered/**/*.*"))
    assert noise.render(layer="first", filter=0, seeds=1, steps=5).rendered == 1
