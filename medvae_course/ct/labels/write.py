"""What DICOM SEG and RTSTRUCT files share when they are written."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from ..atomic import replacing
from ..dicom.slices import reason
from .structures import LabelError, Structures

MAKER = "medvae_course"
_LONGEST = 64  # characters of a name in DICOM (VR LO)


def check_names(structures: Structures) -> None:
    """Refuse names that DICOM cannot hold, and files that would hold nothing."""
    if not structures.masks:
        raise LabelError("at least one structure is needed, got none")
    for name in structures.masks:
        if not 1 <= len(name) <= _LONGEST or "\\" in name or not name.isprintable():
            raise LabelError(
                f"names must be 1 to {_LONGEST} printable characters without a"
                f" backslash, got {name!r}"
            )


def digest(structures: Structures, *others: object) -> str:
    """Hash of names, masks and `others`, from which UIDs follow."""
    found = hashlib.sha256(repr((list(structures.masks), others)).encode())
    for mask in structures.masks.values():
        found.update(np.packbits(mask).tobytes())
    return found.hexdigest()


def uid_from(*parts: object) -> uid.UID:
    """UID under 2.25, the root that needs no registration, from a hash of `parts`."""
    name = repr((MAKER, "labels", *parts))
    return uid.UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}")


def save(dataset: Dataset, path: Path) -> None:
    """Write a file so that `path` holds either all of it or what it held before.

    Raises:
        LabelError: if the disk or DICOM's rules refuse.
    """
    try:
        with replacing(path) as beside:
            dataset.save_as(beside, enforce_file_format=True)
    except Exception as error:  # pydicom raises many kinds
        raise LabelError(
            f"{path} cannot be written, nothing was left there: {reason(error)}"
        ) from error
