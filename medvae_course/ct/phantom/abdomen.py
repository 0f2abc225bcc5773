"""Organs of the phantom below the diaphragm."""

import numpy as np

from . import shapes
from .shapes import Canvas, Point
from .tissues import LABEL
from .torso import Torso, spine_centre


def paint_filling(
    canvas: Canvas, torso: Torso, factors: dict[str, float], rng: np.random.Generator
) -> None:
    """Paint diaphragm, psoas muscles, pancreas and loops of bowel, some with gas.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        rng: draws the loops.
    """
    sheet = np.maximum(np.abs(torso.diaphragm_mm) - 2.5, torso.cage_mm + 6)
    canvas.paint(sheet, torso.tissue("muscle"), label=LABEL["muscle"])
    (_, middle), z = spine_centre(-100.0, factors), canvas.grid_mm[0][:, None, None]
    box = canvas.box((0, middle, -1e4), (0, middle, -60), reach_mm=70)
    size = np.clip((-62 - z[box[0]]) / 5, 2, 24)
    for side in (-1, 1):
        x, y = canvas.x[box] - side * 34, canvas.y[box] - middle - 8
        psoas = shapes.ellipse(x, y, 0.75 * size, size)
        psoas_hu = torso.tissue("muscle", box)
        canvas.paint(psoas, psoas_hu, label=LABEL["muscle"], box=box)
    low = -factors["breath_mm"]
    tube, box = shapes.tube(canvas, (-34, -6, -112 + low), (62, 16, -78 + low), 11.0)
    canvas.paint(tube, torso.tissue("pancreas", box), label=LABEL["body"], box=box)
    for _ in range(int(factors["bowel_loops"])):
        _paint_loop(canvas, torso, factors, rng)


def _paint_loop(canvas, torso, factors, rng) -> None:
    depth = factors["chest_half_depth_mm"]
    start = np.array((rng.uniform(-70, 95), rng.uniform(-0.85, 0.1) * depth, -92.0))
    start[2] -= rng.uniform(0, 60)
    end = start + rng.normal(0, (26, 12, 14))
    radius = rng.uniform(10, 19)
    tube, box = shapes.tube(canvas, start, end, radius)
    tube = np.maximum(tube, torso.cage_mm[box] + 9)
    canvas.paint(tube, torso.hu["gut wall"], label=LABEL["body"], box=box)
    canvas.paint(tube + 3, torso.tissue("bowel content", box), box=box)
    if rng.random() < 0.35:
        gas = np.maximum(tube + 3.5, canvas.y[box] - start[1] + 0.3 * radius)
        canvas.paint(gas, torso.hu["air"], box=box)


def paint_stomach(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the stomach: wall, content, and gas with a level, for gas floats.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    size, low = factors["stomach_scale"], -factors["breath_mm"]
    fundus, body = (56.0, 14.0, -44 + low), (44.0, -34.0, -74 + low)
    box = canvas.box(fundus, body, reach_mm=48 * size)
    stomach = shapes.smooth_min(
        shapes.ellipsoid(canvas, fundus, [size * r for r in (36, 36, 34)], box=box),
        shapes.ellipsoid(canvas, body, [size * r for r in (38, 27, 36)], box=box),
        round_mm=22,
    )
    stomach = _below(torso, stomach, box)
    wall_hu = torso.tissue("gut wall", box)
    canvas.paint(stomach, wall_hu, label=LABEL["stomach"], box=box)
    canvas.paint(stomach + 4, torso.tissue("stomach content", box), box=box)
    level = body[1] - 26 * size + factors["stomach_gas"] * 60 * size
    gas = np.maximum(stomach + 4.5, canvas.y[box] - np.float32(level))
    canvas.paint(gas, torso.hu["air"], box=box)


def paint_spleen(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the spleen between stomach, diaphragm and left ribs.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    size, low = factors["spleen_scale"], -factors["breath_mm"]
    width, depth = factors["chest_half_width_mm"], factors["chest_half_depth_mm"]
    centre = (0.66 * width, 0.34 * depth, -62 + low)
    box = canvas.box(centre, reach_mm=60 * size)
    radii = [size * r for r in (32, 52, 50)]
    spleen = shapes.ellipsoid(canvas, centre, radii, turn_deg=32.0, box=box)
    hilum = (centre[0] - 38 * size, centre[1] - 16, centre[2])
    notch = shapes.ellipsoid(canvas, hilum, (22, 24, 34), box=box)
    spleen = _below(torso, shapes.smooth_max(spleen, -notch, round_mm=10), box)
    spleen_hu = torso.tissue("spleen", box)
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
    x, y, z = canvas.x[box], canvas.y[box], canvas.z[box]
    # a wedge: thick at the right ribs, thin where it crosses to the left in front
    lower = (-132 * size + low + 0.5 * (x + 80) - 0.1 * y - z) / 1.12
    left = x + 0.62 * y - 24 * size + 7 * np.sin(z / 19) + 6 * np.sin(y / 23)
    liver = shapes.smooth_max(lower, left / 1.25, round_mm=30)
    liver = shapes.smooth_max(liver, y + 0.10 * x - 52, round_mm=24)
    liver = _below(torso, liver, box)
    liver_hu = torso.tissue("liver", box)
    canvas.paint(liver, liver_hu, label=LABEL["liver"], box=box)
    inside = np.full(canvas.z.shape, 50, np.float32)
    inside[box] = liver
    porta = np.array((-18.0, 2.0, -62.0 + low))
    for way in ((-1, 0.1, 0.3), (-0.8, 0.5, -0.3), (-0.5, -0.7, 0.2), (0.2, -1, 0.3)):
        _grow_vein(canvas, inside, torso.hu["blood"], porta, np.array(way), 5.5, rng)
    if factors["gall_bladder"]:
        centre = (-44.0, -0.42 * factors["chest_half_depth_mm"], -104 * size + low)
        box = canvas.box(centre, reach_mm=34)
        bladder = shapes.ellipsoid(canvas, centre, (15, 16, 28), box=box)
        bladder = np.maximum(bladder, torso.cage_mm[box] + 9)
        canvas.paint(bladder, torso.hu["bile"], label=LABEL["body"], box=box)


def _grow_vein(canvas, inside, hu, start, way, radius, rng) -> None:
    end = start + way / np.linalg.norm(way) * rng.uniform(24, 38)
    tube, box = shapes.tube(canvas, start, end, radius, end_radius=0.75 * radius)
    share = min(1.0, 2 * radius / canvas.edge_mm)
    canvas.paint(np.maximum(tube, inside[box] + 5), hu, box=box, opacity=share)
    if radius > 2.6:
        for _ in range(2):
            turn = way + rng.normal(0, 0.5, 3)
            _grow_vein(canvas, inside, hu, end, turn, 0.75 * radius, rng)


def paint_kidneys(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint both kidneys in their fat, with the fatty sinus; the right one is lower.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    size, low = factors["kidney_scale"], -0.6 * factors["breath_mm"]
    _, back = spine_centre(-110.0, factors)
    for side, height in ((-1, -122.0), (1, -110.0)):
        centre: Point = (side * 58.0, float(back) + 2, height + low)
        box = canvas.box(centre, reach_mm=70 * size)
        turn = side * 35.0
        kidney = shapes.ellipsoid(
            canvas, centre, [size * r for r in (24, 29, 54)], turn_deg=turn, box=box
        )
        inner = (centre[0] - side * 17, centre[1] - 9, centre[2])
        sinus = shapes.ellipsoid(canvas, inner, (14, 10, 24), turn_deg=turn, box=box)
        capsule = np.maximum(kidney - 7, torso.cage_mm[box] + 9)
        fat_hu = torso.tissue("fat", box)
        canvas.paint(capsule, fat_hu, label=LABEL["body"], box=box)
        kidney = np.maximum(kidney, -sinus)
        kidney_hu = torso.tissue("kidney", box)
        canvas.paint(kidney, kidney_hu, label=LABEL["kidneys"], box=box)


def _below(torso: Torso, organ: np.ndarray, box) -> np.ndarray:
    """Keep an organ inside the ribs and under the diaphragm."""
    room = shapes.smooth_max(
        torso.cage_mm[box] + 10, torso.diaphragm_mm[box] + 3, round_mm=8
    )
    return shapes.smooth_max(organ, room, round_mm=6)
