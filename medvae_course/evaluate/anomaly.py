"""Anomaly scores that need no network, and what to do to any score afterwards.

A score is a number for each pixel, the higher, the more suspicious. Residuals take any
reconstruction: of the mean image, of PCA, of an autoencoder.
"""

import numpy as np
from scipy import ndimage
from sklearn.covariance import LedoitWolf


def body(hu: np.ndarray, *, above_hu: float = -300.0, erode_px: int = 0) -> np.ndarray:
    """Find the body in each slice: the largest piece of tissue, with what it encloses.

    Only pixels of the body should be judged: the air around it is healthy and easy, and
    flatters every score. Edges of the body are where reconstructions fail most;
    `erode_px` leaves out a rim.

    Args:
        hu: (n, height, width) array, HU.
        above_hu: what counts as tissue, HU.
        erode_px: width of the rim that is left out, pixels.

    Returns:
        bool (n, height, width).

    Raises:
        ValueError: unless `hu` is a stack and `erode_px` a number from 0.

    Example:
        >>> hu = np.full((1, 9, 9), -1000.0)
        >>> hu[0, 2:7, 2:7] = 40
        >>> hu[0, 4, 4] = -900  # a lung
        >>> int(body(hu).sum()), int(body(hu, erode_px=1).sum())
        (25, 9)

    Source: erosion as in Baur et al., Medical Image Analysis 69 (2021) 101952.
    Taught in: chapter 13.
    """
    hu = np.asarray(hu)
    if hu.ndim != 3 or erode_px != int(erode_px) or erode_px < 0:
        raise ValueError(
            "`hu` must have shape (n, height, width) and `erode_px` be a whole number "
            f"from 0, got {hu.shape} and {erode_px}"
        )
    found = np.zeros(hu.shape, dtype=bool)
    for mask, image in zip(found, hu, strict=True):
        pieces, n = ndimage.label(image > above_hu)
        if n:
            largest = np.bincount(pieces.ravel())[1:].argmax() + 1
            mask[:] = ndimage.binary_fill_holes(pieces == largest)
            if erode_px:
                mask[:] = ndimage.binary_erosion(mask, iterations=erode_px)
    return found


def band(hu: np.ndarray, level_hu: float) -> np.ndarray:
    """Score pixels by how close their HU are to a level: a threshold from both sides.

    A level above all tissue is the plain threshold: the brighter, the more suspicious.

    Args:
        hu: array of any shape, HU.
        level_hu: HU of the lesions looked for, chosen on validation patients.

    Returns:
        float32 array of the same shape, HU, 0 at best.

    Example:
        >>> band(np.array([40.0, 250.0, 900.0]), 300.0).tolist()
        [-260.0, -50.0, -600.0]

    Source: intensities as anomaly scores: Meissen, Kaissis and Rueckert, Challenging
        current semi-supervised anomaly segmentation methods for brain MRI (2022).
    Taught in: chapter 13.
    """
    return -np.abs(np.asarray(hu, dtype=np.float32) - np.float32(level_hu))


def roughness(hu: np.ndarray, *, size_px: int = 3) -> np.ndarray:
    """Score pixels by how far those around them stray from their local median.

    Args:
        hu: (n, height, width) array, HU.
        size_px: width of the square windows, pixels, odd.

    Returns:
        float32 array of the same shape, HU: mean over a window of the distances from
        the median of a window around each pixel.

    Raises:
        ValueError: unless `size_px` is odd and at least 3.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(1, 8, 8))
        >>> bool(roughness(50 * noise).mean() > 40 * roughness(noise).mean())
        True

    Source: none; medians leave straight edges alone. Taught in: chapter 13.
    """
    if size_px < 3 or size_px % 2 != 1:
        raise ValueError(f"`size_px` must be odd and at least 3, got {size_px}")
    hu, window = np.asarray(hu, dtype=np.float32), (1, size_px, size_px)
    astray = np.abs(hu - ndimage.median_filter(hu, window))
    return ndimage.uniform_filter(astray, window)


def residual(
    images: np.ndarray,
    x_hat: np.ndarray,
    *,
    smooth_px: float = 0.0,
    usual: np.ndarray | None = None,
) -> np.ndarray:
    """Score pixels by how far a reconstruction is from the image.

    Args:
        images: (n, height, width, 1) array, model units.
        x_hat: reconstructions, same shape and unit.
        smooth_px: standard deviation of a Gaussian, pixels, that averages the signed
            difference first: noise cancels, a lesion of several pixels stays.
        usual: (height, width) array, residual that healthy patients have in each pixel,
            same unit; the score is divided by it.

    Returns:
        float32 (n, height, width), model units; without unit where divided.

    Raises:
        ValueError: if the shapes differ, or `usual` is not positive everywhere.

    Example:
        >>> images = np.zeros((1, 4, 4, 1))
        >>> float(residual(images, images - 0.5).max())
        0.5

    Source: Baur et al., Medical Image Analysis 69 (2021) 101952, section 3.
    Taught in: chapter 13.
    """
    images, x_hat = np.asarray(images), np.asarray(x_hat)
    if images.shape != x_hat.shape or images.ndim != 4:
        raise ValueError(
            "`images` and `x_hat` must both be (n, height, width, 1), got "
            f"{images.shape} and {x_hat.shape}"
        )
    difference = (images - x_hat)[..., 0].astype(np.float32)
    if smooth_px:
        difference = ndimage.gaussian_filter(difference, (0, smooth_px, smooth_px))
    score = np.abs(difference)
    if usual is None:
        return score
    if not np.all(np.asarray(usual) > 0):
        raise ValueError("`usual` must be positive in each pixel: add a small number")
    return score / np.asarray(usual, dtype=np.float32)


def of_slices(
    scores: np.ndarray, within: np.ndarray, *, share: float = 0.01
) -> np.ndarray:
    """Give each slice one score: the mean of its most suspicious pixels.

    The mean of all would drown a small lesion, the maximum is a single noisy pixel.

    Args:
        scores: (n, height, width) array, any unit.
        within: bool array of the same shape: pixels that count.
        share: of these pixels, those averaged; at least one pixel is.

    Returns:
        float32 (n,), same unit; `-inf` where no pixel counts.

    Raises:
        ValueError: if the shapes differ, or `share` is not above 0 and at most 1.

    Example:
        >>> scores = np.arange(16.0).reshape(1, 4, 4)
        >>> of_slices(scores, scores >= 0, share=0.125).tolist()
        [14.5]

    Source: none. Taught in: chapter 13.
    """
    scores, within = np.asarray(scores), np.asarray(within)
    if scores.shape != within.shape or not 0 < share <= 1:
        raise ValueError(
            "`scores` and `within` must be of one shape, `share` above 0 and at most "
            f"1, got {scores.shape}, {within.shape} and {share}"
        )
    found = np.full(len(scores), -np.inf, dtype=np.float32)
    for i, (score, mask) in enumerate(zip(scores, within, strict=True)):
        if mask.any():
            counted = np.sort(score[mask])
            found[i] = counted[-max(1, round(share * counted.size)) :].mean()
    return found


def code_distance(codes: np.ndarray, train_codes: np.ndarray) -> np.ndarray:
    """Mahalanobis distance of codes from those of healthy patients.

    Args:
        codes: (n, k) array, of any model's encoder.
        train_codes: (m, k) array, of the healthy training images; their mean and
            covariance (shrunk, so that it can be inverted) describe what is usual.

    Returns:
        float64 (n,), no unit.

    Raises:
        ValueError: if the codes are not of one length.

    Example:
        >>> usual = np.random.default_rng(0).normal(size=(5000, 2))
        >>> code_distance(np.array([[3.0, 4.0]]), usual).round().tolist()
        [5.0]

    Source: Ledoit and Wolf, J. Multivariate Anal. 88 (2004) 365-411; `sklearn`.
    Taught in: chapter 13.
    """
    codes, train_codes = np.asarray(codes), np.asarray(train_codes)
    if codes.ndim != 2 or codes.shape[1:] != train_codes.shape[1:]:
        raise ValueError(
            "codes must be (n, k) with one k, got "
            f"{codes.shape} and {train_codes.shape}"
        )
    return np.sqrt(LedoitWolf().fit(train_codes).mahalanobis(codes))
