"""Slices into a stack: order along the normal, and every reason to refuse it.

A volume is a regular grid. What is not one (missing slices, a tilted gantry, two
orientations) raises an error that says what was found, instead of a skewed array; a
tilt and uneven gaps can be resampled, if that is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import straighten
from .slices import DicomError, Slice

_UNIT = 1e-3  # orientation: vectors of length 1, at right angles, equal in all slices
_GAP = 0.1  # of the distance of slices: how far one may lie from the regular grid
_SHIFT = 0.5  # of a pixel: how far one may lie beside the normal of the first


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in the order of their positions, and the grid that they make.

    The grid's attributes are those of `volume.Volume`.

    Args:
        slices: the slices, from the first to the last along their normal.
        shape: shape of the grid (z, y, x).
        spacing_mm: of the grid (z, y, x), mm.
        origin_mm: centre of the grid's first voxel (x, y, z), mm.
        direction: (3, 3), columns along the grid's axes.
        along_mm: (n,) place of the slices along the normal, from the first, mm.
        shifts_px: None if the slices lie on the grid as they are; else (n, 2), where
            the first pixel of each lies in the grid's plane, pixels along (y, x).
        irregular: what is irregular in the slices, in words; empty if nothing is.
    """

    slices: tuple[Slice, ...]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: np.ndarray
    along_mm: np.ndarray
    shifts_px: np.ndarray | None
    irregular: str


def stack(slices: Sequence[Slice], *, resample: str | None = None) -> Stack:
    """Order slices by their position along the normal and find their grid.

    Neither file names nor Instance Numbers count, for both can be in any order. The
    distance of slices comes from their positions, for Slice Thickness is something
    else (slices may overlap or leave gaps).

    Args:
        slices: at least two, in any order.
        resample: None, or the interpolation ("nearest" or "linear") by which slices
            that are unevenly spaced or shifted against each other will be resampled.

    Returns:
        The ordered slices and their grid.

    Raises:
        DicomError: if the slices differ in size or orientation, or share a position;
            without `resample` also if they are not evenly spaced, or shifted against
            each other (gantry tilt).

    Source: DICOM PS3.3 C.7.6.2.1.1.
    Taught in: chapter 1.
    """
    if len(slices) < 2:
        raise DicomError(
            f"a volume needs at least 2 slices, got {len(slices)}:"
            " copy the whole series"
        )
    _check_alike(slices)
    row, column, normal = axes(slices[0])
    positions = np.array([s.position_mm for s in slices])
    order = np.argsort(positions @ normal, kind="stable")
    ordered = tuple(slices[i] for i in order)
    offsets = positions[order] - positions[order[0]]
    along = offsets @ normal
    _check_distinct(ordered, along)
    # positions are decimals: rounding takes the binary dust off their difference
    distance = round(float(along[-1]) / (len(ordered) - 1), 6)
    uneven, crooked = (
        _uneven(ordered, along, distance),
        _crooked(ordered, offsets, normal),
    )
    if (uneven or crooked) and resample is None:
        way_out = (
            '; or pass resample="linear", which makes an even and straight volume by'
            " linear interpolation"
        )
        raise DicomError((uneven or crooked) + way_out * straighten.can_bridge(along))
    shape, origin_mm = (len(ordered), *ordered[0].shape), ordered[0].position_mm
    shifts_px = None
    if uneven or crooked:
        positions = straighten.even_positions(along)
        aside = offsets @ np.column_stack([column, row]) / ordered[0].pixel_mm
        # below the tolerance of straightness the pixels stay as they are
        first, plane = straighten.frame_of(aside * bool(crooked), ordered[0].shape)
        shifts_px = aside * bool(crooked) - first
        shape = (len(positions), *plane)
        distance = float(positions[1] - positions[0])
        move_mm = first * ordered[0].pixel_mm
        origin_mm = origin_mm + move_mm[0] * column + move_mm[1] * row
    return Stack(
        slices=ordered,
        shape=shape,
        spacing_mm=(distance, *ordered[0].pixel_mm),
        origin_mm=tuple(origin_mm.tolist()),
        direction=np.column_stack([normal, column, row]),
        along_mm=along,
        shifts_px=shifts_px,
        irregular="; ".join(text for text in (uneven, crooked) if text),
    )


def _check_alike(slices: Sequence[Slice]) -> None:
    rules = {
        "size (rows, columns)": lambda s: s.shape,
        "pixel spacing (mm)": lambda s: tuple(np.round(s.pixel_mm, 4).tolist()),
    }
    for name, rule in rules.items():
        counts: dict = {}
        for s in slices:
            counts[rule(s)] = counts.get(rule(s), 0) + 1
        if len(counts) > 1:
            found = ", ".join(f"{value} in {n}" for value, n in counts.items())
            raise DicomError(
                f"all slices must have one {name}, got {found}: read each kind from a"
                " folder of its own"
            )
    first = slices[0].orientation
    others = [s for s in slices if np.abs(s.orientation - first).max() > _UNIT]
    if others:
        other = others[0].orientation
        raise DicomError(
            "all slices must have one orientation, got"
            f" {first.ravel().round(3).tolist()} in {len(slices) - len(others)} and"
            f" {other.ravel().round(3).tolist()} (or others) in {len(others)}:"
            " read each kind from a folder of its own"
        )


def axes(first: Slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors along a row, along a column, and along the normal of a slice."""
    row, column = first.orientation
    lengths, dot = np.linalg.norm(first.orientation, axis=1), row @ column
    if np.abs(lengths - 1).max() > _UNIT or abs(dot) > _UNIT:
        raise DicomError(
            "the orientation must be two unit vectors at right angles, got"
            f" {first.orientation.ravel().tolist()}: export the series again"
        )
    row = row / lengths[0]  # files round: make the vectors exact
    column = column - (column @ row) * row
    column /= np.linalg.norm(column)
    return row, column, np.cross(row, column)


def _check_distinct(ordered: Sequence[Slice], along: np.ndarray) -> None:
    gaps = np.diff(along)
    same = np.flatnonzero(gaps < max(1e-3, 1e-2 * np.median(gaps)))
    if len(same) == 0:
        return
    a, b = ordered[same[0]], ordered[same[0] + 1]
    copies = a.instance_uid == b.instance_uid and a.frame == b.frame
    raise DicomError(
        "each slice must have a position of its own, got"
        f" {len(same)} of {len(ordered)} slices where another one lies, first"
        f" {b.file.name} where {a.file.name} lies,"
        f" at {a.position_mm.round(3).tolist()} mm: "
        + (
            "they are copies of one image, remove one"
            if copies
            else "read each phase or reconstruction from a folder of its own"
        )
    )


def _uneven(ordered: Sequence[Slice], along: np.ndarray, distance: float) -> str:
    grid = np.arange(len(along)) * distance
    if np.abs(along - grid).max() <= _GAP * distance:
        return ""
    gaps = np.diff(along)
    wide = int(np.argmax(gaps))
    missing = int(np.rint(gaps / np.median(gaps) - 1).clip(0).sum())
    return (
        f"slices must be evenly spaced, got gaps from {gaps.min():.3f} to"
        f" {gaps.max():.3f} mm, the widest between {ordered[wide].file.name} and"
        f" {ordered[wide + 1].file.name}: {missing} slices seem to be missing of"
        f" {missing + len(ordered)}; copy the series again, or read its evenly spaced"
        " part from a folder of its own"
    )


def _crooked(ordered: Sequence[Slice], offsets: np.ndarray, normal: np.ndarray) -> str:
    along = offsets @ normal
    aside = np.linalg.norm(offsets - np.outer(along, normal), axis=1)
    if aside.max() <= _SHIFT * min(ordered[0].pixel_mm):
        return ""
    worst = int(np.argmax(aside))
    angle = np.degrees(np.arctan2(aside[worst], along[worst]))
    return (
        "slices must be stacked along their normal, got a gantry tilt (or a shift) of"
        f" {angle:.1f} degrees, {aside[worst]:.1f} mm at {ordered[worst].file.name}:"
        " correct the tilt first (3D Slicer and dcm2niix do)"
    )
