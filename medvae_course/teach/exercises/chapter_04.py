"""Exercises of chapter 4: a convolution, a receptive field, an uneven cover.

Each check measures the learner's function by properties of the right answer, or against
a small network that is asked, so that no finished solution is stored here.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from . import Exercise


def _convolution_problem(convolve: Callable) -> str:
    generator = np.random.default_rng(3)
    image = generator.normal(size=(9, 12))
    dot = np.zeros((2, 3))
    dot[0, 0] = 1.0
    first = np.asarray(convolve(image, dot, 1), dtype=float)
    if first.shape == image.shape:
        return "the map has the size of the image: the kernel left it, or was padded"
    if first.shape != (8, 10):
        return (
            "a kernel of 2 by 3 fits into an image of 9 by 12 at 8 by 10 places, but"
            f" the map has shape {first.shape}"
        )
    if np.allclose(first, image[1:, 2:]):
        return "the kernel was turned round: its first weight met the last pixel"
    if not np.allclose(first, image[:8, :10]):
        return "a kernel that is 1 at its upper left and 0 elsewhere must copy pixels"
    kernel = generator.normal(size=(2, 3))
    once = np.asarray(convolve(image, kernel, 1), dtype=float)
    copies = [
        [
            np.asarray(convolve(image, np.eye(1, 6, 3 * a + b).reshape(2, 3), 1))
            for b in range(3)
        ]
        for a in range(2)
    ]
    if not np.allclose(once, np.tensordot(kernel, np.array(copies), axes=2)):
        return "the map of a kernel must be the sum of those of its weights, and is not"
    strided = np.asarray(convolve(image, kernel, 3), dtype=float)
    if strided.shape != once[::3, ::3].shape:
        return (
            f"at stride 3 the map must have shape {once[::3, ::3].shape}, got"
            f" {strided.shape}: a kernel that fits in exactly counts too"
        )
    if not np.allclose(strided, once[::3, ::3]):
        return "at stride 3 the map must hold every third number of that at stride 1"
    return ""


def _field_problem(receptive_field: Callable) -> str:
    if receptive_field([5], [3]) != 5:
        return "a single layer sees its kernel, whatever its stride"
    if receptive_field([3, 3], [1, 1]) != 5:
        return "two layers of 3 at stride 1 see 5 pixels"
    generator = np.random.default_rng(4)
    for _ in range(30):
        n = int(generator.integers(2, 5))
        strides = generator.integers(1, 4, size=n).tolist()
        # no kernel narrower than its stride: such a layer does not see some pixels
        kernels = (strides + generator.integers(0, 4, size=n)).tolist()
        found = receptive_field(list(kernels), list(strides))
        if found != _seen(kernels, strides):
            if found == _seen(kernels, [strides[0]] * n):
                return "each layer has a stride of its own"
            if found == _seen(kernels, strides[1:] + strides[:1]):
                return "a layer's own stride does not widen what it sees itself"
            return f"wrong for kernels {kernels} with strides {strides}"
    return ""


def _seen(kernels: list[int], strides: list[int]) -> int:
    """Width in pixels that one number depends on, found by going down."""
    low = high = 0
    for kernel, stride in zip(kernels[::-1], strides[::-1], strict=True):
        low, high = low * stride, high * stride + kernel - 1
    return high - low + 1


def _cover_problem(covers: Callable) -> str:
    for kernel, stride in ((3, 2), (4, 2), (5, 2), (5, 3), (6, 3), (4, 1), (2, 3)):
        found = covers(kernel, stride)
        if not isinstance(found, list):
            return f"a list is asked for, got {type(found).__name__}"
        right = _counted(kernel, stride)
        if found == right:
            continue
        if sorted(set(found)) == right:
            return "the numbers are right, but not each once and in ascending order"
        if kernel < stride:
            return "a kernel narrower than the stride leaves gaps, covered 0 times"
        if found and (min(found) < min(right)):
            return "the ends of the line are covered less often, and do not count here"
        return f"wrong for a kernel of {kernel} at stride {stride}"
    return ""


def _counted(kernel: int, stride: int) -> list[int]:
    line = np.zeros(40 * stride + kernel, dtype=int)
    for place in range(40):
        line[place * stride : place * stride + kernel] += 1
    return np.unique(line[10 * stride : 30 * stride]).tolist()


EXERCISES = MappingProxyType(
    {
        "E04.1": Exercise(
            "it slides, adds up, and keeps to the stride",
            _convolution_problem,
            (
                "how many places are there along a line of n pixels for a kernel of k?",
                "the number at place i, j comes from the patch that starts at i and j"
                " times the stride and is as large as the kernel",
                "NumPy's sliding_window_view gives all patches at once; take every"
                " stride-th and sum the products over the last two axes",
            ),
        ),
        "E04.2": Exercise(
            "it sees as far as a network does that is asked",
            _field_problem,
            (
                "start with one number of the last map: how many numbers of the map"
                " below does it look at?",
                "a layer's kernel adds one less than its width, in steps of the layer"
                " below; how many pixels is such a step?",
                "going up from the picture, keep in mind how far apart neighbours are,"
                " counted in pixels",
            ),
        ),
        "E04.3": Exercise(
            "uneven covers are found before anything is trained",
            _cover_problem,
            (
                "draw it: a line, and a bar as wide as the kernel at each stride-th"
                " pixel",
                "count with an array of zeros to which each bar adds one, long enough"
                " to have a middle",
                "look at one period in the middle only, as long as the stride, and"
                " give its different numbers in order",
            ),
        ),
    }
)
