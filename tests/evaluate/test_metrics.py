"""Metrics against closed forms and against scikit-image and SimpleITK."""

import numpy as np
import pytest
import SimpleITK
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio

from medvae_course.evaluate import metrics


@pytest.fixture
def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    reference = ndimage.gaussian_filter(rng.random((3, 40, 36, 1)), (0, 2, 2, 0))
    reference = (reference - reference.min()) / np.ptp(reference)
    noisy = np.clip(reference + rng.normal(0, 0.1, reference.shape), 0, 1)
    return reference.astype(np.float32), noisy.astype(np.float32)


def cube(corner: tuple[int, ...], side: int, size: int = 24) -> np.ndarray:
    mask = np.zeros((size,) * len(corner), bool)
    mask[tuple(slice(start, start + side) for start in corner)] = True
    return mask


def ball(centre_mm, radius_mm, *, shape, spacing_mm) -> np.ndarray:
    axes = [np.arange(n) * step for n, step in zip(shape, spacing_mm, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    squares = [(g - c) ** 2 for g, c in zip(grid, centre_mm, strict=True)]
    return sum(squares) <= radius_mm**2


@pytest.mark.parametrize("error", [0.1, 0.01, 0.5])
def test_psnr_of_a_constant_error_is_its_logarithm(error):
    reference = np.full((5, 6), 0.25)
    expected = -20 * np.log10(error)
    assert metrics.psnr(reference, reference + error, data_range=1) == pytest.approx(
        expected
    )


def test_psnr_equals_skimage(images):
    reference, noisy = images
    for data_range in (1.0, 2.0):
        assert metrics.psnr(reference, noisy, data_range=data_range) == pytest.approx(
            peak_signal_noise_ratio(
                reference.astype(float), noisy.astype(float), data_range=data_range
            )
        )


def test_psnr_is_the_same_in_hu_and_in_model_units(images):
    reference, noisy = images
    in_hu = metrics.psnr(1400 * reference - 1000, 1400 * noisy - 1000, data_range=1400)
    assert in_hu == pytest.approx(
        metrics.psnr(reference, noisy, data_range=1), rel=1e-6
    )


def test_psnr_of_equal_images_is_infinite(images):
    reference, _ = images
    assert metrics.psnr(reference, reference, data_range=1) == np.inf


def test_psnr_per_image_is_psnr_of_each(images):
    reference, noisy = images
    each = [
        metrics.psnr(one, other, data_range=1)
        for one, other in zip(reference, noisy, strict=True)
    ]
    np.testing.assert_allclose(
        metrics.psnr_per_image(reference, noisy, data_range=1), each
    )


@pytest.mark.parametrize(("a", "b", "data_range"), [(0.2, 0.6, 1.0), (10, 30, 1400)])
def test_ssim_of_flat_images_is_the_luminance_term(a, b, data_range):
    c1 = (0.01 * data_range) ** 2
    flat = np.ones((16, 20))
    assert metrics.ssim(a * flat, b * flat, data_range=data_range) == pytest.approx(
        (2 * a * b + c1) / (a**2 + b**2 + c1)
    )


def test_ssim_equals_its_formula(images):
    x, y = (stack[0, ..., 0].astype(float) for stack in images)

    def local(values):
        return ndimage.gaussian_filter(values, 1.5, radius=5)

    variance_x = local(x * x) - local(x) ** 2
    variance_y = local(y * y) - local(y) ** 2
    covariance = local(x * y) - local(x) * local(y)
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * local(x) * local(y) + c1) / (local(x) ** 2 + local(y) ** 2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    expected = (luminance * structure)[5:-5, 5:-5].mean()
    assert metrics.ssim(x, y, data_range=1) == pytest.approx(expected, abs=1e-6)
    assert 0.2 < expected < 0.9  # neither equal nor unrelated: a test with teeth


def test_ssim_is_inflated_by_a_range_too_wide(images):
    reference, noisy = images
    right, wrong = (
        metrics.ssim_per_image(reference, noisy, data_range=data_range).mean()
        for data_range in (1, 2)
    )
    assert wrong > right + 0.02


def test_ssim_per_image_is_ssim_of_each(images):
    reference, noisy = images
    per_image = metrics.ssim_per_image(reference, noisy, data_range=1)
    assert per_image.shape == (3,)
    for i in range(3):
        one = metrics.ssim(reference[i, ..., 0], noisy[i, ..., 0], data_range=1)
        assert per_image[i] == pytest.approx(one)


def test_mae_is_the_mean_of_absolute_differences():
    assert metrics.mae_hu(np.array([-1000, 0, 40]), np.array([-990, 20, 40])) == 10.0


@pytest.mark.parametrize("shift", [0, 1, 4, 8, 10])
def test_dice_of_shifted_cubes_is_the_overlap(shift):
    expected = max(8 - shift, 0) / 8
    assert metrics.dice(cube((2, 2, 2), 8), cube((2, 2 + shift, 2), 8)) == expected


def test_dice_of_shifted_balls_is_the_lens():
    radius, distance, spacing = 20.0, 12.0, (1.0, 0.5, 0.5)
    shape = (60, 150, 110)
    a = ball((28, 27, 27), radius, shape=shape, spacing_mm=spacing)
    b = ball((28, 27 + distance, 27), radius, shape=shape, spacing_mm=spacing)
    lens = np.pi * (4 * radius + distance) * (2 * radius - distance) ** 2 / 12
    sphere = 4 / 3 * np.pi * radius**3
    assert metrics.dice(a, b) == pytest.approx(lens / sphere, abs=0.003)


def test_dice_takes_zeros_and_ones_and_is_symmetric():
    a, b = cube((1, 1), 5), cube((3, 2), 7)
    assert metrics.dice(a, b) == metrics.dice(b.astype(np.uint8), a.astype(int))


def test_empty_masks_have_the_documented_values():
    full, empty = cube((1, 1), 5), np.zeros((24, 24), bool)
    assert metrics.dice(full, empty) == 0
    assert np.isnan(metrics.dice(empty, empty))
    for a, b in ((full, empty), (empty, full)):
        assert metrics.hd95_mm(a, b, spacing_mm=(1, 1)) == np.inf
    assert np.isnan(metrics.hd95_mm(empty, empty, spacing_mm=(1, 1)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_hd95_of_shifted_cubes_is_the_shift_in_mm(axis):
    spacing = (8.0, 3.2, 0.5)
    corner = [4, 4, 4]
    corner[axis] += 3
    distance = metrics.hd95_mm(cube((4, 4, 4), 9), cube(corner, 9), spacing_mm=spacing)
    assert distance == pytest.approx(3 * spacing[axis])


def test_hd95_of_nested_balls_is_the_difference_of_radii():
    spacing, shape = (2.0, 1.0, 0.8), (31, 61, 76)
    inner, outer = (
        ball((30, 30, 30), radius, shape=shape, spacing_mm=spacing)
        for radius in (12.0, 20.0)
    )
    assert metrics.hd95_mm(inner, outer, spacing_mm=spacing) == pytest.approx(8, abs=1)


def test_hd95_takes_the_larger_direction_and_interpolates():
    # 8 surface pixels of the square and 1 outlier: rank 0.95 * 8 = 7.6 of 0 … 8, so
    # 0.6 of the outlier's distance; the other direction is 0 throughout
    square = cube((12, 12), 3)
    with_outlier = square.copy()
    with_outlier[4, 12] = True
    for pair in ((square, with_outlier), (with_outlier, square)):
        assert metrics.hd95_mm(*pair, spacing_mm=(2, 1)) == pytest.approx(0.6 * 16)


def test_hd95_forgives_a_single_voxel_on_a_large_surface():
    block = cube((8, 8, 8), 10)
    speckled = block.copy()
    speckled[1, 1, 1] = True
    assert metrics.hd95_mm(block, speckled, spacing_mm=(1, 1, 1)) == 0


def test_hd95_counts_the_rim_of_the_array_as_surface():
    whole = np.ones((20, 20), bool)
    half = whole.copy()
    half[:, 10:] = False
    # the far rim, 20 of 76 surface pixels of the whole, lies 10 pixels from the half
    assert metrics.hd95_mm(whole, half, spacing_mm=(1, 3)) == 30


@pytest.mark.parametrize("seed", range(5))
def test_hd95_equals_simpleitk(seed):
    rng = np.random.default_rng(seed)
    spacing = (2.5, 1.0, 0.7)
    a, b = (
        np.pad(ndimage.gaussian_filter(rng.random((12, 24, 30)), 2) > 0.5, 2)
        for _ in range(2)
    )
    contours, distances = [], []
    for mask in (a, b):
        image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
        image.SetSpacing(spacing[::-1])
        contour = SimpleITK.BinaryContour(image, fullyConnected=False)
        far = SimpleITK.SignedMaurerDistanceMap(
            contour, squaredDistance=False, useImageSpacing=True
        )
        contours.append(SimpleITK.GetArrayFromImage(contour).astype(bool))
        distances.append(np.abs(SimpleITK.GetArrayFromImage(far)))
    expected = max(
        np.percentile(distances[1][contours[0]], 95),
        np.percentile(distances[0][contours[1]], 95),
    )
    assert expected > 2
    assert metrics.hd95_mm(a, b, spacing_mm=spacing) == pytest.approx(expected, 1e-5)


def test_context_is_mandatory():
    image = np.zeros((16, 16))
    for metric in (metrics.psnr, metrics.ssim):
        with pytest.raises(TypeError, match="data_range"):
            metric(image, image)
    with pytest.raises(TypeError, match="spacing_mm"):
        metrics.hd95_mm(image, image)


@pytest.mark.parametrize("data_range", [0, -1.0, float("nan"), float("inf")])
def test_impossible_range_is_refused(data_range):
    image = np.zeros((16, 16))
    for metric in (metrics.psnr, metrics.ssim):
        with pytest.raises(ValueError, match="`data_range` must be positive"):
            metric(image, image, data_range=data_range)


def test_unlike_or_broken_images_are_refused():
    image = np.zeros((16, 16))
    with pytest.raises(ValueError, match=r"\(16, 16\) and \(16, 15\)"):
        metrics.psnr(image, image[:, 1:], data_range=1)
    with pytest.raises(ValueError, match="finite"):
        metrics.mae_hu(image, np.full_like(image, np.nan))
    with pytest.raises(ValueError, match="11 x 11"):
        metrics.ssim(image[:10], image[:10], data_range=1)
    with pytest.raises(ValueError, match="ssim_per_image"):
        metrics.ssim(np.zeros((2, 16, 16)), np.zeros((2, 16, 16)), data_range=1)


def test_labels_and_wrong_spacing_are_refused():
    mask = cube((2, 2), 4)
    with pytest.raises(ValueError, match="0 to 5; compare one label"):
        metrics.dice(5 * mask.astype(int), mask)
    with pytest.raises(ValueError, match="one shape"):
        metrics.dice(mask, mask[1:])
    for spacing in ((1, 1, 1), (1, 0), (1, float("nan")), 2.0):
        with pytest.raises(ValueError, match="`spacing_mm` must be 2 positive"):
            metrics.hd95_mm(mask, mask, spacing_mm=spacing)
