"""Polygons to pixels and pixels to polygons, each the exact inverse of the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from skimage import measure

_AT_ONCE = 2000  # edges: bounds the memory that a file with absurd contours can take


def fill(polygons: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Tell which pixels lie inside an odd number of polygons.

    A pixel is inside when its centre is. So a contour within another one is a hole,
    and the two banks of a channel that leads to a hole (a keyhole) cancel.

    Args:
        polygons: arrays (n, 2) of corners (row, column) in pixels, closed of itself;
            pixel centres have whole numbers.
        shape: number of rows and columns.

    Returns:
        bool array of `shape`. A centre exactly on an edge belongs to one side only:
        polygons that share an edge neither overlap nor leave a gap.

    Example:
        >>> square = np.array([[0.5, 0.5], [0.5, 3.5], [3.5, 3.5], [3.5, 0.5]])
        >>> hole = np.array([[1.5, 1.5], [1.5, 2.5], [2.5, 2.5], [2.5, 1.5]])
        >>> fill([square, hole], (5, 5)).astype(int)
        array([[0, 0, 0, 0, 0],
               [0, 1, 1, 1, 0],
               [0, 1, 0, 1, 0],
               [0, 1, 1, 1, 0],
               [0, 0, 0, 0, 0]])

    Taught in: chapter 1.
    """
    n_rows, n_columns = shape
    # one column more: where a line leaves to the right of all pixels
    crossings = np.zeros((n_rows, n_columns + 1), dtype=np.int64)
    for polygon in polygons:
        ends = np.roll(polygon, -1, axis=0)
        for part in range(0, len(polygon), _AT_ONCE):
            chosen = slice(part, part + _AT_ONCE)
            _count(crossings, polygon[chosen], ends[chosen])
    return np.cumsum(crossings[:, :-1], axis=1) % 2 == 1


def _count(crossings: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
    """Add, per row, the first pixel to the right of each edge that crosses it."""
    n_rows, width = crossings.shape
    swap = starts[:, :1] > ends[:, :1]
    low, high = np.where(swap, ends, starts), np.where(swap, starts, ends)
    # rows from low (with it) to high (without): a corner on a row counts once
    first = np.ceil(np.clip(low[:, 0], 0, n_rows)).astype(int)
    stop = np.ceil(np.clip(high[:, 0], 0, n_rows)).astype(int)
    n = stop - first
    edge = np.repeat(np.arange(len(n)), n)
    row = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + first[edge]
    share = (row - low[edge, 0]) / (high[edge, 0] - low[edge, 0])
    column = low[edge, 1] + share * (high[edge, 1] - low[edge, 1])
    column = np.ceil(np.clip(column, 0, width - 1)).astype(int)
    np.add.at(crossings, (row, column), 1)


def outline(mask: np.ndarray) -> list[np.ndarray]:
    """Draw polygons that `fill` turns back into exactly this mask.

    Args:
        mask: bool (rows, columns).

    Returns:
        One polygon (n, 2) of corners (row, column) for each part that hangs together
        by its pixels' sides. Lines run half-way between the centres of pixels; a hole
        is joined to the edge by a channel without width, as DICOM wants it.

    Source: DICOM PS3.3 C.8.8.6.3, inner and outer contours (keyhole technique).
    Taught in: chapter 1.
    """
    parts, n_parts = ndimage.label(mask)
    found = ndimage.find_objects(parts)
    polygons = []
    for number, (rows, columns) in enumerate(found[:n_parts], start=1):
        part = np.pad((parts[rows, columns] == number).astype(float), 1)
        # pixels that touch at corners only stay apart, as in `ndimage.label`
        lines = measure.find_contours(part, 0.5, fully_connected="low")
        lines = [_corners(line[:-1]) for line in lines]  # the last repeats the first
        lines.sort(key=lambda line: -np.ptp(line, axis=0).prod())
        corner = np.array([rows.start - 1, columns.start - 1])
        polygons.append(_joined(lines) + corner)
    return polygons


def _corners(line: np.ndarray) -> np.ndarray:
    """Leave out the points of a closed line that lie straight between others."""
    before, after = line - np.roll(line, 1, axis=0), np.roll(line, -1, axis=0) - line
    return line[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]


def _joined(lines: list[np.ndarray]) -> np.ndarray:
    """Put each hole into the outer line, by a channel there and back."""
    whole = lines[0]
    for hole in lines[1:]:
        distance = np.square(whole[:, None] - hole[None, :1]).sum(axis=-1)
        at = int(distance[:, 0].argmin())
        around = np.concatenate([hole, hole[:1]])
        whole = np.concatenate([whole[: at + 1], around, whole[at:]])
    return whole
