"""Images in containers are read in place: stored paths, categories, and values equal to those of the same files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from support.moments import some_of
from support.own_sql import seen
from support.packing import (
    pack_arrays,
    pack_hdf5,
    pack_parquet,
    pack_tar,
    pack_webdataset,
    pack_zip,
    write_zip,
)
from toolbox import Study
from toolbox.errors import ResultWarning, StimulusError, UsageError
from toolbox.show.thumbnails import with_thumbnails

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
        seen(
            "select stimulus_id, category, layer, filter, maximum, mean from responses join labels using (stimulus_id) "
            "order by all"
        )
    )


def table(study: Study, columns: str) -> pl.DataFrame:
    return study.query(seen(f"select {columns} from stimuli order by stimulus_id"))


@pytest.mark.parametrize("kind", some_of(PACKED, 3))
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
    one, two = (each.query(seen(measured)).drop(file_properties, strict=False) for each in found)
    assert two.equals(one)


def test_a_stored_path_names_the_container_and_the_image_in_it(
    study: Study, pictures: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    pack_tar(pictures, packed / "part-000.tar")
    study.ingest(packed / "part-000.tar", set="noise")
    paths = study.query(seen("select path from stimuli order by stimulus_id"), set="noise")["path"].to_list()
    assert paths[0] == "packed/part-000.tar!/cat/000.png"
    assert study.folder.roots.folders["packed"] == packed.as_posix()
    shutil.move(packed, tmp_path / "moved")
    moved = study.ingest(tmp_path / "moved" / "part-000.tar", set="noise")
    assert (moved.added, moved.moved) == (0, 8)
    assert study.folder.roots.folders["packed"] == (tmp_path / "moved").as_posix()


@pytest.fixture
def packed_study(tmp_path: Path, cache: Path, pictures: Path) -> Study:
    """A study of images in a zip and in Parquet."""
    study = Study(tmp_path / "study", create=True)
    shutil.copytree(pictures / "cat", tmp_path / "one" / "cat")
    shutil.copytree(pictures / "dog", tmp_path / "two" / "dog")
    (tmp_path / "packed").mkdir()
    sources = [
        pack_zip(tmp_path / "one", tmp_path / "packed" / "a.zip"),
        pack_parquet(tmp_path / "two", tmp_path / "packed" / "b.parquet"),
    ]
    report = study.ingest(sources, set="noise")
    assert report.categories == {"cat": 4, "dog": 4}
    return study


def test_galleries_thumbnails_copies_and_bundles_read_images_in_place(
    packed_study: Study, pictures: Path, card: str, weights: str, tmp_path: Path
) -> None:
    study, originals = packed_study, {path.read_bytes() for path in pictures.rglob("*.*")}
    study.extract("noise", model=card, weights=weights)
    with pytest.warns(ResultWarning, match="the sheets contain pixels of 8 images"):
        study.gallery(
            layer="colour",
            filter=0,
            model=card,
            weights=weights,
            output=tmp_path / "gallery.html",
            progress=False,
        )
    assert (tmp_path / "gallery.html").is_file()
    rows, notes = with_thumbnails(study.folder, table(study, "stimulus_id, path"), "noise")
    assert rows["image"].null_count() == 0
    assert notes == []
    study.export("noise", to="csv", output=tmp_path / "list.csv", copy_images=tmp_path / "copies")
    copies = {path.name: path.read_bytes() for path in (tmp_path / "copies").iterdir()}
    assert {*copies.values()} == originals
    assert {Path(name).suffix for name in copies} == {".png", ".jpg"}
    with pytest.raises(StimulusError, match=r"is in a container, .* copy the images with --copy-images"):
        study.export("noise", to="csv", output=tmp_path / "other.csv")
    study.share(tmp_path / "bundle", include_images=True)
    assert {path.read_bytes() for path in (tmp_path / "bundle").glob("image-*")} == originals


def test_images_that_left_their_container_are_listed_and_the_others_presented(
    packed_study: Study, pictures: Path, card: str, weights: str, tmp_path: Path
) -> None:
    study = packed_study
    (tmp_path / "packed").rename(tmp_path / "away")
    with pytest.raises(
        StimulusError, match=r"none of the 8 images can be read \(no such file: .*a\.zip!/one/cat"
    ):
        study.extract("noise", model=card, weights=weights)
    (tmp_path / "away").rename(tmp_path / "packed")
    left = {"one/cat/000.png": pictures / "cat" / "000.png", "one/cat/002.jpg": pictures / "dog" / "001.png"}
    write_zip(tmp_path / "packed" / "a.zip", {name: path.read_bytes() for name, path in left.items()})
    report = study.extract("noise", model=card, weights=weights)
    reasons = {each.path: each.reason for each in report.unreadable}
    assert reasons == {
        "packed/a.zip!/one/cat/002.jpg": "changed since it was ingested",
        "packed/a.zip!/one/cat/004.png": "no longer in a.zip",
        "packed/a.zip!/one/cat/006.jpg": "no longer in a.zip",
    }


def test_tables_name_images_in_containers(packed_study: Study, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "path,size\npacked/a.zip!/one/cat/000.png,small\npacked/b.parquet!/image/000001,large\n"
    )
    assert packed_study.label("noise", scheme="size", source=labels).categories == {"large": 1, "small": 1}
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(
        "path,category,rating\npacked/a.zip!/one/cat/000.png,cat,3\npacked/a.zip!/gone.png,cat,1\n"
        "packed/gone.zip!/1.png,cat,1\n"
    )
    report = packed_study.ingest(manifest, set="noise")
    assert (report.known, report.filled) == (1, 1)
    assert [each.reason for each in report.rejections] == [
        "no such member of a.zip", "its container cannot be opened (No such file or directory)"
    ]  # fmt: skip


def test_what_is_no_container_is_not_ingested_with_containers(
    study: Study, photographs: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        UsageError, match=r"photographs is no container of images; expected one source, or several of"
    ):
        study.ingest([pack_tar(photographs, tmp_path / "a.tar"), photographs], set="other")
    shutil.make_archive(str(tmp_path / "b"), "gztar", photographs)
    with pytest.raises(StimulusError, match="is compressed as a whole"):
        study.ingest(tmp_path / "b.tar.gz", set="other")
