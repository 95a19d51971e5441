"""Adding an imported graph: the card, its place, and every choice that is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from support.foreign_graphs import SIDE, Builder, channels_last, inception, residual, saved, transformer
from support.imported_networks import add_graph, digests, graph_file
from toolbox.content import card_names, own_models
from toolbox.errors import CardError, UnknownNameError, UsageError
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.setup.adding import add_model, examine_graph
from toolbox.setup.checking import check_fidelity, check_model
from toolbox.setup.doctor.places import graph_of, weights
from toolbox.setup.exporting import model_layers, models

pytest_plugins = ("support.imported_fixtures",)
pytestmark = pytest.mark.usefixtures("own")


def test_a_card_tells_all_that_a_reader_needs(own: Path, tmp_path: Path) -> None:
    report = add_graph(transformer(), tmp_path, preprocessing="torch")
    assert report.card == own / "net.toml"
    assert (report.layers, report.filters) == (4, 8 + 16 + 8 + 5)
    text = report.card.read_text()
    assert 'activation = "after" # layers are recorded after their activation functions' in text
    assert "This convention is called 'torch'" in text
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
        ({"activation": None}, "the graph does not specify where to record; choose activation=after"),
        ({"preprocessing": None}, "the graph does not specify its preprocessing; choose the preprocessing used"),
        ({"activation": "during"}, "unknown activation 'during'; expected one of after, before"),
        ({"preprocessing": "pytorch"}, "unknown preprocessing 'pytorch'; expected one of caffe, torch, tf, unit, none"),
        ({"resize": "nicely"}, "unknown resize 'nicely'; expected one of nearest, bilinear"),
        ({"name": "vgg16"}, "'vgg16' is the name of a network that ships with the toolbox; choose another name"),
        ({"name": "VGG16"}, "'VGG16' is the name of a network that ships"),
        ({"name": "../net"}, "'../net' is not a valid name for a network"),
        ({"name": "there"}, "a network named 'there' already exists in"),
        ({"name": "There"}, "the name 'There' differs from that of the network 'there' only in case"),
        ({"name": "There", "replace": True}, "the name 'There' differs from that of the network 'there'"),
        ({"name": "net.toml"}, "the name 'net.toml' looks like the name of a file; choose another name (--name), such"),
        ({"name": "net.ONNX"}, "the name 'net.ONNX' looks like the name of a file"),
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


def test_a_broken_card_is_reported_and_the_others_are_listed(own: Path, tmp_path: Path) -> None:
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


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("TOOLBOX_MODELS", str(place))
        assert "vgg16" in card_names("models")
        with pytest.raises(UsageError, match=r"networks cannot be stored in .*file.*; set the environment"):
            add_graph(residual(), tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(own: Path, tmp_path: Path, value: float) -> None:
    model = residual()
    kernel = next(entry for entry in model.graph.initializer if entry.name == model.graph.node[0].input[1])
    values = onnx.numpy_helper.to_array(kernel).copy()
    values[3, 0, 0, 0] = value
    kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
    with pytest.raises(UsageError, match=r"computes NaN or infinite values in layer 'stem.act'"):
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


def test_an_unknown_network_is_reported(tmp_path: Path) -> None:
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
    assert "differs from the graph that was added" in graph_of("net", graph, sha256).finding
    graph.unlink()
    assert graph_of("net", graph, sha256).state == "problem"
