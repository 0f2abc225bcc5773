"""The exercises of chapter 3: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy.special import xlogy

from medvae_course.evaluate import bootstrap

# --- right answers, each in two ways ---------------------------------------------


def gradients(x, w_encoder, w_decoder):
    before = x @ w_encoder
    code = np.maximum(before, 0)
    grad_output = 2 * (code @ w_decoder - x) / x.size
    grad_before = (grad_output @ w_decoder.T) * (before > 0)
    return x.T @ grad_before, code.T @ grad_output


def gradients_image_by_image(x, w_encoder, w_decoder):
    grad_encoder, grad_decoder = np.zeros_like(w_encoder), np.zeros_like(w_decoder)
    for image in x:
        code = np.maximum(image @ w_encoder, 0)
        back = 2 * (code @ w_decoder - image) / x.size
        grad_decoder += np.outer(code, back)
        grad_encoder += np.outer(image, (w_decoder @ back) * (code > 0))
    return grad_encoder, grad_decoder


def floor(x):
    return -(xlogy(x, x) + xlogy(1 - x, 1 - x)).sum(axis=(1, 2, 3))


def floor_clipped(x):
    p = np.clip(x, 1e-7, 1 - 1e-7)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=(1, 2, 3))


def verdict(difference_db, patients):
    interval = bootstrap.interval(difference_db, patients)
    if interval.low > 0:
        return "wins"
    return "loses" if interval.high < 0 else "undecided"


def verdict_by_means(difference_db, patients):
    names, index = np.unique(patients, return_inverse=True)
    means = np.bincount(index, difference_db) / np.bincount(index)
    margin = 2.2 * means.std(ddof=1) / np.sqrt(len(names))
    if abs(means.mean()) <= margin:
        return "undecided"
    return "wins" if means.mean() > 0 else "loses"


RIGHT = [
    ("E03.1", gradients),
    ("E03.1", gradients_image_by_image),
    ("E03.2", floor),
    ("E03.2", floor_clipped),
    ("E03.3", verdict),
    ("E03.3", verdict_by_means),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def scaled(by_encoder, by_decoder):
    def answer(x, w_encoder, w_decoder):
        grad_encoder, grad_decoder = gradients(x, w_encoder, w_decoder)
        return by_encoder * grad_encoder, by_decoder * grad_decoder

    return answer


def gradients_of_the_sum(x, w_encoder, w_decoder):
    return tuple(x.size * part for part in gradients(x, w_encoder, w_decoder))


def gradients_without_relu(x, w_encoder, w_decoder):
    code = x @ w_encoder
    back = 2 * (code @ w_decoder - x) / x.size
    return x.T @ (back @ w_decoder.T), code.T @ back


def gradients_without_mask(x, w_encoder, w_decoder):
    code = np.maximum(x @ w_encoder, 0)
    back = 2 * (code @ w_decoder - x) / x.size
    return x.T @ (back @ w_decoder.T), code.T @ back


def gradients_for_five_images(x, w_encoder, w_decoder):
    return tuple(part * len(x) / 5 for part in gradients(x, w_encoder, w_decoder))


def by_slice(difference_db, patients):
    return verdict(difference_db, np.arange(len(patients)))


def by_sign(difference_db, patients):
    return "wins" if np.mean(difference_db) > 0 else "loses"


def one_sided(difference_db, patients):
    low = bootstrap.interval(difference_db, patients).low
    return "wins" if low > 0 else "undecided"


def with_a_threshold(difference_db, patients):
    return "undecided" if abs(np.mean(difference_db)) < 0.5 else "wins"


WRONG = [
    ("E03.1", scaled(1, -1), "decoder's gradient is right but for its sign"),
    ("E03.1", scaled(-1, 1), "encoder's gradient is right but for its sign"),
    ("E03.1", scaled(1, 0.5), "decoder's gradient is right but for its size"),
    ("E03.1", gradients_of_the_sum, "right but for its size"),
    ("E03.1", gradients_without_relu, "decoder's gradient is that of an autoencoder"),
    ("E03.1", gradients_without_mask, "encoder's gradient is not the slope"),
    ("E03.1", lambda x, e, d: gradients(x, e, d)[::-1], "must have the shape"),
    ("E03.1", lambda x, e, d: gradients(x, e, d)[0], "expected two gradients"),
    ("E03.1", gradients_for_five_images, "given twice"),
    ("E03.2", lambda x: floor(x).sum(), "three numbers"),
    ("E03.2", lambda x: -floor(x), "below zero"),
    ("E03.2", lambda x: floor(x) / x[0].size, "twice as wide"),
    ("E03.2", lambda x: floor(x) / np.log(2), "bits"),
    ("E03.2", lambda x: 1.1 * floor(x), "comes below"),
    ("E03.2", lambda x: np.zeros(len(x)), "comes down to"),
    ("E03.2", lambda x: 0.5 * floor(x), "comes down to"),
    (
        "E03.2",
        lambda x: np.where(((x == 0) | (x == 1)).all(axis=(1, 2, 3)), np.nan, floor(x)),
        "no finite number",
    ),
    (
        "E03.2",
        lambda x: floor(x) + ((x == 0) | (x == 1)).all(axis=(1, 2, 3)),
        "without loss",
    ),
    ("E03.3", by_slice, "three of twelve"),
    ("E03.3", by_sign, "equal but for noise"),
    ("E03.3", one_sided, "worse on all patients"),
    ("E03.3", with_a_threshold, 'worse on all patients is said to be "wins"'),
    ("E03.3", lambda d, p: "better", "must be"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
