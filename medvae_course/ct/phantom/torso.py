"""The frame of the phantom: rib cage, diaphragm, skin, fat, muscle, and the couch.

Every function paints onto a `shapes.Canvas`. Body coordinates in mm: x grows to the
patient's left, y to the back, z to the head; z = 0 is the top of the right diaphragm
in a patient of average breathing.
"""

from dataclasses import dataclass

import numpy as np

from . import shapes
from .shapes import EVERYWHERE, Box, Canvas
from .tissues import LABEL, TISSUE_HU

CAGE_Y_MM = -8.0
"""y of the middle of the rib cage: it lies a little in front of the body's, mm."""


@dataclass(frozen=True, eq=False)
class Torso:
    """Surfaces that the organs lean on, as signed distances on the whole grid.

    Args:
        cage_mm: distance to the sheet in which the ribs lie, mm, negative inside.
        diaphragm_mm: distance above the diaphragm, mm, negative below.
        hu: mean HU of this patient's tissues.
        texture: (z, y, x) float32, correlated, mean 0 and standard deviation 1.
    """

    cage_mm: np.ndarray
    diaphragm_mm: np.ndarray
    hu: dict[str, float]
    texture: np.ndarray

    def tissue(self, name: str, box: Box = EVERYWHERE) -> np.ndarray:
        """HU of a tissue with its texture, float32, on the voxels of `box`."""
        spread = np.float32(TISSUE_HU[name].texture_sd_hu)
        return np.float32(self.hu[name]) + spread * self.texture[box]


def step(value, width: float):
    """Smooth step from 0 to 1 around 0, about four widths wide."""
    return 0.5 + 0.5 * np.tanh(value / np.float32(width))


def spine_centre(z, factors: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Centre (x, y) of the vertebral body at height `z`, all in mm: a gentle S."""
    z = np.asarray(z, np.float32)
    x = factors["spine_bend_mm"] * np.sin(z / 80)
    sway = factors["kyphosis_mm"] * np.cos((z - 50) / 110)
    return x, sway + np.float32(factors["chest_half_depth_mm"] - 46)


def make_torso(
    canvas: Canvas, factors: dict[str, float], hu: dict[str, float], texture: np.ndarray
) -> Torso:
    """Give the surfaces of rib cage and diaphragm of one patient.

    Args:
        canvas: gives the coordinates.
        factors: sizes of the patient, see `phantom.draw_factors`.
        hu: mean HU of the patient's tissues.
        texture: (z, y, x) float32 random field.

    Returns:
        The surfaces, with what is needed to paint tissues.
    """
    x, y, z = canvas.x, canvas.y - np.float32(CAGE_Y_MM), canvas.z
    width, front, back = _cage_radii(canvas.grid_mm[0][:, None, None], factors)
    depth = np.where(y < 0, front, back)
    cage = shapes.superellipse(x, y, width, depth, power=2.3)
    # two domes, the right one higher; steep slopes down to the ribs, deepest behind
    rim = np.minimum((x / width) ** 2 + (y / depth) ** 2, 1.2)
    drop = np.float32(50) + np.float32(44) * np.clip(y / depth, -1, 1)
    domes = -8 * (1 + np.tanh(x / 25)) - 8 * np.exp(-((x / 28) ** 2))
    height = z + np.float32(factors["breath_mm"]) - domes + drop * rim * rim
    slope = 3.6 * drop * rim * np.sqrt(rim) / width
    return Torso(cage, height / np.sqrt(1 + slope * slope), hu, texture)


def _cage_radii(z: np.ndarray, factors: dict[str, float]):
    """Half-width, front and back half-depth of the rib cage at height z, all mm."""
    up = np.clip((z - 10) / np.float32(factors["apex_mm"] - 10), 0, 1)
    taper = np.sqrt(np.maximum(1 - up**3.8, 0.002))
    down = np.clip((10 - z) / 150, 0, None)
    width = factors["chest_half_width_mm"] * taper * (1 - 0.05 * down**2)
    depth = factors["chest_half_depth_mm"]
    waist = 1 - 0.16 * step(-80 - z, 14)
    belly = factors["belly_mm"] * step(-25 - z, 22)
    return width, depth * taper + belly, depth * waist * (0.3 + 0.7 * taper)


def paint_wall(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> float:
    """Paint skin, fat, breasts, muscle, and the fat that fills the inside.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.

    Returns:
        y of the hindmost skin, mm: where the couch has to be.
    """
    wall = _muscle_surface(canvas, factors)
    skin = wall - _fat_thickness(canvas, factors)
    if factors["breast_mm"] > 0:
        breasts = np.minimum(*(_breast(canvas, factors, side) for side in (-1, 1)))
        skin = shapes.smooth_min(skin, breasts, round_mm=16)
    canvas.paint(skin, torso.hu["skin"], label=LABEL["body"])
    canvas.paint(skin + 2.2, torso.tissue("fat"))
    if factors["breast_mm"] > 0:
        gland = np.maximum(breasts + 12, 3 - wall)
        share = factors["gland_share"]
        canvas.paint(gland, torso.tissue("gland"), opacity=share)
    canvas.paint(wall, _marbled(canvas, torso), label=LABEL["muscle"])
    for side in (-1, 1):
        _paint_armpit(canvas, torso, factors, side)
    canvas.paint(torso.cage_mm + 7, torso.tissue("fat"), label=LABEL["body"])
    rows = canvas.grid_mm[1][(skin < 0).any(axis=(0, 2))]
    return float(rows.max())


def _muscle_surface(canvas: Canvas, factors: dict[str, float]) -> np.ndarray:
    """Distance to the surface between muscle and the fat under the skin, mm."""
    z = canvas.grid_mm[0][:, None, None]
    x, y = canvas.x, canvas.y - np.float32(CAGE_Y_MM)
    shoulder, belly = step(z - 95, 16), step(-25 - z, 22)
    width = factors["chest_half_width_mm"] * (0.985 - 0.05 * belly) + 12 + 30 * shoulder
    depth = factors["chest_half_depth_mm"]
    front = depth * (1 - 0.10 * shoulder) + 10 + factors["belly_mm"] * belly
    radius_y = np.where(y < 0, front, np.float32(depth + 28))
    surface = shapes.superellipse(x, y, width, radius_y, power=2.3)
    furrow = 7 * np.exp(-((x / 11) ** 2)) * step(y - 60, 20)  # of the back
    return surface + furrow


def _fat_thickness(canvas: Canvas, factors: dict[str, float]) -> np.ndarray:
    """Thickness of the fat under the skin, mm: most behind and at the flanks."""
    belly = step(-25 - canvas.grid_mm[0][:, None, None], 22)
    side = np.minimum(np.abs(canvas.x) / np.float32(factors["chest_half_width_mm"]), 1)
    share = 0.7 + 0.35 * side * belly + 0.3 * step(canvas.y - CAGE_Y_MM, 40)
    return np.float32(factors["fat_mm"]) * share


def _breast(canvas: Canvas, factors: dict[str, float], side: int) -> np.ndarray:
    size = factors["breast_mm"]
    centre = (side * 72, -factors["chest_half_depth_mm"] + 2 - 0.25 * size, 40)
    radii = (52 + 0.2 * size, 0.75 * size + 20, 50 + 0.3 * size)
    return shapes.ellipsoid(canvas, centre, radii, turn_deg=side * 22.0)


def _marbled(canvas: Canvas, torso: Torso) -> np.ndarray:
    """HU of muscle with sheets and flecks of fat between its layers."""
    wave = 4 * np.sin(canvas.x / 23) + 4 * np.sin(canvas.y / 19 + canvas.z / 40)
    sheets = np.cos((torso.cage_mm + wave - 13) * np.float32(2 * np.pi / 17))
    fat = np.clip(3 * sheets - 2.1 + 0.5 * torso.texture, 0, 1)
    fat *= np.clip(torso.cage_mm / 8 - 0.5, 0, 1)
    muscle = torso.tissue("muscle")
    return muscle + 0.8 * fat * (np.float32(torso.hu["fat"]) - muscle)


def _paint_armpit(canvas, torso, factors, side: int) -> None:
    centre = (side * (factors["chest_half_width_mm"] + 13), 2, 128)
    box = canvas.box(centre, reach_mm=55)
    pit = shapes.ellipsoid(canvas, centre, (15, 34, 52), box=box)
    pit = np.maximum(pit, 5 - torso.cage_mm[box])
    fat_hu = torso.tissue("fat", box) + 20 + 15 * torso.texture[box]  # with small veins
    canvas.paint(pit, fat_hu, label=LABEL["body"], box=box)


def paint_couch(canvas: Canvas, back_mm: float, hu: dict[str, float]) -> None:
    """Paint a carbon fibre shell over foam, hollow like a shallow trough.

    Args:
        canvas: painted on, in place, outside the body; a couch is not deformed.
        back_mm: y of the hindmost skin, mm.
        hu: HU of the tissues.
    """
    y, x = canvas.grid_mm[1][:, None], canvas.grid_mm[2]
    inside = 15 - np.abs(y - np.float32(back_mm) + x * x / 1500 - 15)
    couch = np.full(inside.shape, hu["air"], np.float32)
    for depth, name in ((0, "couch shell"), (3, "couch core")):
        cover = np.clip(0.5 + (inside - depth) / np.float32(canvas.edge_mm), 0, 1)
        couch += cover * (np.float32(hu[name]) - couch)
    np.maximum(canvas.hu, couch, out=canvas.hu, where=canvas.labels == 0)
