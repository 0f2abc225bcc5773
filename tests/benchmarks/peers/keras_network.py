"""The network of `task` in plain Keras, without a line of this course."""

from importlib.metadata import packages_distributions

import keras
import task
from keras import layers, ops

seed = keras.utils.set_random_seed
# `tensorflow-cpu` or `tensorflow`, by machine
PACKAGES = ["keras", packages_distributions()["tensorflow"][0].replace("_", "-")]


def halves(pixels: int) -> tuple[keras.Model, keras.Model]:
    """Return a model from images to [mean, log-variance], and one from codes back."""
    activation = layers.LeakyReLU(task.SLOPE)
    options = {"strides": task.STRIDE, "padding": "same"}
    images = keras.Input((pixels, pixels, 1))
    x = images
    for channels in task.FILTERS:
        x = layers.Conv2D(channels, task.KERNEL, activation=activation, **options)(x)
    smallest = x.shape[1:]
    x = layers.Flatten()(x)
    code = [layers.Dense(task.LATENT)(x), layers.Dense(task.LATENT)(x)]
    codes = keras.Input((task.LATENT,))
    y = layers.Dense(smallest[0] * smallest[1] * smallest[2])(codes)
    y = layers.Reshape(smallest)(y)
    for channels in task.FILTERS[-2::-1]:
        y = layers.Conv2DTranspose(
            channels, task.KERNEL, activation=activation, **options
        )(y)
    y = layers.Conv2DTranspose(1, task.KERNEL, **options)(y)
    return keras.Model(images, code), keras.Model(codes, y)


def kl(mean, log_var):
    """Return the divergence from the prior, nats for each image."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - 1 - log_var, axis=-1)


def nll(images, redrawn):
    """Return the negative log-likelihood but for constants, nats for each image."""
    squares = ops.square((images - redrawn) / task.SIGMA)
    return 0.5 * ops.sum(squares, axis=(1, 2, 3))


class AtStart(keras.callbacks.Callback):
    """Calls a function when an epoch starts."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_epoch_begin(self, epoch, logs=None):
        self.function()


def feed(images, feeding: str, *, twice: bool) -> dict:
    """Return the arguments of `fit` that name the images; `twice` as target too."""
    if feeding == "arrays":
        named = {"x": images, "batch_size": task.BATCH}
        return named | ({"y": images} if twice else {})
    import tensorflow as tf

    made = tf.data.Dataset.from_tensor_slices(images).cache()
    made = made.shuffle(len(images)).batch(task.BATCH)
    if twice:
        made = made.map(lambda x: (x, x))
    return {"x": made.prefetch(tf.data.AUTOTUNE)}
