"""Replicas of TensorFlow, one on each device, that train a model like one device.

`distribution.fit` uses them under TensorFlow. What Keras leaves out there is mended.
"""

import functools
import os
from collections.abc import Callable

import keras

from .autoencoders import Autoencoder
from .probabilistic import ProbabilisticUNet
from .segmentation_losses import DiceCrossEntropy
from .variational import VAE

_MEANS = (VAE, ProbabilisticUNet)
"""Models whose `compute_loss` returns the mean over the images that it is given."""


@functools.cache  # a second strategy in a process mixes up its messages with the first
def strategy():
    """Return the strategy for all devices, of all processes that TF_CONFIG names.

    Source: TensorFlow, `tf.distribute`.
    Taught in: recipe "Scale out".
    """
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


def prepare(model: keras.Model, n_devices: int) -> None:
    """Make a model right for replicas, each of which knows its own images only.

    TensorFlow adds up the gradients of the replicas. What `compile` and `add_loss` were
    given Keras divides by their number; not so what an own `compute_loss` returns.

    Args:
        model: compiled, made within the strategy's scope.
        n_devices: number of replicas.

    Raises:
        ValueError: if the model has no weights yet, or its loss needs the whole batch.

    Source: Keras, `Trainer` of its TensorFlow backend.
    Taught in: recipe "Scale out".
    """
    of_batch = [
        layer.name
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not (model.built or model.weights):
        raise ValueError(
            "several devices of TensorFlow need a model whose weights are there, got "
            f"{type(model).__name__} that is not built: let `make` give it the shape of"
            " its input"
        )
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


def released(make: Callable[[], keras.Model], trained: keras.Model) -> keras.Model:
    """Return the trained model as it is on one device, without a strategy.

    The one that was trained stays bound to its replicas, and divides what is no longer
    divided.

    Args:
        make: makes and compiles such a model.
        trained: one that was trained within the strategy's scope.

    Returns:
        A model with its weights, its history and the state of its optimizer.

    Source: none; Keras keeps the strategy that a model was made in.
    Taught in: recipe "Scale out".
    """
    model = make()
    model.set_weights(trained.get_weights())
    if model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)
        state = zip(model.optimizer.variables, trained.optimizer.variables, strict=True)
        for mine, found in state:
            mine.assign(keras.ops.convert_to_numpy(found))
    model.history = trained.history
    return model


def _tell_noise_apart(state: keras.Variable) -> None:
    """Add the number of each replica to its seed: they would draw the same noise."""
    import tensorflow as tf

    @tf.function
    def add_number() -> None:
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        state.assign(state + keras.ops.stack([number, 0]))

    tf.distribute.get_strategy().run(add_number)
