"""Files of weights that are damaged, or would run code."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import support.foreign_networks as foreign
from support.foreign_networks import (
    TORCH_NAMES,
    Pairs,
    keras_pairs,
    torch_pairs,
)
from support.weight_files import (
    by_layer,
    in_keras,
    in_nameless_npz,
    in_npz,
    in_torch,
)
from toolbox.errors import WeightsError
from toolbox.network.architecture import Network
from toolbox.network.card import network
from toolbox.network.weights import load_weights


@pytest.fixture
def small(tmp_path: Path) -> Network:
    return network(foreign.write_card(tmp_path))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def spoil(path: Path) -> None:
    """One byte among the numbers of an archive is flipped."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def lie_in_header(path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [9, 9], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"1234")


@pytest.mark.parametrize(
    ("write", "damage", "message"),
    [
        (in_torch, cut, "cannot be read as a .safetensors file"),
        (in_torch, lie_in_header, "cannot be read as a .safetensors file"),
        (in_torch, lambda path: path.write_bytes(b"no"), "cannot be read as a .safetensors file"),
        (in_npz, cut, "cannot be read as an .npz file of plain arrays"),
        (in_nameless_npz, spoil, "cannot be read as an .npz file of plain arrays"),
        (in_npz, one_array, "is a single array"),
        (in_keras, cut, "cannot be read as an HDF5 file"),
    ],
)
def test_a_damaged_file_is_reported(
    tmp_path: Path,
    small: Network,
    write: Callable[[Pairs, Path], Path],
    damage: Callable[[Path], object],
    message: str,
) -> None:
    path = write(torch_pairs(), tmp_path)
    damage(path)
    with pytest.raises(WeightsError, match=message):
        load_weights(small, source=str(path))


def test_an_hdf5_file_is_closed_again(tmp_path: Path, small: Network) -> None:
    opened = h5py.h5f.OBJ_FILE | h5py.h5f.OBJ_GROUP | h5py.h5f.OBJ_DATASET
    before = h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, opened)  # images in HDF5 stay open
    load_weights(small, source=str(in_keras(keras_pairs(), tmp_path)))
    with pytest.raises(WeightsError):
        load_weights(small, source=str(in_keras(torch_pairs(), tmp_path)))
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, opened) == before


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path, small: Network) -> None:
    tensors = by_layer(torch_pairs(), TORCH_NAMES, ".weight", ".bias")
    tensors["features.0.bias"] = np.array([None] * 5, object)
    np.savez(tmp_path / "objects.npz", **tensors)
    with pytest.raises(WeightsError, match="Object arrays cannot be loaded"):
        load_weights(small, source=str(tmp_path / "objects.npz"))
