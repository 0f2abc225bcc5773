"""The variational autoencoder as a Keras model; its loss is the negative ELBO."""

from typing import Any

import keras
import numpy as np
from keras import ops

from . import losses
from .layers import Sampling, reparametrise
from .likelihoods import FittedGaussian, check_likelihood
from .losses import Tensor
from .networks import EncoderDecoder

LOG_VAR_RANGE = (-20.0, 10.0)
"""`z_log_var` is clipped to this: standard deviations from 4.5e-5 to 148."""


@keras.saving.register_keras_serializable(package="medvae_course")
class VAE(EncoderDecoder):
    r"""A variational autoencoder with a Gaussian posterior and a normal prior.

    Trained by `compile(optimizer)` and `fit(x)`. The loss is the negative evidence
    lower bound, $-\log p(x|z) + \beta D_{KL}$, in nats per image; the metrics `elbo`
    (always with $\beta = 1$), `kl` and `reconstruction_nll` have the same unit.
    `evaluate` draws its samples from the seed, so that it gives the same numbers
    each time. `model.beta` may be set between epochs, also by a callback.

    Args:
        encoder: model from images to [z_mean, z_log_var].
        decoder: model from codes to the mean of each pixel (`"gaussian"`) or to its
            log-odds (`"bernoulli"`).
        likelihood: `"gaussian"` or `"bernoulli"`.
        sigma: standard deviation of the Gaussian, model units, positive; or
            `"optimal"` for the root mean square of the residuals, measured while
            training; or `"per pixel"` for one such number in each pixel.
        beta: weight of the KL term in the loss; not negative.
        free_bits: nats that each latent may cost, mean over the batch, before the loss
            counts them; not negative.
        seed: start of the sequence of samples.
        **kwargs: those of `keras.Model`.

    Raises:
        ValueError: if one of these is none of the above.

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), equation 10;
        beta: Higgins et al., beta-VAE (2017), equation 4; optimal sigma: Rybkin et al.
        (2021), section 3.3; free bits: Kingma et al., Improved variational inference
        with inverse autoregressive flow (2016), appendix C.8.
    Taught in: chapter 6; sigma that is measured and free bits in chapter 8.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        likelihood: str = "gaussian",
        sigma: float | str = 0.05,
        beta: float = 1.0,
        free_bits: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, **kwargs)
        check_likelihood(likelihood, sigma)
        for name, value in (("beta", beta), ("free_bits", free_bits)):
            if not value >= 0:
                raise ValueError(f"`{name}` must not be negative, got {value}")
        self.likelihood, self.sigma, self.free_bits = likelihood, sigma, free_bits
        # a weight, so that steps which are already compiled see it change
        self._beta = self.add_weight(
            shape=(), initializer="zeros", trainable=False, dtype="float32", name="beta"
        )
        self.beta, self.seed = beta, seed
        self.fitted = None
        if isinstance(sigma, str):
            shape = decoder.output_shape[1:] if sigma == "per pixel" else ()
            self.fitted = FittedGaussian(shape, name="fitted_gaussian")
        self.sampling = Sampling(seed, dtype="float32", name="sampling")
        self.trackers = {
            name: keras.metrics.Mean(name=name)
            for name in ("elbo", "kl", "reconstruction_nll")
        }

    @property
    def beta(self) -> float:
        """The weight of the KL term in the loss, now."""
        # the shortest decimal that float32 tells from its neighbours: 0.1, not 0.100…01
        return float(str(np.float32(ops.convert_to_numpy(self._beta))))

    @beta.setter
    def beta(self, value: float) -> None:
        self._beta.assign(value)

    # === Verbs ===

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `z_mean` and `z_log_var` of images `x`, (batch, latent_dim) each."""
        z_mean, z_log_var = self.encoder(x)
        return z_mean, ops.clip(z_log_var, *LOG_VAR_RANGE)

    def sample(self, z_mean: Tensor, z_log_var: Tensor) -> Tensor:
        """Draw codes from the posterior, shape of `z_mean`; new ones at each call."""
        return self.sampling([z_mean, z_log_var], training=True)

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean images of codes `z`, (batch, height, width, channels)."""
        return self.mean_image(self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the images of the posterior means: the same at each call."""
        return self.decode(self.encode(x)[0])

    def generate(self, n: int, *, seed: int) -> Tensor:
        """Return `n` mean images of codes drawn from the prior with this seed."""
        return self.decode(
            keras.random.normal((n, *self.decoder.input_shape[1:]), seed=seed)
        )

    def elbo(self, x: Tensor, n_samples: int = 1, *, seed: int = 0) -> Tensor:
        """Return the evidence lower bound of each image, (batch,), nats per image.

        The likelihood is averaged over `n_samples` codes per image, the KL is exact.
        """
        z_mean, z_log_var = self.encode(x)
        noise = keras.random.normal((n_samples, *ops.shape(z_mean)), seed=seed)
        nll = sum(
            self.nll(x, self.decoder(reparametrise(z_mean, z_log_var, noise[i])))
            for i in range(n_samples)
        )
        return -nll / n_samples - losses.kl(z_mean, z_log_var)

    # === Likelihood: what `decoded`, the output of the decoder, means ===

    def mean_image(self, decoded: Tensor) -> Tensor:
        """Return the expected image, model units."""
        return ops.sigmoid(decoded) if self.likelihood == "bernoulli" else decoded

    def nll(self, x: Tensor, decoded: Tensor) -> Tensor:
        """Return the negative log-likelihood of `x`, (batch,), nats per image."""
        if self.likelihood == "bernoulli":
            return losses.bernoulli_nll(x, decoded)
        return losses.gaussian_nll(x, decoded, sigma=self.current_sigma)

    @property
    def current_sigma(self) -> float | Tensor:
        """The standard deviation in use when not training, model units.

        A number, or one for each pixel, (height, width, channels).
        """
        return self.sigma if self.fitted is None else self.fitted.sigma

    def calibrate(self, x: Tensor, *, batch_size: int = 256, seed: int = 0) -> None:
        """Scale a measured sigma to fit other images, those of validation patients.

        Afterwards the residuals of `x`, divided by sigma, have a mean square of 1. A
        sigma per pixel keeps its pattern.

        Args:
            x: images, (n, height, width, channels), model units.
            batch_size: images that are in memory at once.
            seed: of the codes, one drawn for each image.

        Raises:
            ValueError: if sigma is not one that is measured.
        """
        if self.fitted is None:
            raise ValueError(
                f"only a measured `sigma` can be calibrated, got {self.sigma}: make "
                "the model with sigma='optimal' or sigma='per pixel'"
            )
        seeds, squares = keras.random.SeedGenerator(seed), []
        for start in range(0, len(x), batch_size):
            batch = ops.cast(x[start : start + batch_size], "float32")
            z_mean, z_log_var = self.encode(batch)
            noise = keras.random.normal(ops.shape(z_mean), seed=seeds)
            decoded = self.decoder(reparametrise(z_mean, z_log_var, noise))
            scaled = (batch - decoded) / self.current_sigma
            squares.append(ops.mean(ops.square(scaled)) * len(batch))
        self.fitted.rescale(sum(squares) / len(x))

    # === Training ===

    def call(self, x, training=False):
        """Return reconstruction, posterior and decoder output in a dictionary."""
        z_mean, z_log_var = self.encode(x)
        decoded = self.decoder(self.sampling([z_mean, z_log_var], training=training))
        return {
            "x_hat": self.mean_image(decoded),
            "z_mean": z_mean,
            "z_log_var": z_log_var,
            "decoded": decoded,
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return the negative evidence lower bound, mean over the batch, nats."""
        if sample_weight is not None:
            raise ValueError(
                "the evidence lower bound has no weights, got `sample_weight`: "
                "call fit(x) without it"
            )
        z_mean, z_log_var = y_pred["z_mean"], y_pred["z_log_var"]
        decoded = y_pred["decoded"]
        if not training:  # decoded from the mean, which would flatter the bound
            noise = keras.random.normal(ops.shape(z_mean), seed=self.seed)
            decoded = self.decoder(reparametrise(z_mean, z_log_var, noise))
        x = x if y is None else y
        if training and self.fitted is not None:
            nll = self.fitted([x, decoded], training=True)
        else:
            nll = self.nll(x, decoded)
        of_latents = losses.kl_of_latents(z_mean, z_log_var)
        kl = losses.sum_per_image(of_latents)
        self.trackers["elbo"].update_state(-nll - kl)
        self.trackers["kl"].update_state(kl)
        self.trackers["reconstruction_nll"].update_state(nll)
        counted = ops.maximum(ops.mean(of_latents, axis=0), self.free_bits)
        return ops.mean(nll) + self._beta * ops.sum(counted) + sum(self.losses)

    # === Config ===

    def compute_output_shape(self, input_shape):
        """Return the shapes of what `call` gives for a batch of this shape."""
        z_mean, z_log_var = self.encoder.compute_output_shape(input_shape)
        image = self.decoder.compute_output_shape(z_mean)
        return {
            "x_hat": image,
            "z_mean": z_mean,
            "z_log_var": z_log_var,
            "decoded": image,
        }

    def get_config(self):
        """Return the arguments that make an equal model."""
        return {
            **super().get_config(),
            "likelihood": self.likelihood,
            "sigma": self.sigma,
            "beta": self.beta,
            "free_bits": self.free_bits,
            "seed": self.seed,
        }
