"""Hounsfield units and what X-rays feel: linear attenuation, at one energy or several.

One effective energy turns HU into attenuation and back by a straight line. A real tube
sends many energies; the soft ones are filtered out on the way ("beam hardening"), so
that thick bodies seem to attenuate less per millimetre. Three energies show all of it.
"""

from types import MappingProxyType

import numpy as np
from scipy.interpolate import CubicSpline

EFFECTIVE_KEV = 70.0
"""Energy at which a monochromatic beam acts about as that of a 120 kV tube, keV."""

SPECTRUM = MappingProxyType({45.0: 0.25, 65.0: 0.45, 95.0: 0.30})
"""Energy in keV to its share of the photons: a coarse 120 kV beam, mean 69 keV."""

BONE_FROM_HU = 100.0
"""Below, tissue attenuates like water of another density; above, bone is mixed in."""

DENSITY_G_PER_CM3 = MappingProxyType({"water": 1.00, "bone": 1.92})
"""Densities that the tables of NIST give with the coefficients."""

_TABLE_KEV = (30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
_TABLE_CM2_PER_G = MappingProxyType(
    {
        "water": (0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505),
        "bone": (1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480),
    }
)
_WATER_GRID_MM = np.arange(-200.0, 2000.5, 0.5)


def attenuation_per_mm(material: str, energy_kev: float) -> float:
    """Look up the linear attenuation coefficient of water or cortical bone.

    Args:
        material: `"water"` or `"bone"` (cortical bone of ICRU report 44).
        energy_kev: photon energy, keV, 30 to 150.

    Returns:
        The coefficient, 1/mm.

    Raises:
        ValueError: if the material is unknown or the energy outside the table.

    Example:
        >>> round(attenuation_per_mm("water", 70.0), 5)  # XCOM: 0.1929 per cm
        0.01929

    Source: J. H. Hubbell and S. M. Seltzer, NISTIR 5632 (NIST X-ray mass attenuation
        coefficients, table 4), between its energies by a spline of the logarithms.
    Taught in: chapter 5.
    """
    if material not in _TABLE_CM2_PER_G:
        raise ValueError(f"`material` must be 'water' or 'bone', got {material!r}")
    if not _TABLE_KEV[0] <= energy_kev <= _TABLE_KEV[-1]:
        raise ValueError(
            f"`energy_kev` must lie from {_TABLE_KEV[0]:g} to {_TABLE_KEV[-1]:g},"
            f" got {energy_kev}"
        )
    spline = CubicSpline(np.log(_TABLE_KEV), np.log(_TABLE_CM2_PER_G[material]))
    per_cm = np.exp(spline(np.log(energy_kev))) * DENSITY_G_PER_CM3[material]
    return float(per_cm) / 10


MU_WATER_PER_MM = 0.01929
"""Linear attenuation of water at 70 keV, 1/mm: 0.1929 per cm in NIST's XCOM."""


def to_attenuation(hu: np.ndarray) -> np.ndarray:
    """Map HU to linear attenuation at the effective energy; below -1000 HU is nothing.

    Args:
        hu: array of any shape, HU.

    Returns:
        float32 array of the same shape, 1/mm, not negative.

    Example:
        >>> to_attenuation(np.array([-1000.0, 0.0]))
        array([0.     , 0.01929], dtype=float32)

    Source: the definition of the Hounsfield unit, with air taken as 0.
    Taught in: chapter 5.
    """
    mu = np.asarray(hu, dtype=np.float32) * np.float32(MU_WATER_PER_MM / 1000)
    return np.maximum(mu + np.float32(MU_WATER_PER_MM), 0)


def from_attenuation(mu_per_mm: np.ndarray) -> np.ndarray:
    """Map linear attenuation at the effective energy to HU: the inverse above -1000.

    Args:
        mu_per_mm: array of any shape, 1/mm.

    Returns:
        float32 array of the same shape, HU.

    Example:
        >>> from_attenuation(np.array([0.0, 0.01929]))
        array([-1000.,     0.], dtype=float32)

    Taught in: chapter 5.
    """
    mu = np.asarray(mu_per_mm, dtype=np.float32)
    return mu * np.float32(1000 / MU_WATER_PER_MM) - np.float32(1000)


def to_water_and_bone(hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split tissue into the two materials whose mixture has its HU at 70 keV.

    Up to `BONE_FROM_HU` all is water of the fitting density. Above, tissue of that
    value and cortical bone (about 1560 HU) share the voxel in proportion. Blood with
    contrast medium counts as a little bone: iodine hardens the beam much alike.

    Args:
        hu: array of any shape, HU.

    Returns:
        Two float32 arrays of the same shape: share of water and of cortical bone, by
        volume at the densities of `DENSITY_G_PER_CM3`, unitless, not negative.

    Example:
        >>> water, bone = to_water_and_bone(np.array([-1000.0, 0.0, 100.0]))
        >>> np.allclose(water, [0.0, 1.0, 1.1]), bone.tolist()
        (True, [0.0, 0.0, 0.0])

    Source: after P. M. Joseph and R. D. Spital, J. Comput. Assist. Tomogr. 2 (1978)
        100, who separate the two by a threshold.
    Taught in: chapter 5.
    """
    relative = 1 + np.asarray(hu, dtype=np.float32) / np.float32(1000)
    soft = np.float32(1 + BONE_FROM_HU / 1000)
    of_bone = attenuation_per_mm("bone", EFFECTIVE_KEV) / MU_WATER_PER_MM
    share = np.clip((relative - soft) / np.float32(of_bone - soft), 0, 1)
    water = np.where(share > 0, soft * (1 - share), np.maximum(relative, 0))
    dense = np.maximum(relative / np.float32(of_bone), 1)  # denser than cortical bone
    return water, share * dense


def polyenergetic(water_mm: np.ndarray, bone_mm: np.ndarray) -> np.ndarray:
    """Minus the logarithm of what passes water and bone, summed over the spectrum.

    Args:
        water_mm: length of the ray in water, any shape, mm.
        bone_mm: length of the ray in cortical bone, same shape, mm.

    Returns:
        Array of the same shape, unitless: a line integral that grows less and less.

    Example:
        >>> thin, thick = polyenergetic(np.array([1.0, 400.0]), np.zeros(2))
        >>> bool(thick < 400 * thin)
        True

    Source: Beer's law for each energy of `SPECTRUM`; detectors count photons.
    Taught in: chapter 5.
    """
    lines = [
        attenuation_per_mm("water", kev) * water_mm
        + attenuation_per_mm("bone", kev) * bone_mm
        for kev in SPECTRUM
    ]
    least = np.minimum.reduce(
        lines
    )  # taken out, so that thick metal does not underflow
    shares = zip(SPECTRUM.values(), lines, strict=True)
    return least - np.log(sum(share * np.exp(least - line) for share, line in shares))


def correct_for_water(readings: np.ndarray) -> np.ndarray:
    """Undo the hardening that water alone would cause, as every scanner does.

    Args:
        readings: polyenergetic line integrals, any shape, unitless.

    Returns:
        Array of the same shape and type: line integrals at the effective energy, right
        for a body of water, still too small behind bone.

    Example:
        >>> measured = polyenergetic(np.array([300.0]), np.zeros(1))
        >>> bool(abs(correct_for_water(measured) - 300 * MU_WATER_PER_MM)[0] < 1e-4)
        True

    Source: G. T. Herman, Phys. Med. Biol. 24 (1979) 81.
    Taught in: chapter 5.
    """
    measured = polyenergetic(_WATER_GRID_MM, np.zeros_like(_WATER_GRID_MM))
    ideal = MU_WATER_PER_MM * _WATER_GRID_MM
    return np.interp(readings, measured, ideal).astype(readings.dtype)
