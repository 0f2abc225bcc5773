"""Lesions with masks, painted onto a finished body: the same body without is exact."""

from types import MappingProxyType

import numpy as np

from .shapes import Canvas
from .tissues import LABEL
from .torso import Torso, spine_centre

LESIONS = MappingProxyType(
    {
        0: "none",
        1: "solid lung nodule",
        2: "ground-glass nodule",
        3: "hypodense liver lesion",
        4: "sclerotic vertebral metastasis",
        5: "lytic vertebral metastasis",
    }
)
"""Value in `Phantom.lesions` to name."""

NO_LESIONS = MappingProxyType(
    {
        "nodule_mm": 0.0,
        "ground_glass_mm": 0.0,
        "liver_lesion_mm": 0.0,
        "liver_lesions": 0.0,
        "vertebral_lesion_mm": 0.0,
        "vertebral_sclerotic": 0.0,
    }
)
"""The factors of a patient without lesions."""

_TRIES = 600
_NUMBER = {name: value for value, name in LESIONS.items()}


def paint_lesions(
    canvas: Canvas, torso: Torso, factors: dict[str, float], seed: int
) -> np.ndarray:
    """Paint the lesions that the factors name; anatomical labels stay as they are.

    Args:
        canvas: a painted body, painted on in place.
        torso: its surfaces and tissues.
        factors: diameters of the lesions, mm; set to 0 where no place was found.
        seed: any int from 0; draws the places.

    Returns:
        uint8 (z, y, x), see `LESIONS`.

    Taught in: chapter 1.
    """
    mask = np.zeros(canvas.labels.shape, np.uint8)
    rng = np.random.default_rng([seed, 10])
    nodule, glass, liver, bone = (
        np.random.default_rng(rng.integers(2**62)) for _ in "1234"
    )
    _paint_nodule(canvas, torso, factors, nodule, mask)
    _paint_ground_glass(canvas, torso, factors, glass, mask)
    _paint_liver_lesions(canvas, torso, factors, liver, mask)
    _paint_metastasis(canvas, torso, factors, bone, mask)
    return mask


def _paint_nodule(canvas, torso, factors, rng, mask) -> None:
    radius = factors["nodule_mm"] / 2
    place = _find_place(canvas, "lungs", radius + 4, rng) if radius else None
    if place is None:
        factors["nodule_mm"] = 0.0
        return
    distance, box = _ball(canvas, torso, place, radius, uneven=0.12)
    canvas.paint(distance, torso.tissue("nodule", box), box=box)
    _mark(canvas, mask, box, distance, "solid lung nodule", "lungs")


def _paint_ground_glass(canvas, torso, factors, rng, mask) -> None:
    radius = factors["ground_glass_mm"] / 2
    place = _find_place(canvas, "lungs", radius + 4, rng) if radius else None
    if place is None:
        factors["ground_glass_mm"] = 0.0
        return
    distance, box = _ball(canvas, torso, place, radius, uneven=0.15)
    glass = np.maximum(
        torso.tissue("ground glass", box), canvas.hu[box]
    )  # vessels stay
    free = np.where(mask[box] == 0, distance, np.float32(1e3))
    canvas.paint(free, glass, box=box)
    _mark(canvas, mask, box, free, "ground-glass nodule", "lungs")


def _paint_liver_lesions(canvas, torso, factors, rng, mask) -> None:
    largest, found = factors["liver_lesion_mm"] / 2, 0
    for number in range(int(factors["liver_lesions"])):
        radius = largest * (1.0 if number == 0 else rng.uniform(0.35, 0.9))
        place = _find_place(canvas, "liver", radius + 2, rng)
        if place is None:
            continue
        found += 1
        distance, box = _ball(canvas, torso, place, radius, uneven=0.10)
        hu = torso.tissue("liver lesion", box)
        core = np.clip(
            (-distance - 0.55 * radius) / 4, 0, 1
        )  # less blood in the middle
        canvas.paint(distance, hu - 10 * core, box=box)
        _mark(canvas, mask, box, distance, "hypodense liver lesion", "liver")
    if not found:
        factors["liver_lesion_mm"] = 0.0
    factors["liver_lesions"] = float(found)


def _paint_metastasis(canvas, torso, factors, rng, mask) -> None:
    radius = factors["vertebral_lesion_mm"] / 2
    if not radius:
        return
    pitch = factors["rib_pitch_mm"]
    level = rng.integers(-2, 5)
    height = level * pitch - (factors["rib_phase_mm"] - 6) + rng.uniform(-3, 3)
    x, y = (float(value) for value in spine_centre(height, factors))
    place = (x + rng.uniform(-7, 7), y + rng.uniform(-6, 4), height)
    name = "sclerotic" if factors["vertebral_sclerotic"] else "lytic"
    distance, box = _ball(canvas, torso, place, radius, uneven=0.12, bent=True)
    bone = np.where(canvas.labels[box] == LABEL["bone"], distance, np.float32(1e3))
    canvas.paint(bone, torso.tissue(f"{name} bone", box), box=box)
    _mark(canvas, mask, box, bone, f"{name} vertebral metastasis", "bone")


def _find_place(canvas, organ: str, radius: float, rng) -> np.ndarray | None:
    """Centre (x, y, z) in mm on the grid of a ball that lies within an organ."""
    inside = canvas.labels == LABEL[organ]
    rows = [np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not rows[0].size:
        return None
    z, y, x = canvas.grid_mm
    low = (x[rows[2][0]], y[rows[1][0]], z[rows[0][0]])
    high = (x[rows[2][-1]], y[rows[1][-1]], z[rows[0][-1]])
    around = radius * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    for centre in rng.uniform(low, high, (_TRIES, 3)):
        points = centre + around
        index = tuple(
            np.abs(axis[:, None] - points[:, k]).argmin(axis=0)
            for axis, k in ((z, 2), (y, 1), (x, 0))
        )
        if inside[index].all():
            return centre
    return None


def _ball(canvas, torso, centre, radius, *, uneven: float, bent: bool = False):
    """Signed distance to an uneven ball, mm, and the box it was computed on."""
    box = canvas.box(centre, reach_mm=1.4 * radius + 4)
    if bent:  # in the body's coordinates, to lie in a bone that is
        axes = canvas.x[box], canvas.y[box], canvas.z[box]
    else:
        z, y, x = (a[cut] for a, cut in zip(canvas.grid_mm, box, strict=True))
        axes = x, y[:, None], z[:, None, None]
    gaps = [axis - np.float32(c) for axis, c in zip(axes, centre, strict=True)]
    distance = np.sqrt(gaps[0] ** 2 + gaps[1] ** 2 + gaps[2] ** 2) - np.float32(radius)
    bumps = torso.rough[0][box]
    rim = np.abs(distance) < 0.35 * radius  # bumps that leave the mean radius alone
    if rim.any():
        bumps = bumps - bumps[rim].mean()
    return distance + np.float32(uneven * radius) * bumps, box


def _mark(canvas, mask, box, distance, name: str, organ: str) -> None:
    within = (distance < 0) & (canvas.labels[box] == LABEL[organ])
    mask[box][within] = _NUMBER[name]
