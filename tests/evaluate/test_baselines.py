"""Baselines: as good as theory says, and no better than their numbers allow."""

import numpy as np
import pytest
from scipy import fft, ndimage
from skimage.transform import resize

from medvae_course.evaluate.baselines import DCT, PCA, Downsample, MeanImage

SHAPE = (16, 20, 1)


@pytest.fixture(scope="module")
def split() -> tuple[np.ndarray, np.ndarray]:
    """Smooth random images with a common structure; some for fitting, some unseen."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.normal(size=(90, *SHAPE)), (0, 2, 2.5, 0))
    smooth += 0.5 * ndimage.gaussian_filter(rng.normal(size=SHAPE), (1, 1, 0))
    images = ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)
    return images[:60], images[60:]


def mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean((a.astype(float) - b) ** 2))


def all_of_size(k: int) -> list:
    return [MeanImage(), PCA(k), DCT(k), Downsample(k)]


@pytest.mark.parametrize("k", [1, 6, 20])
def test_code_holds_no_more_numbers_than_it_says(split, k):
    train, test = split
    for baseline in all_of_size(k):
        drawn = baseline.fit(train).reconstruct(test).astype(float)
        # an affine map of c numbers draws images in a flat of c dimensions
        rank = np.linalg.matrix_rank((drawn - drawn[0]).reshape(len(drawn), -1), 1e-4)
        assert rank == baseline.code_size <= k


def test_reconstruction_depends_on_its_own_image_only(split):
    train, test = split
    for baseline in all_of_size(12):
        together = baseline.fit(train).reconstruct(test)
        alone = baseline.reconstruct(test[3:4])
        np.testing.assert_allclose(together[3:4], alone, atol=1e-5)
        assert together.dtype == np.float32
        assert together.shape == test.shape


def test_full_code_draws_the_image_itself(split):
    train, test = split
    pixels = train[0].size
    for baseline in (DCT(pixels), Downsample(pixels)):
        drawn = baseline.fit(train).reconstruct(test)
        np.testing.assert_allclose(drawn, test, atol=1e-5)
        assert baseline.code_size == pixels
    drawn = PCA(len(train) - 1).fit(train).reconstruct(train)
    np.testing.assert_allclose(drawn, train, atol=1e-4)


def test_mean_image_is_the_mean_and_its_error_the_variance(split):
    train, _ = split
    baseline = MeanImage().fit(train)
    np.testing.assert_allclose(baseline.mean, train.mean(axis=0), atol=1e-6)
    assert mse(baseline.reconstruct(train), train) == pytest.approx(
        train.astype(float).var(axis=0).mean(), rel=1e-4
    )


@pytest.mark.parametrize("k", [2, 8, 30])
def test_pca_error_is_the_eigenvalues_left_out(split, k):
    train, _ = split
    flat = train.reshape(len(train), -1).astype(float)
    singular = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)
    pca = PCA(k).fit(train)
    assert mse(pca.reconstruct(train), train) == pytest.approx(
        (singular[k:] ** 2).sum() / flat.size, rel=1e-3
    )
    np.testing.assert_allclose(
        pca.explained_variance, singular[:k] ** 2 / (len(flat) - 1), rtol=1e-3
    )


def test_pca_codes_have_the_explained_variances(split):
    train, test = split
    pca = PCA(5).fit(train)
    codes = pca.codes(train)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(
        np.cov(codes.T), np.diag(pca.explained_variance), atol=1e-4
    )
    np.testing.assert_allclose(pca.components @ pca.components.T, np.eye(5), atol=1e-5)
    drawn = pca.codes(test) @ pca.components + pca.mean
    np.testing.assert_allclose(drawn.reshape(test.shape), pca.reconstruct(test))


def test_pca_with_the_same_seed_is_the_same(split):
    train, _ = split
    np.testing.assert_array_equal(
        PCA(5, seed=3).fit(train).components, PCA(5, seed=3).fit(train).components
    )


@pytest.mark.parametrize("k", [2, 8, 30])
def test_dct_error_is_the_energy_left_out(split, k):
    train, _ = split
    centred = train.astype(float) - train.mean(axis=0)
    energy = (fft.dctn(centred, axes=(1, 2), norm="ortho") ** 2).mean(axis=0)
    dct = DCT(k).fit(train)
    assert dct.kept.sum() == k
    assert energy[dct.kept].min() >= energy[~dct.kept].max()
    assert mse(dct.reconstruct(train), train) == pytest.approx(
        np.sort(energy, axis=None)[:-k].sum() / energy.size, rel=1e-3
    )


@pytest.mark.parametrize("k", [2, 8, 30])
def test_pca_beats_dct_beats_the_mean_on_training_images(split, k):
    train, _ = split
    mean, pca, dct, _ = (
        mse(baseline.fit(train).reconstruct(train), train)
        for baseline in all_of_size(k)
    )
    assert pca < dct < mean


def test_dct_keeps_the_wave_of_which_the_images_are_made():
    wave = np.zeros((8, 8))
    wave[2, 3] = 1
    wave = fft.idctn(wave, norm="ortho")[None, ..., None]
    images = np.linspace(-1, 1, 7).reshape(-1, 1, 1, 1) * wave + 0.5
    dct = DCT(1).fit(images)
    assert np.argwhere(dct.kept[..., 0]).tolist() == [[2, 3]]
    np.testing.assert_allclose(dct.reconstruct(images), images, atol=1e-6)


@pytest.mark.parametrize(
    ("k", "shape", "thumbnail"),
    [
        (1, (64, 64), (1, 1)),
        (16, (64, 64), (4, 4)),
        (32, (64, 64), (5, 6)),
        (32, (32, 128), (2, 16)),
        (32, (128, 32), (11, 2)),
        (8, (2, 9), (1, 8)),
        (18, (2, 9), (2, 9)),
    ],
)
def test_thumbnail_has_at_most_k_pixels_in_the_images_proportion(k, shape, thumbnail):
    images = np.zeros((2, *shape, 1))
    baseline = Downsample(k).fit(images)
    assert baseline.thumbnail_shape == thumbnail
    assert baseline.code_size == thumbnail[0] * thumbnail[1] <= k


def test_downsampling_keeps_flat_images_and_loses_fine_stripes():
    flat = np.full((1, 96, 96, 1), 0.3)
    stripes = flat + 0.2 * np.cos(2 * np.pi * np.arange(96) / 3)[:, None]
    baseline = Downsample(144).fit(flat)
    np.testing.assert_allclose(baseline.reconstruct(flat), 0.3, atol=1e-6)
    # smoothed before sampling: away from the rim hardly an alias is left
    inside = baseline.reconstruct(stripes)[:, :, 32:-32]
    np.testing.assert_allclose(inside, 0.3, atol=0.01)


def test_thumbnail_is_that_of_skimage(split):
    _, test = split
    rows, columns = (baseline := Downsample(20).fit(test)).thumbnail_shape
    drawn = baseline.reconstruct(test[:3])
    for image, found in zip(test[:3, ..., 0], drawn[..., 0], strict=True):
        options = {"mode": "edge", "clip": False}
        small = resize(image, (rows, columns), anti_aliasing=True, **options)
        expected = resize(small, image.shape, order=3, **options)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_all_beat_the_mean_on_unseen_smooth_images(split):
    train, test = split
    mean, *others = (
        mse(baseline.fit(train).reconstruct(test), test) for baseline in all_of_size(20)
    )
    assert max(others) < mean


@pytest.mark.parametrize("k", [0, -3, 2.5])
def test_code_of_no_whole_number_is_refused(k):
    for baseline in (PCA, DCT, Downsample):
        with pytest.raises(ValueError, match=f"`k` must be a whole number.*got {k}"):
            baseline(k)


def test_code_larger_than_the_data_is_refused(split):
    train, _ = split
    for baseline in (PCA, DCT, Downsample):
        with pytest.raises(ValueError, match="at most the 320 pixels, got 321"):
            baseline(321).fit(train)
    with pytest.raises(ValueError, match="k = 60 and 60 images"):
        PCA(60).fit(train)


def test_reconstructing_before_fitting_is_refused(split):
    _, test = split
    for baseline in all_of_size(4):
        with pytest.raises(ValueError, match="call `fit`"):
            baseline.reconstruct(test)
    with pytest.raises(ValueError, match="call `fit`"):
        PCA(4).codes(test)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((3, *SHAPE[:2])),
            r"shape \(n, height, width, 1\).*got \(3, 16, 20\)",
        ),
        (np.zeros((3, *SHAPE[:2], 3)), r"got \(3, 16, 20, 3\)"),
        (np.zeros((0, *SHAPE)), r"n > 0, got \(0, 16"),
        (np.zeros((3, *SHAPE), np.uint8), "got uint8"),
        (np.full((3, *SHAPE), np.nan), "NaN or infinity"),
        (np.zeros((3, 8, 8, 1)), r"\(16, 20, 1\), got \(8, 8, 1\)"),
    ],
)
def test_images_of_another_kind_are_refused(split, images, message):
    train, _ = split
    for baseline in all_of_size(2):
        with pytest.raises(ValueError, match=message):
            baseline.fit(train).reconstruct(images)
    with pytest.raises(ValueError, match=message):
        PCA(2).fit(train).codes(images)
