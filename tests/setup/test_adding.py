"""Adding somebody else's graph, and extracting with it: responses against onnx's own evaluator, and every refusal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from support.foreign_graphs import (
    SIDE,
    Builder,
    channels_last,
    grouped,
    inception,
    mobile,
    reference,
    residual,
    saved,
    transformer,
)
from toolbox import Study
from toolbox.content import card_names, own_models
from toolbox.errors import CardError, MixtureError, UnknownNameError, UsageError, VerificationError
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.runtime.session import start_session
from toolbox.setup.adding import ImportedModel, add_model, examine_graph
from toolbox.setup.checking import check_fidelity, check_model
from toolbox.setup.doctor.places import graph_of, weights
from toolbox.setup.exporting import export_model, model_layers, models
from toolbox.tapping.taps import survey


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for added networks."""
    folder = tmp_path / "own models"
    monkeypatch.setenv("TOOLBOX_MODELS", str(folder))
    return folder


@pytest.fixture
def noise(tmp_path: Path, cache: Path) -> Study:
    """A study of six images of noise, of the very size that the graphs take."""
    random = np.random.default_rng(0)
    for number in range(6):
        place = tmp_path / "images" / ("odd" if number % 2 else "even") / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(place)
    study = Study(tmp_path / "study")
    study.ingest(tmp_path / "images", set="noise")
    return study


def pixels(study: Study) -> NDArray[np.uint8]:
    """The images in the order of their ids."""
    rows = study.query("select path from stimuli order by stimulus_id")
    return np.stack([np.asarray(Image.open(study.folder.image(path))) for path in rows["path"]])


def add_graph(
    model: onnx.ModelProto,
    folder: Path,
    name: str = "net",
    *,
    activation: str = "after",
    preprocessing: str = "unit",
    **choices: Any,
) -> ImportedModel:
    path = saved(model, folder / f"{name} file.onnx")
    return add_model(examine_graph(path), name, activation=activation, preprocessing=preprocessing, **choices)


def prepare_image(images: NDArray[np.uint8], preprocessing: str) -> NDArray[np.float64]:
    """(images, 3, height, width) by the conventions' definitions, as Keras and torchvision publish them."""
    values = images.astype(np.float64)
    if preprocessing == "caffe":
        values = values[..., ::-1] - [103.939, 116.779, 123.68]
    elif preprocessing == "torch":
        values = (values / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    elif preprocessing == "tf":
        values = values / 127.5 - 1
    elif preprocessing == "unit":
        values = values / 255
    return values.transpose(0, 3, 1, 2)


GRAPHS: dict[str, tuple[Callable[[], onnx.ModelProto], str, float]] = {
    "residual": (residual, "torch", 1e-4),
    "residual-opset9": (lambda: residual(9), "caffe", 1e-4),
    "residual-opset20": (lambda: residual(20), "tf", 1e-4),
    "residual-float16": (lambda: residual(17, np.float16), "unit", 2e-2),
    "inception": (inception, "tf", 1e-4),
    "transformer-opset11": (lambda: transformer(11), "torch", 1e-4),
    "transformer-opset17": (lambda: transformer(17, "tanh"), "unit", 1e-4),
    "transformer-opset20": (lambda: transformer(20), "none", 1e-4),
    "mobile": (mobile, "unit", 1e-4),
    "grouped": (grouped, "torch", 1e-4),
    "grouped-written-out": (lambda: grouped("written out"), "unit", 1e-4),
    "channels-last": (channels_last, "tf", 1e-4),
    "channels-last-opset20": (lambda: channels_last(20), "caffe", 1e-4),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("activation", ["after", "before"])
def test_responses_are_those_of_an_independent_evaluator(
    noise: Study, tmp_path: Path, name: str, activation: str
) -> None:
    make, preprocessing, bound = GRAPHS[name]
    model = make()
    add_graph(model, tmp_path, activation=activation, preprocessing=preprocessing)
    report = noise.extract("noise", model="net", batch=4)
    taps = survey(model, SIDE, SIDE).taps
    assert report.layers == tuple(tap.layer for tap in taps)
    images = prepare_image(pixels(noise), preprocessing)
    if model.graph.input[0].type.tensor_type.shape.dim[3].dim_value == 3:
        images = images.transpose(0, 2, 3, 1)
    kind = onnx.helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type)
    names = [getattr(tap, activation) for tap in taps]
    # The evaluator takes BatchNormalization of opset 9 for the one of training; these weights are the same ones.
    evaluated = residual() if name == "residual-opset9" else model
    expected = reference(evaluated, images.astype(kind), names)
    rows = noise.query("select layer, filter, stimulus_id, maximum, mean from responses")
    for tap, tensor in zip(taps, names, strict=True):
        positions = np.moveaxis(expected[tensor].astype(np.float64), tap.axis, 1).reshape(6, tap.filters, -1)
        found = rows.filter(layer=tap.layer).sort("stimulus_id", "filter")
        for statistic, values in (("maximum", positions.max(axis=2)), ("mean", positions.mean(axis=2))):
            got = found[statistic].to_numpy().reshape(6, tap.filters)
            np.testing.assert_allclose(
                got, values, rtol=bound, atol=bound * np.abs(values).max(), err_msg=tap.layer
            )


def test_a_graph_that_the_toolbox_wrote_comes_back_as_the_same_network(
    study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    export_model(card, full=tmp_path / "full.onnx", weights=weights)
    add_model(examine_graph(tmp_path / "full.onnx"), "again", activation="after", preprocessing="none")
    study.extract("colours", model=card, weights=weights)
    study.extract("colours", model="again")
    rows = (
        "select layer, filter, stimulus_id, maximum, mean from responses order by layer, filter, stimulus_id"
    )
    assert study.query(rows, model="again").equals(study.query(rows, model="tiny"))
    assert model_layers("again").drop("kind").equals(model_layers(card).drop("kind"))


def test_the_whole_way_to_a_figure(noise: Study, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    noise.extract("noise", model="net", layers=["layer*", "fc"])
    profile = noise.query("layers/profile")
    assert set(profile["layer"]) == {"layer1.0.act", "layer1.0.act_1", "layer2.0.act", "layer2.0.act_1", "fc"}
    table = noise.query("select layer, position, stride, receptive_field from layers order by position")
    assert table.row(3) == ("layer1.0.act_1", 4, 4, 27)


def test_a_card_tells_all_that_a_reader_needs(own: Path, tmp_path: Path) -> None:
    report = add_graph(transformer(), tmp_path, preprocessing="torch")
    assert report.card == own / "net.toml"
    assert (report.layers, report.filters) == (4, 8 + 16 + 8 + 5)
    text = report.card.read_text()
    assert 'activation = "after" # layers are recorded after their activation functions' in text
    assert "The convention is called 'torch'" in text
    assert "height is the number of tokens" in text
    net = network("net")
    assert net.title == "net file.onnx"
    assert (net.input.height, net.input.width, net.input.resize, net.input.channels) == (
        SIDE,
        SIDE,
        "bilinear",
        "RGB",
    )
    assert [
        (layer.name, layer.axis, layer.rank, layer.kind, layer.height) for layer in net.imported_layers
    ] == [
        ("blocks.0.add", 2, 3, "tokens", 17),
        ("blocks.0.mlp.act", 2, 3, "tokens", 17),
        ("blocks.0.add_1", 2, 3, "tokens", 17),
        ("head", 1, 2, "dense", 1),
    ]
    file = f"net-{net.sha256[:12]}.onnx"
    assert net.graph == own / file
    assert (own / file).read_bytes() == (tmp_path / "net file.onnx").read_bytes()
    assert sorted(path.name for path in own.iterdir() if path.name != ".lock") == [file, "net.toml"]


def test_an_added_network_is_listed_after_those_that_ship(tmp_path: Path) -> None:
    shipped = card_names("models")
    add_graph(residual(), tmp_path, "a-net")
    assert card_names("models") == [*shipped, "a-net"]
    assert models().row(-1) == ("a-net", "a-net file.onnx", 8, 8 + 8 + 8 + 8 + 12 + 12 + 12 + 5)
    assert model_layers("a-net")["receptive_field"].to_list() == [7, 11, 19, 27, 35, 51, 32, 32]


def test_exported_graphs_hold_the_layers_under_their_names(tmp_path: Path) -> None:
    model = channels_last()
    add_graph(model, tmp_path)
    full, pooled = tmp_path / "full.onnx", tmp_path / "pooled.onnx"
    export_model("net", full=full, pooled=pooled, layers=["relu*", "mixed"])
    told = onnx.load(full)
    onnx.checker.check_model(told, full_check=True)
    assert [output.name for output in told.graph.output] == ["relu_of_conv1", "mixed"]
    sizes = [[d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in told.graph.output]
    assert sizes == [["images", 6, 16, 16], ["images", 8, 8, 9]]
    assert "ReduceMean" not in {node.op_type for node in told.graph.node}  # what lies above is left out
    assert [output.name for output in onnx.load(pooled).graph.output] == [
        "relu_of_conv1.maximum", "relu_of_conv1.mean", "mixed.maximum", "mixed.mean",
    ]  # fmt: skip
    images = np.random.default_rng(1).uniform(0, 1, (3, 3, SIDE, SIDE)).astype(np.float32)
    maps = start_session(load_model(network("net")).graph, device="cpu").run(images)
    tensors = {tap.layer: tap.after for tap in survey(model, SIDE, SIDE).taps}
    expected = reference(model, images.transpose(0, 2, 3, 1), list(tensors.values()))
    for layer, tensor in tensors.items():
        np.testing.assert_allclose(maps[layer], expected[tensor], rtol=1e-4, atol=1e-5)


def test_images_one_at_a_time_where_the_graph_asks_for_it(noise: Study, tmp_path: Path) -> None:
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3))
    flat = b.add("Reshape", b.add("GlobalMaxPool", below), b.fixed([1, 4]))
    model = b.model(b.add("Gemm", flat, b.weight(4, 5)), shape=(1, 3, SIDE, SIDE))
    add_graph(model, tmp_path, preprocessing="none")
    assert network("net").batch == 1
    report = noise.extract("noise", model="net", batch=4)
    assert report.remarks == ("net is shown one image at a time: its graph takes no batches",)
    tensor = model.graph.output[0].name
    images = prepare_image(pixels(noise), "none").astype(np.float32)
    expected = np.concatenate([reference(model, image[None], [tensor])[tensor] for image in images])
    rows = noise.query("select maximum from responses where layer = 'gemm_1' order by stimulus_id, filter")
    np.testing.assert_allclose(rows["maximum"].to_numpy().reshape(6, 5), expected, rtol=1e-4)


def graph_file(own: Path, name: str = "net") -> Path:
    (found,) = own.glob(f"{name}-*.onnx")
    return found


def digests(name: str = "net", layers: list[str] | None = None) -> dict[str, str]:
    return dict(load_model(network(name), layers).digests)


def test_a_layers_digest_follows_from_all_below_it_and_nothing_else(tmp_path: Path) -> None:
    model = residual()
    add_graph(model, tmp_path)
    base = digests()
    assert len(set(base.values())) == len(base)
    assert digests(layers=["layer1.0.act"]) == {
        name: base[name] for name in ("stem.act", "stem.pool", "layer1.0.act")
    }

    other = residual()
    tensor = next(t for t in other.graph.initializer if t.name == other.graph.node[-2].input[1])
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) + 1, tensor.name))
    add_graph(other, tmp_path, "other-weights")
    assert {name for name, digest in digests("other-weights").items() if digest != base[name]} == {"fc"}

    padded = residual()
    pool = next(node for node in padded.graph.node if node.op_type == "MaxPool")
    pool.attribute[0].ints[:] = [2, 2]
    add_graph(padded, tmp_path, "other-pool")
    changed = {name for name, digest in digests("other-pool").items() if digest != base[name]}
    assert changed == set(base) - {"stem.act"}

    for name, choices in (("before", {"activation": "before"}), ("tf", {"preprocessing": "tf"})):
        add_graph(model, tmp_path, name, **choices)
    assert {name for name, digest in digests("before").items() if digest == base[name]} == {
        "stem.pool",
        "avgpool",
    }
    assert not set(digests("tf").values()) & set(base.values())

    renamed = residual()
    for number, node in enumerate(renamed.graph.node):
        node.name = f"operator {number}"
        for names in (node.input, node.output):
            names[:] = [name if name == "x" else f"other {name}" for name in names]
    for entry in (*renamed.graph.initializer, *renamed.graph.output):
        entry.name = f"other {entry.name}"
    add_graph(renamed, tmp_path, "renamed")
    assert list(digests("renamed").values()) == list(base.values())


def test_two_graphs_never_share_a_table(noise: Study, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    noise.extract("noise", model="net", layers=["stem.act"])
    assert noise.extract("noise", model="net", layers=["stem.act"]).shown == 0
    add_graph(residual(), tmp_path, activation="before", replace=True)
    with pytest.raises(MixtureError, match="other weights or preprocessing"):
        noise.extract("noise", model="net", layers=["stem.act"])


def test_another_file_in_its_place_is_refused(own: Path, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    graph = graph_file(own)
    shutil.copy(saved(inception(), tmp_path / "x.onnx"), graph)
    with pytest.raises(VerificationError, match="is not the graph that was added as net"):
        load_model(network("net"))
    graph.unlink()
    with pytest.raises(CardError, match=r"is not at .*net-[0-9a-f]{12}\.onnx; put it back"):
        load_model(network("net"))


def test_a_graph_that_keeps_its_tensors_in_another_file_is_kept_as_one(own: Path, tmp_path: Path) -> None:
    model = residual()
    whole = digests_of(model, tmp_path)
    path = tmp_path / "apart.onnx"
    onnx.save(model, path, save_as_external_data=True, location="apart.data", size_threshold=0)
    add_model(examine_graph(path), "apart", activation="after", preprocessing="unit")
    (tmp_path / "apart.data").unlink()
    assert digests("apart") == whole
    with pytest.raises(UsageError, match="keeps tensors in other files that cannot be read"):
        examine_graph(path)


def digests_of(model: onnx.ModelProto, folder: Path) -> dict[str, str]:
    add_graph(model, folder, "whole")
    return digests("whole")


def test_layers_of_one_tensor_are_listed_once(tmp_path: Path) -> None:
    b = Builder()
    below = b.convolution("x", 4, 3)
    joined = b.add(
        "Concat", b.add("Relu", below), b.add("Relu", b.add("Neg", below)), b.add("Tanh", below), axis=1
    )
    model = b.model(b.add("GlobalMaxPool", joined))
    assert add_graph(model, tmp_path, "after").layers == 4
    assert add_graph(model, tmp_path, "before", activation="before").layers == 3


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"activation": None}, "choose where to record: --activation after"),
        ({"preprocessing": None}, "choose how the network's images were prepared in training with --preprocessing: "),
        ({"activation": "during"}, "no activation 'during'; expected after, before"),
        ({"preprocessing": "pytorch"}, "no preprocessing 'pytorch'; expected caffe, torch, tf, unit, none"),
        ({"resize": "nicely"}, "no resize 'nicely'; expected nearest, bilinear"),
        ({"name": "vgg16"}, "'vgg16' is a network that ships with the toolbox; choose another --name"),
        ({"name": "VGG16"}, "'VGG16' is a network that ships"),
        ({"name": "../net"}, "'../net' cannot name a network"),
        ({"name": "there"}, "there is a network 'there' already"),
        ({"name": "There"}, "'There' differs from the network 'there' by large and small letters alone"),
        ({"name": "There", "replace": True}, "'There' differs from the network 'there'"),
        ({"name": "net.toml"}, "'net.toml' would be taken for a file; choose another --name, such as 'net'"),
        ({"name": "net.ONNX"}, "'net.ONNX' would be taken for a file"),
    ],
)  # fmt: skip
def test_wrong_choices_write_nothing(
    own: Path, tmp_path: Path, choices: dict[str, Any], message: str
) -> None:
    add_graph(inception(), tmp_path, "there")
    before = {path: path.read_bytes() for path in own.iterdir()}
    name = choices.pop("name", "net")
    examined = examine_graph(saved(residual(), tmp_path / "residual.onnx"))
    with pytest.raises(UsageError) as caught:
        add_model(examined, name, **{"activation": "after", "preprocessing": "torch", **choices})
    assert str(caught.value).startswith(message)
    assert {path: path.read_bytes() for path in own.iterdir()} == before


def test_a_network_is_replaced_when_asked(tmp_path: Path) -> None:
    add_graph(inception(), tmp_path)
    assert add_graph(residual(), tmp_path, replace=True).layers == 8
    assert len(network("net").layers) == 8


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [
        (
            ("n", 3, "h", "w"),
            None,
            "takes images of any size; choose the one it was trained on, such as --size 224",
        ),
        (("n", 3, 32, "w"), None, "takes images of any size"),
        (("n", 3, 32, 32), "64", "size 64 x 64 does not fit: the graph takes images of 32 x 32"),
        (("n", 3, "h", "w"), "small", "size 'small' is not understood; expected pixels such as 224"),
        (("n", 3, "h", "w"), "0", "size '0' is not understood"),
        (
            ("n", 3, "h", "w"),
            "99999",
            "size 99999 x 99999 is too large; expected up to 4096 pixels along each side",
        ),
        (("n", 1, 32, 32), None, "the graph's input 'x' has shape (n, 1, 32, 32); expected colour images"),
        (("n", 32), None, "the graph's input 'x' has shape (n, 32); expected colour images"),
    ],
)
def test_sizes_and_inputs_that_do_not_fit(
    tmp_path: Path, shape: tuple[Any, ...], size: str | None, message: str
) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(residual(shape=shape), path)
    with pytest.raises(UsageError) as caught:
        examine_graph(path, size)
    assert message in str(caught.value)


@pytest.mark.parametrize(("size", "expected"), [("32", (32, 32)), ("48x40", (48, 40))])
def test_a_graph_for_any_size_takes_the_chosen_one(
    tmp_path: Path, size: str, expected: tuple[int, int]
) -> None:
    examined = examine_graph(saved(residual(shape=("n", 3, "h", "w")), tmp_path / "net.onnx"), size)
    assert (examined.height, examined.width) == expected
    add_model(examined, "net", activation="after", preprocessing="tf")
    assert model_layers("net").row(1)[3:6] == (8, expected[0] // 4, expected[1] // 4)


def test_a_graph_with_two_inputs_is_refused(tmp_path: Path) -> None:
    model = residual()
    model.graph.input.append(onnx.helper.make_tensor_value_info("y", 1, [1]))
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(UsageError, match=r"has 2 inputs \(x, y\); expected one, the image"):
        examine_graph(tmp_path / "net.onnx")


def test_images_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    model = residual()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="input 'x' takes uint8; expected float32 or float16 images"):
        examine_graph(tmp_path / "net.onnx")


def test_a_graph_that_branches_while_it_runs_is_refused(tmp_path: Path) -> None:
    b = Builder()
    bright = b.add("Greater", b.reduce("ReduceMean", "x", [0, 1, 2, 3], keepdims=0), b.fixed(0.0))
    ways = {}
    for way in ("then", "else"):
        node = onnx.helper.make_node("Relu" if way == "then" else "Neg", ["x"], [way])
        result = onnx.helper.make_tensor_value_info(way, 1, None)
        ways[f"{way}_branch"] = onnx.helper.make_graph([node], way, [], [result])
    below = b.add("If", bright, name="choice", **ways)
    onnx.save(b.model(b.add("GlobalMaxPool", below)), tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="branches while it runs \\(If 'choice'\\)"):
        examine_graph(tmp_path / "net.onnx")


def dropping(b: Builder, below: str) -> str:
    b.tensors.append(onnx.helper.make_tensor("training", onnx.TensorProto.BOOL, [], [True]))
    return b.add("Dropout", below, b.fixed(0.5), "training")


def learning(b: Builder, below: str) -> str:
    statistics = [b.fixed(np.full(4, value)) for value in (1.0, 0.0, 0.0, 1.0)]
    return b.add("BatchNormalization", below, *statistics, outputs=3, training_mode=1)


@pytest.mark.parametrize(
    ("operator", "make"),
    [
        ("Dropout", dropping),
        ("BatchNormalization", learning),
        ("RandomNormalLike", lambda b, below: b.add("Add", below, b.add("RandomNormalLike", below))),
        ("RandomUniform", lambda b, below: b.add("Add", below, b.add("RandomUniform", shape=[1, 4, 1, 1]))),
        ("Bernoulli", lambda b, below: b.add("Bernoulli", b.add("Sigmoid", below))),
    ],
)
def test_a_graph_that_still_learns_or_draws_numbers_is_refused(
    tmp_path: Path, operator: str, make: Callable[[Builder, str], str]
) -> None:
    b = Builder()
    top = b.add("Relu", make(b, b.convolution("x", 4, 3)))
    path = saved(b.model(b.add("GlobalMaxPool", top)), tmp_path / "net.onnx")
    with pytest.raises(
        UsageError, match=rf"draws random numbers, or learns .*\({operator} ''\).*after model\.eval"
    ):
        examine_graph(path)


def test_a_dropout_that_does_nothing_is_no_obstacle(tmp_path: Path) -> None:
    b = Builder()
    b.tensors.append(onnx.helper.make_tensor("training", onnx.TensorProto.BOOL, [], [False]))
    top = b.add("Relu", b.add("Dropout", b.convolution("x", 4, 3), b.fixed(0.5), "training"))
    assert add_graph(b.model(b.add("GlobalMaxPool", top)), tmp_path).layers == 2


def test_two_results_for_one_image_are_refused() -> None:
    """Whatever draws the numbers: here an operator that is refused by name where a file is read."""
    b = Builder()
    model = b.model(b.add("Relu", b.add("Add", b.convolution("x", 4, 3), b.add("RandomNormal", shape=[1]))))
    with pytest.raises(UsageError, match="gives two results for one image"):
        survey(model, SIDE, SIDE)


def test_sparse_weights_are_filled_up(noise: Study, tmp_path: Path) -> None:
    b = Builder()
    pooled = b.add("Flatten", b.add("GlobalMaxPool", b.add("Relu", b.convolution("x", 4, 3))))
    model = b.model(b.add("MatMul", b.add("MatMul", pooled, "linear"), "by axes"))
    values = np.array([1.0, 2.0, 3.0], np.float32)
    for name, places in (("linear", [0, 6, 11]), ("by axes", [[0, 0], [1, 3], [4, 4]])):
        tensor, indices = (
            onnx.numpy_helper.from_array(values, name),
            onnx.numpy_helper.from_array(np.array(places)),
        )
        sides = [4, 5] if name == "linear" else [5, 5]
        model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(tensor, indices, sides))
    add_graph(model, tmp_path, preprocessing="unit")
    noise.extract("noise", model="net")
    del model.graph.sparse_initializer[:]
    first, second = np.zeros((4, 5), np.float32), np.zeros((5, 5), np.float32)
    first[0, 0], first[1, 1], first[2, 1] = values
    second[0, 0], second[1, 3], second[4, 4] = values
    for name, whole in (("linear", first), ("by axes", second)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(whole, name))
    tensor = model.graph.output[0].name
    expected = reference(model, prepare_image(pixels(noise), "unit").astype(np.float32), [tensor])[tensor]
    rows = noise.query("select maximum from responses where layer = 'matmul_1' order by stimulus_id, filter")
    np.testing.assert_allclose(rows["maximum"].to_numpy().reshape(6, 5), expected, rtol=1e-4)


def test_constants_in_another_file_are_kept_too(own: Path, tmp_path: Path) -> None:
    b = Builder()
    factor = onnx.numpy_helper.from_array(np.linspace(1, 2, 4, dtype=np.float32).reshape(4, 1, 1))
    scaled = b.add("Mul", b.convolution("x", 4, 3), b.add("Constant", value=factor))
    model = b.model(b.add("GlobalMaxPool", b.add("Relu", scaled)))
    path = tmp_path / "apart.onnx"
    whole = digests_of(model, tmp_path)
    choices = {"location": "apart.data", "size_threshold": 0, "convert_attribute": True}
    onnx.save(model, path, save_as_external_data=True, **choices)
    add_model(examine_graph(path), "apart", activation="after", preprocessing="unit")
    (tmp_path / "apart.data").unlink()
    assert digests("apart") == whole


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x08\x07"])
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(UsageError, match="is not an ONNX file"):
        examine_graph(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="no file"):
        examine_graph(tmp_path / "nowhere.onnx")


def test_more_weights_than_a_graph_can_hold_are_refused(tmp_path: Path) -> None:
    model = residual()
    tensor = model.graph.initializer.add()
    tensor.name, tensor.data_type, tensor.data_location = (
        "huge",
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.EXTERNAL,
    )
    tensor.dims[:] = [30_000, 30_000]
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "huge.data"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UsageError, match=r"holds 3\.4 GB of weights; expected less than 2 GB"):
        examine_graph(tmp_path / "net.onnx")


def test_other_weights_for_an_added_network_are_refused(noise: Study, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path)
    with pytest.raises(
        UsageError, match="net brings its weights in its graph, which 'random:0' cannot replace"
    ):
        noise.extract("noise", model="net", weights="random:0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('sha256 = "', 'sha257 = "'), "has an unknown key 'sha257'"),
        (
            ('activation = "after"', 'activation = "during"'),
            "expected its sha256, activation = 'before' or 'after'",
        ),
        (("axis = 1, ", ""), "says of layer 'stem.act'"),
        (("axis = 1, ", "axis = 9, "), "axis 9 of 4; expected less"),
        (("filters = 8, ", 'filters = "8", '), "whole numbers"),
        (('tensor = "t2"', 'tensor = "t99"'), "has no tensor for stem.act"),
        (('tensor = "t2"', "tensor = 2"), "says of layer 'stem.act'"),
        (
            ("axis = 1, ", "axis = 2, "),
            "8 filters on axis 2 of 4, 16 x 16; its tensor is 1 x 8 x 16 x 16 for one image",
        ),
        (("filters = 8, ", "filters = 7, "), "7 filters on axis 1 of 4"),
        (("rank = 4, ", "rank = 3, "), "8 filters on axis 1 of 3"),
        (("height = 16, ", "height = 8, "), "axis 1 of 4, 8 x 16; its tensor"),
        (("width = 16, ", "width = 8, "), "axis 1 of 4, 16 x 8; its tensor"),
        (('kind = "convolution"', 'kind = "tokens"'), "16 x 16; its tensor is 1 x 8 x 16 x 16 for one image"),
        (
            ("height = 32", "height = 64"),
            "wrong [input]: size 64 x 32 does not fit: the graph takes images of 32 x 32",
        ),
        (("height = 32", 'height = "32"'), "wrong [input]: '32' x 32; expected height and width in pixels"),
        (('"stem.act" = {', '"stem.act" = 3 # {'), "says of layer 'stem.act': 3; expected a table"),
        (('"stem.act" = {', "image = {"), "has a layer 'image', which cannot be the name of one"),
        (('"stem.act" = {', "pixels = {"), "has a layer 'pixels'"),
        (('"stem.act" = {', '"stem.maximum" = {'), "has a layer 'stem.maximum'"),
        (('"stem.act" = {', '"stem.mean" = {'), "has a layer 'stem.mean'"),
        (('"stem.act" = {', '"graph/t2" = {'), "has a layer 'graph/t2'"),
    ],
)
def test_a_wrong_card_of_an_added_network_is_said(
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
def test_a_card_without_layers_is_said(own: Path, tmp_path: Path, layers: str) -> None:
    card = add_graph(residual(), tmp_path).card
    head, _, _ = card.read_text().partition("[layers]")
    card.write_text(f"{layers}\n{head}" if "=" in layers else head + layers)
    with pytest.raises(CardError, match=r"expected a table \[layers\] of one or more"):
        network("net")


def test_a_size_that_was_not_chosen_is_held_against_the_layers(tmp_path: Path) -> None:
    """A graph for images of any size has maps of other sizes then, and no dense layer that fits them."""
    b = Builder()
    flat = b.add("Flatten", b.add("Relu", b.convolution("x", 4, 3)))
    dense = b.model(b.add("Gemm", flat, b.weight(4 * SIDE**2, 5)), shape=("n", 3, "h", "w"))
    pooled = residual(shape=("n", 3, "h", "w"))
    for model, message in (
        (pooled, r"axis 1 of 4, 16 x 16; its tensor is 1 x 8 x 32 x 16"),
        (dense, "does not fit"),
    ):
        path = saved(model, tmp_path / "net.onnx")
        examined = examine_graph(path, str(SIDE))
        card = add_model(examined, "net", activation="after", preprocessing="unit", replace=True).card
        card.write_text(card.read_text().replace("height = 32", "height = 64", 1))
        with pytest.raises(CardError, match=message) as caught:
            load_model(network("net"))
        assert "\n" not in str(caught.value)


def test_a_broken_card_is_said_and_the_others_are_shown(own: Path, tmp_path: Path) -> None:
    add_graph(residual(), tmp_path, "whole")
    (own / "broken.toml").write_text("no TOML at all")
    with pytest.raises(CardError, match=r"broken\.toml is not valid TOML"):
        models()
    told: list[str] = []
    assert models(broken=told.append)["model"].to_list()[-1] == "whole"
    assert len(told) == 1
    assert "broken.toml is not valid TOML" in told[0]
    assert [found.subject for found in weights() if found.state == "problem"] == ["card of broken"]
    load_model(network("whole"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("TOOLBOX_MODELS", str(place))
        assert "vgg16" in card_names("models")
        with pytest.raises(UsageError, match=r"networks cannot be kept in .*file.*; set the environment"):
            add_graph(residual(), tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(own: Path, tmp_path: Path, value: float) -> None:
    model = residual()
    kernel = next(entry for entry in model.graph.initializer if entry.name == model.graph.node[0].input[1])
    values = onnx.numpy_helper.to_array(kernel).copy()
    values[3, 0, 0, 0] = value
    kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
    with pytest.raises(UsageError, match=r"no numbers \(NaN, or infinite\) in layer 'stem.act'"):
        add_graph(model, tmp_path)
    assert not list(own.glob("*.toml")) + list(own.glob("*.onnx"))


def test_a_run_that_is_killed_leaves_the_old_network_whole(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_graph(inception(), tmp_path)
    old = digests()
    before = graph_file(own)

    def killed(source: Path, target: Path) -> None:
        if Path(source).suffix == ".toml":
            raise KeyboardInterrupt
        move(source, target)

    move = shutil.move
    with monkeypatch.context() as patched:
        patched.setattr("toolbox.setup.adding.shutil.move", killed)
        with pytest.raises(KeyboardInterrupt):
            add_graph(residual(), tmp_path, replace=True)
    assert digests() == old
    assert len(list(own.glob("net-*.onnx"))) == 2
    (own / ".add-killed").mkdir()
    (own / ".add-killed" / "net.toml").write_text("half")
    add_graph(residual(), tmp_path, replace=True)
    assert graph_file(own) != before
    assert sorted(path.suffix for path in own.iterdir() if path.name != ".lock") == [".onnx", ".toml"]
    assert len(network("net").layers) == 8


def test_a_graph_that_another_card_names_is_not_deleted(own: Path, tmp_path: Path) -> None:
    card = add_graph(inception(), tmp_path).card
    (own / "copy.toml").write_text(card.read_text().replace('name = "net"', 'name = "copy"'))
    base = digests("copy")
    add_graph(residual(), tmp_path, replace=True)
    assert digests("copy") == base


def test_a_card_of_a_chain_names_no_graph_s_digest(tmp_path: Path, card: str) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(Path(card).read_text().replace('name = "tiny"', 'name = "tiny"\nsha256 = "12"'))
    with pytest.raises(CardError, match="says sha256 without a graph"):
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


def test_without_a_choice_of_folder_it_is_the_user_s_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TOOLBOX_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = own_models()
    assert folder.name == "models"
    assert "selectivity-toolbox" in folder.parts
    assert tmp_path in folder.parents


def test_an_unknown_network_is_said(tmp_path: Path) -> None:
    add_graph(residual(), tmp_path, "my-net")
    with pytest.raises(UnknownNameError, match="did you mean 'my-net'"):
        network("my-nett")


@pytest.mark.parametrize("make", [residual, lambda: residual(17, np.float16), transformer, channels_last])
def test_added_networks_are_computed_faithfully(tmp_path: Path, make: Callable[[], onnx.ModelProto]) -> None:
    add_graph(make(), tmp_path)
    found = check_model("net", images=2, device="cpu")
    check_fidelity(found)
    assert len(found.comparisons) == 9


def test_a_network_without_batches_is_checked_one_by_one(tmp_path: Path) -> None:
    b = Builder()
    flat = b.add("Reshape", b.add("GlobalMaxPool", b.add("Relu", b.convolution("x", 4, 3))), b.fixed([1, 4]))
    add_graph(b.model(b.add("Gemm", flat, b.weight(4, 5)), shape=(1, 3, SIDE, SIDE)), tmp_path)
    found = check_model("net", images=2, device="cpu")
    check_fidelity(found)
    assert not any("batch" in comparison.comparison for comparison in found.comparisons)


@pytest.mark.parametrize("opset", [9, 11])
def test_old_batch_normalisation_is_checked_as_inference(tmp_path: Path, opset: int) -> None:
    add_graph(residual(opset), tmp_path)
    found = check_model("net", images=2, device="cpu")
    check_fidelity(found)
    assert len(found.comparisons) == 9


def test_the_doctor_looks_at_added_graphs(own: Path, tmp_path: Path) -> None:
    card = add_graph(residual(), tmp_path).card
    graph, sha256 = graph_file(own), network(str(card)).sha256
    assert graph_of("net", graph, sha256).state == "ok"
    assert [finding.subject for finding in weights() if finding.subject.endswith("net")] == ["graph of net"]
    graph.write_bytes(b"")
    assert "another one than was added" in graph_of("net", graph, sha256).finding
    graph.unlink()
    assert graph_of("net", graph, sha256).state == "problem"


def test_large_tensors_of_float16_lie_beside_the_graph(noise: Study, tmp_path: Path) -> None:
    b = Builder(precision=np.float16)
    below = b.add("Relu", b.convolution(b.convolution("x", 32, 3), 32, 32))
    model = b.model(b.add("Gemm", b.add("Flatten", b.add("GlobalMaxPool", below)), b.weight(32, 5)))
    add_graph(model, tmp_path)
    graph = load_model(network("net")).graph
    assert {tensor.dtype for tensor in graph.tensors.values()} == {np.dtype(np.float16)}
    noise.extract("noise", model="net")
    tensor = model.graph.output[0].name
    expected = reference(model, prepare_image(pixels(noise), "unit").astype(np.float16), [tensor])[tensor]
    rows = noise.query("select maximum from responses where layer = 'gemm_1' order by stimulus_id, filter")
    np.testing.assert_allclose(
        rows["maximum"].to_numpy().reshape(6, 5), expected, atol=0.02 * np.abs(expected).max()
    )
    export_model("net", full=tmp_path / "full.onnx")
    assert len(onnx.load(tmp_path / "full.onnx").graph.output) == 3


@pytest.mark.parametrize("opset", [9, 17])
def test_large_convolutions_of_any_opset_are_computed_alike_either_way(tmp_path: Path, opset: int) -> None:
    """The quick convolution is written in operators that the oldest graphs do not know."""
    b = Builder(opset)
    top = b.add("Relu", b.convolution(b.convolution("x", 128, 3, 1), 128, 128))
    add_graph(b.model(top, shape=("n", 3, 8, 8)), tmp_path)
    graph = load_model(network("net")).graph
    images = np.random.default_rng(0).uniform(0, 1, (2, 3, 8, 8)).astype(np.float32)
    quick, plain = (
        start_session(graph, device="cpu", convolution=convolution) for convolution in ("winograd", "direct")
    )
    assert ("Winograd" in quick.runtime) == (opset == 17)
    np.testing.assert_allclose(quick.run(images)["relu_1"], plain.run(images)["relu_1"], rtol=1e-4, atol=1e-4)
