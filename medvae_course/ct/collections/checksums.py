"""Hashes of what was prepared: known beforehand, or kept from the first time on."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .places import CollectionError, write_text


def read_registry(path: str | Path) -> dict[str, str]:
    """Read a registry: lines of a name and a hash, as `pooch` writes them.

    Args:
        path: text file of lines such as `openkbp/pt_2 sha256:1f...`.

    Returns:
        Name → hash.

    Raises:
        CollectionError: if a line is none.
    """
    import pooch  # late: in a notebook it warns of missing widgets

    registry = pooch.create(path=Path(path).parent, base_url="")
    try:
        registry.load_registry(str(path))
    except (OSError, ValueError) as error:
        raise CollectionError(
            f"{Path(path).name} cannot be read as a registry: {error}; take it anew "
            "from the repository of the course"
        ) from error
    return registry.registry


def patient_hash(
    hu: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float]
) -> str:
    """Return the hash of a prepared patient: of voxels and spacing, not of files.

    Compressed files of the same voxels differ from one version of zlib to the next.

    Args:
        hu: (z, y, x), whole HU.
        labels: (z, y, x), uint8.
        spacing_mm: voxel size (z, y, x), mm; counted to 0.1 µm.

    Returns:
        The hash, with its kind in front.

    Example:
        >>> air = np.full((1, 2, 2), -1000.0)
        >>> patient_hash(air, np.zeros((1, 2, 2)), (3.0, 1.0, 1.0))[:15]
        'sha256:26bae3cf'
    """
    spacing = " ".join(f"{mm:.4f}" for mm in spacing_mm)
    digest = hashlib.sha256(f"{hu.shape} {spacing} ".encode())
    digest.update(np.ascontiguousarray(hu, dtype="<i2").tobytes())
    digest.update(np.ascontiguousarray(labels, dtype=np.uint8).tobytes())
    return f"sha256:{digest.hexdigest()}"


def folder_hash(folder: Path) -> str:
    """Return the hash of all files of a folder, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return f"sha256:{digest.hexdigest()}"


class Lock:
    """Hashes of things whose publisher gives none: kept at first use, then compared.

    Args:
        path: JSON file beside the data.
        registry: hashes known beforehand; they come first and are never changed.
    """

    def __init__(self, path: Path, registry: Mapping[str, str]) -> None:
        self.path, self.registry = path, registry

    def verify(self, name: str, found: str) -> bool:
        """Compare a hash with the known one, or keep it where none is known.

        Args:
            name: of the thing.
            found: its hash.

        Returns:
            Whether the registry knew it; False means: kept, or equal to what was kept.

        Raises:
            CollectionError: if the hashes differ, or the lock file is damaged.
        """
        kept = self._read()
        known = self.registry.get(name, kept.get(name))
        if known is None:
            text = json.dumps(kept | {name: found}, indent=1, sort_keys=True)
            write_text(self.path, text + "\n")
        elif known != found:
            where = "registry" if name in self.registry else self.path.name
            raise CollectionError(
                f"{name} must have {known} ({where}), got {found}: it was changed or "
                "damaged; nothing of it was kept. Run the same command again; if it "
                "stays so, the publisher has changed the data: do not use them"
            )
        return name in self.registry

    def _read(self) -> dict[str, str]:
        if not self.path.is_file():
            return {}
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(name): str(value) for name, value in kept.items()}
        except (ValueError, AttributeError) as error:
            raise CollectionError(
                f"{self.path} cannot be read ({error}): delete it, and the data beside "
                "it if you cannot trust them, then run the same command again"
            ) from error
