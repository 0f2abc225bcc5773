import math

import numpy as np
import pytest
from discs import PIXEL_MM, SPACING_MM, water_disc

from medvae_course.ct import scanner


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
def test_noise_power_is_ramp_times_kernel_squared(kernel):
    body = np.repeat(water_disc(128, 150.0)[None], 32, 0)
    sinogram = scanner.acquire(body, SPACING_MM)
    truth = scanner.reconstruct(sinogram, kernel=kernel)
    image = scanner.reconstruct(sinogram.noisy(dose=1.0, seed=0), kernel=kernel)
    middle = slice(40, 88)  # where every view counts about alike
    noise = (image - truth)[:, middle, middle]
    frequency, power = scanner.noise_power_spectrum(noise, PIXEL_MM)
    f = frequency * PIXEL_MM  # cycles per pixel
    angle = np.linspace(0, math.pi / 4, 20)[:, None]
    footprint = np.mean(_footprint(f, angle) ** 2, axis=0)
    predicted = f * scanner.KERNELS[kernel](f) ** 2 * footprint
    band = (f > 0.05) & (f < 0.4)  # above, the grid of the image aliases
    ratio = power[band] / predicted[band]
    assert ratio.std() / ratio.mean() < 0.1
    assert power[0] < 0.35 * power.max()


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
