"""Reading an imported graph: every file and every operator that is refused, and weights in other places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from support.foreign_graphs import SIDE, Builder, reference, residual, saved
from support.imported_networks import add_graph, digests, digests_of, pixels, prepare_image
from support.own_sql import seen
from toolbox import Study
from toolbox.errors import UsageError
from toolbox.setup.adding import add_model, examine_graph
from toolbox.tapping.taps import survey

pytest_plugins = ("support.imported_fixtures",)
pytestmark = pytest.mark.usefixtures("own")


def test_a_graph_that_keeps_its_tensors_in_another_file_is_kept_as_one(own: Path, tmp_path: Path) -> None:
    model = residual()
    whole = digests_of(model, tmp_path)
    path = tmp_path / "apart.onnx"
    onnx.save(model, path, save_as_external_data=True, location="apart.data", size_threshold=0)
    add_model(examine_graph(path), "apart", activation="after", preprocessing="unit")
    (tmp_path / "apart.data").unlink()
    assert digests("apart") == whole
    with pytest.raises(UsageError, match="has tensors in other files that cannot be read"):
        examine_graph(path)


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


def drop_values(b: Builder, below: str) -> str:
    b.tensors.append(onnx.helper.make_tensor("training", onnx.TensorProto.BOOL, [], [True]))
    return b.add("Dropout", below, b.fixed(0.5), "training")


def learn_statistics(b: Builder, below: str) -> str:
    statistics = [b.fixed(np.full(4, value)) for value in (1.0, 0.0, 0.0, 1.0)]
    return b.add("BatchNormalization", below, *statistics, outputs=3, training_mode=1)


@pytest.mark.parametrize(
    ("operator", "make"),
    [
        ("Dropout", drop_values),
        ("BatchNormalization", learn_statistics),
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
        UsageError, match=rf"uses random numbers or training mode \({operator} ''\).*after model\.eval"
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
    with pytest.raises(UsageError, match="computes different results for the same image"):
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
    rows = noise.query(
        seen("select maximum from responses where layer = 'matmul_1' order by stimulus_id, filter")
    )
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
    with pytest.raises(UsageError, match="does not exist; expected an ONNX file"):
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
    with pytest.raises(UsageError, match=r"has 3\.4 GB of weights; expected less than 2 GB"):
        examine_graph(tmp_path / "net.onnx")
