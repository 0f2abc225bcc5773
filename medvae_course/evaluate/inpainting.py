"""Filling what is hidden in an image from what can be seen of it, without a network."""

import numpy as np
from scipy import interpolate
from skimage import restoration


def fill_linear(images: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Interpolate linearly between visible pixels; beyond them take the nearest.

    Args:
        images: (n, height, width, 1) array, float, any unit; what is hidden is ignored.
        hidden: bool array of the same shape, True where a value is wanted.

    Returns:
        float32 array of the same shape and unit.

    Raises:
        ValueError: if the shapes differ, or an image has fewer than 4 visible pixels.

    Example:
        >>> images = np.arange(6.0)[None, None, :, None].repeat(6, axis=1)
        >>> hidden = np.zeros(images.shape, bool)
        >>> hidden[:, 2:4, 2:4] = True
        >>> filled = fill_linear(np.where(hidden, 0, images), hidden)
        >>> bool(np.allclose(filled, images))
        True

    Source: triangles of Delaunay, `scipy.interpolate.griddata`.
    Taught in: chapter 5.
    """

    def fill(image: np.ndarray, gone: np.ndarray) -> np.ndarray:
        seen, unseen = np.argwhere(~gone), np.argwhere(gone)
        between, near = (
            interpolate.griddata(seen, image[~gone], unseen, method)
            for method in ("linear", "nearest")
        )
        filled = image.copy()
        filled[gone] = np.where(np.isnan(between), near, between)
        return filled

    return _each(fill, images, hidden)


def fill_biharmonic(images: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Fill as a thin plate would bend that is held at the visible pixels.

    Args:
        images: (n, height, width, 1) array, float, any unit; what is hidden is ignored.
        hidden: bool array of the same shape, True where a value is wanted.

    Returns:
        float32 array of the same shape and unit.

    Raises:
        ValueError: as `fill_linear`.

    Example:
        >>> images = np.arange(8.0)[None, None, :, None].repeat(8, axis=1)
        >>> hidden = np.zeros(images.shape, bool)
        >>> hidden[:, 3:5, 3:5] = True
        >>> filled = fill_biharmonic(np.where(hidden, 0, images), hidden)
        >>> bool(np.allclose(filled, images, atol=1e-4))
        True

    Source: S. B. Damelin and N. S. Hoang, Int. J. Math. Math. Sci. 2018, 3950312;
        `skimage.restoration.inpaint_biharmonic`.
    Taught in: chapter 5.
    """
    return _each(restoration.inpaint_biharmonic, images, hidden)


def _each(fill, images: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    images, hidden = np.asarray(images, dtype=float), np.asarray(hidden, dtype=bool)
    if images.ndim != 4 or images.shape[-1] != 1 or images.shape != hidden.shape:
        raise ValueError(
            "`images` and `hidden` must both be (n, height, width, 1), got"
            f" {images.shape} and {hidden.shape}"
        )
    if (~hidden).sum(axis=(1, 2, 3)).min() < 4:
        raise ValueError("each image must have at least 4 visible pixels to start from")
    pairs = zip(images[..., 0], hidden[..., 0], strict=True)
    filled = [fill(i, h) if h.any() else i for i, h in pairs]
    return np.stack(filled)[..., None].astype(np.float32)
