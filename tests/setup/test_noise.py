"""Noise to check a network with: seeds, preprocessing, and the spectrum of photographs."""

from __future__ import annotations

import numpy as np
import pytest

from toolbox.network.architecture import Input
from toolbox.network.pooling import preprocess
from toolbox.setup.noise import noise


def test_noise_is_the_same_every_time_and_preprocessed_as_the_card_says() -> None:
    entry = Input(32, 48, channels="BGR", mean=(103.939, 116.779, 123.68))
    images = noise(entry, 2, seed=5)
    assert images.shape == (2, 3, 32, 48)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, noise(entry, 2, seed=5))
    assert not np.array_equal(images, noise(entry, 2, seed=6))
    pixels = noise(Input(32, 48), 2, seed=5).transpose(
        0, 2, 3, 1
    )  # as they are: whole numbers of 0 to 255, RGB
    np.testing.assert_array_equal(pixels, np.rint(pixels).clip(0, 255))
    np.testing.assert_array_equal(
        images, np.stack([preprocess(entry, image.astype(np.uint8)) for image in pixels])
    )


def test_noise_has_the_spectrum_of_photographs() -> None:
    """Amplitude falls as 1/f: the slope in log-log coordinates is -1, to the rounding and clipping of pixels."""
    luminance = noise(Input(128, 128), 8).mean(axis=1)
    amplitude = np.abs(np.fft.rfft2(luminance)).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128))
    used = (frequency > 2 / 128) & (frequency < 0.25)
    slope = np.polyfit(np.log(frequency[used]), np.log(amplitude[used]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)
