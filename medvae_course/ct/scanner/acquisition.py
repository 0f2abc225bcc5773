"""Taking a scan: what the detector would read, and what noise makes of it."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from . import attenuation, kernels, projector

SLICE_PROFILE = (0.15, 0.7, 0.15)
"""Share of a slice and its neighbours in what is read: slices overlap a little."""
_FEWEST_COUNTS = 0.5  # what the logarithm is given where nothing arrived


@dataclass(frozen=True)
class Protocol:
    """How a scan is taken and reconstructed.

    Args:
        photons: that leave for one reading at dose 1 and would all be counted without
            a patient. The tube is alike over the field: no bow-tie filter, no current
            modulation. A reading is half a pixel wide and a slice thick.
        electronic_sd: standard deviation of the electronics' noise per reading, in
            photons; it does not shrink with the dose.
        kernel: key of `kernels.KERNELS`.
        views: angles over half a turn, a multiple of 4; None: about 1.6 per pixel.
        beam_hardening: read with the three energies of `attenuation.SPECTRUM` and
            correct for water, rather than with one energy. Takes half as long again.

    Raises:
        ValueError: if a value is impossible.

    Example:
        >>> from dataclasses import replace
        >>> replace(STANDARD, kernel="sharp").kernel
        'sharp'

    Taught in: chapter 5.
    """

    photons: float = 6e5
    electronic_sd: float = 3.0
    kernel: str = "standard"
    views: int | None = None
    beam_hardening: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.photons < 1e15:
            raise ValueError(
                f"`photons` must be positive and below 1e15, got {self.photons}"
            )
        if not 0 <= self.electronic_sd < math.inf:
            raise ValueError(
                f"`electronic_sd` must not be negative, got {self.electronic_sd}"
            )
        if self.views is not None and (self.views < 4 or self.views % 4 != 0):
            raise ValueError(
                f"`views` must be a positive multiple of 4 or None, got {self.views}"
            )
        kernels.check_kernel(self.kernel)


STANDARD = Protocol()
"""The protocol of the phantoms: some 11 HU of noise in the liver of a `course` patient.

A real scan counts over a hundred times more photons: on pixels of 3.2 mm its noise
would be about 1 HU. These photons make a coarse picture as noisy as a real one looks on
its own, finer grid.
"""


@dataclass(frozen=True, eq=False)
class Sinogram:
    """What the detector read of a body: minus the logarithm of the share that passed.

    Args:
        readings: (views, readings, z) float32, unitless.
        shape: (z, y, x) of the body, which the image will have.
        pixel_mm: side of a pixel, mm.
        protocol: how it was taken.
        dose: share of the protocol's photons that were counted; `math.inf`: no noise.

    Taught in: chapter 5.
    """

    readings: np.ndarray
    shape: tuple[int, int, int]
    pixel_mm: float
    protocol: Protocol
    dose: float = math.inf

    def noisy(self, *, dose: float, seed: int) -> "Sinogram":
        """Count photons at a dose instead of knowing what passes on average.

        Each slice and each dose has its own random numbers, so two doses of one
        acquisition have independent noise under one seed.

        Args:
            dose: share of the protocol's photons, positive; `math.inf`: no noise.
            seed: any int from 0.

        Returns:
            A new sinogram; identical to the bit for the same arguments.

        Raises:
            ValueError: if dose or seed are impossible, or noise is in already.

        Example:
            >>> quiet = acquire(np.zeros((1, 8, 8)), (8.0, 3.2, 3.2))
            >>> loud = quiet.noisy(dose=0.01, seed=0)
            >>> bool((loud.readings != quiet.readings).all())
            True

        Source: J. Hsieh, Computed Tomography, 3rd ed., SPIE 2015, chapter 7: Poisson
            counts plus Gaussian electronics, floored before the logarithm.
        """
        check_noise(dose, seed)
        if self.dose != math.inf:
            raise ValueError(
                f"the sinogram must be without noise, got one of dose {self.dose}:"
                " draw from what `acquire` gave"
            )
        if dose == math.inf:
            return self
        sent = self.protocol.photons * dose
        readings = np.empty_like(self.readings)
        for z in range(self.shape[0]):
            rng = np.random.default_rng(
                [int(seed), 3, z, int(np.float64(dose).view("u8"))]
            )
            expected = sent * np.exp(-self.readings[..., z], dtype=np.float64)
            counts = rng.poisson(expected).astype(np.float64)
            counts += self.protocol.electronic_sd * rng.standard_normal(counts.shape)
            readings[..., z] = np.log(sent) - np.log(np.maximum(counts, _FEWEST_COUNTS))
        return replace(self, readings=readings, dose=float(dose))


def acquire(
    hu: np.ndarray,
    spacing_mm: tuple[float, float, float],
    *,
    protocol: Protocol = STANDARD,
) -> Sinogram:
    """Read a body without noise: profile along z, attenuation, projection.

    Args:
        hu: (z, y, x) float, the body itself, HU; outside the grid is air.
        spacing_mm: (z, y, x), mm; y and x must be equal.
        protocol: how to read.

    Returns:
        The sinogram of which any number of noisy ones can be drawn.

    Raises:
        ValueError: if shape, values or spacing are impossible.

    Example:
        >>> sinogram = acquire(np.zeros((2, 16, 16)), (8.0, 3.2, 3.2))
        >>> longest = 16 * 3.2 * 0.01929  # at least the side of the square
        >>> bool(sinogram.readings.max() > longest)
        True

    Taught in: chapter 5.
    """
    hu = _check_body(hu, spacing_mm)
    pixel_mm, n_pixels = float(spacing_mm[2]), max(hu.shape[1:])
    n_views = protocol.views or projector.default_views(n_pixels)
    body = ndimage.correlate1d(hu, SLICE_PROFILE, axis=0, mode="nearest")
    missing = [n_pixels - n for n in hu.shape[1:]]
    margins = [(0, 0), *((n // 2, n - n // 2) for n in missing)]
    body = np.pad(body, margins, constant_values=-1000)

    def lines(material: np.ndarray) -> np.ndarray:
        return projector.project(material, pixel_mm=pixel_mm, n_views=n_views)

    if protocol.beam_hardening:
        water, bone = attenuation.to_water_and_bone(body)
        readings = attenuation.polyenergetic(lines(water), lines(bone))
    else:
        readings = lines(attenuation.to_attenuation(body))
    return Sinogram(readings, hu.shape, pixel_mm, protocol)


def check_noise(dose: float, seed: int) -> None:
    """Refuse a dose or a seed that cannot be.

    Args:
        dose: share of the protocol's photons.
        seed: of the random numbers.

    Raises:
        ValueError: if the dose is not positive or the seed not an integer from 0.
    """
    if not dose > 0:
        raise ValueError(
            f"`dose` must be positive (math.inf: without noise), got {dose}"
        )
    if seed < 0 or seed != int(seed):
        raise ValueError(f"`seed` must be an integer from 0, got {seed}")


def _check_body(hu: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    hu = np.asarray(hu, dtype=np.float32)
    if hu.ndim != 3 or 0 in hu.shape:
        raise ValueError(f"`hu` must be a volume (z, y, x), got shape {hu.shape}")
    if not np.isfinite(hu).all():
        raise ValueError(
            f"`hu` must be finite, got {np.count_nonzero(~np.isfinite(hu))} values that"
            " are not: replace them by -1000"
        )
    if len(spacing_mm) != 3 or not min(spacing_mm) > 0:
        raise ValueError(
            f"`spacing_mm` must be three positive numbers (z, y, x), got {spacing_mm}"
        )
    if not math.isclose(spacing_mm[1], spacing_mm[2], rel_tol=1e-6):
        raise ValueError(
            "pixels must be square: `spacing_mm` along y and x must be equal, got"
            f" {spacing_mm[1]} and {spacing_mm[2]}; resample the body first"
        )
    return hu
