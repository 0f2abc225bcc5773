import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvae_course.ct import dicom
from medvae_course.ct.deidentify import deidentify, identifying_tags
from medvae_course.ct.volume import Volume

SECRET = "SecretOfMine"


@pytest.fixture
def dataset():
    return pydicom.dcmread(get_testdata_file("CT_small.dcm"))


def planted(dataset):
    """Data set with identifiers at the top, in sequences and in private elements."""
    dataset.PatientName = f"{SECRET}^Jane"
    dataset.PatientID = SECRET
    dataset.InstitutionName = SECRET
    dataset.PatientBirthDate = "19470808"
    dataset.StudyDate = "19470809"
    dataset.StudyInstanceUID = "1.2.3.19470808"
    deep = Dataset()
    deep.OperatorsName = SECRET
    deep.AccessionNumber = SECRET
    deep.SOPInstanceUID = "1.2.3.19470808.1"
    deep.private_block(0x0011, SECRET, create=True).add_new(1, "LO", SECRET)
    item = Dataset()
    item.FrameAnatomySequence = [deep, Dataset()]
    dataset.SharedFunctionalGroupsSequence = [item]  # is not in the profile itself
    reference = Dataset()
    reference.ReferencedSOPClassUID = pydicom.uid.CTImageStorage
    reference.ReferencedSOPInstanceUID = "1.2.3.19470808.2"
    dataset.ReferencedImageSequence = [reference]
    dataset.private_block(0x0011, SECRET, create=True).add_new(1, "LO", SECRET)
    dataset.add_new((0x6000, 0x3000), "OW", SECRET.encode())
    dataset.file_meta.SourceApplicationEntityTitle = SECRET
    dataset.preamble = SECRET.encode().ljust(128, b"\0")
    return dataset


def as_bytes(dataset):
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_nothing_planted_is_left(dataset):
    before = as_bytes(planted(dataset))
    assert before.count(SECRET.encode()) >= 12
    assert before.count(b"19470808") >= 4
    for key in ("", "a key"):
        after = as_bytes(deidentify(dataset, key=key))
        assert SECRET.encode() not in after
        assert b"1947" not in after
    assert as_bytes(dataset) == before  # the argument stays as it is


def test_identifying_tags_finds_what_was_planted(dataset):
    names = {name for _, name in identifying_tags(planted(dataset))}
    assert names >= {
        "Patient's Name",
        "Patient ID",
        "Institution Name",
        "Patient's Birth Date",
        "Study Instance UID",
        "Operators' Name",
        "Accession Number",
        "Referenced SOP Instance UID",
        "Source Application Entity Title",
        "Private Creator",
    }
    tags = [tag for tag, _ in identifying_tags(dataset)]
    assert (0x0010, 0x0010) in tags
    assert (0x6000, 0x3000) in tags
    assert not {"Modality", "Rows", "Pixel Data", "Rescale Slope"} & names


@pytest.mark.parametrize("key", ["", "a key"])
def test_no_identifying_tag_is_left(dataset, key):
    assert identifying_tags(deidentify(planted(dataset), key=key)) == []
    # nor after a way through a file
    file = io.BytesIO(as_bytes(deidentify(planted(dataset), key=key)))
    assert identifying_tags(pydicom.dcmread(file)) == []


def test_every_text_of_the_profile_goes():
    dataset = Dataset()
    table = dicom_anonymization_database_selector("dicomfields_2026c")["ALL_TAGS"]
    texts = {"LO", "SH", "ST", "LT", "UT", "UC", "PN", "AE", "CS", "UR"}
    for tag in (tag for tag in table if len(tag) == 2 and tag[0] > 2):
        try:
            vr = dictionary_VR(tag)
        except KeyError:  # younger than pydicom's dictionary
            vr = "LO"
        if vr in texts:
            dataset.add_new(tag, vr, SECRET.upper())
        elif vr == "DA":
            dataset.add_new(tag, vr, "19470808")
        elif vr == "SQ":
            item = Dataset()
            item.PatientName = SECRET.upper()
            dataset.add_new(tag, vr, [item])
    found = {tag for tag, _ in identifying_tags(dataset)}
    # of these two the items stay: their UIDs are replaced, and the name in them goes
    references = {Tag(0x0008, 0x1140), Tag(0x0008, 0x2112)}
    assert found == set(dataset.keys()) - references
    assert len(found) > 400
    left = str(deidentify(dataset))
    assert SECRET.upper() not in left
    assert "1947" not in left


def test_pixels_and_geometry_stay(dataset):
    result = deidentify(planted(dataset))
    np.testing.assert_array_equal(result.pixel_array, dataset.pixel_array)
    for keyword in ("ImagePositionPatient", "PixelSpacing", "RescaleIntercept", "KVP"):
        assert result[keyword] == dataset[keyword]


def test_the_result_says_so(dataset):
    result = deidentify(dataset)
    assert result.PatientIdentityRemoved == "YES"
    assert result.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert result.LongitudinalTemporalInformationModified == "REMOVED"


def test_what_was_done_before_stays_said(dataset):
    earlier = Dataset()
    earlier.CodeValue = "113105"
    dataset.DeidentificationMethodCodeSequence = [earlier, earlier]
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    codes = deidentify(dataset).DeidentificationMethodCodeSequence
    assert [code.CodeValue for code in codes] == ["113105", "113105", "113100"]
    names = {name for _, name in identifying_tags(dataset)}
    assert "De-identification Method Code Sequence" not in names
    assert "Longitudinal Temporal Information Modified" not in names


def test_doing_it_twice_changes_nothing_more(dataset):
    for key in ("", "a key"):
        once = deidentify(planted(dataset), key=key)
        assert deidentify(once, key=key) == once


def test_a_key_gives_pseudonyms_and_links(dataset):
    other = planted(pydicom.dcmread(get_testdata_file("CT_small.dcm")))
    other.PatientID = "another"
    a, b = (deidentify(d, key="one") for d in (planted(dataset), other))
    c = deidentify(dataset, key="two")
    assert len({a.PatientID, b.PatientID, c.PatientID}) == 3
    assert a.StudyInstanceUID == b.StudyInstanceUID != c.StudyInstanceUID
    assert a.StudyInstanceUID.is_valid
    assert deidentify(dataset).PatientID == deidentify(other).PatientID


def test_a_deidentified_series_still_reads_and_is_valid(tmp_path):
    hu = np.random.default_rng(0).integers(-1000, 1000, (3, 6, 7))
    volume = Volume(hu, spacing_mm=(2, 1, 1))
    (tmp_path / "clean").mkdir()
    for file in dicom.write_series(volume, tmp_path / "raw", patient_id="P1"):
        result = deidentify(pydicom.dcmread(file), key="key")
        result.save_as(tmp_path / "clean" / file.name)
    back = dicom.read_series(tmp_path / "clean")
    np.testing.assert_array_equal(back.hu, volume.hu)
    (found,) = dicom.find_series(tmp_path / "clean")
    assert found.patient_id.startswith("ANON-")
    validator = Path(sys.executable).with_name("dciodvfy")
    command = [validator, "-new", *(tmp_path / "clean").iterdir()]
    done = subprocess.run(command[:3], capture_output=True, text=True, check=False)
    assert "Error" not in done.stdout + done.stderr


# headers of real files break rules that do not matter here; pydicom then warns
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_files_of_everywhere_come_out_clean(shared_ct):
    files = [
        *(shared_ct / "ct_transfer_syntaxes/pydicom").glob("*.dcm"),
        *(shared_ct / "dcmqi_ct3slice_seg").rglob("*.dcm"),
        *(shared_ct / "odd_series_dicom2nifti").rglob("*1.dcm"),
        *(shared_ct / "lidc_0314_chest_j2k").rglob("*2.dcm"),
        *(shared_ct / "sts_gtv_dev/dicom").rglob("*011.dcm"),
    ]
    assert len(files) > 30
    for file in files:
        dataset = pydicom.dcmread(file)
        assert identifying_tags(dataset)
        assert identifying_tags(deidentify(dataset)) == []
