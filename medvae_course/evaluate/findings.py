"""The sentences of a diagnosis: what a number means, and what to try next."""

import math
from dataclasses import dataclass

import numpy as np

from .bootstrap import Interval

_MARKS = {"good": "✓", "look": "?", "bad": "✗"}
_NEXT_TO_NOTHING = 0.1  # nats per image, and dB over the mean image


@dataclass(frozen=True)
class Finding:
    """One thing that was measured.

    Attributes:
        about: what it is about, such as `"collapse"`.
        verdict: `"good"`, `"look"` (worth a look, or not measurable) or `"bad"`.
        value: the number behind the verdict; NaN where there is none.
        unit: of the value; empty for a ratio or a count.
        text: what was found, with the number.
        advice: what to try next; empty where nothing is amiss.
        chapter: number of the chapter of the course that explains it.
    """

    about: str
    verdict: str
    value: float
    unit: str
    text: str
    advice: str
    chapter: int

    def __str__(self) -> str:
        """Return the finding as one line, and its advice as another."""
        line = (
            f"{_MARKS[self.verdict]} {self.about}: {self.text} (chapter {self.chapter})"
        )
        return line + (f"\n    Try: {self.advice}" if self.advice else "")


def patients(shared: int | None, twins: int) -> Finding:
    """Judge the split: patients on both sides (None: unknown), and equal images."""
    if shared or twins:
        what = f"{shared} patients are" if shared else f"{twins} equal images are"
        return Finding(
            "patients", "bad", shared or twins, "",
            f"{what} in the training and in the validation part: what follows measures "
            "memory.",
            "split by patient (ct.datasets.split_by_patient), train again.", 1,
        )  # fmt: skip
    if shared is None:
        return Finding(
            "patients", "look", math.nan, "",
            "no image is in both parts, but whose images they are was not said.",
            "give train_patients and validation_patients.", 1,
        )  # fmt: skip
    text = "no patient and no image is in both parts."
    return Finding("patients", "good", 0, "", text, "", 1)


def collapse(kl: np.ndarray, idle_nats: float, gain_db: float) -> Finding:
    """Judge whether the code says anything: KL per latent, gain over the mean image."""
    nats, speaking = float(kl.sum()), int((kl > idle_nats).sum())
    text = (
        f"the code costs {nats:.3g} nats per image, {speaking} of {len(kl)} latents "
        f"carry more than {idle_nats} nats, and the images are {gain_db:+.1f} dB "
        "against the mean image."
    )
    if nats < _NEXT_TO_NOTHING or gain_db < _NEXT_TO_NOTHING:
        advice = (
            "look at what beta says below; sum over the pixels where the loss takes a "
            'mean; sigma="optimal"; more epochs if the loss still falls.'
        )
        return Finding("collapse", "bad", nats, "nats", "yes: " + text, advice, 7)
    return Finding("collapse", "good", nats, "nats", "no: " + text, "", 7)


def beta(weight: float, residual: float, largest: float, expected: int) -> Finding:
    """Judge the measured weight of the KL against residual and largest eigenvalue."""
    limit = f"A linear model collapses above the largest eigenvalue, {largest:.3g}."
    if not math.isfinite(weight):
        return Finding(
            "beta", "bad", math.nan, "",
            f"no latent speaks, so the weight of the KL cannot be measured. {limit}",
            "work out beta sigma² from the loss (models.scaling.effective_beta) and "
            "bring it well below that number.", 7,
        )  # fmt: skip
    ratio = weight / residual**2
    text = (
        f"the KL acts with beta sigma² = {weight:.3g}, which is beta = {ratio:.2g} "
        f"with sigma at the residual, {residual:.3g}. {limit} At this weight it would "
        f"use {expected} latents."
    )
    if ratio > 2:
        advice = 'less beta or less sigma; sigma="optimal" brings beta to 1.'
        return Finding("beta", "look", ratio, "", text, advice, 7)
    if ratio < 0.5:
        advice = (
            "more beta or more sigma if you want to sample or compare likelihoods; "
            'sigma="optimal" brings beta to 1.'
        )
        return Finding("beta", "look", ratio, "", text, advice, 8)
    return Finding("beta", "good", ratio, "", text, "", 7)


def against_pca(gain: Interval, size: int) -> Finding:
    """Judge the PSNR of the reconstructions minus PCA's, dB; NaN ends: one patient."""
    around = f" [{gain.low:+.1f}, {gain.high:+.1f}]" if math.isfinite(gain.low) else ""
    text = f"{gain.estimate:+.1f} dB{around} against PCA with the same {size} numbers"
    unit = {"about": "PCA", "value": gain.estimate, "unit": "dB", "chapter": 4}
    if not around:
        text += "; without an interval, for want of two named patients."
        return Finding(verdict="look", text=text, advice="", **unit)
    if gain.low > 0:
        return Finding(verdict="good", text=f"it wins: {text}.", advice="", **unit)
    verdict, word = ("bad", "it loses") if gain.high < 0 else ("look", "no difference")
    advice = (
        "use PCA; or train longer, on differences from the mean image, with "
        "convolutions, on more patients, with less beta sigma²."
    )
    return Finding(verdict=verdict, text=f"{word}: {text}.", advice=advice, **unit)


def sigma(residual: float, ratio: float, coverage: float) -> Finding:
    """Judge sigma: residual, residual over sigma, coverage of the 90 % interval."""
    if not math.isfinite(ratio):
        text = f"none was given; the residual of unseen patients is {residual:.3g}."
        advice = "sigma at that number makes beta, ELBO and intervals mean something."
        return Finding("sigma", "look", residual, "model units", text, advice, 8)
    text = (
        f"the residual of unseen patients is {ratio:.2f} times sigma, and its 90 % "
        f"intervals hold {coverage:.0%} of their pixels."
    )
    if not 0.8 <= ratio <= 1.25:
        advice = f"sigma = {residual:.3g}, measured on validation patients."
        return Finding("sigma", "bad", ratio, "", text, advice, 8)
    if not 0.86 <= coverage <= 0.94:
        advice = 'one sigma does not fit all pixels: sigma="per pixel".'
        return Finding("sigma", "look", coverage, "", text, advice, 8)
    return Finding("sigma", "good", ratio, "", text, "", 8)


def prior(nats: float) -> Finding:
    """Judge how far the codes of all images are from the prior, nats per latent."""
    text = f"all codes together are {nats:.2g} nats per latent away from the prior."
    if nats < 0.1:
        return Finding("prior", "good", nats, "nats", text, "", 9)
    advice = (
        "do not sample from the prior: fit a Gaussian mixture to the codes, or raise "
        "beta sigma²."
    )
    return Finding(
        "prior", "bad" if nats > 0.5 else "look", nats, "nats", text, advice, 9
    )


def overfitting(gap_db: float, pca_gap_db: float) -> Finding:
    """Judge what is lost from seen to unseen patients, beside what PCA loses."""
    text = (
        f"seen patients are {gap_db:+.1f} dB against unseen ones; with PCA "
        f"{pca_gap_db:+.1f} dB."
    )
    if gap_db < pca_gap_db + 2:
        return Finding("overfitting", "good", gap_db, "dB", text, "", 3)
    advice = "more patients, augmentation, fewer weights, or an earlier stop."
    return Finding("overfitting", "look", gap_db, "dB", text, advice, 3)
