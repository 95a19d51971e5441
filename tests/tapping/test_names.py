"""What layers are called, by the names that exporters give to operators."""

from __future__ import annotations

from support.foreign_graphs import SIDE, Builder
from toolbox.tapping.taps import survey


def test_one_named_operator_keeps_its_name() -> None:
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3), name="/stem/act/Relu")
    taps = survey(b.model(b.add("GlobalMaxPool", below)), SIDE, SIDE).taps
    assert [tap.layer for tap in taps] == ["stem.act", "globalmaxpool_1"]


def test_names_of_modules_as_pytorch_writes_them_down() -> None:
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3), name="node_relu_1")
    below = b.add("Relu", b.convolution(below, 4, 4), name="node_relu_2")
    model = b.model(b.add("GlobalMaxPool", below, name="node_pool"))
    for node in model.graph.node:
        if node.op_type == "Relu":
            entry = node.metadata_props.add()
            entry.key, entry.value = (
                "pkg.torch.onnx.name_scopes",
                "['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu']",
            )
    assert [tap.layer for tap in survey(model, SIDE, SIDE).taps][:2] == ["layer1.0.relu", "layer1.0.relu_1"]


def test_names_are_clean_and_unique() -> None:
    b = Builder()
    below = "x"
    for name in ("größe [1]/Relu", "größe (1)/Relu", "", "12", "Relu_7", "a/mean/Relu", "image/Relu"):
        below = b.add("Relu", b.convolution(below, 3, 3), name=name)
    taps = survey(b.model(b.add("GlobalMaxPool", below)), SIDE, SIDE).taps
    assert [tap.layer for tap in taps] == [
        "gr_e_1", "gr_e_1_1", "relu_1", "relu_2", "relu_3", "a_mean", "relu_4", "globalmaxpool_1",
    ]  # fmt: skip


def test_a_sum_or_a_pool_does_not_go_by_the_name_of_its_block() -> None:
    b = Builder()
    below = b.convolution("x", 4, 3)
    for name in ("net/block1/Add", "net/block2/block2_add/Add"):
        below = b.add("Add", b.convolution(below, 4, 4), below, name=name)
    for name in ("net/block3/MaxPool", "net/pool1/MaxPool2d"):
        below = b.add("MaxPool", below, kernel_shape=[2, 2], name=name)
    taps = survey(b.model(below), SIDE, SIDE).taps
    assert [tap.layer for tap in taps] == ["block1.add", "block2.block2_add", "block3.maxpool", "pool1"]
