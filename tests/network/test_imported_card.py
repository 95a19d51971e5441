"""Cards of imported graphs: what may be changed in them, and every way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.foreign_graphs import SIDE, Builder, residual, saved
from support.imported_networks import add_graph, digests
from toolbox import Study
from toolbox.errors import CardError
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.setup.adding import add_model, examine_graph

pytest_plugins = ("support.imported_fixtures",)
pytestmark = pytest.mark.usefixtures("own")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('sha256 = "', 'sha257 = "'), "has an unknown key 'sha257'"),
        (
            ('activation = "after"', 'activation = "during"'),
            "expected also its sha256, activation = 'before' or 'after'",
        ),
        (("axis = 1, ", ""), "has layer 'stem.act' = "),
        (("axis = 1, ", "axis = 9, "), "axis = 9 and rank = 4; expected an axis below the rank"),
        (("filters = 8, ", 'filters = "8", '), "whole numbers"),
        (('tensor = "t2"', 'tensor = "t99"'), "has no tensor for stem.act"),
        (('tensor = "t2"', "tensor = 2"), "has layer 'stem.act' = "),
        (
            ("axis = 1, ", "axis = 2, "),
            "8 filters on axis 2 of 4, 16 x 16, but its tensor is 1 x 8 x 16 x 16 for one image",
        ),
        (("filters = 8, ", "filters = 7, "), "7 filters on axis 1 of 4"),
        (("rank = 4, ", "rank = 3, "), "8 filters on axis 1 of 3"),
        (("height = 16, ", "height = 8, "), "axis 1 of 4, 8 x 16, but its tensor"),
        (("width = 16, ", "width = 8, "), "axis 1 of 4, 16 x 8, but its tensor"),
        (
            ('kind = "convolution"', 'kind = "tokens"'),
            "16 x 16, but its tensor is 1 x 8 x 16 x 16 for one image",
        ),
        (
            ("height = 32", "height = 64"),
            "invalid [input]: size 64 x 32 does not fit; the graph accepts images of 32 x 32",
        ),
        (("height = 32", 'height = "32"'), "invalid [input]: '32' x 32; expected height and width in pixels"),
        (('"stem.act" = {', '"stem.act" = 3 # {'), "has layer 'stem.act' = 3; expected a table"),
        (('"stem.act" = {', "image = {"), "has a layer with the invalid name 'image'; expected letters"),
        (('"stem.act" = {', "pixels = {"), "has a layer with the invalid name 'pixels'"),
        (('"stem.act" = {', '"stem.maximum" = {'), "has a layer with the invalid name 'stem.maximum'"),
        (('"stem.act" = {', '"stem.mean" = {'), "has a layer with the invalid name 'stem.mean'"),
        (('"stem.act" = {', '"graph/t2" = {'), "has a layer with the invalid name 'graph/t2'"),
    ],
)
def test_an_invalid_card_of_an_added_network_is_reported(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    card = add_graph(residual(), tmp_path).card
    text = card.read_text()
    assert change[0] in text
    card.write_text(text.replace(*change, 1))
    with pytest.raises(CardError) as caught:
        load_model(network("net"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layers", ["layers = 3", "[layers]"])
def test_a_card_without_layers_is_refused(own: Path, tmp_path: Path, layers: str) -> None:
    card = add_graph(residual(), tmp_path).card
    head, _, _ = card.read_text().partition("[layers]")
    card.write_text(f"{layers}\n{head}" if "=" in layers else head + layers)
    with pytest.raises(CardError, match=r"expected a table \[layers\] with at least one layer"):
        network("net")


def test_a_size_that_was_not_chosen_is_compared_with_the_layers(tmp_path: Path) -> None:
    """A graph for images of any size has maps of other sizes then, and no dense layer that fits them."""
    b = Builder()
    flat = b.add("Flatten", b.add("Relu", b.convolution("x", 4, 3)))
    dense = b.model(b.add("Gemm", flat, b.weight(4 * SIDE**2, 5)), shape=("n", 3, "h", "w"))
    pooled = residual(shape=("n", 3, "h", "w"))
    for model, message in (
        (pooled, r"axis 1 of 4, 16 x 16, but its tensor is 1 x 8 x 32 x 16"),
        (dense, "does not fit"),
    ):
        path = saved(model, tmp_path / "net.onnx")
        examined = examine_graph(path, str(SIDE))
        card = add_model(examined, "net", activation="after", preprocessing="unit", replace=True).card
        card.write_text(card.read_text().replace("height = 32", "height = 64", 1))
        with pytest.raises(CardError, match=message) as caught:
            load_model(network("net"))
        assert "\n" not in str(caught.value)


def test_a_card_of_a_chain_names_no_graph_s_digest(tmp_path: Path, card: str) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(Path(card).read_text().replace('name = "tiny"', 'name = "tiny"\nsha256 = "12"'))
    with pytest.raises(CardError, match="has sha256 without a graph"):
        network(str(wrong))


def test_layers_may_be_renamed_and_taken_out_of_a_card(noise: Study, tmp_path: Path) -> None:
    card = add_graph(residual(), tmp_path).card
    base = digests()
    lines = [line for line in card.read_text().splitlines() if not line.startswith('"avgpool"')]
    card.write_text("\n".join(lines).replace('"stem.act"', "conv1"))
    assert digests() == {
        ("conv1" if name == "stem.act" else name): d for name, d in base.items() if name != "avgpool"
    }
    assert noise.extract("noise", model="net", layers=["conv1"]).filters == 8
