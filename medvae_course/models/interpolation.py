"""Linear interpolation of images and volumes."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from .losses import Tensor


def resized(maps: Tensor, shape: Sequence[int]) -> Tensor:
    """Interpolate maps linearly to another size, axis by axis; edges are repeated.

    Args:
        maps: (n, ..., channels) with one, two, three or more axes of size.
        shape: new size; where it is smaller nothing is smoothed before.

    Returns:
        float32 (n, ..., channels), of size `shape`.

    Example:
        >>> ramp = np.array([0.0, 1.0]).reshape(1, 2, 1)
        >>> ops.convert_to_numpy(resized(ramp, (4,))).ravel().tolist()
        [0.0, 0.25, 0.75, 1.0]

    Source: none; `keras.ops.image.resize` does the same in two dimensions.
    Taught in: chapter 14.
    """
    maps = ops.cast(maps, "float32")
    for axis, new in enumerate(shape, 1):
        old = maps.shape[axis]
        if old == new:
            continue
        # the centre of pixel i lies at i + 1/2
        place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        below = np.floor(place).astype("int32")
        above = np.minimum(below + 1, old - 1)
        along = [1] * len(maps.shape)
        along[axis] = new
        share = ops.convert_to_tensor((place - below).reshape(along), "float32")
        lower, upper = (ops.take(maps, index, axis=axis) for index in (below, above))
        maps = lower + share * (upper - lower)
    return maps
