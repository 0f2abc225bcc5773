"""Lesions put into healthy scans, with their masks: something to find on purpose."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

KINDS = ("bright", "iso-dense", "texture")
"""What `add_lesion` can add; what `remove_structure` does is the fourth kind."""

SOFT_HU = (-20.0, 120.0)
"""Soft tissue, HU."""

AIRY_HU = (-950.0, -60.0)
"""Lung and fat, HU: where a solid mass does not belong."""

_TRIES = 2000


def add_lesion(
    hu: np.ndarray,
    kind: str,
    *,
    spacing_mm: Sequence[float],
    radius_mm: float,
    seed: int,
    contrast_hu: float = 200.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Put a ball-shaped lesion at a random place where its kind can be.

    `"bright"`: soft tissue, brighter by `contrast_hu`. `"iso-dense"`: a mass of the
    patient's own soft tissue where lung or fat was: no HU that is not usual elsewhere.
    `"texture"`: soft tissue with the same mean, roughened by `contrast_hu` / 2 of
    standard deviation. Noise stays as it is; rims are blended over a voxel.

    Args:
        hu: (z, y, x) array, HU: the healthy scan of one patient.
        kind: one of `KINDS`.
        spacing_mm: distance of voxels along (z, y, x), mm.
        radius_mm: of the ball, mm.
        seed: of the place and of the texture.
        contrast_hu: see above; plays no part for `"iso-dense"`.

    Returns:
        The scan with the lesion, float32 HU, and the lesion's mask, bool; new arrays.

    Raises:
        ValueError: if there is no such kind, or no place for the lesion.

    Example:
        >>> scan, mask = add_lesion(np.full((9, 9, 9), 40.0), "bright",
        ...                         spacing_mm=(5, 5, 5), radius_mm=10, seed=0)
        >>> float(scan[mask].max()), int(mask.sum())
        (240.0, 23)

    Source: none; a list of kinds in Baur et al., Medical Image Analysis 69 (2021).
    Taught in: chapter 13.
    """
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, got {kind!r}")
    hu, rng = np.array(hu, dtype=np.float32), np.random.default_rng(seed)
    soft = (hu >= SOFT_HU[0]) & (hu <= SOFT_HU[1])
    usable = (hu >= AIRY_HU[0]) & (hu <= AIRY_HU[1]) if kind == "iso-dense" else soft
    blend = _place(usable & _inside(hu), spacing_mm, radius_mm, rng)
    if kind == "bright":
        changed = hu + np.float32(contrast_hu)
    elif kind == "iso-dense":
        grain = hu[soft] - np.median(hu[soft])
        changed = np.median(hu[soft]) + rng.choice(grain, size=hu.shape)
    else:
        grain = rng.normal(0, contrast_hu / 2, hu.shape).astype(np.float32)
        within = blend >= 0.5
        changed = hu + grain - grain[within].mean()
    return ((1 - blend) * hu + blend * changed).astype(np.float32), blend >= 0.5


def remove_structure(
    hu: np.ndarray, structure: np.ndarray, *, seed: int, fill_hu: float = -98.0
) -> tuple[np.ndarray, np.ndarray]:
    """Take one connected structure away and put fat in its place.

    Args:
        hu: (z, y, x) array, HU: the healthy scan of one patient.
        structure: bool array of the same shape, such as both kidneys: the largest
            connected piece of it is taken away.
        seed: of the fat's grain.
        fill_hu: mean of what is put there, HU.

    Returns:
        The scan without the structure, float32 HU, and the structure's mask, bool.

    Raises:
        ValueError: if shapes differ or there is no such structure in the scan.

    Example:
        >>> scan, mask = remove_structure(np.full((3, 3, 3), 40.0),
        ...                               np.ones((3, 3, 3), bool), seed=0)
        >>> bool(scan.max() < 0), int(mask.sum())
        (True, 27)

    Source: none. Taught in: chapter 13.
    """
    hu, structure = np.array(hu, dtype=np.float32), np.asarray(structure, dtype=bool)
    if hu.shape != structure.shape or not structure.any():
        raise ValueError(
            "`structure` must be a mask of the scan's shape that is not empty, got "
            f"{structure.shape} with {int(structure.sum())} voxels for {hu.shape}"
        )
    pieces, _ = ndimage.label(structure)
    mask = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    # half of a rim of one voxel: there the organ is mixed with what is around it
    rim = ndimage.binary_dilation(mask) & ~mask & (hu > fill_hu) & (hu < 300)
    blend = mask + 0.5 * rim
    grain = np.random.default_rng(seed).normal(0, 12, hu.shape)
    return ((1 - blend) * hu + blend * (fill_hu + grain)).astype(np.float32), mask


def _inside(hu: np.ndarray) -> np.ndarray:
    """Voxels that are enclosed by tissue in their slice."""
    tissue = hu > -300
    return np.stack([ndimage.binary_fill_holes(mask) for mask in tissue])


def _place(usable, spacing_mm, radius_mm, rng) -> np.ndarray:
    """Blend, 0 to 1, of a ball at least three quarters of which are usable."""
    # each voxel has its turn, whatever the others are: one that rounding on another
    # machine takes across a limit does not move the lesion, unless it was its centre
    turn = rng.random(usable.shape)[usable]
    axes = [np.arange(n) for n in usable.shape]
    for centre in np.argwhere(usable)[np.argsort(turn)][:_TRIES]:
        gaps = [
            (axis - c) * mm
            for axis, c, mm in zip(axes, centre, spacing_mm, strict=True)
        ]
        z, y, x = np.ix_(*gaps)
        distance_mm = np.sqrt(z**2 + y**2 + x**2) - radius_mm
        ball = distance_mm <= 0
        if usable[ball].mean() >= 0.75:
            return np.clip(0.5 - distance_mm / min(spacing_mm), 0, 1)
    raise ValueError(
        f"no place for a lesion of radius {radius_mm} mm: give a smaller `radius_mm`"
    )
