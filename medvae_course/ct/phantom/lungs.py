"""The lungs: parenchyma, fissures, and trees of arteries, veins and bronchi."""

from dataclasses import dataclass

import numpy as np

from . import shapes
from .shapes import Canvas, Point
from .tissues import LABEL
from .torso import Torso

_DETOUR = 0.45  # how much a twig minds a long way to the root
_BRONCHUS_ENDS = 18  # bronchi are drawn along arteries that feed at least so many ends


@dataclass(frozen=True, eq=False)
class Twig:
    """A piece of a vessel tree.

    Args:
        start: (x, y, z), mm.
        end: (x, y, z), mm.
        radius: mm.
        ends: how many ends of the tree it feeds.
    """

    start: np.ndarray
    end: np.ndarray
    radius: float
    ends: float


def paint_lungs(
    canvas: Canvas,
    torso: Torso,
    factors: dict[str, float],
    between: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Paint both lungs, denser towards the back, with their vessels and bronchi.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        between: signed distance to the mediastinum, mm.
        rng: draws the branching.

    Returns:
        float32 (z, y, x) signed distance to the lungs' surface, mm.
    """
    cavity = shapes.smooth_max(torso.cage_mm + 6, 2.5 - torso.diaphragm_mm, round_mm=5)
    lungs = shapes.smooth_max(cavity, -between, round_mm=5)
    gravity = 0.35 * (canvas.y - 30)  # blood sinks: a supine patient's back is denser
    patchy = 9 * torso.rough[3] + 9 * torso.rough[1]
    hu = torso.tissue("lung") + gravity + patchy
    canvas.paint(lungs, hu, label=LABEL["lungs"])
    _paint_fissures(canvas, torso, factors, lungs)
    low = -0.5 * factors["breath_mm"]
    for side in (-1, 1):
        artery = (side * 38.0, 3.0, 72.0 + low)
        vein = (side * 40.0, 4.0, 46.0 + low)
        for root, count, with_air in ((artery, 190, True), (vein, 140, False)):
            twigs = grow_tree(_places(canvas, lungs, root, count, rng), root, rng)
            _paint_twigs(canvas, torso, lungs, twigs)
            if with_air:
                _paint_bronchi(canvas, torso, lungs, twigs, side)
    return lungs


def _paint_fissures(canvas, torso, factors, lungs) -> None:
    """Thin sheets between the lobes: one on the left, two on the right."""
    tilt, wave = 1.05, 5 * torso.rough[3] + 1.5 * torso.rough[1]
    middle = 44.0 - 0.8 * factors["breath_mm"]
    side = 6 * np.sign(canvas.x)
    plane = (canvas.z - middle - tilt * canvas.y - side + wave) / np.hypot(1, tilt)
    flat = canvas.z - middle - 16 + 0.10 * canvas.x + wave
    flat = np.maximum(np.abs(flat), np.maximum(-plane, canvas.x + 20))
    pleura = np.minimum(np.abs(plane), flat) - 0.5
    share = min(0.75, 1.1 / canvas.edge_mm)
    canvas.paint(np.maximum(pleura, lungs), -150.0, opacity=share)


def grow_tree(ends: np.ndarray, root: Point, rng: np.random.Generator) -> list[Twig]:
    """Grow a tree from the root to all ends.

    Each end joins the node that is near and not far from the root by way of the tree;
    the twig leaves it bent. Murray's law sets the width: the cube of the radius is
    proportional to the number of ends fed.

    Args:
        ends: (n, 3) points (x, y, z), mm, the nearest to the root first.
        root: (x, y, z), mm.
        rng: draws the bends.

    Returns:
        The twigs, root first.

    Example:
        >>> twigs = grow_tree(np.eye(3) * 40, (0, 0, 0), np.random.default_rng(0))
        >>> len(twigs), max(twig.ends for twig in twigs)
        (9, 1.0)

    Source: H. Cuntz et al., PLoS Comput. Biol. 6 (2010) e1000877: trees that weigh
        cable against way; C. D. Murray, Proc. Natl. Acad. Sci. 12 (1926) 207.
    Taught in: chapter 1.
    """
    nodes, parents, ways = [np.array(root, float)], [0], [0.0]
    heading = [np.zeros(3)]
    for end in ends:
        gap = np.linalg.norm(np.array(nodes) - end, axis=1)
        parent = int(np.argmin(gap + _DETOUR * np.array(ways)))
        start, length = nodes[parent], gap[parent]
        control = 0.5 * (start + end) + 0.16 * length * heading[parent]
        control = control + rng.normal(0, 0.07 * length, 3)
        for share in (1 / 3, 2 / 3, 1.0):  # a bent twig of three straight pieces
            old = nodes[parent]
            point = (
                (1 - share) ** 2 * start
                + 2 * share * (1 - share) * control
                + share**2 * end
            )
            step = point - old
            nodes.append(point)
            ways.append(ways[parent] + float(np.linalg.norm(step)))
            heading.append(step / max(float(np.linalg.norm(step)), 1e-6))
            parents.append(parent)
            parent = len(nodes) - 1
    fed = np.zeros(len(nodes))
    fed[3::3] = 1
    for child in range(len(nodes) - 1, 0, -1):
        fed[parents[child]] += fed[child]
    return [
        Twig(nodes[parents[k]], nodes[k], 1.05 * float(np.cbrt(fed[k])), float(fed[k]))
        for k in range(1, len(nodes))
    ]


def _places(canvas, lungs, root, count, rng) -> np.ndarray:
    """Points (n, 3) inside the lung on the root's side, nearest to the root first."""
    points = rng.uniform((10.0, -110.0, -95.0), (150.0, 110.0, 170.0), (1000, 3))
    points[:, 0] *= np.sign(root[0])
    index = [
        np.clip(np.searchsorted(axis, points[:, k]), 0, axis.size - 1)
        for axis, k in zip(canvas.grid_mm, (2, 1, 0), strict=True)
    ]
    points = points[lungs[tuple(index)] < -5][:count]
    return points[np.argsort(np.linalg.norm(points - root, axis=1))]


def _paint_twigs(canvas, torso, lungs, twigs) -> None:
    hu = torso.hu["pulmonary blood"]
    for twig in twigs:
        tube, box = shapes.tube(canvas, twig.start, twig.end, twig.radius)
        # a vessel thinner than a voxel fills only a part of it
        share = min(1.0, 2 * twig.radius / canvas.edge_mm)
        canvas.paint(np.maximum(tube, lungs[box] + 2), hu, box=box, opacity=share)


def _paint_bronchi(canvas, torso, lungs, twigs, side) -> None:
    """Airways with thin walls that run beside the larger arteries."""
    for layer, hu in ((1.1, torso.hu["gut wall"]), (0.0, torso.hu["air"] + 40)):
        for twig in twigs:
            if twig.ends < _BRONCHUS_ENDS:
                continue
            beside = 1.9 * twig.radius * np.array((-0.3 * side, 0.85, 0.2))
            radius = 0.80 * twig.radius + layer
            start, end = twig.start + beside, twig.end + beside
            tube, box = shapes.tube(canvas, start, end, radius)
            share = min(1.0, 2 * radius / canvas.edge_mm)
            canvas.paint(np.maximum(tube, lungs[box] + 3), hu, box=box, opacity=share)
