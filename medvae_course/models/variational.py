"""The variational autoencoder as a Keras model; its loss is the negative ELBO."""

from typing import Any

import keras
from keras import ops

from . import losses
from .layers import Sampling, reparametrise
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
    each time.

    Args:
        encoder: model from images to [z_mean, z_log_var].
        decoder: model from codes to the mean of each pixel (`"gaussian"`) or to its
            log-odds (`"bernoulli"`).
        likelihood: `"gaussian"` or `"bernoulli"`.
        sigma: standard deviation of the Gaussian, model units; positive.
        beta: weight of the KL term in the loss; not negative.
        seed: start of the sequence of samples.
        **kwargs: those of `keras.Model`.

    Raises:
        ValueError: if `likelihood`, `sigma` or `beta` is none of the above.

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), equation 10;
        beta: Higgins et al., beta-VAE (2017), equation 4.
    Taught in: chapter 6.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        likelihood: str = "gaussian",
        sigma: float = 0.05,
        beta: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, **kwargs)
        _check_options(likelihood, sigma, beta)
        self.likelihood, self.sigma, self.beta = likelihood, sigma, beta
        self.seed = seed
        self.sampling = Sampling(seed, dtype="float32", name="sampling")
        self.trackers = {
            name: keras.metrics.Mean(name=name)
            for name in ("elbo", "kl", "reconstruction_nll")
        }

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
        return losses.gaussian_nll(x, decoded, sigma=self.sigma)

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
        nll = self.nll(x if y is None else y, decoded)
        kl = losses.kl(z_mean, z_log_var)
        self.trackers["elbo"].update_state(-nll - kl)
        self.trackers["kl"].update_state(kl)
        self.trackers["reconstruction_nll"].update_state(nll)
        return ops.mean(nll + self.beta * kl) + sum(self.losses)

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
            "seed": self.seed,
        }


def _check_options(likelihood, sigma, beta):
    if likelihood not in ("gaussian", "bernoulli"):
        raise ValueError(
            f"`likelihood` must be 'gaussian' or 'bernoulli', got {likelihood!r}"
        )
    if not sigma > 0:
        raise ValueError(f"`sigma` must be positive, got {sigma}: model units")
    if not beta >= 0:
        raise ValueError(f"`beta` must not be negative, got {beta}")
