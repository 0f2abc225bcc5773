"""What chapter 1 says in prose about files that it cannot read itself."""

import numpy as np
import pydicom
import pytest


def test_example_is_cut_from_the_published_slice_with_its_header_left(shared_ct):
    folder = shared_ct / "ct_transfer_syntaxes" / "cwil"
    whole, part = pydicom.dcmread(folder / "CT1_J2KR"), pydicom.examples.ct
    cut = whole.pixel_array[300:428, 192:320]
    np.testing.assert_array_equal(cut, part.pixel_array)
    assert part.ImagePositionPatient == whole.ImagePositionPatient
    assert part.PixelSpacing == whole.PixelSpacing
    moved_mm = np.array([192, 300]) * np.array(part.PixelSpacing, dtype=float)
    assert np.round(moved_mm).tolist() == [127, 198]


@pytest.mark.skipif(pydicom.__version__ != "3.0.2", reason="the box is about 3.0.2")
def test_pydicom_rescales_no_enhanced_file():
    values, frame, dataset = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    values.RescaleSlope, values.RescaleIntercept = 2, -1000
    frame.PixelValueTransformationSequence = [values]
    dataset.PerFrameFunctionalGroupsSequence = [frame]
    stored = np.ones((1, 2, 2), dtype=np.int16)
    result = pydicom.pixels.apply_rescale(stored, dataset)
    np.testing.assert_array_equal(result, stored)
