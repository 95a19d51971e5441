"""Which pixels drive a filter: values that follow by hand, agreement, the sheet, and every refusal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.commands import run
from support.tiny_network import CARD, write_weights
from toolbox import GradientError, MixtureError, Saliency, StimulusError, Study, UnknownNameError, UsageError
from toolbox.gradient import rules
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.show.saliency.agreement import rank_agreement
from toolbox.show.saliency.attribution import contributions, narrowed, unit_of_maximum
from toolbox.show.saliency.occlusion import Occlusion, occlude, tile
from toolbox.show.saliency.sheet import smoothed
from toolbox.stimuli.fitting import Box
from toolbox.stimuli.heat import LOWERS, RAISES, with_heat

Explain = Callable[..., Saliency]


@pytest.fixture
def explained(tmp_path: Path, cache: Path, weights: str) -> Study:
    """A study of two pictures: one with a red pixel and one with a blue pixel, both otherwise dark green."""
    for name, place, colour in (("red", (2, 1), (200, 20, 0)), ("blue", (0, 3), (0, 40, 90))):
        pixels = np.zeros((4, 4, 3), np.uint8)
        pixels[..., 1] = 30
        pixels[place] = colour
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{name}.png")
    study = Study(tmp_path / "study", create=True)
    study.ingest(tmp_path / "pictures", set="pictures")
    study.extract("pictures", model=str(CARD), weights=weights)
    return study


@pytest.fixture
def explain(explained: Study, weights: str) -> Explain:
    """`saliency` of the third filter of `colour`, red - green - 10 above 0, for the picture with the red pixel."""

    def call(**options: Any) -> Saliency:
        usual = {
            "stimulus": "red/red.png",
            "layer": "colour",
            "filter": 2,
            "model": str(CARD),
            "weights": weights,
        }
        return explained.saliency(**{**usual, **options})

    return call


def test_gradient_x_input_and_occlusion_of_one_pixel_follow_by_hand(explain: Explain) -> None:
    """The response is 200 - 20 - 10 = 170 at (2, 1); red contributes 200, green -20, and the bias no pixel."""
    found = explain()
    assert (found.response, found.position) == (170, (2, 1))
    expected = np.zeros((4, 4))
    expected[2, 1] = 180
    np.testing.assert_array_equal(found.contributions, expected)
    assert found.explained == pytest.approx(180 / 170)
    assert found.baseline == (0, 0, 0)
    assert found.occlusion.tiling.side == (1, 1)
    np.testing.assert_array_equal(
        found.occlusion.falls, [170]
    )  # the unit sees one pixel, so there is one patch
    assert found.agreement is None


def test_a_unit_that_sees_the_whole_image_is_explained_by_its_four_maxima(explain: Explain) -> None:
    """`sum` adds the maxima of red over four windows: 200, 0, 0, 0; hiding the red pixel takes all."""
    found = explain(layer="sum", filter=0, patch=1)
    assert (found.response, found.position) == (200, None)
    assert found.contributions[2, 1] == 200
    assert np.count_nonzero(found.contributions) == 1
    assert found.explained == 1
    falls = found.occlusion.falls.reshape(4, 4)
    assert falls[2, 1] == 200
    assert np.count_nonzero(falls) == 1
    assert found.agreement == pytest.approx(1)


def test_the_stimulus_may_be_its_number_its_path_or_the_end_of_that(explain: Explain) -> None:
    whole = explain().path
    assert whole == "pictures/red/red.png"
    assert explain(stimulus=whole).path == explain(stimulus="red.png").path == whole
    number = explain().stimulus_id
    assert explain(stimulus=number).path == explain(stimulus=str(number)).path == whole


def test_the_response_is_that_of_the_study(explained: Study, explain: Explain) -> None:
    rows = explained.query("filters/stimuli", layer="sum", filter=0)
    stored = dict(rows.select("path", "response").rows())
    assert explain(layer="sum", filter=0).response == stored["pictures/red/red.png"]


@pytest.mark.parametrize("suffix", [".html", ".pdf", ".png", ".svg", ".json"])
def test_the_sheet_is_written_in_the_formats_of_figures(
    explain: Explain, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"sheet{suffix}"
    explain(output=path)
    assert path.stat().st_size > 3000


def test_the_sheet_shows_photograph_and_both_maps_with_their_numbers(
    explain: Explain, tmp_path: Path
) -> None:
    explain(output=tmp_path / "sheet.json", layer="sum", filter=0, patch=1)
    chart = json.loads((tmp_path / "sheet.json").read_text())
    words = json.dumps(chart)
    rows = next(found for found in chart["datasets"].values() if "uri" in found[0])
    for text in (
        "photograph",
        "gradient x input",
        "occlusion",
        "sum: 100 % of the response",
        "16 patches of 1 x 1",
    ):
        assert text in words
    assert [row["description"] for row in rows] == ["photograph", "gradient x input", "occlusion"]
    assert chart["title"]["text"] == ["What drives sum/0 in red.png"]
    origin = chart["usermeta"]["toolbox"]
    assert (origin["agreement"], origin["explained"], origin["patch"]) == (pytest.approx(1), 1, [1, 1])
    assert str(tmp_path) not in json.dumps(chart)


def test_a_sheet_without_title_has_none(explain: Explain, tmp_path: Path) -> None:
    explain(output=tmp_path / "sheet.json", title=False, width="89mm")
    assert "title" not in json.loads((tmp_path / "sheet.json").read_text())


def test_the_command_writes_the_sheet_and_prints_what_was_found(
    explained: Study, weights: str, tmp_path: Path
) -> None:
    words = [
        "saliency",
        "--stimulus",
        "red.png",
        "--layer",
        "sum",
        "--filter",
        "0",
        "--patch",
        "1",
        "--model",
        str(CARD),
    ]
    done = run(
        *words, "--weights", weights, "--study", str(explained.folder.root), "-o", str(tmp_path / "sheet.svg")
    )
    assert done.returncode == 0
    assert done.stdout.strip() == str(tmp_path / "sheet.svg")
    for text in (
        "sum/0, pictures/red/red.png: response 200",
        "gradient x input: sums to 100 % of the response",
        "occlusion: one of 16 patches lowers it by up to 100 %",
        "agreement of both maps: 1.00 (Spearman over patches",
    ):
        assert text in done.stderr


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"stimulus": "red/rde.png"}, UnknownNameError, "no stimulus named 'red/rde.png'; did you mean 'pictures/red/red"),
    ({"stimulus": 99}, UnknownNameError, "no stimulus named '99'"),
    ({"layer": "colours"}, UnknownNameError, "no layer named 'colours'; did you mean 'colour'"),
    ({"layer": "*"}, UsageError, "names 3 layers; expected one"),
    ({"filter": 3}, UsageError, "no filter 3 in colour; expected 0 to 2"),
    ({"filter": -1}, UsageError, "filter is -1; expected the number of one filter, from 0"),
    ({"filter": True}, UsageError, "filter is True"),
    ({"patch": 0}, UsageError, "patch is 0; expected a whole number of pixels, 1 or more"),
    ({"patch": 2.5}, UsageError, "patch is 2.5"),
    ({"stimulus": "blue.png"}, UsageError, "blue.png does not drive colour/2: its response is 0, so there is nothing"),
    ({"set": "pets"}, UnknownNameError, "no stimulus set named 'pets'"),
    ({"width": "wide", "stimulus": 99}, UsageError, "wide"),
    ({"output": "sheet.bmp", "stimulus": 99}, UsageError, "cannot draw a figure as '.bmp'"),
    ({"output": ".", "stimulus": 99}, UsageError, "is a directory; expected the name of a file"),
    ({"output": "sheet.svg", "dpi": 300, "stimulus": 99}, UsageError, "has no dots per inch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "error", "words"), REFUSED, ids=[str(options) for options, _, _ in REFUSED]
)
def test_what_cannot_be_explained_is_refused_in_one_line(
    explain: Explain, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as refused:
        explain(**options)
    assert "\n" not in str(refused.value)


def test_the_end_of_several_paths_is_refused(
    explained: Study, explain: Explain, tmp_path: Path, weights: str
) -> None:
    shutil.copytree(tmp_path / "pictures" / "red", tmp_path / "more" / "other" / "red")
    other = Image.open(tmp_path / "pictures" / "red" / "red.png").rotate(90)
    other.save(tmp_path / "more" / "other" / "red" / "red.png")
    explained.ingest(tmp_path / "more", set="pictures")
    explained.extract("pictures", model=str(CARD), weights=weights)
    with pytest.raises(
        UsageError, match=r"2 stimuli end in 'red.png' \(.*\); expected a number, or a whole path"
    ):
        explain(stimulus="red.png")


def test_a_stimulus_is_found_by_the_name_of_its_file_without_suffix(explain: Explain) -> None:
    assert explain(stimulus="red").path == explain(stimulus="red/red.png").path


def test_a_missing_image_is_refused_with_its_remedy(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "red" / "red.png").unlink()
    with pytest.raises(
        StimulusError, match=r"red.png cannot be explained \(No such file.*\); move the images back"
    ):
        explain()


def test_an_image_that_was_changed_is_refused(explain: Explain, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (250, 0, 0)).save(tmp_path / "pictures" / "red" / "red.png")
    with pytest.raises(StimulusError, match=r"red.png cannot be explained \(changed since it was ingested\)"):
        explain()


def test_other_weights_are_refused(explain: Explain, tmp_path: Path) -> None:
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    with pytest.raises(MixtureError, match="other weights"):
        explain(weights=str(other))


def test_an_operator_without_a_rule_is_refused_before_anything_is_hidden(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(rules.RULES, "MaxPool")
    with pytest.raises(GradientError, match=r"operator MaxPool \(layer 'pool'\) cannot be computed"):
        explain(layer="sum", filter=0)


def test_patches_cover_a_region_and_end_with_it() -> None:
    tiling = tile((1, 2, 12, 10), 4)
    assert tiling.tops == (1, 3, 5, 7, 8)
    assert tiling.lefts == (2, 4, 6)
    covered = Occlusion(tiling, np.ones(15)).spread((14, 14))
    assert covered[1:12, 2:10].all()
    assert covered.sum() == 11 * 8


def test_a_patch_is_no_larger_than_the_region() -> None:
    tiling = tile((0, 0, 3, 5), 9)
    assert (tiling.side, tiling.tops, tiling.lefts) == ((3, 5), (0,), (0,))


def test_too_many_patches_are_refused_with_a_number_that_is_accepted() -> None:
    with pytest.raises(UsageError, match=r"50,176 presentations .* choose patch=(\d+)") as refused:
        tile((0, 0, 224, 224), 1)
    enough = int(str(refused.value).split("patch=")[1].split(" ")[0])
    assert len(tile((0, 0, 224, 224), enough).patches) <= 4096
    with pytest.raises(UsageError):
        tile((0, 0, 224, 224), enough - 1)


DEEP = """
name = "deep"
title = "Two blocks, with padding"
[input]
height = 40
width = 36
[layers]
a = { kind = "convolution", filters = 5, kernel = 3, padding = 1, activation = "relu" }
p = { kind = "pool", kernel = 2, stride = 2 }
b = { kind = "convolution", filters = 6, kernel = 3, padding = 1, activation = "relu" }
c = { kind = "convolution", filters = 7, kernel = 3, padding = 1, activation = "none" }
"""


@pytest.mark.parametrize(("place", "is_alone"), [((6, 7), True), ((0, 7), False)])
def test_a_unit_alone_has_the_same_falls_as_in_the_whole_network(
    tmp_path: Path, place: tuple[int, int], is_alone: bool
) -> None:
    """A unit of `c` sees 12 pixels from 2 * (place - 2) - 1 on; one at the border sees padding, and is not cut out."""
    (tmp_path / "deep.toml").write_text(DEEP)
    model = load_model(network(str(tmp_path / "deep.toml")), source="random:1")
    image = np.random.default_rng(0).normal(0, 50, (1, 3, 40, 36)).astype(np.float32)
    first = unit_of_maximum(model, model.layers[-1], 4, image)
    unit = replace(first, place=place)
    top, left = (2 * (each - 2) - 1 for each in place)
    field = Box(top, left, top + 12, left + 12)
    alone = narrowed(model, unit, image, field)
    assert (alone.field is not None) == is_alone
    tiling = tile(field.within((40, 36)).outward(), 4)
    falls = [occlude(each, image, tiling).falls for each in (unit, alone)]
    np.testing.assert_allclose(*falls, rtol=1e-4, atol=1e-4 * np.abs(falls[0]).max())
    assert np.abs(falls[0]).max() > 0
    values = contributions(model, unit, image)
    inside = np.zeros((40, 36), bool)
    inside[max(top, 0) : top + 12, max(left, 0) : left + 12] = True
    assert not values[~inside].any()
    assert values[inside].any()


def test_the_mean_over_patches_is_the_fall_of_each_pixel() -> None:
    """Three patches of two pixels over four, which overlap by one."""
    occlusion = Occlusion(tile((0, 0, 2, 4), 2), np.array([4.0, 2.0, -6.0]))
    np.testing.assert_array_equal(occlusion.spread((2, 4))[0], [4, 3, -2, -6])


def test_agreement_is_spearmans_rank_correlation() -> None:
    from scipy import stats

    random = np.random.default_rng(0)
    first, second = random.integers(0, 9, 50).astype(float), random.normal(0, 1, 50)
    assert rank_agreement(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)
    assert rank_agreement(first, -first) == pytest.approx(-1)
    assert rank_agreement(first, np.zeros(50)) is None
    assert rank_agreement(first[:2], second[:2]) is None


def test_smoothing_keeps_the_sum_and_the_place() -> None:
    values = np.zeros((9, 9))
    values[4, 4] = 9.0
    means = smoothed(values, 3)
    np.testing.assert_allclose(means[3:6, 3:6], 1)
    assert means.sum() == pytest.approx(9)
    np.testing.assert_array_equal(smoothed(values, 1), values)


def test_heat_has_the_full_colour_where_a_value_is_the_largest_and_none_where_it_is_0() -> None:
    photograph = np.zeros((1, 4, 3), np.uint8)
    values = np.array([[5.0, -5.0, 0.0, 50.0]])
    shown = with_heat(photograph, values, 5)
    np.testing.assert_array_equal(shown[0, 0], RAISES)
    np.testing.assert_array_equal(shown[0, 1], LOWERS)
    assert len(set(shown[0, 2].tolist())) == 1  # grey
    np.testing.assert_array_equal(shown[0, 3], RAISES)
    assert with_heat(photograph, values * 0, 0).std() == 0
