"""A store on disk, opened for reading."""

import json
import mmap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

INDEX = "index.json"


class StoreError(ValueError):
    """A store that cannot be built or opened; the message says why."""


class Mapped:
    """An array on disk, read where it is indexed; memory is given back at once.

    Args:
        path: `.npy` file.

    Attributes:
        array: the array, mapped read-only; what is read through it stays mapped until
            the system wants the memory back.
    """

    def __init__(self, path: Path) -> None:
        self.array = np.load(path, mmap_mode="r", allow_pickle=False)
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, key) -> np.ndarray:
        part = np.array(self.array[key])
        # else every page ever read counts as memory of this process
        if hasattr(mmap, "MADV_DONTNEED"):
            self.array._mmap.madvise(mmap.MADV_DONTNEED)
        return part


@dataclass(frozen=True, eq=False)
class Store:
    """Slices of many patients, opened from disk.

    Args:
        hu: int16 (n, pixels, pixels), HU; `hu[rows]` reads these rows.
        labels: uint8 of the same shape, or None.
        patients: str (n,), whose slice it is; a patient's rows lie together, lowest
            slice first.
        position: float32 (n,), 0 for a patient's lowest slice, 1 for the highest.
        spacing_mm: float32 (n, 3), voxel size (z, y, x) of the slice as stored, mm.
        label_names: label value → name.
    """

    hu: Mapped
    labels: Mapped | None
    patients: np.ndarray
    position: np.ndarray
    spacing_mm: np.ndarray
    label_names: dict[int, str]

    def __len__(self) -> int:
        return len(self.hu)

    def rows_of(self, patients: Iterable[str]) -> np.ndarray:
        """Return the rows of some patients, ascending; see `split_by_patient`."""
        return np.flatnonzero(np.isin(self.patients, list(patients)))


def tabulate(function: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """Turn a function of HU into a table of all whole HU: the same values, sooner.

    Looking up a batch takes a fraction of the time that computing it takes.

    Args:
        function: of an array of HU, value by value, as `hounsfield.to_model_units`.

    Returns:
        A function of int16 HU, any shape; float32 with one axis more, for channels.

    Example:
        >>> to_model = tabulate(lambda hu: np.clip(hu / 1000, 0, 1))
        >>> to_model(np.array([[-5, 500]], np.int16)).tolist()
        [[[0.0], [0.5]]]
    """
    # in the order of the bits read as unsigned: 0 to 32767, then -32768 to -1
    every = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
    table = np.asarray(function(every.astype(np.float64)), np.float32)

    def look_up(hu: np.ndarray) -> np.ndarray:
        if hu.dtype != np.int16:
            raise ValueError(f"a table needs int16 HU, as a store has, got {hu.dtype}")
        return np.take(table, np.ascontiguousarray(hu).view(np.uint16))[..., None]

    return look_up


def open_store(folder: str | Path) -> Store:
    """Open a store for reading.

    Args:
        folder: as `build` made it.

    Returns:
        The store; nothing but its index is read.

    Raises:
        StoreError: if the folder is no store, or is damaged.
    """
    folder = Path(folder)
    index = read_index(folder)
    try:
        counts = [entry["n"] for entry in index["patients"]]
        spacing_mm = np.array([entry["spacing_mm"] for entry in index["patients"]])
        names = np.array([entry["patient"] for entry in index["patients"]])
        labels = folder / "labels.npy"
        store = Store(
            hu=Mapped(folder / "hu.npy"),
            labels=Mapped(labels) if labels.exists() else None,
            patients=np.repeat(names, counts),
            position=np.load(folder / "position.npy", allow_pickle=False),
            spacing_mm=np.repeat(spacing_mm.astype(np.float32), counts, axis=0),
            label_names={int(k): str(v) for k, v in index["label_names"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise _damaged(folder, error) from error
    n = {len(store.hu), len(store.patients), len(store.position)}
    if len(n) > 1 or (store.labels and store.labels.shape != store.hu.shape):
        raise _damaged(folder, f"its arrays have {sorted(n)} rows")
    return store


def read_index(folder: Path) -> dict:
    """Read what a store says of itself.

    Args:
        folder: of the store.

    Returns:
        The content of `index.json`.

    Raises:
        StoreError: if the folder is no store.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        str(index["made_of"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error
    return index


def _damaged(folder: Path, reason: object) -> StoreError:
    return StoreError(
        f"{folder} is no store, or is damaged ({reason}): delete it and build it anew, "
        "or choose another folder"
    )
