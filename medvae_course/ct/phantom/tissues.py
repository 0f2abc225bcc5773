"""Tissues of the phantom: their labels and their Hounsfield units, with sources."""

from dataclasses import dataclass
from types import MappingProxyType

LABELS = MappingProxyType(
    {
        0: "background",
        1: "body",  # skin, fat and every soft tissue without a label of its own
        2: "muscle",
        3: "bone",
        4: "spinal canal",
        5: "lungs",  # with the vessels in them, as clinical lung masks have it
        6: "heart",
        7: "aorta",
        8: "liver",
        9: "spleen",
        10: "kidneys",
        11: "stomach",
        12: "airways",
    }
)
"""Label value to name."""

LABEL = MappingProxyType({name: value for value, name in LABELS.items()})
"""Name to label value."""

SOURCES = MappingProxyType(
    {
        "Buzug": "T. M. Buzug, Computed Tomography, Springer 2008, p. 475",
        "Jang": "S. Jang et al., Radiology 291 (2019) 360: vertebrae by age",
        "Framingham": "Muscle reference values from thoracic and abdominal CT, the"
        " Framingham Heart Study, Invest. Radiol. 59 (2024) 259, table 2",
        "couch": "densities of carbon fibre and foam in Radiat. Oncol. 7 (2012) 190",
        "chosen": "no measurement behind it: a plausible value",
    }
)
"""Short name to the publication of a mean without contrast medium."""


@dataclass(frozen=True)
class Tissue:
    """HU of a tissue and how they vary.

    Args:
        mean_hu: mean over patients without contrast medium, HU.
        patient_sd_hu: standard deviation of a patient's mean, HU.
        texture_sd_hu: standard deviation within a patient, before noise, HU.
        arterial_hu: added by a full dose of contrast medium in the late arterial
            phase, HU.
        portal_hu: added in the portal venous phase, HU.
        range_hu: published band of the mean without contrast medium, HU.
        source: key into `SOURCES`.
    """

    mean_hu: float
    patient_sd_hu: float
    texture_sd_hu: float
    arterial_hu: float
    portal_hu: float
    range_hu: tuple[float, float]
    source: str


def _blood(arterial_hu: float, portal_hu: float) -> Tissue:
    return Tissue(46.0, 4.0, 2.0, arterial_hu, portal_hu, (45.0, 65.0), "Buzug")


TISSUE_HU = MappingProxyType(
    {
        "skin": Tissue(10.0, 5.0, 0.0, 5.0, 5.0, (-20.0, 60.0), "chosen"),
        "fat": Tissue(-98.0, 3.0, 9.0, 0.0, 0.0, (-100.0, -50.0), "Buzug"),
        "muscle": Tissue(40.0, 5.0, 9.0, 6.0, 12.0, (23.0, 43.0), "Framingham"),
        "blood": _blood(260.0, 110.0),
        "heart": Tissue(46.0, 3.0, 4.0, 50.0, 60.0, (30.0, 65.0), "chosen"),
        "lung": Tissue(-860.0, 18.0, 22.0, 4.0, 4.0, (-910.0, -850.0), "Buzug"),
        "liver": Tissue(55.0, 5.0, 6.0, 14.0, 56.0, (45.0, 65.0), "Buzug"),
        "spleen": Tissue(48.0, 4.0, 5.0, 75.0, 66.0, (35.0, 55.0), "Buzug"),
        "kidney": Tissue(33.0, 3.0, 5.0, 135.0, 130.0, (20.0, 40.0), "Buzug"),
        "marrow": Tissue(170.0, 38.0, 40.0, 8.0, 8.0, (89.0, 226.0), "Jang"),
        "cortex": Tissue(850.0, 60.0, 0.0, 0.0, 0.0, (700.0, 3000.0), "Buzug"),
        "cartilage": Tissue(95.0, 12.0, 15.0, 0.0, 0.0, (60.0, 130.0), "chosen"),
        "canal": Tissue(20.0, 4.0, 4.0, 4.0, 4.0, (10.0, 50.0), "chosen"),
        "gut wall": Tissue(42.0, 4.0, 4.0, 45.0, 40.0, (30.0, 60.0), "chosen"),
        "stomach content": Tissue(18.0, 14.0, 8.0, 0.0, 0.0, (0.0, 60.0), "chosen"),
        "gland": Tissue(20.0, 10.0, 25.0, 5.0, 8.0, (0.0, 60.0), "chosen"),
        "bowel content": Tissue(20.0, 10.0, 12.0, 0.0, 0.0, (0.0, 60.0), "chosen"),
        "pancreas": Tissue(40.0, 4.0, 10.0, 65.0, 55.0, (30.0, 60.0), "chosen"),
        "bile": Tissue(9.0, 5.0, 2.0, 0.0, 0.0, (0.0, 20.0), "chosen"),
        "couch shell": Tissue(-450.0, 0.0, 0.0, 0.0, 0.0, (-460.0, -440.0), "couch"),
        "couch core": Tissue(-970.0, 0.0, 0.0, 0.0, 0.0, (-975.0, -965.0), "couch"),
        "air": Tissue(-1000.0, 0.0, 0.0, 0.0, 0.0, (-1000.0, -1000.0), "Buzug"),
        "venous blood": _blood(70.0, 100.0),
        "pulmonary blood": _blood(180.0, 105.0),
        "portal blood": _blood(90.0, 120.0),
        "hepatic blood": _blood(5.0, 115.0),
        "medulla": Tissue(32.0, 2.0, 5.0, 40.0, 95.0, (20.0, 40.0), "Buzug"),
        "urine": Tissue(8.0, 4.0, 2.0, 0.0, 0.0, (0.0, 20.0), "chosen"),
        "cord": Tissue(38.0, 3.0, 3.0, 4.0, 4.0, (20.0, 45.0), "chosen"),
        "nodule": Tissue(35.0, 10.0, 10.0, 25.0, 35.0, (0.0, 80.0), "chosen"),
        "ground glass": Tissue(
            -610.0, 40.0, 35.0, 5.0, 5.0, (-800.0, -300.0), "chosen"
        ),
        "liver lesion": Tissue(32.0, 6.0, 6.0, 8.0, 25.0, (10.0, 45.0), "chosen"),
        "sclerotic bone": Tissue(654.0, 90.0, 60.0, 0.0, 0.0, (478.0, 830.0), "chosen"),
        "lytic bone": Tissue(50.0, 12.0, 10.0, 10.0, 20.0, (20.0, 80.0), "chosen"),
    }
)
"""Tissue to its Hounsfield units.

Liver, spleen and muscle lie so close that HU alone cannot tell them apart, as in
patients: D. A. Kreul et al., In Vivo 35 (2021) 3277.
"""
