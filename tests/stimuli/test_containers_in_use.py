"""Whatever reads images gives the same of a set in a container as of the same images in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import run
from support.packing import pack_parquet, pack_tar
from support.tiny_network import CARD, write_weights

PIXELS = re.compile(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]{100,}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images of noise in each of two categories, as files, in a tar, and in a Parquet file; and a network."""
    place, chance = tmp_path_factory.mktemp("in use"), np.random.default_rng(0)
    for category, channel in (("green", 1), ("red", 0)):
        for number in range(8):
            pixels = chance.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            pixels[..., channel] //= 2
            file = place / "files" / category / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    pack_tar(place / "files", place / "images.tar")
    pack_parquet(place / "files", place / "images.parquet")
    write_weights(place / "tiny.npz")
    return place


@pytest.fixture(scope="module", params=["images.tar", "images.parquet"])
def studies(folder: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A study of the files, and one of a container with the same images, with responses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(folder / "cache"))
        places = []
        for source in ("files", request.param):
            place = str(folder / f"study of {source}")
            places.append(place)
            if not Path(place).exists():
                run("ingest", str(folder / source), "--set", "noise", "--create", "--study", place)
                weights = str(folder / "tiny.npz")
                run("extract", "noise", "--model", str(CARD), "--weights", weights, "--study", place)
        yield places[0], places[1]


@pytest.mark.parametrize(
    "command",
    [
        ("properties", "noise"),
        ("probe", "noise", "--repeats", "1", "--distance", "0", "--format", "csv"),
        ("query", "filters/representative", "--format", "csv"),
        (
            "query",
            "select pixels_sha256, bytes, width, category from stimuli join labels using (stimulus_id) order by all",
            "--format",
            "csv",
        ),
    ],
    ids=("properties", "probe", "filters", "stimuli"),
)
def test_numbers_are_those_of_the_files(studies: tuple[str, str], command: tuple[str, ...]) -> None:
    expected, found = (run(*command, "--study", study).stdout for study in studies)
    assert found == expected
    assert found.count("\n") > 1


def test_an_audit_finds_the_same_images(studies: tuple[str, str]) -> None:
    findings = [run("audit", "noise", "--format", "json", "--study", study).stdout for study in studies]
    kinds = [re.findall(r'"(?:kind|category|value)": ?[^,}]+', text) for text in findings]
    assert kinds[0] == kinds[1] and kinds[0]


@pytest.mark.parametrize(
    "command", [("gallery", "--layer", "colour", "--filter", "0"), ("report", "--with-images")]
)
def test_pages_show_the_same_pictures(
    studies: tuple[str, str], command: tuple[str, ...], folder: Path, tmp_path: Path
) -> None:
    command = (*command, "--model", str(CARD), "--weights", str(folder / "tiny.npz"))
    pages = [tmp_path / f"{number}.html" for number in range(2)]
    for page, study in zip(pages, studies, strict=True):
        run(*command, "--study", study, "--output", str(page))
    expected, found = (PIXELS.findall(page.read_text(encoding="utf-8")) for page in pages)
    assert found == expected
    assert len(found) >= 4


def test_a_list_for_an_experiment_comes_with_copies_of_the_images(
    studies: tuple[str, str], folder: Path, tmp_path: Path
) -> None:
    copied = ("--copy-images", str(tmp_path / "copies"), "--output", str(tmp_path / "list.csv"))
    run("export", "noise", "--as", "psychopy", *copied, "--study", studies[1])
    copies = {file.read_bytes() for file in (tmp_path / "copies").rglob("*.png")}
    assert copies == {file.read_bytes() for file in (folder / "files").rglob("*.png")}
