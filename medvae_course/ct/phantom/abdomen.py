"""Solid organs below the diaphragm: liver, gall bladder, spleen, pancreas."""

import numpy as np

from . import shapes
from .paths import paint_path, path_distance, smooth_path
from .shapes import Box, Canvas
from .tissues import LABEL
from .torso import Torso, spine_centre

_BODY = LABEL["body"]


def paint_spleen(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the spleen between stomach, diaphragm and left ribs.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    if not factors["spleen"]:
        return
    size, low = factors["spleen_scale"], -factors["breath_mm"]
    width, depth = factors["chest_half_width_mm"], factors["chest_half_depth_mm"]
    centre = (0.69 * width, 0.36 * depth, -64 + low)
    box = canvas.box(centre, reach_mm=66 * size)
    radii = [size * r for r in (34, 57, 55)]
    spleen = shapes.ellipsoid(canvas, centre, radii, turn_deg=34.0, box=box)
    hilum = (centre[0] - 40 * size, centre[1] - 14, centre[2])
    notch = shapes.ellipsoid(canvas, hilum, (25, 27, 40), turn_deg=20, box=box)
    spleen = shapes.smooth_max(spleen, -notch, round_mm=7)
    spleen = below(torso, torso.uneven(spleen, box, 1, 2.2), box)
    spleen_hu = torso.tissue("spleen", box)
    wrap(canvas, torso, spleen, box)
    canvas.paint(spleen, spleen_hu, label=LABEL["spleen"], box=box)


def paint_liver(
    canvas: Canvas, torso: Torso, factors: dict[str, float], rng: np.random.Generator
) -> None:
    """Paint the liver under the right dome, its vessels, and the gall bladder.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        rng: draws the vessels.
    """
    size, low = factors["liver_scale"], -factors["breath_mm"]
    box = canvas.box((-60, 0, -70 + low), reach_mm=175)
    liver = _liver_surface(canvas, torso, factors, box)
    wrap(canvas, torso, liver, box)
    canvas.paint(liver, torso.tissue("liver", box), label=LABEL["liver"], box=box)
    inside = np.full(canvas.z.shape, 50, np.float32)
    inside[box] = liver
    portal, veins = torso.hu["portal blood"], torso.hu["hepatic blood"]
    porta = np.array((-20.0, -2.0, -66.0 + low))
    for way in ((-1, 0.1, 0.3), (-0.8, 0.6, -0.3), (-0.5, -0.7, 0.2), (0.3, -1, 0.4)):
        _grow_vein(canvas, inside, portal, porta, np.array(way), 5.0, rng)
    meet = np.array((-24.0, 8.0, -22.0 + low))
    for end in ((-95, 30, -62), (-58, -38, -66), (0, -50, -48)):
        end = np.array(end, float) + (0, 0, low) + rng.normal(0, 6, 3)
        bend = 0.5 * (meet + end) + rng.normal(0, 5, 3) + (0, 0, 6)
        radii = (4.6, 3.4, 1.6)
        path = np.column_stack([[meet, bend, end], radii])
        vein, near = path_distance(canvas, smooth_path(path))
        canvas.paint(np.maximum(vein, inside[near] + 4), veins, box=near)
    _paint_gall_bladder(canvas, torso, factors, size, low)


def _liver_surface(canvas, torso, factors, box: Box) -> np.ndarray:
    """A wedge: thick at the right ribs, thin where it crosses to the left in front."""
    size, low = factors["liver_scale"], -factors["breath_mm"]
    x, y, z = canvas.x[box], canvas.y[box], canvas.z[box]
    rough = torso.rough[3][box]
    lower = (-138 * size + low + 0.62 * (x + 80) - 0.15 * y + 6 * rough - z) / 1.16
    left = x + 0.70 * y - 8 * size + 9 * rough + 5 * torso.rough[1][box]
    liver = shapes.smooth_max(lower, left / 1.25, round_mm=24)
    liver = shapes.smooth_max(liver, y + 0.10 * x - 54, round_mm=22)
    # the gate of the liver, and the cleft between its lobes, are filled with fat
    gate = shapes.ellipsoid(canvas, (-4, 6, -82 + low), (30, 17, 22), box=box)
    cleft = np.abs(x + 4 - 0.25 * y + 4 * rough) - 2.2
    cleft = np.maximum(cleft, np.maximum(z + 62 - low - 0.3 * y, y + 6))
    liver = shapes.smooth_max(liver, -gate, round_mm=9)
    liver = shapes.smooth_max(liver, -cleft, round_mm=3)
    bed = factors["kidney_right"] * shapes.ellipsoid(
        canvas, (-62, 46, -108 + low), (26, 30, 52), box=box
    )
    if factors["kidney_right"]:
        liver = shapes.smooth_max(liver, -bed, round_mm=10)
    return below(torso, torso.uneven(liver, box, 1, 1.6), box)


def _grow_vein(canvas, inside, hu, start, way, radius, rng) -> None:
    end = start + way / np.linalg.norm(way) * rng.uniform(18, 30)
    tube, box = shapes.tube(canvas, start, end, radius, end_radius=0.8 * radius)
    share = min(1.0, 2 * radius / canvas.edge_mm)
    canvas.paint(np.maximum(tube, inside[box] + 5), hu, box=box, opacity=share)
    if radius > 1.8:
        for _ in range(2):
            turn = way + rng.normal(0, 0.5, 3)
            _grow_vein(canvas, inside, hu, end, turn, 0.74 * radius, rng)


def _paint_gall_bladder(canvas, torso, factors, size: float, low: float) -> None:
    if not factors["gall_bladder"]:
        return
    front = factors["chest_half_depth_mm"]
    centre = (-42.0, -0.36 * front, -104 * size + low)
    box = canvas.box(centre, reach_mm=36)
    bladder = shapes.ellipsoid(
        canvas, centre, (14, 17, 29), turn_deg=25, tilt_deg=15, box=box
    )
    bladder = np.maximum(torso.uneven(bladder, box, 1, 1.0), torso.cage_mm[box] + 6)
    canvas.paint(bladder - 1.5, torso.hu["gut wall"], label=_BODY, box=box)
    canvas.paint(bladder, torso.hu["bile"], label=_BODY, box=box)


def paint_pancreas(
    canvas: Canvas, torso: Torso, factors: dict[str, float], rng: np.random.Generator
) -> None:
    """Paint the lobulated pancreas, the veins behind it and the vessels before it.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        rng: draws its course.
    """
    low, (_, back) = -0.8 * factors["breath_mm"], spine_centre(-100.0, factors)
    bend = rng.normal(0, 4, (5, 3))
    neck = float(back) - 46
    course = np.array(
        [
            (-36, neck + 18, -132 + low, 14),
            (-28, neck + 6, -112 + low, 13),
            (2, neck - 10, -98 + low, 8.5),
            (40, neck + 6, -88 + low, 10),
            (76, neck + 30, -76 + low, 8),
        ]
    )
    course[:, :3] += bend
    gland, box = path_distance(canvas, smooth_path(course))
    gland = gland + 2.6 * torso.rough[0][box]
    fat = np.clip(0.8 * torso.rough[0][box] * torso.texture[box], 0, 0.6)
    hu = torso.tissue("pancreas", box)
    wrap(canvas, torso, gland, box)
    canvas.paint(gland, hu + fat * (torso.hu["fat"] - hu), label=_BODY, box=box)
    vein = course[1:, :3] + (0, 9, 0)
    portal = [vein[0], vein[0] + (4, 2, 16), (-18, 0, -72 + low)]
    for path, radius, name in (
        (vein, 4.0, "portal blood"),
        (portal, 6.0, "portal blood"),
        ([(6, neck + 8, -180), (4, neck + 4, -110 + low)], 5.0, "portal blood"),
        ([(10, neck + 8, -180), (12, neck + 14, -100)], 3.6, "blood"),
        ([(14, neck + 24, -84), (4, neck + 2, -78), (-18, neck, -78)], 3.2, "blood"),
        ([(4, neck + 2, -78), (46, neck + 16, -74)], 2.6, "blood"),
    ):
        curve = smooth_path(np.array(path, float))
        paint_path(canvas, curve, radius, torso.hu[name], label=None)


def below(torso: Torso, organ: np.ndarray, box: Box) -> np.ndarray:
    """Keep an organ inside the ribs and under the diaphragm.

    Args:
        torso: surfaces of the patient.
        organ: signed distance on the voxels of `box`, mm.
        box: the voxels that `organ` speaks of.

    Returns:
        Signed distance, mm.
    """
    room = shapes.smooth_max(
        torso.cage_mm[box] + 5.5, torso.diaphragm_mm[box] + 1.8, round_mm=6
    )
    return shapes.smooth_max(organ, room, round_mm=5)


def wrap(canvas: Canvas, torso: Torso, organ: np.ndarray, box: Box) -> None:
    """Paint the thin fat that parts an organ from its neighbours.

    Args:
        canvas: painted on, in place.
        torso: surfaces and tissues of the patient.
        organ: signed distance on the voxels of `box`, mm.
        box: the voxels that `organ` speaks of.
    """
    coat = organ - 2.2 - 1.8 * torso.rough[3][box]
    coat = np.maximum(coat, torso.cage_mm[box] + 4.5)
    coat = np.maximum(coat, torso.diaphragm_mm[box] + 1.8)
    canvas.paint(coat, torso.fat(box), label=_BODY, box=box)
