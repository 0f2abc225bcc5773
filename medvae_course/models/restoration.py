"""Restoration: what would this image look like, were it usual?

An image is changed step by step so that a trained VAE finds it more likely, while it
may leave the measured one only in few, connected places. What had to be changed most is
most suspicious.
"""

import keras
import numpy as np
from keras import ops

from .losses import Tensor, kl, sum_per_image
from .variational import VAE


def total_variation(images: Tensor) -> Tensor:
    """Sum of the absolute differences of neighbouring pixels of each image.

    Args:
        images: (batch, height, width, channels), any unit.

    Returns:
        (batch,), same unit.

    Example:
        >>> square = np.zeros((1, 6, 6, 1), "float32")
        >>> square[:, 2:4, 2:4] = 1
        >>> float(total_variation(square)[0])
        8.0

    Source: Rudin, Osher and Fatemi, Physica D 60 (1992) 259-268, anisotropic.
    Taught in: chapter 13.
    """
    down = ops.abs(images[:, 1:] - images[:, :-1])
    across = ops.abs(images[:, :, 1:] - images[:, :, :-1])
    return sum_per_image(down) + sum_per_image(across)


class _Restorer(keras.Model):
    """Images as weights: `fit` moves them, on whatever backend Keras runs.

    The VAE is hidden in a function, so that Keras does not count its weights as ours.
    """

    def __init__(self, model: VAE, images: np.ndarray, weight: float) -> None:
        super().__init__(name="restorer")
        self.images = self.add_weight(
            shape=images.shape,
            initializer=keras.initializers.Constant(0.0),
            name="images",
        )
        self.images.assign(images)
        self.measured = lambda: ops.convert_to_tensor(images)
        self.vae = lambda: model
        self.tv_weight = float(weight)
        self.built = True

    def call(self, x):
        """Return the restored images; `x` only says that a step is wanted."""
        return self.images + 0.0 * ops.sum(x)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Negative bound at the mean of the code, plus weighted change, nats."""
        model = self.vae()
        z_mean, z_log_var = model.encode(y_pred)
        nll = model.nll(y_pred, model.decoder(z_mean))
        change = total_variation(y_pred - self.measured())
        return ops.sum(nll + kl(z_mean, z_log_var) + self.tv_weight * change)


def restore(
    model: VAE,
    x: np.ndarray,
    *,
    tv_weight: float,
    steps: int = 30,
    learning_rate: float = 0.02,
    batch_size: int = 256,
) -> np.ndarray:
    r"""Move images towards what a VAE finds likely, by gradient steps on the pixels.

    Minimised over $y$, from $y = x$, is $-\mathcal L(y) + \lambda\,TV(y - x)$ in nats:
    $\mathcal L$ is the evidence lower bound, its likelihood taken at the mean of the
    code. Adam moves each pixel by about `learning_rate` in the first steps and by less
    and less in later ones. The steps are those
    of `keras.Model.fit` on a model whose weights are the images, so any backend can
    take them; the VAE itself is left as it was.

    Args:
        model: a trained `VAE`.
        x: images as the model was trained on, (n, height, width, channels), model
            units, float.
        tv_weight: $\lambda$, nats per model unit: the larger, the less is changed.
        steps: gradient steps.
        learning_rate: of Adam's first step, model units.
        batch_size: images restored at a time; it bounds the memory.

    Returns:
        float32 restored images, shape and unit of `x`.

    Raises:
        ValueError: if the weight is negative, or there is no step or no image.

    Example:
        >>> from medvae_course.models import vae
        >>> model = vae.dense_vae((8, 8, 1), 3, hidden=())
        >>> x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> restore(model, x, tv_weight=1.0, steps=2).shape
        (4, 8, 8, 1)

    Source: X. Chen, S. You, K. C. Tezcan and E. Konukoglu, Unsupervised lesion
        detection via image restoration with a normative prior, Medical Image Analysis
        64 (2020) 101713; here the bound's likelihood is taken at the code's mean.
    Taught in: chapter 13.
    """
    x = np.asarray(x, dtype=np.float32)
    if tv_weight < 0 or steps < 1 or not len(x):
        raise ValueError(
            "`tv_weight` must not be negative, `steps` and the number of images at "
            f"least 1, got {tv_weight}, {steps} and {len(x)}"
        )
    restored = np.empty_like(x)
    for start in range(0, len(x), batch_size):
        part = x[start : start + batch_size]
        restorer = _Restorer(model, part, tv_weight)
        shrinking = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        restorer.compile(keras.optimizers.Adam(shrinking))
        # one batch is one step; its content plays no part
        restorer.fit(np.zeros((steps, 1), "float32"), batch_size=1, verbose=0)
        restored[start : start + batch_size] = ops.convert_to_numpy(restorer.images)
    return restored
