"""The exercises of chapter 9: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy import special, stats

from medvae_course.models import bounds

# --- right answers, each in two ways ---------------------------------------------


def bound(log_w, sizes):
    columns = []
    for size in sizes:
        groups = log_w.reshape(len(log_w), -1, size)
        largest = groups.max(axis=2, keepdims=True)
        mean = np.exp(groups - largest).mean(axis=2)
        columns.append((np.log(mean) + largest[:, :, 0]).mean(axis=1))
    return np.stack(columns, axis=1)


def with_groups(log_mean, log_w, sizes):
    grouped = [log_w.reshape(len(log_w), -1, size) for size in sizes]
    return np.stack([log_mean(groups).mean(axis=1) for groups in grouped], axis=1)


def bound_with_library(log_w, sizes):
    return with_groups(bounds.log_mean_exp, log_w, sizes)


def bits(log_likelihood, pixels, level_hu):
    return (-log_likelihood / pixels - np.log(level_hu / 1400)) / np.log(2)


def bits_with_library(log_likelihood, pixels, level_hu):
    return bounds.bits_per_pixel(
        log_likelihood, n_pixels=pixels, level_width=level_hu / 1400
    )


def nearer(train, held_out):
    pairs = held_out[None, :] - train[:, None]
    return float(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


def nearer_with_scipy(train, held_out):
    u = stats.mannwhitneyu(held_out, train).statistic
    return u / (len(train) * len(held_out))


RIGHT = [
    ("E09.1", bound),
    ("E09.1", bound_with_library),
    ("E09.2", bits),
    ("E09.2", bits_with_library),
    ("E09.3", nearer),
    ("E09.3", nearer_with_scipy),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def bound_that_overflows(log_w, sizes):
    return with_groups(lambda g: np.log(np.exp(g).mean(axis=2)), log_w, sizes)


def bound_that_vanishes(log_w, sizes):
    def log_mean(groups):
        largest = groups.max(axis=2).clip(0)
        return largest + np.log(np.exp(groups - largest[..., None]).mean(axis=2))

    return with_groups(log_mean, log_w, sizes)


def bound_of_sums(log_w, sizes):
    return with_groups(lambda g: special.logsumexp(g, axis=2), log_w, sizes)


def bound_of_the_largest(log_w, sizes):
    return with_groups(lambda g: g.max(axis=2), log_w, sizes)


def bound_averaged_too_early(log_w, sizes):
    whole = special.logsumexp(log_w, axis=1) - np.log(log_w.shape[1])
    return np.stack([whole] * len(sizes), axis=1)


def bound_of_the_first_group(log_w, sizes):
    columns = [bound(log_w[:, :size], (size,)) for size in sizes]
    return np.concatenate(columns, axis=1)


def bound_of_scattered_groups(log_w, sizes):
    columns = []
    for size in sizes:
        groups = log_w.reshape(len(log_w), size, -1)
        columns.append(bounds.log_mean_exp(groups.swapaxes(1, 2)).mean(axis=1))
    return np.stack(columns, axis=1)


def elbo_for_every_size(log_w, sizes):
    return np.stack([log_w.mean(axis=1)] * len(sizes), axis=1)


def strictly(train, held_out):
    return float(np.mean(held_out[None, :] > train[:, None]))


def generous(train, held_out):
    return float(np.mean(held_out[None, :] >= train[:, None]))


def of_the_means(train, held_out):
    return (1 + np.sign(held_out.mean() - train.mean())) / 2


WRONG = [
    ("E09.1", lambda w, sizes: bound(w, sizes).T, "5 rows of 3 numbers"),
    ("E09.1", lambda w, sizes: bound(w, sizes).mean(axis=0), "5 rows of 3 numbers"),
    ("E09.1", elbo_for_every_size, "the ELBO"),
    ("E09.1", bound_averaged_too_early, "not after it"),
    ("E09.1", bound_of_sums, "not of their mean"),
    ("E09.1", bound_of_the_first_group, "all draws must"),
    ("E09.1", bound_of_scattered_groups, "neighbouring columns"),
    ("E09.1", bound_of_the_largest, "nothing can overflow"),
    ("E09.1", bound_that_overflows, "overflow"),
    ("E09.1", bound_that_vanishes, "vanish"),
    ("E09.2", lambda p, d, w: -p / d / np.log(2), "makes no difference"),
    ("E09.2", lambda p, d, w: bits(p, d, w) * np.log(2), "still nats"),
    ("E09.2", lambda p, d, w: bits(p, d, 1 / w), "fewer bits, and need more"),
    ("E09.2", lambda p, d, w: bits(p, 1, w), "must save 1 bit a pixel"),
    ("E09.2", lambda p, d, w: bits(p, d, w) / d, "exactly one bit per pixel"),
    ("E09.2", lambda p, d, w: bits(-p, d, w), "a higher likelihood"),
    ("E09.2", lambda p, d, w: bits(p, d, 1400 * w), "over model units"),
    ("E09.2", lambda p, d, w: bits(p, d, w / 2), "equally probable"),
    ("E09.3", lambda t, h: nearer(h, t), "turned round"),
    ("E09.3", lambda t, h: 0.5 * nearer(t, h), "it must be 1"),
    ("E09.3", strictly, "count half"),
    ("E09.3", generous, "count half"),
    ("E09.3", of_the_means, "all pairs count"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
