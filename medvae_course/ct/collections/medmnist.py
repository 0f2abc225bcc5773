"""OrganAMNIST: small grey pictures of organs, for quick work and nothing else.

The pictures were cut from CT through an abdominal window and shrunk by their publisher.
They have no HU, no spacing and no patient: a result on them says nothing of CT values,
sizes in mm, or patients.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .archive import check_archive
from .places import CollectionError

ORGANAMNIST = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)
"""Names of the classes 0 to 10."""

_MAX_BYTES = 1 << 29
_PARTS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True, eq=False)
class Pictures:
    """One part of the publisher's split, which is by CT scan.

    Args:
        images: float32 (n, height, width, 1), 0 to 1: grey, not HU.
        classes: uint8 (n,), index into the names of the classes.
    """

    images: np.ndarray
    classes: np.ndarray


def read_medmnist(
    path: str | Path, *, names: tuple[str, ...] = ORGANAMNIST
) -> dict[str, Pictures]:
    """Read a grey MedMNIST file as its publisher split it.

    Args:
        path: the `.npz` file; nothing in it is run (no pickles).
        names: of the classes.

    Returns:
        `"train"`, `"validation"`, `"test"` → pictures.

    Raises:
        CollectionError: if the file is damaged or is not of this kind.

    Source: Yang et al., Scientific Data 10:41, 2023.
    Taught in: chapter 1.
    """
    path = Path(path)
    try:
        check_archive(path, max_bytes=_MAX_BYTES, max_members=16)
        with np.load(path, allow_pickle=False) as arrays:
            return {
                part: _part(arrays[f"{key}_images"], arrays[f"{key}_labels"], names)
                for part, key in _PARTS.items()
            }
    except (OSError, ValueError, KeyError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error
    except zipfile.BadZipFile as error:
        raise _unreadable(path, error) from error


def _part(images: np.ndarray, classes: np.ndarray, names: tuple[str, ...]) -> Pictures:
    if images.ndim != 3 or images.dtype != np.uint8 or not len(images):
        raise ValueError(
            f"grey uint8 pictures are needed, got {images.dtype} {images.shape}"
        )
    if classes.shape != (len(images), 1) or classes.max() >= len(names):
        raise ValueError(
            f"a class from 0 to {len(names) - 1} is needed for each picture"
        )
    grey = images.astype(np.float32)[..., None] / np.float32(255)
    return Pictures(grey, classes[:, 0].astype(np.uint8))


def _unreadable(path: Path, error: Exception) -> CollectionError:
    return CollectionError(
        f"{path.name} is no MedMNIST file of grey pictures: {error}; download it again"
    )
