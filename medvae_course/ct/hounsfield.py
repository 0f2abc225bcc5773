"""Stored values, Hounsfield units, display windows and model units, each with inverse.

A CT file stores integers; a linear rule makes Hounsfield units (HU) of them: air is
-1000 HU, water 0 HU. A screen and a network both want a small range, which a window
(level, width) cuts out of the HU scale. *Level* is what DICOM calls Window Center.
"""

from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

WINDOWS = MappingProxyType(
    {
        "lung": (-600.0, 1500.0),
        "soft tissue": (40.0, 400.0),
        "bone": (400.0, 1800.0),
        "model": (-300.0, 1400.0),
    }
)
"""Named windows: (level, width) in HU. "model" reaches from -1000 to 400 HU."""


def to_hu(stored: ArrayLike, *, slope: float, intercept: float) -> np.ndarray:
    """Map stored values to Hounsfield units by the file's own linear rule.

    Args:
        stored: array of any shape, integers as the file stores them, unitless.
        slope: Rescale Slope, HU per stored unit; finite, not zero.
        intercept: Rescale Intercept, HU; often -1024, never to be guessed.

    Returns:
        float32 array of the same shape, HU.

    Raises:
        ValueError: if slope or intercept cannot belong to an invertible linear rule.

    Example:
        >>> to_hu([24, 1024], slope=1, intercept=-1024)
        array([-1000.,     0.], dtype=float32)

    Source: DICOM PS3.3 C.11.1 (Modality LUT) and C.8.2.1 (CT Image module).
    Taught in: chapter 1.
    """
    _check_rescale(slope, intercept)
    stored = np.asarray(stored, dtype=np.float64)
    return (stored * slope + intercept).astype(np.float32)


def from_hu(
    hu: ArrayLike, *, slope: float, intercept: float, dtype: DTypeLike = np.int16
) -> np.ndarray:
    """Map Hounsfield units to the nearest stored integers: the inverse of `to_hu`.

    Args:
        hu: array of any shape, float, HU; finite.
        slope: Rescale Slope, HU per stored unit; finite, not zero.
        intercept: Rescale Intercept, HU.
        dtype: integer type of the result.

    Returns:
        Array of the same shape and of type `dtype`, unitless.

    Raises:
        ValueError: if a value is not finite, or lies outside what `dtype` can hold
            (nothing is clipped silently).

    Example:
        >>> from_hu([-1000.0, 0.0], slope=1, intercept=-1024)
        array([  24, 1024], dtype=int16)

    Source: DICOM PS3.3 C.11.1.
    Taught in: chapter 1.
    """
    _check_rescale(slope, intercept)
    if not np.issubdtype(dtype, np.integer):
        raise ValueError(f"`dtype` must be an integer type, got {np.dtype(dtype)}")
    hu = np.asarray(hu, dtype=np.float64)
    if not np.isfinite(hu).all():
        raise ValueError(
            f"HU must be finite to be stored, got {np.count_nonzero(~np.isfinite(hu))}"
            " values that are not: replace them first"
        )
    stored = np.rint((hu - intercept) / slope)
    limits = np.iinfo(dtype)
    if stored.size and (stored.min() < limits.min or stored.max() > limits.max):
        raise ValueError(
            f"stored values must lie in [{limits.min}, {limits.max}] of"
            f" {np.dtype(dtype)}, got {stored.min():.0f} to {stored.max():.0f}:"
            " clip the HU or choose another slope and intercept"
        )
    return stored.astype(dtype)


def window(
    hu: ArrayLike, *, level_hu: float, width_hu: float, function: str = "LINEAR"
) -> np.ndarray:
    """Map HU to grey values in [0, 1] for a screen, as DICOM viewers do.

    For display. Networks get `to_model_units`, whose inverse is exact.

    Args:
        hu: array of any shape, float, HU.
        level_hu: Window Center, HU.
        width_hu: Window Width, HU; at least 1 for "LINEAR", positive otherwise.
        function: VOI LUT Function: "LINEAR" (DICOM's default, which reads the window
            as a row of integers and so uses level - 0.5 and width - 1),
            "LINEAR_EXACT" or "SIGMOID".

    Returns:
        float32 array of the same shape, unitless, in [0, 1].

    Raises:
        ValueError: if `function` is unknown or `width_hu` too small for it.

    Example:
        >>> window([-160, 40, 240], level_hu=40, width_hu=400, function="LINEAR_EXACT")
        array([0. , 0.5, 1. ], dtype=float32)

    Source: DICOM PS3.3 C.11.2.1.2 (LINEAR) and C.11.2.1.3 (the other two).
    Taught in: chapter 1.
    """
    hu = np.asarray(hu, dtype=np.float64)
    if function == "LINEAR":
        return _linear_window(hu, level_hu, width_hu)
    _check_width(width_hu)
    if function == "LINEAR_EXACT":
        grey = np.clip((hu - level_hu) / width_hu + 0.5, 0, 1)
    elif function == "SIGMOID":
        # 1/(1 + exp(-t)) written so that it cannot overflow; t = 4 (hu - level) / width
        grey = 0.5 * (1 + np.tanh(2 * (hu - level_hu) / width_hu))
    else:
        raise ValueError(
            "`function` must be 'LINEAR', 'LINEAR_EXACT' or 'SIGMOID',"
            f" got {function!r}"
        )
    return grey.astype(np.float32)


def to_model_units(
    hu: ArrayLike, *, level_hu: float = -300.0, width_hu: float = 1400.0
) -> np.ndarray:
    """Map HU linearly so that the window becomes [0, 1], and clip.

    The default window, -1000 to 400 HU, holds air, lung, fat and soft tissue on a
    scale that leaves each of them visible contrast; bone above 400 HU saturates.

    Args:
        hu: array of any shape, float, HU.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU; must be positive.

    Returns:
        float32 array of the same shape, model units (unitless), in [0, 1].

    Raises:
        ValueError: if `width_hu` is not positive.

    Example:
        >>> to_model_units([-2000.0, -1000.0, -300.0, 400.0])
        array([0. , 0. , 0.5, 1. ], dtype=float32)

    Source: DICOM PS3.3 C.11.2.1.3.2, function LINEAR_EXACT (not LINEAR).
    Taught in: chapter 1.
    """
    return window(hu, level_hu=level_hu, width_hu=width_hu, function="LINEAR_EXACT")


def from_model_units(
    x: ArrayLike, *, level_hu: float = -300.0, width_hu: float = 1400.0
) -> np.ndarray:
    """Map model units back to HU: the inverse of `to_model_units` inside the window.

    Values outside [0, 1], as a network may give them, continue the same line.

    Args:
        x: array of any shape, float, model units.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU; must be positive.

    Returns:
        float32 array of the same shape, HU.

    Raises:
        ValueError: if `width_hu` is not positive.

    Example:
        >>> from_model_units([0.0, 0.5, 1.0])
        array([-1000.,  -300.,   400.], dtype=float32)

    Source: DICOM PS3.3 C.11.2.1.3.2, solved for the input.
    Taught in: chapter 1.
    """
    _check_width(width_hu)
    x = np.asarray(x, dtype=np.float64)
    return ((x - 0.5) * width_hu + level_hu).astype(np.float32)


def _linear_window(hu: np.ndarray, level_hu: float, width_hu: float) -> np.ndarray:
    if not width_hu >= 1:
        raise ValueError(
            f"`width_hu` must be at least 1 for LINEAR, got {width_hu}:"
            " use LINEAR_EXACT for narrower windows"
        )
    if width_hu == 1:  # no slope is left: a threshold
        return (hu > level_hu - 0.5).astype(np.float32)
    grey = (hu - (level_hu - 0.5)) / (width_hu - 1) + 0.5
    return np.clip(grey, 0, 1).astype(np.float32)


def _check_rescale(slope: float, intercept: float) -> None:
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise ValueError(
            "slope and intercept must be finite and the slope not zero,"
            f" got slope {slope} and intercept {intercept}"
        )


def _check_width(width_hu: float) -> None:
    if not width_hu > 0:
        raise ValueError(f"`width_hu` must be positive, got {width_hu}")
