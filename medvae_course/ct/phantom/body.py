"""The order in which a body is painted: from the outside in."""

import numpy as np

from . import abdomen, bowel, kidneys, lungs, mediastinum, muscles, skeleton, torso
from .shapes import Canvas
from .tissues import TISSUE_HU
from .torso import Torso

_CENTRE_MM = 15.0  # of the scan, above the diaphragm
_COUCH_MM = 122.0  # its mean y in the scanner, behind the centre
_BEND_MM = 1.3  # standard deviation of the deformation along each axis


def deformed_canvas(
    seed: int,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    factors: dict[str, float],
) -> Canvas:
    """Give every voxel its body coordinates: shifted, rolled, bent by long waves.

    Args:
        seed: any int from 0.
        shape: voxels along (z, y, x).
        spacing_mm: distance of voxels along (z, y, x), mm.
        factors: position of the patient.

    Returns:
        An empty canvas.
    """
    rng = np.random.default_rng([seed, 2])
    z, y, x = (
        ((np.arange(n) - (n - 1) / 2) * mm).astype(np.float32)
        for n, mm in zip(shape, spacing_mm, strict=True)
    )
    z = z + np.float32(_CENTRE_MM + factors["scan_mm"])
    lift = torso.back_mm(factors) - _COUCH_MM - factors["couch_mm"]  # all lie on it
    y, x = y + np.float32(lift), x - np.float32(factors["shift_mm"])
    roll = np.deg2rad(factors["roll_deg"])
    cos, sin = np.float32(np.cos(roll)), np.float32(np.sin(roll))
    rows = y[:, None]
    straight = (z[:, None, None], cos * rows - sin * x, cos * x + sin * rows)
    bent = []
    for axis in straight:
        field = np.broadcast_to(axis, shape).astype(np.float32)
        for _ in range(4):
            waves = [
                np.cos(2 * np.pi * line / rng.uniform(140, 420) + rng.uniform(0, 6.28))
                for line in (z, y, x)
            ]
            # four products of three cosines: variance 4 / 8 of the amplitude's
            amplitude = np.float32(_BEND_MM * np.sqrt(2) * rng.normal())
            field += (
                (amplitude * waves[0])[:, None, None] * waves[1][:, None] * waves[2]
            )
        bent.append(field)
    return Canvas((z, y, x), *bent, edge_mm=float(max(spacing_mm[1:])))


def paint_body(canvas: Canvas, seed: int, factors: dict[str, float]) -> Torso:
    """Paint a body without lesions; what is painted later lies in front.

    Args:
        canvas: painted on, in place.
        seed: any int from 0; draws what the factors leave open.
        factors: sizes and tissues of the patient.

    Returns:
        The body's surfaces and tissues.
    """
    draw = {name: np.random.default_rng([seed, 4, k]) for k, name in enumerate(_PARTS)}
    hu = {name: factors[f"{name}_hu"] for name in TISSUE_HU}
    body = torso.make_torso(canvas, factors, hu, draw["fields"])
    layers, muscle_mm = muscles.wall_layers(canvas, body, factors)
    torso.paint_skin(canvas, body, factors, muscle_mm)
    torso.paint_arms(canvas, body, factors)
    torso.paint_couch(canvas, torso.back_mm(factors) + 1, hu)
    muscles.paint_wall_muscles(canvas, body, factors, layers)
    muscles.paint_armpits(canvas, body, factors)
    skeleton.paint_ribs(canvas, body, factors)
    skeleton.paint_shoulder_bones(canvas, body, factors, layers)
    muscles.paint_deep_muscles(canvas, body, factors)
    bowel.paint_small_bowel(canvas, body, factors, draw["bowel"])
    abdomen.paint_pancreas(canvas, body, factors, draw["pancreas"])
    bowel.paint_colon(canvas, body, factors, draw["colon"])
    bowel.paint_stomach(canvas, body, factors)
    kidneys.paint_kidneys(canvas, body, factors)
    abdomen.paint_spleen(canvas, body, factors)
    abdomen.paint_liver(canvas, body, factors, draw["liver"])
    tubes = mediastinum.make_tubes(factors)
    between = mediastinum.mediastinum(canvas, body, factors, tubes)
    lungs.paint_lungs(canvas, body, factors, between, draw["lungs"])
    mediastinum.paint_heart(canvas, body, factors)
    mediastinum.paint_tubes(canvas, body, tubes)
    skeleton.paint_spine(canvas, body, factors)
    return body


_PARTS = ("fields", "bowel", "pancreas", "colon", "liver", "lungs")
