"""The exercises of chapter 5: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told

# --- right answers, each in two ways ---------------------------------------------


def sigma_of_scans(scans):
    return np.sqrt(scans.var(axis=0, ddof=1).mean())


def sigma_of_all_pairs(scans):
    n = len(scans)
    pairs = [(i, j) for i in range(n) for j in range(i)]
    return np.sqrt(np.mean([(scans[i] - scans[j]).var() / 2 for i, j in pairs]))


def error(denoised, first, second):
    noise = (first - second).var() / 2
    return np.sqrt(max(0, np.mean((denoised - second) ** 2) - noise))


def error_by_products(denoised, first, second):
    noise = np.mean((first - second) ** 2) / 2
    return np.clip(np.mean((denoised - second) ** 2) - noise, 0, None) ** 0.5


def anatomy(first, second):
    return np.sqrt(max(0, np.cov(first.ravel(), second.ravel())[0, 1]))


def anatomy_by_sum_and_difference(first, second):
    return np.sqrt(max(0, ((first + second).var() - (first - second).var()) / 4))


RIGHT = [
    ("E05.1", sigma_of_scans),
    ("E05.1", sigma_of_all_pairs),
    ("E05.2", error),
    ("E05.2", error_by_products),
    ("E05.3", anatomy),
    ("E05.3", anatomy_by_sum_and_difference),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def error_to_first(denoised, first, second):
    return np.sqrt(np.mean((denoised - first) ** 2))


def error_to_first_less_noise(denoised, first, second):
    noise = (first - second).var() / 2
    return np.sqrt(abs(np.mean((denoised - first) ** 2) - noise))


def error_less_both(denoised, first, second):
    noise = (first - second).var()
    return np.sqrt(max(0, np.mean((denoised - second) ** 2) - noise))


def anatomy_not_centred(first, second):
    return np.sqrt(abs(np.mean(first * second)))


def anatomy_without_floor(first, second):
    covariance = np.cov(first.ravel(), second.ravel())[0, 1]
    return np.nan if covariance < 0 else np.sqrt(covariance)


WRONG = [
    ("E05.1", lambda s: s.std(axis=0), "one number"),
    ("E05.1", lambda s: s.std(), "structure was counted"),
    ("E05.1", lambda s: s.var(axis=0, ddof=1).mean(), "HU squared"),
    ("E05.1", lambda s: np.sqrt(s.var(axis=0).mean()), "too small"),
    ("E05.1", lambda s: (s[0] - s[1]).std(), "noise of a difference"),
    ("E05.1", lambda s: sigma_of_scans(s) / np.sqrt(len(s)), "scans' mean"),
    ("E05.1", lambda s: 1.2 * sigma_of_scans(s), "scans with a noise of"),
    ("E05.2", lambda d, a, b: np.abs(d - b), "one number"),
    ("E05.2", lambda d, a, b: np.sqrt(np.mean((d - b) ** 2)), "is still in it"),
    ("E05.2", lambda d, a, b: error(d, a, b) ** 2, "HU squared"),
    ("E05.2", error_to_first, "went into the denoiser"),
    ("E05.2", error_to_first_less_noise, "went into the denoiser"),
    ("E05.2", error_less_both, "HU was found"),
    ("E05.2", lambda d, a, b: 1.2 * error(d, a, b), "HU was found"),
    ("E05.3", lambda a, b: a * b, "one number"),
    ("E05.3", lambda a, b: np.cov(a.ravel(), b.ravel())[0, 1], "variance"),
    ("E05.3", lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1], "correlation"),
    ("E05.3", lambda a, b: a.std(), "with the noise"),
    ("E05.3", lambda a, b: (a - b).std() / np.sqrt(2), "not the anatomy"),
    ("E05.3", lambda a, b: ((a + b) / 2).std(), "averaging two"),
    ("E05.3", anatomy_not_centred, "take off the means"),
    ("E05.3", anatomy_without_floor, "must be 0"),
    ("E05.3", lambda a, b: 1.5 * anatomy(a, b), "HU of anatomy were taken"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
