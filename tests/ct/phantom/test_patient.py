import hashlib
import math

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import clear_border
from sklearn.cluster import KMeans

from medvae_course.ct import phantom, scanner
from medvae_course.ct.phantom import tissues

SMALL = {"shape": (16, 64, 64), "spacing_mm": (16.0, 6.4, 6.4)}
LABEL = tissues.LABEL


@pytest.fixture(scope="module")
def patients():
    return [phantom.make_patient(seed) for seed in range(4)]


def _dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def _digest(patient):
    parts = patient.volume.hu.tobytes() + patient.labels.tobytes()
    return hashlib.sha256(parts).hexdigest()


def test_same_seed_gives_the_same_bits():
    first, again, other = (phantom.make_patient(s, **SMALL) for s in (5, 5, 6))
    assert _digest(first) == _digest(again)
    assert first.factors == again.factors
    assert _digest(first) != _digest(other)


def test_dose_changes_the_noise_and_no_anatomy():
    quiet, usual, low = (
        phantom.make_patient(5, dose=dose, **SMALL) for dose in (math.inf, 1.0, 0.25)
    )
    assert (quiet.labels == low.labels).all()
    noise_hu = [
        (loud.volume.hu - quiet.volume.hu)[quiet.labels > 0].std()
        for loud in (usual, low)
    ]
    assert 3 < noise_hu[0] < 12
    assert noise_hu[1] == pytest.approx(2 * noise_hu[0], rel=0.1)


def test_protocol_reaches_the_scanner():
    usual, sharp = (
        phantom.make_patient(5, protocol=scanner.Protocol(kernel=name), **SMALL)
        for name in ("standard", "sharp")
    )
    assert (usual.labels == sharp.labels).all()
    liver = ndimage.binary_erosion(usual.labels == LABEL["liver"], np.ones((3, 3, 3)))
    assert sharp.volume.hu[liver].std() > 1.2 * usual.volume.hu[liver].std()


def test_hu_are_whole_numbers_of_twelve_bits(patients):
    for patient in patients:
        hu = patient.volume.hu
        assert hu.dtype == np.float32
        assert (hu == np.rint(hu)).all()
        assert hu.min() >= -1024
        assert hu.max() <= 3071


def test_every_patient_has_every_organ(patients):
    for patient in patients:
        assert set(np.unique(patient.labels)) == set(phantom.LABELS)


def test_each_tissue_lies_in_its_cited_band():
    for name, tissue in phantom.TISSUE_HU.items():
        low, high = tissue.range_hu
        assert low <= tissue.mean_hu <= high, name
        assert tissue.source in tissues.SOURCES


@pytest.mark.parametrize(
    ("organ", "tissue"),
    [
        ("muscle", "muscle"),
        ("liver", "liver"),
        ("spleen", "spleen"),
        ("kidneys", "kidney"),
        ("aorta", "blood"),
        ("lungs", "lung"),
    ],
)
def test_organs_have_the_hu_that_the_factors_tell(patients, organ, tissue):
    for patient in patients:
        hu = patient.volume.hu
        inside = ndimage.binary_erosion(
            patient.labels == LABEL[organ], np.ones((3, 3, 3))
        )
        median = np.median(hu[inside])
        expected = patient.factors[f"{tissue}_hu"]
        if organ == "kidneys":  # cortex and medulla lie side by side
            low, high = sorted((expected, patient.factors["medulla_hu"]))
            assert low - 14 < median < high + 14
        else:
            assert median == pytest.approx(expected, abs=14)


def test_air_and_fat_stand_at_their_known_values(patients):
    for patient in patients:
        hu, labels = patient.volume.hu, patient.labels
        corner = hu[:, :12, :12]
        assert np.mean(corner) == pytest.approx(-1000, abs=2)
        fat = (labels == LABEL["body"]) & (hu > -150) & (hu < -50)
        fat = ndimage.binary_erosion(fat, np.ones((1, 3, 3)))  # no neighbours' share
        found = np.median(hu[fat])
        assert found == pytest.approx(patient.factors["fat_hu"], abs=6)


def test_threshold_and_border_clearing_find_the_lungs(patients):
    for patient in patients:
        air = patient.volume.hu < -400
        found = np.stack([clear_border(slice_) for slice_ in air])
        assert _dice(found, patient.labels == LABEL["lungs"]) >= 0.95


def test_soft_tissue_parts_the_lungs_from_outside_air(patients):
    for patient in patients:
        wall = ndimage.distance_transform_edt(
            patient.labels != LABEL["background"], sampling=(1e3, 3.2, 3.2)
        )
        assert wall[patient.labels == LABEL["lungs"]].min() > 10.0  # mm


def test_intensity_alone_cannot_separate_liver_spleen_and_muscle(patients):
    hu = np.concatenate([p.volume.hu[p.labels > 0] for p in patients])[::29, None]
    labels = np.concatenate([p.labels[p.labels > 0] for p in patients])[::29]
    clusters = KMeans(10, n_init=1, random_state=0).fit_predict(hu)
    best = [np.bincount(labels[clusters == c]).argmax() for c in range(10)]
    found = np.take(best, clusters)
    organs = [LABEL[name] for name in ("liver", "spleen", "muscle")]
    assert np.mean([_dice(found == v, labels == v) for v in organs]) <= 0.5


def test_organ_volumes_are_those_of_adults(patients):
    ranges_ml = {
        "lungs": (1800, 5500),
        "liver": (900, 2200),
        "heart": (350, 900),
        "spleen": (40, 350),
        "spinal canal": (40, 110),
    }
    for patient in patients:
        voxel_ml = np.prod(patient.volume.spacing_mm) / 1000
        for name, (low, high) in ranges_ml.items():
            volume_ml = (patient.labels == LABEL[name]).sum() * voxel_ml
            assert low < volume_ml < high, (patient.patient_id, name)


def test_patient_is_the_same_at_another_resolution(patients):
    coarse = phantom.make_patient(0, shape=(32, 64, 64), spacing_mm=(8.0, 6.4, 6.4))
    for name in ("lungs", "liver", "heart", "muscle"):
        fine_ml = (patients[0].labels == LABEL[name]).sum()
        coarse_ml = 4 * (coarse.labels == LABEL[name]).sum()
        assert coarse_ml == pytest.approx(fine_ml, rel=0.04), name


def test_liver_lies_right_and_spleen_left_and_spine_behind(patients):
    for patient in patients:
        centre_mm = {
            name: patient.volume.index_to_mm(
                np.argwhere(patient.labels == LABEL[name]).mean(axis=0)
            )
            for name in ("liver", "spleen", "spinal canal", "heart", "lungs")
        }
        assert centre_mm["liver"][0] < -15  # x grows to the patient's left
        assert centre_mm["spleen"][0] > 40
        assert centre_mm["spinal canal"][1] > 50  # y to the back
        assert centre_mm["heart"][1] < 0
        assert centre_mm["lungs"][2] > centre_mm["liver"][2] + 50  # z to the head


def test_measured_sizes_follow_their_factors():
    made = [phantom.make_patient(seed, **SMALL) for seed in range(9)]

    def follows(measured, factor):
        known = [patient.factors[factor] for patient in made]
        return np.corrcoef([measured(patient) for patient in made], known)[0, 1]

    def lung_width(patient):
        return np.count_nonzero((patient.labels == LABEL["lungs"]).any(axis=(0, 1)))

    def dome(patient):  # how far up the liver reaches, mm
        rows = np.flatnonzero((patient.labels == LABEL["liver"]).sum(axis=(1, 2)) > 3)
        return -rows.max() * 16 + patient.factors["scan_mm"]

    def blood(patient):
        return np.median(patient.volume.hu[patient.labels == LABEL["aorta"]])

    def told(patient):
        return patient.factors["blood_hu"]

    assert follows(lung_width, "chest_half_width_mm") > 0.6
    assert follows(blood, "blood_hu") > 0.98
    assert follows(told, "contrast") > 0.8
    assert follows(dome, "breath_mm") < 0.99  # coarse slices: only the sign is asked
    assert follows(dome, "breath_mm") > 0.3


def test_patients_differ_in_every_factor():
    drawn = [phantom.draw_factors(seed) for seed in range(60)]
    for name, (mean, sd) in phantom.FACTORS.items():
        values = np.array([factors[name] for factors in drawn])
        assert values.std() > 0.5 * sd, name
        assert abs(values.mean() - mean) < max(sd, 0.05 * abs(mean)), name


@pytest.mark.parametrize(
    ("seed", "changes", "match"),
    [
        (-1, {}, "seed"),
        (1.5, {}, "seed"),
        (0, {"shape": (4, 32)}, "shape"),
        (0, {"spacing_mm": (8.0, 0.0, 3.2)}, "spacing_mm"),
        (0, {"dose": -3.0, **SMALL}, "dose"),
    ],
)
def test_impossible_arguments_are_refused(seed, changes, match):
    with pytest.raises(ValueError, match=match):
        phantom.make_patient(seed, **changes)


def test_data_card_prints_the_hu_of_the_code(root):
    card = (root / "book" / "data_card.md").read_text(encoding="utf-8")
    for name, tissue in phantom.TISSUE_HU.items():
        moments = (
            tissue.mean_hu,
            tissue.patient_sd_hu,
            tissue.texture_sd_hu,
            tissue.arterial_hu,
            tissue.portal_hu,
        )
        cells = " | ".join(f"{value:g}".replace("-", "−") for value in moments)
        assert f"| {name} | {cells} |" in card


def test_whole_organs_of_the_patient_of_chapter_one_lie_in_their_bands():
    patient = phantom.make_patient(5)
    for organ, tissue in (
        ("lungs", "lung"),
        ("muscle", "muscle"),
        ("liver", "liver"),
        ("spleen", "spleen"),
        ("kidneys", "kidney"),
    ):
        median = np.median(patient.volume.hu[patient.labels == LABEL[organ]])
        low, high = phantom.TISSUE_HU[tissue].range_hu
        assert low <= median <= high, organ
