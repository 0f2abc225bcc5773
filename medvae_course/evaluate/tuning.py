"""Tuning a method with one number, its strength, as a baseline deserves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .metrics import psnr_per_image

MOST_FURTHER = 8
"""Strengths that `tune` tries beyond those given."""


@dataclass(frozen=True)
class Tuned:
    """A denoiser with the strength that served best.

    Attributes:
        denoise: function of images and strength.
        strength: in the unit that `denoise` states.
        psnr: mean over the images at that strength, dB.
    """

    denoise: Callable[[np.ndarray, float], np.ndarray]
    strength: float
    psnr: float

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Denoise (n, height, width, 1) images in model units."""
        return self.denoise(images, self.strength)


def tune(
    denoise: Callable[[np.ndarray, float], np.ndarray],
    strengths: Sequence[float],
    *,
    noisy: np.ndarray,
    truth: np.ndarray,
) -> Tuned:
    """Choose the strength with the highest mean PSNR.

    The mean squared error of all images together would be that of the noisiest few.
    Where the best of several strengths is the least or the greatest, further ones are
    tried beyond it, each as many times as far as the step before, until none is
    better: a baseline is not to lose because a list was too short.

    Args:
        denoise: function of images and strength.
        strengths: to try, positive, in any order.
        noisy: (n, height, width, 1) array, float, model units: validation patients.
        truth: array of the same shape and unit.

    Returns:
        The denoiser with its best strength.

    Raises:
        ValueError: if shapes differ or there is nothing to try.

    Example:
        >>> from medvae_course.evaluate.denoisers import gaussian
        >>> truth = np.zeros((1, 16, 16, 1))
        >>> truth[:, 4:12, 4:12] = 1
        >>> noisy = truth + np.random.default_rng(0).normal(0, 0.3, truth.shape)
        >>> tune(gaussian, (0.1, 0.2), noisy=noisy, truth=truth).strength
        0.8

    Taught in: chapter 5.
    """
    if np.shape(noisy) != np.shape(truth) or not len(strengths):
        raise ValueError(
            "`noisy` and `truth` must have one shape and `strengths` an entry, got"
            f" {np.shape(noisy)}, {np.shape(truth)} and {len(strengths)} strengths"
        )
    psnr: dict[float, float] = {}

    def best_with(further: Sequence[float]) -> float:
        for s in map(float, further):
            done = denoise(noisy, s)
            psnr[s] = float(psnr_per_image(truth, done, data_range=1.0).mean())
        return max(psnr, key=psnr.__getitem__)

    best = best_with(strengths)
    while 1 < len(psnr) < len(strengths) + MOST_FURTHER:
        tried = sorted(psnr)
        if best == tried[0]:
            best = best_with([best * (best / tried[1])])
        elif best == tried[-1]:
            best = best_with([best * (best / tried[-2])])
        else:
            break
    return Tuned(denoise, best, psnr[best])
