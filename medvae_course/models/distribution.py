"""Training on several devices, and in several processes, by the engines that exist.

`fit` calls `Model.fit` under `keras.distribution.DataParallel` on JAX and under
`tf.distribute` on TensorFlow: each device has all weights and takes its part of every
batch, and the gradients of all parts are averaged before a step.

Several processes learn of each other from the environment:

- JAX: `KERAS_DISTRIBUTION_JOB_ADDRESSES`, the address of the first process as
  host:port, `KERAS_DISTRIBUTION_NUM_PROCESSES` and `KERAS_DISTRIBUTION_PROCESS_ID`;
- TensorFlow: `TF_CONFIG`, see `tf.distribute.MultiWorkerMirroredStrategy`.

No other module of this room names a backend. Here Keras leaves it to them.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras

from .autoencoders import Autoencoder
from .probabilistic import ProbabilisticUNet
from .segmentation_losses import DiceCrossEntropy
from .variational import VAE

_MEANS = (VAE, ProbabilisticUNet)
"""Models whose `compute_loss` returns the mean over the images that it is given."""


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
        make: sets the seed (`training.set_seed`), makes a model and compiles it.
        feed: batches, such as `feeding.BlockFeed`; their size must be divisible by the
            number of all devices.
        validation: batches of the same kind, for `validation_data`.
        **options: those of `Model.fit`, such as `epochs` and `callbacks`.

    Returns:
        The trained model, with `history`.

    Raises:
        ValueError: if the backend is PyTorch, a batch cannot be divided, or several
            devices of TensorFlow would change the loss.

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
        if keras.backend.backend() == "tensorflow" and n_devices > 1:
            _prepare(model, n_devices)
        shares = [
            None if batches is None else _Share(batches, n_devices, part, n_parts)
            for batches in (feed, validation)
        ]
        model.fit(shares[0], validation_data=shares[1], shuffle=False, **options)
    model.__dict__.pop("compute_loss", None)  # what `_prepare` put there
    return model


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
        strategy = _strategy()
        with strategy.scope():
            yield strategy.num_replicas_in_sync, 0, 1  # it divides batches itself
    else:
        raise ValueError(
            f"several devices need TensorFlow or JAX, got {backend!r}, on which "
            "`Model.fit` trains on one: set KERAS_BACKEND=jax; what was trained there "
            "is loaded on any backend"
        )


# === JAX ===


def _join_processes() -> None:
    import jax

    several = "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ
    if several and not jax.distributed.is_initialized():
        keras.distribution.initialize()


# === TensorFlow ===


@functools.cache  # a second strategy in a process mixes up its messages with the first
def _strategy():
    import tensorflow as tf

    if os.environ.get("TF_CONFIG"):
        return _strategy_of_processes()
    found = tf.config.list_logical_devices
    return tf.distribute.MirroredStrategy(
        [device.name for device in found("GPU") or found("CPU")]
    )


def _strategy_of_processes():
    """Return the strategy that TF_CONFIG describes, mended for Keras 3.

    Keras asks it for the mean of tuples, and of scalars along an axis, which TensorFlow
    refuses: https://github.com/keras-team/keras/issues/20585
    """
    import tensorflow as tf

    class Strategy(tf.distribute.MultiWorkerMirroredStrategy):
        def reduce(self, reduce_op, value, axis):
            if isinstance(value, tuple | list | dict):
                return keras.tree.map_structure(
                    lambda part: self.reduce(reduce_op, part, axis), value
                )
            is_scalar = not self.experimental_local_results(value)[0].shape.rank
            return super().reduce(reduce_op, value, None if is_scalar else axis)

    return Strategy()


def _prepare(model: keras.Model, n_devices: int) -> None:
    """Make a model right for replicas, each of which knows its own images only.

    TensorFlow adds up the gradients of the replicas. What `compile` and `add_loss` were
    given Keras divides by their number; not so what an own `compute_loss` returns.
    """
    of_batch = [
        layer.name
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if isinstance(model.loss, DiceCrossEntropy) or of_batch:
        raise ValueError(
            "Dice and batch normalisation need the whole batch, of which a device of "
            f"TensorFlow sees its part, got {model.loss!r} and layers {of_batch}: set "
            "KERAS_BACKEND=jax, or another loss and layers"
        )
    if isinstance(model, VAE) and (model.fitted is not None or model.free_bits):
        raise ValueError(
            "a measured `sigma` and `free_bits` need the whole batch, of which a device"
            f" of TensorFlow sees its part, got sigma={model.sigma!r} and free_bits="
            f"{model.free_bits}: set KERAS_BACKEND=jax, or give a number and 0"
        )
    if isinstance(model, _MEANS):
        mean = model.compute_loss
        model.compute_loss = lambda *args, **named: mean(*args, **named) / n_devices
        _tell_noise_apart(model.sampling.seed_generator.state)
    elif type(model).compute_loss not in (
        keras.Model.compute_loss,
        Autoencoder.compute_loss,
    ):
        raise ValueError(
            f"the loss of `compile` can be divided among devices, got a `compute_loss` "
            f"of {type(model).__name__}: set KERAS_BACKEND=jax"
        )


def _tell_noise_apart(state: keras.Variable) -> None:
    """Add the number of each replica to its seed: they would draw the same noise."""
    import tensorflow as tf

    @tf.function
    def add_number() -> None:
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        state.assign(state + keras.ops.stack([number, 0]))

    tf.distribute.get_strategy().run(add_number)
