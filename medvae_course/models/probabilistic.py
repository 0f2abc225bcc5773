"""A U-Net that draws several segmentations of one image, as several people would."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from .layers import Sampling, reparametrise
from .losses import Tensor, sum_per_image
from .segmenters import unet
from .variational import LOG_VAR_RANGE


def kl_between(
    mean: Tensor, log_var: Tensor, other_mean: Tensor, other_log_var: Tensor
) -> Tensor:
    r"""Kullback-Leibler divergence between two Gaussians of independent latents.

    $\frac12\sum_j \log\frac{\tau_j^2}{\sigma_j^2}
    + \frac{\sigma_j^2 + (\mu_j-\nu_j)^2}{\tau_j^2} - 1$, from $N(\mu, \sigma^2)$ to
    $N(\nu, \tau^2)$.

    Args:
        mean: means of the first, (batch, latent_dim).
        log_var: logarithms of its variances.
        other_mean: means of the second.
        other_log_var: logarithms of its variances.

    Returns:
        float32 (batch,), nats, not negative.

    Example:
        >>> import numpy as np
        >>> zero, one = np.zeros((1, 2), "float32"), np.ones((1, 2), "float32")
        >>> ops.convert_to_numpy(kl_between(one, zero, zero, zero)).tolist()
        [1.0]

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), appendix B, with
        another prior.
    Taught in: chapter 15.
    """
    gap = ops.subtract(log_var, other_log_var)
    squares = ops.square(ops.subtract(mean, other_mean))
    squares = squares * ops.exp(ops.negative(other_log_var))
    return 0.5 * sum_per_image(squares + ops.expm1(gap) - gap)


@keras.saving.register_keras_serializable(package="medvae_course")
class ProbabilisticUNet(keras.Model):
    r"""A U-Net with a latent that says which of the possible outlines is meant.

    A prior network looks at the image, a posterior network at image and labels; a
    sample of the latent joins the last features of the U-Net, and convolutions of one
    pixel make the logits. `fit(images, labels)`, with the labels of one rater at a
    time, minimises the negative of a lower bound of $\log p(y|x)$, in nats per image:
    $-\log p(y|x,z) + \beta D_{KL}(q(z|x,y)\,\|\,p(z|x))$.

    Called on images it is a segmenter: logits with the latent at the mean of the prior.

    Args:
        features: model from images to feature maps of the same height and width.
        prior: model from images to [mean, log_var] of the latent.
        posterior: model from [images, one-hot labels] to the same.
        combination: model from [feature maps, latent] to logits.
        beta: weight of the divergence in the loss; not negative.
        seed: start of the sequence of samples.
        **kwargs: those of `keras.Model`.

    Raises:
        ValueError: if `beta` is negative.

    Source: Kohl et al., A probabilistic U-Net for segmentation of ambiguous images
        (2018), section 2.
    Taught in: chapter 15.
    """

    def __init__(
        self,
        features: keras.Model,
        prior: keras.Model,
        posterior: keras.Model,
        combination: keras.Model,
        *,
        beta: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not beta >= 0:
            raise ValueError(f"`beta` must not be negative, got {beta}")
        self.features, self.prior = features, prior
        self.posterior, self.combination = posterior, combination
        self.beta, self.seed = beta, seed
        self.sampling = Sampling(seed, dtype="float32", name="sampling")
        self.trackers = {
            name: keras.metrics.Mean(name=name)
            for name in ("elbo", "kl", "reconstruction_nll")
        }
        self.built = True

    # === Verbs ===

    def sample(self, images: Tensor, n: int, *, seed: int) -> Tensor:
        """Return logits of `n` draws from the prior, (n, batch, h, w, n_classes)."""
        maps, (mean, log_var) = self.features(images), _clipped(self.prior(images))
        noise = keras.random.normal((n, *ops.shape(mean)), seed=seed)
        draws = [reparametrise(mean, log_var, noise[i]) for i in range(n)]
        return ops.stack([self.combination([maps, z]) for z in draws])

    def nll(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the cross-entropy, a sum over pixels: (batch,), nats per image."""
        return sum_per_image(
            keras.losses.sparse_categorical_crossentropy(
                ops.cast(labels, "int32"), logits, from_logits=True
            )
        )

    # === Training ===

    def call(self, images, training=False):
        """Return the logits at the mean of the prior."""
        mean, _ = self.prior(images, training=training)
        return self.combination([self.features(images, training=training), mean])

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return the negative lower bound, mean over the batch, nats per image."""
        if y is None or sample_weight is not None:
            raise ValueError(
                "the bound needs labels and has no weights: call fit(images, labels)"
            )
        x = ops.convert_to_tensor(x)  # Keras takes no list that mixes it with tensors
        prior = _clipped(self.prior(x, training=training))
        n_classes = self.combination.output_shape[-1]
        one_hot = ops.one_hot(ops.cast(y, "int32"), n_classes, dtype="float32")
        posterior = _clipped(self.posterior([x, one_hot], training=training))
        if training:
            z = self.sampling(posterior, training=True)
        else:  # the same draws each time, so that `evaluate` repeats itself
            noise = keras.random.normal(ops.shape(posterior[0]), seed=self.seed)
            z = reparametrise(*posterior, noise)
        maps = self.features(x, training=training)
        nll = self.nll(y, self.combination([maps, z], training=training))
        kl = kl_between(*posterior, *prior)
        self.trackers["elbo"].update_state(-nll - kl)
        self.trackers["kl"].update_state(kl)
        self.trackers["reconstruction_nll"].update_state(nll)
        return ops.mean(nll + self.beta * kl)

    # === Config ===

    def compute_output_shape(self, input_shape):
        """Return the shape of the logits."""
        return (*input_shape[:-1], self.combination.output_shape[-1])

    def get_config(self):
        """Return the arguments that make an equal model."""
        serialize = keras.saving.serialize_keras_object
        parts = {name: serialize(getattr(self, name)) for name in _PARTS}
        own = {"beta": self.beta, "seed": self.seed}
        return {**super().get_config(), **parts, **own}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make the model that `get_config` described."""
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in _PARTS
        }
        return cls(**{**config, **parts})


_PARTS = ("features", "prior", "posterior", "combination")


# === Functional models ===


def probabilistic_unet(
    image_shape: Sequence[int],
    n_classes: int,
    *,
    latent_dim: int = 4,
    filters: Sequence[int] = (8, 16, 32),
    activation: str = "leaky_relu",
    **options: Any,
) -> ProbabilisticUNet:
    """Make a small probabilistic U-Net.

    Args:
        image_shape: (height, width, channels), pixels; height and width divisible by 2
            to the power of the number of stages.
        n_classes: of the pixels, with the background.
        latent_dim: numbers that tell one outline from another.
        filters: channels after each halving, in all three networks.
        activation: that of the hidden layers.
        **options: `beta` and `seed` of `ProbabilisticUNet`.

    Returns:
        A model that is not compiled: give `compile` an optimizer and no loss.

    Raises:
        ValueError: if the image cannot be halved so often.

    Example:
        >>> model = probabilistic_unet((8, 8, 1), 2, filters=(4,))
        >>> tuple(model.sample(keras.ops.zeros((3, 8, 8, 1)), 5, seed=0).shape)
        (5, 3, 8, 8, 2)

    Source: Kohl et al. (2018), with one convolution for each halving.
    Taught in: chapter 15.
    """
    whole = unet(image_shape, n_classes, filters=filters, activation=activation)
    features = keras.Model(whole.inputs[0], whole.layers[-1].input, name="features")
    image = keras.Input(tuple(image_shape))
    prior = _gaussian(image, [image], latent_dim, filters, activation, "prior")
    height, width, _ = image_shape
    one_hot = keras.Input((height, width, n_classes))
    both = layers.Concatenate()([image, one_hot])
    posterior = _gaussian(
        both, [image, one_hot], latent_dim, filters, activation, "posterior"
    )
    maps, z = keras.Input(features.output_shape[1:]), keras.Input((latent_dim,))
    x = layers.Reshape((1, 1, latent_dim))(z)
    x = layers.Concatenate()([maps, layers.UpSampling2D((height, width))(x)])
    for _ in range(2):
        x = layers.Conv2D(filters[0], 1, activation=activation)(x)
    logits = layers.Conv2D(n_classes, 1, dtype="float32", name="logits")(x)
    combination = keras.Model([maps, z], logits, name="combination")
    return ProbabilisticUNet(features, prior, posterior, combination, **options)


def _gaussian(x, inputs, latent_dim, filters, activation, name):
    """Halve once for each stage, average over the image, and end in two heads."""
    for channels in filters:
        x = layers.Conv2D(
            channels, 4, strides=2, padding="same", activation=activation
        )(x)
    x = layers.GlobalAveragePooling2D()(x)
    heads = [layers.Dense(latent_dim, dtype="float32")(x) for _ in ("mean", "log_var")]
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, heads, name=name)


def _clipped(gaussian):
    mean, log_var = gaussian
    return mean, ops.clip(log_var, *LOG_VAR_RANGE)
