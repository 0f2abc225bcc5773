"""Noise in HU, from two images or from one, and what a residual holds besides noise.

All functions take stacks of images (n, height, width) in any unit, HU for preference,
and give one number for each image, ready for `bootstrap.interval`.
"""

import numpy as np
from scipy import ndimage

SECOND_DIFFERENCES = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])
"""Second difference along rows and along columns: blind to planes and straight edges
along an axis. White noise leaves it six times as large as it went in."""

WHITE_GAIN = 6.0
_MAD_OF_UNIT_NORMAL = 0.6745  # median of the absolute value of a standard normal


def sigma_from_pair(
    first: np.ndarray, second: np.ndarray, *, mask: np.ndarray
) -> np.ndarray:
    r"""Noise of two scans of one body: what differs is noise of both.

    $\sigma = \mathrm{SD}(a - b) / \sqrt2$, for noise that is independent and alike.

    Args:
        first: (n, height, width) array, float, HU.
        second: array of the same shape and unit, of the same bodies.
        mask: bool array of the same shape; where to measure.

    Returns:
        (n,) float64 array, HU; `nan` where the mask holds fewer than 2 pixels.

    Raises:
        ValueError: if the shapes differ or are no stack.

    Example:
        >>> noise = np.random.default_rng(0).normal(0, 20, (2, 1, 64, 64))
        >>> sigma = sigma_from_pair(*noise, mask=np.ones((1, 64, 64), bool))
        >>> bool(abs(sigma[0] - 20) < 1)
        True

    Source: the variance of a difference is the sum of the variances.
    Taught in: chapter 5.
    """
    first, second, mask = _stacks(first, second, mask)
    difference = first - second
    return _per_image(lambda i: difference[i][mask[i]].std() / np.sqrt(2), mask)


def gain(noise: np.ndarray, *, mask: np.ndarray) -> float:
    """How much `SECOND_DIFFERENCES` enlarges noise: 6 if white, else by its colour.

    Measured once on noise of a test object, such as the difference of two scans of a
    container of water, it calibrates `sigma_from_image` for that scanner and kernel.

    Args:
        noise: (n, height, width) array, float, any unit: noise alone.
        mask: bool array of the same shape; where to measure.

    Returns:
        Standard deviation after the filter over that before; no unit.

    Raises:
        ValueError: if the shapes differ or are no stack, or the mask is empty.

    Example:
        >>> white = np.random.default_rng(0).normal(0, 20, (20, 64, 64))
        >>> round(gain(white, mask=np.ones(white.shape, bool)))
        6

    Source: the root of the sum of the squared weights is 6.
    Taught in: chapter 5.
    """
    noise, _, mask = _stacks(noise, noise, mask)
    if not mask.any():
        raise ValueError("`mask` must hold pixels to measure the noise in, got none")
    return float(_filtered(noise)[mask].std() / noise[mask].std())


def sigma_from_image(
    images: np.ndarray, *, mask: np.ndarray, gain: float = WHITE_GAIN
) -> np.ndarray:
    """Noise of a single image: what is left of it after second differences.

    The median of the absolute values stands for the standard deviation, so that some
    edges in the mask do little harm; leave out most of them all the same.

    Args:
        images: (n, height, width) array, float, HU.
        mask: bool array of the same shape; where the body is even.
        gain: of the noise, as the function `gain` measures it; the value for white
            noise gives too little for the noise of most CT.

    Returns:
        (n,) float64 array, HU; `nan` where the mask holds fewer than 2 pixels.

    Raises:
        ValueError: if the shapes differ or are no stack, or `gain` is not positive.

    Example:
        >>> images = np.random.default_rng(0).normal(40, 20, (1, 64, 64))
        >>> sigma = sigma_from_image(images, mask=np.ones((1, 64, 64), bool))
        >>> bool(abs(sigma[0] - 20) < 2)
        True

    Source: J. Immerkaer, Computer Vision and Image Understanding 64 (1996) 300-302,
        with the median of D. L. Donoho, IEEE Trans. Inf. Theory 41 (1995) 613-627.
    Taught in: chapter 5.
    """
    images, _, mask = _stacks(images, images, mask)
    if not gain > 0:
        raise ValueError(f"`gain` must be positive, got {gain}")
    size = np.abs(_filtered(images)) / (_MAD_OF_UNIT_NORMAL * gain)
    return _per_image(lambda i: np.median(size[i][mask[i]]), mask)


def even_tissue(
    images: np.ndarray, *, low_hu: float = -150.0, high_hu: float = 200.0
) -> np.ndarray:
    """Find the half of the soft tissue that is farthest from edges, in noisy images.

    Args:
        images: (n, height, width) array, float, HU.
        low_hu: lowest value of soft tissue, after smoothing over a pixel, HU.
        high_hu: highest value, HU.

    Returns:
        bool array of the same shape.

    Raises:
        ValueError: if `images` is no stack.

    Example:
        >>> images = np.full((1, 16, 16), -1000.0)
        >>> images[:, 4:12, 4:12] = 50.0
        >>> mask = even_tissue(images)[0]
        >>> bool(mask[8, 8]), bool(mask[4, 4]), bool(mask[0, 0])
        (True, False, False)

    Source: the gradient of a Gaussian of one pixel, below its median in the tissue.
    Taught in: chapter 5.
    """
    images, _, _ = _stacks(images, images, images)
    smooth = ndimage.gaussian_filter(images, (0, 1, 1))
    tissue = (smooth > low_hu) & (smooth < high_hu)
    even = np.zeros(images.shape, bool)
    for i, image in enumerate(images):
        if tissue[i].any():
            slope = ndimage.gaussian_gradient_magnitude(image, 1)
            even[i] = tissue[i] & (slope <= np.median(slope[tissue[i]]))
    return even


def edge_correlation(
    residual: np.ndarray, reference: np.ndarray, *, mask: np.ndarray
) -> np.ndarray:
    """How much of a residual is edges: its correlation with a picture of the edges.

    The edges are the Laplacian of the reference. Smoothing by a narrow Gaussian takes
    away just that, times half its variance; noise alone has a correlation of 0. The
    reference must not share the residual's noise: take the truth, or a second scan.

    Args:
        residual: (n, height, width) array, float, HU: an image less its denoised one.
        reference: array of the same shape and unit.
        mask: bool array of the same shape; where to measure.

    Returns:
        (n,) float64 array between -1 and 1, no unit; minus what the Laplacian gives,
        so that edges taken away count as positive. `nan` where the mask holds fewer
        than 2 pixels.

    Raises:
        ValueError: if the shapes differ or are no stack.

    Example:
        >>> body = np.zeros((1, 32, 32))
        >>> body[:, 8:24, 8:24] = 100.0
        >>> removed = body - ndimage.gaussian_filter(body, (0, 0.5, 0.5))
        >>> mask = np.ones(body.shape, bool)
        >>> bool(edge_correlation(removed, body, mask=mask)[0] > 0.9)
        True

    Source: D. Marr and E. Hildreth, Proc. R. Soc. B 207 (1980) 187-217, on the
        Laplacian; A. Buades, B. Coll and J.-M. Morel, Multiscale Model. Simul. 4 (2005)
        490-530, on what a denoiser takes away.
    Taught in: chapter 5.
    """
    residual, reference, mask = _stacks(residual, reference, mask)
    edges = np.stack([-ndimage.laplace(image) for image in reference])
    return _per_image(
        lambda i: np.corrcoef(residual[i][mask[i]], edges[i][mask[i]])[0, 1], mask
    )


def _filtered(images: np.ndarray) -> np.ndarray:
    return ndimage.convolve(images, SECOND_DIFFERENCES[None])


def _per_image(measure, mask: np.ndarray) -> np.ndarray:
    enough = mask.sum(axis=(1, 2)) >= 2
    return np.array([measure(i) if ok else np.nan for i, ok in enumerate(enough)])


def _stacks(first, second, mask) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, second = np.asarray(first, float), np.asarray(second, float)
    mask = np.asarray(mask)
    if first.ndim != 3 or first.size == 0:
        raise ValueError(f"images must be (n, height, width), got {first.shape}")
    if first.shape != second.shape or first.shape != mask.shape:
        raise ValueError(
            "images and mask must have one shape, got"
            f" {first.shape}, {second.shape} and {mask.shape}"
        )
    return first, second, mask.astype(bool)
