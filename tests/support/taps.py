"""What was found in a graph, as rows that a test can write down."""

from __future__ import annotations

import onnx

from toolbox.tapping.taps import Tap

Row = tuple[str, str, str, tuple[int, int, int], int, int]


def rows(taps: tuple[Tap, ...]) -> list[Row]:
    """(layer, kind, operator, (filters, height, width), step, receptive field)"""
    return [
        (
            tap.layer,
            tap.kind,
            tap.operator,
            (tap.filters, tap.height, tap.width),
            tap.step,
            tap.receptive_field,
        )
        for tap in taps
    ]


def operators(model: onnx.ModelProto) -> dict[str, str]:
    """Which operator makes a tensor."""
    return {output: node.op_type for node in model.graph.node for output in node.output}
