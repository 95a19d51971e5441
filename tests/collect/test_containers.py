"""Images in containers are read in place: stored paths, categories, and values equal to those of the same files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from support.packing import pack_arrays, pack_hdf5, pack_parquet, pack_tar, pack_webdataset, pack_zip
from toolbox import Study

PACKED: dict[str, tuple[str, Callable[[Path, Path], Path]]] = {
    "tar": ("photographs.tar", pack_tar),
    "zip": ("photographs.zip", pack_zip),
    "webdataset": ("shards", pack_webdataset),
    "hdf5 of files": ("photographs.h5", pack_hdf5),
    "hdf5 of arrays": ("photographs.hdf5", pack_arrays),
    "parquet": ("train-00000-of-00001.parquet", pack_parquet),
}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Images of noise, as JPEG and PNG, in two categories."""
    random = np.random.default_rng(0)
    for number in range(8):
        folder = tmp_path / "pictures" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(random.integers(0, 256, (12, 10, 3), np.uint8))
        image.save(folder / f"{number:03d}.{('png', 'jpg')[number // 2 % 2]}")
    return tmp_path / "pictures"


def values(study: Study) -> pl.DataFrame:
    """Every response, by category."""
    return study.query(
        "select stimulus_id, category, layer, filter, maximum, mean from responses join labels using (stimulus_id) "
        "order by all"
    )


def table(study: Study, columns: str) -> pl.DataFrame:
    return study.query(f"select {columns} from stimuli order by stimulus_id")


@pytest.mark.parametrize("kind", PACKED)
def test_values_are_those_of_the_same_images_in_a_folder(
    kind: str, tmp_path: Path, cache: Path, pictures: Path, card: str, weights: str
) -> None:
    name, pack = PACKED[kind]
    packed = pack(pictures, tmp_path / name)
    found = []
    for folder, source in (("one", pictures), ("two", packed)):
        study = Study(tmp_path / folder, create=True)
        report = study.ingest(source, set="noise", strict=True)
        assert report.categories == {"cat": 4, "dog": 4}
        study.extract("noise", model=card, weights=weights)
        study.properties("noise")
        found.append(study)
    assert values(found[1]).equals(values(found[0]))
    identity = "pixels_sha256" if kind == "hdf5 of arrays" else "sha256, bytes, format, pixels_sha256"
    assert table(found[1], f"width, height, {identity}").equals(table(found[0], f"width, height, {identity}"))
    measured = "select * exclude (set) from properties order by stimulus_id"
    file_properties = ("compressed_size",) if kind == "hdf5 of arrays" else ()
    one, two = (each.query(measured).drop(file_properties, strict=False) for each in found)
    assert two.equals(one)


def test_a_stored_path_names_the_container_and_the_image_in_it(
    study: Study, pictures: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    pack_tar(pictures, packed / "part-000.tar")
    study.ingest(packed / "part-000.tar", set="noise")
    paths = study.query("select path from stimuli order by stimulus_id", set="noise")["path"].to_list()
    assert paths[0] == "packed/part-000.tar!/cat/000.png"
    assert study.folder.roots.folders["packed"] == packed.as_posix()
    shutil.move(packed, tmp_path / "moved")
    moved = study.ingest(tmp_path / "moved" / "part-000.tar", set="noise")
    assert (moved.added, moved.moved) == (0, 8)
    assert study.folder.roots.folders["packed"] == (tmp_path / "moved").as_posix()
