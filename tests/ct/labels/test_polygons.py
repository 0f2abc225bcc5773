import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import draw

from medvae_course.ct.labels.polygons import fill, outline


def _square(low, high):
    return np.array([[low, low], [low, high], [high, high], [high, low]], float)


def test_square_with_a_hole_and_an_island_in_it():
    mask = fill([_square(0.5, 8.5), _square(2.5, 6.5), _square(3.5, 5.5)], (10, 10))
    expected = np.zeros((10, 10), bool)
    expected[1:9, 1:9] = True
    expected[3:7, 3:7] = False
    expected[4:6, 4:6] = True
    np.testing.assert_array_equal(mask, expected)


def test_keyhole_gives_the_same_hole():
    outer, hole = _square(0.5, 8.5), _square(2.5, 6.5)
    path = [outer, outer[:1], hole[::-1], hole[::-1][:1], outer[:1]]
    whole = fill([np.concatenate(path)], (10, 10))
    np.testing.assert_array_equal(whole, fill([outer, hole], (10, 10)))


def test_neighbours_share_an_edge_and_no_pixel():
    # edges run through the centres of pixels: each belongs to one of the two
    left = np.array([[1, 1], [1, 4], [6, 4], [6, 1]], float)
    right = left + [0, 3]
    both = fill([left], (8, 9)).astype(int) + fill([right], (8, 9))
    assert both.max() == 1
    assert both.sum() == 5 * 6


def test_area_of_a_circle():
    angle = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    circle = 100.3 + 80 * np.column_stack([np.sin(angle), np.cos(angle)])
    assert fill([circle], (200, 200)).sum() == pytest.approx(np.pi * 80**2, rel=1e-3)


def test_polygons_agree_with_skimage_away_from_edges():
    rng = np.random.default_rng(3)
    for _ in range(20):
        corners = rng.uniform(-3, 23, (7, 2))
        expected = draw.polygon2mask((20, 20), corners)
        np.testing.assert_array_equal(fill([corners], (20, 20)), expected)


def test_what_lies_outside_is_cut_off():
    assert fill([_square(-1e5, 1e5)], (4, 5)).all()
    assert not fill([_square(10, 20)], (4, 5)).any()
    assert not fill([_square(-20, -10)], (4, 5)).any()
    assert not fill(
        [np.array([[1.0, 1.0]]), np.array([[0, 0], [3.0, 3]])], (4, 5)
    ).any()


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_outline_and_fill_undo_each_other(mask):
    polygons = outline(mask)
    np.testing.assert_array_equal(fill(polygons, mask.shape), mask)
    # as text in a file, in mm
    rounded = [np.round(p * 0.7391 + 3.2, 4) for p in polygons]
    back = [(p - 3.2) / 0.7391 for p in rounded]
    np.testing.assert_array_equal(fill(back, mask.shape), mask)


def test_one_polygon_for_each_part():
    mask = np.zeros((9, 9), bool)
    mask[1:6, 1:6] = True
    mask[3, 3] = False
    mask[6, 6] = True  # touches at a corner
    assert len(outline(mask)) == 2
    assert outline(np.zeros((3, 3), bool)) == []
