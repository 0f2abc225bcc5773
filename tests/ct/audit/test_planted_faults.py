"""Each planted fault is found, by its own rule, and nothing on a clean set."""

import shutil

import numpy as np
import pytest

from medvae_course.ct import dicom, nifti
from medvae_course.ct.audit import audit
from medvae_course.ct.volume import Volume

from .planted import change, rules_of, write_deidentified

SECRET = "Wintermute"


@pytest.mark.parametrize("kind", ["clean_dicom", "clean_nifti"])
def test_a_clean_set_gives_no_finding(kind, request):
    assert audit(request.getfixturevalue(kind)) == []


def _name(dataset):
    dataset.PatientName = f"{SECRET}^Ann"
    dataset.PatientIdentityRemoved = "NO"


def _private(dataset):
    dataset.private_block(0x0029, "ACME", create=True).add_new(1, "LO", SECRET)


def _private_bytes(dataset):
    block = dataset.private_block(0x0029, "ACME", create=True)
    block.add_new(1, "UN", f"{SECRET}^Ann ".encode())


def _nested(dataset):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.private_block(0x0029, "ACME", create=True).add_new(1, "PN", SECRET)
    dataset.ReferencedImageSequence = [item]


def _set(**values):
    return lambda dataset: [setattr(dataset, *pair) for pair in values.items()]


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        (_name, {"A01", "A07"}),
        (_set(PatientName=f"{SECRET}^Ann"), {"A02"}),
        (_set(StudyDate="20240229"), {"A03"}),
        (_set(SeriesInstanceUID="1.2.840.1"), {"A04"}),
        (_private, {"A05"}),
        (_private_bytes, {"A05"}),
        (_nested, {"A05"}),
        (_set(BurnedInAnnotation="YES"), {"A09"}),
        (_set(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]), {"A10"}),
        (_set(RecognizableVisualFeatures="YES"), {"A11"}),
        (_set(RescaleType="ED"), {"C08", "F02"}),
        (_set(LossyImageCompression="01"), {"C10"}),
        (_set(SliceThickness="5"), {"D02"}),
    ],
)
def test_a_fault_in_the_header_is_found(dicom_set, edit, rules):
    change(dicom_set / "train" / "p0", edit)
    findings = audit(dicom_set)
    assert {finding.rule for finding in findings} == rules
    assert all(f.where[0].startswith("train/p0/") for f in findings if f.rule != "F02")
    assert SECRET not in str([finding.to_dict() for finding in findings])


def test_slope_that_changes_inside_a_series(dicom_set):
    change(dicom_set / "train" / "p0", _set(RescaleIntercept="-1000"), most=2)
    assert "C06" in rules_of(dicom_set)


def test_names_in_paths_are_found_and_hidden(dicom_set):
    (dicom_set / "train" / "p0").rename(dicom_set / "train" / f"{SECRET}^Ann")
    change(dicom_set / "train" / f"{SECRET}^Ann", _set(BurnedInAnnotation="YES"))
    findings = audit(dicom_set)
    assert {f.rule for f in findings} == {"A08", "A09"}
    assert SECRET not in str([finding.to_dict() for finding in findings])


def test_the_patients_own_name_in_a_path(dicom_set):
    folder = dicom_set / "train" / f"scan_{SECRET.lower()}"
    (dicom_set / "train" / "p0").rename(folder)
    change(folder, _set(PatientName=f"{SECRET}^Ann"))
    findings = audit(dicom_set)
    assert {f.rule for f in findings} == {"A02", "A08"}
    assert SECRET.lower() not in str([f.to_dict() for f in findings]).lower()


def test_a_shared_patient(dicom_set, audit_patients):
    other = audit_patients[0].volume.crop(z=slice(1, 4))
    shutil.rmtree(dicom_set / "test" / "p5")
    write_deidentified(other, dicom_set / "test" / "again", "code-0", seed=1)
    found = rules_of(dicom_set)
    assert {"B01", "B03"} <= found  # its slices are the same ones, too


def test_a_shared_study_of_two_names(dicom_set):
    change(dicom_set / "test" / "p5", _set(StudyInstanceUID="2.25.7"))
    change(dicom_set / "train" / "p0", _set(StudyInstanceUID="2.25.7"))
    assert rules_of(dicom_set) == {"A04", "B02"}


def altered(hu, how):
    rng = np.random.default_rng(0)
    return {
        "noise": lambda: np.rint(hu + rng.normal(0, 10, hu.shape)),
        "shift": lambda: np.roll(hu, 1, axis=2),
        "offset": lambda: hu + 40,
        "window": lambda: np.clip(hu, -1000, 400),
    }[how]()


@pytest.mark.parametrize("how", ["noise", "shift", "offset", "window"])
def test_a_near_duplicate_slice_in_two_parts(nifti_set, audit_patients, how):
    known, unseen = audit_patients[0].volume, audit_patients[5].volume
    hu = np.array(unseen.hu)
    hu[3] = altered(known.hu, how)[2]
    path = nifti_set / "test" / "p5" / "ct.nii.gz"
    nifti.write_nifti(path, hu.astype(np.int16), unseen)
    (finding,) = [f for f in audit(nifti_set) if f.rule == "B03"]
    assert finding.n == 1
    assert "slice 3 of the one and 4 of the other" in finding.value
    assert finding.where == ("test/p5/ct.nii.gz", "train/p0/ct.nii.gz")[::-1]


def test_one_patient_under_two_names(nifti_set):
    shutil.copytree(nifti_set / "train" / "p0", nifti_set / "train" / "p9")
    assert rules_of(nifti_set) == {"B04", "F01"}


def test_a_split_file_is_held_against_the_patients(nifti_set, tmp_path):
    for part in ("train", "val", "test"):
        for patient in (nifti_set / part).iterdir():
            patient.rename(nifti_set / patient.name)
        (nifti_set / part).rmdir()
    rows = [f"p{i},{part}" for i, part in enumerate(["train"] * 4 + ["val", "test"])]
    splits = tmp_path / "splits.csv"
    splits.write_text("\n".join(["patient,part", *rows]))
    assert audit(nifti_set, splits=splits) == []
    splits.write_text("\n".join(["patient,part", *rows[1:], "p77,test"]))
    assert [f.rule for f in audit(nifti_set, splits=splits)] == ["B05", "B05"]


def test_patients_without_an_id(dicom_set):
    change(dicom_set / "train" / "p0", _set(PatientID=""))
    change(dicom_set / "train" / "p1", _set(PatientID=""))
    assert rules_of(dicom_set) == {"B06"}


@pytest.mark.parametrize(
    ("how", "rules"),
    [
        (lambda hu: hu + 1024, {"C02"}),
        (lambda hu: (np.clip(hu, -1000, 400) + 1000) / 1400, {"C03"}),
        (lambda hu: np.rint((np.clip(hu, -1000, 400) + 1000) / 1400 * 255), {"C04"}),
        (lambda hu: np.clip(hu, -200, None), {"C01"}),
        (lambda hu: np.clip(hu, None, 60), {"C05"}),
        (lambda hu: np.where(hu > 200, 9000, hu), {"C09"}),
    ],
)
def test_values_that_are_no_hu(nifti_set, audit_patients, how, rules):
    volume = audit_patients[0].volume
    values = how(np.array(volume.hu))
    nifti.write_nifti(nifti_set / "train" / "p0" / "ct.nii.gz", values, volume)
    findings = audit(nifti_set)
    found = {f.rule for f in findings} - {"E06"}  # HU under the labels are wrong, too
    assert found == rules


def test_an_unscaled_dicom_series(dicom_set):
    change(dicom_set / "train" / "p0", _set(RescaleIntercept="0"))
    found = rules_of(dicom_set)
    assert "C02" in found


def test_two_copies_with_different_intercepts(dicom_set, audit_patients):
    volume = audit_patients[0].volume
    moved = Volume(volume.hu + 24, volume.spacing_mm, volume.origin_mm)
    folder = dicom_set / "train" / "again"
    write_deidentified(moved, folder, "code-0", seed=1)
    nifti.write_nifti(folder / "labels.nii.gz", audit_patients[0].labels, volume)
    assert rules_of(dicom_set) - {"F01"} == {"C07", "F04"}


def test_wrong_spacing(nifti_set, audit_patients):
    volume = audit_patients[0].volume
    wrong = Volume(volume.hu, (60.0, 1.0, 1.0), volume.origin_mm)
    target = nifti_set / "train" / "p0"
    nifti.write_nifti(target / "ct.nii.gz", np.array(volume.hu), wrong)
    nifti.write_nifti(target / "labels.nii.gz", audit_patients[0].labels, wrong)
    found = audit(nifti_set)
    assert {"D01"} <= {f.rule for f in found} <= {"D01", "E05"}
    assert {f.where for f in found} == {("train/p0/ct.nii.gz",)}


def test_a_missing_slice(dicom_set):
    sorted((dicom_set / "train" / "p0").glob("*.dcm"))[1].unlink()
    assert rules_of(dicom_set) == {"D04", "F02"}


def test_a_tilted_gantry(dicom_set):
    def shear(dataset):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y + 0.3 * z, z]

    change(dicom_set / "train" / "p0", shear)
    assert rules_of(dicom_set) == {"D05", "F02"}


def test_missing_empty_and_misplaced_labels(nifti_set, audit_patients):
    volume, labels = audit_patients[0].volume, audit_patients[0].labels
    file = nifti_set / "train" / "p0" / "labels.nii.gz"
    nifti.write_nifti(file, np.zeros_like(labels), volume)
    assert rules_of(nifti_set) == {"E04"}
    moved = Volume(volume.hu, volume.spacing_mm, (1.0, 2.0, 3.0))
    nifti.write_nifti(file, labels, moved)
    assert rules_of(nifti_set) == {"E02"}
    nifti.write_nifti(file, np.where(labels == 8, 99, labels), volume)
    assert rules_of(nifti_set) == {"E03"}
    file.unlink()
    assert rules_of(nifti_set) == {"E01"}


def test_a_duplicated_series(dicom_set):
    shutil.copytree(dicom_set / "train" / "p0", dicom_set / "train" / "copy")
    assert {"F01", "F05"} <= rules_of(dicom_set)


def test_files_that_cannot_be_read(dicom_set):
    file = next((dicom_set / "train" / "p0").glob("*.dcm"))
    (dicom_set / "train" / "broken.dcm").write_bytes(file.read_bytes()[:600])
    (dicom_set / "notes.txt").write_text("not an image, and not a finding")
    (finding,) = [f for f in audit(dicom_set) if f.rule == "F02"]
    assert finding.where == ("train/broken.dcm",)


def test_another_modality(dicom_set):
    change(
        dicom_set / "train" / "p0",
        _set(Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
    )
    assert "F03" in rules_of(dicom_set)


def test_phantoms_straight_from_the_writer_name_somebody(tmp_path, audit_patients):
    dicom.write_series(audit_patients[0].volume, tmp_path / "a", patient_id="somebody")
    assert {"A01", "A07"} <= rules_of(tmp_path)
