import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from multiframe import to_multi_frame
from pydicom import uid
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from medvae_course.ct import dicom
from medvae_course.ct.dicom import DicomError, pixels
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
    notes = []
    hu = dicom.read_series(series, notes=notes).hu.reshape(5, -1)
    n, share = 5 * len(padded), len(padded) / (36 * 40)
    assert notes == [f"padding: {n} of 7200 voxels ({share:.2%}) became air, -1000 HU"]
    assert (hu[:, : len(padded)] == -1000).all()
    assert (hu[:, len(padded) :] == 2000 - 1024).all()


def test_monochrome1_does_not_change_hu(series):
    edit(series, values(PhotometricInterpretation="MONOCHROME1"))
    notes = []
    assert_same(dicom.read_series(series, notes=notes), scan())
    assert notes == ["MONOCHROME1: shown inverted, HU are not"]


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


def enhanced(folder, file, **arguments):
    """The series in `folder` as one multi-frame file, frames in another order."""
    slices = [pydicom.dcmread(f) for f in sorted(folder.iterdir())]
    order = np.random.default_rng(1).permutation(len(slices)).tolist()
    to_multi_frame(slices, order=order, **arguments).save_as(file)


@pytest.mark.parametrize("shared", [True, False])
def test_enhanced_multi_frame_reads_as_the_classic_series(series, tmp_path, shared):
    edit(series, lambda d, i: setattr(d, "RescaleSlope", 1 + i))
    (tmp_path / "enhanced").mkdir()
    enhanced(series, tmp_path / "enhanced" / "all.dcm", shared=shared)
    assert_same(
        dicom.read_series(tmp_path / "enhanced"), dicom.read_series(tmp_path / "ct")
    )
    (found,) = dicom.find_series(tmp_path / "enhanced")
    assert (found.n_slices, len(found.files)) == (5, 1)
    edit(tmp_path / "enhanced", values(NumberOfFrames=4))
    with pytest.raises(DicomError, match="got 5 groups for 4 frames"):
        dicom.read_series(tmp_path / "enhanced")


def test_stacks_and_times_of_one_file_need_a_choice(series, tmp_path):
    (tmp_path / "enhanced").mkdir()
    contents = [("1", 1), ("1", 1), ("1", 2), ("1", 2), ("2", 1)]
    enhanced(series, tmp_path / "enhanced" / "all.dcm", contents=contents)
    found = dicom.find_series(tmp_path / "enhanced")
    assert [(s.part, s.n_slices) for s in found] == [
        ("stack 1, time 1", 2),
        ("stack 1, time 2", 2),
        ("stack 2, time 1", 1),
    ]
    with pytest.raises(DicomError, match="got 3: choose one by series_uid") as e:
        dicom.read_series(tmp_path / "enhanced")
    assert str(e.value).count("part='stack") == 3
    whole = dicom.read_series(series)
    second = dicom.read_series(tmp_path / "enhanced", part="stack 1, time 2")
    assert_same(second, whole.crop(z=slice(2, 4)))
    assert_same(dicom.read_series(found[0]), whole.crop(z=slice(0, 2)))


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.RLELossless])
def test_compressed_multi_frame_reads_as_the_classic_series(series, tmp_path, syntax):
    (tmp_path / "enhanced").mkdir()
    enhanced(series, tmp_path / "enhanced" / "all.dcm")
    edit(tmp_path / "enhanced", lambda d, i: d.compress(syntax))
    assert_same(dicom.read_series(tmp_path / "enhanced"), scan())


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


def test_twelve_bits_of_mistaken_sign_are_padding(series):
    def change(dataset, index):
        pixels = np.full(36 * 40, 100, "<i2")
        pixels[0] = -2000  # in 12 bits: 2096
        dataset.PixelData = (pixels & 0xFFF).tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.add_new("PixelPaddingValue", "US", 2096)

    edit(series, change)
    hu = dicom.read_series(series).hu
    assert (hu[:, 0, 0] == -1000).all()
    assert np.unique(hu).tolist() == [-1000, 100 - 1024]


def test_undeclared_values_below_the_scale_are_reported_not_changed(series):
    def change(dataset, index):
        pixels = np.frombuffer(dataset.PixelData, "<i2").copy()
        pixels[:3] = -2000
        dataset.PixelData = pixels.tobytes()

    edit(series, change, only=2)
    notes = []
    assert dicom.read_series(series, notes=notes).hu[2, 0, 0] == -3024
    assert notes == [
        "3 of 7200 voxels lie below -1024 HU, down to -3024 HU, and are not declared"
        " as padding"
    ]


def test_signed_values_that_are_called_unsigned_are_refused(series):
    def change(dataset, index):
        pixels = np.frombuffer(dataset.PixelData, "<i2") - 1024
        dataset.PixelData = pixels.astype("<i2").tobytes()
        dataset.PixelRepresentation, dataset.RescaleIntercept = 0, 0

    edit(series, change)
    with pytest.raises(DicomError, match="at most 32767, got 655.*PixelRepresentation"):
        dicom.read_series(series)
    edit(series, values(PixelRepresentation=1))
    assert_same(dicom.read_series(series), scan())


def bare(file, *, implicit):
    """Take preamble and meta information off a file."""
    dataset = pydicom.dcmread(file)
    dataset.save_as(file, implicit_vr=implicit, little_endian=True)
    raw = file.read_bytes()
    start = raw.index(b"\x08\0\x05\0")  # Specific Character Set, the first element
    file.write_bytes(raw[start:])


@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble_are_read(series, implicit):
    for file in series.iterdir():
        dataset = pydicom.dcmread(file)
        if implicit:
            dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
            dataset.save_as(file, implicit_vr=True, little_endian=True)
        bare(file, implicit=implicit)
    assert_same(dicom.read_series(series), scan())


def test_bytes_that_only_begin_like_dicom_are_skipped(tmp_path):
    contents = {
        "a": b"\x08\0\x05\0" + bytes(range(256)) * 4,
        "b": b"\x08\0",
        "c": b"\x08\0\x60\0CS\x02\0CT",  # parses, but names no SOP class
        "d": b"\0\x08" * 99,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    skipped = []
    assert dicom.find_series(tmp_path, skipped=skipped) == []
    assert [file.name for file, _ in skipped] == sorted(contents)


def test_single_images_take_their_thickness_from_the_header(series):
    file = sorted(series.iterdir())[1]
    volume = dicom.read_image(file)
    assert_same(volume, scan().crop(z=slice(1, 2)))
    edit(series, values(SpacingBetweenSlices=4.0))
    assert dicom.read_image(file).spacing_mm == (4.0, 0.7, 0.8)
    edit(series, values(SpacingBetweenSlices=None, SliceThickness=None))
    with pytest.raises(DicomError, match="slice_0002.dcm must say how thick"):
        dicom.read_image(file)
    edit(series, values(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    with pytest.raises(DicomError, match="must hold a CT slice, got a localizer"):
        dicom.read_image(file)
    edit(series, values(SOPClassUID=uid.MRImageStorage))
    with pytest.raises(DicomError, match="must hold a CT slice, got MR Image"):
        dicom.read_image(file)


def test_a_multi_frame_file_is_no_single_image(series, tmp_path):
    enhanced(series, tmp_path / "all.dcm")
    with pytest.raises(DicomError, match="must hold one slice, got 5 frames"):
        dicom.read_image(tmp_path / "all.dcm")


def test_huge_claims_are_refused_before_memory_is_taken(series):
    edit(series, values(Rows=60000, Columns=60000))
    with pytest.raises(DicomError, match="7200000000 bytes of them in a file of"):
        dicom.read_series(series)
    edit(series, lambda d, i: (setattr(d, "Rows", 36), setattr(d, "Columns", 40)))
    edit(series, lambda d, i: d.compress(uid.JPEG2000Lossless))
    edit(series, values(Rows=60000, Columns=60000))
    with pytest.raises(DicomError, match="7200000000 bytes of them in a file of"):
        dicom.read_series(series)


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_frames_of_another_size_than_claimed_are_refused(series, syntax):
    edit(series, lambda d, i: d.compress(syntax))
    edit(series, values(Rows=72))
    with pytest.raises(DicomError, match="frame is of 36 x 40 .* claims 72 x 40"):
        dicom.read_series(series)


def test_files_changed_after_they_were_found_are_noticed(series):
    (found,) = dicom.find_series(series)
    edit(series, values(PatientName="somebody^else"), only=3)
    with pytest.raises(DicomError, match="slice_0004.dcm: the file was changed while"):
        dicom.read_series(found)


def test_warnings_of_the_parser_become_notes(series):
    # a value that pydicom warns of, and that does not matter
    for file in series.iterdir():
        raw = file.read_bytes()
        old = pydicom.dcmread(file).SeriesInstanceUID.encode()
        file.write_bytes(raw.replace(old, old[:-3] + b".01"))
    (found,) = dicom.find_series(series)
    assert len(found.notes) == 1
    assert "Invalid value for VR UI" in found.notes[0]
    notes = []
    assert_same(dicom.read_series(found, notes=notes), scan())
    assert notes == list(found.notes)


def tilted(series, angle_deg, *, shift_row_mm=0.0):
    """Tilt the gantry: slices lean back while the table moves along z."""
    angle = np.radians(angle_deg)

    def change(dataset, index):
        dataset.ImageOrientationPatient = [
            *(1, 0, 0, 0),
            *(f"{x:.9f}" for x in (np.cos(angle), -np.sin(angle))),
        ]
        dataset.ImagePositionPatient[0] += index * shift_row_mm

    edit(series, change)


def on_sheared_grid(series, volume, interpolator):
    """SimpleITK's resampling of the same slices, as a skewed image, to the grid."""
    (found,) = dicom.find_series(series)
    ordered = sorted(
        (s for h in found.headers for s in h.slices), key=lambda s: s.position_mm[2]
    )
    step = ordered[1].position_mm - ordered[0].position_mm
    image = sitk.GetImageFromArray(
        np.concatenate([dicom.read_image(s.file).hu for s in ordered])
    )
    row, column = ordered[0].orientation
    length = np.linalg.norm(step)
    image.SetSpacing((*ordered[0].pixel_mm[::-1], length))
    image.SetOrigin(ordered[0].position_mm)
    image.SetDirection(np.column_stack([row, column, step / length]).ravel().tolist())
    grid = sitk.Image(volume.shape[::-1], sitk.sitkFloat32)
    grid.SetSpacing(volume.spacing_mm[::-1])
    grid.SetOrigin(volume.origin_mm)
    grid.SetDirection(volume.direction[:, ::-1].ravel().tolist())
    return sitk.GetArrayFromImage(
        sitk.Resample(image, grid, sitk.Transform(), interpolator, -1000.0)
    )


@pytest.mark.parametrize(
    ("name", "interpolator"),
    [("linear", sitk.sitkLinear), ("nearest", sitk.sitkNearestNeighbor)],
)
def test_tilt_is_resampled_as_simpleitk_does(series, name, interpolator):
    tilted(series, 17, shift_row_mm=0.37)
    notes = []
    volume = dicom.read_series(series, resample=name, notes=notes)
    assert f"resampled by {name} interpolation" in notes[0]
    assert "tilt" in notes[0]
    expected = on_sheared_grid(series, volume, interpolator)
    # at the rim of a slice SimpleITK repeats half a pixel, here it is air at once
    core = ~np.isclose(volume.hu, -1000)
    assert core.mean() > 0.8
    np.testing.assert_allclose(volume.hu[core], expected[core], atol=0.02)
    # nothing of any slice is lost: its grid takes in the centre of each corner
    (found,) = dicom.find_series(series)
    for s in (s for header in found.headers for s in header.slices):
        far = np.array(s.shape) - 1
        for corner in ((0, 0), (far[0], 0), (0, far[1]), tuple(far)):
            offset = np.multiply(corner, s.pixel_mm) @ s.orientation[::-1]
            index = volume.mm_to_index(s.position_mm + offset)
            assert (index > -1e-3).all()
            assert (index < np.array(volume.shape) - 1 + 1e-3).all()


def linear_image(points):
    return points @ [3.0, -2.0, 5.0] + 40


@pytest.mark.parametrize("tilt_deg", [0, 12])
def test_uneven_gaps_are_resampled_to_an_image_known_everywhere(tmp_path, tilt_deg):
    # linear interpolation is exact for an image that is linear in space
    z = np.array([0.0, 2.4, 5.0, 7.6, 12.4, 15.0])  # a slice is missing at 10
    tilt = np.radians(tilt_deg)
    row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(tilt), -np.sin(tilt)])
    for i, along in enumerate(z):
        first = np.array([-10.0, 20, along])
        r, c = np.meshgrid(np.arange(36) * 0.7, np.arange(40) * 0.8, indexing="ij")
        points = first + r[..., None] * column + c[..., None] * row
        one = Volume(np.zeros((1, 36, 40)), (2.5, 0.7, 0.8), tuple(first))
        (file,) = dicom.write_series(one, tmp_path / str(i), patient_id="P")
        dataset = pydicom.dcmread(file)
        dataset.RescaleSlope, dataset.RescaleIntercept = 1 / 64, 0
        dataset.PixelData = np.rint(linear_image(points) * 64).astype("<i2").tobytes()
        dataset.ImageOrientationPatient = [f"{x:.9f}" for x in (*row, *column)]
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "1.2.3", f"1.2.3.{i}"
        dataset.save_as(file)
    with pytest.raises(DicomError, match='resample="linear"'):
        dicom.read_series(tmp_path)
    notes = []
    volume = dicom.read_series(tmp_path, resample="linear", notes=notes)
    assert "1 slices seem to be missing" in notes[0]
    assert volume.shape[0] == 7
    assert volume.spacing_mm[0] == pytest.approx(2.5 * np.cos(tilt))
    expected = linear_image(
        volume.index_to_mm(np.moveaxis(np.indices(volume.shape), 0, -1))
    )
    inside = volume.hu > -999
    assert inside.mean() > (0.8 if tilt_deg else 0.999)
    np.testing.assert_allclose(volume.hu[inside], expected[inside], atol=0.05)


def test_a_missing_slice_is_bridged_on_request(series):
    files = sorted(series.iterdir())
    files[1].unlink()
    notes = []
    assert dicom.read_series(series, resample="linear", notes=notes).shape[0] == 5
    assert "1 slices seem to be missing of 5" in notes[0]


def test_resampling_leaves_regular_series_alone(series):
    notes = []
    assert_same(dicom.read_series(series, resample="linear", notes=notes), scan())
    assert notes == []
    with pytest.raises(DicomError, match="one of nearest, linear, got 'cubic'"):
        dicom.read_series(series, resample="cubic")


def test_slices_in_one_place_are_refused_when_resampling_too(series):
    edit(series, values(ImagePositionPatient=[-10, 20, 3]), only=1)
    with pytest.raises(DicomError, match="a position of its own"):
        dicom.read_series(series, resample="linear")


def test_threads_read_the_same_as_one_thread(series):
    (found,) = dicom.find_series(series)
    slices = [s for header in found.headers for s in header.slices]
    one, _ = pixels.read_hu(slices, threads=1)
    many, _ = pixels.read_hu(slices, threads=4)
    np.testing.assert_array_equal(one, many)


def test_no_more_than_one_missing_slice_in_a_row_is_bridged(tmp_path):
    folder = tmp_path / "ct"
    volume = Volume(np.zeros((8, 36, 40)), (2.5, 0.7, 0.8))
    files = dicom.write_series(volume, folder, patient_id="P1")
    for index in (2, 3):
        files[index].unlink()
    with pytest.raises(DicomError, match="2 slices seem to be missing of 8") as error:
        dicom.read_series(folder)
    assert "resample=" not in str(error.value)  # it would not help
    with pytest.raises(DicomError, match="got 7.500 mm where the median is 2.500 mm"):
        dicom.read_series(folder, resample="linear")


def test_threads_of_the_user_neither_lock_nor_leave_filters_behind(series):
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        for volume in pool.map(dicom.read_series, [series] * 12):
            assert_same(volume, scan())
    assert warnings.filters == before


def test_endless_values_do_not_make_endless_messages(series):
    # found by fuzzing: a mangled length made half of a file the value of one element
    def change(dataset, index):
        dataset.RescaleType = "X" * 9000

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of the length when writing
        edit(series, change)
    with pytest.raises(DicomError, match=r"got Rescale Type X{77}\.\.\.:") as error:
        dicom.read_series(series)
    assert len(str(error.value)) < 400
