"""Features of images that are larger than a network's input, tile by tile."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

Place = tuple[slice, ...]
"""Where a piece lies in the image: one slice for each axis but the channels."""


def tiled_features(
    describe: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    *,
    tile: Sequence[int],
    margin: int,
) -> Iterator[tuple[Place, np.ndarray]]:
    """Describe an image or volume of any size, one tile at a time.

    Tiles overlap by twice the margin, and of each only the inside is kept: within
    `margin` pixels of a cut the network saw the padding instead of the neighbours. At
    the border of the image, where there are none, all is kept. Never more than one
    tile is held in memory, so that a volume may be described from a memory-mapped
    file and each piece be classified before the next one comes::

        for place, features in tiled_features(describe, volume, tile=..., margin=...):
            labels[place] = classify(features)

    The kept features are those of the whole image if the network is fully
    convolutional, the margin at least the radius of what a pixel's features see, and
    tiles start where the strides of the network fall anyway: `tile`, `margin` and the
    size of the image are multiples of its total stride, for instance 8.

    Args:
        describe: function from (1, ..., channels) to (1, ..., features), such as
            one that calls `pixel_features` with its statistics; without position,
            which would be that inside the tile.
        image: (height, width, channels) or (depth, height, width, channels).
        tile: size of the tiles, pixels, one number for each axis but the channels.
        margin: pixels that are dropped at each cut.

    Yields:
        Place of the piece in the image, and its features (..., features). All pieces
        together cover each pixel once.

    Raises:
        ValueError: if a tile is larger than the image, or nothing but margin.

    Example:
        >>> image = np.arange(12.0).reshape(12, 1)
        >>> pieces = tiled_features(lambda x: 2 * x, image, tile=(6,), margin=1)
        >>> [(place[0].start, place[0].stop) for place, _ in pieces]
        [(0, 5), (5, 9), (9, 12)]

    Source: Ronneberger, Fischer and Brox, U-Net (2015), figure 2.
    Taught in: chapter 14.
    """
    size = image.shape[:-1]
    if len(tile) != len(size):
        raise ValueError(
            f"`tile` must have one number for each of the {len(size)} axes, got {tile}"
        )
    axes = [_cuts(n, t, margin) for n, t in zip(size, tile, strict=True)]
    for cuts in itertools.product(*axes):
        starts, firsts, lasts = zip(*cuts, strict=True)
        where = tuple(slice(s, s + t) for s, t in zip(starts, tile, strict=True))
        place = tuple(slice(*ends) for ends in zip(firsts, lasts, strict=True))
        inside = tuple(
            slice(first - start, last - start) for start, first, last in cuts
        )
        yield place, describe(np.asarray(image[where])[None])[0][inside]


def stitched(
    pieces: Iterable[tuple[Place, np.ndarray]], shape: Sequence[int]
) -> np.ndarray:
    """Put pieces together to one array.

    Args:
        pieces: place and values, such as `tiled_features` yields, or labels in their
            stead.
        shape: size of the whole, without the channels.

    Returns:
        Array of size `shape`, the channels of the pieces behind, in their type; a
        volume of 100 million voxels takes 400 MB for each float32 feature, so stitch
        labels, not features, there.

    Raises:
        ValueError: if there are no pieces.

    Example:
        >>> image = np.arange(12.0).reshape(12, 1)
        >>> pieces = tiled_features(lambda x: 2 * x, image, tile=(6,), margin=1)
        >>> bool((stitched(pieces, (12,)) == 2 * image).all())
        True

    Taught in: chapter 14.
    """
    whole = None
    for place, values in pieces:
        if whole is None:
            rest = values.shape[len(shape) :]
            whole = np.empty((*shape, *rest), dtype=values.dtype)
        whole[place] = values
    if whole is None:
        raise ValueError("there are no pieces to stitch: give at least one")
    return whole


def _cuts(size, tile, margin):
    """Start of each tile along an axis, and first and last pixel kept of it."""
    if tile > size or margin < 0 or tile <= 2 * margin:
        raise ValueError(
            f"a tile must be no larger than the image and wider than two margins, got "
            f"a tile of {tile} with a margin of {margin} for {size} pixels: pad the "
            "image, or take another tile"
        )
    starts = [*range(0, size - tile, tile - 2 * margin), size - tile]
    firsts = [0, *(start + tile - margin for start in starts[:-1])]
    return list(zip(starts, firsts, [*firsts[1:], size], strict=True))
