"""The exercises of chapter 6: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy import stats

# --- right answers -----------------------------------------------------------------


def kl(m_q, l_q, m_p, l_p):
    square = np.exp(l_q) + (m_q - m_p) ** 2
    return 0.5 * np.sum(l_p - l_q - 1 + square / np.exp(l_p), axis=-1)


def kl_of_standard_deviations(m_q, l_q, m_p, l_p):
    s_q, s_p = np.exp(l_q / 2), np.exp(l_p / 2)
    each = np.log(s_p / s_q) + (s_q**2 + (m_q - m_p) ** 2) / (2 * s_p**2) - 0.5
    return each.sum(axis=1)


def posterior(x, W, mu, sigma):
    covariance = np.linalg.inv(np.eye(W.shape[1]) + W.T @ W / sigma**2)
    return covariance @ W.T @ (x - mu) / sigma**2, covariance


def posterior_by_tipping(x, W, mu, sigma):
    M = W.T @ W + sigma**2 * np.eye(W.shape[1])
    return np.linalg.solve(M, W.T @ (x - mu)), sigma**2 * np.linalg.inv(M)


def terms(x, W, mu, sigma, m, log_var):
    """Error of the mean code, what the spread adds, the constant, the divergence."""
    error = np.sum((x - mu - W @ m) ** 2) / (2 * sigma**2)
    spread = np.sum(np.exp(log_var) * np.sum(W**2, axis=0)) / (2 * sigma**2)
    constant = 0.5 * len(x) * np.log(2 * np.pi * sigma**2)
    return error, spread, constant, 0.5 * np.sum(m**2 + np.exp(log_var) - 1 - log_var)


def elbo(*arguments):
    return -sum(terms(*arguments))


def elbo_from_the_gap(x, W, mu, sigma, m, log_var):
    image = W @ W.T + sigma**2 * np.eye(len(x))
    mean, covariance = posterior(x, W, mu, sigma)
    gap = kl(m[None], log_var[None], mean[None], np.log(np.diag(covariance))[None])
    return stats.multivariate_normal(mu, image).logpdf(x) - gap


RIGHT = [
    ("E06.1", kl),
    ("E06.1", kl_of_standard_deviations),
    ("E06.2", posterior),
    ("E06.2", posterior_by_tipping),
    ("E06.3", elbo),
    ("E06.3", elbo_from_the_gap),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers -----------------------------------------------------------------


def variances_of_twice_the_logarithm(m_q, l_q, m_p, l_p):
    return kl(m_q, 2 * l_q, m_p, 2 * l_p)


def zero_against_itself_only(m_q, l_q, m_p, l_p):
    return ((m_q - m_p) ** 2).sum(axis=1)


def least_squares(x, W, mu, sigma):
    return np.linalg.lstsq(W, x - mu, rcond=None)[0], posterior(x, W, mu, sigma)[1]


def of_deviation_for_variance(x, W, mu, sigma):
    return posterior(x, W, mu, np.sqrt(sigma))


def with_half_the_mean(x, W, mu, sigma):
    mean, covariance = posterior(x, W, mu, sigma)
    return mean / 2, covariance


def without(*left_out):
    def elbo(*arguments):
        parts = np.array(terms(*arguments))
        return -np.delete(parts, left_out).sum()

    return elbo


def weighing(**weights):
    def elbo(*arguments):
        names = ("error", "spread", "constant", "divergence")
        parts = zip(names, terms(*arguments), strict=True)
        return -sum(weights.get(name, 1) * part for name, part in parts)

    return elbo


def without_two_pi(x, *arguments):
    return elbo(x, *arguments) + 0.5 * len(x) * np.log(2 * np.pi)


def without_sigma(x, W, mu, sigma, m, log_var):
    return elbo(x, W, mu, sigma, m, log_var) + len(x) * np.log(sigma)


def blind_to_the_guess(x, W, mu, sigma, m, log_var):
    image = W @ W.T + sigma**2 * np.eye(len(x))
    return stats.multivariate_normal(mu, image).logpdf(x)


WRONG = [
    ("E06.1", lambda *a: kl(*a).mean(), "5 divergences"),
    ("E06.1", lambda *a: kl(*a) + 1, "no divergence from itself"),
    ("E06.1", lambda m, a, n, b: kl(n, b, m, a), "other way round"),
    ("E06.1", lambda *a: 2 * kl(*a), "twice too large"),
    ("E06.1", lambda *a: kl(*a) / 3, "the mean over the latents"),
    ("E06.1", variances_of_twice_the_logarithm, "those of deviations"),
    ("E06.1", zero_against_itself_only, "not the average"),
    ("E06.2", lambda *a: posterior(*a)[0], "a pair"),
    ("E06.2", lambda x, W, mu, s: (x, np.eye(6)), "shapes"),
    ("E06.2", lambda *a: (posterior(*a)[0], np.linalg.inv(posterior(*a)[1])), "inver"),
    ("E06.2", lambda x, W, mu, s: posterior(x, W, 0 * mu, s), "mean image"),
    ("E06.2", least_squares, "the prior is left out"),
    ("E06.2", of_deviation_for_variance, "the covariance is wrong"),
    ("E06.2", with_half_the_mean, "the mean is not"),
    ("E06.3", weighing(divergence=2), "subtracted twice"),
    ("E06.3", without(3), "not subtracted"),
    ("E06.3", weighing(divergence=-1), "wrong sign"),
    ("E06.3", without(1), "it is no bound"),
    ("E06.3", without(2), "constants of the Gaussian"),
    ("E06.3", without_two_pi, "2π"),
    ("E06.3", without_sigma, "with σ"),
    ("E06.3", lambda *a: -elbo(*a), "minus the bound"),
    ("E06.3", lambda *a: 0.0, "must be the logarithm"),
    ("E06.3", blind_to_the_guess, "away from the true posterior"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
