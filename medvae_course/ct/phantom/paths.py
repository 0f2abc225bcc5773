"""Curved tubes: vessels, airways and bowel along smooth paths."""

from collections.abc import Sequence

import numpy as np

from . import shapes
from .shapes import Box, Canvas, Point


def smooth_path(points: Sequence[Point], *, step_mm: float = 12.0) -> np.ndarray:
    """Lay a smooth curve through points (Catmull-Rom spline).

    Args:
        points: (x, y, z), at least two, mm; a fourth number, the radius in mm, is
            carried along.
        step_mm: about the distance of the points returned, mm.

    Returns:
        float array (n, 3) or (n, 4) that begins and ends with the given ends.

    Example:
        >>> path = smooth_path([(0, 0, 0), (30, 0, 0), (30, 30, 0)], step_mm=10)
        >>> path[0].tolist(), path[-1].tolist(), len(path)
        ([0.0, 0.0, 0.0], [30.0, 30.0, 0.0], 7)

    Taught in: chapter 1.
    """
    given = np.asarray(points, float)
    ends = 2 * given[[0, -1]] - given[[1, -2]]
    p = np.concatenate([ends[:1], given, ends[1:]])
    curve = [given[:1]]
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        n = max(1, round(float(np.linalg.norm((c - b)[:3])) / step_mm))
        t = np.arange(1, n + 1)[:, None] / n
        bend = 2 * a - 5 * b + 4 * c - d, 3 * (b - c) + d - a
        curve.append(b + 0.5 * t * ((c - a) + t * (bend[0] + t * bend[1])))
    return np.concatenate(curve)


def path_distance(
    canvas: Canvas, path: np.ndarray, radius: float | None = None, *, reach_mm=0.0
) -> tuple[np.ndarray, Box]:
    """Signed distance to a tube along a path, on its own box only.

    Args:
        canvas: gives the coordinates.
        path: (n, 3) points (x, y, z), mm, or (n, 4) with the radius at each.
        radius: of the tube, mm; None takes the path's fourth column.
        reach_mm: how far around the tube the distance shall be known, mm.

    Returns:
        The distance (float32, mm, negative inside, large far away) and its box.

    Taught in: chapter 1.
    """
    path = np.asarray(path, float)
    wide = path[:, 3] if radius is None else np.full(len(path), radius)
    reach = float(wide.max()) + reach_mm + canvas.edge_mm
    whole = canvas.box(*path[:, :3], reach_mm=reach)
    distance = np.full(canvas.z[whole].shape, np.float32(1e3))
    links = zip(path[:, :3], path[1:, :3], wide, wide[1:], strict=False)
    for start, end, r, end_r in links:
        tube, box = shapes.tube(
            canvas, start, end, r, end_radius=end_r, pad_mm=reach_mm
        )
        inner = tuple(
            slice(b.start - w.start, b.stop - w.start)
            for b, w in zip(box, whole, strict=True)
        )
        np.minimum(distance[inner], tube, out=distance[inner])
    return distance, whole


def paint_path(
    canvas: Canvas, path: np.ndarray, radius: float | None, hu, *, label: int | None
) -> None:
    """Paint a tube along a path.

    Args:
        canvas: painted on, in place.
        path: see `path_distance`.
        radius: of the tube, mm; None takes the path's fourth column.
        hu: Hounsfield units.
        label: written into the tube; kept if None.
    """
    distance, box = path_distance(canvas, path, radius)
    canvas.paint(distance, hu, label=label, box=box)
