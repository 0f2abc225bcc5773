"""Prepared arrays kept on disk: never pickled, never half-written, never stale."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs


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
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        path.unlink(missing_ok=True)  # damaged: made anew below
    arrays = prepare()
    # Written beside its place and renamed: two processes may prepare the same data.
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            np.savez(stream, **arrays)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        size_mb = sum(array.nbytes for array in arrays.values()) / 1e6
        raise OSError(
            error.errno,
            f"prepared data of {size_mb:.0f} MB cannot be kept in {path.parent} "
            f"({error.strerror}): make room there, or set MEDVAE_DATA_DIR to another "
            "folder",
        ) from error
    return arrays
