import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from discs import PIXEL_MM, SPACING_MM, water_disc

from medvae_course.ct import scanner
from medvae_course.ct.scanner import attenuation


@pytest.fixture(scope="module")
def sinogram():
    return scanner.acquire(np.repeat(water_disc(64, 80.0)[None], 4, 0), SPACING_MM)


def test_readings_of_water_are_length_times_attenuation(sinogram):
    middle = sinogram.readings.shape[1] // 2
    ideal = 160 * attenuation.MU_WATER_PER_MM
    assert np.allclose(sinogram.readings[:, middle], ideal, rtol=0.005)
    assert sinogram.shape == (4, 64, 64)
    assert sinogram.pixel_mm == PIXEL_MM


def test_counts_have_the_mean_and_the_variance_of_photons(sinogram):
    protocol = replace(scanner.STANDARD, photons=1e5, electronic_sd=0.0)
    sinogram = replace(sinogram, protocol=protocol)
    noisy = sinogram.noisy(dose=0.5, seed=1)
    middle = sinogram.readings.shape[1] // 2
    dense = slice(middle - 8, middle + 8)
    counts = 5e4 * np.exp(-noisy.readings[:, dense].astype(np.float64))
    expected = 5e4 * np.exp(-sinogram.readings[:, dense].astype(np.float64))
    assert counts.mean() == pytest.approx(expected.mean(), rel=2e-3)
    residual = (counts - expected) / np.sqrt(expected)
    assert residual.std() == pytest.approx(1.0, abs=0.03)


def test_electronic_noise_adds_its_variance(sinogram):
    protocol = replace(scanner.STANDARD, photons=1e5, electronic_sd=60.0)
    noisy = replace(sinogram, protocol=protocol).noisy(dose=1.0, seed=1)
    middle = sinogram.readings.shape[1] // 2
    dense = slice(middle - 8, middle + 8)
    expected = 1e5 * np.exp(-sinogram.readings[:, dense].astype(np.float64))
    counts = 1e5 * np.exp(-noisy.readings[:, dense].astype(np.float64))
    sd = np.sqrt(expected + 60.0**2)
    assert ((counts - expected) / sd).std() == pytest.approx(1.0, abs=0.03)


def test_nothing_counted_still_has_a_logarithm(sinogram):
    protocol = replace(scanner.STANDARD, photons=10.0)
    noisy = replace(sinogram, protocol=protocol).noisy(dose=0.1, seed=0)
    assert np.isfinite(noisy.readings).all()
    assert noisy.readings.max() <= math.log(1.0 / 0.5) + 1e-6


def test_infinite_dose_is_without_noise(sinogram):
    assert sinogram.noisy(dose=math.inf, seed=0) is sinogram


def test_noise_is_drawn_once(sinogram):
    noisy = sinogram.noisy(dose=0.5, seed=0)
    assert noisy.dose == 0.5
    with pytest.raises(ValueError, match="without noise, got one of dose 0.5"):
        noisy.noisy(dose=0.25, seed=0)


def test_noise_depends_on_seed_and_dose_and_slice(sinogram):
    def noise(**kwargs):
        return (sinogram.noisy(**kwargs).readings - sinogram.readings)[:, 40:60]

    base = noise(dose=1.0, seed=0)
    assert np.array_equal(base, noise(dose=1.0, seed=0))
    others = [noise(dose=1.0, seed=1), noise(dose=0.5, seed=0), np.roll(base, 1, 2)]
    for other in others:
        assert abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 0.05


def test_slices_overlap_by_the_profile():
    body = np.full((5, 16, 16), -1000.0, np.float32)
    body[2] = 0.0
    readings = scanner.acquire(body, SPACING_MM).readings
    share = readings.sum(axis=(0, 1)) / readings[..., 2].sum()
    assert np.allclose(share, [0, 0.15 / 0.7, 1, 0.15 / 0.7, 0], atol=1e-5)


def test_protocol_is_frozen():
    with pytest.raises(FrozenInstanceError):
        scanner.STANDARD.photons = 1.0


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"photons": 0}, "photons"),
        ({"photons": math.nan}, "photons"),
        ({"electronic_sd": -1}, "electronic_sd"),
        ({"views": 0}, "views"),
        ({"views": 30}, "views"),
        ({"views": 8.5}, "views"),
        ({"kernel": "bone"}, "kernel"),
    ],
)
def test_impossible_protocols_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        scanner.Protocol(**changes)


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "match"),
    [
        ((8, 8), SPACING_MM, "hu"),
        ((0, 8, 8), SPACING_MM, "hu"),
        ((2, 8, 8), (8.0, 3.0, 3.2), "square"),
        ((2, 8, 8), (8.0, -3.0, -3.0), "spacing_mm"),
        ((2, 8, 8), (8.0, 3.0), "spacing_mm"),
    ],
)
def test_impossible_bodies_are_refused(shape, spacing_mm, match):
    with pytest.raises(ValueError, match=match):
        scanner.acquire(np.zeros(shape), spacing_mm)


def test_values_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="finite, got 1 "):
        scanner.acquire(np.array([[[0.0, np.nan]]]), SPACING_MM)


@pytest.mark.parametrize(
    ("dose", "seed", "match"),
    [(0.0, 0, "dose"), (-1.0, 0, "dose"), (math.nan, 0, "dose"), (1.0, -1, "seed")],
)
def test_impossible_noise_is_refused(sinogram, dose, seed, match):
    with pytest.raises(ValueError, match=match):
        sinogram.noisy(dose=dose, seed=seed)
