import numpy as np
import pytest
from scipy import ndimage

from medvae_course.ct import phantom
from medvae_course.ct.phantom.patient import make_body

GRID = (32, 96, 96), (8.0, 4.25, 4.25)
VOXEL_MM3 = float(np.prod(GRID[1]))
NUMBER = {name: value for value, name in phantom.LESIONS.items()}
HOST = {1: "lungs", 2: "lungs", 3: "liver", 4: "bone", 5: "bone"}


def _seed_with(*lesions, least=1e-3, **others):
    """The first patient with these lesions, large enough, and the others as asked."""
    for seed in range(3000):
        drawn = phantom.draw_factors(seed)
        if all(drawn[name] >= least for name in lesions) and all(
            drawn[name] == value for name, value in others.items()
        ):
            return seed
    return pytest.fail(f"no patient with {lesions} in 3000 seeds")


@pytest.fixture(scope="module")
def pairs():
    """Bodies with and without their lesions, by the lesion that is looked at."""
    two = _seed_with("nodule_mm", "ground_glass_mm", least=16.0, contrast=0.0)
    lytic = {"vertebral_sclerotic": 0.0, "contrast_phase": 2.0}
    seeds = {
        1: two,
        2: two,
        3: (both := _seed_with("liver_lesion_mm", "vertebral_lesion_mm", **lytic)),
        4: _seed_with("vertebral_lesion_mm", vertebral_sclerotic=1.0),
        5: both,
    }
    made = {
        seed: (make_body(seed, *GRID), make_body(seed, *GRID, lesions=False))
        for seed in set(seeds.values())
    }
    return {kind: made[seed] for kind, seed in seeds.items()}


def _volume_of_ball_mm3(diameter_mm):
    return np.pi / 6 * diameter_mm**3


@pytest.mark.parametrize(("kind", "factor"), [(1, "nodule_mm"), (2, "ground_glass_mm")])
def test_volume_follows_the_drawn_diameter(pairs, kind, factor):
    (_, factors, mask), _ = pairs[kind]
    volume = (mask == kind).sum() * VOXEL_MM3
    expected = _volume_of_ball_mm3(factors[factor])
    assert volume == pytest.approx(expected, rel=0.35)  # uneven, and 8 mm slices


def test_volume_follows_the_diameter_closely_on_small_voxels():
    seed = _seed_with("nodule_mm")
    _, factors, mask = make_body(seed, (64, 128, 128), (4.0, 3.2, 3.2))
    volume = (mask == 1).sum() * 4.0 * 3.2**2
    expected = _volume_of_ball_mm3(factors["nodule_mm"])
    assert volume == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("kind", list(HOST))
def test_lesion_lies_in_the_organ_that_the_labels_name(pairs, kind):
    (canvas, _, mask), _ = pairs[kind]
    assert (mask == kind).any()
    assert set(np.unique(canvas.labels[mask == kind])) == {
        phantom.LABEL[HOST[kind]],
    }


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(1, -20, 80), (2, -750, -400), (4, 400, 900), (5, -60, 110)],
)
def test_lesion_has_the_hu_that_are_cited(pairs, kind, low, high):
    (canvas, _, mask), _ = pairs[kind]
    depth = ndimage.distance_transform_edt(mask == kind, sampling=GRID[1])
    core = depth >= 0.6 * depth.max()
    assert low < np.median(canvas.hu[core]) < high


def test_liver_lesion_is_darker_than_the_liver_it_lies_in(pairs):
    (canvas, factors, mask), _ = pairs[3]
    lesion = np.median(canvas.hu[mask == 3])
    assert lesion < factors["liver_hu"] - 15
    low, high = phantom.TISSUE_HU["liver lesion"].range_hu
    assert low <= phantom.TISSUE_HU["liver lesion"].mean_hu <= high


@pytest.mark.parametrize("kind", list(HOST))
def test_without_lesions_all_else_is_the_same(pairs, kind):
    (with_, _, mask), (without, factors, empty) = pairs[kind]
    assert not empty.any()
    assert not any(
        value for name, value in factors.items() if name in phantom.NO_LESIONS
    )
    np.testing.assert_array_equal(with_.labels, without.labels)
    near = ndimage.distance_transform_edt(mask == 0, sampling=GRID[1]) <= 9.0
    np.testing.assert_array_equal(with_.hu[~near], without.hu[~near])
    assert np.abs(with_.hu - without.hu)[mask == kind].mean() > 15


def test_scanned_patient_carries_the_mask():
    seed = _seed_with("liver_lesion_mm")
    small = {"shape": (16, 64, 64), "spacing_mm": (16.0, 6.4, 6.4)}
    sick = phantom.make_patient(seed, **small)
    well = phantom.make_patient(seed, lesions=False, **small)
    assert sick.lesions.dtype == np.uint8
    assert sick.lesions.shape == sick.labels.shape
    assert set(np.unique(sick.lesions)) <= set(phantom.LESIONS)
    assert (sick.lesions == NUMBER["hypodense liver lesion"]).any()
    assert not well.lesions.any()
    np.testing.assert_array_equal(sick.labels, well.labels)
    assert not sick.lesions.flags.writeable


def test_lesions_are_drawn_with_the_stated_probabilities():
    drawn = [phantom.draw_factors(seed) for seed in range(400)]
    for name, share in (
        ("nodule_mm", 0.20),
        ("ground_glass_mm", 0.15),
        ("liver_lesion_mm", 0.20),
        ("vertebral_lesion_mm", 0.15),
    ):
        found = np.mean([factors[name] > 0 for factors in drawn])
        assert found == pytest.approx(share, abs=0.06), name  # 3 standard deviations


@pytest.mark.parametrize(
    ("factor", "organ"),
    [("spleen", "spleen"), ("kidney_left", "kidneys"), ("kidney_right", "kidneys")],
)
def test_absent_structures_have_no_voxels(factor, organ):
    seed = next(s for s in range(600) if not phantom.draw_factors(s)[factor])
    canvas, *_ = make_body(seed, (32, 64, 64), (8.0, 6.4, 6.4))
    found = canvas.labels == phantom.LABEL[organ]
    if organ == "kidneys":  # who lacks one has the other
        right = canvas.x < 0
        assert not found[right if factor == "kidney_right" else ~right].any()
        assert found.any()
    else:
        assert not found.any()


def test_patient_of_chapter_one_is_normal():
    factors = phantom.draw_factors(5)
    assert all(factors[organ] for organ in ("spleen", "kidney_left", "kidney_right"))
    assert not any(factors[name] for name in phantom.NO_LESIONS)
    assert factors["contrast"] == 0
    assert factors["arms_down"] == 0
