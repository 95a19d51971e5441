"""The images of a folder of categories, packed into one file of each kind, as other programs write them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HUGGING_FACE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def images_of(folder: Path) -> list[Path]:
    """The images of a folder, in the order in which they are numbered."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_tar(path: Path, members: Mapping[str, bytes] | list[tuple[str, bytes] | tarfile.TarInfo]) -> Path:
    """An archive of tar of names and contents, or of headers without content."""
    with tarfile.open(path, "w") as tar:
        for member in members.items() if isinstance(members, Mapping) else members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            header = tarfile.TarInfo(member[0])
            header.size = len(member[1])
            tar.addfile(header, io.BytesIO(member[1]))
    return path


def write_zip(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """An archive of zip of names and contents."""
    with zipfile.ZipFile(path, "w", method) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return path


def contents_of(folder: Path) -> dict[str, bytes]:
    """Names and contents of the images of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in images_of(folder)}


def pack_tar(folder: Path, target: Path) -> Path:
    """The folder as an archive of tar."""
    return write_tar(target, contents_of(folder))


def pack_zip(folder: Path, target: Path) -> Path:
    """The folder as an archive of zip, with its own name in front, as file managers write it."""
    return write_zip(
        target, {f"{folder.name}/{name}": content for name, content in contents_of(folder).items()}
    )


def pack_webdataset(folder: Path, target: Path, count: int = 2) -> Path:
    """A folder of shards, each with some samples: image, .cls and .json; without folders inside."""
    target.mkdir()
    images = images_of(folder)
    for shard in range(count):
        members = {}
        for number, image in list(enumerate(images))[
            shard * len(images) // count : (shard + 1) * len(images) // count
        ]:
            members[f"{number:04d}{image.suffix}"] = image.read_bytes()
            members[f"{number:04d}.cls"] = image.parent.name.encode()
            members[f"{number:04d}.json"] = json.dumps({"source": image.name}).encode()
        write_tar(target / f"part-{shard:03d}.tar", members)
    return target


def pack_hdf5(folder: Path, target: Path) -> Path:
    """The bytes of the images as a dataset of variable length, with their categories beside it."""
    images = images_of(folder)
    with h5py.File(target, "w") as file:
        encoded = file.create_dataset("images", len(images), h5py.vlen_dtype(np.uint8))
        for number, image in enumerate(images):
            encoded[number] = np.frombuffer(image.read_bytes(), np.uint8)
        file["labels"] = [image.parent.name for image in images]
    return target


def pack_arrays(folder: Path, target: Path) -> Path:
    """The pixels of the images, which have one size, as images x height x width x 3 in a group for each category."""
    with h5py.File(target, "w") as file:
        for category in sorted(each for each in folder.iterdir() if each.is_dir()):
            pixels = [np.asarray(Image.open(image).convert("RGB")) for image in images_of(category)]
            file.create_dataset(f"{category.name}/images", data=np.stack(pixels), compression="gzip")
    return target


def pack_parquet(folder: Path, target: Path, rows: int = 2) -> Path:
    """The images as Hugging Face writes them: bytes and path, a number as label, and its name beside the schema."""
    images = images_of(folder)
    names = sorted({image.parent.name for image in images})
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    schema = pa.schema(
        [("image", HUGGING_FACE), ("label", pa.int64())],
        {"huggingface": json.dumps({"info": {"features": features}})},
    )
    columns = {
        "image": [{"bytes": image.read_bytes(), "path": image.name} for image in images],
        "label": [names.index(image.parent.name) for image in images],
    }
    pq.write_table(pa.table(columns, schema), target, row_group_size=rows)
    return target
