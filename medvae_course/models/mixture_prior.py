"""A mixture of Gaussians over codes, as a layer whose parameters are trained."""

from typing import Any

import keras
import numpy as np
from keras import ops

from .losses import Tensor
from .variational import LOG_VAR_RANGE

SMALLEST_WEIGHT = 1e-12
"""`set` takes no cluster to be rarer: its logarithm has to be finite."""


@keras.saving.register_keras_serializable(package="medvae_course")
class MixturePrior(keras.layers.Layer):
    r"""The density of codes that come from one of several Gaussians.

    $p(z) = \sum_c \pi_c N(z; \mu_c, \operatorname{diag}\sigma_c^2)$. Called on codes
    (batch, latent_dim) it returns $\log p(z)$, (batch,), nats.

    Args:
        n_clusters: Gaussians, at least 1.
        latent_dim: numbers in a code.
        seed: of the means at the start, draws from the standard normal; the weights
            are equal then, and the variances 1.
        **kwargs: those of `keras.layers.Layer`.

    Raises:
        ValueError: if `n_clusters` is less than 1.

    Example:
        >>> prior = MixturePrior(2, latent_dim=1)
        >>> prior.set([0.5, 0.5], [[-3.0], [3.0]], [[1.0], [1.0]])
        >>> shares = prior.responsibilities(np.array([[-3.0], [0.0], [3.0]]))
        >>> ops.convert_to_numpy(shares).round(2).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]

    Source: Jiang, Zheng, Tan, Tang and Zhou, Variational deep embedding (2017),
        equations 1 to 4.
    Taught in: chapter 14.
    """

    def __init__(
        self, n_clusters: int, latent_dim: int, *, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        if n_clusters < 1:
            raise ValueError(f"`n_clusters` must be at least 1, got {n_clusters}")
        self.n_clusters, self.latent_dim, self.seed = n_clusters, latent_dim, seed
        # float32 under every dtype policy, also where Keras would cast on reading
        kind = {"dtype": "float32", "autocast": False}
        self.logits = self.add_weight(
            shape=(n_clusters,), initializer="zeros", name="logits", **kind
        )
        self.means = self.add_weight(
            shape=(n_clusters, latent_dim),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=seed),
            name="means",
            **kind,
        )
        self.raw_log_variances = self.add_weight(
            shape=(n_clusters, latent_dim),
            initializer="zeros",
            name="log_variances",
            **kind,
        )
        self.built = True

    @property
    def log_weights(self) -> Tensor:
        """Logarithm of the probability of each cluster, (n_clusters,)."""
        return ops.log_softmax(self.logits) if self.n_clusters > 1 else 0 * self.logits

    @property
    def log_variances(self) -> Tensor:
        """Logarithms of the variances, (n_clusters, latent_dim)."""
        return ops.clip(self.raw_log_variances, *LOG_VAR_RANGE)

    def set(self, weights: Tensor, means: Tensor, variances: Tensor) -> None:
        """Set the mixture, for instance to what scikit-learn fitted to codes.

        Args:
            weights: probability of each cluster, (n_clusters,), sum 1.
            means: (n_clusters, latent_dim).
            variances: diagonals of the covariances, shape of `means`, positive.

        Raises:
            ValueError: if a shape is another, the weights are no probabilities, or a
                variance is not positive.
        """
        given = {"weights": weights, "means": means, "variances": variances}
        ours = (self.logits, self.means, self.raw_log_variances)
        for (name, value), own in zip(given.items(), ours, strict=True):
            if np.shape(value) != tuple(own.shape):
                raise ValueError(
                    f"`{name}` must have the shape {tuple(own.shape)}, got "
                    f"{np.shape(value)}: fit as many clusters to codes of this model, "
                    "with a diagonal covariance each"
                )
        if np.min(weights) < 0 or not np.isclose(np.sum(weights), 1, atol=1e-3):
            raise ValueError(f"`weights` must be >= 0 and sum to 1, got {weights}")
        if not np.min(variances) > 0:
            raise ValueError(f"`variances` must be positive, got {np.min(variances)}")
        self.logits.assign(np.log(np.maximum(weights, SMALLEST_WEIGHT)))
        self.means.assign(means)
        self.raw_log_variances.assign(np.log(variances))

    def call(self, z):
        """Return log p(z), (batch,), nats."""
        return ops.logsumexp(self.log_joint(z), axis=-1)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Return p(c|z) by Bayes's rule, (batch, n_clusters), rows sum to 1."""
        return normalised(self.log_joint(z))

    def log_joint(self, z: Tensor) -> Tensor:
        """Return log p(z, c) of codes, (batch, n_clusters), nats."""
        z = ops.expand_dims(ops.cast(z, "float32"), 1)
        squares = ops.square(z - self.means) * ops.exp(-self.log_variances)
        terms = squares + self.log_variances + float(np.log(2 * np.pi))
        return self.log_weights - 0.5 * ops.sum(terms, axis=-1)

    def divergences(self, z_mean: Tensor, z_log_var: Tensor) -> Tensor:
        """Return KL(q(z|x) || p(z|c)) of Gaussian posteriors, (batch, n_clusters).

        Args:
            z_mean: means of the posteriors, (batch, latent_dim).
            z_log_var: logarithms of their variances, shape of `z_mean`.

        Returns:
            float32, nats, not negative.
        """
        z_mean = ops.expand_dims(ops.cast(z_mean, "float32"), 1)
        z_log_var = ops.expand_dims(ops.cast(z_log_var, "float32"), 1)
        squares = ops.square(z_mean - self.means) * ops.exp(-self.log_variances)
        ratio = z_log_var - self.log_variances
        # expm1 keeps the digits of a posterior that is close to its cluster
        return 0.5 * ops.sum(squares + ops.expm1(ratio) - ratio, axis=-1)

    def sample(self, n: int, *, seed: int, cluster: int | None = None) -> Tensor:
        """Return `n` codes, drawn from all clusters or from one.

        Args:
            n: how many.
            seed: of the draws.
            cluster: number of the cluster; None draws it by the weights.

        Returns:
            float32 (n, latent_dim).

        Raises:
            ValueError: if there is no such cluster.
        """
        if cluster is not None and not 0 <= cluster < self.n_clusters:
            raise ValueError(
                f"`cluster` must be from 0 to {self.n_clusters - 1}, got {cluster}"
            )
        seeds = keras.random.SeedGenerator(seed)
        logits = ops.expand_dims(self.log_weights, 0)
        drawn = keras.random.categorical(logits, n, seed=seeds)[0]
        if cluster is not None:
            drawn = ops.full_like(drawn, cluster)
        noise = keras.random.normal((n, self.latent_dim), seed=seeds)
        deviations = ops.take(ops.exp(0.5 * self.log_variances), drawn, axis=0)
        return ops.take(self.means, drawn, axis=0) + deviations * noise

    def compute_output_shape(self, input_shape):
        """Return the shape of the log density: one number per code."""
        return (input_shape[0],)

    def get_config(self):
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "n_clusters": self.n_clusters,
            "latent_dim": self.latent_dim,
            "seed": self.seed,
        }


def normalised(log_shares: Tensor) -> Tensor:
    """Return shares that sum to 1 over the last axis, from their logarithms."""
    # what softmax does, which warns when there is one cluster only
    return ops.exp(log_shares - ops.logsumexp(log_shares, axis=-1, keepdims=True))
