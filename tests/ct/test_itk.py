import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from ct.orientations import SIGNED_AXES, assert_same_place
from scipy.spatial.transform import Rotation

from medvae_course.ct import itk
from medvae_course.ct.itk import ItkError
from medvae_course.ct.volume import AXIAL, Volume

SUFFIXES = [".nrrd", ".mha", ".nhdr", ".mhd"]


def _image(direction, dtype=np.int16):
    rng = np.random.default_rng(0)
    image = sitk.GetImageFromArray(rng.integers(0, 120, (4, 5, 6)).astype(dtype))
    image.SetSpacing((1.5, 2.0, 3.5))
    image.SetOrigin((-11.0, 7.0, 30.0))
    image.SetDirection(direction.ravel().tolist())
    return image


@pytest.mark.parametrize(("order", "signs"), SIGNED_AXES)
def test_every_orientation_is_read_as_simpleitk_reads_it(tmp_path, order, signs):
    path = tmp_path / "ct.nrrd"
    image = _image(np.eye(3)[:, order] * signs)
    sitk.WriteImage(image, path)
    volume = itk.read_itk(path)
    assert_same_place(volume, image)
    np.testing.assert_allclose(volume.direction, AXIAL, atol=1e-9)
    np.testing.assert_allclose(itk.read_extent_mm(path), volume.extent_mm)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32, np.float32, float])
def test_oblique_volumes_of_every_type_are_read(tmp_path, suffix, compressed, dtype):
    path = tmp_path / f"ct{suffix}"
    image = _image(Rotation.from_euler("xyz", [12, -7, 3], degrees=True).as_matrix())
    image = sitk.Cast(image, _image(np.eye(3), dtype).GetPixelID())
    sitk.WriteImage(image, path, useCompression=compressed)
    assert_same_place(itk.read_itk(path), image)


@pytest.mark.parametrize("suffix", itk.WRITTEN)
def test_what_is_written_is_read_back_exactly(tmp_path, suffix):
    rng = np.random.default_rng(2)
    turn = Rotation.from_euler("xyz", [20, -15, 30], degrees=True).as_matrix()
    hu = rng.normal(0, 500, (4, 5, 6)).astype(np.float32)
    volume = Volume(hu, (2.5, 0.7, 1 / 3), (-10.5, 200 / 7, 3), turn @ AXIAL)
    path = tmp_path / f"ct{suffix}"
    itk.write_itk(path, volume.hu, volume)
    back = itk.read_itk(path)
    np.testing.assert_array_equal(back.hu, volume.hu)
    np.testing.assert_allclose(back.affine, volume.affine, atol=1e-6)
    assert_same_place(volume, sitk.ReadImage(path))
    labels = rng.integers(0, 9, volume.shape).astype(np.uint8)
    itk.write_itk(path, labels, volume)
    assert sitk.ReadImage(path).GetPixelID() == sitk.sitkUInt8
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_real_scans_lie_where_simpleitk_puts_them(shared_ct):
    path = shared_ct / "elastix_right_lung" / "3DCT_lung.mha"
    volume, image = itk.read_itk(path), sitk.ReadImage(path)
    np.testing.assert_array_equal(volume.hu, sitk.GetArrayFromImage(image))
    np.testing.assert_allclose(volume.origin_mm, image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(volume.spacing_mm[::-1], image.GetSpacing(), atol=1e-3)
    assert (volume.hu.min(), volume.hu.max()) == (-1255, 1474)


NRRD = """NRRD0004
type: short
dimension: 3
space: {space}
sizes: 2 3 4
space directions: (1,0,0) (0,2,0) (0,0,3)
space origin: (5,6,7)
encoding: raw
endian: little
"""
META = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 5 6 7
ElementSpacing = 1 2 3
DimSize = 2 3 4
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
DATA = np.arange(24, dtype="<i2").tobytes()


def _write(path, text, data=DATA):
    path.write_bytes(text.encode() + (b"\n" if "NRRD" in text else b"") + data)
    return path


@pytest.mark.parametrize(
    ("space", "corner"),
    [
        ("left-posterior-superior", (5, 6, 7)),
        ("LPS", (5, 6, 7)),
        ("right-anterior-superior", (-5, -6, 7)),
        ("RAS", (-5, -6, 7)),
    ],
)
def test_spaces_of_nrrd_become_lps(tmp_path, space, corner):
    path = _write(tmp_path / "ct.nrrd", NRRD.format(space=space))
    volume = itk.read_itk(path)
    assert volume.hu[tuple(np.rint(volume.mm_to_index(corner)).astype(int))] == 0
    assert volume.spacing_mm == (3, 2, 1)
    assert_same_place(volume, sitk.ReadImage(path))


def test_metaimage_by_hand_is_read(tmp_path):
    volume = itk.read_itk(_write(tmp_path / "ct.mha", META))
    assert volume.origin_mm == (5, 6, 7)
    np.testing.assert_array_equal(volume.hu.ravel(), np.arange(24))


LPS = NRRD.format(space="LPS")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.nrrd", LPS.replace("2 3 4", "2 3 400"), "claims sizes .* cut off"),
        ("a.nrrd", LPS.replace("2 3 4", "60000 60000 60000"), "claims sizes"),
        ("a.nrrd", LPS.replace("2 3 4", "-2 3 4"), "claims sizes"),
        ("a.nrrd", LPS.replace("2 3 4", "two 3 4"), "two"),
        ("a.nrrd", LPS.replace("short", "block"), "must be numbers"),
        ("a.nrrd", LPS.replace("raw", "bzip2"), "raw or gzip"),
        ("a.nrrd", LPS.replace("LPS", "scanner-xyz"), "space 'scanner-xyz'"),
        ("a.nrrd", LPS.replace("sizes", "size"), "header .* is missing"),
        ("a.nrrd", LPS.replace("(0,2,0)", "(1,1,0)"), "orthonormal|[Nn]on-orthogonal"),
        ("a.nrrd", LPS.replace("(0,2,0)", "(0,0,0)"), "spacing"),
        ("a.mha", META.replace("2 3 4", "2 3 400"), "claims sizes .* cut off"),
        ("a.mha", META.replace("2 3 4", "60000 60000 60000"), "claims sizes"),
        ("a.mha", META.replace("MET_SHORT", "MET_STRING"), "must be numbers"),
        ("a.mha", META.replace("DimSize", "Size"), "header .* is missing"),
        ("a.mha", "no header at all", "header .* is missing"),
        ("a.nrrd", "", "header .* is missing"),
    ],
)
def test_damaged_headers_are_refused_before_anything_is_read(
    tmp_path, name, text, words
):
    with pytest.raises(ItkError, match=rf"^{name} cannot be read .*({words})"):
        itk.read_itk(_write(tmp_path / name, text))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, share):
    for name, packed in itertools.product(("a.nrrd", "a.mha"), (True, False)):
        path = tmp_path / name
        sitk.WriteImage(_image(np.eye(3)), path, useCompression=packed)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ItkError, match="cannot be read"):
            itk.read_itk(path)


@pytest.mark.parametrize("name", ["../secret.raw", "/etc/passwd", "link.raw", "LIST"])
@pytest.mark.parametrize("kind", ["a.nhdr", "a.nrrd", "a.mhd", "a.mha"])
def test_data_files_outside_the_folder_are_refused(tmp_path, kind, name):
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(DATA)
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    if "n" in kind:
        text = LPS + f"data file: {name}\n"
    else:
        text = META.replace("LOCAL", name)
    with pytest.raises(ItkError, match="one data file beside it"):
        itk.read_itk(_write(folder / kind, text, b""))


def test_data_file_beside_is_read_and_its_size_counts(tmp_path):
    (tmp_path / "a.raw").write_bytes(DATA)
    path = _write(tmp_path / "a.mhd", META.replace("LOCAL", "a.raw"), b"")
    assert itk.read_itk(path).hu.max() == 23
    (tmp_path / "a.raw").write_bytes(DATA[:-2])
    with pytest.raises(ItkError, match="claims sizes"):
        itk.read_itk(path)


def test_vectors_and_other_dimensions_are_refused(tmp_path):
    vectors = sitk.GetImageFromArray(np.zeros((3, 4, 5, 2), np.int16), isVector=True)
    sitk.WriteImage(vectors, tmp_path / "vector.nrrd")
    with pytest.raises(ItkError, match="one value in each voxel, got 2"):
        itk.read_itk(tmp_path / "vector.nrrd")
    for shape in ((4, 5), (2, 3, 4, 5)):
        path = tmp_path / f"d{len(shape)}.mha"
        image = sitk.GetImageFromArray(np.zeros(shape, np.int16), isVector=False)
        sitk.WriteImage(image, path)
        with pytest.raises(ItkError, match="3-D volume is needed"):
            itk.read_itk(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ItkError, match=r"none\.mha"):
        itk.read_itk(tmp_path / "none.mha")


def test_writing_refuses_what_does_not_fit(tmp_path):
    volume = Volume(np.zeros((2, 3, 4)), (1, 1, 1))
    with pytest.raises(ItkError, match="volume's shape"):
        itk.write_itk(tmp_path / "a.mha", np.zeros((2, 3, 5)), volume)
    with pytest.raises(ItkError, match=r"a\.mhd"):
        itk.write_itk(tmp_path / "a.mhd", volume.hu, volume)
    with pytest.raises(ItkError, match="cannot be written"):
        itk.write_itk(tmp_path / "none" / "a.mha", volume.hu, volume)
    assert list(tmp_path.iterdir()) == []
