"""The exercises of chapter 7: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told

# --- right answers, each in two ways ---------------------------------------------


def audit(loss, n_pixels, n_latents):
    x, z = np.zeros((1, n_pixels)), np.zeros((1, n_latents))
    off, moved = x.copy(), z.copy()
    off[0, 0] = moved[0, 0] = 1
    pixel = loss(x, off, z, z) - loss(x, x, z, z)
    latent = loss(x, x, moved, z) - loss(x, x, z, z)
    return latent / 0.5 / (2 * pixel)


def audit_with_all(loss, n_pixels, n_latents):
    x, z = np.zeros((2, n_pixels)), np.zeros((2, n_latents))
    pixel = loss(x, x + 0.1, z, z) / (0.01 * n_pixels)
    latent = loss(x, x, z + 0.1, z) / (0.005 * n_latents)
    return latent / pixel / 2


def forecast(eigenvalues, beta_sigma2, latent_dim):
    kept = np.sort(eigenvalues)[::-1][:latent_dim]
    active = kept[kept > beta_sigma2]
    return len(active), float(0.5 * np.log(active / beta_sigma2).sum())


def forecast_by_clipping(eigenvalues, beta_sigma2, latent_dim):
    rates = 0.5 * np.log(np.maximum(np.sort(eigenvalues) / beta_sigma2, 1))
    rates = rates[-latent_dim:]
    return int((rates > 0).sum()), rates.sum()


def largest_sigma(eigenvalues, n_active, beta):
    return 1400 * np.sqrt(np.sort(eigenvalues)[-n_active] / beta)


RIGHT = [
    ("E07.1", audit),
    ("E07.1", audit_with_all),
    ("E07.2", forecast),
    ("E07.2", forecast_by_clipping),
    ("E07.3", largest_sigma),
    ("E07.3", lambda v, n, b: 1400 * (sorted(v)[::-1][n - 1] / b) ** 0.5),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def usual_ones_only(loss, n_pixels, n_latents):
    found = audit(loss, n_pixels, n_latents)
    return found if n_pixels == 30 else 1.0


def without_the_limit(eigenvalues, beta_sigma2, latent_dim):
    return forecast(eigenvalues, beta_sigma2, len(eigenvalues))


def with_idle_units(eigenvalues, beta_sigma2, latent_dim):
    kept = np.sort(eigenvalues)[::-1][:latent_dim]
    if kept[0] <= beta_sigma2:
        return 0, 0.0
    return int((kept > beta_sigma2).sum()), 0.5 * np.log(kept / beta_sigma2).sum()


def unsorted(eigenvalues, beta_sigma2, latent_dim):
    kept = np.asarray(eigenvalues)[:latent_dim]
    active = kept[kept > beta_sigma2]
    return len(active), 0.5 * np.log(active / beta_sigma2).sum()


WRONG = [
    ("E07.1", lambda f, d, k: 2 * audit(f, d, k), "twice the right number"),
    ("E07.1", lambda f, d, k: 0.25 / audit(f, d, k), "wrong way round"),
    ("E07.1", lambda f, d, k: 0.5, "right for plain sums"),
    ("E07.1", lambda f, d, k: 1.0, "wrong for a plain sum"),
    ("E07.1", usual_ones_only, "weights of its own"),
    ("E07.2", lambda v, s, k: forecast(v, s, k)[0], "a pair"),
    ("E07.2", lambda v, s, k: (k, 1.0), "above the largest"),
    ("E07.2", without_the_limit, "no more than two"),
    ("E07.2", lambda v, s, k: (int((v > 2 * s).sum() > 4), 0.0), "only those"),
    (
        "E07.2",
        lambda v, s, k: (forecast(v, s, k)[0], 2 * forecast(v, s, k)[1]),
        "the half",
    ),
    (
        "E07.2",
        lambda v, s, k: (forecast(v, s, k)[0], forecast(v, s, k)[1] / np.log(2)),
        "in bits",
    ),
    (
        "E07.2",
        lambda v, s, k: (forecast(v, s, k)[0], forecast(v, s, k)[1] ** 2),
        "KL of two",
    ),
    ("E07.2", with_idle_units, "an idle unit"),
    ("E07.2", unsorted, "any order"),
    ("E07.3", lambda v, n, b: largest_sigma(v, n, b) / 1400, "in model units"),
    ("E07.3", lambda v, n, b: 1400 * np.sort(v)[-n] / b, "a standard deviation"),
    ("E07.3", lambda v, n, b: largest_sigma(v, n + 1, b), "counted from zero"),
    ("E07.3", lambda v, n, b: 7.0, "wrong for a beta of one"),
    ("E07.3", lambda v, n, b: largest_sigma(v, n, 1), "smaller sigma for the same"),
    ("E07.3", lambda v, n, b: largest_sigma(v, n, b**2), "not against sigma"),
    ("E07.3", lambda v, n, b: largest_sigma(v, n, 1 / b), "not a larger one"),
    ("E07.3", lambda v, n, b: largest_sigma(v, n, b**3), "wrong for others"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
