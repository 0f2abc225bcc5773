"""Bones of the phantom: ribs, sternum, spine, shoulder blades."""

import numpy as np

from . import shapes
from .shapes import EVERYWHERE, Box, Canvas
from .tissues import LABEL
from .torso import CAGE_Y_MM, Torso, spine_centre, step


def paint_ribs(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the sloping ribs, their cartilage in front, and the sternum.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    pitch = np.float32(factors["rib_pitch_mm"])
    angle = np.arctan2(np.abs(canvas.x), canvas.y - np.float32(CAGE_Y_MM))  # 0: back
    # ribs fall by 38 mm per radian on their way to the front
    level = (canvas.z + 38 * angle + np.float32(factors["rib_phase_mm"])) / pitch
    number = np.rint(level)
    across = (level - number) * pitch
    ring = np.hypot(across / np.float32(6.6), torso.cage_mm / np.float32(3.9))
    rib = (ring - 1) * np.float32(4.6)
    root = number * pitch  # the lower the rib, the earlier it ends; none below the last
    end = np.clip(2.35 + (root + 5) / 75, 0, 2.35)
    beyond = (angle - end) * np.float32(0.8 * factors["chest_half_width_mm"])
    beyond = np.where(root < -130, np.float32(50), beyond)
    cartilage = np.maximum(rib + 0.8, np.maximum(angle - 2.95, -root - 30))
    canvas.paint(np.maximum(cartilage, -beyond), torso.tissue("cartilage"))
    _paint_bone(canvas, torso, np.maximum(rib, beyond))
    breast_bone = (0, -factors["chest_half_depth_mm"] - 8, 82)
    box = canvas.box(breast_bone, reach_mm=95)
    sternum = shapes.ellipsoid(canvas, breast_bone, (19, 6.5, 88), box=box)
    _paint_bone(canvas, torso, sternum, box)


def paint_spine(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint vertebral bodies, discs, canal, arches, spinous and transverse processes.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    middle = factors["chest_half_depth_mm"] - 20
    box = canvas.box((0, middle, -1e4), (0, middle, 1e4), reach_mm=52)
    centre_x, centre_y = spine_centre(canvas.z[box], factors)
    x, y = canvas.x[box] - centre_x, canvas.y[box] - centre_y
    pitch = np.float32(factors["rib_pitch_mm"])
    phase = (canvas.z[box] + np.float32(factors["rib_phase_mm"] - 6)) / pitch
    phase = phase - np.rint(phase)  # 0: middle of a vertebra, 1/2: disc
    grow = 1 + 0.12 * step(-50 - canvas.z[box], 40)
    body = shapes.ellipse(x, y, 17.5 * grow, 14.5 * grow)
    disc = (0.5 - np.abs(phase)) * pitch - 4  # negative inside the disc
    disc_hu = torso.tissue("cartilage", box)
    canvas.paint(body + 0.5, disc_hu, label=LABEL["body"], box=box)
    _paint_bone(canvas, torso, np.maximum(body, -disc), box)
    arch = np.abs(shapes.ellipse(x, y - 23, 12.5, 11.5)) - 3.2
    _paint_bone(canvas, torso, np.maximum(arch, (np.abs(phase) - 0.36) * pitch), box)
    slope = np.abs(phase + (y - 40) / 90) * pitch  # spinous processes point downwards
    spinous = np.maximum(np.hypot(x / 3.6, slope / 9) * 4 - 4, np.abs(y - 48) - 15)
    _paint_bone(canvas, torso, spinous, box)
    wing = np.hypot(y - 20 - 0.25 * np.abs(x), phase * pitch) - 4.5
    wing = np.maximum(wing, np.maximum(np.abs(x) - 33, 10 - np.abs(x)))
    _paint_bone(canvas, torso, wing, box)
    canal = shapes.ellipse(x, y - 22.5, 10.0, 8.5)
    canal_hu = torso.tissue("canal", box)
    canvas.paint(canal, canal_hu, label=LABEL["spinal canal"], box=box)


def paint_shoulder_blades(
    canvas: Canvas, torso: Torso, factors: dict[str, float]
) -> None:
    """Paint both shoulder blades, thin plates behind the upper ribs.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    width, depth = factors["chest_half_width_mm"], factors["chest_half_depth_mm"]
    for side in (-1, 1):
        centre = (side * (0.72 * width + 4), 0.78 * depth, 122)
        box = canvas.box(centre, reach_mm=75)
        turn = side * -38.0
        blade = shapes.ellipsoid(canvas, centre, (44, 4.2, 66), turn_deg=turn, box=box)
        _paint_bone(canvas, torso, np.maximum(blade, 4 - torso.cage_mm[box]), box)


def _paint_bone(
    canvas: Canvas, torso: Torso, distance: np.ndarray, box: Box = EVERYWHERE
) -> None:
    """Spongy inside, and a bright shell that is thinner than a voxel."""
    marrow = torso.tissue("marrow", box)
    shell = np.clip(1 + distance / np.float32(2.6), 0, 1)
    hu = marrow + shell * (np.float32(0.8 * torso.hu["cortex"]) - marrow)
    canvas.paint(distance, hu, label=LABEL["bone"], box=box)
