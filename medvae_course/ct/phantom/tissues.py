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
        "ICRU": "computed from composition and density of the tissue (H. Q. Woodard and"
        " D. R. White, Br. J. Radiol. 59 (1986) 1209; ICRU Report 46) with the"
        " attenuation relative to water of U. Schneider et al., Phys. Med. Biol. 41"
        " (1996) 111",
        "bile": "CT evaluation of intracholecystic bile: from 25 HU on it is abnormal",
        "Swensen": "S. J. Swensen et al., Radiology 214 (2000) 73: solid nodules are of"
        " soft tissue",
        "GGN": "J. H. Lee et al., PLoS ONE 13 (2018) e0205490: what is solid in a"
        " ground-glass nodule begins at -400 HU",
        "Ulano": "A. Ulano et al., AJR 207 (2016) 362: osteoblastic metastases,"
        " 654 +- 176 HU",
        "lytic": "Radiopaedia, Lytic bone metastases: soft tissue from -30 HU on",
    }
)
"""Short name to the publication of a mean without contrast medium."""

ENHANCEMENT = MappingProxyType(
    {
        "blood": "Radiopaedia, Late arterial phase: aorta 290 to 360 HU, portal vein"
        " 145 +- 20 HU",
        "liver": "K. Naruo et al., Radiation Medicine 25 (2007) 106: portal 56 +- 14;"
        " Multi-detector row CT: effect of iodine dose reduction on hepatic and"
        " vascular enhancement: arterial 16 to 25, aorta 222",
        "kidney": "Scan delays of renal arterial, corticomedullary and nephrographic"
        " phases by bolus tracking, PubMed 17367973: cortex 195 to 217, medulla 145",
        "pancreas": "Bolus tracking and fixed delay for the pancreas, 526 patients,"
        " synapse.koreamed.org 1004370: 116 HU in the pancreatic phase",
        "heart": "Normal perfusion of the left ventricular myocardium, J. Cardiovasc."
        " Comput. Tomogr. 5 (2011) 406: 79 to 104 HU in the arterial phase",
        "muscle": "J. L. A. van Vugt et al., Contrast-enhancement influences skeletal"
        " muscle density: 30.9, arterial 38.0, portal venous 38.7 HU",
        "nodule": "S. J. Swensen et al., Radiology 214 (2000) 73: malignant nodules"
        " gain 38 HU",
    }
)
"""Tissue to the publication of what contrast medium adds; the others are chosen."""


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
        "skin": Tissue(70.0, 5.0, 0.0, 5.0, 5.0, (60.0, 90.0), "ICRU"),
        "fat": Tissue(-98.0, 3.0, 9.0, 0.0, 0.0, (-100.0, -50.0), "Buzug"),
        "muscle": Tissue(40.0, 5.0, 9.0, 7.0, 8.0, (23.0, 43.0), "Framingham"),
        "blood": _blood(250.0, 110.0),
        "heart": Tissue(44.0, 3.0, 4.0, 50.0, 60.0, (35.0, 55.0), "ICRU"),
        "lung": Tissue(-860.0, 18.0, 22.0, 4.0, 4.0, (-910.0, -850.0), "Buzug"),
        "liver": Tissue(55.0, 5.0, 6.0, 20.0, 56.0, (45.0, 65.0), "Buzug"),
        "spleen": Tissue(48.0, 4.0, 5.0, 75.0, 66.0, (35.0, 55.0), "Buzug"),
        "kidney": Tissue(33.0, 3.0, 5.0, 190.0, 160.0, (20.0, 40.0), "Buzug"),
        "marrow": Tissue(170.0, 38.0, 40.0, 8.0, 8.0, (89.0, 226.0), "Jang"),
        "cortex": Tissue(850.0, 60.0, 0.0, 0.0, 0.0, (700.0, 3000.0), "Buzug"),
        "cartilage": Tissue(100.0, 12.0, 15.0, 0.0, 0.0, (80.0, 120.0), "ICRU"),
        "canal": Tissue(16.0, 4.0, 4.0, 4.0, 4.0, (0.0, 30.0), "ICRU"),
        "gut wall": Tissue(32.0, 4.0, 4.0, 45.0, 40.0, (20.0, 45.0), "ICRU"),
        "stomach content": Tissue(18.0, 10.0, 8.0, 0.0, 0.0, (0.0, 45.0), "ICRU"),
        "gland": Tissue(20.0, 10.0, 25.0, 5.0, 8.0, (0.0, 45.0), "ICRU"),
        "bowel content": Tissue(20.0, 10.0, 12.0, 0.0, 0.0, (0.0, 45.0), "ICRU"),
        "pancreas": Tissue(36.0, 4.0, 10.0, 75.0, 55.0, (25.0, 45.0), "ICRU"),
        "bile": Tissue(9.0, 5.0, 2.0, 0.0, 0.0, (0.0, 25.0), "bile"),
        "couch shell": Tissue(-450.0, 0.0, 0.0, 0.0, 0.0, (-460.0, -440.0), "couch"),
        "couch core": Tissue(-970.0, 0.0, 0.0, 0.0, 0.0, (-975.0, -965.0), "couch"),
        "air": Tissue(-1000.0, 0.0, 0.0, 0.0, 0.0, (-1000.0, -1000.0), "Buzug"),
        "venous blood": _blood(70.0, 100.0),
        "pulmonary blood": _blood(180.0, 105.0),
        "portal blood": _blood(97.0, 120.0),
        "hepatic blood": _blood(5.0, 115.0),
        "medulla": Tissue(32.0, 2.0, 5.0, 75.0, 140.0, (20.0, 40.0), "Buzug"),
        "urine": Tissue(12.0, 4.0, 2.0, 0.0, 0.0, (0.0, 30.0), "ICRU"),
        "cord": Tissue(37.0, 3.0, 3.0, 4.0, 4.0, (25.0, 45.0), "ICRU"),
        "nodule": Tissue(36.0, 8.0, 10.0, 20.0, 38.0, (0.0, 60.0), "Swensen"),
        "ground glass": Tissue(-610.0, 40.0, 35.0, 5.0, 5.0, (-800.0, -400.0), "GGN"),
        "liver lesion": Tissue(30.0, 5.0, 6.0, 8.0, 25.0, (10.0, 45.0), "ICRU"),
        "sclerotic bone": Tissue(654.0, 90.0, 60.0, 0.0, 0.0, (478.0, 830.0), "Ulano"),
        "lytic bone": Tissue(45.0, 12.0, 10.0, 10.0, 20.0, (-30.0, 80.0), "lytic"),
    }
)
"""Tissue to its Hounsfield units.

Liver, spleen and muscle lie so close that HU alone cannot tell them apart, as in
patients: D. A. Kreul et al., In Vivo 35 (2021) 3277.
"""
