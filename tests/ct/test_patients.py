import json

import numpy as np
import pytest

from medvae_course.ct import dicom, itk, labels, nifti, patients, phantom
from medvae_course.ct.volume import Volume

SMALL = {"shape": (8, 32, 32), "spacing_mm": (32.0, 12.8, 12.8)}


@pytest.fixture(scope="module")
def made():
    return [phantom.make_patient(seed, **SMALL) for seed in range(3)]


def _write(path, patient, array=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = patient.volume.hu.astype(np.int16) if array is None else array
    nifti.write_nifti(path, array, patient.volume)


def test_folder_per_patient_gives_ids_volumes_and_labels(tmp_path, made):
    for patient in made:
        folder = tmp_path / patient.patient_id
        _write(folder / "ct.nii.gz", patient)
        _write(folder / "oar.nii.gz", patient, patient.labels)
        _write(folder / "ptv.nii.gz", patient, patient.labels)  # another structure
    found = patients.find_patients(tmp_path)
    assert [s.patient_id for s in found] == [p.patient_id for p in made]
    for source, patient in zip(found, made, strict=True):
        volume, labels = source.read()
        np.testing.assert_array_equal(volume.hu, patient.volume.hu)
        np.testing.assert_array_equal(labels, patient.labels)
        assert source.side_mm() == pytest.approx(32 * 12.8)


def test_flat_nifti_files_are_one_patient_each(tmp_path, made):
    _write(tmp_path / "anna.nii.gz", made[0])
    _write(tmp_path / "bert_ct.nii", made[1])
    _write(tmp_path / "bert_seg.nii.gz", made[1], made[1].labels)
    found = patients.find_patients(tmp_path)
    assert [source.patient_id for source in found] == ["anna", "bert"]
    assert found[0].read()[1] is None
    np.testing.assert_array_equal(found[1].read()[1], made[1].labels)


def test_dicom_series_are_grouped_by_patient_id(tmp_path, made):
    for number, patient in enumerate(made[:2]):
        folder = tmp_path / f"any{number}"
        dicom.write_series(patient.volume, folder, patient_id=patient.patient_id)
        nifti.write_nifti(folder / "labels.nii.gz", patient.labels, patient.volume)
    found = patients.find_patients(tmp_path)
    assert [s.patient_id for s in found] == ["phantom-0000", "phantom-0001"]
    for source, patient in zip(found, made, strict=False):
        volume, labels = source.read()
        np.testing.assert_array_equal(volume.hu, patient.volume.hu)
        np.testing.assert_array_equal(labels, patient.labels)
        assert source.side_mm() == pytest.approx(32 * 12.8)


def test_finding_patients_reads_no_pixels(tmp_path, made, monkeypatch):
    _write(tmp_path / "anna.nii.gz", made[0])
    monkeypatch.setattr(nifti, "read_nifti", lambda path: pytest.fail("read"))
    assert len(patients.find_patients(tmp_path)) == 1


def test_label_names_come_from_the_json_beside(tmp_path):
    assert patients.read_label_names(tmp_path) == {}
    table = {"1": "liver", "2": "spleen"}
    (tmp_path / "labels.json").write_text(json.dumps(table))
    assert patients.read_label_names(tmp_path) == {1: "liver", 2: "spleen"}
    (tmp_path / "labels.json").write_text(json.dumps({"labels": table}))
    assert patients.read_label_names(tmp_path) == {1: "liver", 2: "spleen"}


def test_missing_folder_names_the_data_set_that_is_built_in(tmp_path):
    with pytest.raises(patients.PatientError, match='"phantom"'):
        patients.find_patients(tmp_path / "phantoms")


def test_empty_folder_and_folder_without_ct_say_so(tmp_path):
    with pytest.raises(patients.PatientError, match="0 files"):
        patients.find_patients(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(patients.PatientError, match="1 files and no CT"):
        patients.find_patients(tmp_path)


def test_labels_on_another_grid_name_the_file(tmp_path, made):
    _write(tmp_path / "a" / "ct.nii.gz", made[0])
    other = phantom.make_patient(0, shape=(8, 16, 16), spacing_mm=(32.0, 25.6, 25.6))
    _write(tmp_path / "a" / "seg.nii.gz", other, other.labels)
    (source,) = patients.find_patients(tmp_path)
    with pytest.raises(labels.LabelError, match=r"seg\.nii"):
        source.read()


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_volumes_of_other_formats_are_found_with_their_labels(tmp_path, made, suffix):
    patient = made[0]
    (tmp_path / "p1").mkdir()
    hu = patient.volume.hu.astype(np.int16)
    itk.write_itk(tmp_path / "p1" / f"ct{suffix}", hu, patient.volume)
    itk.write_itk(tmp_path / "p1" / f"mask{suffix}", patient.labels, patient.volume)
    (tmp_path / "p2.nrrd").write_bytes(b"")
    _write(tmp_path / "p3.nii.gz", patient)
    label_map = labels.LabelMap(patient.labels, phantom.LABELS, patient.volume)
    labels.write_labels(tmp_path / "p3.seg.nrrd", label_map)
    first, _, third = patients.find_patients(tmp_path)
    assert (first.patient_id, third.patient_id) == ("p1", "p3")
    assert first.side_mm() == pytest.approx(32 * 12.8)
    for source in (first, third):
        volume, found = source.read()
        np.testing.assert_array_equal(volume.hu, patient.volume.hu)
        np.testing.assert_array_equal(found, patient.labels)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, made):
    """Two patients as DICOM, one with SEG and RTSTRUCT, one with RTSTRUCT alone."""
    folder = tmp_path_factory.mktemp("hospital")
    for number, patient in enumerate(made[:2]):
        place = folder / f"p{number}"
        dicom.write_series(patient.volume, place / "ct", patient_id=f"P{number}")
        (series,) = dicom.find_series(place)
        masks = {n: patient.labels == v for v, n in phantom.LABELS.items() if v > 4}
        drawn = labels.Structures(masks, patient.volume)
        labels.write_rtstruct(drawn, series, place / "a.dcm")
        if number == 0:
            lungs = labels.Structures({"lungs": masks["lungs"]}, patient.volume)
            labels.write_segmentation(lungs, series, place / "b.dcm")
    return folder


def test_label_objects_that_refer_to_a_series_are_its_labels(hospital, made):
    names = patients.read_label_names(hospital)
    assert sorted(names) == list(range(1, 9))
    assert list(names.values()) == sorted(names.values())
    values = {name: value for value, name in names.items()}
    first, second = patients.find_patients(hospital)
    assert first.labels.name == "b.dcm"  # SEG before RTSTRUCT
    assert second.labels.name == "a.dcm"
    _, found = first.read()
    assert set(np.unique(found)) == {0, values["lungs"]}
    _, found = second.read()
    for name in ("liver", "aorta"):
        expected = made[1].labels == phantom.LABEL[name]
        np.testing.assert_array_equal(found == values[name], expected)


def test_a_table_chooses_structures_and_their_values(hospital, made):
    table = hospital / "labels.json"
    table.write_text(json.dumps({"0": "background", "3": "liver", "7": "lungs"}))
    try:
        _, second = patients.find_patients(hospital)
        _, found = second.read()
    finally:
        table.unlink()
    assert set(np.unique(found)) == {0, 3, 7}
    liver = made[1].labels == phantom.LABEL["liver"]
    np.testing.assert_array_equal(found == 3, liver)


def test_broken_tables_name_the_file(tmp_path, made):
    _write(tmp_path / "anna.nii.gz", made[0])
    (tmp_path / "labels.json").write_text("[1, 2]")
    with pytest.raises(labels.LabelError, match=r"labels\.json must be a table"):
        patients.read_label_names(tmp_path)


def test_values_beyond_a_byte_are_refused(tmp_path, made):
    _write(tmp_path / "a_ct.nii.gz", made[0])
    _write(tmp_path / "a_seg.nii.gz", made[0], made[0].labels.astype(np.uint16) * 100)
    (source,) = patients.find_patients(tmp_path)
    with pytest.raises(labels.LabelError, match="0 to 255"):
        source.read()


def test_head_neck_folder_has_forty_patients_with_organs(shared_ct):
    folder = shared_ct / "okbp_hn_dev"
    found = patients.find_patients(folder)
    assert len({source.patient_id for source in found}) == 40
    facts = json.loads((folder / "labels_and_stats.json").read_text())
    names = patients.read_label_names(folder)
    assert names[2] == "SpinalCord"
    volume, labels = found[0].read()
    assert volume.shape == labels.shape == (128, 128, 128)
    right, left = (
        volume.index_to_mm(np.argwhere(labels == value).mean(axis=0))
        for value in (3, 4)
    )
    assert right[0] < left[0]  # x grows to the patient's left
    assert len(facts) > 1


def test_images_called_by_their_modality_belong_to_their_folder(tmp_path):
    volume = Volume(np.zeros((3, 4, 5)), (2.0, 1.0, 1.0))
    for patient in ("one", "two"):
        (tmp_path / patient).mkdir()
        for name in ("CT_image", "PET_image", "MR_T1_image", "CT_mask"):
            path = tmp_path / patient / f"{name}.nii.gz"
            nifti.write_nifti(path, volume.hu, volume)
    sources = patients.find_patients(tmp_path)
    assert [source.patient_id for source in sources] == ["one", "two"]
    assert {source.image.name for source in sources} == {"CT_image.nii.gz"}
    assert {source.labels.name for source in sources} == {"CT_mask.nii.gz"}
