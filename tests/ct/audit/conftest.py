"""Clean sets of phantoms; made once."""

import pytest

from .planted import copy_set, make_patients, write_clean


@pytest.fixture(scope="session")
def audit_patients():
    return make_patients()


@pytest.fixture(scope="session")
def clean_dicom(audit_patients, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean") / "dicom"
    return write_clean(folder, audit_patients, as_dicom=True)


@pytest.fixture(scope="session")
def clean_nifti(audit_patients, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean") / "nifti"
    return write_clean(folder, audit_patients, as_dicom=False)


@pytest.fixture
def dicom_set(clean_dicom, tmp_path):
    """A clean set of one's own."""
    return copy_set(clean_dicom, tmp_path / "dicom")


@pytest.fixture
def nifti_set(clean_nifti, tmp_path):
    """A clean set of one's own."""
    return copy_set(clean_nifti, tmp_path / "nifti")
