"""Public CT collections: fetched with verification, prepared, found again by name.

The scripts in `data_scripts/` call this package; the course's lessons never do, and
nothing here touches the network when it is imported.
"""

from .archive import ArchiveError, check_archive, extract
from .checksums import Lock, folder_hash, patient_hash, read_registry
from .downloads import DownloadError, download, has_hash
from .medmnist import ORGANAMNIST, Pictures, read_medmnist
from .pinned import PinnedSeries, fetch_patient, read_pinned, write_labels
from .places import (
    SCRIPTS,
    CollectionError,
    collection_dir,
    find_collection,
    finish_collection,
)

__all__ = [
    "ORGANAMNIST",
    "SCRIPTS",
    "ArchiveError",
    "CollectionError",
    "DownloadError",
    "Lock",
    "Pictures",
    "PinnedSeries",
    "check_archive",
    "collection_dir",
    "download",
    "extract",
    "fetch_patient",
    "find_collection",
    "finish_collection",
    "folder_hash",
    "has_hash",
    "patient_hash",
    "read_medmnist",
    "read_pinned",
    "read_registry",
    "write_labels",
]
