import numpy as np
import pytest
from scipy import stats

from medvae_course.evaluate import calibration


def gaussian(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("sigma", [0.05, 3.0])
def test_right_sigma_covers_the_level(level, sigma):
    shares = calibration.coverage(sigma * gaussian(40, 50, 20), sigma, level=level)
    assert shares.shape == (40,)
    standard_error = np.sqrt(level * (1 - level) / 40_000)
    assert abs(shares.mean() - level) < 4 * standard_error


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_wrong_sigma_covers_what_the_normal_distribution_says(factor):
    shares = calibration.coverage(gaussian(40, 1000), factor, level=0.9)
    expected = 2 * stats.norm.cdf(factor * stats.norm.ppf(0.95)) - 1
    assert shares.mean() == pytest.approx(expected, abs=0.01)


def test_sigma_per_pixel_is_taken_pixel_by_pixel():
    sigma = np.linspace(0.1, 5, 30).reshape(5, 6, 1)
    residuals = sigma * gaussian(2000, 5, 6, 1)
    shares = calibration.coverage(residuals, sigma)
    assert shares.mean() == pytest.approx(0.9, abs=0.01)
    assert calibration.coverage(residuals, 2.55).mean() != pytest.approx(0.9, abs=0.01)


def test_mask_leaves_pixels_out_and_empty_images_are_nan():
    residuals = np.array([[0.0, 9.0, 9.0], [9.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    mask = np.array([[True, True, False], [True, False, False], [False] * 3])
    shares = calibration.coverage(residuals, 1.0, mask=mask)
    np.testing.assert_array_equal(shares, [0.5, 0.0, np.nan])


def test_curve_follows_the_diagonal_and_skips_images_without_pixels():
    residuals, mask = gaussian(60, 500), np.ones((60, 500), bool)
    mask[0] = False
    curve = calibration.coverage_curve(residuals, 1.0, mask=mask)
    assert list(curve) == [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99]
    np.testing.assert_allclose(list(curve.values()), list(curve), atol=0.02)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((2, 3)), 1.0), {"level": 1.0}, "`level` must be between 0 and 1"),
        ((np.zeros((2, 3)), 0.0), {}, "`sigma` must be positive, got 0"),
        ((np.zeros((2, 3)), np.nan), {}, "`sigma` must be positive, got nan"),
        ((np.zeros((2, 3)), np.ones(2)), {}, "fits no residuals"),
        ((np.zeros((2, 3)), np.ones((4, 2, 3))), {}, "fits no residuals"),
        ((np.zeros(3), 1.0), {}, "at least one image"),
        ((np.zeros((2, 3)), 1.0), {"mask": np.ones(3, bool)}, "shape of the residuals"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        calibration.coverage(*arguments, **options)
