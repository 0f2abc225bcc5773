import json

import numpy as np
import pydicom
import pytest
from ct.labels.scans import check

from medvae_course.ct import dicom, labels, patients, phantom
from medvae_course.ct.phantom import files

TINY = phantom.PRESETS["tiny"]


@pytest.fixture(scope="module")
def patient():
    """One with lesions."""
    for seed in range(20):
        made = phantom.make_patient(seed, shape=TINY.shape, spacing_mm=TINY.spacing_mm)
        if made.lesions.any():
            return made
    pytest.fail("no lesion in twenty patients")


@pytest.fixture(scope="module")
def written(patient, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "p"
    return folder, files.write_patient(patient, folder, rtstruct=True)


def test_what_is_written_is_read_back_equal(patient, written):
    folder, _ = written
    (series,) = [one for one in dicom.find_series(folder) if one.is_ct]
    assert series.patient_id == patient.patient_id
    volume = dicom.read_series(series).to_axial()
    np.testing.assert_array_equal(volume.hu, patient.volume.hu)
    np.testing.assert_allclose(volume.affine, patient.volume.affine, atol=1e-3)
    for name in ("segmentation.dcm", "structures.dcm"):
        found = labels.read_structures(folder / name, volume, series=series)
        for array, table in (
            (patient.labels, phantom.LABELS),
            (patient.lesions, phantom.LESIONS),
        ):
            for value, structure in table.items():
                mask = array == value
                if value and mask.any():
                    np.testing.assert_array_equal(found.masks[structure], mask)
                else:
                    assert structure not in found.masks
    assert json.loads((folder / "factors.json").read_text()) == patient.factors


def test_all_files_are_named_and_valid(written):
    folder, paths = written
    assert {p.relative_to(folder).parts[0] for p in paths} == {
        "ct",
        "segmentation.dcm",
        "structures.dcm",
        "factors.json",
    }
    assert len(paths) == TINY.shape[0] + 3
    for name in ("segmentation.dcm", "structures.dcm", "ct/slice_0001.dcm"):
        assert "Error" not in check("dciodvfy", "-new", folder / name), name
    segments = pydicom.dcmread(folder / "segmentation.dcm").SegmentSequence
    assert {item.SegmentAlgorithmType for item in segments} == {"AUTOMATIC"}
    assert all("phantom" in item.SegmentAlgorithmName for item in segments)


def test_a_folder_of_patients_is_a_data_set_with_lesions_in_front(patient, written):
    folder, _ = written
    labels.write_names(folder / "labels.json", files.NAMES)
    (source,) = patients.find_patients(folder)
    _, found = source.read()
    (folder / "labels.json").unlink()
    lesion = patient.lesions > 0
    np.testing.assert_array_equal(found[~lesion], patient.labels[~lesion])
    np.testing.assert_array_equal(
        found[lesion], patient.lesions[lesion] + max(phantom.LABELS)
    )


def test_a_folder_in_use_is_refused_and_kept(patient, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(dicom.DicomError, match="must be new or empty"):
        files.write_patient(patient, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failure_leaves_nothing_behind(patient, tmp_path, monkeypatch):
    def fails(*args, **kwargs):
        raise labels.LabelError("no")

    monkeypatch.setattr(labels, "write_segmentation", fails)
    with pytest.raises(labels.LabelError):
        files.write_patient(patient, tmp_path / "p")
    assert list(tmp_path.iterdir()) == []
