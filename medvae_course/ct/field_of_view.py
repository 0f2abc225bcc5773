"""One square field of view for the slices of many patients."""

import numpy as np

from .volume import Volume, resample

BODY_HU = -500.0
"""Between lung and soft tissue, HU: what is above it belongs to a body."""

BODY_SHARE = 0.02
"""Of a slice: below it the slice shows the table or nothing."""


def square(
    volume: Volume, side_mm: float, pixels: int, *, order: int = 1
) -> np.ndarray:
    """Give every slice one square field of view around the centre of the scan.

    Args:
        volume: axes nearest to S, P, L (`Volume.to_axial`); HU, or labels as floats.
        side_mm: side of the square, mm; met but for half a voxel of the volume.
        pixels: pixels per side of the result.
        order: 1 for HU, 0 for labels, which are not mixed.

    Returns:
        float32 (z, pixels, pixels); what lies outside the scan is air, or label 0.

    Example:
        >>> volume = Volume(np.zeros((1, 2, 2)), spacing_mm=(5.0, 2.0, 2.0))
        >>> square(volume, 8.0, 4)[0, 1]
        array([-1000.,     0.,     0., -1000.], dtype=float32)

    Taught in: chapter 1.
    """
    depth, *plane_mm = volume.spacing_mm
    shape = (volume.shape[0], *(max(1, round(side_mm / mm)) for mm in plane_mm))
    squared = volume.crop_or_pad(shape, fill_hu=0.0 if order == 0 else -1000.0)
    wanted = (
        depth,
        *(n * mm / pixels for n, mm in zip(shape[1:], plane_mm, strict=True)),
    )
    return resample(squared.hu, squared.spacing_mm, wanted, order=order)[0]


def shows_body(hu: np.ndarray) -> np.ndarray:
    """Tell which slices show more of a body than next to nothing.

    Args:
        hu: (z, y, x), HU.

    Returns:
        bool (z,).
    """
    return (hu > BODY_HU).mean(axis=(1, 2)) >= BODY_SHARE
