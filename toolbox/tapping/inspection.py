"""Inspecting a graph before it is imported. Owns what is known of it then, and keeping a copy of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import onnx

from toolbox.tapping.entrance import entrance, image_size
from toolbox.tapping.graph_file import read_graph, tensors_of
from toolbox.tapping.taps import Survey, survey


@dataclass(frozen=True)
class Inspection:
    """A graph, the size of the images for it, and what there is to record from."""

    path: Path
    model: onnx.ModelProto
    height: int
    width: int
    survey: Survey


def inspect_graph(path: Path, size: tuple[int, int] | None) -> Inspection:
    """A graph of a file, run on two images of its own size, or of the chosen one where it takes any.

    Args:
        path: of an ONNX file.
        size: the chosen height and width in pixels; None for the graph's own.

    Raises: UsageError when it cannot be recorded from, or a size is missing or does not fit.
    """
    model = read_graph(path)
    height, width = image_size(entrance(model), size)
    return Inspection(path, model, height, width, survey(model, height, width))


def keep_graph(graph: Inspection, target: Path) -> None:
    """Copy the very file; where it keeps tensors in other files, write one that holds them all.

    Args:
        graph: whose file is copied.
        target: path of the copy.
    """
    as_written = onnx.load(graph.path, load_external_data=False)
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors_of(as_written)):
        onnx.save(graph.model, target)
    else:
        shutil.copyfile(graph.path, target)
