"""Sizes of the data set: how many patients, how large, how fine."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Preset:
    """A size of the phantom data set; patients are the seeds from 0.

    Args:
        patients: how many.
        shape: voxels along (z, y, x).
        spacing_mm: distance of voxels along (z, y, x), mm.
    """

    patients: int
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]


PRESETS = MappingProxyType(
    {
        "tiny": Preset(4, (12, 48, 48), (20.0, 409.6 / 48, 409.6 / 48)),
        "course": Preset(40, (32, 128, 128), (8.0, 3.2, 3.2)),
        "full": Preset(200, (64, 256, 256), (5.0, 1.6, 1.6)),
    }
)
"""`tiny` for unit tests, `course` for the chapters, `full` for larger networks."""
