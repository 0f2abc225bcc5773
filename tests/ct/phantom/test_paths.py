import numpy as np
import pytest

from medvae_course.ct.phantom import lungs, paths, shapes


def _canvas(half_mm=40.0, step_mm=1.0):
    axis = np.arange(-half_mm, half_mm + step_mm / 2, step_mm, dtype=np.float32)
    grids = np.meshgrid(axis, axis, axis, indexing="ij")
    return shapes.Canvas((axis, axis, axis), *grids, edge_mm=step_mm)


def test_path_goes_through_its_points():
    points = np.array([(0.0, 0, 0), (20, 5, 0), (30, 25, 10), (10, 30, 20)])
    path = paths.smooth_path(points, step_mm=4.0)
    for point in points:
        assert np.linalg.norm(path - point, axis=1).min() < 1e-9


def test_path_has_no_corner():
    path = paths.smooth_path([(0, 0, 0), (30, 0, 0), (30, 30, 0)], step_mm=1.0)
    step = np.diff(path, axis=0)
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    turn = np.degrees(np.arccos(np.clip((step[1:] * step[:-1]).sum(axis=1), -1, 1)))
    assert turn.max() < 15


def test_radius_is_carried_along():
    path = paths.smooth_path([(0, 0, 0, 8.0), (40, 0, 0, 2.0)], step_mm=5.0)
    assert path[:, 3] == pytest.approx(np.linspace(8, 2, len(path)), abs=0.8)


def test_straight_path_is_the_tube():
    canvas = _canvas()
    start, end = (-20.0, 0.0, 5.0), (20.0, 10.0, -5.0)
    tube, box = shapes.tube(canvas, start, end, 6.0)
    line = paths.smooth_path([start, end], step_mm=7.0)
    distance, path_box = paths.path_distance(canvas, line, 6.0)
    whole = np.full(canvas.z.shape, 99.0)
    whole[path_box] = distance
    inside = tube < 0
    np.testing.assert_allclose(whole[box][inside], tube[inside], atol=1e-3)
    assert (whole < 0).sum() == pytest.approx(inside.sum(), rel=0.005)


def test_painted_path_has_the_volume_of_the_formula():
    canvas = _canvas()
    path = np.array([(-25.0, 0, 0), (25.0, 0, 0)])
    paths.paint_path(canvas, path, 6.0, 0.0, label=2)
    volume = ((canvas.hu + 1000) / 1000).sum()
    expected = np.pi * 36 * 50 + 4 / 3 * np.pi * 216
    assert volume == pytest.approx(expected, rel=0.01)
    assert (canvas.labels == 2).sum() == pytest.approx(expected, rel=0.05)


def test_vessel_tree_obeys_murray_and_reaches_every_end():
    rng = np.random.default_rng(0)
    ends = rng.uniform(-60, 60, (80, 3))
    ends = ends[np.argsort(np.linalg.norm(ends, axis=1))]
    twigs = lungs.grow_tree(ends, (0, 0, 0), rng)
    tips = np.array([twig.end for twig in twigs])
    for end in ends:
        assert np.linalg.norm(tips - end, axis=1).min() < 1e-9
    for twig in twigs:
        children = [t for t in twigs if np.array_equal(t.start, twig.end)]
        if children and twig.ends == sum(child.ends for child in children):
            cubes = sum(child.radius**3 for child in children)
            assert cubes == pytest.approx(twig.radius**3, rel=1e-6)
    first = [twig for twig in twigs if not twig.start.any()]
    assert sum(twig.ends for twig in first) == len(ends)
