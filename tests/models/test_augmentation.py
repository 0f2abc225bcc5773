import keras
import numpy as np
import pytest
from keras_contract import to_numpy
from scipy import ndimage

from medvae_course.models.augmentation import Augmentation

NOTHING = dict.fromkeys(("shift", "scale", "rotation", "brightness", "noise"), 0.0)


def scene(n=3, size=32):
    """Smooth blobs that lie off the centre, and their masks."""
    rows, columns = np.mgrid[:size, :size]
    blob = np.exp(-((rows - 12) ** 2 / 20 + (columns - 18) ** 2 / 60)).astype("float32")
    images = np.repeat(blob[None, ..., None], n, axis=0)
    return images, (images[..., 0] > 0.5).astype("uint8")


def change(images, labels, seed=0, **options):
    seeds = keras.random.SeedGenerator(seed)
    return to_numpy(Augmentation(**{**NOTHING, **options})(images, labels, seeds))


def moments(mask):
    rows, columns = np.nonzero(mask)
    return rows.mean(), columns.mean(), len(rows)


def test_nothing_changes_where_nothing_may():
    images, labels = scene()
    moved, shown = change(images, labels)
    np.testing.assert_allclose(moved, images, atol=1e-5)
    np.testing.assert_array_equal(shown, labels)
    assert moved.dtype == np.float32
    assert shown.dtype == np.int32


@pytest.mark.parametrize("what", [{"shift": 0.2}, {"scale": 0.4}, {"rotation": 40.0}])
def test_labels_go_where_the_image_goes(what):
    images, labels = scene()
    moved, shown = change(images, labels, **what)
    assert np.abs(moved - images).max() > 0.05
    for one, mask in zip(moved[..., 0], shown, strict=True):
        again = one > 0.5
        overlap = 2 * (again & (mask > 0)).sum() / (again.sum() + mask.sum())
        assert overlap > 0.9


def test_shift_moves_the_centre_and_keeps_the_size():
    images, labels = scene(20)
    _, shown = change(images, labels, shift=0.2)
    before = moments(labels[0])
    offsets = np.array([moments(mask) for mask in shown]) - before
    assert np.abs(offsets[:, :2]).max() < 0.2 * 32 + 1
    assert np.ptp(offsets[:, 0]) > 4
    assert np.ptp(offsets[:, 1]) > 4
    assert np.abs(offsets[:, 2]).max() <= 0.15 * before[2]


def test_scale_is_a_factor_within_its_bounds():
    images, labels = scene(20)
    _, shown = change(images, labels, scale=0.3)
    areas = np.array([mask.sum() for mask in shown]) / labels[0].sum()
    assert areas.min() > np.exp(-0.6) * 0.85
    assert areas.max() < np.exp(0.6) * 1.15
    assert areas.max() / areas.min() > 1.5


def test_rotation_is_that_of_scipy():
    """The angle that fits best is inside the bound, and the picture is scipy's."""
    images, labels = scene(4)
    moved, _ = change(images, labels, rotation=30.0)
    angles = np.arange(-30, 30.5, 0.5)
    turned = np.array(
        [
            ndimage.rotate(
                images[0, ..., 0], angle, reshape=False, order=1, mode="nearest"
            )
            for angle in angles
        ]
    )
    errors = np.abs(turned[:, None] - moved[..., 0]).max(axis=(2, 3))
    assert errors.min(axis=0).max() < 0.03
    assert np.abs(angles[errors.argmin(axis=0)]).max() > 1


def test_brightness_is_one_number_an_image_and_noise_one_a_pixel():
    images, labels = scene(200, 8)
    moved, shown = change(images, labels, brightness=0.1)
    added = (moved - images).reshape(200, -1)
    assert np.ptp(added, axis=1).max() < 1e-5
    assert added[:, 0].std() == pytest.approx(0.1, rel=0.2)
    moved, _ = change(images, labels, noise=0.1)
    assert (moved - images).std() == pytest.approx(0.1, rel=0.05)
    np.testing.assert_array_equal(shown, labels)


def test_seed_fixes_the_draws_and_the_next_call_gives_others():
    images, labels = scene()
    seeds = keras.random.SeedGenerator(0)
    first, second = (to_numpy(Augmentation()(images, labels, seeds)) for _ in range(2))
    again = to_numpy(Augmentation()(images, labels, keras.random.SeedGenerator(0)))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != second[0]).any()


def test_images_of_several_channels_move_together():
    images, labels = scene()
    both, _ = change(np.concatenate([images, 2 * images], -1), labels, shift=0.1)
    np.testing.assert_allclose(both[..., 1], 2 * both[..., 0], atol=1e-5)


def test_negative_strength_is_refused():
    with pytest.raises(ValueError, match="`noise` must not be negative, got -0.1"):
        Augmentation(noise=-0.1)
