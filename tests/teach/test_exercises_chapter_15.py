"""Exercises of chapter 15: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy import optimize, special

from medvae_course.evaluate import metrics, segmentation_calibration, surface

# --- right answers, each in several ways ------------------------------------------


def three_means(true, predicted):
    common = (true & predicted).sum(axis=(1, 2))
    sizes = true.sum(axis=(1, 2)) + predicted.sum(axis=(1, 2))
    full = sizes > 0
    total, empty = (2 * common[full] / sizes[full]).sum(), (~full).sum()
    n = len(sizes)
    return total / (n - empty), (total + empty) / n, total / n


def three_means_with_nan(true, predicted):
    common = 2.0 * (true & predicted).sum(axis=(1, 2))
    dice = common / (true.sum(axis=(1, 2)) + predicted.sum(axis=(1, 2)))
    counted = [np.nan_to_num(dice, nan=value).mean() for value in (1, 0)]
    return np.array([np.nanmean(dice), *counted])


def three_means_in_a_loop(true, predicted):
    dice, empty = [], 0
    for drawn, found in zip(true, predicted, strict=True):
        if drawn.any() or found.any():
            dice.append(2 * np.sum(drawn * found) / (np.sum(drawn) + np.sum(found)))
        else:
            empty += 1
    every = [dice, dice + [1.0] * empty, dice + [0.0] * empty]
    return [float(np.mean(values)) for values in every]


def three_means_of_the_library(true, predicted):
    dice = np.array([metrics.dice(*pair) for pair in zip(true, predicted, strict=True)])
    return tuple(surface.mean_score(dice, empty=name) for name in surface.EMPTY)


def cross_entropy(temperature, logits, labels):
    scaled = logits / temperature
    true = scaled[np.arange(len(labels)), labels]
    return np.mean(special.logsumexp(scaled, axis=1) - true)


def best_temperature(logits, labels):
    found = optimize.minimize_scalar(
        lambda k: cross_entropy(np.exp(k), logits, labels), bounds=(-3, 3)
    )
    return np.exp(found.x)


def best_temperature_on_fine_steps(logits, labels):
    tried = np.geomspace(0.05, 20, 700)
    return tried[np.argmin([cross_entropy(k, logits, labels) for k in tried])]


def best_temperature_by_its_slope(logits, labels):
    def slope(factor):  # of the cross-entropy, by one over the temperature
        expected = (special.softmax(factor * logits, axis=1) * logits).sum(axis=1)
        return np.mean(expected - logits[np.arange(len(labels)), labels])

    return 1 / optimize.brentq(slope, 0.05, 20)


def best_temperature_downhill(logits, labels):
    def loss(log_temperature):
        scaled = logits * np.exp(-log_temperature)
        one_hot = np.eye(logits.shape[1])[labels]
        return -np.sum(one_hot * special.log_softmax(scaled, axis=1)) / len(labels)

    return np.exp(optimize.minimize(loss, [0.0], method="Nelder-Mead").x)


def soft_dice(logits, labels):
    p = special.softmax(logits, axis=-1)
    known = labels != 255
    p, y = p[known], np.eye(logits.shape[-1])[labels[known]]
    return 2 * (p * y).sum(axis=0) / (p.sum(axis=0) + y.sum(axis=0))


def soft_dice_with_weights(logits, labels):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = exponentials / exponentials.sum(axis=-1, keepdims=True)
    y = labels[..., None] == np.arange(logits.shape[-1])
    p = p * y.any(axis=-1, keepdims=True)
    sizes = np.einsum("bhwc->c", p) + y.sum(axis=(0, 1, 2))
    return 2 * np.einsum("bhwc,bhwc->c", p, y) / np.maximum(sizes, 1e-6)


def soft_dice_class_by_class(logits, labels):
    p, known, dice = special.softmax(logits, axis=-1), labels != 255, []
    for number in range(logits.shape[-1]):
        mine = p[..., number]
        common = mine[labels == number].sum()
        dice.append(2 * common / (mine[known].sum() + (labels == number).sum() + 1e-7))
    return dice


def soft_dice_in_float32(logits, labels):
    logits = logits.astype("float32")
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p, known = p / p.sum(axis=-1, keepdims=True), labels != 255
    p, y = p[known], np.eye(logits.shape[-1], dtype="float32")[labels[known]]
    return 2 * (p * y).sum(axis=0) / (p.sum(axis=0) + y.sum(axis=0))


RIGHT = [
    ("E15.1", three_means),
    ("E15.1", three_means_with_nan),
    ("E15.1", three_means_in_a_loop),
    ("E15.1", three_means_of_the_library),
    ("E15.2", best_temperature),
    ("E15.2", best_temperature_on_fine_steps),
    ("E15.2", best_temperature_by_its_slope),
    ("E15.2", best_temperature_downhill),
    ("E15.3", soft_dice),
    ("E15.3", soft_dice_with_weights),
    ("E15.3", soft_dice_class_by_class),
    ("E15.3", soft_dice_in_float32),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def counted(true, predicted):
    axes = tuple(range(1, true.ndim))
    sizes = true.sum(axis=axes) + predicted.sum(axis=axes)
    return (true & predicted).sum(axis=axes), sizes


def mean_of(ratio):
    """Three equal means of a ratio of the overlap and the sizes."""
    return lambda *masks: 3 * (float(np.mean(ratio(*counted(*masks)))),)


def pooled(true, predicted):
    common, sizes = counted(true[None], predicted[None])
    return 3 * (2 * common[0] / sizes[0],)


def over_the_union(true, predicted):
    common, _ = counted(true, predicted)
    return 3 * (np.mean(2 * common / (true + predicted).sum(axis=(1, 2))),)


def in_python(true, predicted):
    pairs = zip(*counted(true, predicted), strict=True)
    return 3 * (np.mean([2 * int(common) / int(size) for common, size in pairs]),)


def median(true, predicted):
    common, sizes = counted(true, predicted)
    return 3 * (np.median(2 * common / sizes),)


def only_where_something(which):
    """Three means that take a pair for empty if one of its masks is."""

    def means(true, predicted):
        kept = (true, predicted)[which].any(axis=(1, 2))
        left_out = three_means(true[kept], predicted[kept])[0]
        share = kept.mean()
        return left_out, left_out * share + 1 - share, left_out * share

    return means


def mean_that_skips_nan(true, predicted):
    return 3 * (three_means(true, predicted)[0],)


def one_divided_by_the_full(true, predicted):
    left_out, one, zero = three_means(true, predicted)
    return left_out, one * left_out / zero, zero


def best_of(score, tried):
    def search(logits, labels):
        return tried[np.argmin([score(k, logits, labels) for k in tried])]

    return search


def calibration_error(temperature, logits, labels):
    p = special.softmax(logits / temperature, axis=1)
    return segmentation_calibration.reliability(p, labels, n_bins=10).error


def with_naive_exponentials(temperature, logits, labels):
    e = np.exp(logits / temperature)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))


def accuracy(temperature, logits, labels):
    return -np.mean((logits / temperature).argmax(axis=1) == labels)


FINE, COARSE = np.geomspace(0.05, 20, 700), np.arange(0.25, 20, 0.5)


def parts(logits, labels):
    p = special.softmax(logits, axis=-1)
    return p, (labels[..., None] == np.arange(p.shape[-1])).astype(float)


def dice_of(p, y, axes=(0, 1, 2)):
    return 2 * (p * y).sum(axis=axes) / (p.sum(axis=axes) + y.sum(axis=axes))


def of_probabilities(probabilities):
    return lambda logits, labels: dice_of(
        probabilities(logits), parts(logits, labels)[1]
    )


def changed(change):
    return lambda logits, labels: change(soft_dice(logits, labels))


def image_by_image(logits, labels):
    return dice_of(*parts(logits, labels), axes=(1, 2))


def likeliest(logits):
    return np.eye(logits.shape[-1])[logits.argmax(axis=-1)]


def added_to_both(logits, labels):
    p, y = parts(logits, labels)
    sizes = p.sum(axis=(0, 1, 2)) + y.sum(axis=(0, 1, 2))
    return (2 * (p * y).sum(axis=(0, 1, 2)) + 1) / (sizes + 1)


def squared(logits, labels):
    p, y = parts(logits, labels)
    common = (p * y).sum(axis=(0, 1, 2))
    return 2 * common / ((p**2).sum(axis=(0, 1, 2)) + y.sum(axis=(0, 1, 2)))


def less_the_mean(logits):
    p = np.exp(logits - logits.mean(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def without_stability(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def sigmoid(logits):
    return special.expit(logits)


def unknown_as(number):
    def dice(logits, labels):
        return soft_dice(logits, np.where(labels == 255, number, labels))

    return dice


def unknown_logits_zero(logits, labels):
    return dice_of(*parts(logits * (labels != 255)[..., None], labels))


def unknown_is_an_index(logits, labels):
    return dice_of(special.softmax(logits, axis=-1), np.eye(logits.shape[-1])[labels])


def unknown_spoils_all(logits, labels):
    dice = dice_of(*parts(logits, labels))
    return dice * np.nan if (labels == 255).any() else dice


WRONG = [
    ("E15.1", lambda true, predicted: 0.5, "three numbers"),
    ("E15.1", lambda true, predicted: (0.1, 0.2, 0.3), "three means must be equal"),
    ("E15.1", pooled, "one Dice; each pair has one"),
    ("E15.1", mean_of(lambda common, sizes: common / (sizes - common)), "Jaccard"),
    ("E15.1", over_the_union, "a sum of Booleans"),
    ("E15.1", mean_of(lambda common, sizes: common / sizes), "common pixels twice"),
    (
        "E15.1",
        mean_of(lambda common, sizes: 2 * common / (sizes + 1)),
        "was a number added",
    ),
    (
        "E15.1",
        mean_of(lambda c, sizes: (2 * c + 1) / (sizes + 1)),
        "was a number added",
    ),
    ("E15.1", median, "got 0.65"),
    ("E15.1", only_where_something(0), "where nothing was drawn"),
    ("E15.1", only_where_something(1), "where nothing was found"),
    ("E15.1", in_python, "divides 0 by 0"),
    ("E15.1", mean_of(lambda common, sizes: 2 * common / sizes), "NaN makes a whole"),
    ("E15.1", mean_that_skips_nan, "leave empty pairs out"),
    ("E15.1", mean_of(lambda c, s: 2 * c / (s + 1e-6)), "count empty pairs 0"),
    ("E15.1", mean_of(lambda c, s: (2 * c + 1e-6) / (s + 1e-6)), "empty pairs 1"),
    ("E15.1", lambda *masks: three_means(*masks)[::-1], "the order is left out"),
    ("E15.1", one_divided_by_the_full, "wrong with empty pairs counted 1"),
    ("E15.2", lambda logits, labels: logits, "one number"),
    ("E15.2", lambda logits, labels: {"x": 2.0}, "one number"),
    ("E15.2", lambda *given: np.log(best_temperature(*given)), "the logarithm"),
    ("E15.2", lambda logits, labels: -1.0, "positive number"),
    ("E15.2", lambda logits, labels: np.nan, "positive number"),
    ("E15.2", lambda *given: 1 / best_temperature(*given), "multiplied"),
    ("E15.2", best_of(cross_entropy, np.linspace(0.01, 1, 99)), "go above 1"),
    ("E15.2", best_of(cross_entropy, np.geomspace(1, 20, 700)), "is not below 1"),
    ("E15.2", best_of(cross_entropy, COARSE), "finer steps"),
    ("E15.2", best_of(cross_entropy, np.arange(1.0, 21)), "finer steps"),
    ("E15.2", best_of(calibration_error, FINE), "calibration error small"),
    ("E15.2", best_of(calibration_error, COARSE), "calibration error small"),
    ("E15.2", best_of(accuracy, FINE), "go above 1"),
    ("E15.2", best_of(cross_entropy, np.geomspace(0.05, 8, 600)), "a higher one"),
    ("E15.2", lambda logits, labels: 19.0, "a lower one"),
    ("E15.2", best_of(with_naive_exponentials, FINE), "overflow or vanish"),
    ("E15.3", lambda *given: soft_dice(*given).mean(), "one number per class"),
    ("E15.3", changed(lambda dice: dice[1:]), "the background too"),
    ("E15.3", image_by_image, "of the whole batch"),
    ("E15.3", changed(lambda dice: 1 - dice), "this is the loss"),
    ("E15.3", changed(lambda dice: dice / 2), "twice"),
    ("E15.3", of_probabilities(likeliest), "has no slope"),
    ("E15.3", lambda *given: image_by_image(*given).mean(axis=0), "add up the batch"),
    ("E15.3", of_probabilities(sigmoid), "a softmax over its classes"),
    ("E15.3", of_probabilities(lambda logits: logits), "a softmax over its classes"),
    ("E15.3", of_probabilities(lambda k: special.softmax(k, axis=1)), "softmax over"),
    ("E15.3", added_to_both, "added to the overlap"),
    ("E15.3", changed(lambda dice: dice**2), "where all pixels are known"),
    ("E15.3", squared, "not squared"),
    ("E15.3", of_probabilities(without_stability), "overflow or vanish"),
    ("E15.3", of_probabilities(less_the_mean), "overflow or vanish"),
    ("E15.3", unknown_is_an_index, "255 is no class"),
    ("E15.3", unknown_as(0), "for background"),
    ("E15.3", unknown_as(-1), "for the last class"),
    ("E15.3", unknown_logits_zero, "not left out of every sum"),
    (
        "E15.3",
        lambda *given: dice_of(*parts(*given)),
        "probabilities of unknown pixels",
    ),
    ("E15.3", unknown_spoils_all, "not left out of every sum"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
