"""Cards: geometry against published figures, and every way in which a card can be wrong."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import pytest

from toolbox.content import shipped_names
from toolbox.errors import CardError, UnknownNameError
from toolbox.network.card import layer_table, network, select_layers

CONVOLUTIONS = 14_714_688  # parameters of VGG16 without its top, as Keras counts them
ALL = 138_357_544  # parameters of VGG16


def parameters(name: str, kinds: set[str]) -> int:
    layers = [layer for layer in network(name).layers if layer.kind in kinds]
    sizes = 0
    for layer in layers:
        size = 1
        for side in layer.kernel_shape:
            size *= side
        sizes += size + layer.filters
    return sizes


def test_vgg16_has_the_published_number_of_parameters() -> None:
    assert parameters("vgg16", {"convolution"}) == CONVOLUTIONS
    assert parameters("vgg16", {"convolution", "dense"}) == ALL


def test_vgg16_has_4224_filters_in_its_convolutions() -> None:
    assert sum(layer.filters for layer in network("vgg16").layers if layer.kind == "convolution") == 4224


@pytest.mark.parametrize(
    ("layer", "height", "stride", "receptive_field"),
    [  # receptive fields as in Araujo, Norris and Sim (2019), worked out by r + (k - 1) * product of strides
        ("block1_conv1", 224, 1, 3),
        ("block1_conv2", 224, 1, 5),
        ("block1_pool", 112, 2, 6),
        ("block2_conv2", 112, 2, 14),
        ("block3_conv3", 56, 4, 40),
        ("block4_conv3", 28, 8, 92),
        ("block5_conv3", 14, 16, 196),
        ("block5_pool", 7, 32, 212),
        ("fc1", 1, 224, 224),
    ],
)
def test_geometry_of_vgg16(layer: str, height: int, stride: int, receptive_field: int) -> None:
    row = layer_table(network("vgg16")).row(by_predicate=_is(layer), named=True)
    assert (row["height"], row["stride"], row["receptive_field"]) == (height, stride, receptive_field)


def _is(layer: str) -> object:
    import polars as pl

    return pl.col("layer") == layer


def test_the_untrained_control_differs_in_weights_alone() -> None:
    trained, untrained = network("vgg16"), network("vgg16-untrained")
    assert untrained.layers == trained.layers
    assert untrained.input == trained.input
    assert untrained.digests == {}
    assert [source["format"] for source in untrained.weights] == ["random"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vgg11", 132_863_336),
        ("vgg16", 138_357_544),
        ("vgg16-torchvision", 138_357_544),
        ("vgg19", 143_667_240),
    ],
)
def test_the_cards_have_the_published_numbers_of_parameters(name: str, parameters: int) -> None:
    chain = [layer for layer in network(name).chain if layer.has_weights]
    assert sum(prod(layer.kernel_shape) + layer.filters for layer in chain) == parameters


def test_torchvisions_network_has_an_input_and_tensors_of_its_own() -> None:
    oxford, other = network("vgg16"), network("vgg16-torchvision")
    assert other.layers == oxford.layers
    assert (other.input.channels, other.digests, other.first_values, other.weights) == ("RGB", {}, {}, ())
    assert isinstance(other.input.scale, tuple)
    for mean, scale, published in zip(
        other.input.mean, other.input.scale, ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225)), strict=True
    ):
        white = (255 - mean) * scale
        assert white == pytest.approx((1 - published[0]) / published[1], rel=1e-12)


def test_the_input_of_a_card_with_one_scale_is_written_as_ever() -> None:
    """Its text is part of every digest."""
    written = json.dumps(network("vgg16").input.describe(), sort_keys=True)
    assert written == (
        '{"channels": "BGR", "height": 224, "mean": [103.939, 116.779, 123.68], "resize": "nearest", "scale": 1.0, '
        '"width": 224}'
    )


@pytest.mark.parametrize("name", shipped_names("models"))
def test_every_shipped_card_is_read_and_says_what_a_reader_needs(name: str) -> None:
    net = network(name)
    assert net.name == name
    assert net.title and net.description and net.citation and net.licence
    assert all({"format", "layers"} <= set(source) for source in net.weights)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["fc?"], ["fc1", "fc2"]),
        (
            ["block5_*", "block1_conv1"],
            ["block1_conv1", "block5_conv1", "block5_conv2", "block5_conv3", "block5_pool"],
        ),
        (["predictions"], ["predictions"]),
    ],
)
def test_layers_are_selected_by_pattern_in_their_order(patterns: list[str], expected: list[str]) -> None:
    assert select_layers(network("vgg16").layers, patterns) == expected


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="no layer named 'block5_conv4'; did you mean 'block5_conv"):
        select_layers(network("vgg16").layers, ["block5_conv4"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('name = "tiny"', 'nom = "tiny"'), "has no name"),
        (('title = "Three layers for tests"', ""), "lacks the key 'title'"),
        (('title = "Three layers for tests"', 'title = "x"\ncolour = 1'), "has an unknown key 'colour'"),
        (('kind = "pool"', 'kind = "fold"'), "has layer 'pool' = "),
        (('activation = "relu" }\npool', 'activation = "tanh" }\npool'), "has layer 'colour' = "),
        (("stride = 2", "step = 2"), "has layer 'pool' = "),
        (("stride = 2 }", "stride = 2, filters = 9 }"), "expected filters for every layer except pools"),
        (
            ("filters = 3, kernel = 1, activation", "kernel = 1, activation"),
            "expected filters for every layer",
        ),
        (
            ('kind = "pool", kernel = 2', 'kind = "pool", kernel = 5'),
            "whose kernel is larger than its input map",
        ),
        (
            ("[layers]", '[[weights]]\nformat = "npz"\nlayers = ["*"]\nurl = "x"\n[layers]'),
            "without bytes, sha256",
        ),
        (('channels = "RGB"', 'channels = "GRB"'), "expected channels = 'RGB' or 'BGR'"),
        (('channels = "RGB"', 'channels = "RGB"\nscale = [1, 2]'), "expected one number, or three"),
        (('channels = "RGB"', 'channels = "RGB"\nmean = [1, 2]'), "three values of mean"),
        (('channels = "RGB"', 'channels = "RGB"\nmean = [1, 2, "x"]'), "has an invalid [input]"),
        (("height = 4", "heigth = 4"), "has an invalid [input]"),
        (('"RGB"', '"RGB"\nfit = "letterbox"'), "has fit = 'letterbox'; expected one of stretch, crop, pad"),
        (('"RGB"', '"RGB"\ndecoding = "half"'), "has decoding = 'half'; expected one of full, scaled"),
        (("[layers]", "[layers"), "is not valid TOML"),
    ],
)
def test_a_wrong_card_is_reported_in_one_line(
    tmp_path: Path, card: str, change: tuple[str, str], message: str
) -> None:
    text = Path(card).read_text()
    assert change[0] in text
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text.replace(*change))
    with pytest.raises(CardError) as caught:
        network(str(wrong))
    assert message in str(caught.value)


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, card: str) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(Path(card).read_text().replace('name = "tiny"', 'name = "../tiny"'))
    with pytest.raises(CardError, match=r"'\.\./tiny' is not a valid name for a card"):
        network(str(wrong))


@pytest.mark.parametrize("name", ["vgg61", "no/such/card.toml"])
def test_a_card_that_is_not_there_is_reported(name: str) -> None:
    with pytest.raises(UnknownNameError, match="vgg1"):
        network(name)
