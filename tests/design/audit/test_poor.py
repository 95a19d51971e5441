"""Poor pictures are reported; objects on a plain ground and drawings, as vision science presents them, are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageDraw, ImageFilter

from support.planted_faults import EDITS
from toolbox import Study
from toolbox.design.audit.choices import POOR
from toolbox.design.audit.poor import poor_pictures, unknown_kinds
from toolbox.errors import ResultWarning

SIDE = 160


def photograph(seed: int) -> Image.Image:
    """Noise with the spectrum of a photograph, in colours."""
    chance = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = np.inf
    planes = []
    for _ in range(3):
        phases = np.exp(2j * np.pi * chance.random((SIDE, SIDE)))
        plane = np.fft.ifft2(phases / frequency).real
        planes.append(128 + 45 * plane / plane.std())
    return Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8))


def cut_out(seed: int) -> Image.Image:
    """A small object on uniform grey."""
    ground = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
    ground.paste(photograph(seed).resize((45, 40)), (60, 55))
    return ground


def drawing(ground: int, line: int) -> Image.Image:
    """Lines on a plain ground."""
    image = Image.new("RGB", (SIDE, SIDE), (ground,) * 3)
    for radius in (20, 40, 60):
        box = (80 - radius, 80 - radius, 80 + radius, 80 + radius)
        ImageDraw.Draw(image).ellipse(box, outline=(line,) * 3, width=3)
    return image


@pytest.fixture
def found(tmp_path: Path, cache: Path) -> Callable[[dict[str, Image.Image]], dict[str, set[str]]]:
    """A function: what an audit reports of pictures among twenty photographs, by name."""

    def audit(pictures: dict[str, Image.Image]) -> dict[str, set[str]]:
        folder = tmp_path / "pictures" / "things"
        folder.mkdir(parents=True)
        for name, image in {**{f"photo {n}": photograph(n) for n in range(20)}, **pictures}.items():
            image.save(folder / f"{name}.png")
        study = Study(tmp_path / "study", create=True)
        study.ingest(tmp_path / "pictures", set="things", progress=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResultWarning)  # of slopes that cannot be estimated
            study.properties("things", progress=False)
        rows = study.audit("things", kind=POOR, progress=False).findings
        kinds: dict[str, set[str]] = {}
        for kind, path in rows.select("kind", "path").iter_rows():
            kinds.setdefault(Path(path).stem, set()).add(kind)
        return kinds

    return audit


def test_every_kind_of_poor_picture_is_reported_and_no_photograph(
    found: Callable[[dict[str, Image.Image]], dict[str, set[str]]],
) -> None:
    poor = {name: EDITS[name](photograph(50 + number)) for number, name in enumerate(POOR_NAMES)}
    kinds = found(poor)
    assert {name: name.replace(" ", "_") in kinds.get(name, set()) for name in poor} == dict.fromkeys(
        poor, True
    )
    assert not [name for name in kinds if name.startswith("photo")]


POOR_NAMES = ("dark", "light", "blurred", "odd size", "odd aspect ratio", "grey", "low information")


def test_cut_outs_and_drawings_are_not_poor(
    found: Callable[[dict[str, Image.Image]], dict[str, set[str]]],
) -> None:
    drawings = {"black on white": drawing(255, 0), "white on black": drawing(0, 255)}
    kinds = found({**{f"object {n}": cut_out(n) for n in range(8)}, **drawings})
    assert {name: kind - {"grey"} for name, kind in kinds.items() if kind - {"grey"}} == {}


def test_a_blurred_object_on_a_plain_ground_is_blurred(
    found: Callable[[dict[str, Image.Image]], dict[str, set[str]]],
) -> None:
    light = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
    light.paste((230, 210, 190), (60, 55, 105, 95))
    blurred = light.filter(ImageFilter.GaussianBlur(6))
    assert found({"soft": blurred, "sharp": cut_out(4)}) == {"soft": {"blurred"}}


def table(**columns: list[float]) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    names = [f"{number}.png" for number in range(count)]
    return pl.DataFrame(
        {"stimulus_id": range(count), "path": names, "category": "a", "width": 100, "height": 100, **columns}
    )


def test_a_grey_set_is_no_finding_but_a_few_grey_pictures_are() -> None:
    few = poor_pictures(table(colourfulness_file=[0.0, 0.1, *[30.0] * 8]), ("grey",))
    assert [finding["stimulus_id"] for finding in few] == [0, 1]
    assert list(poor_pictures(table(colourfulness_file=[0.0] * 9 + [30.0]), ("grey",))) == []


def test_a_size_is_odd_beyond_three_interquartile_ranges() -> None:
    pictures = table(width=[100, 110, 120, 130, 140, 201, 199], height=[100, 110, 120, 130, 140, 201, 199])
    # quartiles 115 and 169.5
    assert list(poor_pictures(pictures, ("odd_size",))) == []
    larger = pictures.with_columns(width=pl.Series([100, 110, 120, 130, 140, 201, 900]))
    found = list(poor_pictures(larger.with_columns(height="width"), ("odd_size",)))
    assert [(finding["value"], finding["threshold"]) for finding in found] == [(900.0, 170.5 + 3 * 55.5)]


def test_what_is_not_defined_for_a_picture_is_no_finding() -> None:
    pictures = table(sharpness=[0.0, 5.0], rms_contrast=[0.0, 0.2])
    assert [finding["stimulus_id"] for finding in poor_pictures(pictures, ("blurred",))] == [1]
    assert unknown_kinds(pictures.columns, ("dark", "blurred")) == ["dark"]
