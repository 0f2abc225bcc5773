"""Bodies in closed form, painted with exact shares of each pixel."""

import numpy as np

PIXEL_MM = 3.2
SPACING_MM = (8.0, PIXEL_MM, PIXEL_MM)


def disc(side, radius_mm, *, x_mm=0.0, y_mm=0.0, pixel_mm=PIXEL_MM, fine=16):
    """Share of each pixel inside a disc: `fine` squared samples per pixel."""
    n = side * fine
    axis = (np.arange(n) - (n - 1) / 2) / fine * pixel_mm
    inside = (axis - x_mm) ** 2 + (axis[:, None] - y_mm) ** 2 < radius_mm**2
    return inside.reshape(side, fine, side, fine).mean(axis=(1, 3))


def water_disc(side=128, radius_mm=150.0):
    return (-1000 + 1000 * disc(side, radius_mm)).astype(np.float32)


def inside(side, radius_mm, **where):
    """Pixels wholly within a disc."""
    return disc(side, radius_mm, fine=8, **where) > 0.9999
