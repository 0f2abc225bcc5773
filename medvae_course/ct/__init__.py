"""From scanner to arrays: Hounsfield units, volumes, DICOM, phantoms, data sets."""
