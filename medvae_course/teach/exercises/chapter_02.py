"""Exercises of chapter 2: a yardstick, an interval by patient, and a price in bits.

Each check measures the learner's function by properties of the right answer, so that no
finished solution is stored here.
"""

from collections.abc import Callable
from itertools import product
from types import MappingProxyType

import numpy as np

from . import Exercise

_WIDTH_HU = 400.0


def _psnr_problem(psnr_of_stack: Callable) -> str:
    reference = np.random.default_rng(1).uniform(-160, 240, size=(3, 6, 5))
    off_by = np.array([4.0, 40.0, 12.0])  # HU; a hundredth and a tenth of the window
    images = reference + off_by[:, None, None]
    found = np.asarray(psnr_of_stack(reference, images, _WIDTH_HU), dtype=float)
    if found.shape != (3,):
        return f"three images need three numbers, got shape {found.shape}"
    if np.ptp(found) < 1e-9:
        return "all images got one number, but their errors differ"
    if np.allclose(found - found[0], [0.0, 20.0, 9.54], atol=0.01):
        return "a larger error must give a smaller number, and gives a larger one"
    if np.allclose(2 * (found - found[0]), [0.0, -20.0, -9.54], atol=0.01):
        return "ten times the error must cost 20 dB, and costs 10"
    if not np.allclose(found - found[0], [0.0, -20.0, -9.54], atol=0.01):
        return "ten times the error must cost 20 dB, and does not"
    wide = np.asarray(psnr_of_stack(reference, images, 10 * _WIDTH_HU), dtype=float)
    if np.allclose(wide, found):
        return "the width of the window changes nothing, but it is the data range"
    if not np.allclose(wide - found, 20.0):
        return "ten times the data range must add 20 dB, and does not"
    if not np.isclose(found[0], 40.0, atol=1e-6):
        return "an error of a hundredth of the window everywhere must be 40 dB"
    one = reference.copy()
    one[:, 0, 0] += 40.0
    spread = np.asarray(psnr_of_stack(reference, one, _WIDTH_HU), dtype=float)
    if not np.allclose(spread, 20.0 + 10 * np.log10(30)):
        return "one wrong pixel of thirty does not count as a thirtieth of the square"
    return ""


def _all_means(parts: list[np.ndarray]) -> np.ndarray:
    """Means of all draws of patients, which are equally likely."""
    draws = np.array(list(product(range(len(parts)), repeat=len(parts))))
    sums = np.array([part.sum() for part in parts])
    sizes = np.array([part.size for part in parts])
    return sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)


def _is_interval_of(ends: np.ndarray, means: np.ndarray) -> bool:
    """Tell whether the ends cut off 2.5 % of the means on each side.

    Shares are compared, not values: where few means lie, a right answer moves far from
    one seed to the next. With 3000 draws the share has a standard deviation of 0.3 %.
    """
    below = np.array([np.mean(means < end - 1e-6) for end in ends])
    up_to = np.array([np.mean(means < end + 1e-6) for end in ends])
    wanted = np.array([0.025, 0.975])
    return bool(np.all((below - 0.013 < wanted) & (wanted < up_to + 0.013)))


def _interval_problem(patient_interval: Callable) -> str:
    generator = np.random.default_rng(2)
    sizes = {"e": 40, "a": 12, "c": 20, "b": 6, "d": 30}
    level = {"a": 20.0, "b": 32.0, "c": 23.0, "d": 27.0, "e": 30.0}
    patients = np.repeat(list(sizes), list(sizes.values()))
    values = np.array([level[name] for name in patients])
    values = values + generator.normal(0, 0.01, size=len(values))
    order = generator.permutation(len(values))
    found = np.asarray(patient_interval(values[order], patients[order], 3000), float)
    if found.shape != (2,):
        return f"an interval has two ends, got shape {found.shape}"
    if not found[0] < found[1]:
        return "the lower end does not lie below the upper one"
    right = _all_means([values[patients == name] for name in sizes])
    if np.ptp(found) < 0.5 * np.ptp(np.quantile(right, [0.025, 0.975])):
        return (
            "the interval of five very different patients is far too narrow: slices"
            " were drawn, or the interval is not that of 95 %"
        )
    equal = _all_means([values[patients == name].mean(keepdims=True) for name in sizes])
    if not _is_interval_of(found, right):
        if _is_interval_of(found, equal):
            return "each patient counts once, whatever the number of their slices"
        return "the ends are not the quantiles of the means that drawing can give"
    same = np.asarray(patient_interval(np.full(len(values), 7.0), patients, 100), float)
    if not np.allclose(same, 7.0):
        return "equal values everywhere must give an interval without width"
    return ""


def _entropy_problem(bits_per_symbol: Callable) -> str:
    eight = np.tile(np.arange(8), 5)
    found = float(bits_per_symbol(eight))
    if np.isclose(found, 3 * np.log(2)):
        return "the number is right in nats, but bits are asked for"
    if np.isclose(found, 3 * 40):
        return "that is the price of all symbols together; asked for is one's"
    if np.isclose(found, -3):
        return "a price below zero: log2 of a probability is negative"
    if not np.isclose(found, 3):
        return "eight equally frequent symbols must cost three bits each"
    if not np.isclose(float(bits_per_symbol(eight.reshape(4, 10))), 3):
        return "the shape of the array changes the price"
    if not np.isclose(float(bits_per_symbol(100 * eight - 350)), 3):
        return "other names for the symbols change the price; negative ones occur too"
    constant = float(bits_per_symbol(np.zeros(12, dtype=int)))
    if not np.isfinite(constant) or abs(constant) > 1e-9:
        return "a symbol that is always the same must cost nothing"
    rare = np.array([0] * 15 + [1])
    if np.isclose(float(bits_per_symbol(rare)), 1):
        return "a rare symbol and a frequent one got words of one length"
    if not np.isclose(float(bits_per_symbol(rare)), 0.3373, atol=1e-3):
        return "each symbol's price must count as often as the symbol occurs"
    return ""


EXERCISES = MappingProxyType(
    {
        "E02.1": Exercise(
            "each image has its own PSNR, with the window as range",
            _psnr_problem,
            (
                "what is the largest error that a value in the window can have? That is"
                " the data range",
                "the mean goes over the pixels of an image, not over the images: which"
                " axes are these?",
                "ten times the logarithm to the base 10 of the square of the window's"
                " width over the mean squared error",
            ),
        ),
        "E02.2": Exercise(
            "the interval rests on patients, with all their slices",
            _interval_problem,
            (
                "which things were drawn by chance when the data were collected: slices"
                " or patients?",
                "draw names of patients with replacement; then collect the values of"
                " each drawn patient, twice for one drawn twice, and take one mean",
                "NumPy's generators can choose from an array with replacement, and"
                " its quantile takes both shares in one call",
            ),
        ),
        "E02.3": Exercise(
            "frequent symbols are cheap, rare ones dear",
            _entropy_problem,
            (
                "how often does each symbol occur? NumPy's unique can count",
                "divide the counts by their sum: these are the probabilities that the"
                " ideal code was made for",
                "the mean over the symbols weighs the price of each with its own"
                " probability; prices are logarithms to the base 2",
            ),
        ),
    }
)
