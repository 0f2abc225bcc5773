"""The exercises of chapter 2: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy import stats

from medvae_course.evaluate import bootstrap, metrics
from medvae_course.teach.exercises import chapter_02

# --- right answers, each in two ways ---------------------------------------------


def psnr(reference, images, width_hu):
    mse = np.mean((reference - images) ** 2, axis=(1, 2))
    return 10 * np.log10(width_hu**2 / mse)


def psnr_of_the_library(reference, images, width_hu):
    return metrics.psnr_per_image(
        reference[..., None], images[..., None], data_range=width_hu
    )


def interval(values, patients, n_draws):
    rng = np.random.default_rng(5)
    names = np.unique(patients)
    means = []
    for _ in range(n_draws):
        drawn = rng.choice(names, len(names))
        means.append(np.concatenate([values[patients == n] for n in drawn]).mean())
    return np.quantile(means, 0.025), np.quantile(means, 0.975)


def interval_of_seed(seed):
    """Return a right answer that draws with this seed, from a table of patients."""

    def answer(values, patients, n_draws):
        _, which = np.unique(patients, return_inverse=True)
        sums, sizes = np.bincount(which, values), np.bincount(which)
        draws = np.random.default_rng(seed).integers(
            len(sums), size=(n_draws, len(sums))
        )
        means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
        return np.quantile(means, [0.025, 0.975])

    return answer


def interval_of_the_library(values, patients, n_draws):
    found = bootstrap.interval(values, patients, n_resamples=n_draws)
    return found.low, found.high


def bits(symbols):
    _, counts = np.unique(symbols, return_counts=True)
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum()


def bits_of_scipy(symbols):
    return stats.entropy(np.unique(symbols, return_counts=True)[1], base=2)


RIGHT = [
    ("E02.1", psnr),
    ("E02.1", psnr_of_the_library),
    ("E02.2", interval),
    ("E02.2", interval_of_the_library),
    ("E02.3", bits),
    ("E02.3", bits_of_scipy),
]

test_right_answer_passes = right_answers_pass(RIGHT)


def test_right_interval_passes_whatever_its_seed():
    refused = {
        seed: problem
        for seed in range(200)
        if (problem := chapter_02._interval_problem(interval_of_seed(seed)))
    }
    assert not refused


# --- wrong answers ----------------------------------------------------------------


def psnr_of_all(reference, images, width_hu):
    mse = np.mean((reference - images) ** 2)
    return np.full(len(images), 10 * np.log10(width_hu**2 / mse))


def psnr_with_the_largest_value(reference, images, width_hu):
    mse = np.mean((reference - images) ** 2, axis=(1, 2))
    return 10 * np.log10(reference.max() ** 2 / mse)


def interval_by_slice(values, patients, n_draws):
    return interval(values, np.arange(len(values)), n_draws)


def interval_of_patient_means(values, patients, n_draws):
    names = np.unique(patients)
    means = np.array([values[patients == n].mean() for n in names])
    return interval(means, names, n_draws)


def interval_of_half(values, patients, n_draws):
    low, high = interval(values, patients, n_draws)
    return 0.8 * low + 0.2 * high, 0.2 * low + 0.8 * high


def interval_of_90_percent(values, patients, n_draws):
    names = np.unique(patients)
    rng = np.random.default_rng(5)
    draws = [rng.choice(names, len(names)) for _ in range(n_draws)]
    of = {name: values[patients == name] for name in names}
    means = [np.concatenate([of[name] for name in draw]).mean() for draw in draws]
    return np.quantile(means, [0.05, 0.95])


def interval_with_a_margin(values, patients, n_draws):
    low, high = interval(values, patients, n_draws)
    return (low, high) if high > low else (low - 0.1, high + 0.1)


def words_of_one_length(symbols):
    return np.log2(len(np.unique(symbols)))


def mean_of_prices(symbols):
    _, counts = np.unique(symbols, return_counts=True)
    return np.log2(counts.sum() / counts).mean()


WRONG = [
    ("E02.1", psnr_of_all, "one number"),
    ("E02.1", lambda r, i, w: psnr(r, i, w).mean(), "three numbers"),
    ("E02.1", lambda r, i, w: -psnr(r, i, w), "smaller number"),
    ("E02.1", lambda r, i, w: psnr(r, i, w) / 2, "costs 10"),
    ("E02.1", lambda r, i, w: psnr(r, i, w) / 3, "does not"),
    ("E02.1", psnr_with_the_largest_value, "width of the window changes nothing"),
    ("E02.1", lambda r, i, w: psnr(r, i, w**2), "must add 20 dB"),
    ("E02.1", lambda r, i, w: psnr(r, i, 2 * w), "must be 40 dB"),
    (
        "E02.1",
        lambda r, i, w: 20 * np.log10(w / np.abs(r - i).mean(axis=(1, 2))),
        "one wrong pixel of thirty",
    ),
    ("E02.2", interval_by_slice, "too narrow"),
    ("E02.2", interval_of_patient_means, "each patient counts once"),
    ("E02.2", interval_of_half, "not the quantiles"),
    ("E02.2", interval_of_90_percent, "not the quantiles"),
    ("E02.2", lambda v, p, n: interval(v, p, n)[::-1], "does not lie below"),
    ("E02.2", lambda v, p, n: v.mean(), "two ends"),
    ("E02.2", interval_with_a_margin, "without width"),
    ("E02.3", lambda s: bits(s) * np.log(2), "nats"),
    ("E02.3", lambda s: bits(s) * np.size(s), "together"),
    ("E02.3", lambda s: -bits(s), "below zero"),
    ("E02.3", lambda s: 1.0, "three bits each"),
    ("E02.3", lambda s: bits(s) if s.ndim == 1 else 0.0, "shape"),
    ("E02.3", lambda s: bits(np.maximum(s, 0)), "negative"),
    ("E02.3", lambda s: bits(s) or np.nan, "must cost nothing"),
    ("E02.3", words_of_one_length, "words of one length"),
    ("E02.3", mean_of_prices, "as often as"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
