"""Slices that make no regular grid, resampled onto one: tilted or unevenly spaced.

The grid keeps the slices' own orientation and pixel size. Along the normal it runs from
the first to the last slice in even steps, as near to the median gap as fits. In the
plane it takes in the whole of every slice; what a slice did not see is air.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .files import DicomError

ORDERS = {"nearest": 0, "linear": 1}
"""Interpolation by name, and its order."""

_AIR_HU = -1000.0
_WIDEST = 2.1  # median gaps: one missing slice is bridged, two in a row are not
_LARGEST = 3  # times the size of a slice: a plane that a tilt can need
_SAME = 1e-3  # of a pixel or a gap: closer than that, nothing is interpolated


def can_bridge(along_mm: np.ndarray) -> bool:
    """Whether no gap of positions (mm, increasing) is wider than one missing slice."""
    gaps = np.diff(along_mm)
    return bool(gaps.max() <= _WIDEST * np.median(gaps))


def even_positions(along_mm: np.ndarray) -> np.ndarray:
    """Even positions from the first to the last of increasing positions, both kept.

    Args:
        along_mm: positions of slices along their normal, increasing, mm.

    Returns:
        Positions in even steps, mm.

    Raises:
        DicomError: if a gap is wider than twice the median, for there more than one
            slice is missing and nothing known could be put.

    Example:
        >>> even_positions(np.array([0.0, 2.0, 4.1, 5.9, 8.0]))
        array([0., 2., 4., 6., 8.])

    Taught in: chapter 1.
    """
    gaps = np.diff(along_mm)
    median = float(np.median(gaps))
    if not can_bridge(along_mm):
        raise DicomError(
            "a gap to be bridged must be at most twice the median one, got"
            f" {gaps.max():.3f} mm where the median is {median:.3f} mm: copy the"
            " missing slices, or read the parts before and after the gap each from a"
            " folder of its own"
        )
    span = float(along_mm[-1] - along_mm[0])
    return along_mm[0] + np.linspace(0, span, round(span / median) + 1)


def frame_of(
    shifts_px: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, tuple[int, int]]:
    """Grid in the plane that takes in every slice.

    Args:
        shifts_px: (n, 2), where the first pixel of each slice lies relative to that of
            the first slice, in pixels along (y, x).
        shape: number of rows and columns of a slice.

    Returns:
        The place of the grid's first pixel, (2,) in the same pixels, a whole number;
        and its number of rows and columns.

    Raises:
        DicomError: if the slices lie so far apart that their positions must be wrong.

    Taught in: chapter 1.
    """
    shifts_px = np.where(np.abs(shifts_px) < _SAME, 0, shifts_px)
    first = np.floor(shifts_px.min(axis=0) + _SAME)
    last = np.ceil(shifts_px.max(axis=0) - _SAME)
    plane = np.array(shape) + last - first
    if (plane > _LARGEST * np.array(shape)).any():
        raise DicomError(
            f"slices may lie at most {_LARGEST - 1} times their size beside each other,"
            f" got {(last - first).astype(int).tolist()} pixels along (y, x): their"
            " positions seem wrong"
        )
    return first, tuple(plane.astype(int).tolist())


def resample_slices(
    hu: np.ndarray,
    *,
    shifts_px: np.ndarray,
    along_mm: np.ndarray,
    shape: tuple[int, int, int],
    interpolation: str,
) -> np.ndarray:
    """Resample slices onto even positions and one frame.

    Args:
        hu: (n, rows, columns), float32, HU.
        shifts_px: (n, 2), where the first pixel of each slice lies in the new frame,
            in pixels along (y, x).
        along_mm: (n,), positions of the slices along their normal, increasing, mm.
        shape: shape (z, y, x) of the result, whose positions run evenly from the first
            to the last of `along_mm`.
        interpolation: a name of `ORDERS`, along all three axes.

    Returns:
        float32 array of `shape`, HU; air (-1000) where not all slices lie that a voxel
        is interpolated from.

    Taught in: chapter 1.
    """
    order = ORDERS[interpolation]
    result = np.empty(shape, dtype=np.float32)
    positions = np.linspace(along_mm[0], along_mm[-1], shape[0])
    moved: dict[int, np.ndarray] = {}  # two slices at a time, not all of them
    for index, position in enumerate(positions):
        right = int(np.clip(np.searchsorted(along_mm, position), 1, len(along_mm) - 1))
        gap = along_mm[right] - along_mm[right - 1]
        weight = float(position - along_mm[right - 1]) / gap
        if order == 0 or min(weight, 1 - weight) < _SAME:
            weight = round(weight)
        moved = {
            i: moved[i] if i in moved else _move(hu[i], shifts_px[i], shape[1:], order)
            for i, needed in ((right - 1, weight < 1), (right, weight > 0))
            if needed
        }
        parts = [(1 - weight, right - 1), (weight, right)]
        result[index] = sum(np.float32(w) * moved[i] for w, i in parts if i in moved)
    return np.nan_to_num(result, copy=False, nan=_AIR_HU)


def _move(
    image: np.ndarray, shift_px: np.ndarray, shape: tuple[int, int], order: int
) -> np.ndarray:
    """One slice in a larger frame; whole shifts copy the pixels as they are."""
    whole = np.rint(shift_px)
    if order == 0 or np.abs(shift_px - whole).max() < _SAME:
        shift_px, order = whole, 0
    return ndimage.affine_transform(
        image,
        np.ones(2),
        offset=-shift_px,
        output_shape=shape,
        order=order,
        mode="constant",
        cval=np.nan,  # so that it is not mixed with what another slice saw
    )
