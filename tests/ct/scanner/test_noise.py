import math

import numpy as np
import pytest
from discs import PIXEL_MM, SPACING_MM, water_disc

from medvae_course.ct import scanner
from medvae_course.ct.scanner import projector


def test_white_noise_has_a_flat_spectrum_of_variance_times_area():
    noise = np.random.default_rng(0).normal(0, 20, (100, 64, 64))
    frequency, power = scanner.noise_power_spectrum(noise, 0.5)
    assert np.allclose(power, 400 * 0.25, rtol=0.1)
    assert frequency[-1] == pytest.approx(1.0)  # half a cycle per pixel


def test_spectrum_finds_the_frequency_of_a_wave():
    x = np.arange(64) * 2.0
    wave = np.broadcast_to(np.sin(2 * np.pi * 0.125 * x), (1, 64, 64))
    frequency, power = scanner.noise_power_spectrum(wave, 2.0)
    assert frequency[power.argmax()] == pytest.approx(0.125)


def _footprint(frequency, angle):
    """Transfer of a pixel's shadow and of a reading, cycles per pixel."""
    shadow = np.sinc(frequency * np.cos(angle)) * np.sinc(frequency * np.sin(angle))
    return shadow * np.sinc(frequency / 2)


@pytest.mark.parametrize("kernel", ["smooth", "standard", "sharp"])
def test_noise_power_is_that_of_the_counts_behind_ramp_and_kernel(kernel):
    body = np.repeat(water_disc(128, 100.0)[None], 48, 0)
    sinogram = scanner.acquire(body, SPACING_MM)
    truth = scanner.reconstruct(sinogram, kernel=kernel)
    image = scanner.reconstruct(sinogram.noisy(dose=1.0, seed=0), kernel=kernel)
    middle = slice(48, 80)  # where all views count about alike
    noise = (image - truth)[:, middle, middle]
    frequency, power = scanner.noise_power_spectrum(noise, PIXEL_MM)
    n_views, n_bins = sinogram.readings.shape[:2]
    seen = sinogram.readings[:, n_bins // 2 - 32 : n_bins // 2 + 32].astype(float)
    counts = sinogram.protocol.photons * np.exp(-seen)
    variance = np.mean((counts + sinogram.protocol.electronic_sd**2) / counts**2)
    f = frequency * PIXEL_MM  # cycles per pixel
    angle = np.linspace(0, math.pi / 4, 20)[:, None]
    passed = scanner.KERNELS[kernel].gain(f) ** 2
    passed = passed * np.mean(_footprint(f, angle) ** 2, axis=0)
    reading_mm = PIXEL_MM / projector.READINGS_PER_PIXEL
    white = math.pi / n_views * variance * reading_mm * (1000 / 0.01929) ** 2
    band = (f > 0.1) & (f < 0.4)  # above, the grid of the image aliases
    ratio = power[band] / (white * frequency * passed)[band]
    assert ratio.mean() == pytest.approx(1.0, abs=0.08)
    assert ratio.std() < 0.1
    assert power[0] < 0.4 * power.max()
    assert power[-1] < 0.75 * power.max()


def test_large_regions_average_out_faster_than_in_white_noise():
    body = np.repeat(water_disc(128, 150.0)[None], 32, 0)
    truth, images = scanner.scan_doses(body, SPACING_MM, seed=0, doses=(1.0,))
    noise = (images[1.0] - truth)[:, 32:96, 32:96]

    def spread(side):
        n = 64 // side
        return noise.reshape(32, n, side, n, side).mean(axis=(2, 4)).std()

    assert spread(4) / spread(16) > 1.2 * 4  # white noise: 16 / 4


@pytest.mark.parametrize(
    ("shape", "pixel_mm", "match"),
    [((8, 8), 1.0, "noise"), ((1, 8, 9), 1.0, "noise"), ((1, 8, 8), 0.0, "pixel_mm")],
)
def test_impossible_noise_images_are_refused(shape, pixel_mm, match):
    with pytest.raises(ValueError, match=match):
        scanner.noise_power_spectrum(np.zeros(shape), pixel_mm)
