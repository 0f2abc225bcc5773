"""Labels that belong to a CT: RTSTRUCT, DICOM SEG and label volumes, in and out.

Everything is placed on the grid of the CT by geometry, as masks with names
(`Structures`, which may overlap) or as one array (`LabelMap`).

Example:
    >>> import tempfile
    >>> import numpy as np
    >>> from medvae_course.ct import dicom
    >>> from medvae_course.ct.volume import Volume
    >>> volume = Volume(np.zeros((3, 8, 8)), spacing_mm=(5.0, 1.0, 1.0))
    >>> mask = np.zeros(volume.shape, dtype=bool)
    >>> mask[1, 2:6, 2:6] = True
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = dicom.write_series(volume, folder + "/ct", patient_id="demo")
    ...     (series,) = dicom.find_series(folder)
    ...     drawn = Structures({"liver": mask}, volume)
    ...     file = write_rtstruct(drawn, series, folder + "/structures.dcm")
    ...     back = read_rtstruct(file, volume, series=series)
    >>> bool((back.masks["liver"] == mask).all())
    True
"""

from .files import read_labels, read_structures, write_labels
from .names import read_names, write_names
from .rtstruct import read_rtstruct
from .segmentation import read_fractions, read_segmentation
from .structures import LabelError, LabelMap, Structures
from .to_rtstruct import write_rtstruct
from .to_seg import write_segmentation

__all__ = [
    "LabelError",
    "LabelMap",
    "Structures",
    "read_fractions",
    "read_labels",
    "read_names",
    "read_rtstruct",
    "read_segmentation",
    "read_structures",
    "write_labels",
    "write_names",
    "write_rtstruct",
    "write_segmentation",
]
