import numpy as np
import pytest
from discs import disc
from skimage.transform import radon

from medvae_course.ct.scanner import projector


def _positions_mm(n_pixels, pixel_mm):
    n = projector.detector_length(n_pixels)
    reading_mm = pixel_mm / projector.READINGS_PER_PIXEL
    return (np.arange(n) - (n - 1) / 2) * reading_mm


def _chord_mm(position, radius):
    return 2 * np.sqrt(np.maximum(radius**2 - position**2, 0))


def test_projection_of_a_disc_is_its_chord_length():
    n, pixel_mm, radius, x_mm, y_mm = 128, 1.0, 30.0, 12.0, -20.0
    image = disc(n, radius, x_mm=x_mm, y_mm=y_mm, pixel_mm=pixel_mm)
    readings = projector.project(image[None], pixel_mm=pixel_mm, n_views=40)[..., 0]
    position = _positions_mm(n, pixel_mm)
    for view, angle in zip(readings, projector.angles_rad(40), strict=True):
        off_centre = position - (x_mm * np.cos(angle) + y_mm * np.sin(angle))
        inside = np.abs(off_centre) < radius - 4
        assert np.allclose(
            view[inside], _chord_mm(off_centre[inside], radius), atol=0.8
        )
        assert abs(view - _chord_mm(off_centre, radius)).mean() < 0.2
        assert view[np.abs(off_centre) > radius + 3].max() < 1e-3


def test_every_view_holds_the_whole_mass():
    image = np.random.default_rng(0).random((2, 31, 31))
    readings = projector.project(image, pixel_mm=3.0, n_views=28)
    mass = readings.sum(axis=1) * 3.0 / projector.READINGS_PER_PIXEL
    assert np.allclose(mass, image.sum(axis=(1, 2)) * 9.0, rtol=1e-5)


def test_each_view_sees_the_image_under_its_own_angle():
    n, row, column = 33, 5, 22  # one pixel, off every symmetry
    image = np.zeros((1, n, n))
    image[0, row, column] = 1
    n_views = 12
    readings = projector.project(image, pixel_mm=1.0, n_views=n_views)[..., 0]
    centroid = readings @ _positions_mm(n, 1.0) / readings.sum(axis=1)
    angle = projector.angles_rad(n_views)
    x, y = column - 16, row - 16
    assert np.allclose(centroid, x * np.cos(angle) + y * np.sin(angle), atol=0.01)


def test_back_projection_is_the_transpose_of_projection():
    rng = np.random.default_rng(0)
    image = rng.random((3, 20, 20))
    readings = rng.random((16, projector.detector_length(20), 3))
    forward = projector.project(image, pixel_mm=1.0, n_views=16)
    back = projector.back_project(readings, n_pixels=20)
    scale = np.pi / 16 / projector.READINGS_PER_PIXEL
    for z in range(3):
        one = np.vdot(forward[..., z], readings[..., z]) * scale
        assert one == pytest.approx(np.vdot(image[z], back[z]), rel=1e-5)


def test_projection_agrees_with_skimage():
    n = 95  # odd, so that both turn about the same point
    image = disc(n, 20.0, x_mm=10, pixel_mm=1.0) + disc(n, 8.0, y_mm=-25, pixel_mm=1.0)
    angles = projector.angles_rad(24)
    oracle = radon(image, np.rad2deg(-angles), circle=True)  # it turns the other way
    ours = projector.project(image[None], pixel_mm=1.0, n_views=24)[..., 0]
    for view, other in zip(ours, oracle.T, strict=True):
        expected = np.interp(_positions_mm(n, 1.0), np.arange(n) - n // 2, other)
        assert np.abs(view - expected).mean() < 0.2
        assert np.abs(view - expected).max() < 5  # at the edges, of 40


def test_slices_are_projected_apart_and_in_any_number():
    images = np.random.default_rng(0).random((19, 12, 12)).astype(np.float32)
    together = projector.project(images, pixel_mm=1.0, n_views=8)
    for z in (0, 15, 16, 18):
        alone = projector.project(images[z : z + 1], pixel_mm=1.0, n_views=8)
        assert np.array_equal(together[..., z], alone[..., 0])


def test_pixel_shadows_are_whole_and_the_diagonal_fits():
    for n in (2, 3, 17, 128):
        shadows = projector.shadow_matrix(n, 8)
        assert np.allclose(shadows.sum(axis=1), 2, atol=1e-5)
        assert shadows.data.min() > -1e-6
