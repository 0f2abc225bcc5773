"""Between the lungs: heart, great vessels, gullet and windpipe in their fat."""

from dataclasses import dataclass

import numpy as np

from . import shapes
from .paths import paint_path, path_distance, smooth_path
from .shapes import EVERYWHERE, Box, Canvas, Point
from .tissues import LABEL
from .torso import Torso, bump, spine_centre, step

_BODY = LABEL["body"]
_HEART_MM = 24.0  # height of its centre over the top of the diaphragm


@dataclass(frozen=True, eq=False)
class Tube:
    """A vessel or an airway.

    Args:
        path: (n, 4) points (x, y, z) and radius, mm.
        tissue: name in `tissues.TISSUE_HU`.
        wall_mm: thickness of a wall of its own, mm.
        label: label value.
    """

    path: np.ndarray
    tissue: str
    wall_mm: float = 0.0
    label: int = _BODY


def heart_centre(factors: dict[str, float]) -> Point:
    """Centre (x, y, z) of the heart, mm: it rides on the diaphragm."""
    y = -0.36 * factors["chest_half_depth_mm"]
    return 20 + factors["heart_shift_mm"], y, _HEART_MM - 0.7 * factors["breath_mm"]


def make_tubes(factors: dict[str, float]) -> dict[str, Tube]:
    """Lay out vessels and airways of the mediastinum.

    Args:
        factors: sizes of the patient.

    Returns:
        Name to tube, in the order of painting.
    """
    radius = factors["aorta_radius_mm"]
    hx, hy, hz = heart_centre(factors)
    lift, low = hz - _HEART_MM, -0.4 * factors["breath_mm"]
    levels = np.array((86.0, 40.0, 0.0, -40.0, -80.0, -120.0, -170.0))
    sx, sy = spine_centre(levels, factors)
    down = [
        (float(a) + 26 - 0.095 * (86 - z), float(b) - 15 - 0.045 * (86 - z), z)
        for z, a, b in zip(levels, sx, sy, strict=True)
    ]
    arch = [(hx - 24, hy + 4, hz + 22), (hx - 34, hy - 2, 84 + lift)]
    arch += [(hx - 30, hy + 6, 108 + lift), (-2, hy + 24, 121 + lift)]
    arch += [(15, down[0][1] - 17, 117 + lift), *down]
    caval = [(-22, down[-1][1] + 4, -170), (-23, down[4][1], -80), (-25, 6, -30)]
    caval += [(-24, -8, -8 + low), (hx - 40, hy + 14, hz - 12)]
    upper = [(hx - 46, hy + 8, hz + 18), (hx - 48, hy + 8, 84 + lift)]
    upper += [(-25, hy + 8, 122 + lift), (-22, hy + 2, 142 + lift)]
    trunk = [(hx - 6, hy - 22, hz + 34), (hx - 4, hy - 8, 74 + lift)]
    trunk += [(12, hy + 14, 84 + lift), (36, 2, 79 + lift)]
    right = [(8, hy + 10, 82 + lift), (-14, hy + 20, 77 + lift), (-40, 0, 70 + lift)]
    top = [(-1.0, -8.0, 230.0), (-1.0, 4.0, 160.0), (0.0, 16.0, 92.0 + low)]
    bronchi = [(-20.0, 18.0, 76.0 + low), (-40.0, 14.0, 62.0 + low)]
    bronchus = [(22.0, 20.0, 74.0 + low), (43.0, 16.0, 60.0 + low)]
    gullet = [(3, 6.0, 230.0), (5, 26.0, 140.0), (6, 30.0, 92.0), (8, 24.0, 40.0)]
    gullet += [(14, 14.0, 4.0), (24, 6.0, -16.0)]
    wind = factors["trachea_radius_mm"]
    vein, blood, lungs = "venous blood", "blood", "pulmonary blood"
    air = LABEL["airways"]
    return {
        "vena cava inferior": _tube(caval, 11.0, vein),
        "vena cava superior": _tube(upper, 8.5, vein),
        "innominate": _tube(
            [upper[-1], (2, hy - 4, 148 + lift), (34, hy, 168)], 6.5, vein
        ),
        "azygos": _tube([(-8, sy[2] - 17, -60), (-9, sy[0] - 18, 86)], 3.0, vein),
        "trunk": _tube(trunk, 13.0, lungs, end=9.0),
        "right artery": _tube(right, 10.0, lungs, end=8.5),
        "left veins": _tube(
            [(hx + 6, hy + 38, hz + 18), (44, 8, 46 + lift)], 6.5, lungs
        ),
        "right veins": _tube([(hx - 30, hy + 34, hz + 16), (-42, 4, 44)], 6.5, lungs),
        "brachiocephalic": _tube(
            [arch[2], (-14, hy + 14, 150), (-22, 0, 200)], 5.5, blood
        ),
        "carotid": _tube([arch[3], (10, hy + 24, 150), (18, -4, 210)], 4.0, blood),
        "subclavian": _tube([arch[4], (22, 12, 150), (40, 14, 182)], 4.8, blood),
        "gullet": _tube(gullet, 6.5, "gut wall", end=8.5),
        "windpipe": _tube(top, wind, "air", 1.8, air),
        "right bronchus": _tube([top[-1], *bronchi], 0.75 * wind, "air", 1.6, air),
        "left bronchus": _tube([top[-1], *bronchus], 0.68 * wind, "air", 1.6, air),
        "aorta": _tube(
            arch, 1.2 * radius, blood, 0.0, LABEL["aorta"], end=0.72 * radius
        ),
    }


def _tube(points, radius, tissue, wall_mm=0.0, label=_BODY, *, end=None) -> Tube:
    widths = np.linspace(radius, radius if end is None else end, len(points))
    path = np.column_stack([np.asarray(points, float), widths])
    return Tube(smooth_path(path), tissue, wall_mm, label)


def mediastinum(
    canvas: Canvas, torso: Torso, factors: dict[str, float], tubes: dict[str, Tube]
) -> np.ndarray:
    """Give the surface that parts the lungs: it follows what lies between them.

    Args:
        canvas: gives the coordinates.
        torso: surfaces of the patient.
        factors: sizes of the patient.
        tubes: see `make_tubes`.

    Returns:
        float32 (z, y, x) signed distance, mm.
    """
    depth = factors["chest_half_depth_mm"]
    z = canvas.grid_mm[0][:, None, None]
    x, y = canvas.x, canvas.y
    hx, hy, hz = heart_centre(factors)
    # thin behind the sternum, wide at the vessels, open to the neck
    half = 10 + 9 * step(y - hy, 9) - 4 * step(y - 20, 12) + 12 * step(z - 150, 14)
    half = half + 6 * bump(z, 95, 30) * step(y - hy, 9) + 3 * torso.rough[3]
    column = np.abs(x - 3 + 5 * bump(y, -depth, 40)) - half
    spine_x, spine_y = spine_centre(z, factors)
    spine = np.hypot(x - spine_x, y - spine_y - 4) - 21
    heart = heart_surface(canvas, torso, factors) - 3.5 - factors["heart_fat_mm"]
    # no lung gets between heart and diaphragm: fat does
    size = factors["heart_scale"]
    pad = shapes.ellipse(x - hx - 3, y - hy - 3, 43 * size, 29 * size)
    heart = shapes.smooth_min(heart, np.maximum(pad, z - hz + 12), round_mm=14)
    whole = shapes.smooth_min(column, heart, round_mm=16)
    for name, tube in tubes.items():
        if tube.path[:, 2].max() < 0 or name in ("subclavian", "carotid"):
            continue
        near, box = path_distance(canvas, tube.path, reach_mm=16)
        near = near - tube.wall_mm - 2.0
        whole[box] = shapes.smooth_min(whole[box], near, round_mm=9)
    return np.minimum(whole, spine) + 0.8 * torso.rough[0]


def heart_surface(
    canvas: Canvas, torso: Torso, factors: dict[str, float], box: Box = EVERYWHERE
) -> np.ndarray:
    """Signed distance to the heart without its fat, mm, float32 on `box`."""
    size = factors["heart_scale"]
    x, y, z = heart_centre(factors)
    turn = -38.0 + factors["heart_turn_deg"]
    left = shapes.ellipsoid(
        canvas,
        (x + 7 * size, y + 2, z - 3),
        (57 * size, 40 * size, 42 * size),
        turn_deg=turn,
        tilt_deg=-18.0,
        box=box,
    )
    centre = (x - 32 * size, y + 12 * size, z + 5)
    right = shapes.ellipsoid(canvas, centre, [size * r for r in (25, 31, 38)], box=box)
    centre = (x - 6 * size, y + 32 * size, z + 17)
    back = shapes.ellipsoid(canvas, centre, [size * r for r in (33, 21, 25)], box=box)
    heart = shapes.smooth_min(left, right, round_mm=14)
    heart = shapes.smooth_min(heart, back, round_mm=10)
    heart = shapes.smooth_max(heart, 4.0 - torso.diaphragm_mm[box], round_mm=10)
    return heart + 1.8 * torso.rough[2][box]


def paint_heart(canvas: Canvas, torso: Torso, factors: dict[str, float]) -> None:
    """Paint the heart muscle and its four blood-filled chambers in a coat of fat.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        factors: sizes of the patient.
    """
    hu, size = torso.hu, factors["heart_scale"]
    x, y, z = heart_centre(factors)
    box = canvas.box((x, y, z), reach_mm=85 * size)
    heart = heart_surface(canvas, torso, factors, box)
    heart = np.maximum(heart, torso.cage_mm[box] + 9)
    sac = np.abs(heart - 1.0 - factors["heart_fat_mm"]) - 0.7  # pericardium
    canvas.paint(sac, hu["heart"], box=box, opacity=min(1.0, 1.8 / canvas.edge_mm))
    canvas.paint(heart, torso.tissue("heart", box), label=LABEL["heart"], box=box)
    turn = -38.0 + factors["heart_turn_deg"]
    chambers = (
        ((24, 4, -9), (30, 18, 22), "blood", 9.0),  # left ventricle, to the apex
        ((0, -20, -4), (38, 13, 27), "pulmonary blood", 4.0),  # right, in front
        ((-7, 32, 17), (29, 17, 21), "blood", 3.0),  # left atrium, behind
        ((-33, 9, 5), (20, 27, 33), "venous blood", 3.0),  # right atrium
    )
    for shift, radii, tissue, wall in chambers:
        centre = [c + d * size for c, d in zip((x, y, z), shift, strict=True)]
        radii = tuple(r * size for r in radii)
        own = turn if shift[1] < 10 and shift[0] > -10 else 0.0
        chamber = shapes.ellipsoid(canvas, centre, radii, turn_deg=own, box=box)
        chamber = np.maximum(chamber, heart + wall) + 1.2 * torso.rough[0][box]
        canvas.paint(chamber, torso.tissue(tissue, box), box=box)
    # fat with the coronary vessels in the groove between atria and ventricles
    turned = np.deg2rad(turn)
    along = np.cos(turned) * (canvas.x[box] - x) + np.sin(turned) * (canvas.y[box] - y)
    groove = np.maximum(np.abs(along + 17 * size) - 3.5, np.abs(heart + 4) - 5)
    canvas.paint(groove, torso.fat(box, strands_hu=90), box=box, opacity=0.85)


def paint_tubes(canvas: Canvas, torso: Torso, tubes: dict[str, Tube]) -> None:
    """Paint great vessels, gullet and airways, each airway with its wall.

    Args:
        canvas: painted on, in place.
        torso: surfaces of the patient.
        tubes: see `make_tubes`.
    """
    wall = torso.hu["gut wall"]
    for tube in tubes.values():
        if tube.wall_mm:
            thick = tube.path + np.array((0, 0, 0, tube.wall_mm))
            paint_path(canvas, thick, None, wall, label=_BODY)
    for tube in tubes.values():
        paint_path(canvas, tube.path, None, torso.hu[tube.tissue], label=tube.label)
    top, bottom = tubes["gullet"].path[:2], tubes["gullet"].path[-2:]
    for path in (top, bottom):  # a little air in the gullet
        paint_path(canvas, path[:, :3], 1.5, torso.hu["gut wall"] - 300, label=None)
