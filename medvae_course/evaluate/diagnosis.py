"""What is wrong with a VAE, in plain words with numbers, and what to try next.

It needs the two halves of the model and images of the patients it was trained on and of
others; it never asks how the loss was written, but measures what the loss did.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from . import baselines, bootstrap, findings, linear_theory, metrics
from .findings import Finding

IDLE_NATS = 0.01
"""A latent whose mean KL is smaller says nothing of the image."""

_BATCH = 256
_PROBED = 128  # images on which the weight of the KL is measured


@dataclass(frozen=True)
class Diagnosis:
    """All findings about a model, in the order in which they are best read.

    Attributes:
        findings: one for each question that was asked.
    """

    findings: tuple[Finding, ...]

    def __getitem__(self, about: str) -> Finding:
        """Return the finding about something, such as `diagnosis["collapse"]`."""
        return {finding.about: finding for finding in self.findings}[about]

    def __str__(self) -> str:
        """Return all findings as text."""
        return "\n".join(map(str, self.findings))


@dataclass(frozen=True, eq=False)
class _Coded:
    """Images with what the model makes of them."""

    images: np.ndarray
    patients: np.ndarray | None
    z_mean: np.ndarray
    z_var: np.ndarray
    x_hat: np.ndarray
    sampled: np.ndarray

    @property
    def kl(self) -> np.ndarray:
        """Mean KL of each latent, nats."""
        nats = self.z_mean**2 + self.z_var - 1 - np.log(self.z_var)
        return 0.5 * nats.mean(axis=0)


def diagnose(
    model: object,
    train: np.ndarray,
    validation: np.ndarray,
    *,
    train_patients: np.ndarray | None = None,
    validation_patients: np.ndarray | None = None,
    sigma: float | np.ndarray | None = None,
    data_range: float = 1.0,
    seed: int = 0,
) -> Diagnosis:
    """Say whether a VAE is sound, with a number for each answer.

    Args:
        model: has `encoder` and `decoder` with `predict`, as Keras models have;
            `encoder.predict` gives z_mean and z_log_var first, `decoder.predict`
            images. Trained with a squared error, whatever its scale.
        train: (n, height, width, 1) images it was trained on, float, model units.
        validation: images of other patients, (m, height, width, 1), model units.
        train_patients: (n,) the patient of each training image; None: unknown.
        validation_patients: (m,) the patient of each validation image.
        sigma: standard deviation of the likelihood, model units: a number, or an array
            that broadcasts against the images; None: it has none, or unknown.
        data_range: largest possible difference of two pixels, model units.
        seed: of the samples of the posterior.

    Returns:
        `Diagnosis`, with findings about `"patients"`, `"collapse"`, `"beta"`, `"PCA"`,
        `"sigma"`, `"prior"` and `"overfitting"`.

    Raises:
        ValueError: if the images do not fit together or to the model.

    Source: the measured weight of the KL: setting the derivative of the loss by the
        variance of a latent to zero, with the decoder linear around the mean
        (Rolinek et al., Variational autoencoders pursue PCA directions, 2019).
    Taught in: chapter 7.
    """
    _check(train, validation, train_patients, validation_patients)
    rng = np.random.default_rng(seed)
    # as many training images as validation images are enough to compare the two
    some = np.sort(rng.permutation(len(train))[: max(len(validation), _PROBED)])
    seen = _coded(model, train[some], None, rng)
    unseen = _coded(model, validation, validation_patients, rng)
    baseline = baselines.PCA(min(seen.z_mean.shape[1], len(train) - 1)).fit(train)
    return Diagnosis(
        (
            _patients(train, validation, train_patients, validation_patients),
            _collapse(unseen, train, data_range),
            _beta(_weight_of_kl(model, seen, rng), seen, train),
            _against_pca(unseen, baseline, data_range),
            _sigma(unseen, sigma),
            _prior(seen),
            _overfitting(seen, unseen, baseline, data_range),
        )
    )


def _check(train, validation, train_patients, validation_patients) -> None:
    if (
        train.ndim != 4
        or validation.ndim != 4
        or train.shape[1:] != validation.shape[1:]
    ):
        raise ValueError(
            "`train` and `validation` must be images of one shape (n, height, width, "
            f"channels), got {train.shape} and {validation.shape}"
        )
    for name, images, patients in (
        ("train", train, train_patients),
        ("validation", validation, validation_patients),
    ):
        if len(images) < 2 or not np.isfinite(images).all():
            raise ValueError(f"`{name}` must be two or more finite images")
        if patients is not None and np.shape(patients) != (len(images),):
            raise ValueError(
                f"`{name}_patients` must name the patient of each of the {len(images)} "
                f"images, got shape {np.shape(patients)}"
            )


def _coded(model, images, patients, rng) -> _Coded:
    z_mean, z_log_var = model.encoder.predict(images, batch_size=_BATCH, verbose=0)[:2]
    z_var = np.exp(np.clip(z_log_var, -20.0, 10.0))
    noise = np.sqrt(z_var) * rng.standard_normal(z_mean.shape)
    x_hat = _decoded(model, z_mean)
    if x_hat.shape != images.shape:
        raise ValueError(
            f"the decoder gives images of shape {x_hat.shape[1:]}, the data have "
            f"{images.shape[1:]}"
        )
    return _Coded(
        images, patients, z_mean, z_var, x_hat, _decoded(model, z_mean + noise)
    )


def _decoded(model, z) -> np.ndarray:
    z = np.asarray(z, dtype=np.float32)
    return np.asarray(model.decoder.predict(z, batch_size=_BATCH, verbose=0))


def _weight_of_kl(model, seen: _Coded, rng) -> float:
    r"""Return $\beta\sigma^2$, squared model units; NaN if no latent says anything.

    Where the loss is smallest, the noise of latent $i$ costs as much as it saves:
    $|J_i|^2 = \beta\sigma^2 (1 / \sigma_i^2 - 1)$, with $J_i$ the change of the image
    along the latent. A step of one $\sigma_i$ to either side measures $|J_i|\sigma_i$.
    """
    rows = rng.permutation(len(seen.images))[:_PROBED]
    z_mean, step = seen.z_mean[rows], np.sqrt(seen.z_var[rows])
    change = saved = 0.0
    for i in np.flatnonzero(seen.kl > IDLE_NATS):
        along = np.zeros_like(step)
        along[:, i] = step[:, i]
        ends = _decoded(model, z_mean + along) - _decoded(model, z_mean - along)
        change += np.square(ends / 2).sum()
        saved += (1 - step[:, i] ** 2).sum()
    return float(change / saved) if saved > 0 else np.nan


def _patients(train, validation, train_patients, validation_patients) -> Finding:
    seen = {image.tobytes() for image in train}
    twins = sum(image.tobytes() in seen for image in validation)
    if train_patients is None or validation_patients is None:
        return findings.patients(None, twins)
    return findings.patients(
        len(np.intersect1d(train_patients, validation_patients)), twins
    )


def _collapse(unseen: _Coded, train, data_range) -> Finding:
    mean = np.broadcast_to(train.mean(axis=0), unseen.images.shape)
    gain = _psnr(unseen.images, unseen.x_hat, data_range) - _psnr(
        unseen.images, mean, data_range
    )
    return findings.collapse(unseen.kl, IDLE_NATS, float(gain.mean()))


def _beta(weight: float, seen: _Coded, train) -> Finding:
    eigenvalues = linear_theory.covariance_eigenvalues(train)
    size = seen.z_mean.shape[1]
    expected = int((eigenvalues[:size] > weight).sum()) if np.isfinite(weight) else 0
    return findings.beta(weight, _rms(seen), float(eigenvalues[0]), expected)


def _against_pca(unseen: _Coded, baseline, data_range) -> Finding:
    theirs = baseline.reconstruct(unseen.images)
    gain = _psnr(unseen.images, unseen.x_hat, data_range) - _psnr(
        unseen.images, theirs, data_range
    )
    if unseen.patients is None or len(np.unique(unseen.patients)) < 2:
        nothing = bootstrap.Interval(float(gain.mean()), np.nan, np.nan, 0.95, 1)
        return findings.against_pca(nothing, baseline.k)
    return findings.against_pca(bootstrap.interval(gain, unseen.patients), baseline.k)


def _sigma(unseen: _Coded, sigma) -> Finding:
    residual = unseen.images - unseen.sampled
    if sigma is None:
        return findings.sigma(_rms(unseen), np.nan, np.nan)
    scaled = residual / np.asarray(sigma)
    inside = float(np.mean(np.abs(scaled) <= stats.norm.ppf(0.95)))
    return findings.sigma(_rms(unseen), float(np.sqrt(np.mean(scaled**2))), inside)


def _prior(seen: _Coded) -> Finding:
    """Compare the Gaussian with the moments of all codes with the prior."""
    speaking = seen.kl > IDLE_NATS
    mean = seen.z_mean.mean(axis=0)
    variance = seen.z_mean.var(axis=0) + seen.z_var.mean(axis=0)
    nats = 0.5 * (mean**2 + variance - 1 - np.log(variance))
    return findings.prior(float(nats[speaking].mean()) if speaking.any() else 0.0)


def _overfitting(seen: _Coded, unseen: _Coded, baseline, data_range) -> Finding:
    gap, of_pca = (
        float(_psnr(seen.images, a, data_range).mean())
        - float(_psnr(unseen.images, b, data_range).mean())
        for a, b in (
            (seen.x_hat, unseen.x_hat),
            (baseline.reconstruct(seen.images), baseline.reconstruct(unseen.images)),
        )
    )
    return findings.overfitting(gap, of_pca)


def _rms(coded: _Coded) -> float:
    return float(np.sqrt(np.mean((coded.images - coded.sampled) ** 2)))


def _psnr(images, x_hat, data_range) -> np.ndarray:
    return metrics.psnr_per_image(images, x_hat, data_range=data_range)
