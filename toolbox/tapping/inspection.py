"""Inspecting a graph before it is imported. Owns the result of the inspection, and copying the graph."""

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
    """A graph, the size of its images, and the places to record from."""

    path: Path
    model: onnx.ModelProto
    height: int
    width: int
    survey: Survey


def inspect_graph(path: Path, size: tuple[int, int] | None) -> Inspection:
    """Inspect the graph in a file by running it on two images.

    Args:
        path: path of an ONNX file.
        size: the chosen height and width in pixels, where the graph accepts any; None for those of the graph.

    Raises: UsageError when the graph cannot be recorded from, or a size is missing or does not fit.
    """
    model = read_graph(path)
    height, width = image_size(entrance(model), size)
    return Inspection(path, model, height, width, survey(model, height, width))


def keep_graph(graph: Inspection, target: Path) -> None:
    """Copy the file unchanged; if it has tensors in other files, write a single file with all tensors.

    Args:
        graph: the graph whose file is copied.
        target: path of the copy.
    """
    as_written = onnx.load(graph.path, load_external_data=False)
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors_of(as_written)):
        onnx.save(graph.model, target)
    else:
        shutil.copyfile(graph.path, target)
