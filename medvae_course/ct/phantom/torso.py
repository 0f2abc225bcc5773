"""The frame of the phantom: surfaces that organs lean on, skin, fat, arms, couch.

Every function paints onto a `shapes.Canvas`. Body coordinates in mm: x grows to the
patient's left, y to the back, z to the head; z = 0 is the top of the right diaphragm
in a patient of average breathing.
"""

from dataclasses import dataclass

import numpy as np

from . import shapes
from .fields import smooth_field
from .shapes import EVERYWHERE, Box, Canvas
from .tissues import LABEL, TISSUE_HU

CAGE_Y_MM = -8.0
"""y of the middle of the rib cage: it lies a little in front of the body's, mm."""


@dataclass(frozen=True, eq=False)
class Torso:
    """Surfaces that the organs lean on, as signed distances on the whole grid.

    Args:
        cage_mm: distance to the sheet in which the ribs lie, mm, negative inside.
        wall_mm: distance to the inner side of the outer muscles, mm; it does not
            close over the lungs' tips as the cage does.
        angle: around the body, radians: 0 behind, pi in front, alike on both sides.
        diaphragm_mm: distance above the diaphragm, mm, negative below.
        hu: mean HU of this patient's tissues.
        texture: (z, y, x) float32, grain of 5 mm, mean 0 and standard deviation 1.
        rough: four such fields with bumps of some 20, 35, 35 and 70 mm.
    """

    cage_mm: np.ndarray
    wall_mm: np.ndarray
    angle: np.ndarray
    diaphragm_mm: np.ndarray
    hu: dict[str, float]
    texture: np.ndarray
    rough: tuple[np.ndarray, ...]

    def tissue(self, name: str, box: Box = EVERYWHERE) -> np.ndarray:
        """HU of a tissue with its texture, float32, on the voxels of `box`."""
        spread = np.float32(TISSUE_HU[name].texture_sd_hu)
        return np.float32(self.hu[name]) + spread * self.texture[box]

    def fat(self, box: Box = EVERYWHERE, *, strands_hu: float = 35.0) -> np.ndarray:
        """HU of fat with septa and small vessels, float32, on the voxels of `box`."""
        ridge = self.rough[0][box] * np.float32(5)
        # less their mean, 1 / sqrt(51), so that fat stays what it is
        strands = np.exp(-ridge * ridge) - np.float32(0.14)
        return self.tissue("fat", box) + np.float32(strands_hu) * strands

    def uneven(self, organ: np.ndarray, box: Box, which: int, size_mm: float):
        """Add bumps to an organ's surface: signed distance, mm."""
        bumps = self.rough[which][box] + 0.4 * self.rough[0][box]
        return organ + np.float32(size_mm) * bumps


def step(value, width: float):
    """Smooth step from 0 to 1 around 0, about four widths wide."""
    return 0.5 + 0.5 * np.tanh(value / np.float32(width))


def bump(value, centre: float, width: float):
    """Gaussian bump of height 1."""
    value = (value - np.float32(centre)) / np.float32(width)
    return np.exp(-value * value)


def spine_centre(z, factors: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Centre (x, y) of the vertebral body at height `z`, all in mm: a gentle S."""
    z = np.asarray(z, np.float32)
    x = factors["spine_bend_mm"] * np.sin(z / 80)
    sway = factors["kyphosis_mm"] * np.cos((z - 50) / 110)
    return x, sway + np.float32(factors["chest_half_depth_mm"] - 46)


def make_torso(
    canvas: Canvas,
    factors: dict[str, float],
    hu: dict[str, float],
    rng: np.random.Generator,
) -> Torso:
    """Give the surfaces of rib cage, body wall and diaphragm of one patient.

    Args:
        canvas: gives the coordinates.
        factors: sizes of the patient, see `phantom.draw_factors`.
        hu: mean HU of the patient's tissues.
        rng: draws the fields that make surfaces uneven.

    Returns:
        The surfaces, with what is needed to paint tissues.
    """
    texture = smooth_field(canvas, rng, length_mm=5.0)
    lengths_mm = (10.0, 18.0, 18.0, 36.0)
    rough = tuple(smooth_field(canvas, rng, length_mm=n) for n in lengths_mm)
    x, y, z = canvas.x, canvas.y - np.float32(CAGE_Y_MM), canvas.z
    level = canvas.grid_mm[0][:, None, None]
    width, front, back = _cage_radii(level, factors, closed=True)
    depth = np.where(y < 0, front, back)
    cage = shapes.superellipse(x, y, width, depth, power=2.3)
    # two domes, the right one higher; steep slopes down to the ribs, deepest behind
    rim = np.minimum((x / width) ** 2 + (y / depth) ** 2, 1.2)
    drop = np.float32(50) + np.float32(44) * np.clip(y / depth, -1, 1)
    domes = -8 * (1 + np.tanh(x / 25)) - 8 * np.exp(-((x / 28) ** 2))
    height = z + np.float32(factors["breath_mm"]) - domes + drop * rim * rim
    slope = 3.6 * drop * rim * np.sqrt(rim) / width
    height = height / np.sqrt(1 + slope * slope) + 2.5 * rough[3]
    width, front, back = _cage_radii(level, factors, closed=False)
    depth = np.where(y < 0, front + 5, back + 5)
    wall = shapes.superellipse(x, y, width + 5, depth, power=2.25)
    angle = np.arctan2(np.abs(x), y)
    return Torso(cage, wall, angle, height, hu, texture, rough)


def _cage_radii(z: np.ndarray, factors: dict[str, float], *, closed: bool):
    """Half-width, front and back half-depth of the rib cage at height z, all mm."""
    if closed:
        up = np.clip((z - 10) / np.float32(factors["apex_mm"] - 10), 0, 1)
        taper = np.sqrt(np.maximum(1 - up**3.8, 0.002))
        slant = taper
    else:  # towards the shoulders and the neck
        taper = 1 - 0.10 * step(z - 150, 25) - 0.45 * step(z - 222, 12)
        slant = taper - 0.20 * step(z - 118, 30)  # the breast bone leans back
    down = np.clip((10 - z) / 150, 0, None)
    width = factors["chest_half_width_mm"] * taper * (1 - 0.05 * down**2)
    depth = factors["chest_half_depth_mm"]
    waist = 1 - 0.16 * step(-80 - z, 14)
    belly = factors["belly_mm"] * step(-25 - z, 22)
    return width, depth * slant + belly, depth * waist * (0.3 + 0.7 * taper)


def paint_skin(
    canvas: Canvas, torso: Torso, factors: dict[str, float], muscle_mm: np.ndarray
) -> None:
    """Paint skin, the fat under it, breasts, and the fat that fills the inside.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        muscle_mm: thickness of the muscles over the wall, mm.
    """
    wall = torso.wall_mm - muscle_mm
    skin = wall - _fat_thickness(canvas, factors) + 1.2 * torso.rough[3]
    if factors["breast_mm"] > 0:
        breasts = np.minimum(*(_breast(canvas, factors, side) for side in (-1, 1)))
        skin = shapes.smooth_min(skin, breasts, round_mm=16)
    skin = _lie_down(canvas, skin, factors)
    canvas.paint(skin, torso.hu["skin"], label=LABEL["body"])
    canvas.paint(skin + 2.0, torso.fat(strands_hu=22))
    if factors["breast_mm"] > 0:
        gland = np.maximum(breasts + 10 + 7 * torso.rough[0], 3 - wall)
        share = factors["gland_share"]
        canvas.paint(gland, torso.tissue("gland"), opacity=share)


def _lie_down(canvas: Canvas, skin: np.ndarray, factors: dict[str, float]):
    """Flatten the back where the body's weight presses it on the couch."""
    behind = canvas.y - np.float32(back_mm(factors))
    return shapes.smooth_max(skin, behind, round_mm=14)


def back_mm(factors: dict[str, float]) -> float:
    """Where the back touches the couch: y in body coordinates, mm."""
    return factors["chest_half_depth_mm"] + CAGE_Y_MM + 0.65 * factors["fat_mm"] + 28


def _fat_thickness(canvas: Canvas, factors: dict[str, float]) -> np.ndarray:
    """Thickness of the fat under the skin, mm: most behind and at the flanks."""
    belly = step(-25 - canvas.grid_mm[0][:, None, None], 22)
    side = np.minimum(np.abs(canvas.x) / np.float32(factors["chest_half_width_mm"]), 1)
    share = 0.55 + 0.45 * side * belly + 0.25 * step(canvas.y - CAGE_Y_MM, 40) * side
    furrow = 7 * np.exp(-np.square(canvas.x / 13)) * step(canvas.y - 40, 20)
    return 3 + np.float32(factors["fat_mm"]) * share + furrow


def _breast(canvas: Canvas, factors: dict[str, float], side: int) -> np.ndarray:
    size = factors["breast_mm"]
    front = factors["chest_half_depth_mm"]
    centre = (side * (74 + 0.3 * size), -front - 0.2 * size, 38 + 2 * side)
    radii = (52 + 0.5 * size, 0.55 * size + 20, 48 + 0.4 * size)
    return shapes.ellipsoid(canvas, centre, radii, turn_deg=side * 27.0)


def paint_arms(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the upper arms beside the body of who lies with the arms down.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    if not factors["arms_down"]:
        return
    radius = factors["arm_radius_mm"]
    out = factors["chest_half_width_mm"] + factors["fat_mm"] + radius + 26
    for side in (-1, 1):
        lift = 6 * side
        top, low = (
            (side * (out - 8), 14.0, 190.0),
            (side * (out + 4), 26.0 + lift, -180.0),
        )
        skin, box = shapes.tube(canvas, top, low, radius + 3, end_radius=radius - 4)
        skin = skin + 1.5 * torso.rough[3][box]
        bone, bone_box = shapes.tube(canvas, top, low, 11.0)
        canvas.paint(skin, torso.hu["skin"], label=LABEL["body"], box=box)
        canvas.paint(skin + 2, torso.fat(box), box=box)
        muscle = skin + 0.45 * factors["fat_mm"] + 3
        septum = np.abs(canvas.y[box] - 20 + 5 * torso.rough[1][box])
        muscle = np.maximum(muscle, 1.4 - septum)  # biceps in front, triceps behind
        canvas.paint(
            muscle, torso.tissue("muscle", box), label=LABEL["muscle"], box=box
        )
        shell = np.clip(1 + bone / np.float32(4.0), 0, 1)  # a tube full of fatty marrow
        marrow, cortex = np.float32(torso.hu["fat"]), np.float32(torso.hu["cortex"])
        bone_hu = marrow + shell * (cortex - marrow)
        canvas.paint(bone, bone_hu, label=LABEL["bone"], box=bone_box)


def paint_couch(canvas: Canvas, top_mm: float, hu: dict[str, float]) -> None:
    """Paint a carbon fibre shell over foam, hollow like a shallow trough.

    Args:
        canvas: painted on, in place, outside the body; a couch is not deformed.
        top_mm: y of the couch's lowest upper point, in the middle, mm.
        hu: HU of the tissues.
    """
    y, x = canvas.grid_mm[1][:, None], canvas.grid_mm[2]
    inside = 15 - np.abs(y - np.float32(top_mm) + x * x / 1500 - 15)
    couch = np.full(inside.shape, hu["air"], np.float32)
    for depth, name in ((0, "couch shell"), (3, "couch core")):
        cover = np.clip(0.5 + (inside - depth) / np.float32(canvas.edge_mm), 0, 1)
        couch += cover * (np.float32(hu[name]) - couch)
    np.maximum(canvas.hu, couch, out=canvas.hu, where=canvas.labels == 0)
