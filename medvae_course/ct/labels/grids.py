"""Where one grid lies in another: labels are placed by geometry, never by their order.

A slice, a frame and a label volume are all grids. Each is found in the CT's array as a
view: axes exchanged, some turned around, perhaps every second slice only, but never a
voxel between two others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from ..volume import Volume
from .structures import LabelError

_OFF = 0.05  # of a voxel: how far a voxel's centre may lie from the one it is put on


@dataclass(frozen=True)
class Place:
    """Where a grid lies in the array of a CT.

    Args:
        axes: axis of the CT along which each axis of the grid runs.
        slices: part of the CT's array, after its axes are put into that order.
    """

    axes: tuple[int, int, int]
    slices: tuple[slice, slice, slice]

    def of(self, array: np.ndarray) -> np.ndarray:
        """Return the view of an array (z, y, x) of the CT that is this grid."""
        return array.transpose(self.axes)[self.slices]

    def affine(self, volume: Volume) -> np.ndarray:
        """Return the grid's own affine (4, 4): its index to patient coordinates, mm."""
        first, steps = np.zeros(3), np.zeros((3, 3))
        for j, (axis, part) in enumerate(zip(self.axes, self.slices, strict=True)):
            first[axis], steps[axis, j] = part.start, part.step
        columns = volume.affine[:3, :3] @ steps
        return np.vstack(
            [np.column_stack([columns, volume.index_to_mm(first)]), [0, 0, 0, 1]]
        )


def find_place(volume: Volume, affine: np.ndarray, shape: Sequence[int]) -> Place:
    """Find a grid in the grid of a CT.

    Args:
        volume: the CT.
        affine: (4, 4), from the grid's index to patient coordinates (x, y, z), mm.
        shape: of the grid, three numbers.

    Returns:
        Its place in the CT's array.

    Raises:
        LabelError: if a voxel of the grid lies more than 0.05 voxels beside one of the
            CT, or outside of the CT; with the numbers.
    """
    last = np.array(shape) - 1
    inside = np.linalg.inv(volume.affine) @ affine
    steps, first = inside[:3, :3], np.rint(inside[:3, 3])
    axes = np.abs(steps).argmax(axis=0)
    whole = np.zeros((3, 3))
    whole[axes, range(3)] = np.rint(steps[axes, range(3)])
    off = np.abs(steps - whole) @ last + np.abs(inside[:3, 3] - first)
    ends = np.stack([first, first + whole @ last])
    strides = np.where(last > 0, whole[axes, range(3)], 1).astype(int)
    if len(set(axes)) != 3 or off.max() > _OFF or not strides.all():
        raise LabelError(_elsewhere(volume, affine, shape, f"{off.max():.3g} voxels"))
    if ends.min() < 0 or (ends >= volume.shape).any():
        low, high = ends.min(axis=0).astype(int), ends.max(axis=0).astype(int)
        where = f"at index {low.tolist()} to {high.tolist()}, partly outside"
        raise LabelError(_elsewhere(volume, affine, shape, where))
    slices = []
    for axis, stride, n in zip(axes, strides, shape, strict=True):
        stop = int(first[axis]) + int(stride) * n
        slices.append(slice(int(first[axis]), stop if stop >= 0 else None, int(stride)))
    return Place(tuple(axes.tolist()), tuple(slices))


def frame_grids(dataset: Dataset) -> list[tuple[np.ndarray, tuple[int, int, int]]]:
    """Return the grid of each frame of an image: affine and shape (1, rows, columns).

    Args:
        dataset: a classic image, or one with functional groups (enhanced CT, SEG).

    Returns:
        One grid for each frame, in the order of the file.

    Raises:
        LabelError: if the geometry is missing or malformed.

    Source: DICOM PS3.3 C.7.6.2.1.1 and C.7.6.16.2.
    """
    shape = (1, int(dataset.Rows), int(dataset.Columns))
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return [(_affine([dataset]), shape)]
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    names = ("PlanePosition", "PlaneOrientation", "PixelMeasures")
    grids = []
    for own in dataset.PerFrameFunctionalGroupsSequence:
        parts = []
        for name in names:
            found = [g.get(f"{name}Sequence") for g in (own, *shared)]
            parts += [sequence[0] for sequence in found if sequence][:1]
        grids.append((_affine(parts), shape))
    return grids


def _affine(parts: Sequence[Dataset]) -> np.ndarray:
    row, column = np.split(_numbers(parts, "ImageOrientationPatient", 6), 2)
    down, right = _numbers(parts, "PixelSpacing", 2)
    normal = np.cross(row, column)
    if min(down, right) <= 0 or not 0.99 < np.linalg.norm(normal) < 1.01:
        raise LabelError(
            "frames need a positive pixel spacing and two unit vectors at right angles,"
            f" got {right:g} and {down:g} mm, {row.tolist()} and {column.tolist()}"
        )
    affine = np.eye(4)
    position = _numbers(parts, "ImagePositionPatient", 3)
    affine[:3] = np.column_stack([normal, column * down, row * right, position])
    return affine


def _numbers(parts: Sequence[Dataset], keyword: str, count: int) -> np.ndarray:
    value = next((part.get(keyword) for part in parts if keyword in part), None)
    try:
        numbers = np.atleast_1d(np.array([] if value is None else value, dtype=float))
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise LabelError(f"{keyword} must hold {count} finite numbers, got {value}")
    return numbers


def _elsewhere(volume: Volume, affine: np.ndarray, shape, how: str) -> str:
    spacing = np.linalg.norm(affine[:3, :3], axis=0).round(3).tolist()
    spacing = [mm for mm, n in zip(spacing, shape, strict=True) if n > 1]
    return (
        f"the labels must lie on the grid of the CT, got {how}: shape {tuple(shape)},"
        f" spacing {spacing} mm, first voxel at {affine[:3, 3].round(3).tolist()} mm;"
        f" the CT has {volume.shape}, {np.round(volume.spacing_mm, 3).tolist()} mm and"
        f" {np.round(volume.origin_mm, 3).tolist()} mm. Give the CT that they were"
        " drawn on, or resample them to this one"
    )
