"""OpenKBP's text files become the right volumes, and wrong ones a plain error."""

import json
import shutil

import numpy as np
import pytest

from medvae_course.ct import nifti, patients
from medvae_course.ct.collections import (
    CollectionError,
    Lock,
    openkbp,
    patient_hash,
    read_registry,
)


def write_patient(folder, seed=0):
    """A body that is a box, with two organs that overlap."""
    rng = np.random.default_rng(seed)
    grid = np.arange(128**3).reshape(128, 128, 128)  # (y, x, z from the head down)
    body = grid[40:80, 30:70, 44:52].ravel()
    values = rng.integers(1, 4500, len(body))
    folder.mkdir(parents=True)
    rows = "".join(f"{i},{float(v)}\n" for i, v in zip(body, values, strict=True))
    (folder / "ct.csv").write_text(",data\n" + rows)
    organs = {"Larynx": grid[50:60, 40:50, 45:50], "Mandible": grid[55:70, 45:52, 48]}
    for name, organ in organs.items():
        rows = "".join(f"{i},\n" for i in organ.ravel())
        (folder / f"{name}.csv").write_text(",data\n" + rows)
    (folder / "voxel_dimensions.csv").write_text("4.0\n3.0\n2.5\n")
    return dict(zip(body.tolist(), values.tolist(), strict=True)), organs


@pytest.fixture
def folder(tmp_path):
    write_patient(tmp_path / "raw" / "pt_7")
    return tmp_path / "raw" / "pt_7"


def test_voxels_land_where_the_flat_index_says(tmp_path):
    values, organs = write_patient(tmp_path / "pt_1")
    volume, labels = openkbp.read_patient(tmp_path / "pt_1")
    assert volume.spacing_mm == (2.5, 4.0, 3.0)
    for flat in list(values)[::197]:
        y, x, z = np.unravel_index(flat, (128, 128, 128))
        expected = min(values[flat] - 1000, 3095)
        assert volume.hu[127 - z, y, x] == expected
    assert np.count_nonzero(volume.hu > -1000) <= len(values)
    assert volume.hu[0, 0, 0] == -1000
    assert (labels == 6).sum() == organs["Larynx"].size  # the first of two organs
    overlap = len(np.intersect1d(organs["Larynx"], organs["Mandible"]))
    assert overlap
    assert (labels == 7).sum() == organs["Mandible"].size - overlap


def test_real_patient_is_read_as_the_volume_beside_it(shared_ct):
    source = shared_ct / "okbp_hn_dev"
    volume, labels = openkbp.read_patient(source / "raw_csv_pt_115")
    expected = nifti.read_nifti(source / "pt_115" / "ct.nii.gz")
    assert np.array_equal(volume.hu, expected.hu)
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-4)
    organs = nifti.read_labels(source / "pt_115" / "oar.nii.gz", expected)
    assert np.array_equal(labels, organs)
    stats = json.loads((source / "labels_and_stats.json").read_text())
    counts = stats["patients"]["pt_115"]["oar_voxels"]
    for value, organ in enumerate(openkbp.ORGANS, start=1):
        assert (labels == value).sum() == counts[organ]


def test_real_patients_have_the_hashes_of_the_registry(shared_ct, root, tmp_path):
    source = shared_ct / "okbp_hn_dev"
    registry = read_registry(root / "data_scripts" / "registry.txt")
    lock = Lock(tmp_path / "lock.json", registry)
    assert sum(name.count("/") == 1 for name in registry) == 41
    for name in ("pt_2", "pt_115", "pt_200"):
        assert openkbp.is_prepared(source / name, lock=lock)
        assert f"openkbp/{name}" in registry
    shutil.copytree(source / "raw_csv_pt_115", tmp_path / "raw" / "pt_115")
    openkbp.prepare_patient(tmp_path / "raw" / "pt_115", tmp_path / "out", lock=lock)
    assert not lock.path.exists()  # nothing had to be trusted


def test_prepared_patient_is_found_and_read(tmp_path, folder):
    lock = Lock(tmp_path / "lock.json", {})
    place = openkbp.prepare_patient(folder, tmp_path / "openkbp", lock=lock)
    assert openkbp.is_prepared(place, lock=lock)
    (source,) = patients.find_patients(tmp_path / "openkbp")
    assert source.patient_id == "pt_7"
    volume, labels = source.read()
    expected, organs = openkbp.read_patient(folder)
    assert np.array_equal(volume.hu, expected.hu)
    assert np.array_equal(labels, organs)
    assert "openkbp/pt_7" in json.loads(lock.path.read_text())


def test_patient_that_changed_is_refused_and_leaves_nothing(tmp_path, folder):
    lock = Lock(tmp_path / "lock.json", {})
    openkbp.prepare_patient(folder, tmp_path / "a", lock=lock)
    lines = (folder / "ct.csv").read_text().splitlines()
    lines[1] = lines[1].split(",")[0] + ",999.0"
    (folder / "ct.csv").write_text("\n".join(lines))
    with pytest.raises(CollectionError, match=r"openkbp/pt_7 must have sha256:.*lock"):
        openkbp.prepare_patient(folder, tmp_path / "b", lock=lock)
    assert not (tmp_path / "b").exists()
    known = {"openkbp/pt_7": "sha256:00"}
    with pytest.raises(CollectionError, match="registry"):
        openkbp.prepare_patient(folder, tmp_path / "b", lock=Lock(lock.path, known))


def test_damaged_place_is_not_taken_for_prepared(tmp_path, folder):
    lock = Lock(tmp_path / "lock.json", {})
    place = openkbp.prepare_patient(folder, tmp_path / "openkbp", lock=lock)
    file = place / "oar.nii.gz"
    good = file.read_bytes()
    for damaged in (b"", good[:-20], good[: len(good) // 2]):
        file.write_bytes(damaged)
        assert not openkbp.is_prepared(place, lock=lock)
    file.unlink()
    assert not openkbp.is_prepared(place, lock=lock)
    openkbp.prepare_patient(folder, tmp_path / "openkbp", lock=lock)
    assert openkbp.is_prepared(place, lock=lock)


BAD = {
    "empty": "",
    "header": ",data\n",
    "words": ",data\nevil,1.0\n",
    "outside": ",data\n2097152,1.0\n",
    "negative": ",data\n-1,1.0\n",
    "fraction": ",data\n1.5,1.0\n",
    "twice": ",data\n5,1.0\n5,2.0\n",
    "infinite": ",data\n5,inf\n",
    "nan": ",data\n5,nan\n",
    "one column": ",data\n5\n",
    "html": "<html>404</html>",
}


@pytest.mark.parametrize("kind", BAD)
def test_damaged_text_is_refused(folder, kind):
    (folder / "ct.csv").write_text(BAD[kind])
    with pytest.raises(CollectionError, match=r"pt_7/ct\.csv is not"):
        openkbp.read_patient(folder)


@pytest.mark.parametrize("kind", ["empty", "header", "words", "outside", "twice"])
def test_damaged_organ_is_refused(folder, kind):
    (folder / "Larynx.csv").write_text(BAD[kind])
    with pytest.raises(CollectionError, match=r"pt_7/Larynx\.csv is not"):
        openkbp.read_patient(folder)


@pytest.mark.parametrize("text", ["", "1\n2\n", "1\n2\n-3\n", "a\nb\nc\n", "1\n2\nnan"])
def test_damaged_spacing_is_refused(folder, text):
    (folder / "voxel_dimensions.csv").write_text(text)
    with pytest.raises(CollectionError, match="voxel_dimensions"):
        openkbp.read_patient(folder)


def test_missing_files_are_named(folder):
    (folder / "voxel_dimensions.csv").unlink()
    with pytest.raises(CollectionError, match="No such file"):
        openkbp.read_patient(folder)


def test_hash_sees_voxels_labels_and_spacing_but_not_rounding():
    hu = np.arange(24.0).reshape(2, 3, 4)
    labels = np.zeros((2, 3, 4), np.uint8)
    base = patient_hash(hu, labels, (3.0, 1.055, 1.055))
    assert base == patient_hash(hu, labels, (3.0, np.float32(1.055), 1.055))
    assert base != patient_hash(hu + 1, labels, (3.0, 1.055, 1.055))
    assert base != patient_hash(hu, labels + 1, (3.0, 1.055, 1.055))
    assert base != patient_hash(hu, labels, (3.0, 1.05, 1.055))
    assert base != patient_hash(
        hu.reshape(3, 2, 4), labels.reshape(3, 2, 4), (3.0, 1.055, 1.055)
    )
