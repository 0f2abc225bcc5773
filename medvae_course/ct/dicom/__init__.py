"""Folders of DICOM files to CT volumes, and volumes to DICOM.

Example:
    >>> import tempfile
    >>> import numpy as np
    >>> from medvae_course.ct.volume import Volume
    >>> volume = Volume(np.zeros((3, 4, 4)), spacing_mm=(5.0, 1.0, 1.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_series(volume, folder + "/ct", patient_id="demo")
    ...     (series,) = find_series(folder)
    ...     back = read_series(series)
    >>> series.patient_id, series.n_slices, back.spacing_mm
    ('demo', 3, (5.0, 1.0, 1.0))
"""

from .reading import read_image, read_series
from .series import Series, find_series
from .slices import DicomError
from .write import write_series

__all__ = [
    "DicomError",
    "Series",
    "find_series",
    "read_image",
    "read_series",
    "write_series",
]
