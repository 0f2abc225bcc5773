"""Codes of the patch around each pixel, by principal component analysis."""

import numpy as np
from sklearn.decomposition import PCA


def patch_vectors(images: np.ndarray, size: int) -> np.ndarray:
    """Cut out the square around each pixel; beyond the rim the image is mirrored.

    Args:
        images: (n, height, width) or (n, height, width, 1), any unit.
        size: side of the square, pixels, odd.

    Returns:
        float32 array (n, height, width, size * size), same unit; the pixel itself is
        the entry in the middle.

    Raises:
        ValueError: if the images are no stack, or the side is not odd or larger than
            what an image can mirror.

    Example:
        >>> patch_vectors(np.arange(9.0).reshape(1, 3, 3), 3)[0, 1, 1].tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]

    Taught in: chapter 14.
    """
    images = np.asarray(images, dtype=np.float32)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or not images.size:
        raise ValueError(
            f"`images` must be slices (n, height, width), got {images.shape}"
        )
    if size < 1 or size % 2 == 0 or size // 2 >= min(images.shape[1:]):
        raise ValueError(
            "`size` must be odd and its half below the image's side, got "
            f"{size} for {images.shape[1]} x {images.shape[2]}"
        )
    half = size // 2
    padded = np.pad(images, ((0, 0), (half, half), (half, half)), mode="reflect")
    squares = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (1, 2))
    return squares.reshape(*images.shape, size * size)


def fit_patch_codes(
    images: np.ndarray,
    *,
    size: int = 7,
    n_components: int = 8,
    n_pixels: int = 50_000,
    seed: int = 0,
) -> PCA:
    """Find the principal components of the patches of training images.

    Args:
        images: (n, height, width) or (n, height, width, 1), any unit.
        size: side of the patches, pixels, odd.
        n_components: numbers per code.
        n_pixels: patches drawn at random, or all if there are fewer.
        seed: of the drawing.

    Returns:
        A fitted `sklearn.decomposition.PCA`.

    Raises:
        ValueError: as `patch_vectors`.

    Example:
        >>> images = np.random.default_rng(0).normal(size=(2, 16, 16))
        >>> fit_patch_codes(images, size=3, n_components=2).components_.shape
        (2, 9)

    Source: Turk and Pentland, Eigenfaces for recognition (1991), for patches.
    Taught in: chapter 14.
    """
    images = np.asarray(images)
    rng = np.random.default_rng(seed)
    per_slice = -(-n_pixels // len(images))
    drawn = []
    for image in images:
        vectors = patch_vectors(image[None], size).reshape(-1, size * size)
        drawn.append(rng.permutation(vectors)[:per_slice])
    return PCA(n_components, svd_solver="full").fit(np.concatenate(drawn))


def patch_codes(images: np.ndarray, pca: PCA) -> np.ndarray:
    """Encode the patch around each pixel.

    Args:
        images: (n, height, width) or (n, height, width, 1), unit of the fit.
        pca: from `fit_patch_codes`.

    Returns:
        float32 array (n, height, width, n_components), unit of the images.

    Raises:
        ValueError: as `patch_vectors`.

    Example:
        >>> images = np.random.default_rng(0).normal(size=(2, 16, 16))
        >>> pca = fit_patch_codes(images, size=3, n_components=2)
        >>> patch_codes(images, pca).shape
        (2, 16, 16, 2)

    Source: see `fit_patch_codes`. Taught in: chapter 14.
    """
    size = round(pca.n_features_in_**0.5)
    codes = []
    for image in np.asarray(images):  # one at a time: patches take a lot of memory
        vectors = patch_vectors(image[None], size)
        codes.append((vectors - pca.mean_) @ pca.components_.T)
    return np.concatenate(codes).astype(np.float32)
