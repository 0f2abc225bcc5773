"""A CT scanner in physical steps: attenuation, projection, photons, reconstruction.

A body in HU becomes attenuation, which parallel rays add up under some two hundred
angles; photons are counted, which makes noise; filtered back-projection makes HU again.
So noise is correlated, streaks lie between bones at low dose, and the image without
noise is known.
"""

from .acquisition import STANDARD, Protocol, Sinogram, acquire
from .kernels import KERNELS, Kernel
from .noise import noise_power_spectrum
from .reconstruction import reconstruct, scan, scan_doses

__all__ = [
    "KERNELS",
    "STANDARD",
    "Kernel",
    "Protocol",
    "Sinogram",
    "acquire",
    "noise_power_spectrum",
    "reconstruct",
    "scan",
    "scan_doses",
]
