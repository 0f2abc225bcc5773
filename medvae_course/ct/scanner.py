"""What the scanner adds to the phantom: blur, correlated noise, whole numbers."""

import numpy as np
from scipy import fft, ndimage

BLUR_MM = 1.4
"""Standard deviation of the blur within a slice, mm."""
SLICE_PROFILE = (0.15, 0.7, 0.15)
"""Share of a slice's neighbours in it: slices overlap a little in a helical scan."""


def scan(
    hu: np.ndarray,
    spacing_mm: tuple[float, float, float],
    *,
    noise_hu: float,
    seed: int,
) -> np.ndarray:
    """Image a body as a scanner would: blurred, noisy, stored as integers.

    Args:
        hu: (z, y, x) float, the body itself, HU.
        spacing_mm: (z, y, x), mm.
        noise_hu: standard deviation of the noise, HU, not negative.
        seed: any int from 0.

    Returns:
        float32 array of the same shape, whole HU from -1024 to 3071 (12 bits).

    Raises:
        ValueError: if `noise_hu` is negative.

    Example:
        >>> water = np.zeros((3, 16, 16))
        >>> float(scan(water, (8.0, 3.2, 3.2), noise_hu=0.0, seed=0).max())
        0.0

    Taught in: chapter 5.
    """
    image = ndimage.correlate1d(hu, SLICE_PROFILE, axis=0, mode="nearest")
    sigma = (0, BLUR_MM / spacing_mm[1], BLUR_MM / spacing_mm[2])
    image = ndimage.gaussian_filter(image, sigma, mode="nearest")
    image = image + reconstruction_noise(hu.shape, noise_hu=noise_hu, seed=seed)
    return np.rint(np.clip(image, -1024, 3071)).astype(np.float32)


def reconstruction_noise(
    shape: tuple[int, int, int], *, noise_hu: float, seed: int
) -> np.ndarray:
    """Noise as filtered back-projection leaves it: correlated within each slice.

    White noise in the projections passes the ramp filter, so the noise power spectrum
    of the image grows with the frequency, and falls again where the kernel smooths:
    neighbours are alike, but large regions average out faster than in white noise.

    Args:
        shape: (z, y, x) of the volume.
        noise_hu: standard deviation, HU, not negative.
        seed: any int from 0; the same seed gives the same noise.

    Returns:
        float32 array of `shape`, HU, mean 0.

    Raises:
        ValueError: if `noise_hu` is negative.

    Example:
        >>> noise = reconstruction_noise((4, 64, 64), noise_hu=20.0, seed=0)
        >>> round(float(noise.std()))
        20

    Source: M. F. Kijewski and P. F. Judy, Phys. Med. Biol. 32 (1987) 565: a spectrum
        proportional to frequency times the squared kernel (here a Hann window).
    Taught in: chapter 5.
    """
    if not noise_hu >= 0:
        raise ValueError(f"`noise_hu` must not be negative, got {noise_hu}")
    rng = np.random.default_rng([seed, 3])
    white = rng.standard_normal(shape, dtype=np.float32)
    frequency = np.hypot(fft.fftfreq(shape[1])[:, None], fft.rfftfreq(shape[2]))
    kernel = np.where(frequency < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * frequency), 0)
    amplitude = (np.sqrt(frequency) * kernel).astype(np.float32)
    noise = fft.irfft2(fft.rfft2(white) * amplitude, s=shape[1:])
    return noise * np.float32(noise_hu / max(float(noise.std()), 1e-12))
