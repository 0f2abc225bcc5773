"""Virtual patients: thorax and upper abdomen in HU, with labels and known factors.

Nothing here was measured on anyone. Organs are uneven shapes in millimetres, bent by a
smooth random deformation and painted with partial volume; a scanner then images them.
Some patients have lesions, each with its mask. The same seed gives the same anatomy at
any resolution, the finest vessels excepted.
"""

from .cohort import make_patients
from .factors import FACTORS, PHASES, draw_factors
from .lesions import LESIONS, NO_LESIONS
from .patient import SHAPE, SPACING_MM, Phantom, make_patient
from .presets import PRESETS, Preset
from .tissues import ENHANCEMENT, LABEL, LABELS, SOURCES, TISSUE_HU

__all__ = [
    "ENHANCEMENT",
    "FACTORS",
    "LABEL",
    "LABELS",
    "LESIONS",
    "NO_LESIONS",
    "PHASES",
    "PRESETS",
    "SHAPE",
    "SOURCES",
    "SPACING_MM",
    "TISSUE_HU",
    "Phantom",
    "Preset",
    "draw_factors",
    "make_patient",
    "make_patients",
]
