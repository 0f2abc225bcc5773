import numpy as np
import pytest
from keras_contract import to_numpy
from sklearn.decomposition import PCA

from medvae_course.models import segmenters
from medvae_course.models.patch_pca import patch_pca_encoder

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 16, 16, 1)).astype("float32").cumsum(1) / 10


def test_components_are_those_of_scikit_learn():
    """Patches of 4 pixels at stride 2: inside the image the window starts at 2i - 1."""
    encoder = patch_pca_encoder(IMAGES, filters=(3,), n_patches=4000)
    found = to_numpy(encoder(IMAGES))[:, 1:-1, 1:-1].reshape(-1, 3)
    windows = np.lib.stride_tricks.sliding_window_view(IMAGES[..., 0], (4, 4), (1, 2))
    pca = PCA(3, whiten=True).fit(windows.reshape(-1, 16))
    expected = pca.transform(windows[:, 1::2, 1::2].reshape(-1, 16))
    for one, other in zip(found.T, expected.T, strict=True):
        assert abs(np.corrcoef(one, other)[0, 1]) > 0.98
        assert one.std() == pytest.approx(other.std(), rel=0.1)


def test_a_head_takes_it_as_an_encoder():
    encoder = patch_pca_encoder(IMAGES, filters=(3, 4), n_patches=300)
    assert [output.shape[1:] for output in encoder.outputs] == [(8, 8, 3), (4, 4, 4)]
    head = segmenters.latent_head(encoder, 2)
    assert to_numpy(head(IMAGES)).shape == (6, 16, 16, 2)
    kernels = 4  # image, two stages, position: and a bias
    assert len(head.trainable_weights) == kernels + 1


def test_seed_fixes_the_patches():
    first, again, other = (
        to_numpy(patch_pca_encoder(IMAGES, filters=(3,), n_patches=50, seed=s)(IMAGES))
        for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="patches of 16 numbers, got 17 components"):
        patch_pca_encoder(IMAGES, filters=(17,))
    with pytest.raises(ValueError, match=r"2\*\*4 = 16, and twice as large"):
        patch_pca_encoder(IMAGES, filters=(4, 4, 4, 4))
