import numpy as np
import pytest

from medvae_course.ct.phantom import fields, shapes


def _canvas(step_mm, half_mm=60.0):
    axis = np.arange(-half_mm, half_mm + step_mm / 2, step_mm, dtype=np.float32)
    grids = np.meshgrid(axis, axis, axis, indexing="ij")
    return shapes.Canvas((axis, axis, axis), *grids, edge_mm=step_mm)


def _field(canvas, seed=0, **keywords):
    rng = np.random.default_rng(seed)
    return fields.smooth_field(canvas, rng, length_mm=10.0, **keywords)


def test_field_has_mean_zero_and_spread_one():
    drawn = np.stack([_field(_canvas(6.0), seed) for seed in range(40)])
    assert abs(drawn.mean()) < 0.03
    assert drawn.std() == pytest.approx(1.0, abs=0.05)


def test_field_is_the_same_at_another_resolution():
    fine, coarse = _field(_canvas(3.0)), _field(_canvas(6.0))
    np.testing.assert_allclose(fine[::2, ::2, ::2], coarse, atol=1e-4)


def test_field_on_a_box_is_the_part_of_the_whole():
    canvas = _canvas(5.0)
    box = canvas.box((10, 0, -20), reach_mm=8)
    np.testing.assert_array_equal(_field(canvas, box=box), _field(canvas)[box])


def test_field_is_smooth_over_its_length_and_forgets_beyond():
    along = np.stack([_field(_canvas(5.0), seed)[12, 12] for seed in range(60)])

    def alike(gap):
        return np.corrcoef(along[:, :-gap].ravel(), along[:, gap:].ravel())[0, 1]

    assert alike(1) > 0.7  # 5 mm
    assert abs(alike(8)) < 0.15  # 40 mm
