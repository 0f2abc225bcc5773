"""One virtual patient: what they are drawn from, and how they are painted."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from .. import scanner
from ..volume import Volume
from . import abdomen, skeleton, thorax, tissues, torso
from .shapes import Canvas

SHAPE = (32, 128, 128)
SPACING_MM = (8.0, 3.2, 3.2)
_CENTRE_MM = 15.0  # of the scan, above the diaphragm
_TEXTURE_MM = 4.0  # grain of parenchyma and fat
_BEND_MM = 1.3  # standard deviation of the deformation along each axis
_MAX_SD = 2.2  # no factor further than this from its mean, in standard deviations

FACTORS = MappingProxyType(
    {
        "chest_half_width_mm": (129.0, 4.0),
        "chest_half_depth_mm": (92.0, 3.0),
        "fat_mm": (16.0, 3.5),
        "belly_mm": (11.0, 4.0),
        "apex_mm": (168.0, 6.0),
        "breath_mm": (0.0, 7.0),
        "spine_bend_mm": (0.0, 3.0),
        "kyphosis_mm": (8.0, 2.5),
        "rib_pitch_mm": (28.0, 1.2),
        "heart_scale": (1.0, 0.06),
        "heart_shift_mm": (0.0, 4.0),
        "heart_turn_deg": (0.0, 6.0),
        "aorta_radius_mm": (12.5, 1.3),
        "trachea_radius_mm": (8.5, 0.8),
        "liver_scale": (1.0, 0.08),
        "spleen_scale": (1.0, 0.12),
        "kidney_scale": (1.0, 0.08),
        "stomach_scale": (1.0, 0.10),
        "shift_mm": (0.0, 1.8),
        "couch_mm": (0.0, 2.0),
        "roll_deg": (0.0, 0.8),
        "scan_mm": (0.0, 8.0),
    }
)
"""Factor to its mean and standard deviation over patients, units in the names."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """A virtual patient and everything that is known about them.

    Args:
        volume: HU, whole numbers.
        labels: uint8 (z, y, x), see `tissues.LABELS`.
        factors: what the patient was made from; units in the names.
        patient_id: `"phantom-0007"` for seed 7.
    """

    volume: Volume
    labels: np.ndarray
    factors: dict[str, float]
    patient_id: str


def draw_factors(seed: int) -> dict[str, float]:
    """Draw the sizes, positions and tissues of a patient.

    Args:
        seed: any int from 0.

    Returns:
        Factor to value: those of `FACTORS`; `female` (0 or 1) and what follows from
        it; `contrast` (0: none, 1: full portal venous phase); and `<tissue>_hu` for
        every tissue of `tissues.TISSUE_HU`.

    Example:
        >>> draw_factors(0) == draw_factors(0)
        True

    Taught in: chapter 10.
    """
    rng = np.random.default_rng([seed, 1])

    def draw(mean: float, sd: float) -> float:
        return float(mean + sd * np.clip(rng.standard_normal(), -_MAX_SD, _MAX_SD))

    factors = {name: draw(*moments) for name, moments in FACTORS.items()}
    female = float(rng.random() < 0.5)
    factors["female"] = female
    factors["chest_half_width_mm"] -= 4 * female
    factors["breast_mm"] = female * float(rng.uniform(10, 26))
    factors["gland_share"] = float(rng.uniform(0.1, 0.8))
    factors["belly_mm"] = max(0.0, factors["belly_mm"])
    factors["rib_phase_mm"] = float(rng.uniform(0, factors["rib_pitch_mm"]))
    factors["stomach_gas"] = float(rng.uniform(0, 0.7))
    factors["gall_bladder"] = float(rng.random() < 0.85)
    factors["bowel_loops"] = float(rng.integers(8, 18))
    factors["contrast"] = float(rng.uniform(0.5, 1)) * float(rng.random() < 0.5)
    for name, tissue in tissues.TISSUE_HU.items():
        mean_hu = tissue.mean_hu + factors["contrast"] * tissue.contrast_hu
        factors[f"{name}_hu"] = draw(mean_hu, tissue.patient_sd_hu)
    factors["lung_hu"] -= 1.5 * factors["breath_mm"]  # deeper breath, emptier lung
    return factors


def make_patient(
    seed: int,
    *,
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    dose: float = 1.0,
    protocol: scanner.Protocol = scanner.STANDARD,
) -> Phantom:
    """Make a virtual patient.

    Args:
        seed: any int from 0; decides anatomy and noise.
        shape: voxels along (z, y, x).
        spacing_mm: distance of voxels along (z, y, x), mm. The body fills about
            300 x 230 mm around the centre of a slice; z counts from the head's side of
            the diaphragm, so a short scan shows heart and liver.
        dose: share of the protocol's photons; `math.inf` gives the image without noise.
        protocol: how the body is scanned, with what photons and which kernel.

    Returns:
        The patient; identical to the bit for the same arguments on one machine.

    Raises:
        ValueError: if seed, shape, spacing or dose are impossible.

    Example:
        >>> patient = make_patient(7, shape=(4, 32, 32), spacing_mm=(60, 12.8, 12.8))
        >>> patient.patient_id, patient.volume.shape
        ('phantom-0007', (4, 32, 32))

    Taught in: chapter 1.
    """
    if seed < 0 or seed != int(seed):
        raise ValueError(f"`seed` must be an integer from 0, got {seed}")
    if len(shape) != 3 or min(shape) < 2 or min(spacing_mm) <= 0:
        raise ValueError(
            "`shape` must be three integers from 2 and `spacing_mm` three positive"
            f" numbers, got {shape} and {spacing_mm}"
        )
    factors = draw_factors(seed)
    canvas = _deformed_canvas(seed, shape, spacing_mm, factors)
    _paint_body(canvas, seed, spacing_mm, factors)
    hu = scanner.scan(canvas.hu, spacing_mm, seed=seed, dose=dose, protocol=protocol)
    hu.setflags(write=False)  # ours alone: saves the volume a copy
    canvas.labels.setflags(write=False)
    origin_mm = [-(n - 1) / 2 * mm for n, mm in zip(shape, spacing_mm, strict=True)]
    volume = Volume(hu, spacing_mm, origin_mm=tuple(origin_mm[::-1]))
    return Phantom(volume, canvas.labels, factors, f"phantom-{seed:04d}")


def _deformed_canvas(seed, shape, spacing_mm, factors) -> Canvas:
    """Body coordinates of every voxel: shifted, rolled, and bent by long waves."""
    rng = np.random.default_rng([seed, 2])
    z, y, x = (
        ((np.arange(n) - (n - 1) / 2) * mm).astype(np.float32)
        for n, mm in zip(shape, spacing_mm, strict=True)
    )
    z = z + np.float32(_CENTRE_MM + factors["scan_mm"])
    y, x = y - np.float32(factors["couch_mm"]), x - np.float32(factors["shift_mm"])
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


def _paint_body(canvas: Canvas, seed, spacing_mm, factors) -> None:
    """Paint from the outside in; what is painted later lies in front."""
    rng = np.random.default_rng([seed, 4])
    grain = np.random.default_rng([seed, 5])
    texture = grain.standard_normal(canvas.z.shape, dtype=np.float32)
    texture = ndimage.gaussian_filter(texture, [_TEXTURE_MM / mm for mm in spacing_mm])
    texture /= texture.std()
    hu = {name: factors[f"{name}_hu"] for name in tissues.TISSUE_HU}
    body = torso.make_torso(canvas, factors, hu, texture)
    back_mm = torso.paint_wall(canvas, body, factors)
    torso.paint_couch(canvas, back_mm + 1, hu)
    skeleton.paint_ribs(canvas, body, factors)
    skeleton.paint_shoulder_blades(canvas, body, factors)
    abdomen.paint_filling(canvas, body, factors, rng)
    abdomen.paint_stomach(canvas, body, factors)
    abdomen.paint_spleen(canvas, body, factors)
    abdomen.paint_liver(canvas, body, factors, rng)
    abdomen.paint_kidneys(canvas, body, factors)
    thorax.paint_lungs(canvas, body, factors, rng)
    thorax.paint_heart(canvas, body, factors)
    thorax.paint_vessels(canvas, body, factors)
    thorax.paint_airways(canvas, body, factors)
    skeleton.paint_spine(canvas, body, factors)
