"""Exercises of chapter 3: a gradient, the floor of a loss, and a verdict.

Each check measures the learner's function: gradients against small steps, losses and
verdicts by properties that only a right answer has.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np

from . import Exercise


def _error(x: np.ndarray, weights: Sequence[np.ndarray], *, relu: bool) -> float:
    """Mean squared error of an autoencoder without biases."""
    code = x @ weights[0]
    code = np.maximum(code, 0.0) if relu else code
    return float(np.mean((code @ weights[1] - x) ** 2))


def _slopes(
    x: np.ndarray, weights: Sequence[np.ndarray], index: int, *, relu: bool = True
) -> np.ndarray:
    """Gradient for one of the two matrices by central differences."""
    slopes = np.zeros_like(weights[index])
    for place in np.ndindex(slopes.shape):
        for sign in (1.0, -1.0):
            moved = [weight.copy() for weight in weights]
            moved[index][place] += sign * 1e-6
            slopes[place] += sign * _error(x, moved, relu=relu) / 2e-6
    return slopes


def _gradient_problem(gradients: Callable) -> str:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(5, 6))
    weights = [generator.normal(size=(6, 3)), generator.normal(size=(3, 6))]
    found = [np.asarray(part, dtype=float) for part in gradients(x.copy(), *weights)]
    if len(found) != 2:
        return f"expected two gradients, got {len(found)}"
    for index, name in ((1, "decoder"), (0, "encoder")):
        if found[index].shape != weights[index].shape:
            return (
                f"the {name}'s gradient must have the shape of its weights,"
                f" {weights[index].shape}, got {found[index].shape}"
            )
        slopes = _slopes(x, weights, index)
        if not np.allclose(found[index], slopes, rtol=1e-4, atol=1e-7):
            return _gradient_difference(name, found[index], slopes, x, weights)
    twice = gradients(np.concatenate([x, x]), *weights)
    if not np.allclose(twice[1], found[1], rtol=1e-6):
        return "the same images given twice change a mean's gradient, and must not"
    return ""


def _gradient_difference(
    name: str,
    found: np.ndarray,
    slopes: np.ndarray,
    x: np.ndarray,
    weights: Sequence[np.ndarray],
) -> str:
    ratio = float(np.vdot(found, slopes) / np.vdot(slopes, slopes))
    if ratio and np.allclose(found, ratio * slopes, rtol=1e-4, atol=1e-7):
        wrong = "sign" if np.isclose(ratio, -1.0) else "size"
        return f"the {name}'s gradient is right but for its {wrong}"
    linear = _slopes(x, weights, int(name == "decoder"), relu=False)
    if np.allclose(found, linear, rtol=1e-4, atol=1e-7):
        return f"the {name}'s gradient is that of an autoencoder without ReLU"
    return f"the {name}'s gradient is not the slope measured by small steps"


def _cross_entropy(x: np.ndarray, x_hat: np.ndarray) -> np.ndarray:
    terms = x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)
    return -terms.reshape(len(x), -1).sum(axis=1)


def _floor_problem(cross_entropy_floor: Callable) -> str:
    x = np.random.default_rng(4).uniform(0.02, 0.98, size=(3, 4, 6, 1))
    floor = np.asarray(cross_entropy_floor(x.copy()), dtype=float)
    if floor.shape != (3,):
        return f"three images need three numbers, got shape {floor.shape}"
    if (floor < 0).any():
        return "a floor below zero: no cross-entropy is negative"
    wide = np.asarray(cross_entropy_floor(np.concatenate([x, x], axis=2)))
    if not np.allclose(wide, 2 * floor):
        return "an image twice as wide has twice as many nats, and has not here"
    reached = _cross_entropy(x, x)
    if np.allclose(floor * np.log(2), reached):
        return "the number is right in bits, but nats are asked for"
    if (floor > reached + 1e-6).any():
        return "some reconstruction comes below this floor"
    if not np.allclose(floor, reached, rtol=1e-4):
        return "no reconstruction comes down to this floor"
    bones = np.asarray(cross_entropy_floor((x > 0.5).astype(float)), dtype=float)
    if not np.isfinite(bones).all():
        return "an image of zeros and ones gives no finite number"
    if np.abs(bones).max() > 1e-3:
        return "an image of zeros and ones can be coded without loss, but not here"
    return ""


def _verdict_problem(verdict: Callable) -> str:
    generator = np.random.default_rng(6)
    patients = np.repeat([f"p{n:02d}" for n in range(12)], 20)
    noise = generator.normal(0.0, 0.1, size=patients.size)
    small = 0.1 + noise
    for name, values, expected in (
        ("better on all patients", 1.0 + noise, "wins"),
        ("worse on all patients", -1.0 + noise, "loses"),
        ("a little better on all patients", small, "wins"),
        ("a little worse on all patients", -small, "loses"),
        ("equal but for noise", noise - noise.mean(), "undecided"),
    ):
        said = verdict(values, patients)
        if said not in ("wins", "loses", "undecided"):
            return f'the verdict must be "wins", "loses" or "undecided", got {said!r}'
        if said != expected:
            return f'a model that is {name} is said to be "{said}"'
    # three patients decide: 240 slices look certain, 12 patients do not
    some = np.where(np.isin(patients, patients[[0, 20, 40]]), 2.0, -0.2) + noise
    for sign, said in ((1, verdict(some, patients)), (-1, verdict(-some, patients))):
        if said != "undecided":
            side = "better" if sign > 0 else "worse"
            return (
                f'a model that is {side} on three of twelve patients only "{said}":'
                " its slices were taken for independent patients"
            )
    order = generator.permutation(patients.size)
    if verdict(small[order], patients[order]) != "wins":
        return "the order of the slices changes the verdict"
    return ""


EXERCISES = MappingProxyType(
    {
        "E03.1": Exercise(
            "both gradients equal the slopes measured by small steps",
            _gradient_problem,
            (
                "go backwards through the forward pass; each line of it gives one line"
                " of the gradient",
                "a ReLU passes the gradient on where its input was positive, and stops"
                " it elsewhere; which array knows where that was?",
                "the decoder's gradient pairs the code after the ReLU with the output's"
                " gradient; the encoder's pairs the images with the gradient that came"
                " back through the decoder and was then stopped where the ReLU was off",
            ),
        ),
        "E03.2": Exercise(
            "no reconstruction comes below this floor, and one reaches it",
            _floor_problem,
            (
                "which reconstruction of a pixel with the value 0.3 is the best one?",
                "put that reconstruction into the formula of the cross-entropy; add up"
                " the pixels of each image, and keep the images apart",
                "at 0 and 1 a product of zero and an infinite logarithm stands for"
                " zero: keep the argument of the logarithm away from zero, or use a"
                " function made for such products",
            ),
        ),
        "E03.3": Exercise(
            "the verdict rests on patients, not on slices",
            _verdict_problem,
            (
                "two things are compared on the same slices: one interval is enough,"
                " that of the difference",
                "the library draws intervals by patient: what does it need to know of"
                " each slice?",
                "look at both ends of the interval: when both lie on the same side of"
                " zero the case is decided, else it is not",
            ),
        ),
    }
)
