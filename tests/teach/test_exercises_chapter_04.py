"""The exercises of chapter 4: right answers pass, wrong ones are told what is wrong."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy import signal

# --- right answers, each in two ways ---------------------------------------------


def convolve(image, kernel, stride):
    patches = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.sum(patches[::stride, ::stride] * kernel, axis=(2, 3))


def convolve_with_scipy(image, kernel, stride):
    return signal.correlate2d(image, kernel, mode="valid")[::stride, ::stride]


def field(kernels, strides):
    width, apart = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        width, apart = width + (kernel - 1) * apart, apart * stride
    return width


def field_by_asking(kernels, strides):
    line, index = np.eye(800), np.arange(800)
    reach = line.astype(bool)
    for kernel, stride in zip(kernels, strides, strict=True):
        places = range(0, len(index) - kernel + 1, stride)
        reach = np.array([reach[p : p + kernel].any(axis=0) for p in places])
        index = index[: len(places)]
    return int(reach[len(reach) // 2].sum())


def covers(kernel, stride):
    line = np.zeros(2 * kernel + 20 * stride, dtype=int)
    for start in range(0, len(line) - kernel + 1, stride):
        line[start : start + kernel] += 1
    return np.unique(line[kernel + 5 * stride : kernel + 6 * stride]).tolist()


def covers_by_division(kernel, stride):
    whole, rest = divmod(kernel, stride)
    return [whole, whole + 1] if rest else [whole]


RIGHT = [
    ("E04.1", convolve),
    ("E04.1", convolve_with_scipy),
    ("E04.2", field),
    ("E04.2", field_by_asking),
    ("E04.3", covers),
    ("E04.3", covers_by_division),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def one_place_short(image, kernel, stride):
    return (
        convolve(image[:-1, :-1], kernel, stride)
        if stride > 1
        else convolve(image, kernel, stride)
    )


def every_third_from_the_second(image, kernel, stride):
    whole = convolve(image, kernel, 1)
    return np.roll(whole, -(stride > 1), axis=0)[::stride, ::stride]


def field_of_one_stride(kernels, strides):
    return field(kernels, [strides[0]] * len(kernels))


def field_with_its_own_stride(kernels, strides):
    return field(kernels, strides[1:] + strides[:1])


def covers_with_the_ends(kernel, stride):
    line = np.zeros(kernel + 20 * stride, dtype=int)
    for start in range(0, 20 * stride, stride):
        line[start : start + kernel] += 1
    return np.unique(line).tolist()


WRONG = [
    ("E04.1", lambda i, k, s: signal.correlate2d(i, k, mode="same"), "size of the"),
    ("E04.1", lambda i, k, s: convolve(i, k.T, s), "8 by 10 places"),
    ("E04.1", lambda i, k, s: convolve(i, k[::-1, ::-1], s), "turned round"),
    ("E04.1", lambda i, k, s: 2 * convolve(i, k, s), "copy pixels"),
    ("E04.1", lambda i, k, s: convolve(i, np.abs(k), s), "sum of those"),
    ("E04.1", lambda i, k, s: convolve(i, k, 1), "at stride 3 the map must have"),
    ("E04.1", one_place_short, "fits in exactly"),
    ("E04.1", every_third_from_the_second, "every third number"),
    ("E04.2", lambda k, s: k[0] * s[0], "a single layer sees its kernel"),
    ("E04.2", lambda k, s: k[0], "see 5 pixels"),
    ("E04.2", field_of_one_stride, "a stride of its own"),
    ("E04.2", field_with_its_own_stride, "own stride"),
    ("E04.2", lambda k, s: 1 + sum(k) - len(k), "wrong for kernels"),
    ("E04.3", lambda k, s: np.array(covers(k, s)), "a list is asked for"),
    ("E04.3", lambda k, s: covers(k, s)[::-1], "ascending"),
    ("E04.3", covers_with_the_ends, "ends of the line"),
    ("E04.3", lambda k, s: [max(1, c) for c in covers(k, s)], "leaves gaps"),
    ("E04.3", lambda k, s: [k, k + 1], "wrong for a kernel"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
