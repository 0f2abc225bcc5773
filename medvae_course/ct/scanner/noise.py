"""Measuring noise: how its power spreads over the frequencies."""

import numpy as np
from scipy import fft


def noise_power_spectrum(
    noise: np.ndarray, pixel_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Average the noise power spectrum over images and directions.

    Over the plane of frequencies the spectrum integrates to the variance. Filtered
    back-projection leaves one that rises from zero in proportion to frequency and
    falls again where the kernel smooths.

    Args:
        noise: (n, side, side) float, HU: images of noise alone, such as an image less
            its truth, or the difference of two images over the square root of 2.
        pixel_mm: side of a pixel, mm.

    Returns:
        Frequencies (1/mm, from one step above 0 to half a cycle per pixel) and the
        spectrum at each (HU^2 mm^2), two float64 arrays of `side // 2`.

    Raises:
        ValueError: if the images are not square or the pixel is impossible.

    Example:
        >>> white = np.random.default_rng(0).normal(0, 10, (50, 32, 32))
        >>> frequency, power = noise_power_spectrum(white, 0.5)
        >>> round(power.mean())  # variance times the pixel's area
        25

    Source: J. H. Siewerdsen, I. A. Cunningham and D. A. Jaffray, Med. Phys. 29 (2002)
        2655; for its shape M. F. Kijewski and P. F. Judy, Phys. Med. Biol. 32 (1987)
        565.
    Taught in: chapter 5.
    """
    noise = np.asarray(noise, dtype=np.float64)
    if noise.ndim != 3 or noise.shape[1] != noise.shape[2] or noise.shape[1] < 4:
        raise ValueError(
            "`noise` must be (n, side, side) with a side from 4, got shape"
            f" {noise.shape}"
        )
    if not pixel_mm > 0:
        raise ValueError(f"`pixel_mm` must be positive, got {pixel_mm}")
    side = noise.shape[1]
    centred = noise - noise.mean(axis=(1, 2), keepdims=True)
    power = np.mean(np.abs(fft.fft2(centred)) ** 2, axis=0) * (pixel_mm / side) ** 2
    step = np.rint(side * np.hypot(fft.fftfreq(side)[:, None], fft.fftfreq(side)))
    step = step.astype(int).ravel()
    sums, counts = np.bincount(step, power.ravel()), np.bincount(step)
    rings = np.arange(1, side // 2 + 1)
    return rings / (side * pixel_mm), sums[rings] / counts[rings]
