"""From readings to HU, and the whole scan in one call."""

import math
from collections.abc import Sequence

import numpy as np

from . import attenuation, kernels, projector
from .acquisition import STANDARD, Protocol, Sinogram, acquire, check_noise


def reconstruct(sinogram: Sinogram, *, kernel: str | None = None) -> np.ndarray:
    """Make the image of a sinogram by filtered back-projection.

    Args:
        sinogram: with noise or without.
        kernel: key of `kernels.KERNELS`; that of the protocol if None.

    Returns:
        float32 array of the body's shape, whole HU from -1024 to 3071 (12 bits).

    Raises:
        ValueError: if the kernel is unknown.

    Example:
        >>> body = np.full((1, 32, 32), -1000.0)
        >>> body[:, 8:24, 8:24] = 0.0
        >>> image = reconstruct(acquire(body, (8.0, 3.2, 3.2)))
        >>> bool(abs(image[0, 12:20, 12:20]).max() < 10)
        True

    Source: A. C. Kak and M. Slaney, Principles of Computerized Tomographic Imaging,
        section 3.3.
    Taught in: chapter 5.
    """
    readings, pixel_mm = sinogram.readings, sinogram.pixel_mm
    if sinogram.protocol.beam_hardening:
        readings = attenuation.correct_for_water(readings)
    kernel = sinogram.protocol.kernel if kernel is None else kernel
    filtered = kernels.filter_readings(readings, pixel_mm=pixel_mm, kernel=kernel)
    _, height, width = sinogram.shape
    n_pixels = max(height, width)
    image = projector.back_project(filtered, n_pixels=n_pixels)
    top, left = (n_pixels - height) // 2, (n_pixels - width) // 2
    image = image[:, top : top + height, left : left + width]
    hu = attenuation.from_attenuation(image)
    return np.rint(np.clip(hu, -1024, 3071, out=hu), out=hu)


def scan(
    hu: np.ndarray,
    spacing_mm: tuple[float, float, float],
    *,
    seed: int,
    dose: float = 1.0,
    protocol: Protocol = STANDARD,
) -> np.ndarray:
    """Image a body as a scanner would: read it, count photons, reconstruct.

    Args:
        hu: (z, y, x) float, the body itself, HU; outside the grid is air.
        spacing_mm: (z, y, x), mm; y and x must be equal.
        seed: any int from 0; decides the noise.
        dose: share of the protocol's photons, positive; `math.inf`: no noise.
        protocol: photons, kernel and the like.

    Returns:
        float32 array of the same shape, whole HU from -1024 to 3071 (12 bits).

    Raises:
        ValueError: if an argument is impossible.

    Example:
        >>> body = np.full((1, 32, 32), -1000.0)
        >>> body[:, 8:24, 8:24] = 0.0
        >>> image = scan(body, (8.0, 3.2, 3.2), seed=0, dose=0.5)
        >>> image.shape, image.dtype
        ((1, 32, 32), dtype('float32'))

    Taught in: chapter 5.
    """
    check_noise(dose, seed)
    sinogram = acquire(hu, spacing_mm, protocol=protocol)
    return reconstruct(sinogram.noisy(dose=dose, seed=seed))


def scan_doses(
    hu: np.ndarray,
    spacing_mm: tuple[float, float, float],
    *,
    seed: int,
    doses: Sequence[float] = (1.0, 0.25),
    protocol: Protocol = STANDARD,
) -> tuple[np.ndarray, dict[float, np.ndarray]]:
    """Image a body at several doses, with the image that all of them should be.

    The truth has gone through the same projection and reconstruction, so an image
    differs from it by noise alone. Each equals `scan` at its dose to the bit.

    Args:
        hu: (z, y, x) float, the body itself, HU; outside the grid is air.
        spacing_mm: (z, y, x), mm; y and x must be equal.
        seed: any int from 0; decides the noise, which is independent between doses.
        doses: shares of the protocol's photons, positive.
        protocol: photons, kernel and the like.

    Returns:
        The image without noise, and dose to image; all float32 (z, y, x), whole HU.

    Raises:
        ValueError: if an argument is impossible.

    Example:
        >>> body = np.full((1, 32, 32), -1000.0)
        >>> body[:, 8:24, 8:24] = 0.0
        >>> truth, images = scan_doses(body, (8.0, 3.2, 3.2), seed=0, doses=(1, 0.1))
        >>> bool((images[0.1] - truth).std() > (images[1] - truth).std())
        True

    Taught in: chapter 5.
    """
    for dose in doses:
        check_noise(dose, seed)
    sinogram = acquire(hu, spacing_mm, protocol=protocol)
    images = {
        dose: reconstruct(sinogram.noisy(dose=dose, seed=seed))
        for dose in (math.inf, *doses)
    }
    return images[math.inf], {dose: images[dose] for dose in doses}
