import copy
import shutil

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from medvae_course.ct import dicom
from medvae_course.ct.dicom import DicomError
from medvae_course.ct.volume import AXIAL, Volume

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 110], degrees=True).as_matrix() @ AXIAL
SHAPE = (5, 36, 40)


def scan(seed=0, **arguments):
    """Volume of random whole HU."""
    hu = np.random.default_rng(seed).integers(-1000, 2000, SHAPE)
    arguments = {"spacing_mm": (2.5, 0.7, 0.8), "origin_mm": (-10, 20, 3)} | arguments
    return Volume(hu, **arguments)


@pytest.fixture
def series(tmp_path):
    """Folder with the series of `scan()`, files in the order of the slices."""
    dicom.write_series(scan(), tmp_path / "ct", patient_id="P1")
    return tmp_path / "ct"


def edit(folder, change, *, only=None):
    """Apply change(dataset, index) to the files (or one of them) of a series."""
    for index, file in enumerate(sorted(folder.iterdir())):
        if only is None or index == only:
            dataset = pydicom.dcmread(file)
            change(dataset, index)
            dataset.save_as(file)


def values(**elements):
    """Change that sets elements, or removes those that are None."""

    def change(dataset, index):
        for keyword, value in elements.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return change


def assert_same(volume, expected):
    np.testing.assert_array_equal(volume.hu, expected.hu)
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-6)


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE])
def test_reading_restores_what_was_written(tmp_path, direction):
    volume = scan(direction=direction, origin_mm=(1.234567, -200.3, 77.7))
    dicom.write_series(volume, tmp_path / "ct", patient_id="P1")
    assert_same(dicom.read_series(tmp_path), volume)


def test_order_follows_positions_not_names(series):
    order = [3, 0, 4, 1, 2]
    files = sorted(series.iterdir())
    for name, index in zip("abcde", order, strict=True):
        files[index].rename(series / name)
    edit(series, lambda d, i: setattr(d, "InstanceNumber", 9 - i))
    assert_same(dicom.read_series(series), scan())


def test_each_slice_is_rescaled_by_its_own_rule(series):
    def change(dataset, index):
        dataset.RescaleSlope, dataset.RescaleIntercept = 2 + index, -100 * index

    edit(series, change)
    stored = scan().hu + 1024
    rule = np.arange(5)[:, None, None]
    expected = stored * (2 + rule) - 100 * rule
    np.testing.assert_array_equal(dicom.read_series(series).hu, expected)


def test_distance_comes_from_positions_not_from_thickness(series):
    edit(series, values(SliceThickness=1.0, SpacingBetweenSlices=9.0))
    assert dicom.read_series(series).spacing_mm == (2.5, 0.7, 0.8)


@pytest.mark.parametrize(
    ("padding", "limit", "padded"),
    [(24, None, [24]), (65536 - 2000, None, [-2000]), (-2000, -1990, [-2000, -1990])],
)
def test_pixel_padding_becomes_air(series, padding, limit, padded):
    def change(dataset, index):
        pixels = np.frombuffer(dataset.PixelData, "<i2").copy()
        pixels[:] = 2000
        pixels[: len(padded)] = padded
        dataset.PixelData = pixels.tobytes()
        vr = "SS" if padding < 0 else "US"
        dataset.add_new("PixelPaddingValue", vr, padding)
        if limit is not None:
            dataset.add_new("PixelPaddingRangeLimit", vr, limit)

    edit(series, change)
    hu = dicom.read_series(series).hu.reshape(5, -1)
    assert (hu[:, : len(padded)] == -1000).all()
    assert (hu[:, len(padded) :] == 2000 - 1024).all()


def test_monochrome1_does_not_change_hu(series):
    edit(series, values(PhotometricInterpretation="MONOCHROME1"))
    assert_same(dicom.read_series(series), scan())


def test_unspecified_units_of_plain_images_are_taken_as_hu(series):
    edit(series, values(RescaleType="US"))
    assert_same(dicom.read_series(series), scan())
    edit(series, values(RescaleType=None))
    assert_same(dicom.read_series(series), scan())


def test_unused_bits_do_not_change_hu(series):
    def change(dataset, index):
        pixels = np.frombuffer(dataset.PixelData, "<u2") | 0xA000  # an old overlay
        dataset.PixelData = pixels.tobytes()
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0

    edit(series, change)
    assert_same(dicom.read_series(series), scan())


@pytest.mark.parametrize(
    "syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless]
)
def test_lossless_compression_does_not_change_hu(series, syntax):
    edit(series, lambda d, i: d.compress(syntax, generate_instance_uid=False))
    assert pydicom.dcmread(next(series.iterdir())).file_meta.TransferSyntaxUID == syntax
    assert_same(dicom.read_series(series), scan())


def enhanced(folder, file):
    """The series in `folder` as one multi-frame file, frames in another order."""
    slices = [pydicom.dcmread(f) for f in sorted(folder.iterdir())]
    dataset = slices[0]

    def group(**sequences):
        item = Dataset()
        for sequence, (source, *keywords) in sequences.items():
            part = Dataset()
            for keyword in keywords:
                part.add(copy.copy(source[keyword]))
            setattr(item, sequence, [part])
        return item

    dataset.SharedFunctionalGroupsSequence = [
        group(
            PixelMeasuresSequence=(dataset, "PixelSpacing", "SliceThickness"),
            PlaneOrientationSequence=(dataset, "ImageOrientationPatient"),
        )
    ]
    order = [2, 0, 1, 4, 3]
    dataset.PerFrameFunctionalGroupsSequence = [
        group(
            PlanePositionSequence=(slices[i], "ImagePositionPatient"),
            PixelValueTransformationSequence=(
                slices[i],
                *("RescaleSlope", "RescaleIntercept", "RescaleType"),
            ),
        )
        for i in order
    ]
    dataset.PixelData = b"".join(slices[i].PixelData for i in order)
    dataset.NumberOfFrames = len(order)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del dataset[keyword]
    # the rescale of a multi-frame file is in its groups alone: this one must not count
    dataset.RescaleSlope = 7
    dataset.SOPClassUID = uid.EnhancedCTImageStorage
    dataset.file_meta.MediaStorageSOPClassUID = uid.EnhancedCTImageStorage
    dataset.save_as(file)


def test_enhanced_multi_frame_reads_as_the_classic_series(series, tmp_path):
    edit(series, lambda d, i: setattr(d, "RescaleSlope", 1 + i))
    (tmp_path / "enhanced").mkdir()
    enhanced(series, tmp_path / "enhanced" / "all.dcm")
    assert_same(
        dicom.read_series(tmp_path / "enhanced"), dicom.read_series(tmp_path / "ct")
    )
    (found,) = dicom.find_series(tmp_path / "enhanced")
    assert (found.n_slices, len(found.files)) == (5, 1)
    edit(tmp_path / "enhanced", values(NumberOfFrames=4))
    with pytest.raises(DicomError, match="got 5 groups for 4 frames"):
        dicom.read_series(tmp_path / "enhanced")


def test_find_series_tells_series_patients_and_kinds_apart(series, tmp_path):
    second = dicom.write_series(
        scan(1), tmp_path / "b/deep", patient_id="P0", series_description="second"
    )
    edit(series, values(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), only=0)
    edit(series, values(PatientID="P9"), only=1)
    edit(series, values(LossyImageCompression="01"), only=2)
    (tmp_path / "notes.txt").write_text("no DICOM")
    skipped = []
    found = dicom.find_series(tmp_path, skipped=skipped)
    told = [(s.patient_id, s.description[:9], s.n_slices, s.is_ct) for s in found]
    assert told == [
        ("P0", "second", 5, True),
        ("P1", "Synthetic", 3, True),
        ("P1", "Synthetic", 1, False),
        ("P9", "Synthetic", 1, True),
    ]
    assert found[0].files == tuple(second)
    assert found[0].shape == (36, 40)
    assert found[1].notes == ("lossily compressed: HU are approximate",)
    assert found[2].notes == ("localizer images, not slices",)
    assert skipped == [
        (tmp_path / "notes.txt", "notes.txt is not a DICOM file (no DICM mark)")
    ]


def test_localizers_are_left_out(series):
    edit(series, values(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), only=0)
    assert dicom.read_series(series).shape == (4, 36, 40)


def test_two_series_need_a_choice(series, tmp_path):
    dicom.write_series(scan(1), tmp_path / "b", patient_id="P2")
    first, second = dicom.find_series(tmp_path)
    with pytest.raises(DicomError, match="got 2: choose one by series_uid") as error:
        dicom.read_series(tmp_path)
    for found in (first, second):
        assert f"{found.series_uid}: 5 slices, patient" in str(error.value)
    chosen = dicom.read_series(tmp_path, series_uid=second.series_uid)
    assert_same(chosen, scan(1))
    assert_same(dicom.read_series(first), scan(0))
    with pytest.raises(DicomError, match="got 0 with series_uid='1.2.3'") as error:
        dicom.read_series(tmp_path, series_uid="1.2.3")
    assert first.series_uid in str(error.value)


def test_folders_without_ct_are_refused(series, tmp_path):
    with pytest.raises(DicomError, match="must be a folder, got nothing"):
        dicom.read_series(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DicomError, match="got 0 series of other kinds .* and 0 files"):
        dicom.read_series(tmp_path / "empty")
    (tmp_path / "empty" / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(99))
    (tmp_path / "empty" / "b.dcm").write_bytes(b"")
    with pytest.raises(DicomError, match="2 files that are not readable DICOM"):
        dicom.read_series(tmp_path / "empty")
    edit(series, values(SOPClassUID=uid.MRImageStorage, Modality="MR"))
    with pytest.raises(DicomError, match=r"got 1 series of other kinds \(MR\)"):
        dicom.read_series(series)
    (found,) = dicom.find_series(series)
    with pytest.raises(DicomError, match="CT slices must be chosen, got MR"):
        dicom.read_series(found)


def test_one_slice_is_no_volume(series):
    for file in sorted(series.iterdir())[1:]:
        file.unlink()
    with pytest.raises(DicomError, match="at least 2 slices, got 1"):
        dicom.read_series(series)


def test_missing_slices_are_counted(series):
    files = sorted(series.iterdir())
    files[2].unlink()
    with pytest.raises(DicomError, match="from 2.500 to 5.000 mm.* 1 slices .* of 5"):
        dicom.read_series(series)


def test_small_unevenness_of_positions_is_accepted(series):
    def change(dataset, index):
        dataset.ImagePositionPatient[2] += 0.02 * (-1) ** index

    edit(series, change)
    assert dicom.read_series(series).spacing_mm[0] == pytest.approx(2.5, abs=0.011)


def test_copies_and_phases_are_told_apart(series):
    files = sorted(series.iterdir())
    shutil.copy(files[2], series / "copy.dcm")
    notes = []
    assert_same(dicom.read_series(series, notes=notes), scan())
    assert notes == ["1 files left out, copies of others: slice_0003.dcm"]
    edit(series, values(RescaleIntercept=-1000), only=0)  # the copy is the first
    with pytest.raises(
        DicomError, match="got 1 of 6 .* slice_0003.dcm .* of one image"
    ):
        dicom.read_series(series)
    (series / "copy.dcm").unlink()
    edit(series, values(ImagePositionPatient=[-10, 20, 3]), only=1)
    with pytest.raises(DicomError, match="read each phase"):
        dicom.read_series(series)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (values(PixelSpacing=[0.7, 0.9]), r"one pixel spacing .*\(0.7, 0.8\) in 4"),
        (values(Rows=18, Columns=80), r"one size .*\(36, 40\) in 4, \(18, 80\) in 1"),
        (values(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]), "one orientation, got"),
    ],
)
def test_mixtures_are_refused(series, change, words):
    edit(series, change, only=4)
    with pytest.raises(DicomError, match=words):
        dicom.read_series(series)


def test_gantry_tilt_is_measured(series):
    tilt = np.radians(15)
    edit(
        series,
        values(ImageOrientationPatient=[1, 0, 0, 0, np.cos(tilt), -np.sin(tilt)]),
    )
    with pytest.raises(DicomError, match="tilt .* of 15.0 degrees, 2.6 mm at slice_00"):
        dicom.read_series(series)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (values(ImagePositionPatient=None), "ImagePositionPatient must hold 3"),
        (values(ImageOrientationPatient=[1, 0, 0]), "must hold 6 numbers, got"),
        (values(PixelSpacing=None), "PixelSpacing must hold 2 numbers, got None"),
        (values(RescaleSlope=None), "RescaleSlope must hold 1 numbers, got None"),
        (values(RescaleIntercept=None), "RescaleIntercept must hold 1"),
        (values(RescaleSlope=0), "must not be 0, got .* slope 0"),
        (values(RescaleType="MGML"), "must be in HU, got Rescale Type MGML"),
        (
            values(RescaleType="US", ImageType=["DERIVED", "PRIMARY", "PERFUSION"]),
            "must be in HU, got Rescale Type US",
        ),
        (values(ModalityLUTSequence=[Dataset()]), "got a lookup table"),
        (values(PhotometricInterpretation="RGB"), "grey values, got RGB"),
        (values(PixelSpacing=[0, 0.8]), r"spacing \(0.0, 0.8\) mm"),
        (values(Rows=None), "header cannot be read: .*Rows"),
        (values(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "at right angles"),
        (values(PixelData=None), "cannot be decoded: .*less than expected"),
        (values(PixelData=b"\0\0"), "cannot be decoded: .*less than expected"),
        (
            values(BitsAllocated=None),
            "BitsAllocated must be one whole number, got None",
        ),
    ],
)
def test_broken_elements_are_named(series, change, words):
    edit(series, change)
    with pytest.raises(DicomError, match=words):
        dicom.read_series(series)


def test_missing_decoders_are_named(series):
    def change(dataset, index):
        dataset.compress(uid.RLELossless)
        dataset.file_meta.TransferSyntaxUID = uid.JPEGLossless

    edit(series, change)
    with pytest.raises(DicomError, match="Lossless.* cannot be decoded.*python-gdcm"):
        dicom.read_series(series)
