"""Adding an imported graph to a user's own networks, and what its responses depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image

from support.foreign_graphs import saved
from support.own_sql import seen
from toolbox import Study
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.setup.adding import ImportedModel, add_model, examine_graph


def pixels(study: Study) -> NDArray[np.uint8]:
    """The images in the order of their ids."""
    rows = study.query(seen("select path from stimuli order by stimulus_id"))
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


def graph_file(own: Path, name: str = "net") -> Path:
    (found,) = own.glob(f"{name}-*.onnx")
    return found


def digests(name: str = "net", layers: list[str] | None = None) -> dict[str, str]:
    return dict(load_model(network(name), layers).digests)


def digests_of(model: onnx.ModelProto, folder: Path) -> dict[str, str]:
    add_graph(model, folder, "whole")
    return digests("whole")
