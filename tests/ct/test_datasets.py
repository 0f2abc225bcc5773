import math
import shutil

import numpy as np
import pytest

from medvae_course.ct import datasets, hounsfield, nifti, phantom

SMALL = {"shape": (8, 32, 32), "spacing_mm": (32.0, 12.8, 12.8)}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDVAE_DATA_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MEDVAE_DATA", raising=False)
        yield


@pytest.fixture(scope="module")
def phantoms(cache):
    return datasets.load("phantom", image_size=32, patients=5)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("original")
    for seed in range(4):
        patient = phantom.make_patient(seed, **SMALL)
        place = root / f"patient{seed}"
        place.mkdir()
        hu = patient.volume.hu.astype(np.int16)
        nifti.write_nifti(place / "ct.nii.gz", hu, patient.volume)
        nifti.write_nifti(place / "seg.nii.gz", patient.labels, patient.volume)
    return root


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "copy")


def _parts(dataset):
    return dataset.train, dataset.validation, dataset.test


def test_arrays_are_ready_for_fit(phantoms):
    for split in _parts(phantoms):
        n = len(split.images)
        assert split.images.shape == (n, 32, 32, 1)
        assert split.images.dtype == np.float32
        assert split.images.min() >= 0
        assert split.images.max() <= 1
        assert split.labels.shape == (n, 32, 32)
        assert split.labels.dtype == np.uint8
        assert split.patients.shape == split.position.shape == (n,)
    assert phantoms.label_names == phantom.LABELS
    assert phantoms.pixel_mm == pytest.approx(12.8)


def test_no_patient_is_in_two_parts(phantoms):
    seen = [set(split.patients) for split in _parts(phantoms)]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 5


def test_a_patient_s_slices_run_from_foot_to_head(phantoms):
    for split in _parts(phantoms):
        for patient in set(split.patients):
            position = split.position[split.patients == patient]
            assert (np.diff(position) > 0).all()
            assert position[0] >= 0
            assert position[-1] <= 1
    labels, position = phantoms.train.labels, phantoms.train.position
    height = {
        organ: position[(labels == value).any(axis=(1, 2))].mean()
        for value, organ in phantom.LABELS.items()
    }
    assert height["kidneys"] < height["liver"] < height["lungs"] < height["airways"]


def test_images_and_labels_lie_on_each_other(phantoms):
    hu = phantoms.to_hu(phantoms.train.images)
    organ = {name: value for value, name in phantom.LABELS.items()}
    for name, low, high in (
        ("background", -1000, -950),
        ("lungs", -900, -600),
        ("liver", 30, 120),
        ("bone", 40, 400),  # thinner than these pixels
    ):
        mean = hu[phantoms.train.labels == organ[name]].mean()
        assert low <= mean <= high, name


def test_images_are_the_averaged_slices_of_the_patient(phantoms):
    patient = phantom.make_patient(0)
    split = next(s for s in _parts(phantoms) if patient.patient_id in s.patients)
    images = split.images[split.patients == patient.patient_id][..., 0]
    blocks = patient.volume.hu.reshape(32, 32, 4, 32, 4).mean(axis=(2, 4))
    expected = hounsfield.to_model_units(blocks)
    assert len(images) == 32
    assert np.corrcoef(images.ravel(), expected.ravel())[0, 1] > 0.99
    assert abs(images.mean() - expected.mean()) < 0.005


def test_second_load_is_the_same_and_makes_nothing(phantoms, monkeypatch):
    monkeypatch.setattr(phantom, "make_patient", lambda *a, **k: pytest.fail("made"))
    again = datasets.load("phantom", image_size=32, patients=5)
    np.testing.assert_array_equal(again.train.images, phantoms.train.images)
    other = datasets.load("phantom", image_size=32, patients=5, seed=3)
    assert set(other.test.patients) != set(phantoms.test.patients)


def test_environment_names_the_data_set(folder, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA", str(folder))
    dataset = datasets.load(image_size=16)
    assert dataset.name == folder.name
    assert set(dataset.train.patients) <= {f"patient{seed}" for seed in range(4)}
    assert dataset.train.labels.max() == 12


def test_changed_file_is_read_anew(folder):
    before = datasets.load(folder, image_size=16)
    for seed in range(4):
        path = folder / f"patient{seed}" / "ct.nii.gz"
        volume = nifti.read_nifti(path)
        nifti.write_nifti(path, (volume.hu + 100).astype(np.int16), volume)
    after = datasets.load(folder, image_size=16)
    assert after.train.images.mean() > before.train.images.mean() + 0.02


def test_patients_of_unlike_pixel_size_get_one_scale(tmp_path):
    for number, pixels in enumerate((64, 32, 48)):
        mm = 409.6 / pixels
        patient = phantom.make_patient(
            0, shape=(8, pixels, pixels), spacing_mm=(32.0, mm, mm), dose=math.inf
        )
        hu = patient.volume.hu.astype(np.int16)
        nifti.write_nifti(tmp_path / f"p{number}.nii.gz", hu, patient.volume)
    dataset = datasets.load(tmp_path, image_size=32)
    assert dataset.train.labels is None
    widths = []
    for split in _parts(dataset):
        bodies = dataset.to_hu(split.images) > -500
        widths.append(bodies.any(axis=(0, 1)).sum() * dataset.pixel_mm)
    assert max(widths) - min(widths) <= 1.5 * dataset.pixel_mm


def test_slices_without_a_body_are_left_out(tmp_path):
    for seed in range(3):
        patient = phantom.make_patient(seed, **SMALL)
        hu = patient.volume.hu.astype(np.int16)
        hu[-3:] = -1000
        nifti.write_nifti(tmp_path / f"p{seed}.nii.gz", hu, patient.volume)
    dataset = datasets.load(tmp_path, image_size=16)
    assert [len(split.images) for split in _parts(dataset)] == [5, 5, 5]
    assert dataset.train.position.max() == pytest.approx(4 / 7)


@pytest.mark.parametrize("n", [3, 4, 5, 10, 40, 200])
@pytest.mark.parametrize(
    "fractions", [(0.7, 0.1, 0.2), (0.1, 0.1, 0.8), (0.1, 0.8, 0.1)]
)
def test_split_deals_every_patient_once_and_leaves_no_part_empty(n, fractions):
    names = [f"p{number}" for number in range(n)]
    parts = datasets.split_by_patient(names * 2, fractions=fractions)
    assert list(parts) == ["train", "validation", "test"]
    assert sorted(np.concatenate(list(parts.values()))) == sorted(names)
    for part, fraction in zip(parts.values(), fractions, strict=True):
        assert len(part) >= 1
        assert abs(len(part) - n * fraction) <= 2


def test_split_depends_on_the_seed_and_not_on_the_order():
    names = [f"p{number}" for number in range(20)]
    first, again, other = (
        datasets.split_by_patient(order, seed=seed)["test"]
        for order, seed in ((names, 0), (names[::-1], 0), (names, 1))
    )
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_default_phantoms_leave_eight_patients_to_test():
    parts = datasets.split_by_patient([str(seed) for seed in range(40)])
    assert [len(part) for part in parts.values()] == [28, 4, 8]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: datasets.split_by_patient(["a"]), "at least three patients"),
        (lambda: datasets.split_by_patient(["a"] * 50), "got 1"),
        (
            lambda: datasets.split_by_patient("abc", fractions=(0.5, 0.6, -0.1)),
            "fractions",
        ),
        (lambda: datasets.load("phantom", patients=0), "got 0"),
        (lambda: datasets.load("phantom", image_size=0), "image_size"),
    ],
)
def test_impossible_arguments_are_refused(make, match):
    with pytest.raises(datasets.DatasetError, match=match):
        make()


def test_folder_with_one_patient_is_not_split_silently(folder):
    for seed in range(1, 4):
        for name in ("ct", "seg"):
            (folder / f"patient{seed}" / f"{name}.nii.gz").unlink()
    with pytest.raises(datasets.DatasetError, match="at least three patients"):
        datasets.load(folder, image_size=16)


def test_labels_for_some_patients_only_are_refused(folder):
    (folder / "patient2" / "seg.nii.gz").unlink()
    with pytest.raises(datasets.DatasetError, match="all patients or for none"):
        datasets.load(folder, image_size=16)
