"""Organs of the phantom above the diaphragm: lungs, heart, great vessels, airways."""

import numpy as np

from . import shapes
from .shapes import Box, Canvas, Point
from .tissues import LABEL
from .torso import Torso, spine_centre, step

_BODY = LABEL["body"]


def paint_lungs(
    canvas: Canvas, torso: Torso, factors: dict[str, float], rng: np.random.Generator
) -> None:
    """Paint both lungs, denser towards the back, and the vessels that branch in them.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        rng: draws the branching.
    """
    cavity = shapes.smooth_max(torso.cage_mm + 8, 2.5 - torso.diaphragm_mm, round_mm=6)
    lungs = shapes.smooth_max(cavity, -_mediastinum(canvas, factors), round_mm=8)
    gravity = 0.35 * (canvas.y + 10)  # blood sinks: a supine patient's back is denser
    canvas.paint(lungs, torso.tissue("lung") + gravity, label=LABEL["lungs"])
    for side in (-1, 1):
        hilum = (side * 38.0, 6.0, 66.0 - 0.5 * factors["breath_mm"])
        _paint_tree(canvas, lungs, torso.hu["blood"], hilum, rng)


def _mediastinum(canvas: Canvas, factors: dict[str, float]) -> np.ndarray:
    """Distance to what parts the lungs: fat column, spine, heart in its coat."""
    depth = factors["chest_half_depth_mm"]
    z = canvas.grid_mm[0][:, None, None]
    x, y = canvas.x, canvas.y
    half_width = 23 + 8 * step(z - 70, 25) - 7 * step(z - 125, 15)
    half_width = half_width - 0.08 * np.clip(-y, 0, 80)
    column = shapes.ellipse(x - 2, y + 12, half_width, 0.98 * depth)
    spine_x, spine_y = spine_centre(z, factors)
    spine = np.hypot(x - spine_x, y - spine_y - 4) - 22
    heart = _heart(canvas, factors, coat_mm=5.0)
    return np.minimum(shapes.smooth_min(column, heart, round_mm=14), spine)


def _heart(
    canvas: Canvas, factors: dict[str, float], *, coat_mm: float, box: Box | None = None
) -> np.ndarray:
    size = factors["heart_scale"]
    radii = (64 * size + coat_mm, 45 * size + coat_mm, 49 * size + coat_mm)
    return shapes.ellipsoid(
        canvas,
        heart_centre(factors),
        radii,
        turn_deg=-38.0 + factors["heart_turn_deg"],
        tilt_deg=-16.0,
        box=shapes.EVERYWHERE if box is None else box,
    )


def heart_centre(factors: dict[str, float]) -> Point:
    """Centre (x, y, z) of the heart, mm: it rides on the diaphragm."""
    y = -0.4 * factors["chest_half_depth_mm"]
    return 22 + factors["heart_shift_mm"], y, 30 - 0.7 * factors["breath_mm"]


def _paint_tree(canvas, lungs, hu, root: Point, rng) -> None:
    """Paint vessels from the root to random places all over one lung.

    Each place joins the nearest vessel grown so far. Murray's law sets the width:
    the cube of the radius is proportional to the number of ends it feeds.
    """
    ends = _places(canvas, lungs, root, rng)
    nodes, parents = [np.array(root)], [0]
    for end in ends:
        gap = np.linalg.norm(np.array(nodes) - end, axis=1)
        parent = int(np.argmin(gap))
        bend = rng.normal(0, 0.08 * gap[parent], 3)
        nodes += [0.5 * (nodes[parent] + end) + bend, end]
        parents += [parent, len(nodes) - 2]
    fed = np.zeros(len(nodes))
    fed[2::2] = 1
    for child in range(len(nodes) - 1, 0, -1):
        fed[parents[child]] += fed[child]
    for child in range(1, len(nodes)):
        radius = 1.15 * np.cbrt(fed[child])
        start, end = nodes[parents[child]], nodes[child]
        tube, box = shapes.tube(canvas, start, end, radius)
        # a vessel thinner than a voxel fills only a part of it
        share = min(1.0, 2 * radius / canvas.edge_mm)
        canvas.paint(np.maximum(tube, lungs[box] + 2), hu, box=box, opacity=share)


def _places(canvas: Canvas, lungs: np.ndarray, root: Point, rng) -> np.ndarray:
    """Points (n, 3) inside the lung on the root's side, nearest to the root first."""
    low = np.array((10.0, -110.0, -95.0))
    points = rng.uniform(low, (150.0, 110.0, 170.0), (1000, 3))
    points[:, 0] *= np.sign(root[0])
    index = [
        np.clip(np.searchsorted(axis, points[:, k]), 0, axis.size - 1)
        for axis, k in zip(canvas.grid_mm, (2, 1, 0), strict=True)
    ]
    points = points[lungs[tuple(index)] < -4]
    return points[np.argsort(np.linalg.norm(points - root, axis=1))]


def paint_heart(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the heart muscle and its four blood-filled chambers in a coat of fat.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    hu, size = torso.hu, factors["heart_scale"]
    x, y, z = heart_centre(factors)
    box = canvas.box((x, y, z), reach_mm=75 * size)
    heart = _heart(canvas, factors, coat_mm=0.0, box=box)
    heart = np.maximum(heart, torso.cage_mm[box] + 9)
    canvas.paint(heart, torso.tissue("heart", box), label=LABEL["heart"], box=box)
    turn = -38.0 + factors["heart_turn_deg"]
    chambers = (
        ((22, -2, -8), (33, 19, 22)),  # left ventricle, towards the apex
        ((2, -22, -4), (36, 12, 27)),  # right ventricle, in front
        ((-8, 24, 16), (24, 15, 20)),  # left atrium, behind
        ((-34, -8, 4), (17, 20, 26)),  # right atrium
    )
    for (dx, dy, dz), radii in chambers:
        centre = (x + dx * size, y + dy * size, z + dz * size)
        radii = tuple(r * size for r in radii)
        chamber = shapes.ellipsoid(canvas, centre, radii, turn_deg=turn, box=box)
        chamber = np.maximum(chamber, heart + 3)
        canvas.paint(chamber, hu["blood"], box=box)


def paint_vessels(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint aorta, both venae cavae and the pulmonary arteries.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    blood, radius = torso.hu["blood"], factors["aorta_radius_mm"]
    hx, hy, hz = heart_centre(factors)
    lift = hz - 30
    levels = np.array((40.0, 0.0, -40.0, -80.0, -120.0, -160.0))
    down = [
        (float(sx) + 17 - 0.05 * (40 - z), float(sy) - 24, z)
        for z, sx, sy in zip(levels, *spine_centre(levels, factors), strict=True)
    ]
    root = (hx - 30, hy + 2, hz + 26)
    arch = [
        (hx - 34, hy, 92 + lift),
        (hx - 28, hy + 9, 112 + lift),
        (-2, hy + 24, 121 + lift),
        (12, down[0][1] - 14, 116 + lift),
        (18, down[0][1] - 2, 100 + lift),
    ]
    inferior = [
        (-20, down[4][1] + 4, -160),
        (-22, down[3][1] + 2, -80),
        (-22, -8, -14 - factors["breath_mm"]),
        (hx - 36, hy + 6, hz - 8),
    ]
    superior = [(hx - 42, hy + 4, hz + 20), (-30, -18, 100), (-26, -16, 170)]
    trunk = [(hx - 12, hy - 14, hz + 38), (6, hy + 12, 84 + lift)]
    _paint_path(canvas, inferior, 10.5, blood)
    _paint_path(canvas, superior, 8.0, blood)
    _paint_path(canvas, trunk, 12.5, blood)
    for x, start in ((-22, arch[1]), (6, arch[2]), (20, arch[3])):  # to head and arms
        _paint_path(canvas, [start, (x, start[1] + 2, 190)], 4.5, blood)
    for end in ((-42, 4, 68 + lift), (40, 6, 76 + lift)):
        _paint_path(canvas, [trunk[-1], end], 9.0, blood)
    _paint_path(canvas, [root, *arch, *down], radius, blood, label=LABEL["aorta"])


def paint_airways(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint gullet, windpipe and the two main bronchi, each with its wall.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    wall, air = torso.hu["gut wall"], torso.hu["air"]
    levels = np.array((190.0, 100.0, 40.0, -12.0))
    gullet = [
        (4.0, float(sy) - 20 - 0.2 * max(0.0, 40 - z), z)
        for z, sy in zip(levels, spine_centre(levels, factors)[1], strict=True)
    ]
    _paint_path(canvas, gullet, 7.0, wall)
    low = -0.4 * factors["breath_mm"]
    carina = (0.0, 14.0, 92.0 + low)
    top = (-1.0, 10.0, 200.0)
    bronchi = ((-38.0, 12.0, 66.0 + low), (40.0, 16.0, 62.0 + low))
    radius = factors["trachea_radius_mm"]
    ways = [(top, carina, radius), *((carina, end, 0.7 * radius) for end in bronchi)]
    for start, end, size in ways:
        _paint_path(canvas, [start, end], size + 2.2, wall)
    for start, end, size in ways:
        _paint_path(canvas, [start, end], size, air, label=LABEL["airways"])


def _paint_path(
    canvas: Canvas,
    points: list[Point],
    radius: float,
    hu: float,
    label: int = _BODY,
) -> None:
    for start, end in zip(points, points[1:], strict=False):
        tube, box = shapes.tube(canvas, start, end, radius)
        canvas.paint(tube, hu, label=label, box=box)
