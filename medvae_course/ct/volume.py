"""A CT volume in HU that knows its spacing and its place in the patient.

Arrays run (z, y, x); positions are DICOM patient coordinates (x, y, z) in mm, which
grow to the patient's Left, Posterior, Superior (LPS).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

AXIAL = np.eye(3)[:, ::-1].copy()
"""Direction of a standard axial scan: array axes z, y, x along S, P, L."""
AXIAL.setflags(write=False)

Triple = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Volume:
    """Hounsfield units on a regular grid in the patient; nothing in it can change.

    A voxel's centre lies at `origin_mm + direction @ (index * spacing_mm)`.

    Args:
        hu: array (z, y, x), HU, finite; kept as read-only float32. It is copied,
            unless it already is read-only float32.
        spacing_mm: distance of voxel centres along the array axes (z, y, x), mm.
        origin_mm: centre of voxel [0, 0, 0] in patient coordinates (x, y, z), mm.
        direction: (3, 3); column j is the unit vector, in patient coordinates, along
            array axis j.

    Raises:
        ValueError: if the array is not 3-D, empty or not finite, a spacing is not
            positive, or `direction` is not orthonormal.

    Example:
        >>> volume = Volume(np.zeros((4, 8, 8)), spacing_mm=(5.0, 1.0, 1.0))
        >>> volume.index_to_mm((1, 0, 2))
        array([2., 0., 5.])

    Source: DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
    Taught in: chapter 1.
    """

    hu: np.ndarray
    spacing_mm: Triple
    origin_mm: Triple = (0.0, 0.0, 0.0)
    direction: np.ndarray = field(default_factory=lambda: AXIAL)

    def __post_init__(self) -> None:
        hu = _frozen(self.hu, np.float32)
        direction = _frozen(self.direction, np.float64)
        if hu.ndim != 3 or 0 in hu.shape:
            raise ValueError(f"`hu` must be a filled 3-D array, got shape {hu.shape}")
        if not np.isfinite(hu).all():
            raise ValueError(
                f"`hu` must be finite, got {np.count_nonzero(~np.isfinite(hu))} voxels"
                " that are not: replace them, by -1000 HU (air) for instance"
            )
        if direction.shape != (3, 3) or not np.allclose(
            direction.T @ direction, np.eye(3), atol=1e-4
        ):
            raise ValueError(
                "`direction` must be a (3, 3) matrix of orthonormal columns,"
                f" got {direction.tolist()}: resample sheared grids first"
            )
        object.__setattr__(self, "hu", hu)
        object.__setattr__(self, "direction", direction)
        object.__setattr__(self, "spacing_mm", _spacing(self.spacing_mm, "spacing_mm"))
        object.__setattr__(self, "origin_mm", _triple(self.origin_mm, "origin_mm"))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along (z, y, x)."""
        return self.hu.shape

    @property
    def extent_mm(self) -> Triple:
        """Size of the field of view along (z, y, x), voxel edge to voxel edge, mm."""
        return tuple(n * s for n, s in zip(self.shape, self.spacing_mm, strict=True))

    @property
    def affine(self) -> np.ndarray:
        """Matrix (4, 4) from array index (z, y, x, 1) to LPS position (x, y, z, 1)."""
        columns = np.column_stack([self.direction * self.spacing_mm, self.origin_mm])
        return np.vstack([columns, [0, 0, 0, 1]])

    def index_to_mm(self, index: ArrayLike) -> np.ndarray:
        """Position (..., 3), (x, y, z) in mm, of array index (..., 3), (z, y, x)."""
        affine = self.affine
        return np.asarray(index, float) @ affine[:3, :3].T + affine[:3, 3]

    def mm_to_index(self, mm: ArrayLike) -> np.ndarray:
        """Array index (..., 3), not rounded, of position (..., 3) in mm."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(mm, float) @ inverse[:3, :3].T + inverse[:3, 3]

    def resample(self, spacing_mm: Triple, *, order: int = 1) -> Volume:
        """Same field of view with (nearly) another spacing: see function `resample`."""
        hu, exact = resample(self.hu, self.spacing_mm, spacing_mm, order=order)
        # the edges stay where they are, so the first centre moves by half the change
        first = (np.divide(exact, self.spacing_mm) - 1) / 2
        return self._moved(hu, first, spacing_mm=exact)

    def crop(
        self, z: slice = slice(None), y: slice = slice(None), x: slice = slice(None)
    ) -> Volume:
        """Part of the volume, in place; ValueError for steps and empty slices."""
        ranges = [
            range(*s.indices(n)) for s, n in zip((z, y, x), self.shape, strict=True)
        ]
        if any(r.step != 1 or len(r) == 0 for r in ranges):
            raise ValueError(
                "slices must have step 1 and select at least one voxel, got"
                f" z={z}, y={y}, x={x} of shape {self.shape}"
            )
        part = self.hu[tuple(slice(r.start, r.stop) for r in ranges)]
        return self._moved(part, [r.start for r in ranges])

    def crop_or_pad(
        self, shape: tuple[int, int, int], *, fill_hu: float = -1000.0
    ) -> Volume:
        """Volume of exactly `shape` (z, y, x) around the same centre, in place.

        Where a difference is odd the centre moves by half a voxel. What was outside
        the scan becomes `fill_hu`, air by default.
        """
        if len(shape) != 3 or any(n != int(n) or n < 1 for n in shape):
            raise ValueError(f"`shape` must be three positive integers, got {shape}")
        old = np.array(self.shape)
        new = np.array(shape, dtype=int)
        first = (old - new) // 2  # of the new grid in the old one; negative = padding
        hu = np.full(new, fill_hu, dtype=np.float32)
        start, stop = np.maximum(first, 0), np.minimum(first + new, old)
        kept = self.hu[tuple(map(slice, start, stop))]
        hu[tuple(map(slice, start - first, stop - first))] = kept
        return self._moved(hu, first)

    def to_axial(self) -> Volume:
        """Same voxels, array axes permuted and flipped to run along S, P, L.

        Nothing is interpolated: an oblique volume stays oblique, by the least angles.
        """
        axes = nearest_axes(self.direction)
        signs = np.where(self.direction[(2, 1, 0), axes] < 0, -1, 1)
        first = np.zeros(3)
        first[axes] = np.where(signs < 0, np.array(self.shape)[axes] - 1, 0)
        return Volume(
            self.hu.transpose(axes)[tuple(slice(None, None, s) for s in signs)],
            tuple(self.spacing_mm[axis] for axis in axes),
            origin_mm=tuple(self.index_to_mm(first)),
            direction=self.direction[:, axes] * signs,
        )

    def axial(self, index: int) -> np.ndarray:
        """Slice (y, x) as displayed: front at the top, patient's right at the left."""
        return self.hu[index]

    def coronal(self, index: int) -> np.ndarray:
        """Slice (z, x) as displayed: head at the top, patient's right at the left."""
        return self.hu[::-1, index]

    def sagittal(self, index: int) -> np.ndarray:
        """Slice (z, y) as displayed: head at the top, front at the left."""
        return self.hu[::-1, :, index]

    def _moved(self, hu: np.ndarray, first: ArrayLike, **changes) -> Volume:
        origin_mm = tuple(self.index_to_mm(first))
        hu.setflags(write=False)  # ours alone (or a view): saves the copy
        return replace(self, hu=hu, origin_mm=origin_mm, **changes)


def nearest_axes(direction: np.ndarray) -> list[int]:
    """Array axes that run nearest to S, P and L, each to one, whatever the angles."""
    along = np.abs(np.asarray(direction)[::-1])
    return list(max(permutations(range(3)), key=lambda w: along[range(3), w].prod()))


def resample(
    array: ArrayLike, spacing_mm: Triple, new_spacing_mm: Triple, *, order: int = 1
) -> tuple[np.ndarray, Triple]:
    """Resample an array onto voxels of another size, over the same field of view.

    Voxel *edges* stay aligned, so an organ neither moves nor grows. Downsampling
    smooths first (Gaussian of (ratio - 1) / 2 voxels), else noise and edges alias;
    labels (`order=0`) are neither smoothed nor mixed.

    Args:
        array: (z, y, x), HU or, with `order=0`, labels or a mask.
        spacing_mm: voxel size along (z, y, x), mm.
        new_spacing_mm: wanted voxel size along (z, y, x), mm; rounded so that a whole
            number of voxels fills the field of view.
        order: 0 nearest (labels), 1 linear, up to 3 splines.

    Returns:
        The array (float32; of the same type for `order=0`) and its exact voxel size.

    Raises:
        ValueError: if a spacing is not positive, or the array not 3-D.

    Example:
        >>> half, spacing_mm = resample(np.ones((4, 8, 8)), (5, 1, 1), (5, 2, 2))
        >>> half.shape, spacing_mm
        ((4, 4, 4), (5.0, 2.0, 2.0))

    Source: the width of the smoothing is that of `skimage.transform.resize`.
    Taught in: chapter 1.
    """
    array = np.asarray(array)
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(f"`array` must be a filled 3-D array, got shape {array.shape}")
    old = np.array(_spacing(spacing_mm, "spacing_mm"))
    new = np.array(_spacing(new_spacing_mm, "new_spacing_mm"))
    shape = np.maximum(1, np.rint(array.shape * old / new)).astype(int)
    exact = array.shape * old / shape
    if order > 0:
        array = array.astype(np.float32)
        sigma = np.maximum(0, (exact / old - 1) / 2)
        array = ndimage.gaussian_filter(array, sigma, mode="nearest")
    result = ndimage.zoom(
        array, shape / array.shape, order=order, mode="nearest", grid_mode=True
    )
    return result, tuple(exact.tolist())


def _frozen(array: ArrayLike, dtype: type) -> np.ndarray:
    array = np.asarray(array, dtype=dtype)
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


def _triple(values: ArrayLike, name: str) -> Triple:
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise ValueError(f"`{name}` must be three finite numbers, got {values}")
    return tuple(numbers.tolist())


def _spacing(values: ArrayLike, name: str) -> Triple:
    triple = _triple(values, name)
    if min(triple) <= 0:
        raise ValueError(f"`{name}` must be positive (z, y, x) in mm, got {triple}")
    return triple
