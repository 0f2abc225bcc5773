import numpy as np
import pytest

from medvae_course.evaluate import lesions

MM = (8.0, 6.0, 6.0)


def patient(seed=0):
    """Air, a fat body, a block of soft tissue and two lungs of noise."""
    rng = np.random.default_rng(seed)
    hu = np.full((12, 40, 40), -1000.0)
    hu[:, 4:36, 4:36] = -100
    hu[:, 6:34, 20:34] = 45
    hu[:, 6:34, 6:20] = -850
    return hu + rng.normal(0, 5, hu.shape)


@pytest.fixture(params=lesions.KINDS)
def kind(request):
    return request.param


def test_lesion_changes_what_is_in_and_at_its_mask_only(kind):
    hu = patient()
    made, mask = lesions.add_lesion(hu, kind, spacing_mm=MM, radius_mm=14, seed=1)
    grown = np.pad(mask, 1)
    near = np.zeros_like(mask)
    for z in (0, 1, 2):
        for y in (0, 1, 2):
            for x in (0, 1, 2):
                near |= grown[z : z + 12, y : y + 40, x : x + 40]
    np.testing.assert_array_equal(made[~near], hu[~near].astype("float32"))
    assert np.abs(made - hu)[mask].mean() > 20


def test_lesion_has_the_volume_of_a_ball(kind):
    mask = lesions.add_lesion(
        patient(), kind, spacing_mm=MM, radius_mm=18, seed=3, contrast_hu=100
    )[1]
    whole = 4 / 3 * np.pi * 18**3 / np.prod(MM)
    assert 0.45 * whole < mask.sum() < 1.3 * whole  # cut where the scan ends


def test_same_seed_gives_the_same_lesion_and_another_does_not(kind):
    options = {"spacing_mm": MM, "radius_mm": 12}
    once, again, other = (
        lesions.add_lesion(patient(), kind, seed=s, **options)[0] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_bright_is_brighter_by_the_contrast_and_keeps_the_noise():
    hu = patient()
    made, mask = lesions.add_lesion(
        hu, "bright", spacing_mm=MM, radius_mm=16, seed=0, contrast_hu=150
    )
    change = (made - hu)[mask]
    assert change.max() == pytest.approx(150, abs=0.1)
    assert change.min() >= 74


def test_iso_dense_has_no_unusual_hu_but_an_unusual_place():
    hu = patient()
    made, mask = lesions.add_lesion(
        hu, "iso-dense", spacing_mm=MM, radius_mm=16, seed=0
    )
    soft = (hu > lesions.SOFT_HU[0]) & (hu < lesions.SOFT_HU[1])
    core = np.abs(made - hu)[mask] > 0.9 * np.abs(made - hu)[mask].max()
    assert made[mask][core].mean() == pytest.approx(hu[soft].mean(), abs=20)
    assert hu[mask].mean() < lesions.AIRY_HU[1]


def test_texture_has_the_same_mean_and_more_spread():
    hu = patient()
    made, mask = lesions.add_lesion(hu, "texture", spacing_mm=MM, radius_mm=16, seed=0)
    assert made[mask].mean() == pytest.approx(hu[mask].mean(), abs=8)
    soft = mask & (hu > lesions.SOFT_HU[0])
    assert made[soft].std() > 3 * hu[soft].std()


def test_input_is_not_changed(kind):
    hu = patient()
    before = hu.copy()
    lesions.add_lesion(hu, kind, spacing_mm=MM, radius_mm=12, seed=0)
    np.testing.assert_array_equal(hu, before)


def test_no_place_is_said():
    with pytest.raises(ValueError, match="no place"):
        lesions.add_lesion(
            np.full((4, 8, 8), -1000.0), "bright", spacing_mm=MM, radius_mm=8, seed=0
        )


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="one of bright"):
        lesions.add_lesion(patient(), "dark", spacing_mm=MM, radius_mm=8, seed=0)


def test_largest_piece_of_a_structure_becomes_fat():
    hu = patient()
    hu[4:8, 10:18, 24:30] = 200
    hu[4:8, 24:27, 24:27] = 200
    organ = hu > 180
    made, mask = lesions.remove_structure(hu, organ, seed=0)
    assert mask.sum() == 4 * 8 * 6
    assert made[mask].mean() == pytest.approx(-98, abs=3)
    np.testing.assert_array_equal(made[:, 24:27], hu[:, 24:27].astype("float32"))


def test_bone_beside_a_structure_stays():
    hu = np.full((3, 12, 12), 40.0)
    hu[:, :, 6:] = 700
    organ = np.zeros(hu.shape, bool)
    organ[:, 4:8, 3:6] = True
    made, mask = lesions.remove_structure(hu, organ, seed=0)
    assert made[:, :, 6:].min() == 700
    np.testing.assert_array_equal(mask, organ)


def test_an_empty_structure_is_refused():
    with pytest.raises(ValueError, match="not empty"):
        lesions.remove_structure(patient(), np.zeros((12, 40, 40), bool), seed=0)


@pytest.mark.parametrize("kind", lesions.KINDS)
def test_voxels_that_cross_a_limit_do_not_move_the_lesion(kind):
    rng = np.random.default_rng(0)
    scan = rng.normal(40, 8, (12, 24, 24))
    scan[:, 6:18, 6:18] = rng.normal(-100, 8, (12, 12, 12))
    options = {"spacing_mm": (4, 4, 4), "radius_mm": 8}
    moved = 0
    for seed in range(20):
        other = scan.copy()
        other.flat[rng.choice(scan.size, 10, replace=False)] = 2000.0
        masks = [
            lesions.add_lesion(one, kind, seed=seed, **options)[1]
            for one in (scan, other)
        ]
        moved += (masks[0] != masks[1]).any()
    assert moved <= 2
