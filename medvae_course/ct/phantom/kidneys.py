"""Kidneys with cortex, medulla and sinus, and the adrenals, in their fat."""

import numpy as np

from . import shapes
from .paths import paint_path
from .shapes import Canvas, Point
from .tissues import LABEL
from .torso import Torso, spine_centre

_BODY = LABEL["body"]


def paint_kidneys(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint kidneys and adrenals in their fat; the right kidney is lower.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    low = -0.6 * factors["breath_mm"]
    _, back = spine_centre(-110.0, factors)
    for side, height, there in (
        (-1, -104.0, factors["kidney_right"]),
        (1, -92.0, factors["kidney_left"]),
    ):
        centre: Point = (side * 60.0, float(back) + 1, height + low)
        box = canvas.box(centre, reach_mm=80 * factors["kidney_scale"])
        coat = shapes.ellipsoid(
            canvas, centre, (31, 37, 64), turn_deg=side * 35.0, box=box
        )
        coat = shapes.smooth_max(coat, torso.cage_mm[box] + 6, round_mm=6)
        fat_hu = torso.fat(box, strands_hu=45)
        canvas.paint(coat, fat_hu, label=_BODY, box=box)
        if there:
            _paint_kidney(canvas, torso, factors, centre, side, box)
        _paint_adrenal(canvas, torso, centre, side)


def _paint_kidney(canvas, torso, factors, centre, side, box) -> None:
    size, turn = factors["kidney_scale"], side * 38.0
    kidney = shapes.ellipsoid(
        canvas,
        centre,
        [size * r for r in (25, 30, 55)],
        turn_deg=turn,
        tilt_deg=side * -10.0,
        box=box,
    )
    kidney = torso.uneven(kidney, box, 1, 1.3)
    inner = (centre[0] - side * 17 * size, centre[1] - 10, centre[2])
    sinus = shapes.ellipsoid(canvas, inner, (14, 8, 24), turn_deg=turn, box=box)
    sinus = sinus + 3.5 * torso.rough[0][box]
    kidney = shapes.smooth_max(kidney, -sinus, round_mm=3)
    canvas.paint(kidney, torso.tissue("kidney", box), label=LABEL["kidneys"], box=box)
    # pyramids of the medulla, fan-like around the sinus
    across = np.arctan2(canvas.y[box] - centre[1], side * (canvas.x[box] - centre[0]))
    fan = np.cos(4.5 * across) + np.cos((canvas.z[box] - centre[2]) * np.float32(0.42))
    pyramid = np.maximum(kidney + 7.5, np.maximum(-2.2 * (fan + 0.6), 1.5 - sinus))
    canvas.paint(pyramid, torso.tissue("medulla", box), box=box)
    pelvis = shapes.ellipsoid(canvas, inner, (8, 3, 9), turn_deg=turn, box=box)
    canvas.paint(pelvis, torso.hu["urine"], box=box, opacity=0.8)
    hilum = (side * 22.0, centre[1] - 22, centre[2] + 6)
    for shift, hu, radius in ((0, "venous blood", 4.5), (7, "blood", 2.8)):
        path = [(hilum[0] - side * 8, hilum[1] + shift, hilum[2]), inner]
        paint_path(canvas, np.array(path), radius, torso.hu[hu], label=None)


def _paint_adrenal(canvas, torso, centre, side) -> None:
    """Paint a thin inverted Y above the kidney."""
    x, y, z = side * 31.0, centre[1] - 14, centre[2] + 56
    for end in ((side * 6, 16, -8), (side * -5, 17, -6), (side * 2, -9, 6)):
        path = np.array([(x, y, z), (x + end[0], y + end[1], z + end[2])])
        paint_path(canvas, path, 2.6, torso.hu["pancreas"], label=None)
