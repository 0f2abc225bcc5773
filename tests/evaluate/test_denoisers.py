import numpy as np
import pytest
from scipy import ndimage

from medvae_course.evaluate import denoisers, tuning

RNG = np.random.default_rng(0)
TRUTH = np.zeros((4, 32, 32, 1), np.float32)
for number, image in enumerate(TRUTH):
    image[6 + number : 20, 8:26] = 0.6
    image[10:14, 12 + number : 16] = 0.9
SIGMA = 0.08
NOISY = TRUTH + RNG.normal(0, SIGMA, TRUTH.shape).astype(np.float32)
METHODS = {
    "Gaussian": (denoisers.gaussian, 0.5),
    "non-local means": (denoisers.nonlocal_means, SIGMA),
    "total variation": (denoisers.total_variation, SIGMA),
    "PCA": (denoisers.PatchPCA(4).fit(NOISY), 3 * SIGMA),
}


def mse(images):
    return float(((images - TRUTH) ** 2).mean())


@pytest.mark.parametrize(("denoise", "strength"), METHODS.values(), ids=METHODS)
def test_each_takes_noise_away_and_leaves_shape_and_type(denoise, strength):
    found = denoise(NOISY, strength)
    assert found.shape == NOISY.shape
    assert found.dtype == np.float32
    assert mse(found) < 0.8 * mse(NOISY)


@pytest.mark.parametrize(("denoise", "strength"), METHODS.values(), ids=METHODS)
def test_images_are_treated_one_by_one(denoise, strength):
    together = denoise(NOISY, strength)
    np.testing.assert_allclose(denoise(NOISY[2:3], strength)[0], together[2], atol=1e-6)


@pytest.mark.parametrize(("denoise", "strength"), METHODS.values(), ids=METHODS)
def test_almost_no_strength_changes_almost_nothing(denoise, strength):
    np.testing.assert_allclose(denoise(NOISY, 1e-4), NOISY, atol=1e-3)


@pytest.mark.parametrize(("denoise", "strength"), METHODS.values(), ids=METHODS)
def test_a_constant_image_stays(denoise, strength):
    flat = np.full((1, 32, 32, 1), 0.3, np.float32)
    np.testing.assert_allclose(denoise(flat, strength), flat, atol=1e-5)


def test_gaussian_is_scipys():
    found = denoisers.gaussian(NOISY, 1.0)[1, ..., 0]
    np.testing.assert_allclose(
        found, ndimage.gaussian_filter(NOISY[1, ..., 0], 1.0), atol=1e-6
    )


def test_edge_keepers_beat_the_gaussian_on_edges():
    best = {
        name: tuning.tune(
            denoise, strength * np.array([0.5, 1, 2]), noisy=NOISY, truth=TRUTH
        ).psnr
        for name, (denoise, strength) in METHODS.items()
    }
    assert best["non-local means"] > best["Gaussian"]
    assert best["total variation"] > best["Gaussian"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: denoisers.gaussian(NOISY[..., 0], 1.0),
        lambda: denoisers.gaussian(NOISY, 0.0),
        lambda: denoisers.total_variation(NOISY, -1.0),
        lambda: denoisers.PatchPCA().fit(NOISY[:, :4, :4]),
        lambda: denoisers.PatchPCA()(NOISY, 0.1),
    ],
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own message
        call()
