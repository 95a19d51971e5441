"""Graphs of anybody: what a file states or computes is bounded before it expands, in memory and in time."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from support.foreign_graphs import SIDE, Builder, residual, saved
from support.hostile_graphs import (
    HOSTILE_GRAPHS,
    of_negative_sides,
    of_the_image,
    with_constant_in_a_function,
    with_constant_in_an_operator,
    with_few_numbers,
    with_few_places,
    with_functions_in_a_branch,
)
from toolbox.errors import UsageError
from toolbox.setup.adding import examine_graph
from toolbox.tapping import bounds
from toolbox.terms import IMAGE


def set_domain(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "nobody"


def clear_opsets(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


@pytest.mark.parametrize("kind", HOSTILE_GRAPHS)
def test_a_hostile_graph_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    path = saved(HOSTILE_GRAPHS[kind](), tmp_path / "net.onnx")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with pytest.raises(UsageError) as caught:
        examine_graph(path)
    assert str(caught.value).isprintable()
    assert time.monotonic() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_tensors_in_another_file_are_counted_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(residual(), path, save_as_external_data=True, location="net.data", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].dims[:] = [2**31, 2**31, 2**31]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UsageError, match="GB of weights; expected less than 2 GB"):
        examine_graph(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (of_negative_sides, "expected a type of ONNX, and sides of at least 0"),
        (with_few_numbers, "more than the file"),
        (with_few_places, "has a tensor 'places' of 10\\^12 bytes, but stores 8"),
        (with_constant_in_an_operator, "has a tensor 'hidden' of 10\\^12 bytes, but stores 4"),
        (with_constant_in_a_function, "has a tensor 'hidden' of 10\\^12 bytes, but stores 4"),
        (with_functions_in_a_branch, r"has 524,29\d operators with its functions written out"),
    ],
)
def test_what_would_expand_is_refused_before_it_does(
    make: Callable[[], onnx.ModelProto], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=reason):
        examine_graph(saved(make(), tmp_path / "net.onnx"))


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with path.open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(UsageError, match=r"has 8\.0 GB of weights"):
        examine_graph(path)


def test_a_run_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "inferred_bytes", lambda *_: {"x": None})
    monkeypatch.setattr(bounds, "TRIAL_SECONDS", 0.01)
    with pytest.raises(UsageError, match="the graph runs longer than"):
        examine_graph(saved(residual(), tmp_path / "net.onnx"))


def test_a_run_of_unknown_size_that_needs_too_much_memory_is_not_tried_here(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the graph needs more than 4 GB of memory for 2 images"):
        examine_graph(saved(of_the_image(), tmp_path / "net.onnx"))


def test_a_graph_of_unknown_size_that_keeps_the_bounds_is_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "inferred_bytes", lambda *_: {"x": None})
    assert examine_graph(saved(residual(), tmp_path / "net.onnx")).survey.taps


@pytest.mark.parametrize("change", [set_domain, clear_opsets])
def test_a_graph_whose_sizes_cannot_be_inferred_at_all_is_refused_in_one_line(
    change: Callable[[onnx.ModelProto], object], tmp_path: Path
) -> None:
    model = residual()
    change(model)
    with pytest.raises(UsageError, match="cannot run the graph"):
        examine_graph(saved(model, tmp_path / "net.onnx"))


def test_a_size_that_is_stated_but_cannot_be_inferred_is_unknown() -> None:
    b = Builder()
    bright = b.add("Cast", b.reduce("ReduceMax", IMAGE, [0, 1, 2, 3], keepdims=0), to=onnx.TensorProto.INT64)
    sides = b.add("ConstantOfShape", b.add("Reshape", bright, b.fixed(np.array([1]))))
    of_sides = b.add("ConstantOfShape", b.add("Cast", sides, to=onnx.TensorProto.INT64))
    no_type = b.add("HannWindow", b.fixed(np.array(10)), output_datatype=99)
    model = b.model(sides, of_sides, entry=IMAGE)
    for output in model.graph.output:
        output.type.tensor_type.shape.dim.add(dim_value=1)
    sizes = bounds.inferred_bytes(model, 2, SIDE, SIDE)
    assert (sizes[bright], sizes[sides], sizes[of_sides], sizes[no_type]) == (8, None, None, None)


def test_sizes_are_inferred_without_weights() -> None:
    """Those of two gigabytes would be copied several times; those beside the graph are not there."""
    model = residual()
    large, apart = (onnx.TensorProto(name=name, data_type=1, dims=[10_000]) for name in ("large", "apart"))
    large.raw_data = bytes(40_000)
    apart.dims[0], apart.data_type, apart.data_location = 4, onnx.TensorProto.INT64, onnx.TensorProto.EXTERNAL
    apart.external_data.add(key="location", value="nowhere")
    model.graph.initializer.extend([large, apart])
    model.graph.node.append(onnx.helper.make_node("Relu", ["large"], ["of large"]))
    model.graph.node.append(onnx.helper.make_node("Reshape", ["large", "apart"], ["of apart"]))
    assert bounds._skeleton(model, 2, SIDE, SIDE).ByteSize() < 30_000
    sizes = bounds.inferred_bytes(model, 2, SIDE, SIDE)
    assert (sizes["of large"], sizes["of apart"]) == (40_000, None)
