"""How images enter an imported graph: every size and every input that does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest

from support.foreign_graphs import residual, saved
from toolbox.errors import UsageError
from toolbox.setup.adding import add_model, examine_graph
from toolbox.setup.exporting import model_layers

pytest_plugins = ("support.imported_fixtures",)
pytestmark = pytest.mark.usefixtures("own")


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [
        (
            ("n", 3, "h", "w"),
            None,
            "accepts images of any size; choose the size used in training, such as size='224'",
        ),
        (("n", 3, 32, "w"), None, "accepts images of any size"),
        (("n", 3, 32, 32), "64", "size 64 x 64 does not fit; the graph accepts images of 32 x 32"),
        (("n", 3, "h", "w"), "small", "size 'small' is not valid; expected a side in pixels such as 224"),
        (("n", 3, "h", "w"), "0", "size '0' is not valid"),
        (
            ("n", 3, "h", "w"),
            "99999",
            "size 99999 x 99999 is too large; expected at most 4096 pixels per side",
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
    with pytest.raises(UsageError, match=r"has 2 inputs \(x, y\); expected only the image"):
        examine_graph(tmp_path / "net.onnx")


def test_images_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    model = residual()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="input 'x' has the type uint8; expected float32 or float16 images"):
        examine_graph(tmp_path / "net.onnx")
