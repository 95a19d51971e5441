"""Containers of anybody: what is wrong in one is one line, and nothing is read outside of it or without a limit."""

from __future__ import annotations

import gzip
import json
import os
import struct
import tarfile
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from support.packing import HUGGING_FACE, write_tar, write_zip
from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.container_source import list_containers
from toolbox.stimuli.containers.naming import split_path
from toolbox.stimuli.contents import is_there, read_content
from toolbox.stimuli.scan import ScannedFile, scan_files
from toolbox.stimuli.sources import Listing


def picture(level: int, kind: str = "PNG") -> bytes:
    """An image file of one grey."""
    written = BytesIO()
    Image.new("RGB", (4, 4), (level, level, level)).save(written, kind)
    return written.getvalue()


def categories(listing: Listing) -> dict[str, str | None]:
    return {inside(each.path): each.category for each in listing.candidates}


def inside(path: Path) -> str:
    place = split_path(path)
    assert place is not None
    return place[1]


def reasons(listing: Listing) -> dict[str, str]:
    """What was left out, by the name in the container; of the container itself, by its name."""
    found = {}
    for each in listing.rejections:
        place = split_path(Path(each.path))
        found[place[1] if place else Path(each.path).name] = each.reason
    return found


def scanned(listing: Listing) -> dict[str, ScannedFile]:
    return {inside(each.candidate.path): each for each in scan_files(listing.candidates, ())}


# ---- what is an image, and of which category --------------------------------------------------------------------


def test_folders_in_an_archive_are_categories_and_one_folder_around_them_is_skipped(tmp_path: Path) -> None:
    members = {
        f"photos/{name}": picture(level)
        for level, name in enumerate(("dog/2.png", "cat/1.png", "dog/a/3.png"))
    }
    listing = list_containers([write_zip(tmp_path / "a.zip", {**members, "photos/dog/.DS_Store": b""})])
    assert categories(listing) == {
        "photos/cat/1.png": "cat",
        "photos/dog/2.png": "dog",
        "photos/dog/a/3.png": "dog",
    }
    assert any("the folders in photos/ are the categories" in note for note in listing.notes)


def test_the_label_beside_an_image_counts_before_its_folder_and_a_text_after_it(tmp_path: Path) -> None:
    shard = write_tar(
        tmp_path / "a.tar",
        {
            "x/1.jpg": b"", "x/1.cls": b"7\n",
            "x/2.jpg": b"", "x/2.json": json.dumps({"class": 3, "label": "dog", "width": 4}).encode(),
            "x/3.jpg": b"", "x/3.txt": b"cat", "x/3.npy": b"",
            "4.left.png": b"", "4.right.png": b"", "4.txt": b"bird",
            "5.jpg": b"", "5.txt": b"a photograph of a bird",
            "6.jpg": b"",
        },
    )  # fmt: skip
    listing = list_containers([shard])
    assert categories(listing) == {
        "4.left.png": "bird", "4.right.png": "bird", "5.jpg": None, "6.jpg": None,
        "x/1.jpg": "7", "x/2.jpg": "dog", "x/3.jpg": "x",
    }  # fmt: skip
    assert f"{shard}: files beside images that are neither image nor label: .npy (1)" in listing.notes
    assert any("2 images have neither folder nor label and are unlabelled" in note for note in listing.notes)


@pytest.mark.parametrize(
    "label",
    [b"\xff\xfe", b"two\nlines", b"x" * 300, b"x" * (2**20 + 1)],
    ids=["bytes", "lines", "long", "large"],
)
def test_a_label_that_cannot_be_read_is_listed_and_its_image_kept(tmp_path: Path, label: bytes) -> None:
    listing = list_containers([write_tar(tmp_path / "a.tar", {"1.png": b"", "1.cls": label})])
    assert categories(listing) == {"1.png": None}
    assert reasons(listing)["1.cls"].startswith("no label can be read from it (")


def test_images_of_several_containers_come_in_the_given_order(tmp_path: Path) -> None:
    two, one = (write_tar(tmp_path / f"{name}.tar", {f"dog/{name}.png": b""}) for name in ("two", "one"))
    assert list(categories(list_containers([two, one]))) == ["dog/two.png", "dog/one.png"]


def test_part_of_a_container_is_named_as_an_image_in_it_is(tmp_path: Path) -> None:
    archive = write_zip(
        tmp_path / "a.zip", {"test/dog/1.png": b"", "train/cat/2.png": b"", "training/3.png": b""}
    )
    assert categories(list_containers([Path(f"{archive}!/train")])) == {"train/cat/2.png": "cat"}
    with pytest.raises(UsageError, match="has no 'val'; it has test, train"):
        list_containers([Path(f"{archive}!/val")])


def test_arrays_and_files_in_hdf5(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    colours, greys = (
        random.integers(0, 256, (3, 5, 6, 3), np.uint8),
        random.integers(0, 256, (3, 5, 6), np.uint8),
    )
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x_train"], file["y_train"] = colours, np.array([1, 0, 1])
        file["faces/greys"] = greys
        file["faces/one"] = colours[0]
        file["files/dog"] = np.frombuffer(picture(3), np.uint8)
        file["files/opaque"] = np.void(picture(4))
        file["floats"] = colours / 255
        file["channels"] = np.zeros((3, 3, 5, 6), np.uint8)
        file["betas"] = np.zeros((3, 4))
    listing = list_containers([tmp_path / "a.h5"])
    expected = {
        "faces/greys/000001": ("faces", greys[1]), "faces/one": ("faces", colours[0]),
        "files/dog": ("files", np.full((4, 4, 3), 3)), "files/opaque": ("files", np.full((4, 4, 3), 4)),
        "x_train/000000": ("1", colours[0]), "x_train/000001": ("0", colours[1]),
    }  # fmt: skip
    found = categories(listing)
    for name, (category, pixels) in expected.items():
        assert found[name] == category
        shown = np.asarray(Image.open(BytesIO(read_content(Path(f"{tmp_path}/a.h5!/{name}")))))
        assert (shown == pixels).all()
    assert reasons(listing) == {
        "channels": "an array of 3 x 3 x 5 x 6; expected images x height x width x 3, or images x height x width",
        "floats": "values of type float64; expected images as uint8, 0 to 255, or as bytes of image files",
    }
    assert any("datasets that are no images: betas" in note for note in listing.notes)


def test_the_only_dataset_is_no_category(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "nsd.hdf5", "w") as file:
        file["imgBrick"] = np.zeros((2, 4, 4, 3), np.uint8)
    assert categories(list_containers([tmp_path / "nsd.hdf5"])) == {
        "imgBrick/000000": None,
        "imgBrick/000001": None,
    }


def test_labels_of_hugging_face_are_names_and_minus_one_is_none(tmp_path: Path) -> None:
    features = {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    schema = pa.schema(
        [("image", HUGGING_FACE), ("label", pa.int64())],
        {"huggingface": json.dumps({"info": {"features": features}})},
    )
    images = [
        {"bytes": picture(1), "path": None},
        None,
        {"bytes": None, "path": "x.png"},
        {"bytes": picture(2)},
    ]
    pq.write_table(pa.table({"image": images, "label": [1, 0, 0, -1]}, schema), tmp_path / "a.parquet")
    listing = list_containers([tmp_path / "a.parquet"])
    assert list(categories(listing).values()) == ["dog", "cat", "cat", None]
    assert [each.fault for each in scanned(listing).values()] == [
        None, "a row without the bytes of an image", "a row without the bytes of an image", None
    ]  # fmt: skip


def test_of_several_columns_of_images_one_is_named(tmp_path: Path) -> None:
    table = pa.table({"image": [picture(1)], "mask": [picture(2)], "class": ["dog"]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(
        UsageError, match=r"several columns of images: image, mask; name the one .*a\.parquet!/image"
    ):
        list_containers([tmp_path / "a.parquet"])
    assert categories(list_containers([Path(f"{tmp_path}/a.parquet!/mask")])) == {"mask/000000": "dog"}


# ---- attacks ----------------------------------------------------------------------------------------------------


def test_names_that_lead_outside_are_listed_and_never_opened(tmp_path: Path) -> None:
    names = [
        "../evil.png",
        "/etc/passwd.png",
        "dog/../../evil.png",
        "dog\\evil.png",
        "./dog/1.png",
        "x" * 2000,
    ]
    outside = "its name leads outside the container; rename it"
    for archive in (write_tar(tmp_path / "a.tar", dict.fromkeys(names, picture(1))),
                    write_zip(tmp_path / "a.zip", dict.fromkeys(names, picture(1)))):  # fmt: skip
        listing = list_containers([archive])
        assert categories(listing) == {"dog/1.png": "dog"}
        assert list(reasons(listing).values())[:3] == [outside] * 3
        assert len(listing.rejections) == 5


def test_a_path_of_a_member_cannot_leave_its_container(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture(1))
    archive = write_tar(tmp_path / "a.tar", {"dog/1.png": picture(2)})
    path = Path(f"{archive}!/../secret.png")
    assert not is_there(path)
    with pytest.raises(OSError, match=r"no longer in a\.tar"):
        read_content(path)


def test_links_and_devices_in_a_container_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture(1))
    headers = []
    for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("fifo", tarfile.FIFOTYPE)):
        header = tarfile.TarInfo(f"dog/{name}.png")
        header.type, header.linkname = kind, str(tmp_path / "secret.png")
        headers.append(header)
    tar = list_containers([write_tar(tmp_path / "a.tar", [*headers, ("dog/1.png", picture(2))])])
    link = "a link in a container; put the image itself into it"
    assert reasons(tar) == {"dog/soft.png": link, "dog/hard.png": link, "dog/fifo.png": "not a regular file"}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        entry = zipfile.ZipInfo("dog/soft.png")
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        zipped.writestr(entry, str(tmp_path / "secret.png"))
    assert reasons(list_containers([tmp_path / "a.zip"])) == {"dog/soft.png": link}
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(300))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = np.zeros((2, 4, 4, 3), np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["soft"], file["outside"] = h5py.SoftLink("/hidden"), h5py.ExternalLink("other.h5", "/images")
        file.create_dataset("raw", (2, 4, 4, 3), np.uint8, external=[(str(raw), 0, 96)])
        layout = h5py.VirtualLayout((2, 4, 4, 3), np.uint8)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "images", (2, 4, 4, 3), np.uint8)
        file.create_virtual_dataset("virtual", layout)
        group = file.create_group("group")
        group["circle"] = group
    elsewhere = "its values are in another file; put the images themselves into the container"
    assert reasons(list_containers([tmp_path / "a.h5"])) == {
        "outside": link, "soft": link, "raw": elsewhere, "virtual": elsewhere
    }  # fmt: skip


def test_of_two_members_of_one_name_the_later_counts_as_if_they_were_unpacked(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "a.tar", [("dog/1.png", picture(1)), ("./dog/1.png", picture(2))])
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped,
    ):
        zipped.writestr("dog/1.png", picture(1))
        zipped.writestr("dog/1.png", picture(2))
    for archive in (tar, tmp_path / "a.zip"):
        listing = list_containers([archive])
        assert categories(listing) == {"dog/1.png": "dog"}
        assert reasons(listing)["dog/1.png"].startswith("a later member of the container has the same name")
        assert read_content(listing.candidates[0].path) == picture(2)


def test_a_tar_that_is_cut_off_gives_what_is_whole_and_one_line_for_the_rest(tmp_path: Path) -> None:
    whole = write_tar(
        tmp_path / "whole.tar", {f"dog/{number}.png": picture(number) * 20 for number in range(4)}
    )
    content = whole.read_bytes()
    starts = [place for place in range(0, len(content), 512) if content[place : place + 4] == b"dog/"]
    cut = tmp_path / "cut.tar"
    ends = [start + 512 + len(picture(number) * 20) for number, start in enumerate(starts)]
    for length in (*range(starts[1], ends[3] + 1, 64), *starts[1:]):
        cut.write_bytes(content[:length])
        listing = list_containers([cut])
        assert len(listing.candidates) == sum(end <= length for end in ends), length
        assert listing.rejections or (length in starts and "may be cut off" in listing.notes[0]), length
    cut.write_bytes(content[:300])
    with pytest.raises(StimulusError, match="cannot be read as an archive of tar"):
        list_containers([cut])


def test_a_damaged_header_in_a_tar_is_not_its_end(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {f"dog/{number}.png": picture(number) for number in range(4)})
    content = bytearray(archive.read_bytes())
    content[content.index(b"dog/2.png")] ^= 1
    archive.write_bytes(content)
    listing = list_containers([archive])
    assert list(categories(listing)) == ["dog/0.png", "dog/1.png"]
    assert "only its first 2 files can be read (a header is damaged)" in reasons(listing)["a.tar"]


def test_an_archive_joined_to_another_is_not_forgotten(tmp_path: Path) -> None:
    one, two = (
        write_tar(tmp_path / f"{name}.tar", {f"dog/{name}.png": picture(1)}) for name in ("one", "two")
    )
    one.write_bytes(one.read_bytes() + two.read_bytes())
    assert "another archive was joined to it" in reasons(list_containers([one]))["one.tar"]


@pytest.mark.parametrize("size", [10 * 2**30, -512], ids=["10 GB", "negative"])
def test_a_member_that_states_what_no_image_has_is_not_read(tmp_path: Path, size: int) -> None:
    header = tarfile.TarInfo("dog/large.png")
    archive = write_tar(tmp_path / "a.tar", [("dog/1.png", picture(1)), header])
    content = bytearray(archive.read_bytes())
    start = content.index(b"dog/large.png")
    sign = b"\x80\0\0\0" if size > 0 else b"\xff" * 4
    content[start + 124 : start + 136] = sign + struct.pack(">q", size)  # the form of sizes beyond 8 GB
    content[start + 148 : start + 156] = b" " * 8
    content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
    archive.write_bytes(content)
    listing = list_containers([archive])
    assert categories(listing) == {"dog/1.png": "dog"}
    assert listing.rejections


def test_a_zip_never_unpacks_more_than_it_states(tmp_path: Path) -> None:
    bomb = write_zip(tmp_path / "a.zip", {"dog/1.png": bytes(200 * 2**20)})
    content = bytearray(bomb.read_bytes())
    place = content.index(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 1000)  # the size that the directory states
    bomb.write_bytes(content)
    listing = list_containers([bomb])
    tracemalloc.start()
    faults = [each.fault for each in scanned(listing).values()]
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()
    assert faults == ["damaged in its container (Bad CRC-32 for file 'dog/1.png'); copy the container again"]
    content[place + 24 : place + 28] = struct.pack("<I", 2**32 - 2)
    bomb.write_bytes(content)
    os.utime(bomb, ns=(1, 1))
    assert reasons(list_containers([bomb]))["dog/1.png"].startswith("oversized: 4,294,967,294 bytes")


def test_methods_of_compression_that_unpack_without_limit_and_encrypted_members_are_refused(
    tmp_path: Path,
) -> None:
    listing = list_containers([write_zip(tmp_path / "a.zip", {"dog/1.png": bytes(2**20)}, zipfile.ZIP_BZIP2)])
    assert reasons(listing)["dog/1.png"] == "compressed by the method 12; expected deflate (8), or none (0)"
    archive = write_zip(tmp_path / "b.zip", {"dog/1.png": picture(1)})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    assert reasons(list_containers([archive]))["dog/1.png"].startswith("encrypted")


def test_a_value_that_a_table_repeats_is_in_memory_once(tmp_path: Path) -> None:
    value = picture(1) + os.urandom(2**20) * 16
    table = pa.table({"image": pa.array([value] * 100)})
    pq.write_table(table, tmp_path / "a.parquet", dictionary_pagesize_limit=2**30, data_page_size=2**30)
    del table
    pa.default_memory_pool().release_unused()
    before = pa.total_allocated_bytes()
    listing = list_containers([tmp_path / "a.parquet"])
    peak = 0
    for each in scan_files(listing.candidates, ()):
        peak = max(peak, pa.total_allocated_bytes() - before)
        assert each.fault is None
    assert peak < 100 * 2**20


def test_members_that_are_no_images_are_listed_as_files_are(tmp_path: Path) -> None:
    archive = write_zip(
        tmp_path / "a.zip",
        {"dog/1.png": b"no image", "dog/2.png": picture(1, "JPEG")[:100], "dog/3.png": b""},
    )
    faults = {name: each.fault or "" for name, each in scanned(list_containers([archive])).items()}
    assert faults["dog/1.png"].startswith("not an image")
    assert faults["dog/2.png"].startswith("damaged image")
    assert faults["dog/3.png"] == "empty file"


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar"])
def test_an_archive_that_is_compressed_as_a_whole_is_refused_with_the_reason(
    tmp_path: Path, name: str
) -> None:
    archive = write_tar(tmp_path / "b.tar", {"dog/1.png": picture(1)})
    (tmp_path / name).write_bytes(gzip.compress(archive.read_bytes()))
    with pytest.raises(StimulusError, match=r"is compressed as a whole, .* decompress it \(gunzip"):
        list_containers([tmp_path / name])


@pytest.mark.parametrize("suffix", ["tar", "zip", "h5"])
@pytest.mark.parametrize("content", [b"", b"nothing of that kind" * 100], ids=["empty", "other"])
def test_a_file_of_another_kind_is_one_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(StimulusError, match=rf"a\.{suffix} cannot be read as .*; copy it again"):
        list_containers([tmp_path / f"a.{suffix}"])


def test_of_several_containers_one_that_is_damaged_is_listed(tmp_path: Path) -> None:
    good = write_tar(tmp_path / "good.tar", {"dog/1.png": picture(1)})
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    listing = list_containers([good, tmp_path / "bad.zip"])
    assert len(listing.candidates) == 1
    assert reasons(listing)["bad.zip"].startswith("cannot be read as an archive of zip")
    with pytest.raises(UsageError, match=r"gone\.tar does not exist"):
        list_containers([good, tmp_path / "gone.tar"])


def test_a_container_that_changed_is_indexed_again(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {"dog/1.png": picture(1)})
    path = Path(f"{archive}!/dog/1.png")
    assert read_content(path) == picture(1)
    write_tar(archive, {"cat/0.png": picture(7) * 9, "dog/1.png": picture(2)})
    assert read_content(path) == picture(2)
    write_tar(archive, {"cat/0.png": picture(7)})
    assert not is_there(path)
    with pytest.raises(FileNotFoundError, match=r"no longer in a\.tar"):
        read_content(path)
    archive.unlink()
    with pytest.raises(FileNotFoundError):
        read_content(path)


def test_a_folder_whose_name_ends_like_a_container_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tar!" / "dog").mkdir(parents=True)
    (tmp_path / "a.tar!" / "dog" / "1.png").write_bytes(picture(1))
    assert read_content(tmp_path / "a.tar!" / "dog" / "1.png") == picture(1)
