import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from discs import PIXEL_MM, SPACING_MM, disc, inside, water_disc
from skimage.transform import iradon

from medvae_course.ct import scanner
from medvae_course.ct.scanner import projector

SIDE = 128
HARDENED = replace(scanner.STANDARD, beam_hardening=True)


def _quiet(body, **changes):
    protocol = replace(scanner.STANDARD, **changes)
    return scanner.scan(body, SPACING_MM, seed=0, dose=math.inf, protocol=protocol)


@pytest.fixture(scope="module")
def water():
    """Sixteen slices of a 30 cm disc of water: its sinogram and its image."""
    sinogram = scanner.acquire(np.repeat(water_disc(SIDE)[None], 16, 0), SPACING_MM)
    return sinogram, scanner.reconstruct(sinogram)


@pytest.fixture(scope="module")
def rods():
    """Water with two rods of 1200 HU, left and right of the middle."""
    body = water_disc(SIDE)
    for x_mm in (-60.0, 60.0):
        body += 1200 * disc(SIDE, 20.0, x_mm=x_mm).astype(np.float32)
    return body


def _noise_hu(sinogram, truth, dose, side=16):
    image = scanner.reconstruct(sinogram.noisy(dose=dose, seed=2))
    middle = slice(SIDE // 2 - side, SIDE // 2 + side)
    return (image - truth)[:, middle, middle]


def test_water_is_flat_at_zero_and_air_stays_at_its_value(water):
    image = water[1][0]
    assert abs(image[inside(SIDE, 140.0)]).max() <= 2
    assert image[inside(SIDE, 140.0)].mean() == pytest.approx(0, abs=0.2)
    air = image[disc(SIDE, 160.0, fine=4) == 0]
    assert abs(air + 1000).max() <= 8


def test_bone_insert_reads_its_hu():
    body = water_disc(SIDE)
    body += 800 * disc(SIDE, 20.0, x_mm=60.0).astype(np.float32)
    image = _quiet(body[None])[0]
    found = image[inside(SIDE, 12.0, x_mm=60.0)]
    assert found.mean() == pytest.approx(800, abs=2)


def test_lung_and_fat_read_their_hu():
    body = water_disc(SIDE)
    body += -860 * disc(SIDE, 50.0, x_mm=-60.0).astype(np.float32)
    body += -100 * disc(SIDE, 30.0, x_mm=70.0).astype(np.float32)
    image = _quiet(body[None])[0]
    lung, fat = inside(SIDE, 40.0, x_mm=-60.0), inside(SIDE, 22.0, x_mm=70.0)
    assert image[lung].mean() == pytest.approx(-860, abs=1)
    assert image[fat].mean() == pytest.approx(-100, abs=1)


def test_body_that_fills_the_corners_is_not_truncated():
    image = _quiet(np.zeros((1, 48, 48), np.float32))[0]
    assert abs(image[8:-8, 8:-8]).max() <= 3
    assert image[2:-2, 2:-2].mean() == pytest.approx(0, abs=0.5)


def test_reconstruction_agrees_with_skimage(water):
    sinogram, _ = water
    image = scanner.reconstruct(sinogram, kernel="ramp")[0]
    n_bins, per_pixel = sinogram.readings.shape[1], projector.READINGS_PER_PIXEL
    # theirs gets two readings per pixel as pixels, so twice the grid, then binned
    degrees = np.rad2deg(projector.angles_rad(len(sinogram.readings)))
    theirs = iradon(
        sinogram.readings[..., 0].T,
        -degrees,
        filter_name="ramp",
        circle=False,
        output_size=n_bins,
    )
    cut = (n_bins - per_pixel * SIDE) // 2
    theirs = theirs[cut:-cut, cut:-cut].reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    theirs_hu = 1000 * theirs / (PIXEL_MM / per_pixel * 0.01929) - 1000
    within = inside(SIDE, 135.0)
    assert abs(image[within] - theirs_hu[within]).mean() < 4
    assert image[within].mean() == pytest.approx(theirs_hu[within].mean(), abs=4)


def test_scan_is_linear_in_attenuation():
    rng = np.random.default_rng(0)
    first, second = (
        -1000 + 500 * disc(64, 60.0) * rng.uniform(0.5, 1.5, (64, 64)) for _ in "ab"
    )
    total = _quiet((first + second + 1000)[None])
    parts = _quiet(first[None]) + _quiet(second[None]) + 1000
    clear = np.minimum(_quiet(first[None]), _quiet(second[None])) > -1020
    assert abs(total - parts)[clear].max() <= 2.0  # each is rounded


def test_image_has_whole_hu_of_twelve_bits():
    body = np.full((2, 32, 32), 5000.0, np.float32)
    body[:, 8:24, 8:24] = -2000.0
    image = scanner.scan(body, SPACING_MM, seed=0)
    assert image.dtype == np.float32
    assert (image == np.rint(image)).all()
    assert image.min() >= -1024
    assert image.max() == 3071


def test_noise_falls_with_one_over_the_root_of_the_dose(water):
    doses = (0.25, 1.0, 4.0)
    spread = [_noise_hu(*water, dose).std() * math.sqrt(dose) for dose in doses]
    assert max(spread) / min(spread) < 1.05


def test_electronic_noise_takes_over_at_very_low_dose(water):
    sinogram, truth = water
    silent = replace(scanner.STANDARD, electronic_sd=0.0)
    for dose, low, high in ((1.0, 0.98, 1.05), (0.01, 1.15, 10.0)):
        loud = _noise_hu(sinogram, truth, dose).std()
        photons = _noise_hu(replace(sinogram, protocol=silent), truth, dose).std()
        assert low < loud / photons < high


def test_kernels_trade_resolution_for_noise(water):
    sinogram, _ = water
    noisy = sinogram.noisy(dose=1.0, seed=0)
    noise, edge = [], []
    for kernel in ("smooth", "standard", "ramp", "sharp"):
        truth = scanner.reconstruct(sinogram, kernel=kernel)
        image = scanner.reconstruct(noisy, kernel=kernel)
        noise.append((image - truth)[:, 48:80, 48:80].std())
        edge.append(np.diff(truth[0, 64, :64]).max())
    assert (np.diff(noise) > 0.1 * noise[0]).all()
    assert (np.diff(edge) > 5).all()


def test_noise_is_streaky_between_bones(rods):
    body = np.repeat(rods[None], 16, 0)
    truth, images = scanner.scan_doses(body, SPACING_MM, seed=0, doses=(1.0,))
    between = (images[1.0] - truth)[:, 58:70, 54:74]
    along, across = (
        np.mean(between * np.roll(between, 2, axis)) / between.var() for axis in (2, 1)
    )
    assert along > across + 0.15
    outside = (images[1.0] - truth)[:, 26:38, 54:74]
    assert between.std() > 1.15 * outside.std()


def test_hardened_water_is_cupped_and_flat_after_the_correction():
    sinogram = scanner.acquire(water_disc(SIDE)[None], SPACING_MM, protocol=HARDENED)
    corrected = scanner.reconstruct(sinogram)[0]
    raw = scanner.reconstruct(replace(sinogram, protocol=scanner.STANDARD))[0]
    middle, disc_ = inside(SIDE, 20.0), inside(SIDE, 140.0)
    rim = disc_ & ~inside(SIDE, 125.0)
    assert raw[rim].mean() - raw[middle].mean() > 15
    assert abs(corrected[disc_]).max() <= 3


def test_beam_hardening_darkens_what_lies_between_bones(rods):
    plain, hard = _quiet(rods[None])[0], _quiet(rods[None], beam_hardening=True)[0]
    difference = hard - plain
    between = inside(SIDE, 20.0)
    beside = inside(SIDE, 20.0, y_mm=-90.0)
    assert difference[between].mean() < difference[beside].mean() - 5
    assert abs(difference[beside].mean()) < 5


def test_doses_share_one_truth_and_have_independent_noise(water):
    body = np.repeat(water_disc(64, 80.0)[None], 8, 0)
    truth, images = scanner.scan_doses(body, SPACING_MM, seed=3, doses=(1.0, 0.25))
    again, _ = scanner.scan_doses(body, SPACING_MM, seed=9, doses=(0.5,))
    assert np.array_equal(truth, again)
    assert np.array_equal(truth, _quiet(body))
    full, low = ((images[dose] - truth)[:, 16:48, 16:48] for dose in (1.0, 0.25))
    assert abs(np.corrcoef(full.ravel(), low.ravel())[0, 1]) < 0.05
    assert abs(full.mean()) < 0.5


def test_infinite_dose_may_be_asked_for_among_others():
    body = water_disc(32, 40.0)[None]
    truth, images = scanner.scan_doses(body, SPACING_MM, seed=0, doses=(math.inf, 1))
    assert np.array_equal(images[math.inf], truth)
    assert list(images) == [math.inf, 1]


@pytest.mark.parametrize("protocol", [scanner.STANDARD, HARDENED])
def test_metal_starves_the_detector_and_gives_numbers_all_the_same(protocol):
    body = water_disc(64, 80.0)[None].copy()
    body[0, 28:36, 20:44] = 30000.0
    for dose in (math.inf, 1.0):
        image = scanner.scan(body, SPACING_MM, seed=0, dose=dose, protocol=protocol)
        assert np.isfinite(image).all()
        assert image[0, 32, 32] > 2000


def test_doses_equal_single_scans_to_the_bit():
    body = np.repeat(water_disc(32, 40.0)[None], 3, 0)
    _, images = scanner.scan_doses(body, SPACING_MM, seed=3, doses=(1.0, 0.25))
    for dose, image in images.items():
        alone = scanner.scan(body, SPACING_MM, seed=3, dose=dose)
        assert alone.tobytes() == image.tobytes()


def test_threads_change_no_bit():
    bodies = [np.repeat(water_disc(48, r)[None], 20, 0) for r in (40.0, 50.0, 60.0)]

    def image(body):
        return scanner.scan(body, SPACING_MM, seed=1).tobytes()

    projector.shadow_matrix.cache_clear()
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(image, bodies))
    assert together == [image(body) for body in bodies]


def test_noise_is_independent_between_slices(water):
    noise = _noise_hu(*water, 1.0)
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("shape", [(1, 20, 33), (2, 33, 20), (1, 1, 1), (3, 2, 5)])
def test_any_shape_comes_back(shape):
    body = np.zeros(shape, np.float32)
    assert _quiet(body).shape == shape


def test_oblong_image_shows_the_same_body():
    square = water_disc(64, 70.0)
    oblong = square[9:54]
    assert abs(_quiet(oblong[None])[0] - _quiet(square[None])[0][9:54]).max() <= 1


def test_number_of_views_can_be_chosen():
    body = water_disc(64, 80.0)[None]
    few = _quiet(body, views=12)
    assert few[0][inside(64, 75.0)].std() > 5 * _quiet(body)[0][inside(64, 75.0)].std()


def test_impossible_doses_are_refused_before_any_work():
    with pytest.raises(ValueError, match="dose"):
        scanner.scan_doses(np.zeros(3), SPACING_MM, seed=0, doses=(1.0, 0.0))
