"""Slices of many patients on disk, for training sets larger than memory.

`build` decodes each CT once, several at a time, into one array that is mapped into
memory when it is read; `open_store` opens it. A store is a folder of

- `hu.npy`: int16 (n, pixels, pixels), HU; what was interpolated is rounded to whole HU;
- `labels.npy`: uint8 of the same shape, where the patients have labels;
- `position.npy`: float32 (n,), 0 for a patient's lowest slice, 1 for the highest;
- `index.json`: which rows are whose, spacing, names of labels, and what it was made of.

To train on it::

    kept = store.open_store(folder)
    parts = datasets.split_by_patient(kept.patients)
    feed = feeding.BlockFeed(
        kept.hu,
        patients=kept.patients,
        rows=kept.rows_of(parts["train"]),
        prepare=store.tabulate(hounsfield.to_model_units),
    )
    model.fit(feed, shuffle=False)
"""

from .builder import Item, Readable, build
from .opened import Mapped, Store, StoreError, open_store, tabulate

__all__ = [
    "Item",
    "Mapped",
    "Readable",
    "Store",
    "StoreError",
    "build",
    "open_store",
    "tabulate",
]
