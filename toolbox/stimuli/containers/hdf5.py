"""Files of HDF5. Owns which of their datasets are images: bytes of image files, or arrays of 8-bit grey or colours.

    uint8 (images, height, width, 3) or (images, height, width)   as the stimuli of many neural data sets
    uint8 (height, width, 3) or (height, width)                   one image a dataset
    variable length of uint8, or opaque                           the bytes of image files, one or many a dataset
    uint8 (bytes,)                                                the bytes of one image file

An array has no bytes of a file of its own: its bytes, and so its digest, are those of the PNG that `encode_png` writes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from toolbox.errors import StimulusError
from toolbox.stimuli.archive import MOST_BYTES
from toolbox.stimuli.containers.container import (
    Container,
    MemberFault,
    MemberOrigin,
    damaged,
    fault_of_name,
    fault_of_size,
    row_name,
)
from toolbox.stimuli.containers.labels import LABEL_COLUMNS, label_columns, label_texts
from toolbox.stimuli.images import encode_png

_CHUNKS = 2**26
"""Bytes of unpacked chunks of a dataset that are kept: the next image is usually in the same one."""
_MOST_GROUPS = 64
"""Groups in one another that are looked into."""
_COLOURS = (1, 3)


class Hdf5Container(Container):
    """A file of HDF5, of which every image is read by itself."""

    def __init__(self, path: Path) -> None:
        """Find the datasets of images; no image is read.

        Args:
            path: of the file.

        Raises: StimulusError when it is no file of HDF5; OSError.
        """
        super().__init__(path)
        try:
            self._file = h5py.File(path, "r", locking=False, rdcc_nbytes=_CHUNKS)
            datasets = dict(self._walk(self._file, "", {_address(self._file)}))
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            raise damaged(path, "a file of HDF5", error) from error
        self._places: dict[str, tuple[str, int | None]] = {}
        self._labels: dict[str, list[str | None]] = {}
        other = []
        for name, dataset in datasets.items():
            if (fault := _fault_of(name, dataset)) is not None:
                self.faults.append(MemberFault(name, fault))
            elif _is_label(name, dataset) or not _is_image(dataset):
                other.append(name)
            else:
                self._enter(name, dataset, datasets)
        self._datasets = {name: datasets[name] for name, _ in self._places.values()}
        unused = [name for name in other if not _is_label(name, datasets[name])]
        if unused:
            more = f" and {len(unused) - 5} more" if len(unused) > 5 else ""
            self.notes.append(f"{path}: datasets that are no images: {', '.join(unused[:5])}{more}")

    @property
    def names(self) -> Collection[str]:
        """Names of the images: that of the dataset, with a number where it has many."""
        return self._places.keys()

    def origin(self, name: str) -> MemberOrigin:
        """The groups of a member, and its label in the dataset beside that of the images.

        The dataset counts as a folder where the file has several.

        Args:
            name: one of `names`.
        """
        dataset, row = self._places[name]
        parts = tuple(dataset.split("/"))
        is_folder = row is not None and len(self._datasets) > 1
        label = self._labels[dataset][row] if row is not None and dataset in self._labels else None
        return MemberOrigin(parts if is_folder else parts[:-1], label)

    def read(self, name: str) -> bytes:
        """The bytes of an image file; those of a PNG for an array.

        Args:
            name: one of `names`.

        Raises: StimulusError when it cannot be read.
        """
        dataset, row = self._places[name]
        try:
            value = self._datasets[dataset][() if row is None else row]
        except (OSError, RuntimeError, ValueError) as error:
            raise StimulusError(f"damaged in its container ({str(error)[:200]})") from error
        if isinstance(value, (np.void, bytes)) or value.ndim == 1:
            content = value if isinstance(value, bytes) else value.tobytes()
            if (fault := fault_of_size(len(content))) is not None:
                raise StimulusError(fault)
            return content
        is_grey = value.ndim == 3 and value.shape[-1] == 1
        return encode_png(value[..., 0] if is_grey else value)

    def _walk(self, group: Any, place: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
        """Every dataset by its name; links, which may lead to other files, are not followed."""
        for key in group:
            name = f"{place}{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                self.faults.append(MemberFault(name, "a link in a container; put the image itself into it"))
                continue
            item = group[key]
            if isinstance(item, h5py.Dataset):
                yield name, item
            elif isinstance(item, h5py.Group) and _address(item) not in seen:
                if name.count("/") >= _MOST_GROUPS:
                    self.faults.append(
                        MemberFault(name, f"more than {_MOST_GROUPS} groups inside one another")
                    )
                    continue
                yield from self._walk(item, f"{name}/", {*seen, _address(item)})

    def _enter(self, name: str, dataset: Any, datasets: dict[str, Any]) -> None:
        """Note the images of a dataset, and their labels."""
        if not _has_rows(dataset):
            self._places[name] = (name, None)
            self.check_count(len(self._places))
            return
        count = dataset.shape[0]
        self.check_count(len(self._places) + count)
        self._places |= {row_name(name, row): (name, row) for row in range(count)}
        group, _, last = name.rpartition("/")
        for label in label_columns(last):
            labels = datasets.get(f"{group}/{label}" if group else label)
            if labels is not None and labels.shape == (count,) and _is_text_or_whole(labels):
                self._labels[name] = label_texts(labels[()].tolist())
                return


def _address(group: Any) -> int:
    """What tells one group from another."""
    return int(h5py.h5o.get_info(group.id).addr)


def _is_bytes(dataset: Any) -> bool:
    """Whether every element of a dataset is the content of a file."""
    is_opaque = dataset.dtype.kind == "V" and dataset.dtype.fields is None and dataset.dtype.subdtype is None
    return bool(is_opaque or h5py.check_vlen_dtype(dataset.dtype) == np.uint8)


def _is_image(dataset: Any) -> bool:
    """Whether a dataset is images, by its type and shape."""
    if dataset.shape is None or dataset.size == 0:
        return False
    if _is_bytes(dataset):
        return bool(dataset.ndim <= 1)
    return bool(dataset.dtype == np.uint8 and 1 <= dataset.ndim <= 4)


def _has_rows(dataset: Any) -> bool:
    """Whether a dataset of images has many: a third axis of three is the colours of one."""
    if _is_bytes(dataset):
        return bool(dataset.ndim == 1)
    return bool(dataset.ndim == 4 or (dataset.ndim == 3 and dataset.shape[-1] not in _COLOURS))


def _is_label(name: str, dataset: Any) -> bool:
    """Whether a dataset is labels by its name, and no images."""
    last = name.rpartition("/")[2].lower()
    is_named = last in LABEL_COLUMNS or last.endswith(("_label", "_labels")) or last.startswith("y_")
    return is_named and len(dataset.shape or ()) == 1 and _is_text_or_whole(dataset)


def _is_text_or_whole(dataset: Any) -> bool:
    return dataset.dtype.kind in "iuS" or h5py.check_string_dtype(dataset.dtype) is not None


def _fault_of(name: str, dataset: Any) -> str | None:
    """The reason why a dataset that looks like images cannot be read, or None."""
    if dataset.external or dataset.is_virtual:
        return "its values are in another file; put the images themselves into the container"
    if dataset.shape is not None and dataset.ndim >= 3 and dataset.dtype.kind in "iuf":
        if dataset.dtype != np.uint8:
            return f"values of type {dataset.dtype}; expected images as uint8, 0 to 255, or as bytes of image files"
        if dataset.ndim > 4 or (dataset.ndim == 4 and dataset.shape[-1] not in _COLOURS):
            shape = " x ".join(map(str, dataset.shape))
            return f"an array of {shape}; expected images x height x width x 3, or images x height x width"
    if not _is_image(dataset):
        return None
    if dataset.chunks and math.prod(dataset.chunks) * dataset.dtype.itemsize > MOST_BYTES:
        return f"stored in chunks of more than {MOST_BYTES:,} bytes; write it in smaller ones"
    first = dataset.shape[1:] if _has_rows(dataset) else dataset.shape
    return fault_of_name(name) or fault_of_size(math.prod(first) * dataset.dtype.itemsize)
