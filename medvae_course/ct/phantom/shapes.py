"""Shapes in millimetres, painted onto a voxel grid with partial volume.

A shape is its signed distance in mm, negative inside. Where it crosses zero, a voxel is
partly covered; painting mixes tissues by that share, as a scanner does at boundaries.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

Box = tuple[slice, slice, slice]
Point = Sequence[float]
EVERYWHERE: Box = (slice(None), slice(None), slice(None))
_MARGIN_MM = 14.0  # how far a deformed body may stray from the undeformed one


@dataclass(eq=False)
class Canvas:
    """A voxel grid that carries body coordinates, HU and labels while it is painted.

    The coordinates may be deformed: a tube straight in them is bent in the image.

    Args:
        grid_mm: three one-dimensional arrays, z, y and x of the voxel centres, mm.
        z: (z, y, x) float32, body coordinate towards the head, mm.
        y: (z, y, x) float32, body coordinate towards the back, mm.
        x: (z, y, x) float32, body coordinate towards the patient's left, mm.
        edge_mm: width of the zone over which a boundary is mixed, mm.

    Example:
        >>> axis = np.arange(-4.0, 5.0, dtype=np.float32)
        >>> z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
        >>> canvas = Canvas((axis, axis, axis), z, y, x, edge_mm=1.0)
        >>> canvas.paint(ellipsoid(canvas, (0, 0, 0), (3, 3, 3)), 50.0, label=1)
        >>> float(canvas.hu[4, 4, 4]), int(canvas.labels[4, 4, 4])
        (50.0, 1)

    Taught in: chapter 1.
    """

    grid_mm: tuple[np.ndarray, np.ndarray, np.ndarray]
    z: np.ndarray
    y: np.ndarray
    x: np.ndarray
    edge_mm: float
    hu: np.ndarray = field(init=False)
    labels: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.hu = np.full(self.z.shape, -1000.0, np.float32)
        self.labels = np.zeros(self.z.shape, np.uint8)

    def box(self, *points: Point, reach_mm: float) -> Box:
        """Give the voxels within `reach_mm` of (x, y, z) points: painting is local.

        Args:
            *points: (x, y, z) body coordinates, mm.
            reach_mm: how far around the points, mm.

        Returns:
            Three slices, possibly empty.
        """
        low = np.min(points, axis=0) - reach_mm - _MARGIN_MM
        high = np.max(points, axis=0) + reach_mm + _MARGIN_MM
        cut = [
            slice(*np.searchsorted(axis, (a, b)))
            for axis, a, b in zip(self.grid_mm, low[::-1], high[::-1], strict=True)
        ]
        return cut[0], cut[1], cut[2]

    def paint(
        self,
        distance_mm: np.ndarray,
        hu: np.ndarray | float,
        *,
        label: int | None = None,
        box: Box = EVERYWHERE,
        opacity: float = 1.0,
    ) -> None:
        """Mix a tissue into the voxels which a shape covers.

        Args:
            distance_mm: signed distance on the voxels of `box`, mm.
            hu: the tissue's Hounsfield units, one number or an array on `box`.
            label: written where the shape covers more than half; kept if None.
            box: the voxels that `distance_mm` speaks of.
            opacity: share of the tissue inside the shape, 0 to 1.
        """
        cover = 0.5 - distance_mm / np.float32(self.edge_mm)
        np.clip(cover, 0.0, 1.0, out=cover)
        if label is not None:
            np.copyto(self.labels[box], np.uint8(label), where=cover > 0.5)
        cover *= np.float32(opacity)
        view = self.hu[box]
        view += cover * (hu - view)


def ellipsoid(
    canvas: Canvas,
    centre: Point,
    radii: Point,
    *,
    turn_deg: float = 0.0,
    tilt_deg: float = 0.0,
    box: Box = EVERYWHERE,
) -> np.ndarray:
    """Signed distance to an ellipsoid, first order: exact on the surface.

    Args:
        canvas: gives the coordinates.
        centre: (x, y, z), mm.
        radii: along the ellipsoid's own x, y, z axes, mm.
        turn_deg: rotation about z, from x towards y, degrees.
        tilt_deg: rotation about the turned y axis, from x towards z, degrees.
        box: voxels to look at.

    Returns:
        float32 array on `box`, mm, negative inside.

    Taught in: chapter 1.
    """
    x, y, z = (
        axis[box] - np.float32(c)
        for axis, c in zip((canvas.x, canvas.y, canvas.z), centre, strict=True)
    )
    if turn_deg:
        cos, sin = _cos_sin(turn_deg)
        x, y = cos * x + sin * y, cos * y - sin * x
    if tilt_deg:
        cos, sin = _cos_sin(tilt_deg)
        x, z = cos * x + sin * z, cos * z - sin * x
    rx, ry, rz = (np.float32(r) for r in radii)
    x, y, z = x / rx, y / ry, z / rz
    level = np.sqrt(x * x + y * y + z * z)
    slope = np.sqrt((x / rx) ** 2 + (y / ry) ** 2 + (z / rz) ** 2)
    return _first_order(level, slope, min(radii))


def ellipse(x: np.ndarray, y: np.ndarray, radius_x, radius_y) -> np.ndarray:
    """Signed distance to an ellipse around 0; the radii may change from slice to slice.

    Args:
        x: coordinate from the centre, mm.
        y: the other one, mm.
        radius_x: half-axis along x, mm, anything that broadcasts.
        radius_y: half-axis along y, mm.

    Returns:
        float32 array, mm, negative inside.
    """
    u, v = x / radius_x, y / radius_y
    level = np.sqrt(u * u + v * v)
    slope = np.sqrt((u / radius_x) ** 2 + (v / radius_y) ** 2)
    return _first_order(level, slope, np.minimum(radius_x, radius_y))


def superellipse(x: np.ndarray, y: np.ndarray, radius_x, radius_y, *, power: float):
    """Distance along the ray from the centre to |x/a|^p + |y/b|^p = 1.

    Bodies are rounder than boxes and squarer than ellipses: `power` 2.2 to 2.6.

    Args:
        x: coordinate from the centre, mm.
        y: the other one, mm.
        radius_x: half-axis along x, mm, anything that broadcasts.
        radius_y: half-axis along y, mm.
        power: 2 is an ellipse, larger is squarer.

    Returns:
        float32 array, mm, negative inside.

    Taught in: chapter 1.
    """
    power = np.float32(power)
    level = (np.abs(x / radius_x) ** power + np.abs(y / radius_y) ** power) ** (
        1 / power
    )
    return np.hypot(x, y) * (1 - 1 / np.maximum(level, np.float32(1e-3)))


def tube(
    canvas: Canvas,
    start: Point,
    end: Point,
    radius: float,
    *,
    end_radius: float | None = None,
    pad_mm: float = 0.0,
) -> tuple[np.ndarray, Box]:
    """Signed distance to a straight tube with round ends, on its own box only.

    Args:
        canvas: gives the coordinates.
        start: (x, y, z), mm.
        end: (x, y, z), mm.
        radius: at the start, mm.
        end_radius: at the end, mm; the same as `radius` if None.
        pad_mm: how far around the tube the box reaches, mm.

    Returns:
        The distance (float32, mm, negative inside) and the box it belongs to.

    Taught in: chapter 1.
    """
    end_radius = radius if end_radius is None else end_radius
    reach_mm = max(radius, end_radius) + pad_mm + canvas.edge_mm
    box = canvas.box(start, end, reach_mm=reach_mm)
    axis = np.subtract(end, start).astype(np.float32)
    x, y, z = (
        a[box] - np.float32(c)
        for a, c in zip((canvas.x, canvas.y, canvas.z), start, strict=True)
    )
    length = max(float(axis @ axis), 1e-6)
    along = np.clip((x * axis[0] + y * axis[1] + z * axis[2]) / length, 0, 1)
    x, y, z = x - along * axis[0], y - along * axis[1], z - along * axis[2]
    width = np.float32(radius) + along * np.float32(end_radius - radius)
    return np.sqrt(x * x + y * y + z * z) - width, box


def smooth_max(a: np.ndarray, b: np.ndarray, *, round_mm: float) -> np.ndarray:
    """Intersect two shapes and round the edge where they meet.

    Args:
        a: signed distance, mm.
        b: signed distance, mm.
        round_mm: size of the rounding, mm.

    Returns:
        Signed distance of what lies in both, mm.
    """
    near = np.maximum(np.float32(round_mm) - np.abs(a - b), 0)
    return np.maximum(a, b) + near * near / np.float32(4 * round_mm)


def smooth_min(a: np.ndarray, b: np.ndarray, *, round_mm: float) -> np.ndarray:
    """Unite two shapes and fill the notch where they meet: see `smooth_max`."""
    return -smooth_max(-a, -b, round_mm=round_mm)


def _first_order(level, slope, smallest):
    """Distance level (level - 1) / slope; the smallest radius where both vanish."""
    tiny = np.float32(1e-6)
    return (level - 1) * (level + tiny * np.float32(smallest)) / (slope + tiny)


def _cos_sin(angle_deg: float) -> tuple[np.float32, np.float32]:
    angle = np.deg2rad(angle_deg)
    return np.float32(np.cos(angle)), np.float32(np.sin(angle))
