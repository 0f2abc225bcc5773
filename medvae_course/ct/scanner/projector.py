"""Parallel-beam projection and back-projection by one sparse matrix of exact areas.

A pixel is a square. Seen under an angle its shadow on the detector is a trapezoid, and
the share of the shadow that falls onto a reading is an area in closed form. The matrix
of these shares projects; its transpose back-projects. Only angles below 45 degrees are
stored: the others see the image mirrored or turned. All slices go through at once.
"""

import math
from functools import lru_cache

import numpy as np
from scipy import sparse

READINGS_PER_PIXEL = 2
"""The detector samples twice as finely as the image, so that edges do not alias."""
_BINS = 4  # a shadow is up to 1.42 pixels wide: 2.83 readings, which touch 4
_SLICES_AT_ONCE = 16  # what stays in a core's cache


def default_views(n_pixels: int) -> int:
    """Give the number of views that resolves an image to its border.

    Args:
        n_pixels: along the side of the square image.

    Returns:
        A multiple of 4, about 1.6 per pixel.

    Example:
        >>> default_views(128)
        208

    Source: A. C. Kak and M. Slaney, Principles of Computerized Tomographic Imaging,
        section 5.1: views over readings about pi / 2.
    Taught in: chapter 5.
    """
    return 4 * max(8, math.ceil(0.4 * n_pixels))


def detector_length(n_pixels: int) -> int:
    """Number of readings per view: enough for the diagonal, so nothing is truncated.

    Args:
        n_pixels: along the side of the square image.

    Returns:
        An even number of readings.

    Example:
        >>> detector_length(128)
        368
    """
    half = math.ceil(n_pixels * math.sqrt(0.5) * READINGS_PER_PIXEL) + _BINS // 2
    return 2 * half


def angles_rad(n_views: int) -> np.ndarray:
    """Angles of the views: evenly over half a turn, none along an axis.

    Args:
        n_views: a positive multiple of 4.

    Returns:
        (n_views,) float64, radian; a view at angle a reads along lines of constant
        `x cos(a) + y sin(a)`, with x along the columns and y along the rows.

    Example:
        >>> np.rad2deg(angles_rad(4)).tolist()
        [22.5, 67.5, 112.5, 157.5]
    """
    return (np.arange(n_views) + 0.5) * (np.pi / n_views)


@lru_cache(maxsize=1)
def shadow_matrix(n_pixels: int, n_views: int) -> sparse.csr_array:
    """Share of each pixel's shadow in each reading, for the angles below 45 degrees.

    The last one made is kept: 27 MB for 128 pixels, 215 MB for 256.

    Args:
        n_pixels: along the side of the square image.
        n_views: of the half turn, a positive multiple of 4.

    Returns:
        (pixels, readings) float32; each row sums to `n_views / 4`.

    Example:
        >>> shadow_matrix(8, 4).shape
        (64, 28)
    """
    n_bins, angles = detector_length(n_pixels), angles_rad(n_views)[: n_views // 4]
    centre = (np.arange(n_pixels) - (n_pixels - 1) / 2) * READINGS_PER_PIXEL
    first = np.empty((n_pixels, n_pixels, len(angles)), np.int32)
    share = np.empty((*first.shape, _BINS), np.float32)
    for k, angle in enumerate(angles):
        wide, narrow = (READINGS_PER_PIXEL * f(angle) for f in (np.cos, np.sin))
        t = centre * np.cos(angle) + (centre * np.sin(angle))[:, None] + n_bins / 2
        start = np.floor(t - (wide + narrow) / 2)
        first[..., k] = start + n_bins * k
        edges = start[..., None] + np.arange(_BINS + 1) - t[..., None]
        share[..., k, :] = np.diff(_covered(edges, wide, narrow), axis=-1)
    columns = first[..., None] + np.arange(_BINS, dtype=np.int32)
    rows = np.arange(n_pixels**2 + 1, dtype=np.int32) * (len(angles) * _BINS)
    return sparse.csr_array(
        (share.ravel(), columns.ravel(), rows),
        shape=(n_pixels**2, n_bins * len(angles)),
    )


def _covered(t: np.ndarray, wide: float, narrow: float) -> np.ndarray:
    """Share of a square's shadow that lies left of t: a trapezoid's integral."""
    outer, inner = (wide + narrow) / 2, (wide - narrow) / 2
    # the second integral of four impulses; beyond the shadow nothing is added
    t = np.minimum(t, outer)
    return (
        np.maximum(t + outer, 0) ** 2
        - np.maximum(t + inner, 0) ** 2
        - np.maximum(t - inner, 0) ** 2
    ) / (2 * wide * narrow)


def project(images: np.ndarray, *, pixel_mm: float, n_views: int) -> np.ndarray:
    """Integrate along parallel lines, averaged over the width of each reading.

    Args:
        images: (z, n, n) float, per mm or unitless.
        pixel_mm: side of a pixel, mm.
        n_views: a positive multiple of 4.

    Returns:
        float32 (n_views, readings, z), the unit of `images` times mm; readings lie
        `pixel_mm / READINGS_PER_PIXEL` apart, centred on the image.

    Example:
        >>> sinogram = project(np.ones((1, 16, 16)), pixel_mm=2.0, n_views=8)
        >>> sinogram.shape, round(float(sinogram[0].sum()))  # 32 x 32 mm, 1 mm apart
        ((8, 50, 1), 1024)

    Source: after B. De Man and S. Basu, Phys. Med. Biol. 49 (2004) 2463, on a pixel's
        shadow on the detector; for parallel rays the trapezoid used here is exact.
    Taught in: chapter 5.
    """
    n_slices, n_pixels = images.shape[:2]
    shadows = shadow_matrix(n_pixels, n_views).T
    n_bins = detector_length(n_pixels)
    readings = np.empty((n_views, n_bins, n_slices), np.float32)
    for part in _parts(n_slices):
        seen = np.stack([_turn(images[part], q) for q in range(4)], axis=-2)
        seen = np.ascontiguousarray(seen.reshape(n_pixels**2, -1), np.float32)
        shadow = (shadows @ seen).reshape(n_views // 4, n_bins, 4, -1)
        for q in range(4):
            readings[_views(q, n_views), :, part] = shadow[:, :, q]
    readings *= np.float32(pixel_mm * READINGS_PER_PIXEL)
    return readings


def back_project(readings: np.ndarray, *, n_pixels: int) -> np.ndarray:
    """Smear readings back over the image: each pixel takes the mean over its shadow.

    Args:
        readings: (n_views, readings, z) float, as `project` orders them.
        n_pixels: along the side of the square image.

    Returns:
        float32 (z, n_pixels, n_pixels): integral over the half turn (radian) of the
        readings' unit.

    Example:
        >>> image = back_project(np.ones((8, 50, 1), np.float32), n_pixels=16)
        >>> round(float(image[0, 5, 5]), 4)
        3.1416
    """
    n_views, n_bins, n_slices = readings.shape
    shadows = shadow_matrix(n_pixels, n_views)
    images = np.empty((n_slices, n_pixels, n_pixels), np.float32)
    for part in _parts(n_slices):
        ordered = [readings[_views(q, n_views), :, part] for q in range(4)]
        ordered = np.stack(ordered, axis=2).reshape(n_views // 4 * n_bins, -1)
        turned = (shadows @ ordered).reshape(n_pixels, n_pixels, 4, -1)
        images[part] = sum(_turn_back(turned[:, :, q], q) for q in range(4))
    images *= np.float32(np.pi / n_views)
    return images


def _parts(n_slices: int) -> list[slice]:
    starts = range(0, n_slices, _SLICES_AT_ONCE)
    return [slice(i, min(i + _SLICES_AT_ONCE, n_slices)) for i in starts]


def _views(quarter: int, n_views: int) -> slice:
    """The views of one eighth of the turn, in the order of the stored angles."""
    n = n_views // 4
    if quarter % 2 == 0:  # a, and 90 degrees + a
        return slice(quarter * n, (quarter + 1) * n)
    return slice((quarter + 1) * n - 1, quarter * n - 1, -1)  # 90 - a, 180 - a


def _turn(images: np.ndarray, quarter: int) -> np.ndarray:
    """(z, y, x) to (y, x, z), turned so that angle a sees what its partner sees."""
    images = np.moveaxis(images, 0, -1)
    if quarter in (1, 2):  # x and y change places
        images = images.swapaxes(0, 1)
    return images[::-1] if quarter == 2 else images[:, ::-1] if quarter == 3 else images


def _turn_back(images: np.ndarray, quarter: int) -> np.ndarray:
    if quarter == 2:
        images = images[::-1]
    elif quarter == 3:
        images = images[:, ::-1]
    if quarter in (1, 2):
        images = images.swapaxes(0, 1)
    return np.moveaxis(images, -1, 0)
