"""The exercises of chapter 8: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy import optimize

# --- right answers, each in two ways ---------------------------------------------


def rate(z_mean, z_log_var):
    terms = z_mean**2 + np.exp(z_log_var) - 1 - z_log_var
    return 0.5 * terms.sum(axis=1) / np.log(2)


def rate_one_by_one(z_mean, z_log_var):
    total = np.zeros(len(z_mean))
    for m, v in zip(z_mean.T, np.exp(z_log_var).T, strict=True):
        total += 0.5 * (m**2 + v - 1) - np.log(np.sqrt(v))
    return total * np.log2(np.e)


def best_sigma(residuals):
    return np.sqrt(np.mean(residuals**2))


def best_sigma_by_search(residuals):
    def nll(log_sigma):
        return np.mean(0.5 * (residuals / np.exp(log_sigma)) ** 2) + log_sigma

    return np.exp(optimize.minimize_scalar(nll, tol=1e-10).x)


def counted(kl, free):
    return np.maximum(kl.mean(axis=0), free).sum()


def counted_one_by_one(kl, free):
    return sum(max(float(np.mean(column)), free) for column in kl.T)


RIGHT = [
    ("E08.1", rate),
    ("E08.1", rate_one_by_one),
    ("E08.2", best_sigma),
    ("E08.2", best_sigma_by_search),
    ("E08.3", counted),
    ("E08.3", counted_one_by_one),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def rate_of_sigma(z_mean, z_log_var):
    return rate(z_mean, 2 * z_log_var)


WRONG = [
    ("E08.1", lambda m, v: rate(m, v).sum(), "five images have five rates"),
    ("E08.1", lambda m, v: rate(m, v) + 1, "costs nothing, whatever"),
    ("E08.1", lambda m, v: rate(m, v) * np.log(2), "these are nats"),
    ("E08.1", lambda m, v: rate(m, v) / m.shape[1], "mean over the latents"),
    ("E08.1", lambda m, v: rate(m, v) * np.log(2) ** 2, "wrong way round"),
    ("E08.1", lambda m, v: 2 * rate(m, v), "twice too much"),
    ("E08.1", rate_of_sigma, "logarithm of the variance"),
    ("E08.1", lambda m, v: rate(m, v) - v.sum(axis=1), "negative rate"),
    ("E08.1", lambda m, v: rate(m, 0 * v), "wrong for other widths"),
    ("E08.2", lambda r: np.sqrt(np.mean(r**2, axis=0)), "one number for all pixels"),
    ("E08.2", lambda r: np.mean(r**2), "this is the variance"),
    ("E08.2", np.std, "must not count as small"),
    ("E08.2", lambda r: np.mean(np.abs(r)), "mean absolute residual"),
    ("E08.2", lambda r: -np.sqrt(np.mean(r**2)), "is positive"),
    (
        "E08.2",
        lambda r: np.mean(np.sqrt(np.mean(r**2, axis=(1, 2, 3)))),
        "a little larger or smaller",
    ),
    ("E08.3", lambda kl, free: np.maximum(kl.mean(axis=0), free), "one number"),
    ("E08.3", lambda kl, free: kl.sum(), "adds up its images"),
    ("E08.3", lambda kl, free: kl.mean(), "without free nats it is the KL"),
    (
        "E08.3",
        lambda kl, free: np.maximum(kl.mean(axis=0) - free, 0).sum(),
        "what is below the free nats",
    ),
    ("E08.3", lambda kl, free: kl.sum(axis=1).mean(), "nothing changed"),
    (
        "E08.3",
        lambda kl, free: np.maximum(kl, free).mean(axis=0).sum(),
        "not image by image",
    ),
    (
        "E08.3",
        lambda kl, free: max(kl.sum(axis=1).mean(), 3 * free) + (free > 0) * 0.1,
        "are counted wrong",
    ),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
