"""Batches for `fit` from arrays larger than memory, read block by block."""

from collections.abc import Callable

import keras
import numpy as np


class BlockFeed(keras.utils.PyDataset):
    """Feeds `fit` from arrays on disk: shuffled for training, read in runs.

    The rows of each patient are cut into blocks of neighbours, and the blocks, not the
    rows, are shuffled: a batch of 64 with blocks of 8 holds rows of about eight
    patients, and reads the disk in eight places instead of 64. Where the cuts lie and
    in which order the blocks come is drawn anew for each epoch, from `seed` and the
    number of the epoch alone; the first `fit` of a model spends an epoch's number on
    building it. No block holds two patients.

    Give `shuffle=False` to `fit`: Keras would shuffle the batches once more, by a
    generator of its own.

    Args:
        images: array or anything that an index array can index, (n, ...).
        patients: (n,), whose row it is; a patient's rows lie together.
        rows: ascending rows to feed, those of a split for instance; None means all.
        targets: as `images`; None feeds the images alone.
        batch_size: rows per batch; the last batch of an epoch may be smaller.
        block_size: rows per block; 1 shuffles single rows.
        prepare: maps rows of `images` as they are stored to what the model takes, such
            as HU to model units.
        prepare_targets: the same for `targets`.
        shuffle: False feeds the rows in their order, for validation and prediction.
        seed: of the shuffling.
        workers: threads that read batches; 1 reads a batch when its turn comes, on
            TensorFlow ahead of it. More read ahead everywhere, but where Keras builds a
            model first they may go on with batches of that epoch.

    Raises:
        ValueError: if the arrays do not belong together, a patient's rows lie apart,
            or a size is not positive.

    Example:
        >>> feed = BlockFeed(np.arange(6), patients=list("aaabbb"), batch_size=4)
        >>> [len(x) for (x,) in (feed[0], feed[1])]
        [4, 2]

    Source: Keras, `keras.utils.PyDataset`.
    Taught in: chapter 1.
    """

    def __init__(
        self,
        images,
        *,
        patients,
        rows=None,
        targets=None,
        batch_size: int = 64,
        block_size: int = 8,
        prepare: Callable[[np.ndarray], np.ndarray] | None = None,
        prepare_targets: Callable[[np.ndarray], np.ndarray] | None = None,
        shuffle: bool = True,
        seed: int = 0,
        workers: int = 1,
    ):
        super().__init__(workers=workers, use_multiprocessing=False)
        patients = np.asarray(patients)
        every = np.arange(len(patients))
        self.rows = every if rows is None else np.asarray(rows)
        _check(images, patients, self.rows, targets, batch_size, block_size)
        self.images, self.targets = images, targets
        self.prepare, self.prepare_targets = prepare, prepare_targets
        self.batch_size, self.block_size = batch_size, block_size
        self.shuffle, self.seed = shuffle, seed
        owners = patients[self.rows]
        new = np.flatnonzero(owners[1:] != owners[:-1]) + 1
        self.starts = np.concatenate([[0], new, [len(owners)]])
        self.epoch = 0
        self.order = self._draw()

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Return batch `index` of this epoch: (images,) or (images, targets)."""
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        if not len(chosen):
            raise IndexError(f"there are {len(self)} batches, got index {index}")
        arrays = [(self.images, self.prepare)]
        if self.targets is not None:
            arrays.append((self.targets, self.prepare_targets))
        return tuple(_take(array, chosen, prepare) for array, prepare in arrays)

    def on_epoch_end(self) -> None:
        """Draw the blocks of the next epoch."""
        self.epoch += 1
        self.order = self._draw()

    def _draw(self) -> np.ndarray:
        """Return the rows in the order of this epoch."""
        if not self.shuffle:
            return self.rows
        rng = np.random.default_rng([self.seed, self.epoch])
        offset = rng.integers(self.block_size, size=len(self.starts) - 1)
        cuts = [
            np.arange(first - shift, last, self.block_size).clip(first)
            for first, last, shift in zip(
                self.starts[:-1], self.starts[1:], offset, strict=True
            )
        ]
        first = np.unique(np.concatenate(cuts))
        sizes = np.diff(first, append=len(self.rows))
        drawn = rng.permutation(len(first))
        within = np.arange(len(self.rows)) - np.repeat(
            np.cumsum(sizes[drawn]) - sizes[drawn], sizes[drawn]
        )
        return self.rows[np.repeat(first[drawn], sizes[drawn]) + within]


def _take(array, rows: np.ndarray, prepare: Callable | None) -> np.ndarray:
    """Read rows in ascending order, which the disk likes, and prepare them."""
    ascending = np.argsort(rows)
    back = np.empty_like(ascending)
    back[ascending] = np.arange(len(rows))
    taken = np.asarray(array[rows[ascending]])[back]
    return taken if prepare is None else prepare(taken)


def _check(images, patients, rows, targets, batch_size: int, block_size: int) -> None:
    lengths = [len(images), len(patients)]
    if targets is not None:
        lengths.append(len(targets))
    if len(set(lengths)) > 1:
        raise ValueError(
            "`images`, `patients` and `targets` must be of one length, got "
            f"{', '.join(map(str, lengths))}"
        )
    if batch_size < 1 or block_size < 1:
        raise ValueError(
            "`batch_size` and `block_size` must be positive, got "
            f"{batch_size} and {block_size}"
        )
    if rows.ndim != 1 or not len(rows) or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(
            f"`rows` must be a filled list of row numbers, got {rows.dtype} of shape "
            f"{rows.shape}"
        )
    if (np.diff(rows) <= 0).any() or rows[0] < 0 or rows[-1] >= len(patients):
        raise ValueError(
            f"`rows` must ascend within 0 to {len(patients) - 1}, got {rows[0]} to "
            f"{rows[-1]}: sort them, and leave none twice"
        )
    changes = 1 + np.count_nonzero(patients[1:] != patients[:-1])
    if changes != len(np.unique(patients)):
        raise ValueError(
            "the rows of a patient must lie together, got patients that return: sort "
            "the arrays by patient"
        )
