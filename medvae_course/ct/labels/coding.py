"""Names of structures to SNOMED CT codes and colours, for DICOM SEG and RTSTRUCT."""

from __future__ import annotations

import colorsys
import re

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

_STRUCTURE = codes.SCT.AnatomicalStructure
_TISSUE = codes.SCT.Tissue
_ABNORMAL = codes.SCT.MorphologicallyAbnormalStructure

_KNOWN = {
    _STRUCTURE: {
        "adrenal gland": codes.SCT.AdrenalGland,
        "airway": codes.SCT.AirwayStructure,
        "aorta": codes.SCT.Aorta,
        "body": codes.SCT.EntireBody,
        "brain": codes.SCT.Brain,
        "brainstem": codes.SCT.BrainStem,
        "colon": codes.SCT.Colon,
        "duodenum": codes.SCT.Duodenum,
        "esophagus": codes.SCT.Esophagus,
        "gallbladder": codes.SCT.Gallbladder,
        "heart": codes.SCT.Heart,
        "inferior vena cava": codes.SCT.InferiorVenaCava,
        "kidney": codes.SCT.Kidney,
        "larynx": codes.SCT.Larynx,
        "liver": codes.SCT.Liver,
        "lung": codes.SCT.Lung,
        "mandible": codes.SCT.Mandible,
        "pancreas": codes.SCT.Pancreas,
        "parotid": codes.SCT.ParotidGland,
        "prostate": codes.SCT.Prostate,
        "rib": codes.SCT.Rib,
        "skin": codes.SCT.Skin,
        "spinal canal": codes.SCT.VertebralCanal,
        "spinal cord": codes.SCT.SpinalCord,
        "spleen": codes.SCT.Spleen,
        "stomach": codes.SCT.Stomach,
        "thyroid": codes.SCT.Thyroid,
        "trachea": codes.SCT.Trachea,
        "vertebra": codes.SCT.Vertebra,
    },
    _TISSUE: {
        "bone": codes.SCT.Bone,
        "fat": codes.SCT.Fat,
        "muscle": codes.SCT.Muscle,
    },
    _ABNORMAL: {
        "lesion": codes.SCT.Lesion,
        "mass": codes.SCT.Mass,
        "metastasis": codes.SCT.Metastasis,
        "nodule": codes.SCT.Nodule,
        "tumour": codes.SCT.Neoplasm,
    },
}
_SAME = {
    "brain stem": "brainstem",
    "external": "body",
    "gall bladder": "gallbladder",
    "metastases": "metastasis",
    "oesophagus": "esophagus",
    "parotid gland": "parotid",
    "tumor": "tumour",
    "vertebrae": "vertebra",
}
_SIDES = {
    "left": codes.SCT.Left,
    "right": codes.SCT.Right,
}


def find_code(name: str) -> tuple[Code, Code, Code | None]:
    """Return category, type and side of a structure as SNOMED CT codes.

    Args:
        name: such as `"liver"`, `"Lungs"`, `"kidney_right"`, `"LeftParotid"`. A word
            for what is diseased counts more than the organ: `"liver lesion"`.

    Returns:
        Category, type, and left or right, or None. What is not in the table is
        "Tissue", with the name in the segment's label: never a wrong organ.

    Example:
        >>> [code and code.meaning for code in find_code("kidney_right")]
        ['Anatomical Structure', 'Kidney', 'Right']
        >>> [code and code.meaning for code in find_code("PTV70")]
        ['Tissue', 'Tissue', None]

    Source: DICOM PS3.16 CID 7150 (categories), CID 7151 (types), CID 244 (sides), with
        bone, muscle, fat, metastasis and the vertebral canal from SNOMED CT beside.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[a-z]+", spaced.lower())
    side = next((_SIDES[word] for word in words if word in _SIDES), None)
    words = [word for word in words if word not in _SIDES]
    whole = _entry(" ".join(words))
    diseased = [
        found for word in words if (found := _entry(word)) and found[0] == _ABNORMAL
    ]
    category, kind = whole or next(iter(diseased), (_TISSUE, _TISSUE))
    return category, kind, side


def _entry(phrase: str) -> tuple[Code, Code] | None:
    for spelling in (phrase, phrase.removesuffix("s")):
        known = _SAME.get(spelling, spelling)
        for category, kinds in _KNOWN.items():
            if known in kinds:
                return category, kinds[known]
    return None


def colour(index: int) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, that differ much from index to index."""
    hue = index * 0.618034 % 1  # the golden ratio: no two come close for long
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)
