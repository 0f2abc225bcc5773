"""What a virtual patient is drawn from: sizes, positions, tissues, phase, lesions."""

from types import MappingProxyType

import numpy as np

from . import tissues

_MAX_SD = 2.2  # no factor further than this from its mean, in standard deviations

FACTORS = MappingProxyType(
    {
        "chest_half_width_mm": (129.0, 4.0),
        "chest_half_depth_mm": (92.0, 3.0),
        "fat_mm": (16.0, 3.0),
        "belly_mm": (11.0, 3.0),
        "apex_mm": (168.0, 6.0),
        "breath_mm": (0.0, 7.0),
        "spine_bend_mm": (0.0, 3.0),
        "kyphosis_mm": (8.0, 2.5),
        "rib_pitch_mm": (28.0, 1.2),
        "heart_scale": (1.0, 0.06),
        "heart_shift_mm": (0.0, 4.0),
        "heart_turn_deg": (0.0, 6.0),
        "aorta_radius_mm": (12.5, 1.3),
        "trachea_radius_mm": (8.5, 0.8),
        "liver_scale": (1.0, 0.08),
        "spleen_scale": (1.0, 0.12),
        "kidney_scale": (1.0, 0.08),
        "stomach_scale": (1.0, 0.10),
        "shift_mm": (0.0, 1.8),
        "couch_mm": (0.0, 2.0),
        "roll_deg": (0.0, 0.8),
        "scan_mm": (0.0, 8.0),
        "muscle_scale": (1.0, 0.10),
        "muscle_fat_share": (0.15, 0.05),
        "heart_fat_mm": (5.0, 1.3),
        "colon_scale": (1.0, 0.10),
    }
)
"""Factor to its mean and standard deviation over patients, units in the names."""

PHASES = MappingProxyType({0: "none", 1: "arterial", 2: "portal venous"})
"""Value of the factor `contrast_phase` to its name."""

_LATE = ("muscle_scale", "muscle_fat_share", "heart_fat_mm", "colon_scale")
_SAME_BLOOD = ("venous blood", "pulmonary blood", "portal blood", "hepatic blood")


def draw_factors(seed: int) -> dict[str, float]:
    """Draw the sizes, positions and tissues of a patient.

    Args:
        seed: any int from 0.

    Returns:
        Factor to value: those of `FACTORS`; `female` (0 or 1) and what follows from
        it; `arms_down` (0 or 1); `contrast_phase` (see `PHASES`) and `contrast` (0:
        none, 1: full dose); 1 or 0 for organs that may be absent; what lesions there
        are, as diameters (see `LESIONS`); `<tissue>_hu` for every tissue of
        `tissues.TISSUE_HU`.

    Example:
        >>> draw_factors(0) == draw_factors(0)
        True

    Taught in: chapter 10.
    """
    rng = np.random.default_rng([seed, 1])
    late = np.random.default_rng([seed, 11])
    factors = {
        name: _normal(late if name in _LATE else rng, *moments)
        for name, moments in FACTORS.items()
    }
    female = float(rng.random() < 0.5)
    factors["female"] = female
    factors["chest_half_width_mm"] -= 4 * female
    factors["muscle_scale"] -= 0.12 * female
    factors["breast_mm"] = female * float(rng.uniform(10, 22))
    factors["gland_share"] = float(rng.uniform(0.1, 0.8))
    factors["belly_mm"] = max(0.0, factors["belly_mm"])
    factors["muscle_fat_share"] = max(0.03, factors["muscle_fat_share"])
    factors["rib_phase_mm"] = float(rng.uniform(0, factors["rib_pitch_mm"]))
    factors["stomach_gas"] = float(rng.uniform(0, 0.7))
    factors["gall_bladder"] = float(rng.random() < 0.85)
    factors["bowel_loops"] = float(rng.integers(16, 28))
    factors["contrast"] = float(rng.uniform(0.5, 1)) * float(rng.random() < 0.5)
    _draw_presence(factors, late)
    _draw_tissues(factors, rng)
    return factors | draw_lesions(seed)


def _normal(rng: np.random.Generator, mean: float, sd: float) -> float:
    return float(mean + sd * np.clip(rng.standard_normal(), -_MAX_SD, _MAX_SD))


def _draw_presence(factors: dict[str, float], rng: np.random.Generator) -> None:
    """Arms, phase, what fills the gut, and organs that some patients lack."""
    factors["arms_down"] = float(rng.random() < 0.15)
    factors["arm_radius_mm"] = _normal(rng, 38.0 - 4 * factors["female"], 3.0)
    arterial = float(rng.random() < 0.35)
    factors["contrast_phase"] = (2.0 - arterial) * float(factors["contrast"] > 0)
    factors["stomach_crumbs"] = float(rng.random())
    factors["colon_gas"] = float(rng.uniform(0, 1))
    factors["colon_bubbles"] = float(rng.uniform(0.4, 1))
    factors["spleen"] = float(rng.random() > 0.05)
    side = rng.random()  # who lacks a kidney lacks one only
    factors["kidney_right"] = float(side > 0.04)
    factors["kidney_left"] = float(side < 0.96)


def _draw_tissues(factors: dict[str, float], rng: np.random.Generator) -> None:
    """HU of each tissue in this patient, contrast medium included."""
    draws = {}
    for name, tissue in tissues.TISSUE_HU.items():
        draws[name] = _normal(rng, 0.0, tissue.patient_sd_hu)
        own = draws["blood" if name in _SAME_BLOOD else name]
        phase = PHASES[int(factors["contrast_phase"])]
        gain = {"none": 0.0, "arterial": tissue.arterial_hu}.get(
            phase, tissue.portal_hu
        )
        factors[f"{name}_hu"] = tissue.mean_hu + own + factors["contrast"] * gain
    factors["lung_hu"] -= 1.5 * factors["breath_mm"]  # deeper breath, emptier lung


def draw_lesions(seed: int) -> dict[str, float]:
    """Draw which lesions a patient has and how large they are.

    Args:
        seed: any int from 0.

    Returns:
        Diameters in mm, 0 for no lesion, their number, and whether the vertebra's is
        sclerotic (1) or lytic (0).

    Example:
        >>> draw_lesions(5)["nodule_mm"]
        0.0
    """
    rng = np.random.default_rng([seed, 9])

    def maybe(share: float, low_mm: float, high_mm: float) -> float:
        size = float(rng.uniform(low_mm, high_mm))
        return size * float(rng.random() < share)

    return {
        "nodule_mm": maybe(0.20, 8.0, 24.0),
        "ground_glass_mm": maybe(0.15, 12.0, 28.0),
        "liver_lesion_mm": (largest := maybe(0.20, 14.0, 40.0)),
        "liver_lesions": float(rng.integers(1, 6)) * float(largest > 0),
        "vertebral_lesion_mm": maybe(0.15, 14.0, 24.0),
        "vertebral_sclerotic": float(rng.random() < 0.5),
    }
