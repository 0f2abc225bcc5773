"""Seeds and presets."""

import os
from dataclasses import dataclass
from types import MappingProxyType

import keras


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and the backend, which draws the initial weights.

    The environment variable `MEDVAE_SEED`, a number, is added to the seed: so whole
    notebooks are repeated with other initial weights, without a change of their text.

    Args:
        seed: an int from 0 to 2**32 - 1.

    Raises:
        ValueError: if `MEDVAE_SEED` is not a whole number from 0.

    Example:
        >>> set_seed(0)

    Source: Keras, `keras.utils.set_random_seed`.
    Taught in: chapter 3.
    """
    shift = os.environ.get("MEDVAE_SEED") or "0"
    if not shift.isdecimal():
        raise ValueError(
            "the environment variable MEDVAE_SEED must be a whole number from 0, got "
            f"{shift!r}: it is added to every seed; leave it out to add nothing"
        )
    keras.utils.set_random_seed(seed + int(shift))


@dataclass(frozen=True)
class Preset:
    """How large and how long a chapter trains.

    Attributes:
        name: one of `PRESETS`.
        image_size: height and width of the images, pixels.
        patients: number of synthetic patients.
        longer: what the epochs of a chapter are multiplied by.
        dtype_policy: for `keras.config.set_dtype_policy`.
    """

    name: str
    image_size: int
    patients: int
    longer: int
    dtype_policy: str


PRESETS = MappingProxyType(
    {
        "cpu": Preset("cpu", 64, 40, 1, "float32"),
        "gpu": Preset("gpu", 256, 200, 3, "mixed_bfloat16"),
        "gpu-small": Preset("gpu-small", 64, 40, 1, "mixed_bfloat16"),
    }
)
"""`cpu` fits two cores and a chapter of at most 150 s; `gpu` is for a GPU;
`gpu-small` computes as `gpu` does with as much as `cpu`, for a machine without one."""


def preset(name: str | None = None) -> Preset:
    """Return a preset by name, or the one that the environment asks for.

    Args:
        name: one of `PRESETS`; None reads the environment variable
            `MEDVAE_PRESET`, and takes `"cpu"` where that is not set.

    Returns:
        The preset.

    Raises:
        ValueError: if there is no preset of that name.

    Example:
        >>> preset("cpu").image_size
        64

    Taught in: chapter 3.
    """
    origin = "`name`" if name else "the environment variable MEDVAE_PRESET"
    name = name or os.environ.get("MEDVAE_PRESET") or "cpu"
    if name not in PRESETS:
        raise ValueError(
            f"{origin} must be one of {', '.join(PRESETS)}, got {name!r}: set it to "
            "one of these, or leave it out for cpu"
        )
    return PRESETS[name]
