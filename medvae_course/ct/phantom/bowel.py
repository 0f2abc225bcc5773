"""Hollow organs: stomach, duodenum, colon with its content, loops of small bowel."""

import numpy as np

from . import shapes
from .abdomen import below, wrap
from .paths import paint_path, path_distance, smooth_path
from .shapes import Canvas
from .tissues import LABEL
from .torso import Torso

_HAUSTRA_MM = 24.0  # distance of the colon's folds


def paint_stomach(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the stomach: wall, content, and gas with a level, for gas floats.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    size, low = factors["stomach_scale"], -factors["breath_mm"]
    front = -factors["chest_half_depth_mm"]
    course = np.array(
        [
            (50, 22, -34 + low, 27 * size),
            (58, 8, -52 + low, 35 * size),
            (56, -22, -76 + low, 30 * size),
            (38, 0.55 * front, -100 + low, 23 * size),
            (8, 0.56 * front, -112 + low, 17 * size),
            (-18, 0.42 * front, -106 + low, 12 * size),
        ]
    )
    stomach, box = path_distance(canvas, smooth_path(course, step_mm=16), reach_mm=8)
    stomach = below(torso, torso.uneven(stomach, box, 2, 2.5), box)
    wall_hu = torso.tissue("gut wall", box)
    wrap(canvas, torso, stomach, box)
    canvas.paint(stomach, wall_hu, label=LABEL["stomach"], box=box)
    folds = 3.6 + 1.8 * torso.rough[0][box]
    content = torso.tissue("stomach content", box)
    crumbs = np.clip(torso.rough[1][box] + torso.texture[box] - 1.2, 0, 1)
    content = content - 60 * crumbs * factors["stomach_crumbs"]
    canvas.paint(stomach + folds, content, box=box)
    level = -24 - 26 * size + factors["stomach_gas"] * 60 * size
    gas = np.maximum(stomach + folds + 0.4, canvas.y[box] - np.float32(level))
    canvas.paint(gas, torso.hu["air"], box=box)


def paint_colon(
    canvas: Canvas, torso: Torso, factors: dict[str, float], rng: np.random.Generator
) -> None:
    """Paint the colon around the belly, with folds, stool and gas.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        rng: draws its course and what is in it.
    """
    front, width = -factors["chest_half_depth_mm"], factors["chest_half_width_mm"]
    low = -0.7 * factors["breath_mm"]
    sag = rng.uniform(-14, 22)
    course = np.array(
        [
            (-0.66 * width, 24, -190),
            (-0.68 * width, 14, -150),
            (-0.56 * width, -14, -124 + low),
            (-0.40 * width, 0.52 * front, -132 + low - 0.5 * sag),
            (-8, 0.80 * front - factors["belly_mm"], -142 + low - sag),
            (0.34 * width, 0.80 * front - factors["belly_mm"], -122 + low - sag),
            (0.58 * width, 0.42 * front, -92 + low),
            (0.72 * width, -6, -64 + low),
            (0.74 * width, 22, -92 + low),
            (0.73 * width, 30, -132),
            (0.70 * width, 24, -190),
        ]
    )
    course += rng.normal(0, 5, course.shape)
    radii = rng.uniform(13, 21, len(course)) * factors["colon_scale"]
    radii[-3:] *= 0.75
    path = smooth_path(np.column_stack([course, radii]), step_mm=8.0)
    along = np.concatenate(
        [[0], np.cumsum(np.linalg.norm(np.diff(path[:, :3], axis=0), axis=1))]
    )
    path[:, 3] *= 1 + 0.15 * np.cos(2 * np.pi * along / _HAUSTRA_MM)
    colon, box = path_distance(canvas, path)
    colon = shapes.smooth_max(colon, torso.cage_mm[box] + 6, round_mm=5)
    colon = np.maximum(colon, torso.diaphragm_mm[box] + 5)
    colon = colon + 1.6 * torso.rough[0][box]
    wrap(canvas, torso, colon, box)
    canvas.paint(colon, torso.hu["gut wall"], label=LABEL["body"], box=box)
    canvas.paint(colon + 2.2, _stool(torso, box, factors), box=box)
    # gas gathers in front; where there is much of it the content is a puddle
    pool = 0.45 * front + 16 * torso.rough[3][box] + 40 * (factors["colon_gas"] - 0.5)
    gas = np.maximum(colon + 2.8, canvas.y[box] - pool)
    canvas.paint(gas, torso.hu["air"], box=box)


def _stool(torso: Torso, box, factors) -> np.ndarray:
    """HU of colon content: paste with bubbles of gas."""
    hu = torso.tissue("bowel content", box)
    bubbles = torso.texture[box] + 0.8 * torso.rough[0][box] - 0.9
    share = np.clip(1.3 * bubbles, 0, 0.75) * factors["colon_bubbles"]
    return hu + share * (np.float32(torso.hu["air"]) - hu)


def paint_small_bowel(
    canvas: Canvas, torso: Torso, factors: dict[str, float], rng: np.random.Generator
) -> None:
    """Paint duodenum and loops of jejunum, some with gas, and the mesentery's vessels.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        rng: draws the loops.
    """
    depth = factors["chest_half_depth_mm"]
    low = -0.7 * factors["breath_mm"]
    hoop = [(-22, -0.38 * depth, -104 + low), (-46, -14, -112 + low)]
    hoop += [(-48, 2, -136 + low), (-30, 8, -156), (10, 4, -160)]
    _paint_loop(canvas, torso, np.array(hoop, float), 11.0, rng)
    root = np.array((8.0, 0.0, -124.0))
    for _ in range(int(factors["bowel_loops"])):
        start = np.array((rng.uniform(-48, 88), rng.uniform(-0.62, 0.06) * depth, 0.0))
        start[2] = -112 - rng.uniform(-6, 62) + low + 0.28 * max(0.0, start[0])
        points = [start]
        way = rng.normal(0, 1, 3)
        for _ in range(3):
            way = 0.5 * way + rng.normal(0, 0.9, 3)
            points.append(points[-1] + 22 * way / np.linalg.norm(way))
        vessel = np.column_stack(
            [[root, 0.5 * (root + start) + way * 4, start], (2.4, 1.9, 1.3)]
        )
        paint_path(
            canvas, smooth_path(vessel), None, torso.hu["portal blood"], label=None
        )
        _paint_loop(canvas, torso, np.array(points), rng.uniform(8.5, 13.0), rng)


def _paint_loop(canvas, torso, points, radius, rng) -> None:
    tube, box = path_distance(canvas, smooth_path(points, step_mm=9.0), radius)
    tube = np.maximum(tube, torso.cage_mm[box] + 6)
    tube = np.maximum(tube, torso.diaphragm_mm[box] + 6) + 1.2 * torso.rough[0][box]
    canvas.paint(tube, torso.tissue("gut wall", box), label=LABEL["body"], box=box)
    feathery = 2.2 + 0.9 * torso.texture[box]
    content = torso.tissue("bowel content", box)
    full = rng.random()
    canvas.paint(tube + feathery + 3 * full, content, box=box, opacity=0.85)
    if rng.random() < 0.3:
        level = points[:, 1].min() - 0.4 * radius + rng.uniform(0, 8)
        gas = np.maximum(tube + 3.0, canvas.y[box] - np.float32(level))
        canvas.paint(gas, torso.hu["air"], box=box)
