"""What an image costs in bits: an ideal code for numbers, and JPEG 2000.

Numbers per image (`baselines`) say nothing about how exactly each has to be written
down. Bits do.
"""

import numpy as np
import openjpeg
from openjpeg.utils import encode_array
from scipy import stats

_LEVELS = 4095  # grey values of 12 bits, as CT scanners store them
_SMALLEST = 32  # pixels: OpenJPEG halves images five times
_TINY = 1e-300  # no probability below: its logarithm has to be finite


def quantise(codes: np.ndarray, step: float) -> np.ndarray:
    """Round numbers to the nearest multiple of a step.

    Args:
        codes: array of any shape, float.
        step: distance of the values that remain, in the unit of the codes; positive.

    Returns:
        float64 array of the same shape and unit, at most half a step away.

    Raises:
        ValueError: if `step` is not positive.

    Example:
        >>> quantise(np.array([0.2, 0.9, -1.3]), 0.5).tolist()
        [0.0, 1.0, -1.5]

    Source: Gray and Neuhoff, IEEE Trans. Information Theory 44 (1998) 2325-2383.
    Taught in: chapter 2.
    """
    if not step > 0:
        raise ValueError(f"`step` must be positive, got {step}")
    return np.rint(np.asarray(codes, dtype=float) / step) * step + 0.0


def gaussian_code_bits(
    codes: np.ndarray, step: float, *, variance: np.ndarray
) -> np.ndarray:
    """Length of quantised codes under an ideal code made for Gaussian numbers.

    A value of probability p costs log2(1/p) bits; arithmetic coding comes within two
    bits of the sum. The probabilities belong to a Gaussian of mean 0 that sender and
    receiver agreed on beforehand, so numbers unlike the training's cost more.

    Args:
        codes: (n, k) array, float, in any unit; what is quantised.
        step: of `quantise`, in the unit of the codes; positive.
        variance: (k,) array, variance of each number over the *training* images,
            squared unit of the codes; positive.

    Returns:
        (n,) float64 array, bits per image.

    Raises:
        ValueError: if shapes do not match, or a variance or the step is not positive.

    Example:
        >>> codes = np.array([[0.0], [3.0]])
        >>> gaussian_code_bits(codes, 1.0, variance=np.array([1.0])).round(1)
        array([1.4, 7.4])

    Source: Shannon, Bell System Technical Journal 27 (1948) 379-423: -log2 p.
    Taught in: chapter 2.
    """
    codes, sd = np.asarray(codes, dtype=float), np.sqrt(np.asarray(variance, float))
    if codes.ndim != 2 or sd.shape != codes.shape[1:]:
        raise ValueError(
            f"`codes` must be (n, k) with k variances, got {codes.shape} and {sd.shape}"
        )
    if not (np.isfinite(sd).all() and (sd > 0).all()):
        raise ValueError(
            "`variance` must be positive: leave out numbers that are fixed"
        )
    away = np.abs(quantise(codes, step))  # symmetric; the upper tail keeps its digits
    inner, outer = (away - step / 2) / sd, (away + step / 2) / sd
    probability = stats.norm.sf(inner) - stats.norm.sf(outer)
    return -np.log2(np.maximum(probability, _TINY)).sum(axis=1)


def jpeg2000(
    images: np.ndarray, *, psnr_db: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write images as JPEG 2000 and read them again.

    Args:
        images: (n, height, width, 1) array, float, model units from 0 to 1, of at least
            32 pixels a side; they are first rounded to 12 bits.
        psnr_db: wanted quality, dB, which the encoder meets roughly, at low quality
            to several dB; None writes without loss (of the 12 bits).

    Returns:
        The images as read again, float32, model units; the bits of each (n,); and how
        many of these are headers (n,), which weigh much in small images.

    Raises:
        ValueError: for images of another shape or range, or if `psnr_db` is not
            positive.

    Example:
        >>> ramp = np.linspace(0, 1, 1024).reshape(1, 32, 32, 1)
        >>> again, bits, headers = jpeg2000(ramp, psnr_db=None)
        >>> bool(np.abs(again - ramp).max() < 1 / 4095)
        True

    Source: ISO/IEC 15444-1; in DICOM PS3.5 A.4.4. Encoder: OpenJPEG.
    Taught in: chapter 2.
    """
    images = np.asarray(images)
    one_channel = images.ndim == 4 and images.shape[-1] == 1 and len(images) > 0
    if not one_channel or min(images.shape[1:3]) < _SMALLEST:
        raise ValueError(
            "images must have shape (n, height, width, 1), n > 0, with sides of at"
            f" least {_SMALLEST} pixels, got {images.shape}"
        )
    if not (images.min() >= 0 and images.max() <= 1):  # nor NaN
        raise ValueError(
            "images must lie in [0, 1], got "
            f"{images.min():.3g} to {images.max():.3g}: clip them"
        )
    if psnr_db is not None and not psnr_db > 0:
        raise ValueError(f"`psnr_db` must be positive, got {psnr_db}")
    quality = {} if psnr_db is None else {"signal_noise_ratios": [psnr_db]}
    stored = np.rint(images[..., 0] * _LEVELS).astype(np.uint16)
    streams = [encode_array(one, bits_stored=12, **quality) for one in stored]
    again = np.stack([openjpeg.decode(stream) for stream in streams])
    sizes = np.array([8 * len(stream) for stream in streams])
    headers = np.array([8 * _header_bytes(stream) for stream in streams])
    return (again[..., None] / np.float32(_LEVELS)).astype(np.float32), sizes, headers


def _header_bytes(stream: bytes) -> int:
    # all up to the mark "start of data", and the two bytes of "end of codestream"
    return stream.index(b"\xff\x93") + 4
