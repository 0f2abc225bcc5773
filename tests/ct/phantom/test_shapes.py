import numpy as np
import pytest

from medvae_course.ct.phantom import shapes


def _canvas(half_mm=30.0, step_mm=1.0):
    axis = np.arange(-half_mm, half_mm + step_mm / 2, step_mm, dtype=np.float32)
    grids = np.meshgrid(axis, axis, axis, indexing="ij")
    return shapes.Canvas((axis, axis, axis), *grids, edge_mm=step_mm)


def test_sphere_distance_is_exact():
    canvas = _canvas()
    distance = shapes.ellipsoid(canvas, (2, -3, 4), (12, 12, 12))
    exact = np.sqrt((canvas.x - 2) ** 2 + (canvas.y + 3) ** 2 + (canvas.z - 4) ** 2)
    np.testing.assert_allclose(distance, exact - 12, atol=1e-3)


def test_painted_ellipsoid_has_the_volume_of_the_formula():
    canvas = _canvas()
    ellipsoid = shapes.ellipsoid(
        canvas, (0.3, 0.1, -0.2), (20, 12, 8), turn_deg=30, tilt_deg=-20
    )
    canvas.paint(ellipsoid, 0.0)
    volume = ((canvas.hu + 1000) / 1000).sum()  # share of tissue per voxel of 1 mm3
    assert volume == pytest.approx(4 / 3 * np.pi * 20 * 12 * 8, rel=0.01)


def test_painted_tube_has_the_volume_of_the_formula():
    canvas = _canvas()
    tube, box = shapes.tube(canvas, (-12, -9, 0), (12, 9, 5), 5)
    canvas.paint(tube, 0.0, box=box)
    length = np.linalg.norm((24, 18, 5))
    volume = ((canvas.hu + 1000) / 1000).sum()
    expected = np.pi * 25 * length + 4 / 3 * np.pi * 125
    assert volume == pytest.approx(expected, rel=0.01)


def test_tube_narrows_to_its_end_radius():
    canvas = _canvas(step_mm=0.5)
    tube, box = shapes.tube(canvas, (0, 0, -20), (0, 0, 20), 8, end_radius=4)
    inside = np.zeros(canvas.z.shape, bool)
    inside[box] = tube < 0
    near, far = inside[20].sum() * 0.25, inside[100].sum() * 0.25  # z = -20, 20 mm
    assert near == pytest.approx(np.pi * 64, rel=0.05)
    assert far == pytest.approx(np.pi * 16, rel=0.05)


def test_superellipse_of_power_two_is_the_circle():
    x, y = np.meshgrid(np.arange(-20.0, 21), np.arange(-20.0, 21))
    distance = shapes.superellipse(x, y, 10, 10, power=2)
    np.testing.assert_allclose(distance[0], np.hypot(x, y)[0] - 10, atol=1e-3)


def test_smooth_max_is_the_maximum_away_from_the_edge():
    a, b = np.array([0.0, 5.0, 20.0]), np.array([12.0, 5.0, -3.0])
    result = shapes.smooth_max(a, b, round_mm=8)
    np.testing.assert_allclose(result, [12.0, 7.0, 20.0])
    np.testing.assert_allclose(shapes.smooth_min(-a, -b, round_mm=8), -result)


def test_paint_leaves_voxels_outside_its_box_alone():
    canvas = _canvas()
    box = canvas.box((20, 20, 20), reach_mm=2)
    canvas.paint(np.full(canvas.z[box].shape, -9.0), 40.0, label=3, box=box)
    assert canvas.hu[:10].max() == -1000
    assert set(np.unique(canvas.labels)) == {0, 3}
    assert (canvas.hu[canvas.labels == 3] == 40).all()


def test_box_holds_the_points_and_its_reach():
    canvas = _canvas()
    z, y, x = canvas.box((5, -5, 0), (10, 0, 3), reach_mm=4)
    assert canvas.grid_mm[2][x][0] <= 1
    assert canvas.grid_mm[2][x][-1] >= 14
    assert canvas.grid_mm[0][z][-1] >= 7
    assert canvas.grid_mm[1][y][0] <= -9
