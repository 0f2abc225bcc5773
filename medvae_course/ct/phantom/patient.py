"""One virtual patient: a body with known factors, labels and lesions, scanned."""

from dataclasses import dataclass

import numpy as np

from .. import scanner
from ..volume import Volume
from .body import deformed_canvas, paint_body
from .factors import draw_factors
from .lesions import NO_LESIONS, paint_lesions
from .presets import PRESETS
from .shapes import Canvas

SHAPE = PRESETS["course"].shape
SPACING_MM = PRESETS["course"].spacing_mm


@dataclass(frozen=True, eq=False)
class Phantom:
    """A virtual patient and everything that is known about them.

    Args:
        volume: HU, whole numbers.
        labels: uint8 (z, y, x), see `tissues.LABELS`.
        factors: what the patient was made from; units in the names.
        patient_id: `"phantom-0007"` for seed 7.
        lesions: uint8 (z, y, x), see `lesions.LESIONS`; `labels` names the organ there.
    """

    volume: Volume
    labels: np.ndarray
    factors: dict[str, float]
    patient_id: str
    lesions: np.ndarray


def make_patient(
    seed: int,
    *,
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    dose: float = 1.0,
    protocol: scanner.Protocol = scanner.STANDARD,
    lesions: bool = True,
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
        lesions: False leaves out the lesions that the seed draws: the same patient in
            all else, so that the lesions alone are the difference.

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
    canvas, factors, mask = make_body(seed, shape, spacing_mm, lesions=lesions)
    hu = scanner.scan(canvas.hu, spacing_mm, seed=seed, dose=dose, protocol=protocol)
    hu.setflags(write=False)  # ours alone: saves the volume a copy
    for array in (canvas.labels, mask):
        array.setflags(write=False)
    origin_mm = [-(n - 1) / 2 * mm for n, mm in zip(shape, spacing_mm, strict=True)]
    volume = Volume(hu, spacing_mm, origin_mm=tuple(origin_mm[::-1]))
    return Phantom(volume, canvas.labels, factors, f"phantom-{seed:04d}", mask)


def make_body(
    seed: int,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    *,
    lesions: bool = True,
) -> tuple[Canvas, dict[str, float], np.ndarray]:
    """Make a body that no scanner has seen yet.

    Args:
        seed: any int from 0.
        shape: voxels along (z, y, x).
        spacing_mm: distance of voxels along (z, y, x), mm.
        lesions: False leaves out the lesions.

    Returns:
        The canvas with exact HU (`hu`) and labels, the factors, and the lesions' mask.
    """
    factors = draw_factors(seed)
    if not lesions:
        factors |= NO_LESIONS
    canvas = deformed_canvas(seed, shape, spacing_mm, factors)
    body = paint_body(canvas, seed, factors)
    return canvas, factors, paint_lesions(canvas, body, factors, seed)
