"""Slices of a scan on the model's square grid, and what the model says, back again."""

from dataclasses import dataclass

import numpy as np

from medvae_course.ct.field_of_view import square
from medvae_course.ct.volume import Volume


@dataclass(frozen=True)
class SliceGrid:
    """How the axial slices of one scan and the images of a model lie to each other.

    Both have one centre, but for half a voxel where a difference is odd, exactly as
    `ct.datasets` cut and resampled the images that the model was trained on.

    Args:
        shape: (rows, columns) of a slice, voxels.
        spacing_mm: size of a voxel along rows and columns, mm.
        side_mm: side of the model's field of view, mm.
        pixels: pixels per side of the images of that field of view.
        window: pixels per side of the square of them that the model sees; None if it
            sees them whole.
        corner: row and column of the upper left corner of that square, pixels.
    """

    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    side_mm: float
    pixels: int
    window: int | None = None
    corner: tuple[int, int] = (0, 0)

    def forward(self, hu: np.ndarray) -> np.ndarray:
        """Bring slices (n, rows, columns), HU, to (n, pixels, pixels), HU."""
        hu.setflags(write=False)  # so that no copy is made
        return square(Volume(hu, (1.0, *self.spacing_mm)), self.side_mm, self.pixels)

    def backward(self, probabilities: np.ndarray) -> np.ndarray:
        """Bring probabilities of one image to the voxels of its slice.

        Between the centres of pixels they are interpolated linearly, towards the edge
        of the field of view they stay as they are, and outside it all is background.

        Args:
            probabilities: (seen, seen, classes), of sum 1, for the pixels that the
                model sees; class 0 is background.

        Returns:
            float32 (classes, rows, columns), of sum 1.
        """
        rows, columns = (self._weights(axis) for axis in (0, 1))
        by_class = np.moveaxis(probabilities, -1, 0).astype(np.float32, order="C")
        found = rows @ by_class @ columns.T
        found[0] += 1 - np.outer(rows.sum(1), columns.sum(1))
        return found

    def inside(self) -> np.ndarray:
        """Tell which voxels of a slice the model sees: bool (rows, columns)."""
        return np.outer(*(self._places(axis)[1] for axis in (0, 1)))

    def _places(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Voxel centres in units of the pixels seen, and which lie inside."""
        n, mm = self.shape[axis], self.spacing_mm[axis]
        wide = max(1, round(self.side_mm / mm))  # voxels of the field of view
        index = np.arange(n) - (n - wide) // 2  # as Volume.crop_or_pad places it
        centres = (index + 0.5) * self.pixels / wide - 0.5 - self.corner[axis]
        return centres, (centres >= -0.5) & (centres < self._seen - 0.5)

    @property
    def _seen(self) -> int:
        return self.window or self.pixels

    def _weights(self, axis: int) -> np.ndarray:
        """Matrix (voxels, pixels seen) of linear interpolation, 0 outside."""
        centres, inside = self._places(axis)
        centres = np.clip(centres, 0, self._seen - 1)
        distance = np.abs(centres[:, None] - np.arange(self._seen))
        weights = np.maximum(0, 1 - distance) * inside[:, None]
        return weights.astype(np.float32)
