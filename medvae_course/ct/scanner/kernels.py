"""The filter of filtered back-projection, and the kernels that soften or sharpen it.

Back-projection alone blurs; the ramp filter undoes that, and lets noise through in
proportion to frequency. A kernel multiplies the ramp: what it takes from the noise it
takes from the edges too.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import fft

from .projector import READINGS_PER_PIXEL

_VIEWS_AT_ONCE = 16


@dataclass(frozen=True)
class Kernel:
    """A window on the ramp: a Hann window, lifted around half a cycle per pixel.

    Args:
        cutoff: frequency at which the Hann window ends, cycles per pixel.
        lift: added gain at half a cycle per pixel, relative.

    Taught in: chapter 5.
    """

    cutoff: float
    lift: float

    def gain(self, frequency: np.ndarray) -> np.ndarray:
        """Share of each frequency that passes.

        Args:
            frequency: array of any shape, cycles per pixel, 0 to 1.

        Returns:
            Array of the same shape, unitless; 1 at frequency 0.

        Example:
            >>> KERNELS["standard"].gain(np.array([0.0, 0.5, 1.0])).round(2).tolist()
            [1.0, 0.7, 0.0]
        """
        end = np.minimum(np.abs(frequency) / self.cutoff, 1)
        hann = 0.5 + 0.5 * np.cos(np.pi * end)
        return hann * (1 + self.lift * np.sin(np.pi * frequency) ** 2)


KERNELS = MappingProxyType(
    {
        "smooth": Kernel(cutoff=0.7, lift=0.0),
        "standard": Kernel(cutoff=1.0, lift=0.4),
        "ramp": Kernel(cutoff=math.inf, lift=0.0),
        "sharp": Kernel(cutoff=1.0, lift=1.5),
    }
)
"""Name to kernel, from the least noise to the most.

An image holds up to half a cycle per pixel, the detector up to one. "standard" and
"sharp" are lifted as those of scanners are, "ramp" leaves the ramp as it is. All act on
top of the pixel's own width, which enters twice, in projection and in back-projection:
with "standard" half the contrast is left at 0.37 cycles per pixel.
"""


def filter_readings(
    readings: np.ndarray, *, pixel_mm: float, kernel: str
) -> np.ndarray:
    """Filter each view with the ramp and a kernel.

    Args:
        readings: (views, readings, z) float, line integrals, unitless.
        pixel_mm: side of a pixel of the image to come, mm; it is
            `READINGS_PER_PIXEL` readings wide.
        kernel: a key of `KERNELS`.

    Returns:
        float32 array of the same shape, 1/mm.

    Raises:
        ValueError: if the kernel is unknown.

    Example:
        >>> flat = filter_readings(np.ones((4, 64, 1)), pixel_mm=2.0, kernel="ramp")
        >>> bool(abs(flat[:, 32]).max() < 0.02)
        True

    Source: A. C. Kak and M. Slaney, Principles of Computerized Tomographic Imaging,
        chapter 3, eq. 61: the ramp sampled in space, so that the mean comes out right.
    Taught in: chapter 5.
    """
    check_kernel(kernel)
    n_bins, reading_mm = readings.shape[1], pixel_mm / READINGS_PER_PIXEL
    padded = fft.next_fast_len(2 * n_bins, real=True)
    lag = np.rint(fft.fftfreq(padded, 1 / padded))  # 1 / padded is rounded
    ramp = np.zeros(padded)
    ramp[0] = 1 / (4 * reading_mm)
    odd = lag % 2 == 1
    ramp[odd] = -1 / (np.pi**2 * lag[odd] ** 2 * reading_mm)
    gain = KERNELS[kernel].gain(fft.rfftfreq(padded, 1 / READINGS_PER_PIXEL))
    response = (fft.rfft(ramp).real * gain).astype(np.float32)[:, None]
    filtered = np.empty(readings.shape, np.float32)
    for i in range(0, len(readings), _VIEWS_AT_ONCE):
        part = readings[i : i + _VIEWS_AT_ONCE].astype(np.float32, copy=False)
        spectrum = fft.rfft(part, padded, axis=1)
        spectrum *= response
        filtered[i : i + _VIEWS_AT_ONCE] = fft.irfft(spectrum, padded, axis=1)[
            :, :n_bins
        ]
    return filtered


def check_kernel(kernel: str) -> None:
    """Refuse a kernel that is not in `KERNELS`.

    Args:
        kernel: a name.

    Raises:
        ValueError: if it is unknown; the message lists what is known.
    """
    if kernel not in KERNELS:
        raise ValueError(
            f"`kernel` must be one of {', '.join(KERNELS)}, got {kernel!r}"
        )
