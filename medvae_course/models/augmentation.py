"""Small random changes of images, the same for their labels: more out of few patients.

What a patient might as well have looked like: a bit moved, larger, turned, brighter.
A CT is never mirrored here: the liver stays on its side.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from .losses import Tensor


@dataclass(frozen=True)
class Augmentation:
    """Draws changes and applies them to images and labels alike.

    Args:
        shift: largest move along each axis, share of the image's side.
        scale: largest growth or shrinkage, as the logarithm of the factor.
        rotation: largest turn, degrees.
        brightness: standard deviation of a number added to each image, model units;
            one unit is the width of the window in HU.
        noise: standard deviation of what is added to each pixel, model units.

    Raises:
        ValueError: if one of them is negative.

    Example:
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")
        >>> nothing = Augmentation(0, 0, 0, 0, 0)
        >>> seeds = keras.random.SeedGenerator(0)
        >>> x, y = nothing(images, images[..., 0] > 0.5, seeds)
        >>> bool(np.allclose(x, images)), bool(np.all(y == (images[..., 0] > 0.5)))
        (True, True)

    Source: Isensee et al., nnU-Net, Nature Methods 18 (2021) 203-211, supplement; here
        without mirrors and with smaller changes.
    Taught in: chapter 15.
    """

    shift: float = 0.08
    scale: float = 0.15
    rotation: float = 10.0
    brightness: float = 0.02
    noise: float = 0.01

    def __post_init__(self):
        for name, value in vars(self).items():
            if not value >= 0:
                raise ValueError(f"`{name}` must not be negative, got {value}")

    def __call__(
        self, images: Tensor, labels: Tensor, seeds: keras.random.SeedGenerator
    ) -> tuple[Any, Any]:
        """Return changed images and labels, tensors of the backend.

        Args:
            images: (batch, height, width, channels), model units.
            labels: (batch, height, width), whole numbers; nearest pixels are taken.
            seeds: where the draws come from; the next call gives others.

        Returns:
            float32 images and int32 labels, of the same shapes. What comes from beyond
            the image is the nearest pixel of its edge.
        """
        images = ops.cast(images, "float32")
        labels = ops.cast(labels, "float32")[..., None]
        transform = self._draw(*images.shape[:3], seeds)
        options = {"fill_mode": "nearest", "data_format": "channels_last"}
        # a copy: Keras 3.15 on PyTorch overwrites the transform that it is given
        moved = ops.image.affine_transform(
            images, ops.copy(transform), interpolation="bilinear", **options
        )
        shown = ops.image.affine_transform(
            labels, transform, interpolation="nearest", **options
        )
        one_each = (images.shape[0], 1, 1, 1)
        moved += keras.random.normal(one_each, stddev=self.brightness, seed=seeds)
        moved += keras.random.normal(ops.shape(moved), stddev=self.noise, seed=seeds)
        return moved, ops.cast(ops.round(shown[..., 0]), "int32")

    def _draw(self, n, height, width, seeds):
        """Draw n maps from output to input pixels: 8 numbers each, as Keras has them.

        x' = a0 x + a1 y + a2 and y' = b0 x + b1 y + b2, about the image's centre.
        """
        uniform = keras.random.uniform((4, n), -1.0, 1.0, seed=seeds)
        angle = uniform[0] * float(np.deg2rad(self.rotation))
        factor = ops.exp(uniform[1] * self.scale)
        cos, sin = ops.cos(angle) * factor, ops.sin(angle) * factor
        x0, y0 = (width - 1) / 2, (height - 1) / 2
        to_x, to_y = uniform[2] * self.shift * width, uniform[3] * self.shift * height
        a2 = x0 - cos * x0 + sin * y0 + to_x
        b2 = y0 - sin * x0 - cos * y0 + to_y
        zero = ops.zeros_like(cos)
        return ops.stack([cos, -sin, a2, sin, cos, b2, zero, zero], axis=-1)
