"""A gallery of the three-layer network: its pieces, sheets, files, and what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import run
from support.own_sql import seen
from support.tiny_network import CARD, paint, write_weights
from toolbox import (
    Gallery,
    MixtureError,
    QueryError,
    Selection,
    StimulusError,
    Study,
    UnknownNameError,
    UsageError,
    VerificationError,
)
from toolbox.show.gallery.choice import chosen_gallery
from toolbox.show.gallery.run import make_gallery, save_gallery
from toolbox.show.patches import find_patches
from toolbox.show.presented import open_presented

Make = Callable[..., Gallery]


def with_dot(path: Path, place: tuple[int, int], size: tuple[int, int] = (8, 16)) -> Path:
    """A black picture, 8 high and 16 wide, with a red dot of 2 x 4 pixels: one pixel of the network's input."""
    pixels = np.zeros((*size, 3), np.uint8)
    row, column = place
    pixels[2 * row : 2 * row + 2, 4 * column : 4 * column + 4] = (200, 10 + row, column)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def dots(tmp_path: Path, cache: Path, weights: str) -> Study:
    """A study of four pictures with a dot at a known place, and two of one colour."""
    folder = tmp_path / "pictures"
    for row, column in ((0, 0), (1, 2), (2, 3), (3, 1)):
        with_dot(folder / "dot" / f"{row}{column}.png", (row, column))
    paint(folder / "plain" / "black.png", (0, 0, 0))
    paint(folder / "plain" / "grey.png", (90, 90, 90))
    study = Study(tmp_path / "study", create=True)
    study.ingest(folder, set="dots")
    study.extract("dots", model=str(CARD), weights=weights)
    return study


@pytest.fixture
def make(dots: Study, weights: str) -> Make:
    def call(
        layer: object = None, filter: object = None, category: object = None, **others: object
    ) -> Gallery:
        model, source = others.pop("model", str(CARD)), others.pop("weights", weights)
        choice = chosen_gallery(layer, filter, category, **others)  # type: ignore[arg-type]
        return make_gallery(dots.folder, choice, Selection(None, model), weights=source)  # type: ignore[arg-type]

    return call


def test_the_piece_is_what_the_position_of_the_maximum_sees(dots: Study, weights: str) -> None:
    """The input of 4 x 4 pixels was stretched from 8 x 16: a position sees 2 x 4 pixels of the image."""
    presented = open_presented(
        dots.folder, Selection("dots", "tiny"), ["colour", "pool"], card=str(CARD), weights=weights
    )
    rows = dots.query(seen("select stimulus_id, path from stimuli where path like '%dot/%'"))
    ids = dict(zip(rows["path"], rows["stimulus_id"], strict=True))
    stored = dict.fromkeys(ids.values(), 200.0)
    found = find_patches(presented, {("colour", 0): stored, ("pool", 0): stored}).found
    for path, number in ids.items():
        row, column = int(path[-6]), int(path[-5])
        patch = found["colour", 0, number]
        assert patch.position == (row, column)
        assert patch.field.outward() == (row, column, row + 1, column + 1)
        assert patch.place.outward() == (2 * row, 4 * column, 2 * row + 2, 4 * column + 4)
        assert (patch.cut_out == (200, 10 + row, column)).all()
        assert not patch.beyond.any()
        pooled = found["pool", 0, number]
        assert pooled.position == (row // 2, column // 2)
        top, left = 4 * (row // 2), 8 * (column // 2)
        assert pooled.place.outward() == (top, left, top + 4, left + 8)


def test_a_dense_layer_shows_the_whole_image(dots: Study, weights: str) -> None:
    presented = open_presented(
        dots.folder, Selection("dots", "tiny"), ["sum"], card=str(CARD), weights=weights
    )
    rows = dots.responses("dots", layer="sum").polars()
    number, response = rows.select("stimulus_id", "filter_0").row(0)
    (patch,) = find_patches(presented, {("sum", 0): {number: response}}).found.values()
    assert patch.position is None
    assert patch.place.outward() == (0, 0, *patch.size)
    assert not patch.strong.any()


def test_every_named_filter_has_a_sheet(make: Make) -> None:
    gallery = make(["co*", "pool"], [0, 2])
    assert list(gallery.sheets) == ["colour-0", "colour-2", "pool-0", "pool-2"]
    chart = gallery.sheets["colour-0"].chart.to_dict()
    texts = [row["text"] for rows in chart["datasets"].values() for row in rows if "text" in row]
    assert {"Largest responses", "Smallest responses"} <= {*texts}
    assert sum("rank" in text for text in texts) == 6
    assert gallery.sheets["colour-0"].provenance["gallery"]["filter"] == (0, 2)


def test_a_category_has_a_sheet_of_its_own_before_those_of_its_filters(make: Make) -> None:
    gallery = make(category="dot", top=2)
    assert next(iter(gallery.sheets)) == "dot"
    assert len(gallery.sheets) == 3
    only = make("colour", category="dot", top=5)
    assert {*only.sheets} <= {"dot", "colour-0", "colour-1", "colour-2"}
    with pytest.raises(
        QueryError, match=r"no filter of pool has a value of contrast for dot; pooling layers"
    ):
        make("pool", category="dot")


def test_a_silent_filter_is_named_and_not_drawn(make: Make) -> None:
    assert "responds alike to all 6 stimuli (0)" in " ".join(make("sum", [0, 1]).notes)
    with pytest.raises(QueryError, match="sum/1 responds alike to all 6 stimuli"):
        make("sum", 1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("nose", 1), UnknownNameError, "no layer named 'nose'"),
        (("pool", 3), UsageError, "no filter 3 in pool; expected 0 to 2"),
        (("pool", -1), UsageError, "no filter -1 in pool"),
        ((None, None, "face"), UnknownNameError, "no category named 'face'"),
    ],
)
def test_names_are_checked_before_the_network_is_loaded(
    make: Make, arguments: tuple[object, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(*arguments, weights="nowhere.npz")


def test_another_network_is_refused(make: Make, tmp_path: Path) -> None:
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([1, 2, 3], np.float32))
    with pytest.raises(MixtureError, match=r"other weights or another preprocessing .* extract again"):
        make("colour", 0, weights=str(other))


def test_a_network_whose_card_is_not_installed_needs_its_card(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path / "no networks"))  # other tests may have added it
    with pytest.raises(UsageError, match=r"no card of tiny is installed.*--model CARD.toml"):
        make("colour", 0, model="tiny")


def test_an_image_that_changed_is_striped_and_named(make: Make, dots: Study) -> None:
    (path,) = dots.query(seen("select path from stimuli where path like '%dot/23%'"))["path"]
    paint(dots.folder.image(path), (1, 2, 3))
    gallery = make("colour", 0)
    assert any(
        "images not shown: 1" in note and "changed since it was ingested" in note for note in gallery.notes
    )
    drawn = str(gallery.sheets["colour-0"].chart.to_dict())
    assert "no image: changed" in drawn
    assert gallery.images == 5


def test_images_that_are_gone_are_refused_as_by_an_extraction(make: Make, dots: Study) -> None:
    shutil.rmtree(dots.folder.image(dots.query(seen("select path from stimuli"))["path"][0]).parents[1])
    with pytest.raises(
        StimulusError, match=r"none of the 6 images can be read \(.*\); move the images back"
    ) as error:
        make("colour", 0)
    assert error.value.exit_code == 1


def test_a_maximum_that_is_not_the_stored_response_is_refused(dots: Study, weights: str) -> None:
    presented = open_presented(
        dots.folder, Selection("dots", "tiny"), ["colour"], card=str(CARD), weights=weights
    )
    number = dots.query(seen("select stimulus_id from stimuli where path like '%dot/23%'"))["stimulus_id"][0]
    with pytest.raises(
        VerificationError, match=r"is 201 in the study, but the same network computes 200"
    ) as error:
        find_patches(presented, {("colour", 0): {number: 201.0}})
    assert error.value.exit_code == 3


def test_an_extraction_with_another_fit_is_presented_as_it_was(dots: Study, weights: str) -> None:
    """Cropped to the middle 8 x 8 pixels, a position sees 2 x 2 pixels, from column 4 on."""
    dots.extract("dots", model=str(CARD), weights=weights, fit="crop", replace=True)
    presented = open_presented(
        dots.folder, Selection("dots", "tiny"), ["colour"], card=str(CARD), weights=weights
    )
    assert presented.network.input.fit == "crop"
    rows = dots.query(seen("select stimulus_id from stimuli where path like '%dot/12%'"))
    number = rows["stimulus_id"][0]
    (patch,) = find_patches(presented, {("colour", 0): {number: 200.0}}).found.values()
    assert patch.place.outward() == (2, 8, 4, 10)


def test_one_sheet_is_the_file_and_several_are_named_after_it(make: Make, tmp_path: Path) -> None:
    one = save_gallery(make("colour", 0), tmp_path / "one.json")
    assert [path.name for path in one] == ["one.json"]
    several = save_gallery(make("colour", [0, 1]), tmp_path / "all.json")
    assert [path.name for path in several] == ["all-colour-0.json", "all-colour-1.json"]
    with pytest.raises(UsageError, match="is a directory"):
        save_gallery(make("colour", 0), tmp_path)


def test_without_an_output_nothing_is_written_and_nothing_stays_in_the_study(
    dots: Study, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(dots.folder.root.rglob("*"))
    monkeypatch.chdir(tmp_path)
    dots.gallery(layer="colour", filter=0, model=str(CARD), weights=weights, progress=False)
    assert sorted(dots.folder.root.rglob("*")) == before
    assert not list(tmp_path.glob("gallery*"))


def test_files_with_pixels_are_announced(dots: Study, weights: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="the sheets contain pixels of 6 images of dots"):
        dots.gallery(
            layer="colour",
            filter=0,
            model=str(CARD),
            weights=weights,
            output=tmp_path / "sheet.png",
            progress=False,
        )
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_prints_its_files_and_notes(
    dots: Study, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["--study", str(dots.folder.root), "--model", str(CARD), "--weights", weights]
    done = run("gallery", "--layer", "colour", "--filter", "0", "1", *given)
    assert done.stdout.split() == ["gallery-colour-0.html", "gallery-colour-1.html"]
    assert "the sheets contain pixels of 6 images of dots" in done.stderr
    assert (tmp_path / "gallery-colour-1.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run("gallery", "--layer", "sum", "--filter", "1", *given, code=1).stderr.startswith("error: sum/1")


def test_a_category_of_any_name_has_a_file(make: Make) -> None:
    from toolbox.show.gallery.run import _file_names

    assert _file_names(["a/b", "a b", "..", "é", "a-b"]) == ["a-b", "a-b-2", "sheet", "é", "a-b-3"]
