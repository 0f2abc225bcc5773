"""Denoisers that need no network: four classical ones.

Each takes a stack of images and one number, its strength, that has to be tuned on
patients who are not those of the report (`tuning`). A network that was trained on
thousands of pairs has to beat the best of them so tuned.
"""

from collections.abc import Callable
from typing import Self

import numpy as np
from scipy import ndimage
from skimage import restoration
from sklearn import decomposition


def gaussian(images: np.ndarray, strength: float) -> np.ndarray:
    """Smooth by a Gaussian: noise and edges alike.

    Args:
        images: (n, height, width, 1) array, float, model units.
        strength: standard deviation of the Gaussian, pixels.

    Returns:
        float32 array of the same shape, model units.

    Raises:
        ValueError: if `images` is no stack or `strength` not positive.

    Example:
        >>> bool(gaussian(np.ones((1, 8, 8, 1)), 1.0).std() < 1e-6)
        True

    Source: the linear filter that every other one is compared with.
    Taught in: chapter 5.
    """
    images = _checked(images, strength)
    return ndimage.gaussian_filter(images, (0, strength, strength, 0))


def nonlocal_means(images: np.ndarray, strength: float) -> np.ndarray:
    """Replace each pixel by the mean of pixels whose surroundings look alike.

    Args:
        images: (n, height, width, 1) array, float, model units.
        strength: by how much surroundings of 5 x 5 pixels may differ, model units; near
            the standard deviation of the noise.

    Returns:
        float32 array of the same shape, model units.

    Raises:
        ValueError: as `gaussian`.

    Source: A. Buades, B. Coll and J.-M. Morel, CVPR 2005; `skimage.restoration`.
    Taught in: chapter 5.
    """
    images = _checked(images, strength)
    options = {"h": strength, "patch_size": 5, "patch_distance": 7, "fast_mode": True}
    return _each(images, lambda x: restoration.denoise_nl_means(x, **options))


def total_variation(images: np.ndarray, strength: float) -> np.ndarray:
    """Find a picture near the image whose pixels differ little in sum from neighbours.

    Args:
        images: (n, height, width, 1) array, float, model units.
        strength: price of a difference between neighbours; near the standard deviation
            of the noise, model units.

    Returns:
        float32 array of the same shape, model units: even areas, steps between them.

    Raises:
        ValueError: as `gaussian`.

    Source: L. Rudin, S. Osher and E. Fatemi, Physica D 60 (1992) 259-268; solved as by
        A. Chambolle, J. Math. Imaging Vis. 20 (2004) 89-97, in `skimage.restoration`.
    Taught in: chapter 5.
    """
    images = _checked(images, strength)
    return _each(images, lambda x: restoration.denoise_tv_chambolle(x, weight=strength))


class PatchPCA:
    """Write each patch in the principal components of patches, and leave out the weak.

    Args:
        side: of a patch, pixels.

    Example:
        >>> images = np.random.default_rng(0).random((4, 16, 16, 1))
        >>> PatchPCA(4).fit(images)(images, 0.1).shape
        (4, 16, 16, 1)

    Source: hard thresholding as by D. D. Muresan and T. W. Parks, ICIP 2003, here with
        components from other patients; overlapping patches are averaged.
    Taught in: chapter 5.
    """

    def __init__(self, side: int = 6) -> None:
        self.side = int(side)

    def fit(self, train_images: np.ndarray, *, seed: int = 0) -> Self:
        """Learn the components from patches of training images, noisy ones for that.

        Args:
            train_images: (n, height, width, 1) array, float, model units.
            seed: which 20000 patches are drawn.

        Returns:
            The denoiser itself.

        Raises:
            ValueError: if `train_images` is no stack, or smaller than a patch.
        """
        windows = self._windows(_checked(train_images, 1.0))
        rng = np.random.default_rng(seed)
        places = [rng.integers(n, size=20_000) for n in windows.shape[:3]]
        patches = windows[tuple(places)].reshape(20_000, -1)
        self.pca = decomposition.PCA().fit(patches - patches.mean(axis=1)[:, None])
        return self

    def __call__(self, images: np.ndarray, strength: float) -> np.ndarray:
        """Denoise.

        Args:
            images: (n, height, width, 1) array, float, model units.
            strength: components of a patch below this are left out, model units; some
                three times the standard deviation of the noise.

        Returns:
            float32 array of the same shape, model units.

        Raises:
            ValueError: before `fit`, and as `gaussian`.
        """
        if not hasattr(self, "pca"):
            raise ValueError("PatchPCA has learnt nothing: call `fit`")
        images = _checked(images, strength)
        return np.stack([self._denoise(x, strength) for x in images])

    def _denoise(self, image: np.ndarray, strength: float) -> np.ndarray:
        windows = self._windows(image[None])[0]
        rows, columns = windows.shape[:2]
        patches = windows.reshape(rows * columns, -1)
        level = patches.mean(axis=1, keepdims=True)
        codes = (patches - level) @ self.pca.components_.T
        codes[np.abs(codes) < strength] = 0
        redrawn = (codes @ self.pca.components_ + level).reshape(windows.shape)
        total, count = np.zeros((2, *image.shape[:2]))
        for i in range(self.side):
            for j in range(self.side):
                place = np.s_[i : i + rows, j : j + columns]
                total[place] += redrawn[:, :, i, j]
                count[place] += 1
        return (total / count)[..., None].astype(np.float32)

    def _windows(self, images: np.ndarray) -> np.ndarray:
        shape = (self.side, self.side)
        if min(images.shape[1:3]) < self.side:
            raise ValueError(
                f"images must be at least {shape}, got {images.shape[1:3]}"
            )
        return np.lib.stride_tricks.sliding_window_view(images[..., 0], shape, (1, 2))


def _each(images: np.ndarray, denoise: Callable) -> np.ndarray:
    return np.stack([denoise(image[..., 0]) for image in images])[..., None].astype(
        np.float32
    )


def _checked(images: np.ndarray, strength: float) -> np.ndarray:
    images = np.asarray(images, dtype=np.float32)
    if images.ndim != 4 or images.shape[-1] != 1 or images.size == 0:
        raise ValueError(
            f"images must have shape (n, height, width, 1), n > 0, got {images.shape}"
        )
    if not strength > 0:
        raise ValueError(f"`strength` must be positive, got {strength}")
    return images
