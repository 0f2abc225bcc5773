"""Exercises of chapter 14: right answers pass, wrong ones are told what is wrong."""

from itertools import product

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from scipy import ndimage
from skimage.segmentation import clear_border

# --- right answers, each in two ways ---------------------------------------------


def clear(mask):
    regions, _ = ndimage.label(mask)
    rim = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return mask & ~np.isin(regions, rim[rim > 0])


def clear_with_scikit_image(mask):
    regions, _ = ndimage.label(mask)
    return clear_border(regions) > 0


def name_for_dice(counts):
    share = counts[:, 1] / np.maximum(counts.sum(axis=1), 1)
    order = np.argsort(-share)
    hit = np.cumsum(counts[order, 1])
    dice = 2 * hit / (np.cumsum(counts[order].sum(axis=1)) + counts[:, 1].sum())
    chosen = np.zeros(len(counts), dtype=bool)
    chosen[order[: int(np.argmax(dice)) + 1]] = True
    return chosen


def name_by_trying_all(counts):
    def dice(choice):
        taken = counts[np.array(choice, bool)]
        return 2 * taken[:, 1].sum() / (taken.sum() + counts[:, 1].sum())

    return np.array(max(product((0, 1), repeat=len(counts)), key=dice), dtype=bool)


def tile_starts(size, tile, margin):
    starts = list(range(0, size - tile, tile - 2 * margin))
    return [*starts, size - tile]


def tile_starts_evenly(size, tile, margin):
    n = 1 + max(0, -(-(size - tile) // (tile - 2 * margin)))
    return np.linspace(0, size - tile, n).astype(int)


RIGHT = [
    ("E14.1", clear),
    ("E14.1", clear_with_scikit_image),
    ("E14.2", name_for_dice),
    ("E14.2", name_by_trying_all),
    ("E14.3", tile_starts),
    ("E14.3", tile_starts_evenly),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def clear_rows_only(mask):
    regions, _ = ndimage.label(mask)
    rim = np.concatenate([regions[0], regions[-1]])
    return mask & ~np.isin(regions, rim[rim > 0])


def clear_the_rim(mask):
    mask = mask.copy()
    mask[[0, -1]] = mask[:, [0, -1]] = False
    return mask


def clear_all_if_any(mask):
    touches = mask[[0, -1]].any() or mask[:, [0, -1]].any()
    return np.zeros_like(mask) if touches else mask


def clear_in_place(mask):
    mask[...] = clear(mask)
    return mask.copy()


def clear_across_corners(mask):
    return clear_border(mask)


def tiles_without_margin(size, tile, margin):
    return tile_starts(size, tile, 0)


def tiles_without_the_end(size, tile, margin):
    return list(range(0, size - tile + 1, tile - 2 * margin))


def tiles_beyond_the_end(size, tile, margin):
    return list(range(0, size, tile - 2 * margin))


def tiles_too_many(size, tile, margin):
    return list(range(size - tile + 1))


WRONG = [
    ("E14.1", lambda mask: ndimage.label(clear(mask))[0], "a Boolean array"),
    ("E14.1", lambda mask: mask[1:-1, 1:-1], "a Boolean array"),
    ("E14.1", np.logical_not, "has to stay as it is"),
    ("E14.1", clear_rows_only, "row 3, column 0"),
    ("E14.1", clear_the_rim, "has to go as a whole"),
    ("E14.1", clear_all_if_any, "not their neighbours"),
    ("E14.1", clear_in_place, "work on a copy"),
    ("E14.1", clear_across_corners, "two regions here"),
    ("E14.2", lambda counts: counts[:, 1], "one Boolean per cluster"),
    ("E14.2", lambda counts: counts[:, 0] > counts[:, 1], "belongs to it"),
    ("E14.2", lambda counts: counts[:, 1] > counts[:, 0], "the majority names"),
    ("E14.2", lambda counts: counts[:, 1] > 0, "cost more than they bring"),
    ("E14.2", lambda counts: counts[:, 1] > 2 * counts[:, 0], "another choice"),
    ("E14.3", lambda size, tile, margin: [], "must ascend"),
    ("E14.3", tiles_beyond_the_end, "reaches out of the image"),
    ("E14.3", tiles_without_margin, "within the margin"),
    ("E14.3", tiles_without_the_end, "ends of the image"),
    ("E14.3", tiles_too_many, "tiles are enough"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
