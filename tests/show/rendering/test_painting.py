"""Every step from phases to a crop of a picture has the gradient that central differences find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from toolbox.show.rendering.climbing import climber
from toolbox.show.rendering.crops import Movement, moved_crop
from toolbox.show.rendering.painting import GREY, Paint, channels_of, disc, paint, paint_gradient
from toolbox.show.rendering.spectrum import frequencies, natural_amplitudes, wave_amplitudes
from toolbox.show.rendering.waves import (
    FreePhases,
    FreeWaves,
    RealArray,
    Waves,
    irfft2_adjoint,
    standardise,
    standardise_gradient,
)

SIDES = pytest.mark.parametrize("sides", [(8, 8), (7, 9), (6, 11), (9, 4)])


def numeric_gradient(of: Callable[[RealArray], float], at: RealArray, step: float = 1e-5) -> RealArray:
    """The gradient by central differences."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        change = np.zeros_like(at)
        change[place] = step
        found[place] = (of(at + change) - of(at - change)) / (2 * step)
    return found


def is_equal(found: RealArray, expected: RealArray) -> bool:
    """Whether two gradients differ by less than a millionth of the largest value."""
    return bool(np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max())


def phases(sides: tuple[int, int], low_pass: float | None = None) -> FreePhases:
    """Free phases of natural amplitudes."""
    return FreePhases(natural_amplitudes(*sides, low_pass), sides)


def waves(sides: tuple[int, int]) -> FreeWaves:
    """Free waves that are added to noise."""
    base = np.random.default_rng(5).normal(size=(3, *sides))
    return FreeWaves(wave_amplitudes(*sides), base)


@SIDES
@pytest.mark.parametrize("kind", [lambda sides: phases(sides, 0.3), waves], ids=["phases", "waves"])
def test_the_gradient_of_a_picture_is_that_of_central_differences(
    sides: tuple[int, int], kind: Callable[[tuple[int, int]], Waves]
) -> None:
    """Through the spectrum, the standardisation, the colours, the sigmoid and the window, for several pictures."""
    random = np.random.default_rng(3)
    how = Paint(kind(sides), disc(*sides, diameter=5, edge=3), gain=1.3)
    values = random.normal(size=(2, *how.waves.shape))
    weights = random.normal(size=(2, 3, *sides))
    found = paint_gradient(weights, paint(values, how), how)
    expected = numeric_gradient(lambda at: float(np.sum(weights * paint(at, how).pixels)), values)
    assert is_equal(found, expected)


@SIDES
def test_the_adjoint_of_the_inverse_transform_has_equal_products(sides: tuple[int, int]) -> None:
    """<irfft2(z), g> = <z, adjoint(g)> over real and imaginary parts, of even and odd widths."""
    random = np.random.default_rng(1)
    shape = (3, sides[0], sides[1] // 2 + 1)
    waves, gradient = (
        random.normal(size=shape) + 1j * random.normal(size=shape),
        random.normal(size=(3, *sides)),
    )
    adjoint = irfft2_adjoint(gradient)
    ahead = np.sum(np.fft.irfft2(waves, s=sides) * gradient)
    back = np.sum(waves.real * adjoint.real + waves.imag * adjoint.imag)
    assert ahead == pytest.approx(back)


def test_the_gradient_of_standardisation_is_that_of_central_differences() -> None:
    """Without the mean and the part along the values."""
    random = np.random.default_rng(2)
    values, weights = random.normal(2, 3, size=(2, 3, 2, 4)), random.normal(size=(2, 3, 2, 4))
    found = standardise_gradient(weights, *standardise(values))
    expected = numeric_gradient(lambda at: float(np.sum(weights * standardise(at)[0])), values)
    assert is_equal(found, expected)


def test_a_crop_without_movement_is_the_middle_of_the_picture() -> None:
    """To the pixel, for even and odd margins of equal parity."""
    picture = np.arange(3 * 9 * 11, dtype=float).reshape(3, 9, 11)
    assert np.allclose(moved_crop((9, 11), (5, 5), Movement()).take(picture), picture[:, 2:7, 3:8])


def test_the_outermost_pixels_go_on_where_a_crop_leaves_the_picture() -> None:
    """So that the left of a photograph does not see its right."""
    picture = np.arange(2 * 6 * 6, dtype=float).reshape(2, 6, 6)
    found = moved_crop((6, 6), (4, 4), Movement(down=2, right=-3)).take(picture)
    assert np.allclose(found, np.pad(picture, ((0, 0), (3, 3), (3, 3)), "edge")[:, 6:10, 1:5])


def test_the_adjoint_of_a_crop_has_equal_products() -> None:
    """<crop(x), g> = <x, adjoint(g)>, moved by fractions of pixels, scaled and turned."""
    random = np.random.default_rng(4)
    crop = moved_crop((12, 10), (7, 6), Movement(1.3, -2.6, 1.08, 0.15))
    picture, gradient = random.normal(size=(3, 12, 10)), random.normal(size=(3, 7, 6))
    assert np.sum(crop.take(picture) * gradient) == pytest.approx(np.sum(picture * crop.spread(gradient)))


def test_a_turned_crop_of_a_slope_is_a_turned_slope() -> None:
    """A quarter turn: what increases to the right increases downwards."""
    rows, columns = np.mgrid[0:9, 0:9].astype(float)
    taken = moved_crop((9, 9), (3, 3), Movement(turn=np.pi / 2)).take(np.stack([columns, rows]))
    assert np.allclose(taken[0], [[3, 3, 3], [4, 4, 4], [5, 5, 5]])


def test_amplitudes_decrease_and_the_mean_is_left_out() -> None:
    """As in photographs, and faster with a low-pass."""
    cycles = frequencies(64, 64)
    order = np.argsort(cycles[0, 1:])
    for low_pass in (None, 0.15):
        amplitudes = natural_amplitudes(64, 64, low_pass)
        assert amplitudes[0, 0] == 0
        assert np.all(np.diff(amplitudes[0, 1:][order]) < 0)
    assert natural_amplitudes(64, 64, 0.15)[0, 20] < 0.2 * natural_amplitudes(64, 64)[0, 20]


def test_a_picture_is_grey_outside_of_its_window() -> None:
    """Exactly, so that padding and picture meet without a border."""
    window = disc(16, 16, diameter=8, edge=2)
    values = np.random.default_rng(0).normal(size=(1, 3, 16, 9))
    pixels = paint(values, Paint(phases((16, 16)), window)).pixels
    assert np.all(pixels[:, :, window == 0] == GREY)
    assert window[8, 8] == 1
    assert 0 < window[8, 3] < 1
    assert np.abs(pixels[:, :, 8, 8] - GREY).max() > 1


def test_waves_of_random_values_have_the_deviation_of_the_values() -> None:
    """So that the rate of a step means the same on every canvas."""
    for sides in ((5, 5), (64, 48)):
        values = np.random.default_rng(0).normal(size=(200, 2, 3, sides[0], sides[1] // 2 + 1))
        found, _ = FreeWaves(wave_amplitudes(*sides), np.zeros((3, *sides))).channels(values)
        assert found.std() == pytest.approx(1, rel=0.1)


def test_a_photograph_without_waves_stays_as_it_is() -> None:
    """Except that black and white come a hundredth nearer to each other."""
    photograph = np.random.default_rng(0).integers(0, 256, size=(3, 6, 8)).astype(float)
    how = Paint(
        FreeWaves(wave_amplitudes(6, 8), channels_of(photograph, gain=1.3)), np.ones((6, 8)), gain=1.3
    )
    found = paint(np.zeros((1, *how.waves.shape)), how).pixels[0]
    assert np.abs(found - np.clip(photograph, 2.55, 252.45)).max() < 1e-9


def test_steps_climb_to_the_top_of_a_hill_of_any_height() -> None:
    """The length of a step does not depend on the scale of the gradient."""
    for height in (1e-6, 1.0, 1e6):
        place = np.array([3.0, -2.0])
        ascent = climber(place, rate=0.1)
        for _ in range(300):
            place = place + ascent.step(-height * place)
        assert np.abs(place).max() < 0.05
