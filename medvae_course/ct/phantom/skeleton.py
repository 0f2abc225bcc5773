"""Bones of the phantom: ribs, sternum, spine, shoulder blades, collar bones."""

import numpy as np

from . import shapes
from .paths import path_distance, smooth_path
from .shapes import EVERYWHERE, Box, Canvas
from .tissues import LABEL
from .torso import Torso, bump, spine_centre, step

_SLOPE_MM = 54.0  # by which a rib falls per radian on its way to the front
_TURN = 2.35  # angle at which cartilage begins to climb to the sternum, radians


def paint_ribs(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the sloping ribs, their cartilage in front, and the sternum.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    pitch = np.float32(factors["rib_pitch_mm"])
    angle = torso.angle + 0.05 * np.sign(canvas.x)  # right and left are not alike
    fall = _SLOPE_MM * np.minimum(angle, _TURN) - 90 * np.maximum(angle - _TURN, 0)
    level = (canvas.z + fall + np.float32(factors["rib_phase_mm"])) / pitch
    number = np.rint(level)
    across = (level - number) * pitch
    ring = np.hypot(across / np.float32(6.4), torso.cage_mm / np.float32(3.7))
    rib = (ring - 1) * np.float32(4.4)
    root = number * pitch  # the lower the rib, the earlier it ends; none below the last
    end = np.clip(_TURN + (root - 25) / 100, 0, _TURN)
    beyond = (angle - end) * np.float32(0.8 * factors["chest_half_width_mm"])
    beyond = np.where(root < -130, np.float32(50), beyond)
    cartilage = np.maximum(rib + 0.5, np.maximum(angle - 3.0, -root - 35))
    cartilage = np.maximum(cartilage, -beyond)
    canvas.paint(cartilage, torso.tissue("cartilage"), label=LABEL["body"])
    paint_bone(canvas, torso, np.maximum(rib, beyond))
    front = -factors["chest_half_depth_mm"]
    box = canvas.box((0, front, 0), (0, front, 175), reach_mm=40)
    x, z = canvas.x[box] - 1.0, canvas.z[box]
    half = 13 + 5 * bump(z, 30, 30) + 13 * bump(z, 152, 16)  # blade and handle
    sternum = np.hypot(x / half, (torso.wall_mm[box] + 1) / np.float32(6.2)) - 1
    sternum = np.maximum(5 * sternum, np.maximum(-2 - z, z - 172))
    sternum = np.where(canvas.y[box] < 0, sternum, np.float32(50))
    paint_bone(canvas, torso, sternum, box, shell_mm=1.6)


def paint_spine(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint vertebral bodies, discs, canal, arches, spinous and transverse processes.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    middle = factors["chest_half_depth_mm"] - 20
    box = canvas.box((0, middle, -1e4), (0, middle, 1e4), reach_mm=58)
    centre_x, centre_y = spine_centre(canvas.z[box], factors)
    x, y = canvas.x[box] - centre_x, canvas.y[box] - centre_y
    pitch = np.float32(factors["rib_pitch_mm"])
    phase = (canvas.z[box] + np.float32(factors["rib_phase_mm"] - 6)) / pitch
    phase = phase - np.rint(phase)  # 0: middle of a vertebra, 1/2: disc
    lumbar = step(-50 - canvas.z[box], 40)
    waist = 1.9 * np.cos(2 * np.pi * phase)  # bodies are slimmest halfway up
    body = shapes.ellipse(x, y, 16.5 + 5 * lumbar, 14.5 + 1.5 * lumbar)
    hollow = 9 - np.hypot(x, y - 21)  # the canal bulges into the body from behind
    body = shapes.smooth_max(body + waist, hollow, round_mm=4) + torso.rough[0][box]
    disc = (0.5 - np.abs(phase)) * pitch - 3.2  # negative inside the disc
    disc_hu = torso.tissue("cartilage", box)
    canvas.paint(body - 0.5, disc_hu, label=LABEL["body"], box=box)
    paint_bone(canvas, torso, np.maximum(body, -disc), box, shell_mm=1.4)
    _paint_arch(canvas, torso, box, x, y, phase * pitch, lumbar)
    canal = shapes.ellipse(x, y - 22.5, 10.0, 8.2)
    canal_hu = torso.tissue("canal", box)
    canvas.paint(canal, canal_hu, label=LABEL["spinal canal"], box=box)
    cord = shapes.ellipse(x, y - 22.5, 5.2, 4.0)
    cord = np.maximum(cord, (-105 - canvas.z[box]) / 4)
    canvas.paint(cord, torso.tissue("cord", box), box=box)


def _paint_arch(canvas, torso, box, x, y, height, lumbar) -> None:
    """Pedicles, laminae, facets, transverse and spinous processes of each vertebra."""
    ring = np.abs(shapes.ellipse(x, y - 23, 13.5, 11.5)) - 2.6
    pedicle = np.maximum(ring, np.abs(height - 5) - 6.5)
    roof = np.maximum(ring, np.maximum(np.abs(height + 2) - 10, 27 - y))
    # spinous processes point downwards, those of the chest most
    slope = height + (y - 36) * (0.75 - 0.5 * lumbar)
    half = 1.8 + 0.9 * lumbar + 0.07 * np.clip(y - 40, 0, 20)
    spinous = np.maximum(np.abs(x) - half, np.abs(slope) - 7 - 3 * lumbar)
    spinous = np.maximum(spinous, np.maximum(34 - y, y - 61))
    across = np.abs(x) + 1.5 * np.sign(x)
    wing = np.hypot(y - 23 - 0.32 * across * (1 - 0.6 * lumbar), height - 3) - 4.2
    wing = np.maximum(wing, np.maximum(across - 34 - 5 * lumbar, 11 - across))
    facet = np.hypot(np.hypot(across - 14, y - 31), 0.6 * (np.abs(height) - 12)) - 5
    for part in (pedicle, roof, spinous, wing, facet):
        paint_bone(canvas, torso, part + 0.5 * torso.rough[0][box], box)


def paint_shoulder_bones(
    canvas: Canvas, torso: Torso, factors: dict[str, float], layers: dict
) -> None:
    """Paint shoulder blades in the gap left for them, collar bones, arm bones' heads.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        layers: see `muscles.wall_layers`.
    """
    wall = torso.wall_mm - layers["blade"][1] + 3.2
    angle, z = torso.angle, canvas.z
    border = (angle - 1.18) * 105  # the thick outer border
    thick = 1.9 + 3.0 * np.exp(-np.square(border / 9))
    low = 72 + 60 * np.abs(angle - 0.85)  # a triangle that stands on its tip
    edge = np.maximum(np.maximum(border - 3, (0.52 - angle) * 105), low - z)
    blade = np.maximum(np.abs(wall) - thick, np.maximum(edge, z - 172))
    paint_bone(canvas, torso, blade, shell_mm=1.2)
    ridge = np.hypot(np.abs(wall - 9) - 7, z - 148 - 20 * (angle - 0.9)) - 3.6
    ridge = np.maximum(ridge, np.maximum((0.6 - angle) * 105, (angle - 1.5) * 105))
    paint_bone(canvas, torso, ridge)
    width, front = factors["chest_half_width_mm"], factors["chest_half_depth_mm"]
    for side in (-1, 1):
        points = [
            (side * 24, -0.82 * front, 166),
            (side * 70, -0.78 * front, 176 + 2 * side),
            (side * 0.9 * width, -0.25 * front, 190),
            (side * (width + 14), 0.02 * front, 192),
        ]
        bone, box = path_distance(canvas, smooth_path(points), 6.0)
        paint_bone(canvas, torso, bone, box)
        head = (side * (width + 22), 8.0, 176.0 + 2 * side)
        box = canvas.box(head, reach_mm=30)
        ball = shapes.ellipsoid(canvas, head, (23, 23, 24), box=box)
        paint_bone(canvas, torso, ball, box, shell_mm=1.6)


def paint_bone(
    canvas: Canvas,
    torso: Torso,
    distance: np.ndarray,
    box: Box = EVERYWHERE,
    *,
    shell_mm: float = 2.2,
) -> None:
    """Paint bone: spongy inside, and a bright shell that is thinner than a voxel.

    Args:
        canvas: painted on, in place.
        torso: tissues of the patient.
        distance: signed distance on the voxels of `box`, mm.
        box: the voxels that `distance` speaks of.
        shell_mm: thickness of the shell, mm.
    """
    marrow = torso.tissue("marrow", box)
    shell = np.clip(1 + distance / np.float32(shell_mm), 0, 1)
    hu = marrow + shell * (np.float32(0.8 * torso.hu["cortex"]) - marrow)
    canvas.paint(distance, hu, label=LABEL["bone"], box=box)
