"""Training on several devices, and in several processes, by the engines that exist.

`fit` calls `Model.fit` under `keras.distribution.DataParallel` on JAX and under
`tf.distribute` on TensorFlow: each device has all weights and takes its part of every
batch, and the gradients of all parts are averaged before a step.

Several processes learn of each other from the environment:

- JAX: `KERAS_DISTRIBUTION_JOB_ADDRESSES`, the address of the first process as
  host:port, `KERAS_DISTRIBUTION_NUM_PROCESSES` and `KERAS_DISTRIBUTION_PROCESS_ID`;
- TensorFlow: `TF_CONFIG`, see `tf.distribute.MultiWorkerMirroredStrategy`.

Here and in `replicas` a backend is named: Keras leaves this to them.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras

from . import replicas


def fit(
    make: Callable[[], keras.Model],
    feed: keras.utils.PyDataset,
    *,
    validation: keras.utils.PyDataset | None = None,
    **options: Any,
) -> keras.Model:
    """Train on all devices: the same steps as on one device, within rounding.

    A batch of `feed` is the batch of a step, however many devices divide it. Its last
    batch is left out where it is smaller, for no device may be left without images.
    Every process calls this function, first of all, with the same arguments.

    On JAX the noise of a VAE is that of one device; on TensorFlow each device draws its
    own, by the model's seed plus the number of the device.

    Args:
        make: sets the seed (`training.set_seed`), makes a model and compiles it. On
            several devices of TensorFlow it is called once more at the end.
        feed: batches, such as `feeding.BlockFeed`; their size must be divisible by the
            number of all devices.
        validation: batches of the same kind, for `validation_data`.
        **options: those of `Model.fit`, such as `epochs` and `callbacks`.

    Returns:
        The trained model, with `history` and the state of its optimizer; it goes on, or
        is evaluated, on one device.

    Raises:
        ValueError: if the backend is PyTorch, a batch cannot be divided, or several
            devices of TensorFlow would change the loss or find no weights yet.

    Example:
        >>> import numpy as np
        >>> from medvae_course.models import autoencoders, feeding, training
        >>> def make():
        ...     training.set_seed(0)
        ...     model = autoencoders.dense_autoencoder((4, 4, 1), 2, hidden=())
        ...     model.compile("adam", loss="mse")
        ...     return model
        >>> x = np.zeros((8, 4, 4, 1), "float32")
        >>> feed = feeding.BlockFeed(x, patients=["a"] * 8, batch_size=4)
        >>> fit(make, feed, epochs=2, verbose=0).history.history["loss"]
        [0.0, 0.0]

    Source: Keras, `keras.distribution.DataParallel`; TensorFlow, `tf.distribute`.
    Taught in: recipe "Scale out".
    """
    with _engine() as (n_devices, part, n_parts):
        model = make()
        divided = keras.backend.backend() == "tensorflow" and n_devices > 1
        if divided:
            replicas.prepare(model, n_devices)
        shares = [
            None if batches is None else _Share(batches, n_devices, part, n_parts)
            for batches in (feed, validation)
        ]
        model.fit(shares[0], validation_data=shares[1], shuffle=False, **options)
    return replicas.released(make, model) if divided else model


def is_first() -> bool:
    """Return whether this is the process that saves and reports: of one, that one.

    Example:
        >>> is_first()
        True

    Source: the variables that this module names; TensorFlow, `TF_CONFIG`.
    Taught in: recipe "Scale out".
    """
    if keras.backend.backend() == "jax":
        return os.environ.get("KERAS_DISTRIBUTION_PROCESS_ID", "0") == "0"
    config = json.loads(os.environ.get("TF_CONFIG") or "{}")
    task = config.get("task", {"type": "worker", "index": 0})
    first = "chief" if "chief" in config.get("cluster", {}) else "worker"
    return task["type"] == first and int(task["index"]) == 0


class _Share(keras.utils.PyDataset):
    """This process's part of every whole batch: neighbours, in the order of the feed.

    Args:
        feed: batches of all processes.
        n_devices: of all processes.
        part: which part is wanted.
        n_parts: of how many.

    Raises:
        ValueError: if a batch cannot be divided among the devices.
    """

    def __init__(
        self, feed: keras.utils.PyDataset, n_devices: int, part: int, n_parts: int
    ) -> None:
        super().__init__(workers=feed.workers, use_multiprocessing=False)
        size = _size(feed[0])
        if size % n_devices:
            raise ValueError(
                f"a batch must be divisible by the number of devices, {n_devices}, got "
                f"{size} images: feed a multiple of {n_devices}"
            )
        width = size // n_parts
        self.feed, self.rows = feed, slice(part * width, (part + 1) * width)
        self.n_whole = len(feed) - (_size(feed[len(feed) - 1]) < size)

    def __len__(self) -> int:
        return self.n_whole

    def __getitem__(self, index: int) -> Any:
        """Return the part of batch `index`."""
        batch = self.feed[index]
        return keras.tree.map_structure(lambda array: array[self.rows], batch)

    def on_epoch_end(self) -> None:
        """Let the feed begin its next epoch."""
        self.feed.on_epoch_end()


def _size(batch: Any) -> int:
    return len(keras.tree.flatten(batch)[0])


@contextlib.contextmanager
def _engine() -> Iterator[tuple[int, int, int]]:
    """Give how many devices there are, and which part of how many is fed here."""
    backend = keras.backend.backend()
    if backend == "jax":
        _join_processes()
        # `_Share` divides: Keras would divide `tf.data`, which needs TensorFlow, only
        data = keras.distribution.DataParallel(auto_shard_dataset=False)
        with data.scope():
            yield data.num_model_replicas, data.data_shard_id, data.num_processes
    elif backend == "tensorflow":
        strategy = replicas.strategy()
        with strategy.scope():
            yield strategy.num_replicas_in_sync, 0, 1  # it divides batches itself
    else:
        raise ValueError(
            f"several devices need TensorFlow or JAX, got {backend!r}, on which "
            "`Model.fit` trains on one: set KERAS_BACKEND=jax; what was trained there "
            "is loaded on any backend"
        )


def _join_processes() -> None:
    import jax

    several = "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ
    if several and not jax.distributed.is_initialized():
        keras.distribution.initialize()
