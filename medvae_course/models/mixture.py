"""A variational autoencoder whose prior is a mixture: it encodes and clusters at once.

To load a saved model, import this module first, so that Keras knows its classes.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from .layers import reparametrise
from .losses import Tensor
from .mixture_prior import MixturePrior, normalised
from .networks import dense_decoder, dense_features, posterior_encoder
from .variational import VAE


@keras.saving.register_keras_serializable(package="medvae_course")
class MixtureVAE(VAE):
    r"""A variational autoencoder with a mixture of Gaussians as prior of the code.

    An image comes from a cluster $c$ with probability $\pi_c$, its code from
    $p(z|c) = N(\mu_c, \operatorname{diag}\sigma_c^2)$, the image from the decoder.
    The loss is $-\log p(x|z) + \beta D$, in nats per image, where $D$ replaces the
    divergence from the standard normal (`kl`); all else is as in `VAE`, and the
    outputs of `predict` have `responsibilities` besides.

    Weights, means and variances of the mixture are trained with the network. From a
    random start the clusters seldom find anything: train a plain `VAE` first, fit
    a mixture to its codes, and go on from both::

        mixture = GaussianMixture(8, covariance_type="diag").fit(codes)
        model = MixtureVAE(plain.encoder, plain.decoder, n_clusters=8, sigma=0.1)
        model.set_mixture(mixture.weights_, mixture.means_, mixture.covariances_)

    The functions of `bounds` assume a standard normal prior: not for this model.

    Args:
        encoder: model from images to [z_mean, z_log_var], (batch, latent_dim) each.
        decoder: model from codes to images, see `VAE`.
        n_clusters: Gaussians in the prior, at least 1.
        **options: those of `VAE` but `free_bits`: the divergence from a mixture is
            no sum over latents.

    Raises:
        ValueError: if `n_clusters` is less than 1, `free_bits` is not 0, or an
            option is none of `VAE`.

    Source: Jiang, Zheng, Tan, Tang and Zhou, Variational deep embedding (2017),
        equations 9 to 12, with the best q(c|x) in place of one from a drawn code.
    Taught in: chapter 14.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        n_clusters: int,
        **options: Any,
    ) -> None:
        super().__init__(encoder, decoder, **options)
        if self.free_bits:
            raise ValueError(
                f"`free_bits` must be 0 under a mixture, got {self.free_bits}: its "
                "divergence is no sum over latents"
            )
        self.n_clusters = n_clusters
        (latent_dim,) = decoder.input_shape[1:]
        self.prior = MixturePrior(n_clusters, latent_dim, seed=self.seed, name="prior")

    # === Mixture ===

    @property
    def mixture(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights (n_clusters,), means and variances (n_clusters, latent_dim), now."""
        prior = self.prior
        parts = ops.exp(prior.log_weights), prior.means, ops.exp(prior.log_variances)
        return tuple(ops.convert_to_numpy(part) for part in parts)

    def set_mixture(self, weights: Tensor, means: Tensor, variances: Tensor) -> None:
        """Set the prior, see `MixturePrior.set`: what scikit-learn fitted to codes."""
        self.prior.set(weights, means, variances)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Return p(c|z) by Bayes's rule: (batch, n_clusters), rows sum to 1."""
        return self.prior.responsibilities(z)

    def classify(self, x: Tensor) -> Tensor:
        r"""Return q(c|x) of images, (batch, n_clusters), rows sum to 1.

        $\gamma_c \propto \pi_c \exp(-D_{KL}(q(z|x)\,\|\,p(z|c)))$ gives the largest
        bound. It is `responsibilities` of the code where the posterior is narrow. For
        many images use `predict(x)["responsibilities"]`, which goes batch by batch.
        """
        return normalised(self._log_shares(*self.encode(x)))

    def kl(self, z_mean: Tensor, z_log_var: Tensor) -> Tensor:
        r"""Return what code and cluster of an image cost, (batch,), nats per image.

        $D = D_{KL}(q(c|x)\,\|\,p(c)) + \sum_c \gamma_c D_{KL}(q(z|x)\,\|\,p(z|c))$,
        which is $-\log\sum_c \pi_c \exp(-D_{KL}(q(z|x)\,\|\,p(z|c)))$ for the
        $\gamma_c$ of `classify`; never less than the divergence from the mixture.
        """
        return -ops.logsumexp(self._log_shares(z_mean, z_log_var), axis=-1)

    def _log_shares(self, z_mean, z_log_var):
        return self.prior.log_weights - self.prior.divergences(z_mean, z_log_var)

    # === What differs from `VAE` ===

    def generate(self, n: int, *, seed: int, cluster: int | None = None) -> Tensor:
        """Return `n` mean images of codes drawn from the prior, or from one cluster."""
        return self.decode(self.prior.sample(n, seed=seed, cluster=cluster))

    def elbo(self, x: Tensor, n_samples: int = 1, *, seed: int = 0) -> Tensor:
        """Return the evidence lower bound of each image, (batch,), nats per image."""
        z_mean, z_log_var = self.encode(x)
        noise = keras.random.normal((n_samples, *ops.shape(z_mean)), seed=seed)
        draws = [reparametrise(z_mean, z_log_var, noise[i]) for i in range(n_samples)]
        nll = sum(self.nll(x, self.decoder(z)) for z in draws)
        return -nll / n_samples - self.kl(z_mean, z_log_var)

    def call(self, x, training=False):
        """Return what `VAE` does, and the responsibilities of the clusters."""
        outputs = super().call(x, training=training)
        shares = self._log_shares(outputs["z_mean"], outputs["z_log_var"])
        return {**outputs, "responsibilities": normalised(shares)}

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
        kl = self.kl(z_mean, z_log_var)
        self.trackers["elbo"].update_state(-nll - kl)
        self.trackers["kl"].update_state(kl)
        self.trackers["reconstruction_nll"].update_state(nll)
        return ops.mean(nll) + self._beta * ops.mean(kl) + sum(self.losses)

    def compute_output_shape(self, input_shape):
        """Return the shapes of what `call` gives for a batch of this shape."""
        shapes = super().compute_output_shape(input_shape)
        return {**shapes, "responsibilities": (input_shape[0], self.n_clusters)}

    def get_config(self):
        """Return the arguments that make an equal model."""
        return {**super().get_config(), "n_clusters": self.n_clusters}


def mixture_vae(
    image_shape: Sequence[int],
    latent_dim: int,
    n_clusters: int,
    *,
    hidden: Sequence[int] = (128,),
    activation: str = "relu",
    **options: Any,
) -> MixtureVAE:
    """Make a `MixtureVAE` of fully connected layers, for patches or feature vectors.

    Args:
        image_shape: (height, width, channels), pixels; a vector is (1, 1, features).
        latent_dim: numbers per image in the code.
        n_clusters: Gaussians in the prior.
        hidden: widths of the encoder's hidden layers; the decoder mirrors them.
        activation: that of the hidden layers.
        **options: `likelihood`, `sigma`, `beta` and `seed` of `VAE`.

    Returns:
        A model that is not compiled.

    Example:
        >>> model = mixture_vae((9, 9, 1), 3, n_clusters=4, hidden=(16,))
        >>> patches = np.random.default_rng(0).random((5, 9, 9, 1), "float32")
        >>> tuple(model.classify(patches).shape)
        (5, 4)
        >>> tuple(model.generate(2, cluster=3, seed=0).shape)
        (2, 9, 9, 1)

    Source: Jiang, Zheng, Tan, Tang and Zhou, Variational deep embedding (2017).
    Taught in: chapter 14.
    """
    encoder = posterior_encoder(
        *dense_features(image_shape, hidden, activation), latent_dim
    )
    decoder = dense_decoder(image_shape, latent_dim, hidden, activation, None)
    return MixtureVAE(encoder, decoder, n_clusters=n_clusters, **options)
