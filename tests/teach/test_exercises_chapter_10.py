"""The exercises of chapter 10: right answers pass, wrong ones are told why not."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from sklearn.model_selection import GroupKFold

# --- right answers, each in two ways ---------------------------------------------


def gap(told, entropy):
    ordered = np.sort(told, axis=0)
    return np.mean((ordered[-1] - ordered[-2]) / entropy)


def gap_by_hand(told, entropy):
    shares = []
    for column, nats in zip(np.transpose(told), entropy, strict=True):
        second, best = sorted(column)[-2:]
        shares.append((best - second) / nats)
    return sum(shares) / len(shares)


def folds(patients, n_folds):
    return np.unique(patients, return_inverse=True)[1] % n_folds


def folds_of_scikit_learn(patients, n_folds):
    found = np.zeros(len(patients), dtype=int)
    splits = GroupKFold(n_folds).split(patients, groups=patients)
    for fold, (_, rows) in enumerate(splits):
        found[rows] = fold
    return found


def kl_full(mean, covariance):
    log_det = np.linalg.slogdet(covariance)[1]
    return 0.5 * (np.trace(covariance) + mean @ mean - len(mean) - log_det)


def kl_by_eigenvalues(mean, covariance):
    values = np.linalg.eigvalsh(covariance)
    return 0.5 * (np.sum(mean**2) + np.sum(values - 1 - np.log(values)))


RIGHT = [
    ("E10.1", gap),
    ("E10.1", gap_by_hand),
    ("E10.2", folds),
    ("E10.2", folds_of_scikit_learn),
    ("E10.3", kl_full),
    ("E10.3", kl_by_eigenvalues),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def gap_in_nats(told, entropy):
    ordered = np.sort(told, axis=0)
    return np.mean(ordered[-1] - ordered[-2])


def gap_of_each(told, entropy):
    ordered = np.sort(told, axis=0)
    return (ordered[-1] - ordered[-2]) / entropy


def gap_of_best_and_worst(told, entropy):
    return np.mean((told.max(axis=0) - told.min(axis=0)) / entropy)


def gap_over_mean_entropy(told, entropy):
    return gap_in_nats(told, entropy) / np.mean(entropy)


def gap_without_order(told, entropy):
    return np.mean(np.abs(told[0] - told[1]) / entropy)


def share_of_best(told, entropy):
    return np.mean(told.max(axis=0) / entropy)


def folds_of_rows(patients, n_folds):
    return np.arange(len(patients)) % n_folds


def folds_uneven(patients, n_folds):
    return np.minimum(np.unique(patients, return_inverse=True)[1], n_folds - 1)


def kl_diagonal_only(mean, covariance):
    v = np.diag(covariance)
    return 0.5 * np.sum(mean**2 + v - 1 - np.log(v))


def kl_of_deviations(mean, covariance):
    return kl_full(mean, covariance @ covariance)


WRONG = [
    ("E10.1", gap_in_nats, "nats remain"),
    ("E10.1", gap_of_each, "one number"),
    ("E10.1", gap_of_best_and_worst, "the gap is 0"),
    ("E10.1", gap_over_mean_entropy, "own column"),
    ("E10.1", gap_without_order, "order of the latents"),
    ("E10.1", share_of_best, "the gap is 0"),
    ("E10.1", lambda t, e: 0.0, "must give 1"),
    ("E10.2", folds_of_rows, "more than one fold"),
    ("E10.2", folds_uneven, "differ by one"),
    ("E10.2", lambda p, n: 1 + folds(p, n), "the 2 folds are"),
    ("E10.2", lambda p, n: folds(p, n) / 1, "whole numbers"),
    ("E10.2", lambda p, n: folds(np.unique(p), n), "for each row"),
    ("E10.3", kl_diagonal_only, "turned Gaussian"),
    ("E10.3", kl_of_deviations, "taken as deviations"),
    ("E10.3", lambda m, c: 2 * kl_full(m, c), "half of the squared mean"),
    ("E10.3", lambda m, c: kl_full(m, c) + len(m) / 2, "from itself"),
    ("E10.3", lambda m, c: 0.5 * m @ m, "sum over latents"),
    ("E10.3", lambda m, c: 0 * m, "one number"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
