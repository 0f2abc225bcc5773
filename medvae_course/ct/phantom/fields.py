"""Smooth random fields: what makes surfaces uneven and tissues grainy.

A field is a cubic B-spline through random numbers on a lattice in millimetres, so the
same patient has the same bumps at any resolution.
"""

import numpy as np

from .shapes import EVERYWHERE, Box, Canvas

_KNOTS = (48, 64, 64)  # of the lattice, along z, y, x; beyond them it repeats
_SHARE = 0.479**1.5  # standard deviation that three spline sums leave of 1


def smooth_field(
    canvas: Canvas,
    rng: np.random.Generator,
    *,
    length_mm: float,
    box: Box = EVERYWHERE,
) -> np.ndarray:
    """Draw a smooth random field.

    Args:
        canvas: gives the grid.
        rng: draws the lattice, always as many numbers.
        length_mm: distance of the lattice's knots, mm; bumps are about twice as wide.
        box: voxels to look at.

    Returns:
        float32 array on `box`, mean 0 and standard deviation 1 over many draws.

    Example:
        >>> axis = np.arange(-40.0, 40.0, 2.0, dtype=np.float32)
        >>> canvas = Canvas((axis,) * 3, *np.meshgrid(axis, axis, axis), edge_mm=2.0)
        >>> field = smooth_field(canvas, np.random.default_rng(0), length_mm=8.0)
        >>> field.shape, bool(0.8 < field.std() < 1.2)
        ((40, 40, 40), True)

    Taught in: chapter 1.
    """
    field = rng.standard_normal(_KNOTS, dtype=np.float32) / np.float32(_SHARE)
    for axis, (line, cut) in enumerate(zip(canvas.grid_mm, box, strict=True)):
        field = _interpolate(field, line[cut] / np.float32(length_mm), axis)
    return field


def _interpolate(lattice: np.ndarray, place: np.ndarray, axis: int) -> np.ndarray:
    """Uniform cubic B-spline along one axis, at `place` in knots."""
    cell = np.floor(place)
    t = place - cell
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    shape = [1, 1, 1]
    shape[axis] = place.size
    total = None
    for offset, weight in enumerate(weights):
        index = (cell.astype(np.int64) + offset - 1) % lattice.shape[axis]
        part = np.take(lattice, index, axis=axis)
        part *= weight.astype(np.float32).reshape(shape)
        total = part if total is None else np.add(total, part, out=total)
    return total
