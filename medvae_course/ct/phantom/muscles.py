"""Muscles of the trunk, each in its place, with planes of fat between them.

Most are sheets that lie on the body wall: between two distances from it which change
around the body (`Torso.angle`) and with height.
"""

import numpy as np

from . import shapes
from .paths import path_distance, smooth_path
from .shapes import Canvas
from .tissues import LABEL
from .torso import Torso, bump, spine_centre, step

_GAP_MM = 1.4  # fat between two sheets
_RIM_MM = 1.8  # of a sheet, mixed with fat by the scanner


def wall_layers(
    canvas: Canvas, torso: Torso, factors: dict[str, float]
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Stack the muscles of the wall.

    Args:
        canvas: gives the coordinates.
        torso: surfaces of the patient.
        factors: sizes of the patient.

    Returns:
        Muscle to its inner and outer distance from `Torso.wall_mm`, and the thickness
        of all together, mm, from which the skin follows.
    """
    a, z = torso.angle, canvas.z
    bulk = np.float32(1.3 * factors["muscle_scale"])
    chest, low = step(z - 66, 12), step(-38 - z, 14)
    blade = step(z - 78, 14)
    back = bulk * (15 + 12 * step(-75 - z, 16)) * bump(a, 0.34, 0.36)
    deep = 5 * bulk * bump(a, 1.55, 0.5) * step(z + 20, 16)  # serratus anterior
    minor = 8 * bulk * bump(a, 2.15, 0.28) * step(z - 88, 10)
    shelf = 17 * step(a - 0.62, 0.16) * step(1.5 - a, 0.16) * blade  # shoulder blade
    behind = bulk * 15 * bump(a, 0.92, 0.30) * blade  # infraspinatus, teres
    side = bulk * (6 * bump(a, 1.15, 0.42) + 13 * bump(a, 1.32, 0.26) * blade)
    side = side * step(z + 110, 30)
    major = bulk * 15 * bump(a, 2.30, 0.36) * chest
    hood = bulk * (6 * bump(a, 0.0, 0.75) + 5 * blade * bump(a, 0.35, 0.4))
    hood = hood * step(z + 15, 18)
    belt = bulk * 6.5 * bump(a, 1.70, 0.62) * low
    rectus = bulk * 9.5 * bump(a, 2.83, 0.24) * step(-12 - z, 14)
    layers, top = {}, np.zeros_like(a)
    for name, thick in (
        ("erector spinae", back),
        ("serratus", deep),
        ("transversus", 0.75 * belt),
        ("pectoralis minor", minor),
        ("blade", shelf),
        ("infraspinatus", behind),
        ("oblique", belt),
        ("latissimus", side),
        ("pectoralis major", major),
        ("rectus", rectus),
        ("trapezius", hood),
    ):
        layers[name] = (top, top + thick)
        top = top + thick + _GAP_MM * np.minimum(thick / 3, 1)
    return layers, top


def marbled(torso: Torso, share: float) -> np.ndarray:
    """HU of muscle with flecks and strands of fat, float32 (z, y, x)."""
    strands = np.exp(-np.square(5 * torso.rough[0])) + 0.35 * torso.texture
    fat = np.clip(np.float32(share) * strands, 0, 0.9)
    muscle = torso.tissue("muscle")
    return muscle + fat * (np.float32(torso.hu["fat"]) - muscle)


def paint_wall_muscles(
    canvas: Canvas, torso: Torso, factors: dict[str, float], layers: dict
) -> None:
    """Paint the sheets of the wall, the intercostals, and the fat inside the ribs.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        layers: see `wall_layers`.
    """
    hu, wall = marbled(torso, factors["muscle_fat_share"]), torso.wall_mm
    uneven = 1.1 * torso.rough[1] + 0.8 * torso.rough[0]
    for name, (inner, outer) in layers.items():
        if name == "blade":
            continue
        middle, half = (inner + outer) / 2, (outer - inner) / 2
        sheet = np.abs(wall - middle + uneven) - half + 0.3
        canvas.paint(sheet, hu)
        # its label keeps clear of the fat beside: sheets are few voxels thick
        canvas.paint(sheet + _RIM_MM, hu, label=LABEL["muscle"], opacity=0.0)
    # between cage and wall, under the shoulder blade: subscapularis
    inner, outer = layers["blade"]
    under = np.maximum(8 - torso.cage_mm, wall - outer + 7)
    under = np.maximum(under, 13 - (outer - inner) + 3 * torso.rough[1])
    under = np.maximum(under, 4 + 6 * torso.rough[3] - 60 * (1.42 - torso.angle))
    canvas.paint(under, hu, label=LABEL["muscle"])
    # intercostals: thin, patchy, with fat on both sides
    between = np.abs(torso.cage_mm + 0.5 * torso.rough[0]) - 2.6 + 0.9 * torso.rough[1]
    canvas.paint(between, hu)  # too thin a sheet to bear muscle's label
    canvas.paint(torso.cage_mm + 4.5, torso.fat(strands_hu=60), label=LABEL["body"])


def paint_armpits(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the vessels and nodes that run through the fat of the armpits.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    width = factors["chest_half_width_mm"]
    for side in (-1, 1):
        for shift, radius, tissue in (
            ((0, 0, 0), 4.2, "venous blood"),
            ((3, 9, 4), 3.2, "blood"),
            ((-6, 16, -8), 1.9, "muscle"),
            ((4, -9, -22), 1.7, "venous blood"),
        ):
            course = np.array(
                [
                    (side * 52, -24, 178),
                    (side * 0.78 * width, -22, 158 - 3 * side),
                    (side * (0.98 * width), -10, 136),
                    (side * (1.03 * width), 6, 96),
                    (side * (1.04 * width), 14, 58),
                ]
            ) + np.multiply(shift, (side, 1, 1))
            taper = np.linspace(radius, 0.35 * radius, len(course))
            path = smooth_path(np.column_stack([course, taper]))
            tube, box = path_distance(canvas, path)
            tube = np.maximum(tube, 6 - torso.cage_mm[box])
            canvas.paint(tube, torso.hu[tissue], box=box, opacity=0.9)
    for side, out, y, z in ((1, 8, -14, 118), (-1, 2, -4, 108), (1, 6, 0, 100)):
        centre = (side * (width - 8 + out), y, z)
        box = canvas.box(centre, reach_mm=10)
        node = shapes.ellipsoid(canvas, centre, (4, 6, 6), box=box)
        node = np.maximum(node, 6 - torso.cage_mm[box])
        canvas.paint(node, torso.hu["muscle"], box=box)


def paint_deep_muscles(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint diaphragm with its crura, psoas and quadratus lumborum.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    sheet = np.maximum(np.abs(torso.diaphragm_mm) - 1.8, torso.cage_mm + 5)
    canvas.paint(sheet, torso.tissue("muscle"))  # thinner than a voxel: no label
    (_, middle), z = spine_centre(-100.0, factors), canvas.z
    box = canvas.box((0, middle, -1e4), (0, middle, -20), reach_mm=90)
    x, y, z = canvas.x[box], canvas.y[box] - middle, z[box]
    size = np.clip((-72 - z) / 4.2, 1.5, 25)
    for side in (-1, 1):
        across = side * x
        psoas = shapes.ellipse(across - 36, y - 6, 0.78 * size, size)
        flat = shapes.ellipse(across - 62 + 0.3 * y, y - 34, 17.0, 8.0)
        flat = np.maximum(flat, (z + 92) / 2)
        crus = shapes.ellipse(across - 17, y + 16, 7.5 - 0.03 * (z + 60), 13.0)
        crus = np.maximum(crus, np.maximum(z + 12, -150 - z))
        for muscle in (psoas, flat, crus):
            muscle = torso.uneven(muscle, box, 2, 1.0)
            hu = torso.tissue("muscle", box)
            canvas.paint(muscle, hu, label=LABEL["muscle"], box=box)
