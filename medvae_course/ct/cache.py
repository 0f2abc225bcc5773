"""Prepared arrays kept on disk: never pickled, never half-written, never stale."""

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import platformdirs

from .atomic import replacing


def cache_dir() -> Path:
    """Return the folder for prepared data: `MEDVAE_DATA_DIR`, or the user's cache."""
    chosen = os.environ.get("MEDVAE_DATA_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("medvae_course")


def code_version() -> str:
    """Return what changes when the code that prepares the data does."""
    files = sorted(Path(__file__).parent.glob("**/*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def cached(
    key: str, prepare: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return the arrays kept under a key, or prepare and keep them.

    Args:
        key: everything that the arrays depend on.
        prepare: makes the arrays; called only where none are kept.

    Returns:
        Name → array.

    Raises:
        OSError: if the arrays cannot be written; the message names the remedy.
    """
    path = cache_dir() / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    with _naming_the_remedy(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)  # before the long work
    arrays = prepare()
    with _naming_the_remedy(path.parent):
        with replacing(path) as beside:  # others may prepare the same data now
            np.savez(beside, **arrays)
    return arrays


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """Return what is kept, or None where nothing is, or where it is damaged."""
    try:
        # opened here: NumPy forgets to close what turns out not to be a zip
        with path.open("rb") as stream, zipfile.ZipFile(stream):
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as kept:
                return {name: kept[name] for name in kept.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


@contextlib.contextmanager
def _naming_the_remedy(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"prepared data must be kept on disk, but {folder} cannot take them "
            f"({error.strerror or error}): make room there, or set MEDVAE_DATA_DIR to "
            "another folder",
        ) from error
