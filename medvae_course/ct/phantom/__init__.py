"""Virtual patients: thorax and upper abdomen in HU, with labels and known factors.

Nothing here was measured on anyone. Organs are smooth shapes in millimetres, bent by a
smooth random deformation and painted with partial volume; a scanner then adds blur and
noise. The same seed gives the same anatomy at any resolution, the finest vessels
excepted.
"""

from .patient import FACTORS, SHAPE, SPACING_MM, Phantom, draw_factors, make_patient
from .tissues import LABEL, LABELS, SOURCES, TISSUE_HU

__all__ = [
    "FACTORS",
    "LABEL",
    "LABELS",
    "SHAPE",
    "SOURCES",
    "SPACING_MM",
    "TISSUE_HU",
    "Phantom",
    "draw_factors",
    "make_patient",
]
