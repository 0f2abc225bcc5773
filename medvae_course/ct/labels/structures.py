"""Named structures on the grid of a CT: as masks that may overlap, and as one array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..volume import Volume

_BACKGROUND = 0


class LabelError(ValueError):
    """Labels that cannot be read, placed or written as asked; the message says why."""


@dataclass(frozen=True, eq=False)
class Structures:
    """Structures by name, each a mask on the grid of one CT; they may overlap.

    Args:
        masks: name → bool array (z, y, x) of the CT's shape; the order is kept.
        volume: the CT, or any volume on its grid.
        notes: what reading left out or decided, in words.

    Raises:
        LabelError: if a mask is not boolean or has another shape.

    Example:
        >>> volume = Volume(np.zeros((2, 3, 3)), spacing_mm=(5.0, 1.0, 1.0))
        >>> inner = np.zeros(volume.shape, dtype=bool)
        >>> inner[:, 1, 1] = True
        >>> both = Structures({"body": inner | True, "nodule": inner}, volume)
        >>> both.to_labels().labels[0].tolist()
        [[1, 1, 1], [1, 2, 1], [1, 1, 1]]

    Taught in: chapter 1.
    """

    masks: Mapping[str, np.ndarray]
    volume: Volume
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, mask in self.masks.items():
            if mask.dtype != bool or mask.shape != self.volume.shape:
                raise LabelError(
                    f"the mask of {name!r} must be bool of the CT's shape"
                    f" {self.volume.shape}, got {mask.dtype} of {mask.shape}"
                )
        object.__setattr__(self, "masks", MappingProxyType(dict(self.masks)))

    def to_labels(self, table: Mapping[int, str] | None = None) -> LabelMap:
        """Put all structures into one array of labels.

        They are painted in the order of their values: where two overlap, the one with
        the higher value lies in front. What was covered is in `overlaps`.

        Args:
            table: label value → name; names without a structure and value 0 are passed
                over, structures without a name are left out. By default the structures
                get 1, 2, ... in their order.

        Returns:
            The labels, uint8 up to value 255, else uint16.

        Raises:
            LabelError: if a value is not from 0 to 65535, or a name has two values.
        """
        if table is None:
            table = dict(enumerate(self.masks, start=1))
        if table and not 0 <= min(table) <= max(table) <= 65535:
            raise LabelError(
                f"label values must be from 0 to 65535, got {min(table)} to"
                f" {max(table)}"
            )
        names = {value: table[value] for value in sorted(table) if value > _BACKGROUND}
        twice = sorted({n for n in names.values() if [*names.values()].count(n) > 1})
        if twice:
            raise LabelError(f"each name must have one value, got two for {twice}")
        names = {value: name for value, name in names.items() if name in self.masks}
        dtype = np.uint8 if max(table, default=0) <= 255 else np.uint16
        labels = np.zeros(self.volume.shape, dtype=dtype)
        overlaps: dict[tuple[str, str], int] = {}
        for value, name in names.items():
            mask = self.masks[name]
            covered, counts = np.unique(labels[mask], return_counts=True)
            for below, count in zip(covered.tolist(), counts.tolist(), strict=True):
                if below:
                    overlaps[names[below], name] = count
            labels[mask] = value
        labels.setflags(write=False)
        return LabelMap(labels, names, self.volume, overlaps)


@dataclass(frozen=True, eq=False)
class LabelMap:
    """One array of labels on the grid of a CT.

    Args:
        labels: whole numbers (z, y, x), uint8 or uint16; 0 is background.
        names: label value → name; values without a name are called `label 7`.
        volume: the CT, or any volume on its grid.
        overlaps: (name below, name in front) → voxels, where structures were painted
            over each other.

    Raises:
        LabelError: if the array has another shape or type.

    Taught in: chapter 1.
    """

    labels: np.ndarray
    names: Mapping[int, str]
    volume: Volume
    overlaps: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fits = self.labels.shape == self.volume.shape
        if not fits or self.labels.dtype not in (np.uint8, np.uint16):
            raise LabelError(
                f"labels must be uint8 or uint16 of the CT's shape {self.volume.shape},"
                f" got {self.labels.dtype} of {self.labels.shape}"
            )
        names = {int(value): str(name) for value, name in self.names.items()}
        object.__setattr__(self, "names", MappingProxyType(names))

    def to_structures(self) -> Structures:
        """Return a mask for every value that has a name or a voxel, but background."""
        values = set(np.unique(self.labels).tolist()) | set(self.names)
        names = {v: self.names.get(v, f"label {v}") for v in sorted(values - {0})}
        unique = distinct(names.values())
        masks = {
            name: self.labels == value
            for name, value in zip(unique, names, strict=True)
        }
        return Structures(masks, self.volume)


def distinct(names) -> list[str]:
    """Return the names with ` (2)`, ` (3)` behind those that stand there again.

    Example:
        >>> distinct(["GTV", "lung", "GTV"])
        ['GTV', 'lung', 'GTV (2)']
    """
    found: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in found:
            number += 1
            candidate = f"{name} ({number})"
        found.append(candidate)
    return found
