"""Every image property on pictures whose value is known, or compared with a second computation of another kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import linregress

from toolbox.stimuli import properties
from toolbox.stimuli.image_properties import image_properties, measure_picture, property_columns
from toolbox.stimuli.measured_picture import BANDS, MOST_PIXELS, MeasuredPicture, picture_of_file
from toolbox.stimuli.properties import spectral_slope as of_slope

PUBLISHED = {
    0: (-0.0175, 0.019, 0.004),
    0.5: (-0.52, -0.47, -0.49),
    1.0: (-1.038, -0.974, -0.994),
    1.1: (-1.155, -1.11, -1.09),
    1.25: (-1.37, -1.38, -1.23),
    1.5: (-1.665, -1.676, -1.481),
    2.0: (-1.88, -1.70, -1.86),
}
"""Alpha -> mean slopes of 20 random-phase pictures of 1024 x 1024 pixels and amplitude 1/f^alpha, in the supplement of
the Aesthetics-Toolbox: estimators of Redies (of the power, halved here), Spehar and Mather."""
TOLERANCE = 0.02
"""Of the slope from -alpha, up to an alpha of 1.75."""
UNDEFINED_WHEN_UNIFORM = {
    "energy_low",
    "energy_middle",
    "energy_high",
    "orientation_entropy",
    "spectral_slope",
    "symmetry",
}
SIDE = 224


def grey(levels: np.ndarray) -> MeasuredPicture:
    """A picture of grey levels, which are rounded to 8 bits."""
    rounded = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return MeasuredPicture(np.repeat(rounded[:, :, None], 3, axis=2))


def value(name: str, picture: MeasuredPicture) -> float:
    found = image_properties()[name].measure(picture)
    assert found is not None
    return found


def random_phase(side: int, alpha: float, seed: int = 0, deviation: float = 40) -> MeasuredPicture:
    """Grey levels of the amplitude 1/f^alpha and random phase."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    frequency[0, 0] = math.inf if alpha else 1
    noise = np.fft.fft2(np.random.default_rng(seed).standard_normal((side, side)))
    levels = np.fft.ifft2(frequency**-alpha * noise / np.abs(noise)).real
    return grey((levels - levels.mean()) / levels.std() * deviation + 128)


def grating(cycles: float, degrees: float = 0, side: int = SIDE) -> np.ndarray:
    """Grey levels that change along a direction."""
    down, right = np.mgrid[:side, :side] / side
    along = right * np.cos(np.radians(degrees)) + down * np.sin(np.radians(degrees))
    return 128 + 60 * np.sin(2 * np.pi * cycles * along)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)


def test_every_property_has_the_name_of_its_file_and_says_what_it_is() -> None:
    files = {path.stem for path in Path(properties.__path__[0]).glob("[a-z]*.py")}
    assert set(image_properties()) == files
    for each in image_properties().values():
        for text in (each.title, each.formula, each.unit, each.range, each.source, each.breaks_down):
            assert text, each.name
        assert each.version >= 1
    assert {column["pixels"][:5] for column in property_columns().values()} == {"the p"}


def test_the_chapter_describes_every_property_as_its_file_does() -> None:
    chapter = (Path(__file__).parents[2] / "datasets" / "README.md").read_text(encoding="utf-8")
    for each in image_properties().values():
        cells = (f"`{each.name}`", each.title, each.unit, each.range, each.breaks_down)
        assert f"| {' | '.join(cells)} |" in chapter, each.name


def test_a_new_property_is_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "redness.py").write_text(
        "from toolbox.stimuli.image_property import image_property\n"
        "@image_property(title='mean red', formula='mean of R', unit='level', range='0 to 255', source='our own')\n"
        "def redness(picture):\n"
        "    return float(picture.pixels[..., 0].mean())\n"
    )
    known = dict(image_properties())
    monkeypatch.setattr(properties, "__path__", [*properties.__path__, str(tmp_path)])
    image_properties.cache_clear()
    try:
        measured = measure_picture(np.full((5, 9, 3), (200, 10, 10), np.uint8), property_columns())
        assert (measured["redness"], measured["redness_file"]) == (200, 200)
    finally:
        image_properties().pop("redness")
        from toolbox.stimuli.image_property import DECLARED

        DECLARED.pop("redness")
        image_properties.cache_clear()
    assert image_properties().keys() == known.keys()


def test_a_property_that_is_not_a_number_is_a_mistake_in_its_file() -> None:
    from toolbox.stimuli.image_properties import _checked
    from toolbox.stimuli.image_property import ImageProperty

    wrong = ImageProperty("wrong", lambda _: math.nan, "", "", "", "", "")
    with pytest.raises(ValueError, match="the image property wrong is nan; expected a number, or None"):
        _checked(wrong, grey(np.zeros((3, 3))))


@pytest.mark.parametrize("alpha", PUBLISHED)
def test_the_slope_of_random_phase_pictures_is_that_of_their_spectrum_and_among_the_published(
    alpha: float,
) -> None:
    slope = np.mean([value("spectral_slope", random_phase(1024, alpha, seed)) for seed in range(2)])
    redies, spehar, mather = PUBLISHED[alpha]
    if alpha <= 1.6:
        assert slope == pytest.approx(-alpha, abs=TOLERANCE)
        assert slope == pytest.approx(mather, abs=0.03)  # the estimator that is nearest to ours
        assert abs(slope - np.mean(PUBLISHED[alpha])) < 0.12
    else:  # where all estimators break down, ours is nearer to the truth
        assert abs(slope + alpha) < min(abs(each + alpha) for each in (redies, spehar, mather))
        assert slope < image_properties()["spectral_slope"].reliable[0]


@pytest.mark.parametrize(
    ("alpha", "deviation", "slope"), [(1.75, 40, -1.75), (1.75, 10, -1.67), (1.75, 4, -1.46)]
)
def test_a_steep_slope_of_little_contrast_is_flattened_as_documented(
    alpha: float, deviation: float, slope: float
) -> None:
    found = [value("spectral_slope", random_phase(1024, alpha, seed, deviation)) for seed in range(2)]
    assert np.mean(found) == pytest.approx(slope, abs=0.03)


@pytest.mark.parametrize(("height", "width"), [(224, 224), (300, 150), (97, 401)])
def test_the_slope_is_the_same_in_every_size_and_shape(height: int, width: int) -> None:
    large = random_phase(1024, 1.2).pixels
    slopes = [
        value("spectral_slope", MeasuredPicture(large[top : top + height, left : left + width]))
        for top, left in ((0, 0), (500, 30), (300, 600), (700, 300))
    ]
    assert np.mean(slopes) == pytest.approx(-1.2, abs=0.12)  # pieces of a large picture


def test_the_slope_is_that_of_a_computation_ring_by_ring() -> None:
    picture = random_phase(120, 1.3)
    height, width = picture.lightness.shape
    window = np.sin(np.pi * (np.arange(height) + 0.5) / height)[:, None] ** 2
    window = window * np.sin(np.pi * (np.arange(width) + 0.5) / width) ** 2
    deviation = picture.lightness - (picture.lightness * window).sum() / window.sum()
    components = np.abs(np.fft.fft2(deviation * window))
    edges = np.geomspace(of_slope.LOWEST / height, of_slope.HIGHEST, of_slope.BINS + 1)
    points = []
    for low, high in pairwise(edges):
        ring = [
            (math.hypot(down, right), components[i, j])
            for i, down in enumerate(np.fft.fftfreq(height))
            for j, right in enumerate(np.fft.fftfreq(width))
            if low <= math.hypot(down, right) < high
        ]
        if ring:
            frequencies, amplitudes = map(np.array, zip(*ring, strict=True))
            points.append((np.log10(frequencies).mean(), np.log10(np.mean(amplitudes**2)) / 2))
    assert value("spectral_slope", picture) == pytest.approx(
        linregress(*zip(*points, strict=True)).slope, abs=1e-4
    )


def test_the_slope_of_a_grating_of_many_frequencies_falls_by_half_more() -> None:
    """A ring of radius f has components in proportion to f, of which a grating fills two."""
    right = np.arange(512) / 512
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, 257)
    wave = sum(np.sin(2 * np.pi * cycles * right + phases[cycles]) / cycles for cycles in range(1, 257))
    picture = grey(128 + 40 * np.tile(wave / wave.std(), (512, 1)))
    assert value("spectral_slope", picture) == pytest.approx(-1.5, abs=0.07)


@pytest.mark.parametrize(("cycles", "band"), [(4, "energy_low"), (16, "energy_middle"), (60, "energy_high")])
@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_a_grating_has_its_energy_in_the_band_of_its_frequency(
    cycles: int, band: str, degrees: float
) -> None:
    picture = grey(grating(cycles, degrees))
    found = {name: value(name, picture) for name in ("energy_low", "energy_middle", "energy_high")}
    # The lightness of a sine has some energy at multiples of its frequency.
    assert found[band] > 0.98
    assert sum(found.values()) == pytest.approx(1)


def test_energy_is_that_of_sines_and_cosines_one_by_one() -> None:
    picture = grey(noise(18, 22)[..., 0])
    height, width = picture.lightness.shape
    window = np.sin(np.pi * (np.arange(height) + 0.5) / height)[:, None] ** 2
    window = window * np.sin(np.pi * (np.arange(width) + 0.5) / width) ** 2
    deviation = (picture.lightness - (picture.lightness * window).sum() / window.sum()) * window
    down, right = np.mgrid[:height, :width]
    power: Counter[bool] = Counter()
    for i in range(-(height // 2), height - height // 2):
        for j in range(-(width // 2), width - width // 2):
            angle = 2 * np.pi * (i * down / height + j * right / width)
            cycles = math.hypot(i / height, j / width) * min(height, width)
            size = (deviation * np.cos(angle)).sum() ** 2 + (deviation * np.sin(angle)).sum() ** 2
            power[cycles < BANDS[0]] += size
    assert value("energy_low", picture) == pytest.approx(power[True] / power.total(), rel=1e-4)
    assert value("energy_low", picture) + value("energy_middle", picture) == pytest.approx(1)


@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
def test_a_grating_has_one_orientation_and_a_plaid_two(degrees: float) -> None:
    assert value("orientation_entropy", grey(grating(8, degrees))) < 0.2
    crossed = np.hstack([grating(8, degrees), grating(8, degrees + 90)])
    assert value("orientation_entropy", grey(crossed)) == pytest.approx(1, abs=0.25)


def test_noise_has_all_orientations() -> None:
    entropy = value("orientation_entropy", random_phase(SIDE, 1))
    assert math.log2(24) - 0.01 < entropy <= math.log2(24)


@pytest.mark.parametrize(
    ("colour", "lightness"),
    [
        ((255, 255, 255), 100),
        ((0, 0, 0), 0),
        ((119, 119, 119), 50.03),
        ((255, 0, 0), 53.24),
        ((0, 255, 0), 87.73),
        ((0, 0, 255), 32.30),
    ],
)
def test_luminance_is_the_published_lightness_of_colours(
    colour: tuple[int, int, int], lightness: float
) -> None:
    picture = MeasuredPicture(np.full((6, 5, 3), colour, np.uint8))
    assert value("luminance", picture) == pytest.approx(lightness, abs=0.02)


def test_the_lightness_is_that_of_scikit_image() -> None:
    from skimage.color import rgb2lab

    pixels = noise(40, 30)
    np.testing.assert_allclose(MeasuredPicture(pixels).lightness, rgb2lab(pixels)[..., 0], atol=1e-3)
    assert value("luminance_contrast", MeasuredPicture(pixels)) == pytest.approx(
        rgb2lab(pixels)[..., 0].std(), abs=1e-3
    )


def test_black_and_white_have_the_largest_contrast() -> None:
    levels = np.zeros((10, 10))
    levels[:5] = 255
    assert value("luminance_contrast", grey(levels)) == pytest.approx(50, abs=1e-3)
    assert value("rms_contrast", grey(levels)) == pytest.approx(0.5)


def test_entropy_counts_levels_of_lightness() -> None:
    four = np.repeat([0, 85, 170, 255], 6).reshape(4, 6)
    assert value("luminance_entropy", grey(four)) == pytest.approx(2)
    uneven = np.array([[0, 0, 0, 255]])
    assert value("luminance_entropy", grey(uneven)) == pytest.approx(2 - 0.75 * math.log2(3))


def test_random_phase_pictures_have_the_published_contrast_and_entropy() -> None:
    picture = random_phase(1024, 1, deviation=38.4)  # which gives the published 15.2
    assert value("luminance_contrast", picture) == pytest.approx(15.2, abs=0.1)
    assert value("luminance_entropy", picture) == pytest.approx(7.26, abs=0.03)


def test_colourfulness_is_0_for_grey_and_as_published_for_two_colours() -> None:
    assert value("colourfulness", grey(noise(9, 9)[..., 0])) == 0
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0], pixels[1] = (100, 0, 0), (0, 0, 100)
    # rg is 100 and 0, yb is 50 and -100: deviations 50 and 75, means 50 and -25
    expected = math.sqrt(50**2 + 75**2) + 0.3 * math.sqrt(50**2 + 25**2)
    assert value("colourfulness", MeasuredPicture(pixels)) == pytest.approx(expected)


@pytest.mark.parametrize(("levels", "lines"), [((60, 200), 1), ((120, 135), 0)])
def test_an_edge_is_a_line_where_it_is_strong_enough(levels: tuple[int, int], lines: int) -> None:
    halves = np.full((50, 80), levels[0])
    halves[:, 40], halves[:, 41:] = sum(levels) / 2, levels[1]  # steepest in one column
    assert value("edge_density", grey(halves)) == pytest.approx(48 * lines / halves.size)  # without its ends


def test_symmetry_is_the_correlation_of_the_picture_with_its_mirror_image() -> None:
    left = noise(30, 20)
    mirrored = np.hstack([left, left[:, ::-1]])
    assert value("symmetry", MeasuredPicture(mirrored)) == pytest.approx(1)
    picture = MeasuredPicture(noise(31, 33, seed=4))
    lightness = picture.lightness.astype(float)
    expected = np.corrcoef(lightness.ravel(), np.fliplr(lightness).ravel())[0, 1]
    assert value("symmetry", picture) == pytest.approx(expected, abs=1e-5)


def test_the_background_is_what_is_connected_with_the_border() -> None:
    pixels = np.full((20, 20, 3), 128, np.uint8)
    pixels[5:15, 5:15] = 10  # an object
    pixels[8:10, 8:10] = 128  # with a hole, which is not background
    pixels[0, 3] = 136  # as much as JPEG changes
    pixels[0, 6] = 137  # more
    assert value("uniform_background", MeasuredPicture(pixels)) == (400 - 100 - 1) / 400


def test_the_background_is_that_of_a_walk_from_the_border() -> None:
    pixels = np.where(np.random.default_rng(3).random((15, 17)) < 0.6, 100, 200).astype(np.uint8)
    picture = grey(pixels)
    ground = np.median(np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]))
    inside = {(i, j) for i in range(15) for j in range(17) if abs(int(pixels[i, j]) - ground) <= 8}
    waiting = [(i, j) for i, j in inside if i in (0, 14) or j in (0, 16)]
    reached = set(waiting)
    while waiting:
        i, j = waiting.pop()
        for place in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if place in inside - reached:
                reached.add(place)
                waiting.append(place)
    assert value("uniform_background", picture) == pytest.approx(len(reached) / (15 * 17))


def test_a_blurred_picture_is_smaller_when_compressed(tmp_path: Path) -> None:
    from PIL import Image, ImageFilter

    sharp = Image.fromarray(noise(64, 48))
    blurred = sharp.filter(ImageFilter.GaussianBlur(2))
    sizes = [value("compressed_size", MeasuredPicture(np.asarray(each))) for each in (sharp, blurred)]
    sharp.save(tmp_path / "sharp.jpg", quality=75, subsampling="4:2:0", optimize=True)
    assert sizes[0] == (tmp_path / "sharp.jpg").stat().st_size * 8 / (64 * 48)
    assert sizes[0] > 2 * sizes[1]


def shapes() -> Iterator[tuple[int, int]]:
    yield from ((1, 1), (1, 5), (2, 2), (3, 3), (5, 400), (8, 8), (30, 30), (79, 200), (SIDE, SIDE))


@pytest.mark.parametrize("shape", list(shapes()))
@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_uniform_picture_has_values_or_null_and_nothing_else(shape: tuple[int, int], level: int) -> None:
    measured = measure_picture(np.full((*shape, 3), level, np.uint8), property_columns())
    assert measured.keys() == property_columns().keys()
    presented = {name for name, found in measured.items() if found is None and not name.endswith("_file")}
    assert presented == UNDEFINED_WHEN_UNIFORM
    assert all(math.isfinite(found) for found in measured.values() if found is not None)
    assert (measured["luminance_contrast"], measured["edge_density"]) == (0, 0)
    assert (measured["uniform_background"], measured["luminance_entropy"]) == (1, 0)


@pytest.mark.parametrize("shape", list(shapes()))
def test_a_picture_of_any_size_has_finite_values_or_null(shape: tuple[int, int]) -> None:
    measured = measure_picture(noise(*shape), property_columns())
    assert all(math.isfinite(found) for found in measured.values() if found is not None)
    assert (measured["spectral_slope_file"] is None) == (min(shape) < 80)
    assert measured["aspect_ratio"] == shape[1] / shape[0]


def test_a_large_file_is_measured_after_squares_of_its_pixels_were_averaged() -> None:
    small = noise(900, 1200)
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    assert large.shape[0] * large.shape[1] > MOST_PIXELS
    np.testing.assert_array_equal(picture_of_file(large).pixels, small)
    assert picture_of_file(small).pixels is small
